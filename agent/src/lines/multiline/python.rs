//! Python's tracebacks: the last line, with the exception, is not indented, and is followed by an
//! empty line if another traceback belongs to it.

/// How far a traceback has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Python {
    #[default]
    Outside,
    /// Indented lines come, then the exception.
    Frames,
    /// The exception was the last line.
    Ended,
    /// And an empty line followed.
    Empty,
    /// And a sentence that says how the next traceback belongs to it.
    Chained,
}

const HEADS: [&[u8]; 2] = [
    b"Traceback (most recent call last):",
    b"  + Exception Group Traceback (most recent call last):",
];
const CHAINS: [&[u8]; 2] = [
    b"During handling of the above exception, another exception occurred:",
    b"The above exception was the direct cause of the following exception:",
];

impl Python {
    pub(super) fn begin(line: &[u8]) -> Self {
        if is_any(line, &HEADS) {
            Self::Frames
        } else {
            Self::Outside
        }
    }

    /// `may_follow`: the event so far is a line that a traceback may follow.
    pub(super) fn continues(&mut self, may_follow: bool, line: &[u8]) -> bool {
        let indented = matches!(line.first(), Some(b' ' | b'\t'));
        let next = match self {
            Self::Outside if may_follow && is_any(line, &HEADS) => Self::Frames,
            Self::Frames if indented || line.is_empty() => Self::Frames,
            Self::Frames => Self::Ended,
            // Notes, and what of a group of exceptions is drawn below.
            Self::Ended if indented => Self::Ended,
            Self::Ended if line.is_empty() => Self::Empty,
            Self::Empty | Self::Ended if is_any(line, &CHAINS) => Self::Chained,
            Self::Chained if line.is_empty() => Self::Chained,
            Self::Chained if is_any(line, &HEADS) => Self::Frames,
            Self::Outside | Self::Ended | Self::Empty | Self::Chained => return false,
        };
        *self = next;
        true
    }
}

fn is_any(line: &[u8], texts: &[&[u8]]) -> bool {
    texts.iter().any(|text| line.trim_ascii_end() == *text)
}
