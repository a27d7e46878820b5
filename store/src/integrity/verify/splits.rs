//! Whether the splits hold what the log says.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::history::{History, time};
use super::input::{Files, InputError, Keys, ListedSplit};
use super::report::{Removed, Report, Verdict};
use crate::catalog::AUDIT_TOPIC;
use crate::integrity::entry::{Entry, Removal};
use crate::integrity::recompute::{Recomputed, recompute_with};
use crate::rows::Row;
use crate::split::{Split, SplitError, SplitMeta};

pub(super) fn check(
    history: &History,
    keys: &Keys,
    files: &Files,
    range: Option<(i64, i64)>,
    each: &mut dyn FnMut(&str, &Row<'_>),
    report: &mut Report,
) -> Result<(), InputError> {
    let overlaps = |first: i64, last: i64| range.is_none_or(|(from, to)| first <= to && last >= from);
    let erased = erased(history, report);
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for listed in files.splits()? {
        if listed
            .meta
            .as_ref()
            .is_some_and(|meta| !overlaps(meta.time_min, meta.time_max))
        {
            continue;
        }
        if let Some(reason) = &listed.quarantined {
            report.remark(format!("answers go without split {}: {reason}", listed.id));
        }
        let Some((meta, recomputed)) = read(files, &listed, each, report) else {
            continue;
        };
        report.counts.splits += 1;
        check_meta(&listed, &meta, report);
        check_trees(history, &listed, &recomputed, &erased, &mut found, report);
        check_uncovered(history, &listed, &recomputed, report);
    }
    check_missing(history, files, range.is_none(), &overlaps, &found, report)?;
    list_removed(history, keys, report);
    Ok(())
}

/// The leaves of each tree that the log says are erased.
fn erased(history: &History, report: &mut Report) -> BTreeMap<u64, BTreeSet<u64>> {
    let mut erased: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for (seq, erasure) in &history.erasures {
        let tree = history.trees.get(&erasure.tree).filter(|(of, _)| *of == erasure.seq);
        let Some((_, tree)) = tree else {
            report.find(
                Verdict::Altered,
                format!("entry {seq} of the log erases from a tree that is not in it"),
            );
            continue;
        };
        for &(first, last) in &erasure.leaves {
            if last < tree.leaves && tree.leaves <= LEAVES_MAX {
                erased.entry(erasure.seq).or_default().extend(first..=last);
            } else {
                report.find(
                    Verdict::Altered,
                    format!("entry {seq} of the log erases leaves that are not there"),
                );
            }
        }
    }
    erased
}

/// A tree of more leaves is none that this program writes.
const LEAVES_MAX: u64 = 1 << 32;

/// Reads a split and makes its trees; what is wrong with its file is found.
fn read(
    files: &Files,
    listed: &ListedSplit,
    each: &mut dyn FnMut(&str, &Row<'_>),
    report: &mut Report,
) -> Option<(SplitMeta, Recomputed)> {
    let path = files.split_path(&listed.id);
    let mut each = |row: &Row<'_>| each(&listed.topic, row);
    let read = || {
        let split = Split::open(&path)?;
        split.verify()?;
        Ok((split.meta().clone(), recompute_with(&split, &listed.topic, &mut each)?))
    };
    // Damaged bytes may make a reader panic: that is damage, too.
    let read = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(SplitError::Damaged {
            path: path.clone(),
            what: "reading it panicked".to_owned(),
        })
    });
    match read {
        Ok(read) => Some(read),
        Err(SplitError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            report.find(
                Verdict::Missing,
                format!("the file of split {} is not there", listed.id),
            );
            None
        }
        Err(error @ (SplitError::Io { .. } | SplitError::NewerFormat { .. })) => {
            report.find(Verdict::Incomplete, format!("split {}: {error}", listed.id));
            None
        }
        Err(error) => {
            report.find(Verdict::Altered, format!("split {}: {error}", listed.id));
            None
        }
    }
}

fn check_meta(listed: &ListedSplit, found: &SplitMeta, report: &mut Report) {
    if found.id != listed.id {
        report.find(
            Verdict::Altered,
            format!("the file of split {} is that of split {}", listed.id, found.id),
        );
    } else if listed.meta.as_ref() != Some(found) {
        report.find(
            Verdict::Altered,
            format!("split {} is not what the catalog says of it", listed.id),
        );
    }
}

fn check_trees(
    history: &History,
    listed: &ListedSplit,
    recomputed: &Recomputed,
    erased: &BTreeMap<u64, BTreeSet<u64>>,
    found: &mut BTreeMap<String, String>,
    report: &mut Report,
) {
    for (tree, made) in recomputed.integrity.trees.iter().zip(&recomputed.trees) {
        let id = tree.id_text();
        let place = format!("tree {id} in split {}", listed.id);
        let Some((seq, entry)) = history.trees.get(&id) else {
            report.find(Verdict::Altered, format!("{place} is not in the log"));
            continue;
        };
        if history.deleted.contains(seq) {
            report.find(Verdict::Altered, format!("{place} was deleted, as the log says"));
        }
        if let Some(other) = found.insert(id, listed.id.clone()) {
            report.find(Verdict::Altered, format!("{place} is in split {other}, too"));
        }
        report.counts.trees += 1;
        report.counts.records += made.rows;
        if entry.topic == AUDIT_TOPIC {
            report.counts.audit_entries += made.rows;
        }
        report.counts.records_erased += tree.removed.len() as u64;
        let gone: BTreeSet<u64> = tree.removed.iter().map(|removed| removed.leaf).collect();
        let said = erased.get(seq);
        if gone.iter().any(|leaf| said.is_none_or(|said| !said.contains(leaf))) {
            report.find(
                Verdict::Missing,
                format!("{place} misses records that no entry of the log says were erased"),
            );
            continue;
        }
        if said.is_some_and(|said| *said != gone) {
            report.find(Verdict::Altered, format!("{place} has records again that were erased"));
        }
        let there = made.rows + tree.removed.len() as u64;
        if entry.topic != listed.topic {
            report.find(
                Verdict::Altered,
                format!("{place} is of topic {}, the catalog says {}", entry.topic, listed.topic),
            );
        } else if there < entry.leaves {
            report.find(
                Verdict::Missing,
                format!("{place} misses {} of {} records", entry.leaves - there, entry.leaves),
            );
        } else if there > entry.leaves {
            report.find(
                Verdict::Altered,
                format!("{place} has {} records where {} were sealed", there, entry.leaves),
            );
        } else if made.root != entry.root || tree.root != entry.root || tree.leaves() != entry.leaves {
            report.find(
                Verdict::Altered,
                format!(
                    "{place} is not what was sealed on {}: a record of offsets {:?} was changed",
                    time(entry.at),
                    entry.ranges
                ),
            );
        }
    }
}

fn check_uncovered(history: &History, listed: &ListedSplit, recomputed: &Recomputed, report: &mut Report) {
    let (mut allowed, mut added) = (0, 0_u64);
    for &(partition, offset) in &recomputed.uncovered {
        if history.may_be_uncovered(&listed.topic, partition, offset) {
            allowed += 1;
        } else {
            added += 1;
        }
    }
    report.counts.records_not_covered += allowed;
    if added > 0 {
        report.find(
            Verdict::Altered,
            format!("split {} has {added} records that were never sealed", listed.id),
        );
    }
}

/// Trees of the log that no split has.
fn check_missing(
    history: &History,
    files: &Files,
    is_whole: bool,
    overlaps: &dyn Fn(i64, i64) -> bool,
    found: &BTreeMap<String, String>,
    report: &mut Report,
) -> Result<(), InputError> {
    for (id, (seq, tree)) in &history.trees {
        if !history.deleted.contains(seq) && !found.contains_key(id) && overlaps(tree.time_min, tree.time_max) {
            report.find(
                Verdict::Missing,
                format!(
                    "{} records sealed on {} (tree {id}, offsets {:?} of {}) are in no split, and no entry of the log says that they were deleted",
                    tree.leaves,
                    time(tree.at),
                    tree.ranges,
                    tree.topic
                ),
            );
        }
    }
    if !is_whole {
        return Ok(());
    }
    // What the catalog says of trees is what is found, or somebody edited it.
    let listed = files.trees()?;
    let wrong = listed.iter().filter(|(seq, tree, split, root)| {
        let known = history.trees.get(tree);
        let fits = known.is_some_and(|(of, entry)| of == seq && root[..] == entry.root.0);
        !fits || found.get(tree).is_some_and(|found| found != split)
    });
    if let Some((_, tree, ..)) = wrong.into_iter().next() {
        report.find(
            Verdict::Altered,
            format!("what the catalog says of tree {tree} is neither in the log nor in a split"),
        );
    }
    let known: BTreeSet<&String> = listed.iter().map(|(_, tree, ..)| tree).collect();
    if let Some(tree) = found.keys().find(|tree| !known.contains(tree)) {
        report.find(
            Verdict::Altered,
            format!("the catalog does not know tree {tree} any more"),
        );
    }
    Ok(())
}

/// What the log says was removed on purpose.
fn list_removed(history: &History, keys: &Keys, report: &mut Report) {
    let mut groups: BTreeMap<(&'static str, String, Option<String>, String), Removed> = BTreeMap::new();
    let mut add = |how, removal: &Removal, records: u64, at: i64| {
        let key = (
            how,
            removal.reason.clone(),
            removal.policy.clone(),
            removal.actor.clone(),
        );
        let group = groups.entry(key).or_insert_with(|| Removed {
            how,
            reason: removal.reason.clone(),
            policy: removal.policy.clone(),
            actor: removal.actor.clone(),
            first: time(at),
            ..Removed::default()
        });
        group.records = group.records.saturating_add(records);
        group.last = time(at);
    };
    for (_, deletion) in &history.deletions {
        add("deleted", &deletion.removal, deletion.rows, deletion.at);
        report.counts.records_deleted = report.counts.records_deleted.saturating_add(deletion.rows);
    }
    for (_, erasure) in &history.erasures {
        let leaves = erasure
            .leaves
            .iter()
            .map(|(first, last)| last.saturating_sub(*first).saturating_add(1));
        let how = match erasure.redacted {
            None => "erased",
            Some(_) => "redacted",
        };
        add(how, &erasure.removal, leaves.sum(), erasure.at);
    }
    report.removed = groups.into_values().collect();
    let unsigned = history.entries.iter().filter(|(_, entry)| {
        matches!(entry, Entry::Delete(_) | Entry::Erase(_)) && !keys.0.iter().any(|key| entry.is_signed_by(key))
    });
    for (seq, _) in unsigned {
        report.remark(format!(
            "entry {seq} of the log, which removes records, is not signed by itself (integrity was off then); checkpoints sign it"
        ));
    }
}
