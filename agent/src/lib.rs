//! Tails files and ships their lines, each once, to a collector.
//!
//! ```text
//! scan ─► tail (one thread: find, read, cut) ─► ship (async: window, verdicts) ══gRPC══► collector
//!            ▲             │                       │
//!            └── registry ◄┴──── inbox ◄───────────┘ ▲
//! listeners ─► outbox (queue on disk) ─► reader ──────┘
//! ```
//! The tail thread owns all state of files. It hands batches to the shipper through a bounded
//! channel and learns verdicts from its inbox. When nothing is acked, it stops reading: the files
//! are the buffer. A checkpoint moves only after the collector's ack, per generation and in order.
//!
//! | module | what it does |
//! |---|---|
//! | [`agent`](Agent) | opens the data directory, runs the parts, drains |
//! | `config` | what can be set, with units |
//! | `scan` | which files exist: globs, own walk, a watcher as a hint |
//! | `identity` | is this still the file that was read before |
//! | `input` | what is set for some files only |
//! | `journald` | the systemd journal |
//! | `kubernetes` | what the API says of this node's pods |
//! | `lines` | bytes in, lines and events out |
//! | `stream` | a file's stream attributes |
//! | `tail` | the thread: follows files, cuts batches, keeps checkpoints |
//! | `unpack` | files packed with gzip |
//! | `outbox` | what cannot be read again: syslog, GELF |
//! | `process` | what rules make of records |
//! | `registry` | checkpoints on disk |
//! | `ship` | the way to the collector |
//! | `stdin` | standard input |
//! | `status` | what can be asked of a running agent |

mod agent;
mod config;
mod error;
mod identity;
mod inbox;
mod input;
mod journald;
mod kubernetes;
mod lines;
mod outbox;
mod process;
mod registry;
mod scan;
mod ship;
mod status;
mod stdin;
mod stream;
mod tail;
mod unpack;

pub use agent::{Agent, own_id, run};
pub use config::{AgentConfig, StartAt, check_listeners, default_excludes, default_globs};
pub use error::AgentError;
pub use input::{FileInput, MultilineConfig, check_files};
pub use journald::JournaldConfig;
pub use kubernetes::KubernetesConfig;
pub use lines::Format;
pub use outbox::OutboxConfig;
pub use process::{
    Constant, ParseConfig, ParseFormat, PreviewLine, PreviewStep, RateLimitConfig, RedactAction, RedactConfig,
    RouteConfig, RuleConfig, SampleConfig, Secret, TimeConfig, VrlConfig, VrlError, check_rules, preview,
};
pub use registry::{Checkpoint, checkpoints_in};
pub use scan::{check_globs, glob_reaches};
pub use status::{AgentStatus, FileState};
pub use stdin::StdinConfig;
pub use timberline_queue::receive::{Listener, Protocol, TlsFiles, Transport};
