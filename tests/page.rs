//! The page as a person meets it: the real program serves it to a real browser.
//!
//! One program and one browser serve all tests, one test at a time; each writes lines with words of
//! its own and opens a page of its own.

#[path = "support/browser.rs"]
mod browser;
mod support;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use browser::{Chromium, Tab};
use support::{Program, append, scratch, up_config, wait_for};

/// What is shared by the tests that run; ends with the last of them.
struct Stage {
    browser: Chromium,
    program: Program,
    dir: tempfile::TempDir,
    turn: Mutex<()>,
}

impl Stage {
    fn get() -> Arc<Self> {
        static STAGE: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
        let mut shared = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let browser = Chromium::start();
            let dir = scratch();
            let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.txt"]));
            let stage = Arc::new(Self {
                browser,
                program,
                dir,
                turn: Mutex::new(()),
            });
            *shared = Arc::downgrade(&stage);
            stage
        })
    }

    /// A page that is behind another is not drawn: one at a time.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Appends lines and waits until `query` finds that many.
    #[track_caller]
    fn keep(&self, file: &str, lines: &str, query: &str) {
        append(&self.file(file), lines);
        let expected = lines.lines().count() as u64;
        wait_for("the lines to be searchable", || {
            (self.program.count(query) == expected).then_some(())
        });
    }

    #[track_caller]
    fn open(&self, path_and_query: &str) -> Tab<'_> {
        self.browser.open(&format!("{}{path_and_query}", self.program.page()))
    }
}

#[test]
fn a_line_appended_to_a_file_is_found_on_the_page() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/");
    stage.keep("appended.txt", "the heron landed at gate 7\n", "heron");
    tab.ask("heron");
    tab.until_lines(&["the heron landed at gate 7"]);
    assert_eq!(
        tab.eval::<String>("document.querySelector('.row-text mark').textContent"),
        "heron"
    );
    tab.until("document.querySelector('.summary-count').textContent === '1 line'");
}

#[test]
fn an_address_reproduces_its_view_and_back_returns_to_it() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("address.txt", "osprey one\nosprey two\n", "osprey");
    let tab = stage.open("/?q=osprey+one");
    tab.until_lines(&["osprey one"]);
    assert_eq!(
        tab.eval::<String>("document.querySelector('.query-text').value"),
        "osprey one"
    );
    tab.ask("osprey two");
    tab.until_lines(&["osprey two"]);
    assert_eq!(tab.eval::<String>("location.search"), "?q=osprey+two");
    tab.eval::<bool>("history.back(), true");
    tab.until_lines(&["osprey one"]);
    assert_eq!(
        tab.eval::<String>("document.querySelector('.query-text').value"),
        "osprey one"
    );
    assert_eq!(tab.eval::<String>("location.search"), "?q=osprey+one");
}

#[test]
fn an_error_stands_at_its_place_with_a_suggestion_that_can_be_clicked() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("error.txt", "plover\nplover\n", "plover");
    let tab = stage.open("/");
    tab.ask("plover | stat count() as n");
    tab.until("!!document.querySelector('.problem')");
    let wrong = "[...document.querySelectorAll('.query-paint .wrong')].map(piece => piece.textContent).join('')";
    assert_eq!(tab.eval::<String>(wrong), "stat");
    let marks = "document.querySelector('.problem-caret').textContent";
    assert_eq!(tab.eval::<String>(marks), "^^^^");
    let column_px = "document.querySelector('.problem-caret').firstChild && (() => { const range = new Range(); \
        range.selectNodeContents(document.querySelector('.problem-caret')); \
        return Math.abs(range.getBoundingClientRect().x - document.querySelector('.query-paint .wrong').getBoundingClientRect().x); })()";
    let off_px: f64 = tab.eval(column_px);
    assert!(off_px < 3.0, "the marks stand {off_px} px beside what is wrong");
    tab.click("[...document.querySelectorAll('.problem button')].find(button => button.textContent === 'Use stats')");
    tab.until("[...document.querySelectorAll('.table td')].some(cell => cell.textContent === '2')");
    assert_eq!(
        tab.eval::<String>("document.querySelector('.query-text').value"),
        "plover | stats count() as n"
    );
    assert!(!tab.eval::<bool>("!!document.querySelector('.problem')"));
}

#[test]
fn an_opened_line_shows_its_fields_and_filter_for_narrows() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines = concat!(
        r#"{"message":"dunlin paid","customer":"ada","amount":12}"#,
        "\n",
        r#"{"message":"dunlin paid","customer":"bob","amount":7}"#,
        "\n",
    );
    stage.keep("fields.txt", lines, "dunlin");
    let tab = stage.open("/?q=dunlin");
    tab.until("document.querySelectorAll('.row').length === 2");
    tab.click("[...document.querySelectorAll('.row-text')].find(line => line.textContent.includes('ada'))");
    let value = "[...document.querySelectorAll('.detail-fields tr')].find(row => row.querySelector('th').textContent === 'customer')?.querySelector('.detail-value').textContent";
    tab.until(&format!("{value} === 'ada'"));
    tab.click("document.querySelector('[aria-label=\"Keep only customer\"]')");
    tab.until_lines(&[r#"{"message":"dunlin paid","customer":"ada","amount":12}"#]);
    let query: String = tab.eval("document.querySelector('.query-text').value");
    assert!(query.contains("dunlin") && query.contains("customer:"), "{query}");
}

#[test]
fn context_shows_the_lines_of_the_same_file_around_one() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("elsewhere.txt", "whimbrel elsewhere\n", "whimbrel");
    append(
        &stage.file("context.txt"),
        "whimbrel before\nwhimbrel itself\nwhimbrel after\n",
    );
    wait_for("the lines to be searchable", || {
        (stage.program.count("whimbrel") == 4).then_some(())
    });
    let tab = stage.open("/?q=whimbrel+itself");
    tab.until_lines(&["whimbrel itself"]);
    tab.click("document.querySelector('.row-text')");
    tab.click("[...document.querySelectorAll('.detail-actions button')].find(button => button.textContent.includes('Context'))");
    tab.until_lines(&["whimbrel after", "whimbrel itself", "whimbrel before"]);
    tab.until("document.querySelector('.row.opened .row-text')?.textContent === 'whimbrel itself'");
    tab.click(
        "[...document.querySelectorAll('.summary button')].find(button => button.textContent === 'Back to the search')",
    );
    tab.until_lines(&["whimbrel itself"]);
}

#[test]
fn a_hostile_line_is_only_text() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let line = "stilt <script>window.struck = 1</script><img src=x onerror='window.struck = 1'> \u{1b}[31mred\u{1b}[0m \u{202e}live";
    stage.keep("hostile.txt", &format!("{line}\n"), "stilt");
    let tab = stage.open("/?q=stilt");
    tab.until("document.querySelectorAll('.row').length === 1");
    let shown = tab.lines().remove(0);
    assert!(
        shown.starts_with("stilt <script>window.struck = 1</script><img src=x onerror="),
        "{shown}"
    );
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    tab.click("document.querySelector('.row-text')");
    tab.until("!!document.querySelector('.detail-text')");
    assert!(tab.eval::<bool>(
        "document.querySelectorAll('.main script, .main img').length === 0 && window.struck === undefined"
    ));
    assert!(!tab.text().contains(['\u{1b}', '\u{202e}']));
}

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

#[test]
fn a_slash_takes_the_keyboard_to_the_query() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/?q=nothing-of-this-kind");
    tab.until("!!document.querySelector('.empty')");
    let focused = "document.activeElement === document.querySelector('.query-text')";
    assert!(!tab.eval::<bool>(focused));
    tab.press("/");
    tab.until(focused);
    // What was there is chosen: typing takes its place, and the key itself was not typed.
    tab.type_text("godwit");
    assert_eq!(
        tab.eval::<String>("document.querySelector('.query-text').value"),
        "godwit"
    );
    tab.press("Escape");
    tab.until(&format!("!({focused})"));
}

#[test]
fn three_thousand_lines_scroll_by_with_fewer_than_a_hundred_in_the_document() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..3_000).map(|n| format!("curlew number {n}\n")).collect();
    stage.keep("many.txt", &lines, "curlew");
    let tab = stage.open("/?q=curlew");
    tab.until("document.querySelectorAll('.row').length > 10");
    // Most of a screen at a time, as a wheel does, until the end says that it is the end.
    let scrolled: (usize, usize) = tab.eval(
        "(async () => {
            const seen = new Set();
            let most = 0;
            const end = Date.now() + 20_000;
            while (Date.now() < end) {
                await new Promise(requestAnimationFrame);
                const rows = document.querySelectorAll('.row-text');
                most = Math.max(most, rows.length);
                rows.forEach(row => seen.add(row.textContent));
                const list = document.querySelector('.lines');
                const bottom = list.scrollTop + list.clientHeight + 2 > list.scrollHeight;
                if (bottom && document.querySelector('.lines-end').textContent.startsWith('the oldest')) break;
                list.scrollTop += list.clientHeight * 0.8;
            }
            return [seen.size, most];
        })()",
    );
    let (seen, most) = scrolled;
    assert_eq!(seen, 3_000);
    assert!(most < 100, "{most} rows were in the document at once");
}

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
