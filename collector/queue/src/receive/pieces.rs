//! Records that are larger than a queue or a collector takes at once, in pieces.
//!
//! The pieces of a record lie side by side in its generation, and each but the last takes as many bytes
//! of it as it has: so whoever holds the record up to a byte can be given the rest of it. Where rules
//! have made a line longer than what it was made from, the places of its pieces are in proportion.

use std::ops::Range;

use timberline_proto::batch::AttributeValue;

use super::reading::cost_of;

/// What a batch takes beside its records: its header, the stream's attributes, places.
const ENVELOPE_BYTES: u64 = 64 << 10;
/// Of what a record may take, its attributes take no more than this part.
const ATTRIBUTES_PART: usize = 4;
/// Says how many attributes of a record were left out because there was no room for them.
const DROPPED_ATTRIBUTES: &str = "log.dropped_attributes_count";

/// Bytes of a record, line and attributes, that certainly fit into a batch of `batch_bytes_max` however
/// little they compress.
pub fn record_bytes_max(batch_bytes_max: u64) -> usize {
    let rest = batch_bytes_max.saturating_sub(batch_bytes_max / 64);
    usize::try_from(rest.saturating_sub(ENVELOPE_BYTES.min(rest / 2))).unwrap_or(usize::MAX)
}

/// A piece of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes of the line.
    pub line: Range<usize>,
    /// Where it begins in its generation.
    pub start: u64,
    /// Bytes that it takes there.
    pub source_len: u32,
}

/// A line of `line_len` bytes that takes `source_len` bytes from `start` on, in pieces of at most `max`
/// bytes of it.
pub fn pieces(line_len: usize, (start, source_len): (u64, u32), max: usize) -> impl Iterator<Item = Piece> {
    let max = max.max(1);
    let count = line_len.div_ceil(max).max(1);
    let is_longer = line_len as u64 > u64::from(source_len);
    let place_of = move |at: usize| match (at == line_len, is_longer) {
        (true, _) => u64::from(source_len),
        (false, false) => at as u64,
        (false, true) => (at as u128 * u128::from(source_len) / line_len as u128) as u64,
    };
    (0..count).map(move |index| {
        let line = index * max..((index + 1) * max).min(line_len);
        let (from, to) = (place_of(line.start), place_of(line.end));
        let from = if index == 0 { 0 } else { from };
        Piece {
            line,
            start: start + from,
            source_len: (to - from) as u32,
        }
    })
}

/// Leaves out attributes for which a record of `record_bytes_max` has no room beside its line; gives
/// what those that stay take.
pub(super) fn bound_attributes(attributes: &mut Vec<(String, AttributeValue)>, record_bytes_max: usize) -> usize {
    let max = record_bytes_max / ATTRIBUTES_PART;
    let all = attributes.len();
    let mut bytes = 0;
    attributes.retain(|attribute| {
        let cost = cost_of(attribute);
        let fits = bytes + cost <= max;
        bytes += if fits { cost } else { 0 };
        fits
    });
    let dropped = all - attributes.len();
    if dropped > 0 {
        tracing::warn!(
            dropped,
            "a record has more attributes than fit into a batch; they are left out and counted beside it"
        );
        attributes.push((DROPPED_ATTRIBUTES.to_owned(), AttributeValue::Integer(dropped as i64)));
    }
    bytes + DROPPED_ATTRIBUTES.len() * 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_cover_the_line_and_its_place_each_byte_once(
            line_len in 0usize..5000,
            source_len in 0u32..6000,
            max in 1usize..700,
        ) {
            let all: Vec<Piece> = pieces(line_len, (70, source_len), max).collect();
            let (mut at, mut place) = (0, 70);
            for piece in &all {
                prop_assert_eq!(piece.line.start, at);
                prop_assert_eq!(piece.start, place);
                prop_assert!(piece.line.len() <= max);
                at = piece.line.end;
                place += u64::from(piece.source_len);
            }
            prop_assert_eq!((at, place), (line_len, 70 + u64::from(source_len)));
        }
    }

    #[test]
    fn attributes_without_room_are_left_out_and_counted() {
        let text = |len| AttributeValue::Text("x".repeat(len));
        let mut attributes = vec![
            ("a".to_owned(), text(10)),
            ("b".to_owned(), text(5000)),
            ("c".to_owned(), text(20)),
        ];
        assert!(bound_attributes(&mut attributes, 4000) < 1000);
        let names: Vec<&str> = attributes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "c", DROPPED_ATTRIBUTES]);
        assert_eq!(attributes[2].1, AttributeValue::Integer(1));
    }
}
