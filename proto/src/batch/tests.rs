mod chain;

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::id::{AgentId, GenerationId};

const MAX: u64 = 16 << 20;

#[derive(Clone, Debug)]
struct Line {
    time_nanos: i64,
    time_parsed: bool,
    observed_nanos: Option<i64>,
    line: Vec<u8>,
    /// Bytes between it and the record before, and what its source has beyond the line.
    gap: u8,
    extra: u8,
    part: Option<(u32, bool)>,
    attributes: Vec<(String, AttributeValue)>,
}

fn attribute() -> impl Strategy<Value = (String, AttributeValue)> {
    let value = prop_oneof![
        any::<bool>().prop_map(AttributeValue::Bool),
        any::<i64>().prop_map(AttributeValue::Integer),
        (-1e300f64..1e300).prop_map(AttributeValue::Number),
        ".{0,9}".prop_map(AttributeValue::Text),
        any::<i32>().prop_map(|n| AttributeValue::Json(serde_json::json!({"n": [n, null, "x"]}))),
    ];
    (".{0,9}", value)
}

fn line() -> impl Strategy<Value = Line> {
    let own = (
        proptest::option::weighted(0.2, any::<i64>()),
        proptest::option::weighted(0.2, any::<(u32, bool)>()),
    );
    let bytes = proptest::collection::vec(any::<u8>(), 0..40);
    let gap = prop_oneof![4 => Just(0u8), 1 => any::<u8>()];
    let extra = prop_oneof![3 => Just(1u8), 2 => Just(2u8), 1 => any::<u8>()];
    let attributes = prop_oneof![3 => Just(vec![]), 1 => proptest::collection::vec(attribute(), 0..4)];
    (any::<i64>(), any::<bool>(), own, bytes, gap, extra, attributes).prop_map(
        |(time_nanos, time_parsed, (observed_nanos, part), line, gap, extra, attributes)| Line {
            time_nanos,
            time_parsed,
            observed_nanos,
            line,
            gap,
            extra,
            part,
            attributes,
        },
    )
}

fn meta() -> impl Strategy<Value = BatchMeta> {
    let stream = proptest::collection::btree_map(".{0,9}", ".{0,9}", 0..4);
    let file = proptest::option::of(any::<u32>().prop_map(|inode| serde_json::json!({"inode": inode, "path": "/ä\n"})));
    let ids = (
        proptest::option::of(any::<[u8; 16]>()),
        proptest::option::of(any::<[u8; 16]>()),
    );
    (stream, ids, 0..u64::MAX / 2, 0u8..=2, any::<i64>(), file).prop_map(
        |(stream, (agent, generation), start, eol_bytes, observed_nanos, file)| BatchMeta {
            stream,
            agent: agent.map(AgentId),
            generation: generation.map(GenerationId),
            range: (start, start),
            eol_bytes,
            observed_nanos,
            file,
            dropped: vec![],
            chain: None,
        },
    )
}

/// Lays the lines out in the file, as an agent would; gaps are dropped bytes.
fn lay_out(meta: &mut BatchMeta, lines: &[Line]) -> Vec<(u64, u32)> {
    let mut at = meta.range.0;
    let mut places = Vec::new();
    for line in lines {
        if line.gap > 0 {
            let end = at + u64::from(line.gap);
            meta.dropped.push(Dropped {
                start: at,
                end,
                reason: "rule:x".into(),
            });
            at = end;
        }
        let len = line.line.len() as u32 + u32::from(line.extra);
        places.push((at, len));
        at += u64::from(len);
    }
    meta.range.1 = at;
    if meta.generation.is_none() {
        meta.range = (0, 0);
        places.clear();
    }
    places
}

fn build(meta: &BatchMeta, lines: &[Line], places: &[(u64, u32)], level: i32) -> Bytes {
    let mut builder = BatchBuilder::new();
    for (i, line) in lines.iter().enumerate() {
        builder.push(&NewRecord {
            time_nanos: line.time_nanos,
            time_parsed: line.time_parsed,
            observed_nanos: line.observed_nanos,
            line: &line.line,
            place: places.get(i).copied(),
            part: line.part,
            attributes: &line.attributes,
        });
    }
    let batch = builder.finish(meta, level);
    assert!(builder.is_empty() && builder.line_bytes() == 0);
    batch
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read(
        mut meta in meta(),
        lines in proptest::collection::vec(line(), 0..12),
        level in 1..6i32,
        base in 0..i64::MAX / 2,
    ) {
        let places = lay_out(&mut meta, &lines);
        let mut bytes = build(&meta, &lines, &places, level).to_vec();
        assign_base_offset(&mut bytes, base);
        let batch = LogBatch::parse(&bytes.into(), MAX).unwrap();
        prop_assert_eq!(&batch.meta, &meta);
        prop_assert_eq!(batch.marker.is_some(), lines.is_empty());
        let stream_id = format!("{:016x}", stream_id(&meta.stream));
        prop_assert_eq!(&batch.stream_id[..], stream_id.as_bytes());
        let records: Vec<_> = batch.records().collect();
        prop_assert_eq!(records.len(), lines.len());
        for (i, (record, line)) in records.iter().zip(&lines).enumerate() {
            prop_assert_eq!(record, &LogRecord {
                offset: base as u64 + i as u64,
                time_nanos: line.time_nanos,
                time_parsed: line.time_parsed,
                observed_nanos: line.observed_nanos.unwrap_or(meta.observed_nanos),
                line: &line.line,
                place: places.get(i).copied(),
                part: line.part,
                attributes: line.attributes.clone(),
                erased: false,
            });
        }
    }

    #[test]
    fn without_some_records_the_others_and_all_places_are_as_they_were(
        mut meta in meta(),
        lines in proptest::collection::vec(line(), 0..12),
        base in 0..i64::MAX / 2,
        gone in proptest::collection::vec(any::<bool>(), 12),
    ) {
        let places = lay_out(&mut meta, &lines);
        let mut bytes = build(&meta, &lines, &places, 1).to_vec();
        assign_base_offset(&mut bytes, base);
        let batch = LogBatch::parse(&bytes.into(), MAX).unwrap();
        let is_gone = |offset: u64| gone[(offset - base as u64) as usize];
        let expected = gone.iter().take(lines.len()).filter(|gone| **gone).count();
        let Some(without) = batch.without(is_gone, 1).unwrap() else {
            prop_assert_eq!(expected, 0);
            return Ok(());
        };
        prop_assert_eq!(without.records, expected as u64);
        let after = LogBatch::parse(&without.bytes, MAX).unwrap();
        prop_assert_eq!(&after.meta, &batch.meta);
        prop_assert_eq!(after.header.max_timestamp_ms, batch.header.max_timestamp_ms);
        for (was, is) in batch.records().zip(after.records()) {
            if is_gone(was.offset) {
                let empty = LogRecord { line: b"", attributes: Vec::new(), erased: true, ..was };
                prop_assert_eq!(is, empty);
            } else {
                prop_assert_eq!(is, was);
            }
        }
        prop_assert!(after.without(is_gone, 1).unwrap().is_none());
    }

    #[test]
    fn fuzz_any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        verify(&bytes, MAX).ok();
        if let Ok(batch) = LogBatch::parse(&bytes.into(), MAX) {
            prop_assert!(batch.records().count() > 0 || batch.marker.is_some());
        }
    }

    #[test]
    fn any_records_under_a_right_checksum_are_read_or_refused(
        mut meta in meta(),
        lines in proptest::collection::vec(line(), 1..4),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let places = lay_out(&mut meta, &lines);
        let bytes = build(&meta, &lines, &places, 1);
        let mut raw = unpacked(&bytes);
        for (at, byte) in edits {
            let at = HEADER_BYTES + at.index(raw.len() - HEADER_BYTES);
            raw[at] = byte;
        }
        reseal(&mut raw);
        if let Ok(batch) = LogBatch::parse(&raw.into(), MAX) {
            prop_assert_eq!(batch.records().count(), if batch.marker.is_some() { 0 } else { lines.len() });
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed(
        mut meta in meta(),
        lines in proptest::collection::vec(line(), 0..4),
        bit in 0..8u32,
    ) {
        let places = lay_out(&mut meta, &lines);
        let bytes = build(&meta, &lines, &places, 3);
        prop_assert!(verify(&bytes, MAX).is_ok());
        for at in (8..12).chain(16..bytes.len()) {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            prop_assert!(verify(&flipped, MAX).is_err(), "byte {}", at);
        }
    }
}

/// The same batch with codec 0.
fn unpacked(batch: &Bytes) -> Vec<u8> {
    let mut raw = batch[..HEADER_BYTES].to_vec();
    if batch[22] == 4 {
        raw.extend(zstd::decode_all(&batch[HEADER_BYTES..]).unwrap());
        raw[22] = 0;
    } else {
        raw.extend_from_slice(&batch[HEADER_BYTES..]);
    }
    reseal(&mut raw);
    raw
}

fn reseal(raw: &mut [u8]) {
    let len = raw.len() as i32 - 12;
    raw[8..12].copy_from_slice(&len.to_be_bytes());
    let crc = crc32c::crc32c(&raw[21..]);
    raw[17..21].copy_from_slice(&crc.to_be_bytes());
}

fn file_meta(end: u64) -> BatchMeta {
    BatchMeta {
        generation: Some(GenerationId([9; 16])),
        range: (100, end),
        eol_bytes: 1,
        ..BatchMeta::default()
    }
}

fn push_at(builder: &mut BatchBuilder, line: &[u8], place: Option<(u64, u32)>) {
    builder.push(&NewRecord {
        line,
        place,
        time_parsed: true,
        ..NewRecord::default()
    });
}

/// Written out by hand from the published format.
#[test]
fn the_bytes_are_those_of_the_published_format() {
    let mut builder = BatchBuilder::new();
    builder.push(&NewRecord {
        time_nanos: 1_000_000_007,
        time_parsed: true,
        line: b"ab",
        ..NewRecord::default()
    });
    builder.push(&NewRecord {
        time_nanos: 999_000_000,
        line: b"",
        ..NewRecord::default()
    });
    let batch = builder.finish(
        &BatchMeta {
            eol_bytes: 1,
            observed_nanos: 5,
            ..BatchMeta::default()
        },
        3,
    );
    let mut batch = unpacked(&batch);
    assign_base_offset(&mut batch, 258);

    let key = b"44136fa355b3678a"; // sha256("{}")
    let mut first = vec![0, 0, 0, 32];
    first.extend(key);
    first.extend(*b"\x04ab\x08"); // 2 bytes of value, 4 headers
    first.extend(*b"\x08tb.v\x02\x01\x12tb.stream\x04{}");
    first.extend(*b"\x16tb.observed\x10\x05\0\0\0\0\0\0\0");
    first.extend(*b"\x02t\x08\x07\0\0\0");
    let mut second = vec![0, 1, 2, 32]; // −1 ms, offset delta 1
    second.extend(key);
    second.extend(*b"\x00\x02\x02n\x00");
    let mut records = vec![first.len() as u8 * 2 % 128 + 128, (first.len() * 2 / 128) as u8];
    records.extend(first);
    records.push(second.len() as u8 * 2);
    records.extend(second);

    let mut expected = vec![0, 0, 0, 0, 0, 0, 1, 2];
    expected.extend((records.len() as i32 + 49).to_be_bytes());
    expected.extend([255, 255, 255, 255, 2]);
    let mut covered = vec![0, 0, 0, 0, 0, 1];
    covered.extend(1000i64.to_be_bytes());
    covered.extend(1000i64.to_be_bytes());
    covered.extend([255; 14]);
    covered.extend([0, 0, 0, 2]);
    covered.extend(records);
    expected.extend(crc32c::crc32c(&covered).to_be_bytes());
    expected.extend(covered);
    assert_eq!(batch, expected);
}

#[test]
fn a_batch_pinned_byte_for_byte_is_still_read() {
    let mut builder = BatchBuilder::new();
    push_at(&mut builder, b"x", None);
    let batch = unpacked(&builder.finish(
        &BatchMeta {
            eol_bytes: 1,
            ..BatchMeta::default()
        },
        3,
    ));
    let hex: String = batch.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN);
    assert_eq!(
        LogBatch::parse(&batch.into(), MAX)
            .unwrap()
            .records()
            .next()
            .unwrap()
            .line,
        b"x"
    );
}

const GOLDEN: &str = concat!(
    "0000000000000000",
    "00000073",
    "ffffffff",
    "02",
    "c61e15d5",
    "0000",
    "00000000",
    "0000000000000000",
    "0000000000000000",
    "ffffffffffffffff",
    "ffff",
    "ffffffff",
    "00000001",
    "8001",
    "00",
    "00",
    "00",
    "20",
    "34343133366661333535623336373861",
    "02",
    "78",
    "06",
    "08",
    "74622e76",
    "02",
    "01",
    "12",
    "74622e73747265616d",
    "04",
    "7b7d",
    "16",
    "74622e6f62736572766564",
    "10",
    "0000000000000000",
);

#[test]
fn a_stream_id_is_the_head_of_the_hash_of_sorted_json() {
    let attributes = BTreeMap::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "\"1\"".to_owned())]);
    // printf '%s' '{"a":"\"1\"","b":"2"}' | sha256sum
    assert_eq!(format!("{:016x}", stream_id(&attributes)), STREAM_HASH);
    assert_eq!(&stream_key(stream_id(&attributes)), STREAM_HASH.as_bytes());
}

const STREAM_HASH: &str = "4d19b58ad04a7d97";

#[test]
fn places_that_follow_cost_nothing() {
    let mut with = BatchBuilder::new();
    let mut without = BatchBuilder::new();
    for i in 0..5 {
        push_at(&mut with, b"line", Some((100 + 6 * i, 6)));
        push_at(&mut without, b"line", None);
    }
    let meta = BatchMeta {
        eol_bytes: 2,
        ..file_meta(130)
    };
    assert_eq!(with.finish(&meta, 3), without.finish(&meta, 3));
}

#[test]
fn places_outside_the_range_or_over_another_are_refused() {
    let check = |places: &[(u64, u32)], dropped: &[(u64, u64)], fits: bool| {
        let mut meta = file_meta(120);
        meta.dropped = dropped
            .iter()
            .map(|&(start, end)| Dropped {
                start,
                end,
                reason: "rule:x".into(),
            })
            .collect();
        let mut builder = BatchBuilder::new();
        places
            .iter()
            .for_each(|place| push_at(&mut builder, b"abc", Some(*place)));
        let result = verify(&builder.finish(&meta, 3), MAX);
        assert_eq!(result.is_ok(), fits, "{places:?} {dropped:?} {result:?}");
    };
    check(&[(100, 4), (104, 16)], &[], true);
    check(&[(100, 4), (110, 10)], &[(104, 110)], true);
    check(&[(100, 4), (110, 10)], &[(103, 110)], false);
    check(&[(100, 4), (110, 10)], &[(104, 111)], false);
    check(&[(100, 4)], &[(104, 110), (109, 112)], false);
    check(&[(100, 4)], &[(104, 121)], false);
    check(&[(99, 4)], &[], false);
    check(&[(100, 4), (103, 4)], &[], false);
    check(&[(110, 4), (100, 4)], &[], false);
    check(&[(118, 4)], &[], false);
    check(&[], &[(100, 120)], true);
    check(&[], &[(99, 120)], false);
    check(&[(u64::MAX, 4)], &[], false);
}

#[test]
fn a_small_batch_that_unpacks_to_much_is_refused_before_the_memory_is_spent() {
    let mut builder = BatchBuilder::new();
    push_at(&mut builder, &vec![b'a'; 1 << 20], None);
    let batch = builder.finish(&BatchMeta::default(), 3);
    assert!(batch.len() < 1000);
    assert_eq!(
        verify(&batch, 1 << 20).unwrap_err(),
        BatchError::TooLarge { max: 1 << 20 }
    );
    assert!(verify(&batch, (1 << 20) + 1000).is_ok());
    let mut streamed = batch[..HEADER_BYTES].to_vec();
    let records = zstd::decode_all(&batch[HEADER_BYTES..]).unwrap();
    streamed.extend(zstd::stream::encode_all(&records[..], 1).unwrap()); // a frame that does not state its size
    reseal(&mut streamed);
    assert_eq!(
        verify(&streamed, 1 << 20).unwrap_err(),
        BatchError::TooLarge { max: 1 << 20 }
    );
    assert!(verify(&streamed, (1 << 20) + 1000).is_ok());
}

#[test]
fn what_is_cut_asks_for_the_rest() {
    let batch = BatchBuilder::new().finish(&file_meta(100), 3);
    let need = batch.len() as u64;
    assert_eq!(
        BatchHeader::parse(&batch[..70]),
        Err(BatchError::Short { have: 70, need })
    );
    assert_eq!(
        BatchHeader::peek(&batch[..61]).map(|header| header.total_bytes),
        Ok(need)
    );
    assert_eq!(
        BatchHeader::peek(&batch[..60]),
        Err(BatchError::Short { have: 60, need: 61 })
    );
}

#[test]
fn other_compression_and_transactions_are_refused() {
    for attributes in [1u8, 2, 3, 5, 8, 16, 32] {
        let mut batch = BatchBuilder::new().finish(&file_meta(100), 3).to_vec();
        batch[22] = attributes;
        reseal(&mut batch);
        assert!(
            matches!(verify(&batch, MAX), Err(BatchError::Malformed(_))),
            "{attributes}"
        );
    }
}

#[test]
fn a_kafka_clients_batch_is_read_with_headers_as_text() {
    let mut records = Vec::new();
    let mut headers = Vec::new();
    frame::put_header(&mut headers, b"trace", b"77");
    frame::FrameParts {
        timestamp_delta: 0,
        offset_delta: 0,
        key: Some(b"user key"),
        value: Some(b"hello"),
        header_count: 1,
        headers: [&headers, &[], &[]],
    }
    .put(&mut records);
    let mut bytes = vec![0; HEADER_BYTES];
    bytes.extend(records);
    let header = BatchHeader {
        base_offset: 0,
        total_bytes: 0,
        record_count: 1,
        base_timestamp_ms: 12,
        max_timestamp_ms: 12,
        producer_id: 7,
        producer_epoch: 1,
        base_sequence: 3,
        codec: 0,
        crc: 0,
    };
    header.seal(&mut bytes);
    let batch = LogBatch::parse(&bytes.into(), MAX).unwrap();
    assert_eq!(
        (
            batch.header.producer_id,
            batch.header.producer_epoch,
            batch.header.base_sequence
        ),
        (7, 1, 3)
    );
    let records: Vec<_> = batch.records().collect();
    assert_eq!(records[0].line, b"hello");
    assert_eq!(
        (records[0].time_nanos, records[0].observed_nanos),
        (12_000_000, 12_000_000)
    );
    assert_eq!(
        records[0].attributes,
        [("trace".to_owned(), AttributeValue::Text("77".to_owned()))]
    );
}
