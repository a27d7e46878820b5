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
    /// `deleted`, `erased`, or `redacted` where records stay and values in them were replaced.
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

/// How the chain of a file stands, from the best to the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainStanding {
    /// All of it is there, and nothing comes behind it, or its agent says that this is all.
    #[default]
    Whole,
    /// All of it is there, and it goes on.
    Open,
    /// Its agent does not chain, or did not when it was shipped.
    NotChained,
    /// Lines of it were removed on purpose; the others are there.
    Removed,
    /// Its agent shipped more.
    CutShort,
    /// Lines are missing.
    Missing,
    /// Lines are not those that were shipped.
    Altered,
}

impl ChainStanding {
    /// In a word or two.
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Open => "whole so far",
            Self::NotChained => "not chained",
            Self::Removed => "removed in part",
            Self::CutShort => "cut short",
            Self::Missing => "missing lines",
            Self::Altered => "altered",
        }
    }
}

/// How a file of an agent stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// Its agent.
    pub agent: String,
    /// Its host; empty if that is not known any more.
    pub host: String,
    /// Its path when it was first found; empty if that is not known any more.
    pub path: String,
    /// Which life of the file.
    pub generation: String,
    /// How it stands.
    pub standing: ChainStanding,
    /// The first byte on record.
    pub start: u64,
    /// One past the last.
    pub end: u64,
    /// Lines that its agent chained.
    pub lines: u64,
    /// Records of it that are stored.
    pub found: u64,
    /// Records of it that were published and are not there any more.
    pub removed: u64,
    /// How often its agent began to count: once, and again where it was killed before its checkpoint.
    pub begun: u64,
    /// Whether its agent said that nothing comes behind it.
    pub closed: bool,
}

impl fmt::Display for ChainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "a file that is forgotten"
        } else {
            &self.path
        };
        write!(
            f,
            "{}: {} of {} (agent {}, generation {}): bytes {} to {}, {} lines chained, {} records stored",
            self.standing.word(),
            path.escape_debug(),
            self.host.escape_debug(),
            self.agent,
            self.generation,
            self.start,
            self.end,
            self.lines,
            self.found
        )?;
        if self.removed > 0 {
            write!(f, ", {} not any more", self.removed)?;
        }
        if self.begun > 1 {
            write!(f, ", counted anew {} times", self.begun - 1)?;
        }
        Ok(())
    }
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
    /// Lines that agents chained, as far as it is on record.
    pub chained_lines: u64,
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
    /// How each file of the agents that were asked for stands; of many, those that are not whole first.
    pub chains: Vec<ChainReport>,
    /// Files that are not among these.
    pub chains_left_out: u64,
    /// How much was looked at.
    pub counts: Counts,
    /// The last checkpoint that holds: number, time, entries.
    pub proven_to: Option<String>,
    /// Whether a store runs there.
    #[serde(skip)]
    pub(super) live: bool,
}

/// Files that are listed.
const CHAINS_MAX: usize = 1000;
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

    /// Takes in how a file stands. One that is whole makes room for one that is not.
    pub(super) fn chain(&mut self, chain: ChainReport) {
        if self.chains.len() < CHAINS_MAX {
            return self.chains.push(chain);
        }
        self.chains_left_out += 1;
        let is_whole = |chain: &&mut ChainReport| chain.standing == ChainStanding::Whole;
        if chain.standing != ChainStanding::Whole
            && let Some(place) = self.chains.iter_mut().find(is_whole)
        {
            *place = chain;
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
            "files": self.chains,
            "files_left_out": self.chains_left_out,
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
        if counts.chained_lines > 0 {
            writeln!(f, "chained by agents: {} lines", counts.chained_lines)?;
        }
        for chain in &self.chains {
            writeln!(f, "file: {chain}")?;
        }
        if self.chains_left_out > 0 {
            writeln!(f, "and {} files more", self.chains_left_out)?;
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
