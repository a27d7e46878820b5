//! Points at which a test lets the store die, and the steps that make something durable.
//!
//! A unit test arms a point in its store, which then does nothing more. How a test kills the whole
//! process at one, and all of their names: [`timberline_proto::crash`].
//!
//! Unit tests also hear of every step that makes something durable ([`note`]), in the order in
//! which their thread takes them.

pub(crate) use timberline_proto::crash::{Point as CrashPoint, reached};

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
