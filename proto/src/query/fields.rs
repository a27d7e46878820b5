//! The fields whose values are compared in their own way.

/// The time of a record.
pub const TIMESTAMP: &str = "timestamp";

/// Whether the field's values are times: `timestamp`, `@timestamp`, `_time`, `observed`.
pub fn is_time_field(name: &str) -> bool {
    matches!(name, TIMESTAMP | "@timestamp" | "_time" | "observed")
}

/// Whether the field's values are severities: `severity`, `level`.
pub fn is_severity_field(name: &str) -> bool {
    matches!(name, "severity" | "level")
}

/// The words for each rank from 1 on, the same that a line's severity is read from.
const SEVERITY_WORDS: [&[&str]; 6] = [
    &["trace", "t", "v", "trc", "vrb", "verbose", "finer", "finest", "all"],
    &["debug", "d", "dbg", "fine", "config"],
    &["info", "i", "n", "inf", "information", "informational", "notice", "log"],
    &["warn", "w", "wrn", "warning"],
    &["error", "e", "err", "eror", "severe", "failure"],
    &[
        "fatal",
        "f",
        "ftl",
        "c",
        "crit",
        "critical",
        "a",
        "alert",
        "p",
        "panic",
        "emerg",
        "emergency",
        "dpanic",
    ],
];

/// The rank 1 (trace) to 6 (fatal) of a word for a severity, without regard to case.
pub fn severity_rank(word: &[u8]) -> Option<u8> {
    (1..).zip(SEVERITY_WORDS).find_map(|(rank, words)| {
        words
            .iter()
            .any(|name| name.as_bytes().eq_ignore_ascii_case(word))
            .then_some(rank)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_ordered() {
        let ranks: Vec<_> = ["trace", "Debug", "INFO", "warning", "err", "panic"]
            .iter()
            .map(|word| severity_rank(word.as_bytes()))
            .collect();
        assert_eq!(ranks, (1..=6).map(Some).collect::<Vec<_>>());
        assert_eq!(severity_rank(b"loud"), None);
    }

    #[cfg(feature = "line")]
    #[test]
    fn a_line_and_a_query_mean_the_same_by_a_word() {
        for word in SEVERITY_WORDS.concat() {
            let of_line = crate::line::Severity::from_word(word).map(|severity| severity as u8);
            assert_eq!(of_line, severity_rank(word.as_bytes()), "{word}");
        }
    }
}
