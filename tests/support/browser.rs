//! Drives Chromium, headless and without a driver process, as a person would: real pointer and key
//! events, and questions to the document answered as JSON.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot go on ends; only tests see this"
)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chromiumoxide::cdp::browser_protocol::browser::{SetDownloadBehaviorBehavior, SetDownloadBehaviorParams};
use chromiumoxide::cdp::browser_protocol::input::{
    DispatchKeyEventParams, DispatchKeyEventType, DispatchMouseEventParams, DispatchMouseEventType, InsertTextParams,
    MouseButton,
};
use chromiumoxide::cdp::browser_protocol::page::NavigateParams;
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use chromiumoxide::layout::Point;
use chromiumoxide::{Browser, BrowserConfig, Page};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use crate::support;

/// The Control key is held.
pub const CTRL: i64 = 2;
/// The Shift key is held.
pub const SHIFT: i64 = 8;
/// The longest that the page may take to do what it was asked.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at the page.
const LOOK: Duration = Duration::from_millis(20);
/// Below its profile.
const DOWNLOADS: &str = "downloads";
/// What a browser does on its own account, and what a container lacks.
const FLAGS: [&str; 8] = [
    "disable-gpu",
    "disable-quic",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "disable-dev-shm-usage",
    "disable-renderer-backgrounding",
    "no-first-run",
];

/// A running browser with an empty profile. Closed when dropped.
pub struct Chromium {
    runtime: Runtime,
    browser: Browser,
    profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts the Chromium that is installed.
    pub fn start() -> Self {
        let executable = installed().unwrap_or_else(|| {
            panic!("the page's tests need Chromium, which is not in PATH. Run: ./setup --tests");
        });
        let profile = support::scratch();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let config = BrowserConfig::builder()
            .chrome_executable(executable)
            .user_data_dir(profile.path())
            .new_headless_mode()
            .no_sandbox()
            .window_size(1280, 800)
            .viewport(None)
            .args(FLAGS)
            .build()
            .unwrap();
        let browser = runtime.block_on(async {
            let (browser, mut events) = Browser::launch(config).await.unwrap();
            tokio::spawn(async move { while events.next().await.is_some() {} });
            let downloads = profile.path().join(DOWNLOADS);
            let behavior = SetDownloadBehaviorParams::builder()
                .behavior(SetDownloadBehaviorBehavior::Allow)
                .download_path(downloads.display().to_string())
                .build()
                .unwrap();
            browser.execute(behavior).await.unwrap();
            browser
        });
        Self {
            runtime,
            browser,
            profile,
        }
    }

    /// Where files go that the page lets it take.
    pub fn downloads(&self) -> PathBuf {
        self.profile.path().join(DOWNLOADS)
    }

    /// Opens an address and waits until the page has drawn itself.
    #[track_caller]
    pub fn open(&self, address: &str) -> Tab<'_> {
        // Not waited for as a whole: a page that changes its own address while it loads would be
        // waited for without end.
        let page = self.runtime.block_on(self.browser.new_page("about:blank")).unwrap();
        self.runtime
            .block_on(page.execute(NavigateParams::new(address)))
            .unwrap();
        let tab = Tab {
            runtime: &self.runtime,
            page,
        };
        tab.runtime.block_on(tab.page.bring_to_front()).unwrap();
        tab.until("!!document.querySelector('.query-text, .page-head, #send')");
        tab
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            if self.browser.close().await.is_err() {
                self.browser.kill().await;
            }
            self.browser.wait().await.ok();
        });
    }
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|dir| ["chromium", "chromium-browser", "google-chrome"].map(|name| dir.join(name)))
        .find(|file| file.is_file())
}

/// One page. Closed when dropped.
pub struct Tab<'a> {
    runtime: &'a Runtime,
    page: Page,
}

impl Tab<'_> {
    /// What an expression of the page's language gives; a promise is awaited.
    #[track_caller]
    pub fn eval<T: DeserializeOwned>(&self, expression: &str) -> T {
        self.try_eval(expression)
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn try_eval<T: DeserializeOwned>(&self, expression: &str) -> Result<T, String> {
        let asked = EvaluateParams::builder()
            .expression(expression)
            .await_promise(true)
            .return_by_value(true)
            .build()?;
        let answer = self
            .runtime
            .block_on(self.page.evaluate(asked))
            .map_err(|error| error.to_string())?;
        answer.into_value().map_err(|error| error.to_string())
    }

    /// Waits until the expression is true.
    #[track_caller]
    pub fn until(&self, expression: &str) {
        let begin = Instant::now();
        while !matches!(self.try_eval(expression), Ok(true)) {
            assert!(
                begin.elapsed() < PATIENCE,
                "waited {PATIENCE:?} for {expression}; the page shows:\n{}",
                self.text()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Holds for `span` that the expression stays true.
    #[track_caller]
    pub fn stays(&self, span: Duration, expression: &str) {
        let begin = Instant::now();
        while begin.elapsed() < span {
            assert!(self.eval::<bool>(expression), "{expression} no longer holds");
            std::thread::sleep(LOOK);
        }
    }

    /// All text that can be read on the page.
    pub fn text(&self) -> String {
        self.try_eval("document.body.innerText").unwrap_or_default()
    }

    /// Clicks the middle of the element that the expression gives, once it stands still.
    #[track_caller]
    pub fn click(&self, element: &str) {
        let measure = format!(
            "(() => {{ const element = {element}; if (!element) return null;
               element.scrollIntoView({{block: 'nearest'}});
               const box = element.getBoundingClientRect();
               return box.width ? [box.x + box.width / 2, box.y + box.height / 2] : null; }})()"
        );
        let mut before = None;
        let [x, y] = support::wait_at_most(PATIENCE, &format!("{element} to stand still"), || {
            let now = self.try_eval::<Option<[f64; 2]>>(&measure).ok().flatten();
            let still = now.is_some() && now == before;
            before = now;
            now.filter(|_| still)
        });
        self.runtime.block_on(self.page.click(Point::new(x, y))).unwrap();
    }

    /// Presses one key: `Enter`, `Escape`, `/`.
    #[track_caller]
    pub fn press(&self, key: &str) {
        self.runtime.block_on(async {
            let focused = self.page.find_element("body").await.unwrap();
            focused.press_key(key).await.unwrap();
        });
    }

    /// Presses one key while others are held: [`CTRL`], [`SHIFT`].
    #[track_caller]
    pub fn press_with(&self, held: i64, key: &str) {
        for kind in [DispatchKeyEventType::KeyDown, DispatchKeyEventType::KeyUp] {
            let event = DispatchKeyEventParams::builder()
                .r#type(kind)
                .modifiers(held)
                .key(key)
                .build()
                .unwrap();
            self.runtime.block_on(self.page.execute(event)).unwrap();
        }
    }

    /// Clicks the middle of the element while keys are held.
    #[track_caller]
    pub fn click_with(&self, held: i64, element: &str) {
        let middle = format!(
            "(() => {{ const box = ({element}).getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        );
        let [x, y]: [f64; 2] = self.eval(&middle);
        for kind in [
            DispatchMouseEventType::MousePressed,
            DispatchMouseEventType::MouseReleased,
        ] {
            let event = DispatchMouseEventParams::builder()
                .r#type(kind)
                .x(x)
                .y(y)
                .button(MouseButton::Left)
                .click_count(1)
                .modifiers(held)
                .build()
                .unwrap();
            self.runtime.block_on(self.page.execute(event)).unwrap();
        }
    }

    /// Where the element that the expression gives stands: left, top, width, height.
    #[track_caller]
    pub fn place(&self, element: &str) -> [f64; 4] {
        self.eval(&format!(
            "(() => {{ const box = ({element}).getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; }})()"
        ))
    }

    /// Presses the mouse at the first point, moves it over the others with the button held, and keeps it held.
    #[track_caller]
    pub fn drag(&self, points: &[[f64; 2]]) {
        self.mouse(DispatchMouseEventType::MouseMoved, points[0], 0);
        self.mouse(DispatchMouseEventType::MousePressed, points[0], 1);
        for point in &points[1..] {
            self.mouse(DispatchMouseEventType::MouseMoved, *point, 1);
        }
    }

    /// Lets the mouse go.
    #[track_caller]
    pub fn release(&self, point: [f64; 2]) {
        self.mouse(DispatchMouseEventType::MouseReleased, point, 0);
    }

    fn mouse(&self, kind: DispatchMouseEventType, [x, y]: [f64; 2], buttons: i64) {
        let is_move = kind == DispatchMouseEventType::MouseMoved;
        let held = if is_move && buttons == 0 {
            MouseButton::None
        } else {
            MouseButton::Left
        };
        let event = DispatchMouseEventParams::builder()
            .r#type(kind)
            .x(x)
            .y(y)
            .button(held)
            .buttons(buttons)
            .click_count(i64::from(!is_move))
            .build()
            .unwrap();
        self.runtime.block_on(self.page.execute(event)).unwrap();
    }

    /// From now on, what the page copies is what [`copied`](Self::copied) gives.
    #[track_caller]
    pub fn hear_copies(&self) {
        self.eval::<bool>(
            "(navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }, true)",
        );
    }

    /// Waits until something was copied.
    #[track_caller]
    pub fn copied(&self) -> String {
        self.until("typeof window.copied === 'string'");
        let text = self.eval("window.copied");
        self.eval::<bool>("delete window.copied");
        text
    }

    /// Types into whatever has the keyboard.
    #[track_caller]
    pub fn type_text(&self, text: &str) {
        self.runtime
            .block_on(self.page.execute(InsertTextParams::new(text)))
            .unwrap();
    }

    /// Writes the query in the place of the one before and runs it.
    #[track_caller]
    pub fn ask(&self, query: &str) {
        self.click("document.querySelector('.query-text')");
        self.eval::<bool>("document.querySelector('.query-text').select(), true");
        self.type_text(query);
        self.press("Enter");
    }

    /// The lines in the document, as shown.
    #[track_caller]
    pub fn lines(&self) -> Vec<String> {
        self.eval("[...document.querySelectorAll('.row-text')].map(line => line.textContent)")
    }

    /// Waits until exactly these lines are shown.
    #[track_caller]
    pub fn until_lines(&self, lines: &[&str]) {
        let begin = Instant::now();
        let found = loop {
            let found = self.lines();
            if found == lines || begin.elapsed() > PATIENCE {
                break found;
            }
            std::thread::sleep(LOOK);
        };
        assert_eq!(found, lines, "the page shows:\n{}", self.text());
    }
}

impl Drop for Tab<'_> {
    fn drop(&mut self) {
        // A closed page cannot be asked anything; what it said last does not matter.
        self.runtime.block_on(self.page.clone().close()).ok();
    }
}
