//! The systemd journal, as `journalctl` exports it.
//!
//! ```text
//! journalctl --follow --output=export ─► export (entries) ─► windows ─► outbox
//!                ▲                                             │
//!                └── --after-cursor ◄── cursor, once durable ◄─┘
//! ```
//! Entries go through the outbox a window at a time. Each batch of a window says after which cursor it
//! begins, so a start finds in the outbox what a crash has left: a window that is there whole is passed
//! over, of one that is there in part the journal is read again and what is missing is appended. So each
//! entry is in the outbox once. There is no binding to libsystemd: its program reads every journal that
//! its version writes, and is restarted when it ends.
//!
//! | module | what it does |
//! |---|---|
//! | `config` | what can be set |
//! | `program` | `journalctl`, and its output |
//! | `export` | entries out of bytes |
//! | `entry` | records out of entries |
//! | `reader` | the thread: windows, cursor, recovery |

mod config;
mod entry;
mod export;
mod program;
mod reader;

pub use config::JournaldConfig;
pub(crate) use reader::{Reader, Stop};

/// The name of the input.
pub(crate) const NAME: &str = "journald";
