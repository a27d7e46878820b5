//! What the page knows, apart from how it looks.

pub(crate) mod access;
pub(crate) mod alerts;
pub(crate) mod app;
pub(crate) mod asking;
pub(crate) mod boards;
pub(crate) mod columns;
pub(crate) mod complete;
pub(crate) mod export;
pub(crate) mod feed;
pub(crate) mod file;
pub(crate) mod history;
pub(crate) mod layout;
pub(crate) mod paging;
pub(crate) mod patterns;
pub(crate) mod pipeline;
pub(crate) mod prefs;
pub(crate) mod reach;
pub(crate) mod retention;
pub(crate) mod room;
pub(crate) mod saved;
pub(crate) mod search;
pub(crate) mod tail;
pub(crate) mod topics;
pub(crate) mod view;
pub(crate) mod window;
