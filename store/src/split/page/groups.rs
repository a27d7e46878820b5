//! Rows by template.

/// Which rows of a page, or of a column, share a template.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// The templates' numbers, ascending.
    pub(crate) numbers: Vec<u32>,
    /// Per row, which of them.
    pub(crate) which: Vec<u32>,
    /// The rows of one template after those of another, each ascending.
    rows: Vec<u32>,
    ends: Vec<usize>,
}

impl Groups {
    /// Groups rows by their templates' numbers.
    pub(crate) fn of(templates: &[u32]) -> Self {
        let mut numbers = templates.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        let (first, span) = (
            numbers.first().copied().unwrap_or(0),
            numbers.last().copied().unwrap_or(0),
        );
        // By a table, unless the numbers lie so far apart that it would be larger than the rows.
        let which: Vec<u32> = if (span - first) as usize <= 16 * templates.len() {
            let mut places = vec![0; (span - first) as usize + 1];
            numbers
                .iter()
                .enumerate()
                .for_each(|(at, &n)| places[(n - first) as usize] = at as u32);
            templates.iter().map(|&n| places[(n - first) as usize]).collect()
        } else {
            let place = |n: &u32| numbers.binary_search(n).unwrap_or(0) as u32;
            templates.iter().map(place).collect()
        };
        Self::with(numbers, which)
    }

    /// Groups rows that were given one of `numbers` each.
    pub(crate) fn with(numbers: Vec<u32>, which: Vec<u32>) -> Self {
        let mut ends = vec![0; numbers.len()];
        which.iter().for_each(|&w| ends[w as usize] += 1);
        let mut next = 0;
        for end in &mut ends {
            (next, *end) = (next + *end, next);
        }
        let mut rows = vec![0; which.len()];
        for (row, &w) in which.iter().enumerate() {
            let at = &mut ends[w as usize];
            rows[*at] = row as u32;
            *at += 1;
        }
        Self {
            numbers,
            which,
            rows,
            ends,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn rows_of(&self, which: usize) -> &[u32] {
        let start = if which == 0 { 0 } else { self.ends[which - 1] };
        &self.rows[start..self.ends[which]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_in_their_order() {
        for far in [9, 900_000] {
            let groups = Groups::of(&[far, 3, far, 5, 3]);
            assert_eq!(groups.numbers, [3, 5, far]);
            assert_eq!(groups.which, [2, 0, 2, 1, 0]);
            let rows: Vec<_> = (0..3).map(|g| groups.rows_of(g)).collect();
            assert_eq!(rows, [&[1, 4][..], &[3], &[0, 2]]);
        }
        assert_eq!(Groups::of(&[]).len(), 0);
    }
}
