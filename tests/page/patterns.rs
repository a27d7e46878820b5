//! Lines by their template.

use crate::stage::Stage;

#[test]
fn patterns_are_opened_to_what_varies_and_lead_to_their_lines() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..30)
        .map(|n| match n % 10 {
            9 => format!("godwit refused a visitor from 10.0.0.{n}\n"),
            _ => format!("godwit let in visitor number {n} at door {}\n", n % 3),
        })
        .collect();
    stage.keep("patterns.txt", &lines, "godwit");
    let tab = stage.open("/?view=patterns&q=godwit&from=all");
    tab.until("document.querySelectorAll('.kinds tr.opens').length === 2");
    let first = "document.querySelector('.kinds tr.opens')";
    assert_eq!(
        tab.eval::<String>(&format!("{first}.querySelector('.kind-open').textContent")),
        "godwit let in visitor number • at door •"
    );
    assert_eq!(
        tab.eval::<String>(&format!("{first}.querySelector('b').textContent")),
        "27"
    );
    tab.until("document.querySelectorAll('.kinds .spark rect').length >= 2");
    tab.click("document.querySelector('.kind-open')");
    tab.until("document.querySelectorAll('.slot').length === 2");
    let doors = "document.querySelectorAll('.slot')[1].querySelectorAll('.fields-text').length";
    assert_eq!(tab.eval::<u32>(doors), 3);
    assert!(tab.eval::<String>("location.search").contains("item="));
    // From the pattern to its lines.
    tab.click(
        "[...document.querySelectorAll('.detail-actions .button')].find(b => b.textContent === 'Show the lines')",
    );
    tab.until("document.querySelector('.summary-count')?.textContent === '27 lines'");
    tab.eval::<bool>("history.back(), true");
    tab.until("document.querySelectorAll('.kinds tr.opens').length === 2");
    // What has pipes is no search for lines.
    tab.ask("godwit | stats count()");
    tab.until("document.querySelector('.problem')?.textContent.includes('take the pipes away')");
}
