//! Where transitions come from.

use timberline_proto::alert::Transition;

use crate::catalog::CatalogError;

/// Transitions in the order in which they were written, each with its place. Places grow.
pub trait TransitionSource: Send + Sync + std::fmt::Debug {
    /// Those behind the place `after`, at most `max`, in order.
    ///
    /// # Errors
    /// [`CatalogError`]
    fn after(&self, after: u64, max: usize) -> Result<Vec<(u64, Transition)>, CatalogError>;
}

/// No rules, no transitions.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTransitions;

impl TransitionSource for NoTransitions {
    fn after(&self, _: u64, _: usize) -> Result<Vec<(u64, Transition)>, CatalogError> {
        Ok(Vec::new())
    }
}

impl<T: TransitionSource> TransitionSource for std::sync::Arc<T> {
    fn after(&self, after: u64, max: usize) -> Result<Vec<(u64, Transition)>, CatalogError> {
        T::after(self, after, max)
    }
}
