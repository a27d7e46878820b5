//! So many questions at once: a dashboard of many panels leaves room for others.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

/// The browser keeps six connections to a server; two are left.
const AT_ONCE: usize = 4;

type Start = Box<dyn FnOnce(Pass)>;

/// Lets questions through, some at once, the others in turn.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    inner: Rc<RefCell<Inner>>,
}

#[derive(Default)]
struct Inner {
    running: usize,
    waiting: VecDeque<Start>,
}

/// Held while a question is asked; the next one is let through when it goes.
pub(crate) struct Pass {
    gate: Gate,
}

impl Gate {
    /// Calls `start` now, or when there is room.
    pub(crate) fn enter(&self, start: impl FnOnce(Pass) + 'static) {
        self.inner.borrow_mut().waiting.push_back(Box::new(start));
        self.admit();
    }

    fn admit(&self) {
        loop {
            let start = {
                let mut inner = self.inner.borrow_mut();
                if inner.running >= AT_ONCE {
                    return;
                }
                let Some(start) = inner.waiting.pop_front() else { return };
                inner.running += 1;
                start
            };
            start(Pass { gate: self.clone() });
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.inner.borrow_mut().running -= 1;
        self.gate.admit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_each_in_its_turn() {
        let gate = Gate::default();
        let passes = Rc::new(RefCell::new(Vec::new()));
        for n in 0..10 {
            let passes = Rc::clone(&passes);
            gate.enter(move |pass| passes.borrow_mut().push((n, pass)));
        }
        assert_eq!(passes.borrow().len(), AT_ONCE);
        for done in 1..=10 {
            let first = passes.borrow_mut().pop();
            drop(first);
            assert_eq!(passes.borrow().len(), AT_ONCE.min(10 - done));
        }
        // A pass that is let go at once leaves nothing behind.
        gate.enter(drop);
        assert_eq!(gate.inner.borrow().running, 0);
    }
}
