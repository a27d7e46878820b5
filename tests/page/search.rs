//! Asking: the query, its address, its mistakes.

use crate::browser::CTRL;
use crate::stage::Stage;

#[test]
fn a_line_appended_to_a_file_is_found_on_the_page() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/");
    stage.keep("appended.txt", "the heron landed at gate 7\n", "heron");
    tab.ask("heron");
    tab.until_lines(&["the heron landed at gate 7"]);
    assert_eq!(
        tab.eval::<String>("document.querySelector('.row-text mark').textContent"),
        "heron"
    );
    tab.until("document.querySelector('.summary-count').textContent === '1 line'");
}

#[test]
fn an_address_reproduces_its_view_and_back_returns_to_it() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("address.txt", "osprey one\nosprey two\n", "osprey");
    let tab = stage.open("/?q=osprey+one");
    tab.until_lines(&["osprey one"]);
    assert_eq!(
        tab.eval::<String>("document.querySelector('.query-text').value"),
        "osprey one"
    );
    tab.ask("osprey two");
    tab.until_lines(&["osprey two"]);
    assert_eq!(tab.eval::<String>("location.search"), "?q=osprey+two");
    tab.eval::<bool>("history.back(), true");
    tab.until_lines(&["osprey one"]);
    assert_eq!(
        tab.eval::<String>("document.querySelector('.query-text').value"),
        "osprey one"
    );
    assert_eq!(tab.eval::<String>("location.search"), "?q=osprey+one");
}

#[test]
fn an_error_stands_at_its_place_with_a_suggestion_that_can_be_clicked() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("error.txt", "plover\nplover\n", "plover");
    let tab = stage.open("/");
    tab.ask("plover | stat count() as n");
    tab.until("!!document.querySelector('.problem')");
    let wrong = "[...document.querySelectorAll('.query-paint .wrong')].map(piece => piece.textContent).join('')";
    assert_eq!(tab.eval::<String>(wrong), "stat");
    let marks = "document.querySelector('.problem-caret').textContent";
    assert_eq!(tab.eval::<String>(marks), "^^^^");
    let column_px = "document.querySelector('.problem-caret').firstChild && (() => { const range = new Range(); \
        range.selectNodeContents(document.querySelector('.problem-caret')); \
        return Math.abs(range.getBoundingClientRect().x - document.querySelector('.query-paint .wrong').getBoundingClientRect().x); })()";
    let off_px: f64 = tab.eval(column_px);
    assert!(off_px < 3.0, "the marks stand {off_px} px beside what is wrong");
    tab.click("[...document.querySelectorAll('.problem button')].find(button => button.textContent === 'Use stats')");
    tab.until("[...document.querySelectorAll('.table td')].some(cell => cell.textContent === '2')");
    assert_eq!(
        tab.eval::<String>("document.querySelector('.query-text').value"),
        "plover | stats count() as n"
    );
    assert!(!tab.eval::<bool>("!!document.querySelector('.problem')"));
}

#[test]
fn a_slash_takes_the_keyboard_to_the_query() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/?q=nothing-of-this-kind");
    tab.until("!!document.querySelector('.empty')");
    let focused = "document.activeElement === document.querySelector('.query-text')";
    assert!(!tab.eval::<bool>(focused));
    tab.press("/");
    tab.until(focused);
    // What was there is chosen: typing takes its place, and the key itself was not typed.
    tab.type_text("godwit");
    assert_eq!(
        tab.eval::<String>("document.querySelector('.query-text').value"),
        "godwit"
    );
    // First what is offered goes, then the keyboard.
    tab.press("Escape");
    tab.until("!document.querySelector('.complete')");
    tab.press("Escape");
    tab.until(&format!("!({focused})"));
}

#[test]
fn what_can_stand_at_the_cursor_is_offered_and_taken_by_keyboard() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines = concat!(
        r#"{"message":"shoveler","pond_name":"north end","depth":3}"#,
        "\n",
        r#"{"message":"shoveler","pond_name":"south","depth":5}"#,
        "\n",
    );
    stage.keep("ponds.txt", lines, "shoveler");
    let tab = stage.open("/?q=shoveler");
    tab.until("document.querySelectorAll('.row').length === 2");
    tab.until("document.querySelectorAll('.fields-name').length > 2");
    let text = "document.querySelector('.query-text').value";
    let first = "document.querySelector('.complete-item b')?.textContent";
    tab.click("document.querySelector('.query-text')");
    tab.press("End");
    tab.type_text(" pond");
    tab.until(&format!("{first} === 'pond_name:'"));
    tab.press("Tab");
    tab.until(&format!("{text} === 'shoveler pond_name:'"));
    // Its values follow, quoted where they must be.
    tab.until("[...document.querySelectorAll('.complete-item b')].some(item => item.textContent === '\"north end\"')");
    tab.type_text("n");
    tab.until(&format!("{first} === '\"north end\"'"));
    tab.press("ArrowDown");
    tab.press("Enter");
    tab.until(&format!("{text} === 'shoveler pond_name:\"north end\" '"));
    tab.type_text("| sta");
    tab.until(&format!("{first} === 'stats'"));
    tab.press("Tab");
    tab.type_text("avg");
    tab.until(&format!("{first} === 'avg()'"));
    tab.press("Tab");
    // The cursor is between the brackets.
    tab.type_text("dep");
    tab.until(&format!("{first} === 'depth'"));
    tab.press("Tab");
    tab.press("Enter");
    tab.until("[...document.querySelectorAll('.table td')].some(cell => cell.textContent === '3')");
    assert_eq!(
        tab.eval::<String>(text),
        "shoveler pond_name:\"north end\" | stats avg(depth)"
    );
}

#[test]
fn a_question_asked_before_is_offered_again() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/");
    tab.ask("garganey AND teal");
    tab.ask("wigeon");
    let tab = stage.open("/");
    tab.click("document.querySelector('.query-text')");
    tab.press("ArrowDown");
    tab.until("document.querySelector('.complete-item b')?.textContent === 'wigeon'");
    tab.type_text("garg");
    tab.until("document.querySelector('.complete-item.past b')?.textContent === 'garganey AND teal'");
    tab.press("ArrowDown");
    tab.press("Enter");
    tab.until("document.querySelector('.query-text').value === 'garganey AND teal'");
}

#[test]
fn the_palette_does_what_a_few_letters_name() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/");
    tab.press_with(CTRL, "k");
    tab.until("document.activeElement?.closest('.palette') !== null");
    tab.type_text("gopipe");
    tab.until("document.querySelector('.palette .complete-item.current b')?.textContent === 'Go to Pipeline'");
    tab.press("Enter");
    tab.until("location.search.includes('view=pipeline') && !document.querySelector('.palette')");
    tab.press_with(CTRL, "k");
    tab.until("!!document.querySelector('.palette')");
    tab.press("Escape");
    tab.until("!document.querySelector('.palette') && location.search.includes('view=pipeline')");
}

#[test]
fn two_clicks_in_the_calendar_mean_the_days_between() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/?from=2026-11-10T00:00:00Z&to=2026-11-11T00:00:00Z");
    tab.press("Escape");
    tab.click("document.querySelector('.time button')");
    tab.until("document.querySelector('.calendar-head b')?.textContent === 'Nov 2026'");
    tab.click("document.querySelector('[aria-label=\"12 Nov 2026\"]')");
    tab.click("document.querySelector('[aria-label=\"14 Nov 2026\"]')");
    tab.until("document.querySelectorAll('.calendar-day.marked').length === 3");
    tab.click("[...document.querySelectorAll('.time-foot button')].find(button => button.textContent === 'Apply')");
    tab.until("location.search.includes('from=2026-11-1') && !document.querySelector('.calendar')");
    let days: f64 = tab.eval(
        "(() => { const at = new URLSearchParams(location.search); return (Date.parse(at.get('to')) - Date.parse(at.get('from'))) / 864e5; })()",
    );
    assert_eq!(days, 3.0);
}

#[test]
fn what_the_language_alone_knows_to_be_wrong_is_said_without_asking_and_has_a_way_out() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/");
    tab.until("!!document.querySelector('.query-text')");
    tab.eval::<bool>(
        "window.asked = [], window.fetchAsBefore = window.fetch, \
         window.fetch = (...given) => { window.asked.push(String(given[0].url ?? given[0])); return window.fetchAsBefore(...given); }, true",
    );
    tab.ask("error AND (");
    tab.until("document.querySelector('.problem')?.textContent.includes('nothing stands after `(`')");
    assert_eq!(
        tab.eval::<String>("window.asked.filter(asked => /query|histogram|fields/.test(asked)).join()"),
        ""
    );
    // Of a regular expression the server says it, once.
    tab.ask("/ab(/");
    tab.until("document.querySelector('.problem')?.textContent.includes('unclosed group (at its character 3')");
    let asked: f64 = tab.eval("window.asked.filter(asked => /v1.(query|histogram|fields)/.test(asked)).length");
    assert!(asked < 2.0, "{asked} questions were asked");
    tab.ask("error AND");
    tab.until(
        "[...document.querySelectorAll('.problem button')].some(button => button.textContent === 'Take AND out')",
    );
}
