//! Claims about the queue, named after the fault cases that they cover.

mod basic;
mod damage;
mod erase;
mod faults;
mod groups;
mod model;
mod retention;
#[path = "../../../../tests/support/seeds.rs"]
mod seeds;
mod steps;
mod support;
