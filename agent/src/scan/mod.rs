//! Which files exist: globs, a walk of our own, and notifications as a hint.
//!
//! A walk tells for every regular file that matches its path, place and size, each file once
//! however many names lead to it. It follows symbolic links, enters each directory once, and
//! never enters the agent's own data directory. What cannot be read is named, once.

mod globs;
mod local;
mod mount;
mod reach;
mod sniff;
mod walk;
mod watch;

pub(crate) use globs::Globs;
pub use globs::check_globs;
pub(crate) use mount::warn_if_mounted;
pub use reach::glob_reaches;
pub(crate) use sniff::refuse_content;
pub(crate) use walk::{Found, OWN_LOG, Scan, Walker};
pub(crate) use watch::Watch;
