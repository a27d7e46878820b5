//! Named points between two steps of enrolling: where a test lets the process die.
//!
//! In a build with debug assertions `TIMBERLINE_CRASH_AT=NAME` kills the process (SIGKILL) at the
//! point of this name; a release build knows neither the points nor the variable.

/// Dies here if the environment says so.
#[cfg(debug_assertions)]
pub(super) fn reached(point: &str) {
    if std::env::var("TIMBERLINE_CRASH_AT").is_ok_and(|armed| armed == point) {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
    }
}

#[cfg(not(debug_assertions))]
pub(super) fn reached(_point: &str) {}
