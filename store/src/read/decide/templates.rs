//! What a test says of the templates of a stripe: each is asked when a page that has it is.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use super::verdict::Verdict;

#[derive(Debug)]
pub(super) struct TemplateVerdicts {
    /// Per template; 0 where it was not asked yet.
    held: Box<[AtomicU8]>,
    /// Whether all were asked.
    is_complete: AtomicBool,
}

impl TemplateVerdicts {
    pub(super) fn new(templates: usize) -> Self {
        Self {
            held: (0..templates).map(|_| AtomicU8::new(0)).collect(),
            is_complete: AtomicBool::new(false),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether every template was asked.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete.load(Relaxed)
    }

    /// The verdicts on all, in order.
    pub(super) fn set_all(&self, verdicts: Vec<Verdict>) {
        (0..)
            .zip(verdicts)
            .for_each(|(number, verdict)| self.set(number, verdict));
        self.is_complete.store(true, Relaxed);
    }

    /// The verdict on a template; of one that was not asked nothing is known.
    #[inline]
    pub(super) fn get(&self, template: usize) -> Verdict {
        match self.held.get(template).map_or(0, |held| held.load(Relaxed)) {
            1 => Verdict::No,
            3 => Verdict::Yes,
            _ => Verdict::Maybe,
        }
    }

    pub(super) fn is_asked(&self, template: u32) -> bool {
        self.held
            .get(template as usize)
            .is_none_or(|held| held.load(Relaxed) != 0)
    }

    pub(super) fn set(&self, template: u32, verdict: Verdict) {
        if let Some(held) = self.held.get(template as usize) {
            let code = match verdict {
                Verdict::No => 1,
                Verdict::Maybe => 2,
                Verdict::Yes => 3,
            };
            held.store(code, Relaxed);
        }
    }
}
