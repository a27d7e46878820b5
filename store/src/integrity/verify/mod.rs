//! Checks a store offline: on copied files, with public keys, without the server's code and without
//! writing to what is checked.
//!
//! Everything that is read is from outside and may be made to mislead: nothing of it is believed
//! before a signature, a tree or a checksum that a signature covers says so.
//!
//! | module | what |
//! |---|---|
//! | `blocks` | whether the links of agents' chains are those that the log says |
//! | `agent` | whether each file's chain is whole, and its lines are there |
//! | `input` | the files: catalog, log, notes, keys |
//! | `log` | whether log and checkpoints are of one history |
//! | `splits` | whether the splits hold what the log says |
//! | `proof` | proofs of one record and of consistency |
//! | `report` | what was found, for people and for programs |

mod agent;
mod blocks;
mod history;
mod input;
mod log;
mod proof;
mod report;
mod splits;

use std::path::PathBuf;

pub use agent::{AgentHead, AgentOptions, verify_agent};
pub use input::{InputError, read_keys};
pub use proof::{ConsistencyProof, RecordProof, prove_consistency, prove_record, verify_consistency, verify_record};
pub use report::{ChainReport, ChainStanding, Counts, Finding, Removed, Report, Verdict};

use self::history::History;
use self::input::{Files, Keys};

/// A store that runs changes while it is read: so often it is read again before it is believed that
/// something is wrong.
const LIVE_ATTEMPTS: usize = 3;

/// What is to be checked.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// A data directory, or the store's directory in it.
    pub data: PathBuf,
    /// Files of public keys, one a line. Empty: those of the directory itself.
    pub keys: Vec<PathBuf>,
    /// Checkpoints from elsewhere: files, or directories of them.
    pub checkpoints: Vec<PathBuf>,
    /// Only records between these times, nanoseconds; ends included.
    pub range: Option<(i64, i64)>,
}

/// Checks a store, or the records of a range in it.
pub fn verify_store(options: &VerifyOptions) -> Report {
    attempts(&mut |report| check(options, report))
}

/// Checks; a store that runs again if something seems wrong.
fn attempts(check: &mut dyn FnMut(&mut Report) -> Result<(), InputError>) -> Report {
    let mut report = Report::default();
    for _ in 0..LIVE_ATTEMPTS {
        report = Report::default();
        if let Err(error) = check(&mut report) {
            report.find(error.verdict, error.what);
        }
        if !report.live || matches!(report.verdict(), Verdict::Intact | Verdict::Incomplete) {
            break;
        }
    }
    report
}

fn check(options: &VerifyOptions, report: &mut Report) -> Result<(), InputError> {
    let (files, keys, history) = begin(options, report)?;
    blocks::check(&history, &files, &mut |_, _| {}, report)?;
    splits::check(&history, &keys, &files, options.range, &mut |_, _| {}, report)
}

/// Opens the files, and checks log and checkpoints.
fn begin(options: &VerifyOptions, report: &mut Report) -> Result<(Files, Keys, History), InputError> {
    let files = Files::open(&options.data)?;
    report.live = files.is_live();
    let mut keys = Keys::read(&options.keys, &files, report)?;
    let entries = files.log()?;
    let own = files.own_notes()?;
    let outside = input::outside_notes(&options.checkpoints)?;
    let history = History::of(&entries, report);
    log::trust(&history, &mut keys, report);
    log::check(&history, &keys, &files, &own, &outside, report)?;
    Ok((files, keys, history))
}
