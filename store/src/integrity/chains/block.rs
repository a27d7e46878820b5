//! Links as bytes.

use timberline_proto::id::{AgentId, GenerationId};

use super::link::{Link, LinkChain, join};

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
        put(&mut bytes, self.forgotten);
        put(&mut bytes, self.links.len() as u64);
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
        if version != VERSION {
            return None;
        }
        let mut rest = Rest(rest);
        let forgotten = rest.number()?;
        let count = usize::try_from(rest.number()?).ok()?;
        let mut links: Vec<Link> = Vec::with_capacity(count.min(bytes.len() / LINK_BYTES_MIN + 1));
        for _ in 0..count {
            let link = rest.link(links.last().map(|link| link.agent))?;
            links.push(link);
        }
        rest.0.is_empty().then_some(Self { forgotten, links })
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
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
    put(bytes, link.start);
    put(bytes, link.end - link.start);
    put(bytes, link.offsets.0);
    put(bytes, link.offsets.1 - link.offsets.0);
    put(bytes, link.records);
    if let Some(chain) = &link.chain {
        put(bytes, chain.first);
        put(bytes, chain.lines);
        bytes.extend_from_slice(&chain.previous);
        bytes.extend_from_slice(&chain.value);
    }
}

struct Rest<'b>(&'b [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn link(&mut self, before: Option<AgentId>) -> Option<Link> {
        let [flags] = self.take()?;
        let agent = match flags & SAME_AGENT {
            0 => AgentId(self.take()?),
            _ => before?,
        };
        let generation = GenerationId(self.take()?);
        let start = self.number()?;
        let end = start.checked_add(self.number()?)?;
        let first_offset = self.number()?;
        let offsets = (first_offset, first_offset.checked_add(self.number()?)?);
        let records = self.number()?;
        let chain = match flags & CHAINED {
            0 => None,
            _ => Some(LinkChain {
                first: self.number()?,
                lines: self.number()?,
                previous: self.take()?,
                value: self.take()?,
                broken: flags & BROKEN != 0,
                partial: flags & PARTIAL != 0,
                closes: flags & CLOSES != 0,
            }),
        };
        Some(Link {
            agent,
            generation,
            start,
            end,
            offsets,
            records,
            chain,
        })
    }
}
