//! Programs in the Vector Remap Language, for what the other rules do not reach.
//!
//! A program sees a record as an object: `.body` is its line, `.timestamp` its time, everything else its
//! attributes, nested at their dots; `%` is the stream, to be read only. What the program leaves of
//! the object is the record. `abort` drops it.
//!
//! A program decides by the record alone, so that bytes read again give the same record: functions that
//! ask the clock, chance or the machine are left out, and so are those that unpack or backtrack
//! (`functions`). What a program does is counted in expressions, not in time. A line cannot make a text any
//! number of times (`multiply`); beyond that, what one expression makes is bounded only by its operands, so
//! whoever writes rules can write one that takes memory.
//!
//! The compiler is built in with the feature `vrl`; without it a rule with a program is refused by name.

#[cfg(not(feature = "vrl"))]
mod absent;
#[cfg(feature = "vrl")]
mod functions;
#[cfg(feature = "vrl")]
mod multiply;
#[cfg(feature = "vrl")]
mod object;
#[cfg(feature = "vrl")]
mod program;

#[cfg(test)]
#[cfg(feature = "vrl")]
mod tests;

#[cfg(not(feature = "vrl"))]
pub(super) use absent::Program;
#[cfg(feature = "vrl")]
pub(super) use program::Program;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "vrl"),
    expect(dead_code, reason = "there is no program that makes one")
)]
pub(super) enum Outcome {
    /// It is what the program left.
    Done,
    /// The program failed, and the record is as it was.
    Failed,
    Dropped,
}
