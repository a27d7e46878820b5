//! Asking: the query, its address, its mistakes.

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
    tab.press("Escape");
    tab.until(&format!("!({focused})"));
}
