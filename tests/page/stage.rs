//! One program and one browser serve all tests, one test at a time; each writes lines with words of
//! its own and opens a page of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::browser::{Chromium, Tab};
use crate::support::{Program, append, scratch, up_config, wait_for};

/// What is shared by the tests that run; ends with the last of them.
pub(crate) struct Stage {
    browser: Chromium,
    pub(crate) program: Program,
    dir: tempfile::TempDir,
    turn: Mutex<()>,
}

impl Stage {
    pub(crate) fn get() -> Arc<Self> {
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
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Appends lines and waits until `query` finds that many.
    #[track_caller]
    pub(crate) fn keep(&self, file: &str, lines: &str, query: &str) {
        append(&self.file(file), lines);
        let expected = lines.lines().count() as u64;
        wait_for("the lines to be searchable", || {
            (self.program.count(query) == expected).then_some(())
        });
    }

    /// Files that the browser took.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.browser.downloads()
    }

    /// A page of another program.
    #[track_caller]
    pub(crate) fn open_of(&self, program: &Program, path_and_query: &str) -> Tab<'_> {
        self.browser.open(&format!("{}{path_and_query}", program.page()))
    }

    /// Any address.
    #[track_caller]
    pub(crate) fn open_at(&self, address: &str) -> Tab<'_> {
        self.browser.open(address)
    }

    #[track_caller]
    pub(crate) fn open(&self, path_and_query: &str) -> Tab<'_> {
        self.browser.open(&format!("{}{path_and_query}", self.program.page()))
    }
}
