//! What was found.

use std::fmt;

use serde::Serialize;

/// How it stands; the number is the program's exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything is as it was sealed.
    #[default]
    Intact = 0,
    /// Something is not what was sealed.
    Altered = 1,
    /// Something that was sealed is not there.
    Missing = 2,
    /// The end is not there: the history was longer.
    CutShort = 3,
    /// There are two histories.
    Forked = 4,
    /// It is signed by a key that is not known.
    UnknownKey = 5,
    /// What is needed to tell was not given.
    Incomplete = 6,
}

impl Verdict {
    /// The program's exit code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::CutShort => "cut short",
            Self::Forked => "forked",
            Self::UnknownKey => "unknown key",
            Self::Incomplete => "incomplete input",
        }
    }

    /// Which of two speaks for both: what explains the other.
    fn weight(self) -> u8 {
        match self {
            Self::Intact => 0,
            Self::Incomplete => 1,
            Self::Missing => 2,
            Self::Altered => 3,
            Self::CutShort => 4,
            Self::Forked => 5,
            Self::UnknownKey => 6,
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it means.
    pub verdict: Verdict,
    /// What and where, in a sentence.
    pub what: String,
}

/// What was removed on purpose, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// `deleted` or `erased`.
    pub how: &'static str,
    /// Why.
    pub reason: String,
    /// The policy or request.
    pub policy: Option<String>,
    /// By whom.
    pub actor: String,
    /// Records.
    pub records: u64,
    /// When first, RFC 3339.
    pub first: String,
    /// When last.
    pub last: String,
}

/// How much was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Entries of the log.
    pub log_entries: u64,
    /// Checkpoints in the directory.
    pub checkpoints: u64,
    /// Checkpoints from elsewhere.
    pub outside_checkpoints: u64,
    /// Splits that were read.
    pub splits: u64,
    /// Trees that were made of their rows.
    pub trees: u64,
    /// Records whose leaves were made.
    pub records: u64,
    /// Records in no tree, because they were published before there were any, or while there were none.
    pub records_not_covered: u64,
    /// Records of which only the leaf is left.
    pub records_erased: u64,
    /// Records of splits that were deleted.
    pub records_deleted: u64,
    /// Of the records, acts: entries of the audit trail.
    pub audit_entries: u64,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    /// What is to be known besides: what cannot be told, what is remarkable.
    pub remarks: Vec<String>,
    /// What was removed on purpose.
    pub removed: Vec<Removed>,
    /// How much was looked at.
    pub counts: Counts,
    /// The last checkpoint that holds: number, time, entries.
    pub proven_to: Option<String>,
    /// Whether a store runs there.
    #[serde(skip)]
    pub(super) live: bool,
}

/// Findings that are kept; beyond they are counted.
const FINDINGS_MAX: usize = 1000;

impl Report {
    /// The verdict over all.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.findings.iter().map(|finding| finding.verdict);
        verdicts.max_by_key(|verdict| verdict.weight()).unwrap_or_default()
    }

    pub(super) fn find(&mut self, verdict: Verdict, what: impl Into<String>) {
        let what = what.into();
        // The first of a kind is kept, whatever came before it.
        let is_new = self.findings.iter().all(|finding| finding.verdict != verdict);
        if self.findings.len() < FINDINGS_MAX || is_new {
            self.findings.push(Finding { verdict, what });
        }
    }

    pub(super) fn remark(&mut self, what: impl Into<String>) {
        if self.remarks.len() < FINDINGS_MAX {
            self.remarks.push(what.into());
        }
    }

    /// As JSON, the verdict and its code first.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "verdict": self.verdict(),
            "code": self.verdict().code(),
            "findings": self.findings,
            "remarks": self.remarks,
            "removed": self.removed,
            "counts": self.counts,
            "proven_to": self.proven_to,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "verdict: {}", self.verdict().word())?;
        for finding in &self.findings {
            writeln!(f, "  {}: {}", finding.verdict.word(), finding.what.escape_debug())?;
        }
        let counts = &self.counts;
        writeln!(
            f,
            "checked: {} records in {} trees of {} splits; {} entries of the log; {} checkpoints here, {} from elsewhere; {} records are of the audit trail",
            counts.records,
            counts.trees,
            counts.splits,
            counts.log_entries,
            counts.checkpoints,
            counts.outside_checkpoints,
            counts.audit_entries
        )?;
        if let Some(to) = &self.proven_to {
            writeln!(f, "signed up to: {to}")?;
        }
        if counts.records_not_covered > 0 {
            writeln!(
                f,
                "not covered: {} records, published without integrity",
                counts.records_not_covered
            )?;
        }
        for removed in &self.removed {
            writeln!(
                f,
                "{}: {} records by {} on {}: {}",
                removed.how,
                removed.records,
                match &removed.policy {
                    Some(policy) => format!("policy {} ({})", policy.escape_debug(), removed.actor.escape_debug()),
                    None => removed.actor.escape_debug().to_string(),
                },
                if removed.first == removed.last {
                    removed.first.clone()
                } else {
                    format!("{} to {}", removed.first, removed.last)
                },
                removed.reason.escape_debug()
            )?;
        }
        for remark in &self.remarks {
            writeln!(f, "note: {}", remark.escape_debug())?;
        }
        Ok(())
    }
}
