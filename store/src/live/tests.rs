use std::collections::BTreeMap;

use timberline_proto::id::IncarnationId;
use timberline_proto::line::Severity;

use super::*;
use crate::rows::{Row, Stream, StreamId};

const LIFE: IncarnationId = IncarnationId([1; 16]);

fn block(offsets: std::ops::Range<u64>) -> RowBlock {
    let stream = Arc::new(Stream {
        id: StreamId(1),
        attributes: BTreeMap::new(),
    });
    let mut rows = RowBlock::new();
    for offset in offsets {
        rows.push(&Row {
            time_nanos: offset as i64,
            time_parsed: true,
            observed_nanos: 0,
            partition: 0,
            offset,
            severity: Severity::None,
            template: 0,
            stream: &stream,
            line: format!("line {offset}").as_bytes(),
            place: None,
            part: None,
            attributes: &[],
        });
    }
    rows
}

fn offsets(live: &Live) -> Vec<u64> {
    live.blocks().iter().flat_map(|b| b.rows.offsets().to_vec()).collect()
}

fn started() -> Live {
    let live = Live::new();
    live.start("logs", 0, LIFE, 0);
    live
}

#[test]
fn ten_thousand_single_rows_are_held_in_few_blocks_in_order() {
    let live = started();
    for offset in 0..10_000 {
        live.append("logs", 0, block(offset..offset + 1), offset + 1, 20_000);
    }
    assert_eq!(offsets(&live), (0..10_000).collect::<Vec<_>>());
    assert!(live.blocks().len() <= 16, "{}", live.blocks().len());
    assert_eq!(live.queued_records(), 10_000);
}

#[test]
fn rows_appended_during_a_flush_survive_it() {
    let live = started();
    live.append("logs", 0, block(0..10), 10, 10);
    let cut = live.cut("logs", 0, usize::MAX, u64::MAX).unwrap();
    live.append("logs", 0, block(10..30), 32, 32);
    assert_eq!((cut.to, cut.blocks.len()), (10, 1));
    assert_eq!(offsets(&live), (0..30).collect::<Vec<_>>());
    live.drop_below("logs", 0, cut.to);
    assert_eq!(offsets(&live), (10..30).collect::<Vec<_>>());
    let cut = live.cut("logs", 0, usize::MAX, u64::MAX).unwrap();
    assert_eq!(cut.to, 32, "offsets without rows are covered too");
    live.drop_below("logs", 0, cut.to);
    assert!(offsets(&live).is_empty());
    assert!(live.held()[0].oldest.is_none());
}

#[test]
fn a_block_joined_across_the_published_offset_keeps_only_what_lies_above() {
    let live = started();
    live.append("logs", 0, block(0..10), 10, 10);
    live.cut("logs", 0, usize::MAX, u64::MAX).unwrap();
    live.uncut("logs", 0);
    live.append("logs", 0, block(10..20), 20, 20);
    assert_eq!(live.blocks().len(), 1);
    live.drop_below("logs", 0, 10);
    assert_eq!(offsets(&live), (10..20).collect::<Vec<_>>());
}

#[test]
fn a_bounded_cut_ends_where_the_next_block_begins() {
    let live = started();
    live.append("logs", 0, block(0..100), 100, 100);
    live.append("logs", 0, block(105..110), 110, 110);
    let cut = live.cut("logs", 0, 50, u64::MAX).unwrap();
    assert_eq!((cut.to, cut.blocks[0].len()), (105, 100));
    live.uncut("logs", 0);
    assert_eq!(offsets(&live).len(), 105);
}

#[test]
fn a_flush_takes_the_ranges_of_the_batches_whose_offsets_it_covers_and_no_others() {
    let range = |n: u64| SourceRange {
        generation: GenerationId([1; 16]),
        agent: AgentId([2; 16]),
        stream: Arc::new(Stream::default()),
        start: n * 1000,
        end: n * 1000 + 1000,
        offset_start: n * 10,
        offset_end: n * 10 + 10,
        records: 10,
        chain: None,
    };
    let starts = |ranges: &[SourceRange]| ranges.iter().map(|range| range.start).collect::<Vec<_>>();
    let live = started();
    live.note_ranges("logs", 0, [range(0)]);
    // Noted, and not covered yet: not of this flush.
    assert!(live.cut("logs", 0, usize::MAX, u64::MAX).unwrap().ranges.is_empty());
    live.append("logs", 0, block(0..10), 10, 10);
    // A batch without a row, and one with.
    live.note_ranges("logs", 0, [range(1), range(2)]);
    live.append("logs", 0, block(20..24), 30, 30);
    let cut = live.cut("logs", 0, 10, u64::MAX).unwrap();
    assert_eq!((cut.to, starts(&cut.ranges)), (20, vec![0, 1000]));
    live.drop_below("logs", 0, cut.to);
    let cut = live.cut("logs", 0, usize::MAX, u64::MAX).unwrap();
    assert_eq!(starts(&cut.ranges), [2000]);
    live.start("logs", 0, LIFE, 0);
    assert!(live.cut("logs", 0, 10, u64::MAX).unwrap().ranges.is_empty());
}

#[test]
fn a_tail_gets_what_arrives_after_it_began() {
    let live = started();
    live.append("logs", 0, block(0..2), 2, 2);
    let mut tail = live.subscribe();
    live.append("logs", 0, block(2..5), 5, 5);
    assert_eq!(tail.try_recv().unwrap().rows.offsets(), [2, 3, 4]);
    assert!(tail.try_recv().is_err());
}

#[test]
fn room_comes_back_when_rows_are_dropped() {
    let live = Arc::new(started());
    live.append("logs", 0, block(0..100), 100, 100);
    let bytes = live.bytes();
    assert!(!live.wait_for_room(bytes, std::time::Duration::from_millis(1)));
    let waiter = {
        let live = Arc::clone(&live);
        std::thread::spawn(move || live.wait_for_room(bytes, std::time::Duration::from_secs(30)))
    };
    live.drop_below("logs", 0, 100);
    assert!(waiter.join().unwrap());
}
