//! A run of batches of one generation.

use std::collections::BTreeMap;

use timberline_proto::batch::{ChainCheck, ChainValue};
use timberline_proto::id::{AgentId, GenerationId};

use crate::live::SourceRange;

/// Batches of one generation that adjoin in bytes and in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its agent.
    pub agent: AgentId,
    /// Its generation.
    pub generation: GenerationId,
    /// The first byte.
    pub start: u64,
    /// One past the last.
    pub end: u64,
    /// The first offset, and one past the last; those between may be of other files.
    pub offsets: (u64, u64),
    /// Records that were published.
    pub records: u64,
    /// What the agent chained; none of one that does not chain.
    pub chain: Option<LinkChain>,
}

/// What the agent chained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkChain {
    /// Lines before it since the agent began to count.
    pub first: u64,
    /// Its lines.
    pub lines: u64,
    /// The value before it; all zero where the agent begins to count.
    pub previous: ChainValue,
    /// The value behind it.
    pub value: ChainValue,
    /// Its lines were not those that were chained.
    pub broken: bool,
    /// It holds some lines of a unit alone, or some were erased before they were published: that its
    /// lines are those that were chained cannot be told.
    pub partial: bool,
    /// Nothing comes behind it.
    pub closes: bool,
}

impl LinkChain {
    /// Whether the agent begins to count with it.
    pub fn begins(&self) -> bool {
        self.previous == ChainValue::default()
    }

    /// Lines that are counted behind it.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.lines)
    }

    /// Whether `next` goes on where this ends.
    pub fn leads_to(&self, next: &Self) -> bool {
        next.previous == self.value && next.first == self.end() && (!next.begins() || self.lines == 0)
    }
}

impl Link {
    fn of(range: &SourceRange) -> Self {
        let chain = range.chain.map(|(chained, check)| LinkChain {
            first: chained.first,
            lines: chained.lines.into(),
            previous: chained.previous,
            value: chained.value,
            broken: check == ChainCheck::Broken,
            partial: check == ChainCheck::Partial,
            closes: chained.closes,
        });
        Self {
            agent: range.agent,
            generation: range.generation,
            start: range.start,
            end: range.end,
            offsets: (range.offset_start, range.offset_end),
            records: range.records.into(),
            chain,
        }
    }

    /// Takes in the next link of the generation if it only goes on; false if it stays by itself.
    pub(crate) fn extend(&mut self, next: &Self) -> bool {
        let adjoins = self.agent == next.agent && self.end == next.start && self.offsets.1 <= next.offsets.0;
        let goes_on = match (&mut self.chain, &next.chain) {
            (None, None) => adjoins,
            (Some(chain), Some(next)) if adjoins => extend_chain(chain, next),
            _ => false,
        };
        if goes_on {
            self.end = next.end;
            self.offsets.1 = next.offsets.1;
            self.records += next.records;
        }
        goes_on
    }
}

fn extend_chain(chain: &mut LinkChain, next: &LinkChain) -> bool {
    if chain.broken || next.broken {
        return false;
    }
    // Parts of one unit.
    let unit = |chain: &LinkChain| (chain.first, chain.lines, chain.previous, chain.value);
    if chain.partial && next.partial && unit(chain) == unit(next) {
        chain.closes = next.closes;
        return true;
    }
    let goes_on = !chain.partial && !next.partial && chain.leads_to(next);
    if goes_on {
        chain.lines += next.lines;
        (chain.value, chain.closes) = (next.value, next.closes);
    }
    goes_on
}

/// The links of what is published, those of a generation in their order.
pub(crate) fn links_of(ranges: &[SourceRange]) -> Vec<Link> {
    join(ranges.iter().map(Link::of))
}

/// Links of many generations, those that only go on as one.
pub(super) fn join(links: impl IntoIterator<Item = Link>) -> Vec<Link> {
    let mut files = BTreeMap::<(AgentId, GenerationId), Vec<Link>>::new();
    for link in links {
        let of = files.entry((link.agent, link.generation)).or_default();
        if !of.last_mut().is_some_and(|last| last.extend(&link)) {
            of.push(link);
        }
    }
    files.into_values().flatten().collect()
}
