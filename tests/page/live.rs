//! Following what comes in.

use std::time::Duration;

use crate::stage::Stage;
use crate::support::append;

#[test]
fn live_shows_a_line_as_it_is_appended_and_pause_holds_it_back() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/?view=live&q=avocet");
    tab.until("document.querySelector('.live-state')?.textContent === 'Following'");
    append(&stage.file("live.txt"), "avocet one\n");
    tab.until_lines(&["avocet one"]);
    tab.click("[...document.querySelectorAll('.live button')].find(button => button.textContent === 'Pause')");
    tab.until("document.querySelector('.live-state').textContent === 'Paused'");
    append(&stage.file("live.txt"), "avocet two\n");
    tab.until("document.querySelector('.live').innerText.includes('1 waiting')");
    tab.stays(
        Duration::from_millis(200),
        "document.querySelectorAll('.row').length === 1",
    );
    tab.click("[...document.querySelectorAll('.live button')].find(button => button.textContent === 'Go on')");
    tab.until_lines(&["avocet one", "avocet two"]);
}
