//! Finding one piece of text without regard to case.
//!
//! An ASCII piece is sought by bytes: nothing outside ASCII folds into it. Two of its rarest bytes
//! are compared at 32 places at once, in a loop that the compiler turns into vector instructions.

use crate::token::{char_at, char_before, fold_char, is_token_char};

/// Places compared at once.
const WIDTH: usize = 32;

/// A piece of text to find; not empty.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    needle: Needle,
    /// Whether its first character can stand in a token.
    starts_token: bool,
    /// Whether its last can.
    ends_token: bool,
}

#[derive(Clone, Debug)]
enum Needle {
    Ascii {
        folded: Box<[u8]>,
        /// 0x20 for letters, so that `byte | mask` is the folded byte for both cases.
        masks: Box<[u8]>,
        /// The places of its two rarest bytes; the same place twice if it has only one.
        rare: (usize, usize),
    },
    Wide(Box<[char]>),
}

/// Where a match may lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// It begins here or later …
    pub(super) from: usize,
    /// … and here at the latest.
    pub(super) start_max: usize,
    /// It begins at a token's beginning if its first character is a token's.
    pub(super) edge_before: bool,
    /// It ends at a token's end if its last character is a token's.
    pub(super) edge_after: bool,
}

impl Literal {
    /// `None` for an empty text.
    pub(super) fn new(text: &str) -> Option<Self> {
        let folded: Box<[char]> = text.chars().map(fold_char).collect();
        let starts_token = is_token_char(*folded.first()?);
        let ends_token = is_token_char(*folded.last()?);
        let needle = if text.is_ascii() {
            ascii_needle(text)
        } else {
            Needle::Wide(folded)
        };
        Some(Literal {
            needle,
            starts_token,
            ends_token,
        })
    }

    /// The first place of it within `bounds`: its first byte and the one after its last.
    pub(super) fn find(&self, value: &[u8], bounds: Bounds) -> Option<(usize, usize)> {
        match &self.needle {
            Needle::Ascii { folded, masks, rare } => {
                let last = value.len().checked_sub(folded.len())?.min(bounds.start_max);
                let found = |at: usize| {
                    let end = at + folded.len();
                    equal(&value[at..end], folded, masks) && self.edges_hold(value, at, end, bounds)
                };
                find_ascii(value, folded, masks, *rare, bounds.from, last, found).map(|at| (at, at + folded.len()))
            }
            Needle::Wide(chars) => {
                let last = value.len().checked_sub(1)?.min(bounds.start_max);
                // One of its characters is not ASCII, and nothing in ASCII equals that.
                if value.get(bounds.from..)?.is_ascii() {
                    return None;
                }
                (bounds.from..=last).find_map(|at| {
                    let end = equal_wide(value, at, chars)?;
                    self.edges_hold(value, at, end, bounds).then_some((at, end))
                })
            }
        }
    }

    /// The byte after it if it stands at `at`, whatever its edges.
    pub(super) fn match_at(&self, value: &[u8], at: usize) -> Option<usize> {
        match &self.needle {
            Needle::Ascii { folded, masks, .. } => {
                let end = at + folded.len();
                equal(value.get(at..end)?, folded, masks).then_some(end)
            }
            Needle::Wide(chars) => equal_wide(value, at, chars),
        }
    }

    /// Whether a match that ends at `end` is no token's beginning.
    pub(super) fn ends_at_edge(&self, value: &[u8], end: usize) -> bool {
        !(self.ends_token && char_at(value, end).is_some_and(is_token_char))
    }

    fn edges_hold(&self, value: &[u8], at: usize, end: usize, bounds: Bounds) -> bool {
        let before = || self.starts_token && char_before(value, at).is_some_and(is_token_char);
        !(bounds.edge_before && before()) && (!bounds.edge_after || self.ends_at_edge(value, end))
    }
}

fn ascii_needle(text: &str) -> Needle {
    let folded: Box<[u8]> = text.bytes().map(|b| b.to_ascii_lowercase()).collect();
    let masks = folded
        .iter()
        .map(|b| if b.is_ascii_lowercase() { 0x20 } else { 0 })
        .collect();
    let mut places: Vec<usize> = (0..folded.len()).collect();
    places.sort_by_key(|place| commonness(folded[*place]));
    let rare = (places[0], *places.get(1).unwrap_or(&places[0]));
    Needle::Ascii { folded, masks, rare }
}

/// How often a byte stands in logs, roughly.
fn commonness(byte: u8) -> u8 {
    match byte {
        b' ' => 255,
        b'0' | b'1' | b'2' => 220,
        b'3'..=b'9' => 200,
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 180,
        b'.' | b':' | b'-' | b'/' | b'_' | b'=' | b'"' | b',' => 160,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'h' | b'g' => 140,
        b'b' | b'f' | b'w' | b'y' | b'v' | b'k' => 100,
        b'x' | b'j' | b'q' | b'z' => 40,
        _ => 60,
    }
}

#[inline]
fn equal(value: &[u8], folded: &[u8], masks: &[u8]) -> bool {
    value
        .iter()
        .zip(folded)
        .zip(masks)
        .all(|((byte, folded), mask)| byte | mask == *folded)
}

fn equal_wide(value: &[u8], mut at: usize, chars: &[char]) -> Option<usize> {
    for expected in chars {
        let c = char_at(value, at)?;
        if fold_char(c) != *expected {
            return None;
        }
        at += c.len_utf8();
    }
    Some(at)
}

/// The first of the places `from..=last` where both rare bytes stand and `found` holds.
#[inline]
fn find_ascii(
    value: &[u8],
    folded: &[u8],
    masks: &[u8],
    rare: (usize, usize),
    from: usize,
    last: usize,
    found: impl Fn(usize) -> bool,
) -> Option<usize> {
    let pair = Pair {
        first: (rare.0, folded[rare.0], masks[rare.0]),
        second: (rare.1, folded[rare.1], masks[rare.1]),
    };
    let Some(last_chunk) = (last + 1).checked_sub(WIDTH).filter(|chunk| *chunk >= from) else {
        return (from..=last).find(|at| pair.stands_at(value, *at) && found(*at));
    };
    let mut at = from;
    loop {
        let hits = pair.stands_from(value, at);
        for (group, hits) in hits.chunks_exact(8).enumerate() {
            let mut bits = u64::from_le_bytes(hits.try_into().expect("a chunk of eight"));
            while bits != 0 {
                let place = at + group * 8 + bits.trailing_zeros() as usize / 8;
                if found(place) {
                    return Some(place);
                }
                bits &= bits - 1;
            }
        }
        if at == last_chunk {
            return None;
        }
        // The last chunk overlaps the one before it.
        at = (at + WIDTH).min(last_chunk);
    }
}

/// Two bytes of a needle: where each stands in it, folded, and its mask.
struct Pair {
    first: (usize, u8, u8),
    second: (usize, u8, u8),
}

impl Pair {
    #[inline]
    fn stands_at(&self, value: &[u8], at: usize) -> bool {
        let stands = |(place, byte, mask): (usize, u8, u8)| value[at + place] | mask == byte;
        stands(self.first) && stands(self.second)
    }

    /// 1 for each of the places from `at` on where both stand.
    #[inline]
    fn stands_from(&self, value: &[u8], at: usize) -> [u8; WIDTH] {
        let window =
            |place: usize| -> &[u8; WIDTH] { value[at + place..][..WIDTH].try_into().expect("a window of its width") };
        let (firsts, seconds) = (window(self.first.0), window(self.second.0));
        let mut hits = [0; WIDTH];
        for place in 0..WIDTH {
            hits[place] = u8::from(firsts[place] | self.first.2 == self.first.1)
                & u8::from(seconds[place] | self.second.2 == self.second.1);
        }
        hits
    }
}
