//! What of a record changes its leaf, and how it is written.

use std::collections::{BTreeMap, BTreeSet};

use crate::batch::AttributeValue;
use crate::id::{AgentId, GenerationId};
use crate::integrity::hash::Hash;
use crate::integrity::record::{Context, Leaf, RecordPlace, json_text};

fn stream(service: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("service.name".to_owned(), service.to_owned())])
}

fn contexts() -> Vec<Context> {
    let file = |agent, generation| Some((AgentId([agent; 16]), GenerationId([generation; 16])));
    vec![
        Context::new("logs", 1, &stream("shop"), None),
        Context::new("log", 1, &stream("shop"), None),
        Context::new("logs", 2, &stream("shop"), None),
        Context::new("logs", 1, &stream("shop2"), None),
        Context::new("logs", 1, &BTreeMap::new(), None),
        Context::new("logs", 1, &stream("shop"), file(1, 1)),
        Context::new("logs", 1, &stream("shop"), file(2, 1)),
        Context::new("logs", 1, &stream("shop"), file(1, 2)),
    ]
}

#[test]
fn whatever_makes_a_record_changes_its_leaf() {
    let attributes = [("n".to_owned(), AttributeValue::Integer(1))];
    let others = [
        [("m".to_owned(), AttributeValue::Integer(1))],
        [("n".to_owned(), AttributeValue::Integer(2))],
        [("n".to_owned(), AttributeValue::Text("1".to_owned()))],
        [("n".to_owned(), AttributeValue::Number(1.0))],
        [("n".to_owned(), AttributeValue::Bool(true))],
        [("n".to_owned(), AttributeValue::Json(serde_json::json!([1])))],
    ];
    let record = Leaf {
        context: contexts()[0],
        partition: 0,
        offset: 7,
        time_nanos: 1_000,
        time_parsed: true,
        observed_nanos: 2_000,
        severity: 3,
        place: Some(RecordPlace {
            start: 10,
            source_bytes: 6,
        }),
        part: None,
        line: b"hello",
        attributes: &attributes,
    };
    let mut records = vec![record];
    records.extend(contexts()[1..].iter().map(|&context| Leaf { context, ..record }));
    records.extend(others.iter().map(|attributes| Leaf { attributes, ..record }));
    let place = |start, source_bytes| Some(RecordPlace { start, source_bytes });
    records.extend([
        Leaf { partition: 1, ..record },
        Leaf { offset: 8, ..record },
        Leaf {
            time_nanos: 1_001,
            ..record
        },
        Leaf {
            time_parsed: false,
            ..record
        },
        Leaf {
            observed_nanos: 2_001,
            ..record
        },
        Leaf { severity: 4, ..record },
        Leaf { place: None, ..record },
        Leaf {
            place: place(11, 6),
            ..record
        },
        Leaf {
            place: place(10, 5),
            ..record
        },
        Leaf {
            part: Some((0, false)),
            ..record
        },
        Leaf {
            part: Some((0, true)),
            ..record
        },
        Leaf {
            part: Some((1, true)),
            ..record
        },
        Leaf {
            line: b"hello ",
            ..record
        },
        Leaf { line: b"", ..record },
        Leaf {
            attributes: &[],
            ..record
        },
    ]);
    let mut buffer = Vec::new();
    let mut hashes: Vec<Hash> = records.iter().map(|leaf| leaf.hash(&[1; 16], &mut buffer)).collect();
    hashes.push(record.hash(&[2; 16], &mut buffer));
    assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), hashes.len());
    assert_eq!(record.hash(&[1; 16], &mut buffer), hashes[0]);
}

#[test]
fn the_format_is_what_it_was() {
    let mut buffer = Vec::new();
    let leaf = Leaf {
        context: contexts()[5],
        partition: 2,
        offset: 3,
        time_nanos: 4,
        time_parsed: true,
        observed_nanos: 5,
        severity: 6,
        place: Some(RecordPlace {
            start: 7,
            source_bytes: 8,
        }),
        part: Some((9, true)),
        line: b"line",
        attributes: &[("a".to_owned(), AttributeValue::Bool(true))],
    };
    let hash = leaf.hash(&[0xaa; 16], &mut buffer);
    let mut expected = vec![0];
    expected.extend([0xaa; 16]);
    expected.push(1);
    expected.extend(contexts()[5].0.0);
    expected.extend([
        2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 15, 6,
    ]);
    expected.extend([
        7, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, b'l', b'i', b'n', b'e',
    ]);
    expected.extend([1, 0, 0, 0, 1, 0, 0, 0, b'a', b'b', 1, 0, 0, 0, 1]);
    assert_eq!(buffer, expected);
    assert_eq!(hash, Hash::of(&expected));
}

#[test]
fn json_that_was_read_and_written_again_is_the_same_text() {
    for text in [
        "1.1",
        "0.1234567890123456789",
        "[1e300,{\"b\":1,\"a\":[null,-0.30000000000000004]}]",
    ] {
        let settled = json_text(&serde_json::from_str(text).unwrap());
        let mut again = settled.clone();
        for _ in 0..3 {
            again = json_text(&serde_json::from_str(&again).unwrap());
            assert_eq!(again, settled);
        }
    }
}
