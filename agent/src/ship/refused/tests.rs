use proptest::prelude::*;
use timberline_proto::batch::{AttributeValue, BatchMeta, Dropped, NewRecord};
use timberline_proto::id::{AgentId, GenerationId};

use super::*;

/// A record: the bytes of its line, what was dropped before it, its bytes of the file beyond the line's,
/// and whether it is bound to the next.
type Line = (String, u32, u32, bool);

fn batch(lines: &[Line]) -> Batch {
    let (mut builder, mut at) = (BatchBuilder::new(), 1000);
    let (mut dropped, mut bound) = (Vec::new(), Vec::new());
    for (n, (line, gap, beyond, is_bound)) in lines.iter().enumerate() {
        if *gap > 0 {
            let (start, end) = (at, at + u64::from(*gap));
            let reason = "rule:r".to_owned();
            dropped.push(Dropped { start, end, reason });
            at = end;
        }
        let source_len = line.len() as u32 + beyond;
        builder.push(&NewRecord {
            time_nanos: 1_700_000_000_000_000_000 + n as i64 * 1_234_567,
            time_parsed: n % 3 > 0,
            observed_nanos: (n % 4 == 0).then_some(77 + n as i64),
            line: line.as_bytes(),
            place: Some((at, source_len)),
            part: (n % 5 == 2).then_some((n as u32, n % 2 == 0)),
            attributes: &[("n".to_owned(), AttributeValue::Integer(n as i64))],
        });
        at += u64::from(source_len);
        if *is_bound {
            bound.push(at);
        }
    }
    let meta = BatchMeta {
        stream: [("host.name".to_owned(), "h".to_owned())].into(),
        agent: Some(AgentId([1; 16])),
        generation: Some(GenerationId([2; 16])),
        range: (1000, at),
        eol_bytes: 1,
        observed_nanos: 5,
        file: Some(serde_json::json!({"path": "p"})),
        dropped,
        chain: None,
    };
    Batch {
        generation: GenerationId([2; 16]),
        topic: "logs".into(),
        epoch: 3,
        start: 1000,
        end: at,
        records: lines.len() as u32,
        bound,
        bytes: builder.finish(&meta, 1),
        meta,
    }
}

/// Divides until nothing can be divided.
fn pieces(batch: Batch) -> Vec<Batch> {
    match divide(&batch, 1) {
        Some(parts) => parts.into_iter().flat_map(pieces).collect(),
        None => vec![batch],
    }
}

/// What a collector has of these batches: records with all that is said of them, and dropped bytes.
fn held(batches: &[Batch]) -> (Vec<String>, Vec<(u64, u64)>) {
    let (mut records, mut dropped) = (Vec::new(), Vec::new());
    for batch in batches {
        let parsed = LogBatch::parse(&batch.bytes, 1 << 20).expect("a sound batch");
        assert_eq!(parsed.meta, batch.meta);
        assert_eq!(parsed.meta.range, (batch.start, batch.end));
        assert_eq!(parsed.header.record_count, batch.records);
        records.extend(
            parsed
                .records()
                .map(|record| format!("{:?}", timberline_proto::batch::LogRecord { offset: 0, ..record })),
        );
        dropped.extend(parsed.meta.dropped.iter().map(|dropped| (dropped.start, dropped.end)));
    }
    (records, dropped)
}

proptest! {
    #[test]
    fn however_often_a_batch_is_divided_its_records_and_their_places_stay(
        lines in proptest::collection::vec(("[a-z]{0,40}", 0u32..3, 1u32..5, any::<bool>()), 1..30),
    ) {
        let whole = batch(&lines);
        let divided = pieces(whole.clone());
        prop_assert_eq!(held(&divided), held(std::slice::from_ref(&whole)));
        let mut at = whole.start;
        for piece in &divided {
            prop_assert_eq!(piece.start, at, "they lie side by side");
            prop_assert!(piece.end > at);
            prop_assert_eq!(piece.epoch, whole.epoch);
            at = piece.end;
        }
        prop_assert_eq!(at, whole.end);
        for border in divided.iter().skip(1).map(|piece| piece.start) {
            prop_assert!(!whole.bound.contains(&border), "reading could not begin at {}", border);
        }
        // All that are not bound stand alone.
        let bound_to_next = |n: usize| lines[n].3 && lines.get(n + 1).is_some_and(|next| next.1 == 0);
        let alone = (0..lines.len()).filter(|n| *n + 1 == lines.len() || !bound_to_next(*n)).count();
        prop_assert_eq!(divided.len(), alone);
    }
}

#[test]
fn what_rules_dropped_of_a_refused_batch_stays_dropped_by_them() {
    let one = batch(&[("poison".into(), 4, 1, false)]);
    let marker = dead_letter::marker(one, 1);
    let told: Vec<_> = marker
        .meta
        .dropped
        .iter()
        .map(|d| (d.start, d.end, &*d.reason))
        .collect();
    assert_eq!(told, [(1000, 1004, "rule:r"), (1004, 1011, "rejected")]);
    assert!(timberline_proto::batch::verify(&marker.bytes, 1 << 20).is_ok());
}
