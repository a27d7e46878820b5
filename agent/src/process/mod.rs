//! What rules make of records before they leave the machine.
//!
//! ```text
//! lines ─► Event (bytes, time, attributes) ─► rules in their order ─► kept, changed or dropped ─► batch
//! ```
//! - A record's place in its file never changes: what a rule takes out of a line shows in its source
//!   length, and a dropped line is a range of the batch with the reason `rule:NAME`.
//! - Which rules a file's records may meet follows from its stream and is decided once. A file that
//!   meets none takes the way that it takes without any rules.
//! - A rule decides by the record, its place and its file alone, so that bytes read again after a
//!   crash give the same records. The one exception is `rate_limit`, see there.
//! - A topic holds whole files: see `route`.
//!
//! | module | what it does |
//! |---|---|
//! | `config` | the rules as they are written |
//! | `rules` | all of them, made ready; which are a stream's; what they make of a record |
//! | `select` | which streams a rule is about |
//! | `event` | a record on its way through the rules |
//! | `parse` | fields from text |
//! | `time` | the record's time from a field |
//! | `fields` | add, remove, rename |
//! | `sample`, `rate_limit` | fewer records |
//! | `route` | another topic |
//! | `redact` | what is not to leave the machine |
//! | `vrl` | programs, for what the others do not reach |
//! | `preview` | what the rules make of each line of a file |

mod config;
mod event;
mod fields;
mod parse;
mod preview;
mod rate_limit;
mod redact;
mod route;
mod rules;
mod sample;
mod select;
mod time;
mod vrl;

#[cfg(test)]
mod tests;

pub use config::{
    Constant, ParseConfig, ParseFormat, RateLimitConfig, RedactAction, RedactConfig, RouteConfig, RuleConfig,
    SampleConfig, Secret, TimeConfig, VrlConfig, VrlError,
};
pub(crate) use event::{Event, Origin};
pub use preview::{PreviewLine, PreviewStep, preview};
pub use rules::check_rules;
pub(crate) use rules::{Rules, Selection, Verdict};
