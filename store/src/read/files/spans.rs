//! Sets of byte ranges.

/// Ranges `start..end`, ascending, none touching another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spans {
    spans: Vec<(u64, u64)>,
}

impl Spans {
    /// The union of ranges in any order.
    pub(super) fn of(mut ranges: Vec<(u64, u64)>) -> Self {
        ranges.retain(|(start, end)| start < end);
        ranges.sort_unstable();
        let mut spans: Vec<(u64, u64)> = Vec::new();
        for (start, end) in ranges {
            match spans.last_mut().filter(|last| start <= last.1) {
                Some(last) => last.1 = last.1.max(end),
                None => spans.push((start, end)),
            }
        }
        Self { spans }
    }

    /// What of `from..to` is in none of them.
    pub(super) fn missing(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut at = from;
        for &(start, end) in &self.spans {
            if start >= to {
                break;
            }
            if start > at {
                missing.push((at, start));
            }
            at = at.max(end);
        }
        if at < to {
            missing.push((at, to));
        }
        missing
    }

    /// The ranges.
    pub(super) fn into_ranges(self) -> Vec<(u64, u64)> {
        self.spans
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> u64 {
        self.spans.iter().map(|(start, end)| end - start).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_lies_between_and_around() {
        let spans = Spans::of(vec![(5, 8), (0, 2), (8, 9), (6, 7), (20, 20)]);
        assert_eq!(spans.missing(0, 12), [(2, 5), (9, 12)]);
        assert_eq!(spans.missing(3, 4), [(3, 4)]);
        assert_eq!(spans.missing(6, 9), []);
        assert_eq!(Spans::default().missing(1, 3), [(1, 3)]);
        assert_eq!(spans.bytes(), 6);
    }
}
