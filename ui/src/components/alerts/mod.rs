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
//! | `incident`, `who` | taking an incident up, giving it to somebody; as whom |
//! | `silences` | what is told to nobody for a while |
//! | `messages` | who can be told, and what became of each message |
//! | `words` | states and rules in words |

mod editor;
mod entry;
mod group;
mod history;
mod incident;
mod messages;
mod now;
mod page;
mod rules;
mod silences;
mod trial;
mod who;
mod words;

pub(crate) use page::AlertsPage;
pub(crate) use who::Who;
