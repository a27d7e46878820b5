//! Whether a row is what a filter asks for. The semantics of the language, once: the store asks it
//! for every row that its index lets through, the page marks hits with it.
//!
//! | test | holds for a value if |
//! |---|---|
//! | `word`, `"phrase"` | it stands in the value, without regard to case, and where it begins (ends) with a token's character, a token of the value begins (ends) there. In a phrase a run of white space is any run of white space |
//! | `we*b` | its pieces stand in the value in order, with any run without white space for each `*`; an end without `*` as for a word |
//! | `/re/` | the regex is found in it, case as the regex says |
//! | `field:""` | it is empty |
//! | `field:*` | always |
//! | `=` `>` … and ranges, with a number on the right | the value is a number and compares so; whole numbers exactly |
//! | the same with another text | the value's text compares so, character by character, without regard to case |
//!
//! | where | what |
//! |---|---|
//! | no field | holds for the line, or for any value of the row that is not in the line |
//! | `field:` | holds for one of the field's values at least; without a value it does not hold, so its NOT does |
//! | `severity:`, `level:` with a known word (`err`, `WARNING`) | compares by rank, trace < debug < info < warn < error < fatal; a value that is no such word compares as false, for a word or phrase as text |
//! | `timestamp:` and other times | comparisons and ranges take the forms of [`time_range`](super::time_range); a word such as `2026-11-20` is the whole day, `2026-11-20T14:31` the minute, if it is a time, else text |
//!
//! Case is folded by [`fold_char`](crate::token::fold_char); tokens are those of
//! [`token`](crate::token). Bytes that are not UTF-8 equal no character and are no token's.

mod compare;
mod filter;
mod literal;
mod need;
mod text;

pub use compare::number;
pub use filter::{CompiledFilter, FieldRef, NoRegex, RegexFactory, RegexMatch, Row};
pub use need::{TokenNeed, required_tokens};
pub use text::{CompiledText, matches_text};

#[cfg(test)]
mod tests;
