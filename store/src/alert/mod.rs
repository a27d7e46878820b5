//! Alert rules: who is told what their verdicts are.

pub mod notify;
