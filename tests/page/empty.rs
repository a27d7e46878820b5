//! An answer without lines: why, and the ways out.

use crate::browser::Tab;
use crate::stage::Stage;

fn cause(tab: &Tab<'_>, code: &str) -> String {
    let item = format!("document.querySelector('.empty-causes [data-cause={code}]')");
    tab.until(&format!("!!{item}"));
    tab.eval(&format!("{item}.textContent"))
}

fn first_way(tab: &Tab<'_>) -> String {
    tab.eval("document.querySelector('.empty-ways .button.primary').textContent")
}

#[test]
fn a_word_within_longer_ones_is_told_and_found_by_a_click() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("cut.txt", "the whimbrelnest is empty\n", "whimbrelnest");
    let tab = stage.open("/?q=whimbrel");
    assert!(cause(&tab, "word_cut").contains("whimbrelnest"));
    assert_eq!(first_way(&tab), "Search for *whimbrel*");
    tab.click("document.querySelector('.empty-ways .button.primary')");
    tab.until_lines(&["the whimbrelnest is empty"]);
}

#[test]
fn lines_outside_the_range_are_told_and_gone_to() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let line = "2026-11-02T10:00:00Z the bittern came long ago";
    stage.keep("outside.txt", &format!("{line}\n"), "bittern");
    let tab = stage.open("/?q=bittern");
    // In the reader's zone, as exact as it was told when one points at it.
    assert!(cause(&tab, "outside_range").contains("the last at 2026-11-02 10:00"));
    assert!(tab.eval::<bool>("!!document.querySelector('.empty-causes time[title=\"2026-11-02T10:00:00Z\"]')"));
    tab.click("document.querySelector('.empty-ways .button.primary')");
    tab.until_lines(&[line]);
    assert!(
        tab.eval::<String>("location.search")
            .contains("from=2026-11-02T09:55:00")
    );
}

#[test]
fn the_condition_that_leaves_all_out_is_told_and_left_out_by_a_click() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("term.txt", "the pintail rests\n", "pintail");
    let tab = stage.open("/?q=pintail+rests+host:elsewhere");
    assert!(cause(&tab, "one_term").contains("1 line"));
    assert_eq!(first_way(&tab), "Leave out host:elsewhere");
    tab.click("document.querySelector('.empty-ways .button.primary')");
    tab.until_lines(&["the pintail rests"]);
    // Two ways out at most, whatever there is to say.
    tab.ask("pintail rests host:elsewhere zonk");
    tab.until("document.querySelectorAll('.empty-ways .button').length === 2");
}
