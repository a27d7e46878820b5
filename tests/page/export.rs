//! A result as a file that the browser takes.

use std::fs;
use std::path::Path;

use crate::stage::Stage;
use crate::support::wait_for;

/// The file of this kind that the browser took, once it is whole.
fn taken(dir: &Path, extension: &str) -> Vec<u8> {
    let path = wait_for(&format!("a file of {extension}"), || {
        let entries = fs::read_dir(dir).ok()?;
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.find(|path| path.extension().is_some_and(|found| found == extension))
    });
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    bytes
}

#[test]
fn a_search_and_a_table_are_taken_as_files() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..2_000).map(|n| format!("smew number {n}, \"quoted\"\n")).collect();
    stage.keep("export.txt", &lines, "smew");
    let tab = stage.open("/?q=smew&from=all");
    tab.until("document.querySelector('.summary-count')?.textContent === '2,000 lines'");
    tab.click("document.querySelector('.export-open')");
    tab.until("document.querySelector('.export-panel')?.textContent.includes('All 2,000 lines')");
    let choose = |label: &str| {
        tab.click(&format!(
            "[...document.querySelectorAll('.export-format')].find(b => b.textContent.startsWith('{label}'))"
        ));
        tab.until(&format!(
            "document.querySelector('.export-progress')?.textContent.startsWith('{label} is whole: ')"
        ));
    };
    choose("Raw text");
    // Not only the lines that the page had asked for.
    assert_eq!(String::from_utf8(taken(&stage.downloads(), "log")).unwrap(), lines);
    choose("CSV");
    let csv = String::from_utf8(taken(&stage.downloads(), "csv")).unwrap();
    assert_eq!(csv.split_terminator("\r\n").count(), 2_001);
    assert!(csv.contains(",\"smew number 7, \"\"quoted\"\"\","));
    choose("Parquet");
    assert!(taken(&stage.downloads(), "parquet").starts_with(b"PAR1"));
    tab.ask("smew | stats count() as n by service");
    tab.until("[...document.querySelectorAll('.table td')].some(cell => cell.textContent === '2,000' || cell.textContent === '2000')");
    tab.until("document.querySelector('.export-panel')?.textContent.includes('All 1 row,')");
    choose("NDJSON");
    let row = String::from_utf8(taken(&stage.downloads(), "ndjson")).unwrap();
    assert!(row.ends_with("\"n\":2000}\n"), "{row}");
}

#[test]
fn an_export_shows_how_far_it_is_and_is_cancelled() {
    let stage = Stage::get();
    let _turn = stage.turn();
    // Each with each with each: that takes long.
    let lines: String = (0..600).map(|n| format!("garganey {n}\n")).collect();
    stage.keep("each.txt", &lines, "garganey");
    let tab = stage.open("/?q=SELECT+1+AS+n");
    tab.until("document.querySelectorAll('.table td').length >= 1");
    let long = "WITH each AS (SELECT body FROM logs WHERE body MATCHES 'garganey') \
                SELECT a.body FROM each a, each b, each c WHERE a.body || b.body || c.body = 'none'";
    tab.ask(long);
    tab.until("document.querySelector('.load.busy') !== null");
    tab.click("document.querySelector('.export-open')");
    tab.click("[...document.querySelectorAll('.export-format')].find(b => b.textContent.startsWith('CSV'))");
    tab.until("document.querySelector('.export-open').textContent.startsWith('Exporting')");
    tab.click("[...document.querySelectorAll('.export-progress .button')].find(b => b.textContent === 'Cancel')");
    tab.until("document.querySelector('.export-progress').textContent.includes('was cancelled')");
    tab.until("document.querySelector('.export-open').textContent === 'Export'");
}
