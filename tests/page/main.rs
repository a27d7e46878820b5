//! The page as a person meets it: the real program serves it to a real browser.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod access;
mod accounts;
mod alerts;
#[path = "../support/browser.rs"]
mod browser;
mod dashboards;
mod empty;
mod export;
mod lines;
mod live;
mod offline;
mod patterns;
mod pipeline;
mod retention;
mod room;
mod search;
mod stage;
#[path = "../support/mod.rs"]
mod support;
