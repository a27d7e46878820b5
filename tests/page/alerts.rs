//! From a search to a rule, from a rule to people: made, tried, fired, taken up, silenced, resolved.

use std::time::Duration;

use crate::stage::Stage;
use crate::support::{append, wait_for};

const FORM: &str = "document.querySelector('.rule-form')";

/// The field with these words, within the form.
fn field(words: &str) -> String {
    format!(
        "[...document.querySelectorAll('.rule-form .form-field, .silence-form .form-field')].find(f => \
         f.querySelector('span').textContent === '{words}').querySelector('input, textarea, select')"
    )
}

fn button(words: &str) -> String {
    format!("[...document.querySelectorAll('main button')].find(b => b.textContent.trim() === '{words}')")
}

#[test]
fn a_rule_is_made_of_a_search_tried_fires_is_taken_up_silenced_and_resolved() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..6).map(|n| format!("kittiwake failed to land {n}\n")).collect();
    stage.keep("alerts.txt", &lines, "kittiwake");
    let tab = stage.open("/?q=kittiwake&from=all");
    tab.until("document.querySelector('.summary-count')?.textContent === '6 lines'");
    tab.click("document.querySelector('.summary-alert')");
    tab.until(&format!("!!{FORM}"));
    assert_eq!(tab.eval::<String>(&format!("{}.value", field("Query"))), "kittiwake");
    // What is missing is told where it belongs, once somebody wants to save.
    tab.click(&button("Save the rule"));
    tab.until("document.querySelector('.field-fault')?.textContent.includes('characters')");
    let fill = |words: &str, text: &str| {
        tab.click(&field(words));
        tab.eval::<bool>(&format!("{}.select(), true", field(words)));
        tab.type_text(text);
        tab.until(&format!("{}.value === {text:?}", field(words)));
    };
    fill("Name", "Kittiwakes fail");
    fill("When", "many");
    tab.until("document.querySelector('.field-fault')?.textContent.includes('no comparison')");
    fill("When", "> 3");
    // Long enough for all that is done while it fires.
    fill("Window", "25s");
    fill("Every", "5s");
    tab.until("!document.querySelector('.field-fault')");
    // It is tried on the past. Windows that are not decided yet are not of the past: again, until they are.
    tab.click(&button("Try it"));
    tab.until(&format!(
        "!!document.querySelector('.trial-told')?.textContent.includes('It would have fired 1 time') || \
         ({}?.click(), false)",
        button("Try it")
    ));
    tab.until("document.querySelectorAll('.track .band.is-firing').length === 1");
    tab.click(&button("Save the rule"));
    tab.until("[...document.querySelectorAll('.rows .board-name')].some(n => n.textContent === 'Kittiwakes fail')");
    // More lines: it fires, and the lines are there.
    let more: String = (0..9)
        .map(|n| format!("kittiwake failed to land again {n}\n"))
        .collect();
    append(&stage.file("alerts.txt"), &more);
    tab.click("[...document.querySelectorAll('.tab')].find(t => t.textContent.startsWith('Now'))");
    let alert = "[...document.querySelectorAll('.alert')].find(a => a.querySelector('.alert-name').textContent === 'Kittiwakes fail')";
    // A window is decided once late lines were waited for, which takes longer than the page is given.
    wait_for("the rule to fire", || {
        tab.eval::<bool>(&format!("!!{alert}?.querySelector('.alert-mark.is-firing')"))
            .then_some(())
    });
    tab.click(&format!("{alert}.querySelector('.alert-head')"));
    tab.until(&format!("{alert}?.querySelectorAll('.alert-lines li').length > 3"));
    assert!(
        tab.eval::<String>(&format!("{alert}.querySelector('.alert-lines').textContent"))
            .contains("kittiwake failed to land")
    );
    // What is opened stays so while the page asks again.
    tab.stays(
        Duration::from_secs(6),
        &format!("{alert}?.querySelectorAll('.alert-lines li').length > 3"),
    );
    // Somebody takes it up.
    tab.until(&format!("!!{alert}?.querySelector('.alert-who')"));
    tab.click(&format!("{alert}.querySelector('.alert-who')"));
    tab.type_text("Ada");
    tab.press("Tab");
    tab.click(&button("Take it up"));
    tab.until(&format!(
        "{alert}?.querySelector('.alert-incident')?.textContent === 'taken up by Ada'"
    ));
    // It is silenced, as the link in a message would do.
    tab.click(&button("Silence it"));
    tab.until("document.querySelector('.silence-form textarea')?.value === 'alertname=\"Kittiwakes fail\"'");
    tab.click(&button("Silence"));
    tab.until("[...document.querySelectorAll('.rows td.mono')].some(t => t.textContent.includes('Kittiwakes fail'))");
    // No more lines: it ends, and all of it is on record.
    tab.click("[...document.querySelectorAll('.tab')].find(t => t.textContent === 'History')");
    let says = |state: &str| {
        format!(
            "[...document.querySelectorAll('.alert')].some(a => a.querySelector('.alert-name').textContent === \
             'Kittiwakes fail' && a.querySelector('.alert-state').textContent === '{state}')"
        )
    };
    tab.until(&says("firing"));
    tab.until(&format!(
        "({}) || (document.querySelector('.tab.current').click(), false)",
        says("resolved")
    ));
    // The rule is changed, and deleted.
    tab.click("[...document.querySelectorAll('.tab')].find(t => t.textContent === 'Rules')");
    tab.click("[...document.querySelectorAll('.rows .board-name')].find(n => n.textContent === 'Kittiwakes fail')");
    tab.until(&format!("{}?.value === '> 3'", field("When")));
    tab.click(&button("Delete"));
    tab.click(&button("Delete the rule"));
    tab.until("!!document.querySelector('.empty') || ![...document.querySelectorAll('.rows .board-name')].some(n => n.textContent === 'Kittiwakes fail')");
}

#[test]
fn a_rule_begins_with_marked_text_and_with_a_pattern() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..5).map(|n| format!("razorbill number {n} lost its way\n")).collect();
    stage.keep("alert-marks.txt", &lines, "razorbill");
    let tab = stage.open("/?view=patterns&q=razorbill&from=all");
    tab.until("document.querySelectorAll('.kinds tr.opens').length === 1");
    tab.click("document.querySelector('.kind-open')");
    tab.click("[...document.querySelectorAll('.detail-actions .button')].find(b => b.textContent === 'Alert on it')");
    tab.until(&format!("{}?.value.includes('template:')", field("Query")));
    assert_eq!(
        tab.eval::<String>(&format!("{}.value", field("It fires when"))),
        "match"
    );
    tab.eval::<bool>("history.back(), true");
    tab.until("document.querySelectorAll('.kinds tr.opens').length === 1");
    tab.click("[...document.querySelectorAll('.tools .chip')].find(b => b.textContent === 'Alert on new ones')");
    tab.until(&format!("{}?.value === 'pattern'", field("It fires when")));
    assert_eq!(tab.eval::<String>(&format!("{}.value", field("Query"))), "razorbill");
}

#[test]
fn a_hostile_name_of_a_rule_is_only_text() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/?view=alerts&part=rules&item=new:match&q=guillemot");
    tab.until(&format!("!!{FORM}"));
    tab.click(&field("Name"));
    tab.type_text("<img src=x onerror=document.title=1>");
    tab.click(&button("Save the rule"));
    tab.until("[...document.querySelectorAll('.rows .board-name')].some(n => n.textContent.startsWith('<img'))");
    assert_eq!(tab.eval::<u32>("document.querySelectorAll('main img').length"), 0);
    assert_ne!(tab.eval::<String>("document.title"), "1");
}
