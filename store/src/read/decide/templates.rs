//! What a test says of the templates of a stripe: each is asked when a page that has it is.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use super::verdict::Verdict;

/// Per template; 0 where it was not asked yet.
#[derive(Debug)]
pub(super) struct TemplateVerdicts(Box<[AtomicU8]>);

impl TemplateVerdicts {
    pub(super) fn new(templates: usize) -> Self {
        Self((0..templates).map(|_| AtomicU8::new(0)).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The verdict on a template; of one that was not asked nothing is known.
    pub(super) fn get(&self, template: usize) -> Verdict {
        match self.0.get(template).map_or(0, |held| held.load(Relaxed)) {
            1 => Verdict::No,
            3 => Verdict::Yes,
            _ => Verdict::Maybe,
        }
    }

    pub(super) fn is_asked(&self, template: u32) -> bool {
        self.0.get(template as usize).is_none_or(|held| held.load(Relaxed) != 0)
    }

    pub(super) fn set(&self, template: u32, verdict: Verdict) {
        if let Some(held) = self.0.get(template as usize) {
            let code = match verdict {
                Verdict::No => 1,
                Verdict::Maybe => 2,
                Verdict::Yes => 3,
            };
            held.store(code, Relaxed);
        }
    }
}
