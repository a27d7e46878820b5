//! A program where no compiler is built in: there is none.

use super::Outcome;
use crate::process::config::VrlConfig;
use crate::process::event::Event;

/// Never made.
#[derive(Debug)]
pub(in crate::process) enum Program {}

impl Program {
    pub(in crate::process) fn new(_config: &VrlConfig, _zone: &jiff::tz::TimeZone) -> Result<Self, String> {
        Err("vrl: this timberline was built without it; build it with `--features vrl`".to_owned())
    }

    pub(in crate::process) fn apply(&mut self, _event: &mut Event<'_>) -> Outcome {
        match *self {}
    }
}
