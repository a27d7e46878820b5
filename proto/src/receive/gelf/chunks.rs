//! Messages in several datagrams: `1e 0f`, 8 bytes id, sequence number u8, count u8, then a part.
//! All parts come within five seconds, or the message is given up.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How a chunk begins.
pub const CHUNK_MAGIC: [u8; 2] = [0x1e, 0x0f];
/// Chunks of one message at most.
pub const CHUNKS_MAX: u8 = 128;
/// Magic, id, number, count.
const HEADER_BYTES: usize = 12;
/// A message that waits costs about so much beside its bytes.
const MESSAGE_BYTES: usize = 512;

/// What bounds the messages that wait for their chunks.
#[derive(Clone, Copy, Debug)]
pub struct ChunkLimits {
    /// How long they wait from their first chunk on.
    pub wait: Duration,
    /// Bytes of all that wait; beyond, the oldest are given up.
    pub bytes_max: usize,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(5),
            bytes_max: 16 << 20,
        }
    }
}

/// What became of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// It completes this message.
    Whole(Vec<u8>),
    /// It waits for others.
    Waits,
}

/// Why a chunk is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gelf, chunk")]
pub struct ChunkRefused;

/// Messages that wait for their chunks, by sender and id. Bounded by [`ChunkLimits`].
#[derive(Debug)]
pub struct Chunks<S> {
    limits: ChunkLimits,
    waiting: HashMap<(S, [u8; 8]), Waiting>,
    /// The waiting ones by age.
    ages: BTreeMap<u64, (S, [u8; 8])>,
    next_age: u64,
    bytes: usize,
    given_up: u64,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    age: u64,
    parts: Vec<Option<Vec<u8>>>,
    missing: usize,
    bytes: usize,
}

impl<S: Clone + Eq + Hash> Chunks<S> {
    /// None waits.
    pub fn new(limits: ChunkLimits) -> Self {
        Self {
            limits,
            waiting: HashMap::new(),
            ages: BTreeMap::new(),
            next_age: 0,
            bytes: 0,
            given_up: 0,
        }
    }

    /// Takes a datagram that begins with [`CHUNK_MAGIC`].
    ///
    /// # Errors
    /// [`ChunkRefused`] if its number and count cannot be.
    pub fn take(&mut self, sender: S, datagram: &[u8], now: Instant) -> Result<Chunk, ChunkRefused> {
        self.expire(now);
        let (head, part) = datagram.split_at_checked(HEADER_BYTES).ok_or(ChunkRefused)?;
        let id: [u8; 8] = std::array::from_fn(|i| head[2 + i]);
        let (number, count) = (head[10], head[11]);
        if head[..2] != CHUNK_MAGIC || number >= count || count > CHUNKS_MAX {
            return Err(ChunkRefused);
        }
        let key = (sender, id);
        // Places for chunks take memory before any chunk but the first has come.
        let own_bytes = MESSAGE_BYTES + usize::from(count) * size_of::<Option<Vec<u8>>>();
        let age = self.next_age;
        let waiting = self.waiting.entry(key.clone()).or_insert_with(|| Waiting {
            since: now,
            age,
            parts: vec![None; count.into()],
            missing: count.into(),
            bytes: own_bytes,
        });
        if waiting.age == age {
            self.next_age += 1;
            self.ages.insert(age, key.clone());
            self.bytes += own_bytes;
        }
        if waiting.parts.len() != usize::from(count) {
            return Err(ChunkRefused);
        }
        let slot = &mut waiting.parts[usize::from(number)];
        if slot.is_some() {
            return Ok(Chunk::Waits); // the network doubled it
        }
        *slot = Some(part.to_vec());
        waiting.missing -= 1;
        waiting.bytes += part.len();
        self.bytes += part.len();
        if waiting.missing == 0 {
            let message = self.remove(&key);
            return Ok(Chunk::Whole(message.into_iter().flatten().flatten().collect()));
        }
        while self.bytes > self.limits.bytes_max && self.give_up_oldest() {}
        Ok(Chunk::Waits)
    }

    /// Gives up those that have waited too long.
    pub fn expire(&mut self, now: Instant) {
        while let Some((_, key)) = self.ages.first_key_value() {
            let since = self.waiting.get(key).map_or(now, |waiting| waiting.since);
            if now.saturating_duration_since(since) <= self.limits.wait || !self.give_up_oldest() {
                return;
            }
        }
    }

    /// Messages given up so far.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn give_up_oldest(&mut self) -> bool {
        let Some((_, key)) = self.ages.first_key_value() else {
            return false;
        };
        let key = key.clone();
        self.remove(&key);
        self.given_up += 1;
        true
    }

    fn remove(&mut self, key: &(S, [u8; 8])) -> Vec<Option<Vec<u8>>> {
        let Some(waiting) = self.waiting.remove(key) else {
            return Vec::new();
        };
        self.ages.remove(&waiting.age);
        self.bytes -= waiting.bytes;
        waiting.parts
    }
}
