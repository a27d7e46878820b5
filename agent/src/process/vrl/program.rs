//! A program, compiled once and run for each record.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vrl::compiler::runtime::{Runtime, Terminate};
use vrl::compiler::state::ExternalEnv;
use vrl::compiler::{CompileConfig, ExpressionError, TargetValueRef, TimeZone, compile_with_external};
use vrl::diagnostic::Formatter;
use vrl::path::OwnedTargetPath;
use vrl::value::kind::Collection;
use vrl::value::{Kind, Secrets};

use super::{Outcome, functions, multiply, object};
use crate::process::config::{VrlConfig, VrlError};
use crate::process::event::Event;

/// A program and what it needs for a run.
pub(in crate::process) struct Program {
    program: vrl::compiler::Program,
    runtime: Runtime,
    expressions_max: u64,
    on_error: VrlError,
    zone: TimeZone,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// `zone` is that of times that name none.
    ///
    /// # Errors
    /// What the compiler says, with the place.
    pub(in crate::process) fn new(config: &VrlConfig, zone: &jiff::tz::TimeZone) -> Result<Self, String> {
        if config.source.trim().is_empty() {
            return Err("vrl: source is empty".to_owned());
        }
        if config.expressions_max == 0 {
            return Err("vrl: expressions_max must be at least 1".to_owned());
        }
        multiply::check(&config.source)?;
        let any_object = Kind::object(Collection::any());
        let external = ExternalEnv::new_with_kind(any_object.clone(), any_object);
        let mut settings = CompileConfig::default();
        settings.set_read_only_path(OwnedTargetPath::metadata_root(), true);
        let compiled = compile_with_external(&config.source, &functions::all(), &external, settings)
            .map_err(|found| format!("vrl: {}", Formatter::new(&config.source, found)))?;
        Ok(Self {
            program: compiled.program,
            runtime: Runtime::default(),
            expressions_max: config.expressions_max,
            on_error: config.on_error,
            zone: (zone.iana_name().and_then(TimeZone::parse))
                .or_else(|| TimeZone::parse("UTC"))
                .unwrap_or_default(),
        })
    }

    pub(in crate::process) fn apply(&mut self, event: &mut Event<'_>) -> Outcome {
        let mut value = object::of(event);
        let mut metadata = object::of_stream(event);
        let mut secrets = Secrets::new();
        let mut target = TargetValueRef {
            value: &mut value,
            metadata: &mut metadata,
            secrets: &mut secrets,
        };
        let mut left = self.expressions_max;
        let mut control = || match left.checked_sub(1) {
            Some(less) => {
                left = less;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        };
        // A fault of a function is the record's, not the agent's.
        let resolved = catch_unwind(AssertUnwindSafe(|| {
            (self.runtime).resolve_with_control(&mut target, &self.program, &self.zone, &mut control)
        }));
        self.runtime.clear();
        let is_made = match resolved {
            Err(_panic) => false,
            Ok(Ok(_)) => object::take(event, value).is_some(),
            // `abort` is what the program wants; anything else is a fault.
            Ok(Err(Terminate::Abort(ExpressionError::Abort { .. }))) => return Outcome::Dropped,
            Ok(Err(Terminate::Abort(_) | Terminate::Error(_) | Terminate::Interrupted)) => false,
        };
        match (is_made, self.on_error) {
            (true, _) => Outcome::Done,
            (false, VrlError::Keep) => Outcome::Failed,
            (false, VrlError::Drop) => Outcome::Dropped,
        }
    }
}
