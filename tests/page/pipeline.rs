//! Agents, the ledger and the store.

use crate::stage::Stage;
use crate::support::{Program, port, scratch};

#[test]
fn the_pipeline_shows_agents_their_files_the_ledger_and_the_store() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("pipeline.txt", "turnstone one\nturnstone two\n", "turnstone");
    let tab = stage.open("/?view=pipeline");
    // One agent, which is well; a click opens its files.
    tab.until("document.querySelector('.rows .health')?.textContent === 'Well'");
    tab.until("document.querySelector('.rows tr.opens b').textContent === 'test-host'");
    tab.click("document.querySelector('.rows .health')");
    tab.until(
        "[...document.querySelectorAll('.agent td .link')].some(file => file.textContent.endsWith('pipeline.txt'))",
    );
    assert!(tab.eval::<String>("location.search").contains("item="));
    tab.press("Escape");
    tab.until("!document.querySelector('.agent')");
    // Every byte of the file stands in the ledger.
    tab.click("document.querySelector('.tab:nth-child(2)')");
    tab.until("document.querySelector('.ledger-total')?.textContent.includes('Every byte is accounted for')");
    tab.until(
        "[...document.querySelectorAll('.rows td .link')].some(file => file.textContent.endsWith('pipeline.txt'))",
    );
    // The store has it on disk after the next flush.
    tab.click("document.querySelector('.tab:nth-child(4)')");
    tab.until("document.querySelector('.rows tbody b')?.textContent === 'logs'");
    assert_eq!(tab.eval::<String>("location.search"), "?view=pipeline&part=store");
    tab.eval::<bool>("history.back(), true");
    tab.until("!!document.querySelector('.ledger-total')");
    // A key leads back to the lines.
    tab.press("p");
    tab.until("!!document.querySelector('.query-text')");
}

#[test]
fn topics_show_partitions_their_readers_and_the_messages_in_them() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..120).map(|n| format!("oystercatcher {n}\n")).collect();
    stage.keep("topics.txt", &lines, "oystercatcher");
    let line = "oystercatcher <b>bold</b> \u{1b}[31m \u{202e}back";
    stage.keep("topics-hostile.txt", &format!("{line}\n"), "oystercatcher bold");
    let tab = stage.open("/?view=pipeline&part=topics");
    tab.until("document.querySelector('.rows tr.opens b')?.textContent === 'logs'");
    tab.until("document.querySelector('.queue-facts')?.textContent.includes('Taken by store')");
    tab.click("document.querySelector('.rows tr.opens .link')");
    tab.until("document.querySelector('.topic-details td')?.textContent === 'store'");
    // The newest messages, with the last line among them, harmlessly.
    tab.until("[...document.querySelectorAll('.message-value')].some(one => one.textContent.includes('<b>bold</b>'))");
    assert!(!tab.text().contains(['\u{1b}', '\u{202e}']));
    let first = "Number(document.querySelector('.messages tbody .link').textContent.replaceAll(',', ''))";
    let newest: u64 = tab.eval(first);
    tab.click("[...document.querySelectorAll('.messages button')].find(one => one.textContent === 'Older')");
    tab.until(&format!("{first} === {}", newest.saturating_sub(50)));
    assert!(tab.eval::<String>("location.search").contains("at="));
    tab.click("document.querySelector('.messages tbody .link')");
    tab.until("[...document.querySelectorAll('.messages .detail-fields th')].some(one => one.textContent === 'time')");
    // By offset, typed.
    tab.click("document.querySelector('.message-from')");
    tab.type_text("3");
    tab.press("Enter");
    tab.eval::<bool>("document.querySelector('.message-from').dispatchEvent(new Event('change')), true");
    tab.until(&format!("{first} === 3"));
}

#[test]
fn a_store_without_a_collector_beside_it_names_the_collector_instead_of_topics() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let (collector_dir, store_dir) = (scratch(), scratch());
    let grpc = port();
    let config = |dir: &std::path::Path, more: &str| {
        format!(
            "data = {:?}\n[server]\nhttp = \"127.0.0.1:0\"\n{more}",
            dir.join("data")
        )
    };
    let address = format!("http://127.0.0.1:{grpc}");
    let _collector = Program::start(
        collector_dir.path(),
        "collector",
        &config(collector_dir.path(), &format!("grpc = \"127.0.0.1:{grpc}\"\n")),
    );
    let store = Program::start(
        store_dir.path(),
        "store",
        &config(store_dir.path(), &format!("[store]\ncollector = \"{address}\"\n")),
    );
    let tab = stage.open_of(&store, "/?view=pipeline&part=topics");
    tab.until(&format!(
        "document.querySelector('.topics-collector')?.textContent === '{address}'"
    ));
    tab.until(
        "document.querySelector('.empty-code')?.textContent.includes('curl http://127.0.0.1:7700/api/v1/topics')",
    );
    assert!(tab.eval::<bool>("!document.querySelector('.rows')"));
}
