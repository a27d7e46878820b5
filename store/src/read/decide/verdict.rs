//! What is known of a filter before a row is read.

/// Whether rows match, as far as what they have in common says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// None of them matches.
    No,
    /// Each has to be asked.
    Maybe,
    /// All of them match.
    Yes,
}

impl Verdict {
    pub(crate) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Rows may match, or none can.
    pub(crate) fn possibly(possible: bool) -> Self {
        if possible { Self::Maybe } else { Self::No }
    }

    /// Both must hold.
    pub(crate) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// One must hold.
    pub(crate) fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// It must not hold.
    pub(crate) fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}
