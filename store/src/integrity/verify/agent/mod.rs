//! Whether what is stored of agents' files is the whole chain of each.
//!
//! Checks all that `verify store` checks, since links say which lines were taken and trees that they
//! are still there as they were; and then, file by file, that links adjoin and that their lines are in
//! the splits. Holds the links and a number for each; rows are looked at once, those of files that
//! miss some once more, to name which.

mod judge;
mod tracks;

use std::collections::BTreeMap;

use timberline_proto::batch::ChainValue;
use timberline_proto::id::GenerationId;

use self::judge::Judge;
use self::tracks::Tracks;
use super::input::InputError;
use super::report::Report;
use super::{VerifyOptions, attempts, begin, blocks, splits};

/// Whose files are checked, and what their agents say.
#[derive(Clone, Debug, Default)]
pub struct AgentOptions {
    /// An agent's id, or a host; every agent if there is none.
    pub who: Option<String>,
    /// This generation alone.
    pub generation: Option<GenerationId>,
    /// The checkpoints of agents themselves.
    pub heads: Vec<AgentHead>,
    /// Whether files that are still open count as whole to where they are, without their agent's word.
    pub so_far: bool,
}

/// An agent's own checkpoint of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentHead {
    /// The generation.
    pub generation: GenerationId,
    /// The first byte that was asked for.
    pub start: u64,
    /// The collector took everything before this byte.
    pub acked: u64,
    /// The chain's value there; all zero if it does not know.
    pub value: ChainValue,
    /// Where the file is.
    pub path: String,
}

/// Checks a store, and the chains of agents' files in it.
pub fn verify_agent(options: &VerifyOptions, agent: &AgentOptions) -> Report {
    attempts(&mut |report| check(options, agent, report))
}

fn check(options: &VerifyOptions, agent: &AgentOptions, report: &mut Report) -> Result<(), InputError> {
    let (files, keys, history) = begin(options, report)?;
    let mut tracks = Tracks::new(agent, files.sources()?);
    blocks::check(&history, &files, &mut |entry, block| tracks.take(entry, block), report)?;
    splits::check(
        &history,
        &keys,
        &files,
        None,
        &mut |topic, row| tracks.count(topic, row),
        report,
    )?;
    let removed = Removals::of(&history);
    tracks.find_short(&removed);
    if tracks.has_short() {
        // What is wrong with splits was found above.
        let mut again = Report::default();
        splits::check(
            &history,
            &keys,
            &files,
            None,
            &mut |topic, row| tracks.note_place(topic, row),
            &mut again,
        )?;
    }
    let holes = files.holes()?;
    let mut judge = Judge::new(agent, &removed, holes);
    judge.all(&tracks, report);
    Ok(())
}

/// Which offsets the log says were removed on purpose.
#[derive(Debug, Default)]
struct Removals(BTreeMap<(String, u32), Vec<(u64, u64)>>);

impl Removals {
    fn of(history: &super::history::History) -> Self {
        let mut removals = Self::default();
        for (_, deletion) in &history.deletions {
            removals.add(&deletion.topic, &deletion.ranges);
        }
        for (_, erasure) in &history.erasures {
            if let Some((_, tree)) = history.trees.get(&erasure.tree) {
                removals.add(&tree.topic, &tree.ranges);
            }
        }
        removals
    }

    fn add(&mut self, topic: &str, ranges: &[(u32, u64, u64)]) {
        for &(partition, first, last) in ranges {
            let of = self.0.entry((topic.to_owned(), partition)).or_default();
            of.push((first, last));
        }
    }

    /// Whether any of these offsets may be gone on purpose; the last one is not of them.
    fn touch(&self, topic: &str, partition: u32, (from, to): (u64, u64)) -> bool {
        let ranges = self.0.get(&(topic.to_owned(), partition));
        ranges.is_some_and(|ranges| ranges.iter().any(|&(first, last)| first < to && last >= from))
    }
}
