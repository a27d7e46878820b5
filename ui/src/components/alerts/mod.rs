//! Alerts: what fires, the rules, what changed.
//!
//! | module | what it shows |
//! |---|---|
//! | `page` | the parts, whether the evaluation keeps up |
//! | `now`, `group` | what fires or is about to; one group with its evidence |
//! | `rules` | all rules: make, find, switch, open |
//! | `editor`, `entry` | one rule as a form; one field of it |
//! | `trial` | what the rule would have said, over its lines |
//! | `history` | what changed, the latest first |
//! | `words` | states and rules in words |

mod editor;
mod entry;
mod group;
mod history;
mod now;
mod page;
mod rules;
mod trial;
mod words;

pub(crate) use page::AlertsPage;
