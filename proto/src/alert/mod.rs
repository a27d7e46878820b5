//! Alert rules: what the evaluation, the notifications, the page and the command line agree on.
//!
//! The evaluation (`store::alert`) writes a [`Transition`] with each verdict, in the transaction
//! that keeps the verdict's state. Notifications are made of transitions, and of nothing else, so
//! that a back-test, which makes transitions of the past, tells exactly who would have heard what.

pub mod notify;
mod transition;

pub use transition::{AlertState, Evidence, EvidenceLine, MissingSource, Severity, Transition, TransitionRule};
