//! Links as bytes.

use timberline_proto::id::{AgentId, GenerationId};

use super::link::{Link, LinkChain, join};
use crate::split::wire::{Corrupt, Reader, put_varint};

const VERSION: u8 = 1;
const CHAINED: u8 = 1;
const BROKEN: u8 = 2;
const PARTIAL: u8 = 4;
const CLOSES: u8 = 8;
const SAME_AGENT: u8 = 128;
/// A link takes no fewer.
const LINK_BYTES_MIN: usize = 1 + 16 + 5;

/// The links of one publication, or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Generations that stood in blocks before and are in none any more.
    pub forgotten: u64,
    /// The links, those of a generation in their order.
    pub links: Vec<Link>,
}

impl Block {
    /// Blocks that follow each other as one.
    pub(crate) fn join(blocks: impl IntoIterator<Item = Self>) -> Self {
        let (mut forgotten, mut links) = (0_u64, Vec::new());
        for block in blocks {
            forgotten = forgotten.saturating_add(block.forgotten);
            links.extend(block.links);
        }
        Self {
            forgotten,
            links: join(links),
        }
    }

    /// Lines that are chained in it.
    pub(crate) fn lines(&self) -> u64 {
        let chains = self.links.iter().filter_map(|link| link.chain.as_ref());
        chains.map(|chain| chain.lines).sum()
    }

    /// As it is kept.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        put_varint(&mut bytes, self.forgotten);
        put_varint(&mut bytes, self.links.len() as u64);
        let mut agent = None;
        for link in &self.links {
            put_link(&mut bytes, link, agent == Some(link.agent));
            agent = Some(link.agent);
        }
        bytes
    }

    /// Reads a block; `None` if it is none, or one of a newer program.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (&version, rest) = bytes.split_first()?;
        match version {
            VERSION => read(&mut Reader::new(rest)).ok(),
            _ => None,
        }
    }
}

fn put_link(bytes: &mut Vec<u8>, link: &Link, same_agent: bool) {
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let of_chain = link.chain.map_or(0, |chain| {
        CHAINED | flag(chain.broken, BROKEN) | flag(chain.partial, PARTIAL) | flag(chain.closes, CLOSES)
    });
    bytes.push(of_chain | flag(same_agent, SAME_AGENT));
    if !same_agent {
        bytes.extend_from_slice(&link.agent.0);
    }
    bytes.extend_from_slice(&link.generation.0);
    put_varint(bytes, link.start);
    put_varint(bytes, link.end - link.start);
    put_varint(bytes, link.offsets.0);
    put_varint(bytes, link.offsets.1 - link.offsets.0);
    put_varint(bytes, link.records);
    if let Some(chain) = &link.chain {
        put_varint(bytes, chain.first);
        put_varint(bytes, chain.lines);
        bytes.extend_from_slice(&chain.previous);
        bytes.extend_from_slice(&chain.value);
    }
}

fn read(rest: &mut Reader<'_>) -> Result<Block, Corrupt> {
    let forgotten = rest.varint()?;
    let count = usize::try_from(rest.varint()?).map_err(|_| Corrupt("count beyond memory"))?;
    let mut links: Vec<Link> = Vec::with_capacity(count.min(rest.remaining() / LINK_BYTES_MIN + 1));
    for _ in 0..count {
        let link = read_link(rest, links.last().map(|link| link.agent))?;
        links.push(link);
    }
    rest.end()?;
    Ok(Block { forgotten, links })
}

fn read_link(rest: &mut Reader<'_>, before: Option<AgentId>) -> Result<Link, Corrupt> {
    let flags = rest.u8()?;
    let agent = match flags & SAME_AGENT {
        0 => AgentId(rest.array()?),
        _ => before.ok_or(Corrupt("the first link has no agent"))?,
    };
    let generation = GenerationId(rest.array()?);
    let (start, end) = range(rest)?;
    let offsets = range(rest)?;
    let records = rest.varint()?;
    let chain = match flags & CHAINED {
        0 => None,
        _ => Some(LinkChain {
            first: rest.varint()?,
            lines: rest.varint()?,
            previous: rest.array()?,
            value: rest.array()?,
            broken: flags & BROKEN != 0,
            partial: flags & PARTIAL != 0,
            closes: flags & CLOSES != 0,
        }),
    };
    Ok(Link {
        agent,
        generation,
        start,
        end,
        offsets,
        records,
        chain,
    })
}

/// A number and how far behind it another stands.
fn range(rest: &mut Reader<'_>) -> Result<(u64, u64), Corrupt> {
    let first = rest.varint()?;
    let second = first.checked_add(rest.varint()?);
    Ok((first, second.ok_or(Corrupt("number above 64 bits"))?))
}
