//! Notifications: from transitions to messages, and from messages to people.
//!
//! ```text
//! transitions ─► plan ─► outbox (catalog) ─► render ─► target
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`source`] | where transitions come from |
//! | [`options`] | what the configuration says of targets, routes and bounds |
//! | [`matcher`] | conditions on labels, ready to be asked |
//! | [`silence`] | silences and maintenance windows, ready to be asked |
//! | [`plan`] | who is to be told what and when: no clock, no disk, no network |
//! | [`message`] | what is told, as it lies in the outbox |
//! | [`render`] | a message as text, HTML and JSON |
//! | [`target`] | ways to somebody, one file each |
//! | [`run`] | the threads that plan and send |
//!
//! # What holds
//! - The cursor over the transitions, the planner's state and the messages that follow from it move in
//!   one transaction of the catalog: no crash loses a message, none makes one twice.
//! - A message is sent until its target took it, refuses it for good, or its time is over; each try
//!   carries the same key. A process that dies between a target's answer and the note of it sends again.
//! - Secrets of targets are in the configuration and in memory. Nothing that is answered, logged or kept
//!   holds them.

pub mod matcher;
pub mod message;
pub mod options;
pub mod plan;
pub mod render;
mod run;
pub mod silence;
pub mod source;
pub mod target;

pub use options::{NotifyLimits, NotifyOptions};
pub use run::{Notifier, NotifyError, TargetState};
pub use source::{NoTransitions, TransitionSource};
