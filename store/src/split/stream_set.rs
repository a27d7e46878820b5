//! Which streams are asked for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::rows::StreamId;

/// So many are printed.
const SHOWN_MAX: usize = 8;

/// Some streams. Cheap to clone, and quick to ask: each split asks for all of its own.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StreamSet(Arc<BTreeSet<StreamId>>);

impl StreamSet {
    /// Whether a stream is among them.
    pub fn contains(&self, id: StreamId) -> bool {
        self.0.contains(&id)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<StreamId> for StreamSet {
    fn from_iter<T: IntoIterator<Item = StreamId>>(ids: T) -> Self {
        Self(Arc::new(ids.into_iter().collect()))
    }
}

impl fmt::Debug for StreamSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().take(SHOWN_MAX)).finish()?;
        match self.0.len() {
            0..=SHOWN_MAX => Ok(()),
            all => write!(f, " of {all}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_shows_a_few_of_many_streams() {
        let shown = |n: u64| format!("{:?}", (0..n).map(StreamId).collect::<StreamSet>());
        assert_eq!(shown(1), "[StreamId(0)]");
        assert!(shown(100_000).ends_with(" of 100000"));
        assert!(shown(100_000).len() < 200, "{}", shown(100_000));
    }
}
