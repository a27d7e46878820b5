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

#[test]
fn patterns_that_differ_in_names_are_one_until_they_are_to_stand_apart() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let names = ["alice", "bob", "carol"];
    let lines: String = (0..30)
        .map(|n| {
            format!(
                "sandgrouse session {n} opened for user {} from 10.1.0.{n}\n",
                names[n % 3]
            )
        })
        .collect();
    stage.keep("joined.txt", &format!("{lines}sandgrouse sleeps\n"), "sandgrouse");
    let tab = stage.open("/?view=patterns&q=sandgrouse&from=all");
    tab.until("document.querySelectorAll('.kinds tr.opens').length === 2");
    let first = "document.querySelector('.kinds tr.opens')";
    let of_first = |what: &str| tab.eval::<String>(&format!("{first}.querySelector('{what}').textContent"));
    assert_eq!(
        of_first(".kind-open"),
        "sandgrouse session • opened for user • from •.•.•.•"
    );
    assert_eq!(
        (of_first("b"), of_first(".kind-joined")),
        ("30".into(), "3 joined".into())
    );
    tab.until(&format!("{first}.querySelectorAll('.spark rect').length >= 1"));
    // What varies: the name is a slot too.
    tab.click("document.querySelector('.kind-open')");
    tab.until("document.querySelectorAll('.slot').length === 6");
    let names =
        "[...document.querySelectorAll('.slot')[1].querySelectorAll('.fields-text')].map(v => v.textContent).join()";
    assert_eq!(tab.eval::<String>(names), "alice,bob,carol");
    assert_eq!(
        tab.eval::<u32>("document.querySelectorAll('.kind-templates code').length"),
        3
    );
    // For, and out.
    let button = |word: &str| {
        format!("[...document.querySelectorAll('.detail-actions .button')].find(b => b.textContent === '{word}')")
    };
    tab.click(&button("Show the lines"));
    tab.until("document.querySelector('.summary-count')?.textContent === '30 lines'");
    tab.eval::<bool>("history.back(), true");
    tab.until("document.querySelectorAll('.kinds tr.opens').length === 2");
    tab.until("!!document.querySelector('.detail-actions') || (document.querySelector('.kind-open').click(), false)");
    tab.click(&button("Leave them out"));
    tab.until("document.querySelectorAll('.kinds tr.opens').length === 1");
    assert_eq!(of_first(".kind-open"), "sandgrouse sleeps");
    tab.eval::<bool>("history.back(), true");
    tab.until("document.querySelectorAll('.kinds tr.opens').length === 2");
    // The switch is in the address, and takes them apart.
    tab.click("[...document.querySelectorAll('.tools .chip')].find(chip => chip.textContent === 'Join names')");
    tab.until("document.querySelectorAll('.kinds tr.opens').length === 4");
    assert!(tab.eval::<String>("location.search").contains("merge=off"));
    assert_eq!(of_first("b"), "10");
}
