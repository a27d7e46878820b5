//! The whole agent against real files and a collector in memory. Tests are named after the fault
//! cases that they show.

#![allow(clippy::unwrap_used, reason = "what the tests share panics as they do")]

mod common;

mod copies;
mod delivery;
mod identity;
mod inputs;
mod lines;
mod model;
mod notified;
mod outbox;
mod packed;
mod refused;
mod rotation;
