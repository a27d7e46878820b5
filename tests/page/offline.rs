//! The server goes and comes back.

use crate::browser::Tab;
use crate::stage::Stage;
use crate::support::{Program, append, port, scratch, up_config, wait_for};

const BANNER: &str =
    "document.querySelector('.offline[role=status] b')?.textContent === 'The server cannot be reached'";
const NO_BANNER: &str = "!document.querySelector('.offline b')";

/// Waits for the next try that the page makes by itself, of which the longest wait is half a minute.
#[track_caller]
fn goes_on(tab: &Tab<'_>) {
    wait_for("the page to go on", || tab.eval::<bool>(NO_BANNER).then_some(()));
}

#[test]
fn while_the_server_is_gone_the_page_says_so_once_keeps_its_lines_and_then_goes_on_by_itself() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let dir = scratch();
    let file = dir.path().join("birds.txt");
    let config = up_config(dir.path(), &["*.txt"])
        .replace("http = \"127.0.0.1:0\"", &format!("http = \"127.0.0.1:{}\"", port()));
    let program = Program::start(dir.path(), "up", &config);
    append(&file, "whimbrel one\nwhimbrel two\n");
    wait_for("the lines", || (program.count("whimbrel") == 2).then_some(()));

    // The live tail: what came stays, and more comes once the server is back.
    let tab = stage.open_of(&program, "/?view=live&q=whimbrel");
    let has = |word: &str| format!("document.querySelector('.answer')?.textContent.includes('whimbrel {word}')");
    tab.until("document.querySelector('.live-state')?.textContent === 'Following'");
    append(&file, "whimbrel three\n");
    tab.until(&has("three"));
    program.kill();
    tab.until(BANNER);
    tab.until("/since \\d\\d:\\d\\d:\\d\\d/.test(document.querySelector('.offline').textContent)");
    assert!(tab.eval::<bool>(&has("three")));
    // What comes before the page follows again is fetched, each line once.
    append(&file, "whimbrel four\n");
    let program = Program::start(dir.path(), "up", &config);
    wait_for("the line", || (program.count("whimbrel") == 4).then_some(()));
    goes_on(&tab);
    tab.until("document.querySelector('.live-state')?.textContent === 'Following'");
    append(&file, "whimbrel five\n");
    tab.until(&has("five"));
    tab.until_lines(&["whimbrel three", "whimbrel four", "whimbrel five"]);
    drop(tab);

    // A question asked meanwhile is answered then; until then the answer before stays.
    let tab = stage.open_of(&program, "/?q=whimbrel&from=all");
    tab.until("document.querySelector('.summary-count')?.textContent === '5 lines'");
    program.kill();
    // A page at rest notices, too.
    tab.until(BANNER);
    tab.click("document.querySelector('.query-text')");
    tab.press("End");
    tab.type_text(" three");
    tab.press("Enter");
    tab.until("document.querySelector('.summary-count')?.textContent === 'No answer'");
    assert!(tab.eval::<bool>(BANNER));
    assert!(tab.eval::<bool>(&has("one")));
    assert!(tab.eval::<bool>("!document.querySelector('.problem')"));
    // By hand it is tried at once; the server is still gone.
    tab.click("document.querySelector('.offline button')");
    tab.until(BANNER);
    let program = Program::start(dir.path(), "up", &config);
    goes_on(&tab);
    tab.until("document.querySelector('.summary-count')?.textContent === '1 line'");
    assert!(tab.eval::<String>("location.search").contains("three"));
    drop(tab);

    // Pages that are asked again by the clock go on, too.
    let tab = stage.open_of(&program, "/?view=pipeline");
    let state = |words: &str| format!("document.querySelector('.page-state')?.textContent.startsWith('{words}')");
    tab.until(&state("Up to date"));
    program.kill();
    tab.until(BANNER);
    tab.until(&state("As of"));
    assert!(tab.eval::<bool>("document.querySelector('.rows tr.opens b').textContent === 'test-host'"));
    let _program = Program::start(dir.path(), "up", &config);
    goes_on(&tab);
    tab.until(&state("Up to date"));
}
