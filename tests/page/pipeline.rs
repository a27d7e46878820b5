//! Agents, the ledger and the store.

use crate::stage::Stage;

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
    tab.click("document.querySelector('.tab:nth-child(3)')");
    tab.until("document.querySelector('.rows tbody b')?.textContent === 'logs'");
    assert_eq!(tab.eval::<String>("location.search"), "?view=pipeline&part=store");
    tab.eval::<bool>("history.back(), true");
    tab.until("!!document.querySelector('.ledger-total')");
    // A key leads back to the lines.
    tab.press("p");
    tab.until("!!document.querySelector('.query-text')");
}
