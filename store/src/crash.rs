//! Named points between two steps that must each be survivable: where a test lets the process die.
//!
//! A unit test arms one in its store, which then does nothing more. In a build with debug
//! assertions `TIMBERLINE_CRASH_AT=NAME` kills the whole process (SIGKILL) at the first of these
//! names that it comes to; a release build knows neither the points nor the variable.
//!
//! Unit tests also hear of every step that makes something durable ([`note`]), in the order in
//! which their thread takes them.

/// A point between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CrashPoint {
    /// A split's file is synced, its directory is not.
    SplitUnsynced,
    /// The splits of a flush are durable, the catalog does not know them.
    SplitsWritten,
    /// The catalog knows them, their rows are still live and the queue was not told.
    Published,
    /// Their rows are not live any more, the queue was not told.
    Dropped,
    /// The queue was told.
    Told,
    /// A merged split is durable, the catalog has its inputs.
    MergeWritten,
    /// The catalog has the merged split, its inputs' files are there.
    MergeReplaced,
    /// The catalog has forgotten what retention deletes, the files are there.
    RetentionDeleted,
    /// Of the files that go, the first is gone.
    FileRemoved,
}

impl CrashPoint {
    /// Its name in the environment.
    #[cfg(all(debug_assertions, not(test)))]
    fn name(self) -> &'static str {
        match self {
            Self::SplitUnsynced => "split-unsynced",
            Self::SplitsWritten => "splits-written",
            Self::Published => "published",
            Self::Dropped => "dropped",
            Self::Told => "told",
            Self::MergeWritten => "merge-written",
            Self::MergeReplaced => "merge-replaced",
            Self::RetentionDeleted => "retention-deleted",
            Self::FileRemoved => "file-removed",
        }
    }
}

/// Dies here if the environment says so.
#[cfg(all(debug_assertions, not(test)))]
pub(crate) fn reached(point: CrashPoint) {
    use std::sync::OnceLock;
    static ARMED: OnceLock<Option<String>> = OnceLock::new();
    let armed = ARMED.get_or_init(|| std::env::var("TIMBERLINE_CRASH_AT").ok());
    if armed.as_deref() == Some(point.name()) {
        // Nothing runs after this, no destructor and no other thread.
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
    }
}

/// In unit tests and in release builds a process does not die of it.
#[cfg(any(test, not(debug_assertions)))]
pub(crate) fn reached(_: CrashPoint) {}

/// A step that changed what a power cut leaves.
#[cfg(test)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A file's content is durable; its name is not.
    FileSynced(std::path::PathBuf),
    /// The names in a directory are durable.
    DirectorySynced(std::path::PathBuf),
    /// A file's name was taken away, durable or not.
    Removed(std::path::PathBuf),
    /// A transaction of the catalog is durable.
    Committed,
}

#[cfg(test)]
type Listener = Box<dyn FnMut(Step)>;

#[cfg(test)]
thread_local! {
    static LISTENER: std::cell::RefCell<Option<Listener>> = const { std::cell::RefCell::new(None) };
}

/// Tells the thread's listener, if it has one.
#[cfg(test)]
pub(crate) fn note(step: Step) {
    LISTENER.with_borrow_mut(|listener| {
        if let Some(listener) = listener {
            listener(step);
        }
    });
}

/// Hears every step of this thread from now on.
#[cfg(test)]
pub(crate) fn listen(listener: Option<Listener>) {
    LISTENER.with_borrow_mut(|held| *held = listener);
}
