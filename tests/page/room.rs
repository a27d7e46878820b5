//! What takes the room of the store.

use crate::stage::Stage;

const CHIP: &str = "[...document.querySelectorAll('.room-tools .chip')].find(chip => chip.textContent === ";

#[test]
fn what_takes_the_room_is_told_by_stream_pattern_and_field_and_leads_to_the_lines() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let long = "jabiru and pratincole and noddy ".repeat(20);
    let lines: String = (0..400)
        .map(|n| {
            format!(
                "{{\"perch\":\"hoopoe{}\",\"note\":\"{long}{n}\"}}\nwryneck {n} <b>flew</b> off\n",
                n % 7
            )
        })
        .collect();
    stage.keep("room.txt", &lines, "hoopoe* OR wryneck");
    let tab = stage.open("/?view=pipeline&part=store");
    // The whole: what is on disk after the next flush, and what its bytes hold.
    tab.until("document.querySelector('.rows tbody b')?.textContent === 'logs'");
    tab.until("document.querySelectorAll('.room-part').length >= 6");
    tab.until("document.querySelector('.page-body').textContent.includes('as written from the queue') || document.querySelector('.page-body').textContent.includes('merged')");
    // Patterns, those first that take most; the text is text.
    tab.click(&format!("{CHIP}'Patterns')"));
    tab.until("[...document.querySelectorAll('.room-pattern')].some(one => one.textContent.includes('<b>flew</b>'))");
    assert!(tab.eval::<String>("location.search").contains("item=patterns"));
    assert!(tab.text().contains("The sums are exact."));
    let lines_of = "[...document.querySelectorAll('.rows tbody tr')].map(row => Number(row.cells[1].textContent.replaceAll(',', '')))";
    tab.click("[...document.querySelectorAll('.rows .table-head')].find(head => head.textContent.startsWith('Lines'))");
    tab.until(&format!(
        "(n => n.length > 1 && n.every((one, at) => at === 0 || n[at - 1] >= one))({lines_of})"
    ));
    // A click leads to its lines, and back leads here.
    tab.click("[...document.querySelectorAll('.room-pattern .kind-open')].find(one => one.textContent.includes('<b>flew</b>'))");
    tab.until("document.querySelector('.summary-count')?.textContent === '400 lines'");
    assert!(tab.eval::<String>("location.search").contains("template"));
    tab.eval::<bool>("history.back(), true");
    tab.until("!!document.querySelector('.room-pattern')");
    // Fields: of all lines or of a sample, whichever it says.
    tab.click(&format!("{CHIP}'Fields')"));
    tab.until("[...document.querySelectorAll('.room-name')].some(one => one.textContent === 'note')");
    tab.until("/^(From a sample|Of every line)/.test(document.querySelector('.room-note').textContent)");
    tab.click("[...document.querySelectorAll('.room-name .link')].find(one => one.textContent === 'perch')");
    tab.until("document.querySelector('.summary-count')?.textContent === '400 lines'");
    tab.eval::<bool>("history.back(), true");
    // Streams: the file's, by what tells it from others.
    tab.click(&format!("{CHIP}'Streams')"));
    let stream = "[...document.querySelectorAll('.room-name')].find(one => one.textContent.endsWith('room.txt'))";
    tab.until(&format!("!!{stream}"));
    tab.click(&format!("{stream}.querySelector('.link')"));
    tab.until("document.querySelector('.summary-count')?.textContent === '800 lines'");
    tab.eval::<bool>("history.back(), true");
    // Split by split, as before.
    tab.click(&format!("{CHIP}'Splits')"));
    tab.until("/^[0-9a-f]{32}$/.test(document.querySelector('.rows tbody td')?.textContent ?? '')");
}
