use proptest::prelude::*;
use timberline_proto::batch::AttributeValue;
use timberline_proto::id::{AgentId, GenerationId};

use super::*;

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

/// A batch of records that lie side by side, from byte 100 of their generation on.
fn batch(lines: &[Vec<u8>]) -> LogBatch {
    let mut builder = BatchBuilder::new();
    let mut at = 100;
    for line in lines {
        let source_len = line.len() as u32 + 1;
        builder.push(&NewRecord {
            line,
            place: Some((at, source_len)),
            attributes: &[("k".to_owned(), AttributeValue::Text("v".to_owned()))],
            ..NewRecord::default()
        });
        at += u64::from(source_len);
    }
    let meta = BatchMeta {
        agent: Some(AgentId([1; 16])),
        generation: Some(GenerationId([2; 16])),
        range: (100, at),
        eol_bytes: 1,
        ..BatchMeta::default()
    };
    LogBatch::parse(&builder.finish(&meta, 1), 64 << 20).unwrap()
}

/// What a collector has of the generation behind `from`, each byte once; numbered parts are joined.
fn taken(parts: &[Part], from: u64, bytes_max: u64) -> (Vec<u8>, u64) {
    let (mut bytes, mut at) = (Vec::new(), from);
    for part in parts {
        assert!(part.bytes.len() as u64 <= bytes_max, "{}", part.bytes.len());
        assert_eq!(part.meta.range.0, at, "no gap and no overlap");
        let parsed = LogBatch::parse(&part.bytes, 64 << 20).unwrap();
        assert!(parsed.meta.dropped.is_empty());
        for record in parsed.records() {
            let (start, len) = record.place.unwrap();
            assert_eq!(start, at);
            bytes.extend_from_slice(record.line);
            if record.part.is_none_or(|(_, last)| last) {
                bytes.push(b'\n');
            }
            at = start + u64::from(len);
        }
        assert_eq!(part.meta.range.1, at);
    }
    (bytes, at)
}

proptest! {
    #[test]
    fn however_a_batch_is_cut_and_wherever_it_goes_on_each_byte_comes_once(
        lens in proptest::collection::vec(0usize..3000, 1..6),
        limits in proptest::collection::vec(1200u64..6000, 2),
        held in 0usize..20,
    ) {
        let lines: Vec<Vec<u8>> = lens.iter().enumerate().map(|(n, len)| noise(*len, 77 + n as u64)).collect();
        let whole: Vec<u8> = lines.iter().flat_map(|line| [&line[..], b"\n"].concat()).collect();
        let batch = batch(&lines);
        let first = recut(&batch, 100, limits[0], 1);
        let (bytes, end) = taken(&first, 100, limits[0]);
        prop_assert_eq!((&bytes, end), (&whole, batch.meta.range.1));
        // The collector has the first parts, then its limit changes.
        let held = held.min(first.len() - 1);
        let (mut bytes, from) = taken(&first[..held], 100, limits[0]);
        let rest = recut(&batch, from, limits[1], 1);
        bytes.extend(taken(&rest, from, limits[1]).0);
        prop_assert_eq!(bytes, whole);
    }
}

#[test]
fn parts_of_a_line_are_numbered_and_only_the_last_says_so() {
    let parts = recut(&batch(&[noise(5000, 3)]), 100, 2000, 1);
    let numbers: Vec<(u32, bool)> = parts
        .iter()
        .map(|part| {
            LogBatch::parse(&part.bytes, 1 << 20)
                .unwrap()
                .records()
                .next()
                .unwrap()
                .part
                .unwrap()
        })
        .collect();
    assert!(numbers.len() > 2);
    let expected: Vec<(u32, bool)> = (0..numbers.len() as u32)
        .map(|n| (n, n as usize + 1 == numbers.len()))
        .collect();
    assert_eq!(numbers, expected);
}

#[test]
fn no_piece_of_a_line_that_a_rule_made_longer_takes_no_byte_of_its_place() {
    for (source_len, is_cut) in [(3000, true), (9, true), (2, false)] {
        let line = noise(9000, 11);
        let mut builder = BatchBuilder::new();
        builder.push(&NewRecord {
            line: &line,
            place: Some((100, source_len)),
            ..NewRecord::default()
        });
        let meta = BatchMeta {
            generation: Some(GenerationId([2; 16])),
            range: (100, 100 + u64::from(source_len)),
            eol_bytes: 1,
            ..BatchMeta::default()
        };
        let whole = LogBatch::parse(&builder.finish(&meta, 1), 64 << 20).unwrap();
        let parts = recut(&whole, 100, 3000, 1);
        let mut at = 100;
        for part in &parts {
            assert_eq!(part.meta.range.0, at);
            assert!(part.meta.range.1 > at, "of {source_len}: {:?}", part.meta.range);
            at = part.meta.range.1;
            assert_eq!(part.records == 1, is_cut, "of {source_len}");
        }
        assert_eq!(at, meta.range.1);
    }
}
