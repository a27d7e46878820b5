//! Whether log and checkpoints are of one history.

use std::collections::{BTreeMap, BTreeSet};

use timberline_proto::integrity::{Checkpoint, Hash, NoteError};

use super::history::History;
use super::input::{Files, FoundNote, InputError, Keys};
use super::report::{Report, Verdict};
use crate::integrity::entry::Entry;

/// Takes keys into trust that a trusted one signed over to.
pub(super) fn trust(history: &History, keys: &mut Keys, report: &mut Report) {
    for (seq, entry) in &history.entries {
        let Entry::Key(change) = entry else { continue };
        let Ok(key) = change.key.parse() else {
            report.find(Verdict::Altered, format!("entry {seq} of the log names no key"));
            continue;
        };
        if keys.0.contains(&key) {
            continue;
        }
        if keys.0.iter().any(|known| entry.is_signed_by(known)) {
            report.remark(format!(
                "the key was changed by entry {seq} of the log; a known key signed that"
            ));
            keys.0.push(key);
        } else {
            report.remark(format!(
                "entry {seq} of the log changes to a key that no known key signed"
            ));
        }
    }
}

/// A note that is signed by a known key.
struct Believed<'n> {
    note: &'n FoundNote,
    checkpoint: &'n Checkpoint,
}

pub(super) fn check(
    history: &History,
    keys: &Keys,
    files: &Files,
    own: &[FoundNote],
    outside: &[FoundNote],
    report: &mut Report,
) -> Result<(), InputError> {
    let origin = format!("timberline/{}", files.store_id()?);
    let begins = history.entries.iter().find_map(|(_, entry)| match entry {
        Entry::Begin(begin) => Some(&begin.store),
        _ => None,
    });
    if begins.is_some_and(|store| format!("timberline/{store}") != origin) {
        report.find(Verdict::Altered, "the log is of another store than the catalog");
    }
    report.counts.checkpoints = own.len() as u64;
    report.counts.outside_checkpoints = outside.len() as u64;
    if own.is_empty() {
        report.find(Verdict::Missing, "there is no checkpoint beside the data");
    }
    if outside.is_empty() {
        report.remark(
            "no checkpoint from elsewhere was given: whether the whole directory is an older state of itself cannot be told",
        );
    }
    let own = believed(own, keys, &origin, true, report);
    let outside = believed(outside, keys, &origin, false, report);
    let sizes: BTreeSet<u64> = own.iter().chain(&outside).map(|note| note.checkpoint.size).collect();
    let roots = history.roots(&sizes);
    check_chain(&own, report);
    check_own(&own, &roots, history, report);
    check_outside(&outside, &own, &roots, report);
    Ok(())
}

/// The notes that are signed by known keys; what is wrong with the others is found.
fn believed<'n>(
    notes: &'n [FoundNote],
    keys: &Keys,
    origin: &str,
    are_own: bool,
    report: &mut Report,
) -> Vec<Believed<'n>> {
    let mut believed = Vec::new();
    for (at, found) in notes.iter().enumerate() {
        let path = found.path.display();
        let (note, checkpoint) = match &found.note {
            Ok(read) => read,
            // A crash leaves at most the beginning of the last one.
            Err(error) if are_own && at + 1 == notes.len() => {
                report.remark(format!(
                    "{path}: the last checkpoint is not whole ({error}), as a crash leaves it"
                ));
                continue;
            }
            Err(error) => {
                report.find(Verdict::Altered, format!("{path}: {error}"));
                continue;
            }
        };
        let number = checkpoint.number;
        match note.verify(&keys.0) {
            Ok(_) if checkpoint.origin != origin && are_own => {
                report.find(
                    Verdict::Altered,
                    format!(
                        "{path}: checkpoint {number} is of {}, not of {origin}",
                        checkpoint.origin
                    ),
                );
            }
            Ok(_) if checkpoint.origin != origin => {
                report.remark(format!(
                    "{path}: checkpoint {number} is of another log, {}",
                    checkpoint.origin
                ));
            }
            Ok(_) => believed.push(Believed {
                note: found,
                checkpoint,
            }),
            Err(error @ NoteError::UnknownKey(_)) => {
                report.find(Verdict::UnknownKey, format!("{path}: checkpoint {number} is {error}"));
            }
            Err(error) => report.find(Verdict::Altered, format!("{path}: checkpoint {number}: {error}")),
        }
    }
    believed
}

/// Each checkpoint names the one before.
fn check_chain(own: &[Believed<'_>], report: &mut Report) {
    let mut before: Option<&Believed<'_>> = None;
    for note in own {
        let checkpoint = note.checkpoint;
        let (number, hash) = before.map_or((0, None), |before| (before.checkpoint.number, Some(before.note.hash)));
        if checkpoint.number != number + 1 || checkpoint.previous != hash {
            let gap = if checkpoint.number > number + 1 {
                format!("checkpoints {} to {} are missing", number + 1, checkpoint.number - 1)
            } else {
                format!("checkpoint {} does not follow checkpoint {number}", checkpoint.number)
            };
            report.find(Verdict::Missing, gap);
        }
        if let Some(before) = before.map(|before| before.checkpoint) {
            if checkpoint.size < before.size {
                report.find(
                    Verdict::Forked,
                    format!(
                        "checkpoint {} is of a shorter log than the one before it",
                        checkpoint.number
                    ),
                );
            }
            if checkpoint.time < before.time {
                report.remark(format!(
                    "the clock went back: checkpoint {} says {}, the one before it {}; the order of checkpoints is that of their numbers and hashes, not of their times",
                    checkpoint.number, checkpoint.time, before.time
                ));
            }
        }
        before = Some(note);
    }
}

fn check_own(own: &[Believed<'_>], roots: &BTreeMap<u64, Hash>, history: &History, report: &mut Report) {
    let log = history.leaves.len() as u64;
    for checkpoint in own.iter().map(|note| note.checkpoint) {
        match roots.get(&checkpoint.size) {
            Some(root) if *root == checkpoint.root => {
                report.proven_to = Some(format!(
                    "checkpoint {} of {}, {} entries",
                    checkpoint.number, checkpoint.time, checkpoint.size
                ));
            }
            Some(_) => report.find(
                Verdict::Altered,
                format!(
                    "the first {} entries of the log are not those that checkpoint {} of {} signs",
                    checkpoint.size, checkpoint.number, checkpoint.time
                ),
            ),
            None => report.find(
                Verdict::CutShort,
                format!(
                    "checkpoint {} of {} signs {} entries of the log, of which {log} are there",
                    checkpoint.number, checkpoint.time, checkpoint.size
                ),
            ),
        }
    }
    let signed = own.iter().map(|note| note.checkpoint.size).max().unwrap_or(0);
    if let Some(unsigned) = log.checked_sub(signed).filter(|&unsigned| unsigned > 0) {
        report.remark(format!(
            "the last {unsigned} entries of the log are not signed yet: a store signs them when it stops, or within its interval"
        ));
    }
}

fn check_outside(outside: &[Believed<'_>], own: &[Believed<'_>], roots: &BTreeMap<u64, Hash>, report: &mut Report) {
    let by_number: BTreeMap<u64, Hash> = own
        .iter()
        .map(|note| (note.checkpoint.number, note.note.hash))
        .collect();
    let last = by_number.keys().next_back().copied().unwrap_or(0);
    let mut beyond = 0;
    for note in outside {
        let checkpoint = note.checkpoint;
        let (number, time) = (checkpoint.number, &checkpoint.time);
        match roots.get(&checkpoint.size) {
            None => {
                report.find(
                    Verdict::CutShort,
                    format!(
                        "checkpoint {number} of {time}, kept elsewhere, signs {} entries of a log that is shorter here: this is an older state, or its end was cut off",
                        checkpoint.size
                    ),
                );
                continue;
            }
            // One that is beside the data, too, was compared with the log already: that was changed.
            Some(root) if *root != checkpoint.root && by_number.get(&number) == Some(&note.note.hash) => continue,
            Some(root) if *root != checkpoint.root => {
                report.find(
                    Verdict::Forked,
                    format!(
                        "checkpoint {number} of {time}, kept elsewhere, signs other entries than those that are here: two histories were signed"
                    ),
                );
                continue;
            }
            Some(_) => {}
        }
        match by_number.get(&number) {
            Some(hash) if *hash != note.note.hash => report.find(
                Verdict::Forked,
                format!("checkpoint {number} of {time}, kept elsewhere, is another one than that beside the data"),
            ),
            Some(_) => {}
            None if number > last => beyond += 1,
            None => report.find(
                Verdict::Missing,
                format!("checkpoint {number} of {time} is kept elsewhere and not beside the data"),
            ),
        }
    }
    if beyond > 0 {
        report.find(
            Verdict::Missing,
            format!("{beyond} checkpoints that are kept elsewhere are not beside the data"),
        );
    }
}
