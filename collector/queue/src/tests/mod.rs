//! Claims about the queue, named after the fault cases that they cover.

mod basic;
mod support;
