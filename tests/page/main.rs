//! The page as a person meets it: the real program serves it to a real browser.

#[path = "../support/browser.rs"]
mod browser;
mod lines;
mod live;
mod patterns;
mod pipeline;
mod search;
mod stage;
#[path = "../support/mod.rs"]
mod support;
