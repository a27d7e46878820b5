//! The nearest known name to one that is not known.

/// The one of `known` that `name` most likely meant: fewest edits (insert, delete, replace, swap
/// of neighbours), at most a third of its length and at least one. Case does not count.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer names are not compared: a name of a field or pipe is short.
    const CHARS_MAX: usize = 64;
    let name: Vec<char> = name.to_lowercase().chars().collect();
    if name.is_empty() || name.len() > CHARS_MAX {
        return None;
    }
    let allowed = (name.len() / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= CHARS_MAX * 4)
        .map(|candidate| {
            (
                edits(&name, &candidate.to_lowercase().chars().collect::<Vec<_>>()),
                candidate,
            )
        })
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// The distance of optimal string alignment.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["stats", "sort", "head", "where"];

    #[test]
    fn a_slip_of_the_finger_is_found() {
        assert_eq!(nearest("stat", KNOWN), Some("stats"));
        assert_eq!(nearest("STATS", KNOWN), Some("stats"));
        assert_eq!(nearest("sotr", KNOWN), Some("sort"));
        assert_eq!(nearest("hed", KNOWN), Some("head"));
    }

    #[test]
    fn what_is_far_from_all_gets_no_suggestion() {
        assert_eq!(nearest("zebra", KNOWN), None);
        assert_eq!(nearest("", KNOWN), None);
        assert_eq!(nearest(&"s".repeat(100_000), KNOWN), None);
    }
}
