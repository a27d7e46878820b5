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

/// The rank 1 (trace) to 6 (fatal) of a word for a severity, without regard to case.
pub fn severity_rank(word: &[u8]) -> Option<u8> {
    const RANKS: [(&str, u8); 23] = [
        ("trace", 1),
        ("finest", 1),
        ("finer", 1),
        ("debug", 2),
        ("dbg", 2),
        ("fine", 2),
        ("verbose", 2),
        ("info", 3),
        ("information", 3),
        ("informational", 3),
        ("notice", 3),
        ("warn", 4),
        ("warning", 4),
        ("error", 5),
        ("err", 5),
        ("severe", 5),
        ("fatal", 6),
        ("critical", 6),
        ("crit", 6),
        ("alert", 6),
        ("emergency", 6),
        ("emerg", 6),
        ("panic", 6),
    ];
    RANKS
        .iter()
        .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word))
        .map(|(_, rank)| *rank)
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
}
