//! Lines as they are shown, opened and scrolled.

use crate::stage::Stage;
use crate::support::{append, wait_for};

#[test]
fn an_opened_line_shows_its_fields_and_filter_for_narrows() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines = concat!(
        r#"{"message":"dunlin paid","customer":"ada","amount":12}"#,
        "\n",
        r#"{"message":"dunlin paid","customer":"bob","amount":7}"#,
        "\n",
    );
    stage.keep("fields.txt", lines, "dunlin");
    let tab = stage.open("/?q=dunlin");
    tab.until("document.querySelectorAll('.row').length === 2");
    tab.click("[...document.querySelectorAll('.row-text')].find(line => line.textContent.includes('ada'))");
    let value = "[...document.querySelectorAll('.detail-fields tr')].find(row => row.querySelector('th').textContent === 'customer')?.querySelector('.detail-value').textContent";
    tab.until(&format!("{value} === 'ada'"));
    tab.click("document.querySelector('[aria-label=\"Keep only customer\"]')");
    tab.until_lines(&[r#"{"message":"dunlin paid","customer":"ada","amount":12}"#]);
    let query: String = tab.eval("document.querySelector('.query-text').value");
    assert!(query.contains("dunlin") && query.contains("customer:"), "{query}");
}

#[test]
fn context_shows_the_lines_of_the_same_file_around_one() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("elsewhere.txt", "whimbrel elsewhere\n", "whimbrel");
    append(
        &stage.file("context.txt"),
        "whimbrel before\nwhimbrel itself\nwhimbrel after\n",
    );
    wait_for("the lines to be searchable", || {
        (stage.program.count("whimbrel") == 4).then_some(())
    });
    let tab = stage.open("/?q=whimbrel+itself");
    tab.until_lines(&["whimbrel itself"]);
    tab.click("document.querySelector('.row-text')");
    tab.click("[...document.querySelectorAll('.detail-actions button')].find(button => button.textContent.includes('Context'))");
    tab.until_lines(&["whimbrel after", "whimbrel itself", "whimbrel before"]);
    tab.until("document.querySelector('.row.opened .row-text')?.textContent === 'whimbrel itself'");
    tab.click(
        "[...document.querySelectorAll('.summary button')].find(button => button.textContent === 'Back to the search')",
    );
    tab.until_lines(&["whimbrel itself"]);
}

#[test]
fn a_hostile_line_is_only_text() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let line = "stilt <script>window.struck = 1</script><img src=x onerror='window.struck = 1'> \u{1b}[31mred\u{1b}[0m \u{202e}live";
    stage.keep("hostile.txt", &format!("{line}\n"), "stilt");
    let tab = stage.open("/?q=stilt");
    tab.until("document.querySelectorAll('.row').length === 1");
    let shown = tab.lines().remove(0);
    assert!(
        shown.starts_with("stilt <script>window.struck = 1</script><img src=x onerror="),
        "{shown}"
    );
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    tab.click("document.querySelector('.row-text')");
    tab.until("!!document.querySelector('.detail-text')");
    assert!(tab.eval::<bool>(
        "document.querySelectorAll('.main script, .main img').length === 0 && window.struck === undefined"
    ));
    assert!(!tab.text().contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn three_thousand_lines_scroll_by_with_fewer_than_a_hundred_in_the_document() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..3_000).map(|n| format!("curlew number {n}\n")).collect();
    stage.keep("many.txt", &lines, "curlew");
    let tab = stage.open("/?q=curlew");
    tab.until("document.querySelectorAll('.row').length > 10");
    // Most of a screen at a time, as a wheel does, until the end says that it is the end.
    let scrolled: (usize, usize) = tab.eval(
        "(async () => {
            const seen = new Set();
            let most = 0;
            const end = Date.now() + 20_000;
            while (Date.now() < end) {
                await new Promise(requestAnimationFrame);
                const rows = document.querySelectorAll('.row-text');
                most = Math.max(most, rows.length);
                rows.forEach(row => seen.add(row.textContent));
                const list = document.querySelector('.lines');
                const bottom = list.scrollTop + list.clientHeight + 2 > list.scrollHeight;
                if (bottom && document.querySelector('.lines-end').textContent.startsWith('the oldest')) break;
                list.scrollTop += list.clientHeight * 0.8;
            }
            return [seen.size, most];
        })()",
    );
    let (seen, most) = scrolled;
    assert_eq!(seen, 3_000);
    assert!(most < 100, "{most} rows were in the document at once");
}
