//! What an agent chains, and what a batch that says so is held against.

use super::*;
use crate::batch::{ChainCheck, ChainState, Chained};

fn of_file(range: (u64, u64)) -> BatchMeta {
    BatchMeta {
        agent: Some(AgentId([7; 16])),
        generation: Some(GenerationId([9; 16])),
        range,
        eol_bytes: 1,
        ..BatchMeta::default()
    }
}

fn push(builder: &mut BatchBuilder, time_nanos: i64, line: &str, attributes: &[(String, AttributeValue)]) {
    builder.push(&NewRecord {
        time_nanos,
        time_parsed: true,
        line: line.as_bytes(),
        attributes,
        ..NewRecord::default()
    });
}

fn note(text: &str) -> Vec<(String, AttributeValue)> {
    vec![
        ("note".to_owned(), AttributeValue::Text(text.to_owned())),
        (
            "share".to_owned(),
            AttributeValue::Json(serde_json::json!({"of": [1.5, -3, "ä"]})),
        ),
    ]
}

/// A batch that says of itself `said`, or what it is.
fn batch(lines: &[(i64, &str, &str)], from: ChainState, said: Option<Chained>) -> LogBatch {
    let mut builder = BatchBuilder::new();
    let mut end = 100;
    for (time, line, text) in lines {
        push(&mut builder, *time, line, &note(text));
        end += line.len() as u64 + 1;
    }
    let mut meta = of_file((100, end));
    let chained = builder.chained(&meta, from, [5; 16]);
    meta.chain = Some(said.unwrap_or(chained));
    let bytes = builder.finish(&meta, 1);
    verify(&bytes, 1 << 20).unwrap();
    LogBatch::parse(&bytes, 1 << 20).unwrap()
}

const LINES: [(i64, &str, &str); 2] = [(1_000_000_007, "one", "a"), (i64::MAX, "two", "b")];

#[test]
fn a_batch_holds_what_its_agent_chained_and_no_other_line_time_attribute_or_order() {
    let from = ChainState {
        value: [3; 32],
        lines: 40,
    };
    let whole = batch(&LINES, from, None);
    let said = whole.meta.chain.unwrap();
    assert_eq!(whole.check_chain(), Some(ChainCheck::Holds));
    assert_eq!((said.first, said.lines, said.previous), (40, 2, [3; 32]));
    assert_eq!((said.end().lines, said.end().value), (42, said.value));
    let [one, two] = LINES;
    let others = [
        vec![two, one],
        vec![(one.0 + 1, one.1, one.2), two],
        vec![(one.0, "onE", one.2), two],
        vec![(one.0, one.1, "A"), two],
        vec![one, two, two],
    ];
    for other in others {
        assert_eq!(
            batch(&other, from, Some(said)).check_chain(),
            Some(ChainCheck::Broken),
            "{other:?}"
        );
    }
    assert_eq!(batch(&[one], from, Some(said)).check_chain(), Some(ChainCheck::Partial));
    // Behind other lines, or without its salt, it is another unit, or none that can be checked.
    let moved = Chained {
        previous: [4; 32],
        ..said
    };
    assert_eq!(batch(&LINES, from, Some(moved)).check_chain(), Some(ChainCheck::Broken));
    let without = whole.without(|offset| offset == 1, 1).unwrap().unwrap();
    let without = LogBatch::parse(&without.bytes, 1 << 20).unwrap();
    assert_eq!(without.meta.chain, Some(Chained { salt: [0; 16], ..said }));
    assert_eq!(without.check_chain(), Some(ChainCheck::Partial));
}

#[test]
fn the_value_is_that_of_the_format_by_hand() {
    use sha2::{Digest, Sha256};
    let from = ChainState {
        value: [3; 32],
        lines: 40,
    };
    let mut builder = BatchBuilder::new();
    push(&mut builder, 1_500_000_001, "ab", &[]);
    let said = builder.chained(&of_file((100, 103)), from, [5; 16]);
    let mut by_hand = b"timberline chain 1\0".to_vec();
    by_hand.extend([3; 32]);
    by_hand.extend([5; 16]);
    by_hand.extend([7; 16]);
    by_hand.extend([9; 16]);
    by_hand.extend(40_u64.to_le_bytes());
    by_hand.extend(1_u32.to_le_bytes());
    by_hand.extend(100_u64.to_le_bytes());
    by_hand.extend(3_u32.to_le_bytes());
    by_hand.extend(1_500_000_001_i64.to_le_bytes());
    by_hand.push(1);
    by_hand.extend(0_u32.to_le_bytes());
    by_hand.extend(2_u32.to_le_bytes());
    by_hand.extend(0_u32.to_le_bytes());
    by_hand.extend(b"ab");
    assert_eq!(said.value[..], Sha256::digest(&by_hand)[..]);
}

#[test]
fn a_unit_without_lines_has_the_value_of_the_one_before() {
    let from = ChainState {
        value: [3; 32],
        lines: 40,
    };
    let mut builder = BatchBuilder::new();
    let mut meta = of_file((7, 9));
    let chained = builder.chained(&meta, from, [5; 16]);
    assert_eq!(chained.end(), from);
    meta.chain = Some(Chained {
        closes: true,
        ..chained
    });
    let read = LogBatch::parse(&builder.finish(&meta, 1), 1 << 20).unwrap();
    assert_eq!(read.meta.chain, meta.chain);
    assert_eq!(read.check_chain(), Some(ChainCheck::Holds));
}

#[test]
fn a_part_of_a_batch_keeps_what_the_whole_was_chained_to() {
    let whole = batch(&LINES, ChainState::default(), None);
    assert_eq!(whole.meta_of((100, 104)).chain, whole.meta.chain);
}

proptest! {
    #[test]
    fn any_lines_hold_as_they_were_chained(
        lines in proptest::collection::vec((any::<i64>(), "[ -~ä\n]{0,80}", ".{0,9}"), 1..20),
        value: [u8; 32],
        count: u32,
    ) {
        let lines: Vec<(i64, &str, &str)> = lines.iter().map(|(time, line, text)| (*time / 2, &line[..], &text[..])).collect();
        let from = ChainState { value, lines: count.into() };
        prop_assert_eq!(batch(&lines, from, None).check_chain(), Some(ChainCheck::Holds));
    }

    #[test]
    fn any_bytes_of_a_chain_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 80..100)) {
        let read = Chained::read(&bytes);
        prop_assert_eq!(read.is_ok(), bytes.len() == 93);
    }
}
