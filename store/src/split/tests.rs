use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use timberline_proto::batch::AttributeValue;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::line::Severity;

use super::*;
use crate::rows::{Place, Row, RowBlock, Stream};

pub(super) fn options() -> SplitOptions {
    SplitOptions {
        page_rows_max: 16,
        stripe_rows_max: 48,
        zstd_level: 3,
    }
}

/// A row that owns what it holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Owned {
    pub(super) time_nanos: i64,
    pub(super) time_parsed: bool,
    pub(super) observed_nanos: i64,
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) severity: Severity,
    pub(super) stream: Arc<Stream>,
    pub(super) line: Vec<u8>,
    pub(super) place: Option<Place>,
    pub(super) part: Option<(u32, bool)>,
    pub(super) attributes: Vec<(String, AttributeValue)>,
}

impl Owned {
    pub(super) fn plain(number: u64, line: impl AsRef<[u8]>) -> Self {
        Self {
            time_nanos: 1_700_000_000_000_000_000 + number as i64 * 1_000_000,
            time_parsed: true,
            observed_nanos: 1_700_000_001_000_000_000,
            partition: 0,
            offset: number,
            severity: Severity::Info,
            stream: stream((number % 3) as u8),
            line: line.as_ref().to_vec(),
            place: None,
            part: None,
            attributes: Vec::new(),
        }
    }

    fn of(row: &Row<'_>) -> Self {
        Self {
            time_nanos: row.time_nanos,
            time_parsed: row.time_parsed,
            observed_nanos: row.observed_nanos,
            partition: row.partition,
            offset: row.offset,
            severity: row.severity,
            stream: Arc::clone(row.stream),
            line: row.line.to_vec(),
            place: row.place,
            part: row.part,
            attributes: row.attributes.to_vec(),
        }
    }
}

pub(super) fn stream(number: u8) -> Arc<Stream> {
    let attributes = BTreeMap::from([
        ("service.name".to_owned(), format!("service-{}", number / 2)),
        ("host.name".to_owned(), format!("host-{number}")),
    ]);
    Arc::new(Stream {
        id: StreamId(u64::from(number) + 1),
        attributes,
    })
}

pub(super) fn block(rows: &[Owned]) -> RowBlock {
    let mut block = RowBlock::new();
    for row in rows {
        block.push(&Row {
            time_nanos: row.time_nanos,
            time_parsed: row.time_parsed,
            observed_nanos: row.observed_nanos,
            partition: row.partition,
            offset: row.offset,
            severity: row.severity,
            template: 0,
            stream: &row.stream,
            line: &row.line,
            place: row.place,
            part: row.part,
            attributes: &row.attributes,
        });
    }
    block
}

pub(super) fn written(dir: &Path, rows: &[Owned]) -> Split {
    let meta = write_split(dir, &block(rows), &options(), 0).unwrap();
    let split = Split::open(&dir.join(format!("{}.split", meta.id))).unwrap();
    assert_eq!(split.meta(), &meta);
    split
}

pub(super) fn read_all(split: &Split) -> Vec<Owned> {
    let pages = (0..split.meta().pages).map(|page| split.read_page(page, Columns::ALL).unwrap());
    pages
        .flat_map(|page| page.rows().map(|row| Owned::of(&row)).collect::<Vec<_>>())
        .collect()
}

fn normal(mut rows: Vec<Owned>) -> Vec<Owned> {
    rows.sort_by_key(|r| (r.time_nanos, r.partition, r.offset, r.line.clone(), format!("{r:?}")));
    rows
}

#[track_caller]
fn check_round_trip(rows: &[Owned]) {
    let dir = tempfile::tempdir().unwrap();
    let split = written(dir.path(), rows);
    assert_eq!(normal(read_all(&split)), normal(rows.to_vec()));
    split.verify().unwrap();
    assert_eq!(split.meta().rows, rows.len() as u64);
}

#[test]
fn lines_of_any_kind_come_back_byte_for_byte() {
    let big_text = "a long line without digits ".repeat(40_000);
    let big_digits = "12 34,".repeat(170_000);
    let lines: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\0\0\x01".to_vec(),
        b"\0".to_vec(),
        b"--- ... ---".to_vec(),
        b"ends with digits 9".to_vec(),
        b"9".to_vec(),
        b"\xff\xfe7\xc3".to_vec(),
        "ünï 5№ ٣".into(),
        b"tab\there\r".to_vec(),
        big_text.into_bytes(),
        big_digits.into_bytes(),
        vec![0; 1 << 20],
    ];
    let rows: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(n, line)| Owned::plain(n as u64, line))
        .collect();
    check_round_trip(&rows);
}

#[test]
fn a_time_in_the_line_that_is_the_records_is_not_stored_twice() {
    let forms: [fn(i64) -> String; 4] = [
        |s| format!("2023-11-14T22:{:02}:{:02}.000Z start {s} done", 13 + s / 60, s % 60),
        // Read in a zone that the line does not name.
        |s| format!("Nov 15 00:{:02}:{:02} host app: text", 13 + s / 60, s % 60),
        |s| format!("[14/Nov/2023:23:{:02}:{:02} +0100] \"GET /\"", 13 + s / 60, s % 60),
        |s| format!("2023-11-14T22:{:02}:{:02}.000Z7 is no time", 13 + s / 60, s % 60),
    ];
    let mut rows = Vec::new();
    for n in 0..400 {
        // 1_700_000_000 is 2023-11-14 22:13:20.
        let mut row = Owned::plain(n, forms[n as usize % 4](20 + n as i64));
        row.time_nanos = 1_700_000_000_000_000_000 + n as i64 * 1_000_000_000;
        rows.push(row);
    }
    check_round_trip(&rows);
    let dir = tempfile::tempdir().unwrap();
    let split = written(dir.path(), &rows[..1]);
    let template = split.read_page(0, Columns::ALL).unwrap().row(0).template;
    assert_eq!(template, super::template::stable_id(b"\0\x02 start \0\x01 done"));
    assert_eq!(split.candidates(&PageQuery::Token("14t22".into())).unwrap(), [0]);
}

#[test]
fn structured_lines_share_a_shape_and_come_back_byte_for_byte() {
    let line = |n: u64| match n % 2 {
        0 => format!(
            "{{\"ts\":\"2023-11-14T22:{:02}:{:02}.000Z\", \"n\":{}, \"msg\":\"user {n} said \\\"{}\\\"\",\"n\":1e999}}",
            13 + (20 + n) / 60,
            (20 + n) % 60,
            n * n,
            ["yes", "no", "perhaps"][n as usize % 3]
        ),
        _ => format!("level=info id=00{n}  msg=\"done in {n} ms\" ok="),
    };
    let row = |n: u64| Owned {
        time_nanos: 1_700_000_000_000_000_000 + n as i64 * 1_000_000_000,
        stream: stream(0),
        ..Owned::plain(n, line(n))
    };
    let rows: Vec<_> = (0..96).map(row).collect();
    check_round_trip(&rows);
    let dir = tempfile::tempdir().unwrap();
    let split = written(dir.path(), &rows);
    let mut templates = std::collections::BTreeSet::new();
    for page in 0..split.meta().pages {
        templates.extend(
            split
                .read_page(page, Columns::ALL)
                .unwrap()
                .rows()
                .map(|row| row.template),
        );
    }
    let shape = b"{\"ts\":\"\0\x02\", \"n\":\0\x03, \"msg\":\"\0\x03\",\"n\":\0\x03}";
    assert!(templates.contains(&super::template::stable_id(shape)));
    assert_eq!(templates.len(), 2);
}

#[test]
fn a_split_without_rows_is_a_split() {
    check_round_trip(&[]);
}

#[test]
fn columns_not_asked_for_are_left_at_their_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let mut row = Owned::plain(1, "text 1");
    row.attributes = vec![("a".into(), AttributeValue::Bool(true))];
    row.part = Some((2, true));
    let split = written(dir.path(), &[row]);
    let none = Columns {
        line: false,
        provenance: false,
        attributes: false,
    };
    let page = split.read_page(0, none).unwrap();
    let row = page.row(0);
    assert_eq!((row.line, row.part, row.attributes.len()), (&b""[..], None, 0));
    assert_eq!((row.offset, row.severity), (1, Severity::Info));
    assert_ne!(row.template, 0);
}

#[test]
fn a_template_has_the_same_id_in_every_split() {
    let dir = tempfile::tempdir().unwrap();
    let one = written(
        dir.path(),
        &[Owned::plain(1, "user 17 logged in"), Owned::plain(2, "other")],
    );
    let two = written(dir.path(), &[Owned::plain(9, "user 99999 logged in")]);
    let templates = |split: &Split| -> Vec<u64> {
        let pages = (0..split.meta().pages).map(|p| split.read_page(p, Columns::ALL).unwrap());
        pages
            .flat_map(|p| p.rows().map(|row| row.template).collect::<Vec<_>>())
            .collect()
    };
    assert!(templates(&one).contains(&templates(&two)[0]));
}

pub(super) fn any_rows(count: usize) -> impl Strategy<Value = Vec<Owned>> {
    prop::collection::vec(any_row(), 0..count)
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "(GET|PUT) /api/v[12]/[a-c]{1,2}\\?id=[0-9]{1,4} (200|404|500) [0-9]{1,3}ms".prop_map(String::into_bytes),
        2 => "user=[a-e]{1,3} id=0{0,2}[0-9]{1,20}".prop_map(String::into_bytes),
        1 => "\\{\"[ab]\":\"[A-Ca-c 0-9]{0,5}\",\"n\":[0-9]{1,4}(,\"é\\.x\":(true|null|\\[1,2\\]))?\\}".prop_map(String::into_bytes),
        3 => any_json(),
        1 => any_json().prop_map(|mut line| {
            line.truncate(line.len() * 3 / 4);
            line
        }),
        2 => any_logfmt(),
        1 => "level=(info|WARN) msg=\"[a-c ]{1,6}\" n=[0-9]{1,3}".prop_map(String::into_bytes),
        1 => "\\PC{0,30}".prop_map(String::into_bytes),
        1 => "[\\x00-\\x03a1 ]{0,8}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

/// JSON as it is found: odd spacing, escapes, keys twice, numbers that no one else prints so.
fn any_json() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        3 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        1 => "(true|false|null|1e999|007|NaN)",
        2 => "\"([a-c ]|[0-9]|\\\\[\"\\\\/nu]|é){0,12}\"",
        2 => "\"(took|user) [0-9]{1,4} ?ms\"",
        1 => "\"2023-11-14T22:13:2[0-9].00[0-9]Z( at)?\"",
    ];
    let gap = || prop_oneof![3 => Just(String::new()), 1 => "[ \t]{1,2}"];
    let value = leaf.prop_recursive(3, 12, 4, move |inner| {
        let member = ("\"([ab.]{1,3}|\\\\u00e9)\"", gap(), inner.clone());
        let member = member.prop_map(|(key, gap, value)| format!("{key}:{gap}{value}"));
        prop_oneof![
            (prop::collection::vec(member, 0..4), gap())
                .prop_map(|(members, gap)| format!("{{{}}}", members.join(&format!("{gap},")))),
            (prop::collection::vec(inner, 0..3), gap())
                .prop_map(|(values, gap)| format!("[{gap}{}]", values.join(","))),
        ]
    });
    let before = prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("app 7: ")];
    (before, "[ab]{1,2}", value).prop_map(|(before, key, value)| format!("{before}{{\"{key}\":{value}}}").into_bytes())
}

fn any_logfmt() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        "[a-c0-9.:]{0,6}",
        "\"([a-c0-9 ]|\\\\[\"n\\\\])*\"",
        "0{0,2}[0-9]{1,3}",
        "[\"=é]{1,2}"
    ];
    let pair = ("[a-c][a-c0-9._-]{0,2}", value, " {1,2}|\t");
    let pair = pair.prop_map(|(key, value, gap)| format!("{key}={value}{gap}"));
    let before = prop_oneof![
        2 => Just(""),
        1 => Just("app 7: "),
        1 => Just("[10] x=1 then "),
        1 => Just("\u{e9}1=2 {\"a\" "),
    ];
    let line = (before, prop::collection::vec(pair, 1..4));
    line.prop_map(|(before, pairs)| format!("{before}{}", pairs.concat()).into_bytes())
}

fn any_attributes() -> impl Strategy<Value = Vec<(String, AttributeValue)>> {
    let value = prop_oneof![
        any::<bool>().prop_map(AttributeValue::Bool),
        any::<i64>().prop_map(AttributeValue::Integer),
        (0..50_i64).prop_map(AttributeValue::Integer),
        any::<f64>()
            .prop_filter("equal to itself", |n| !n.is_nan())
            .prop_map(AttributeValue::Number),
        "\\PC{0,12}".prop_map(AttributeValue::Text),
        Just(AttributeValue::Json(serde_json::json!({"a": [1, "x", null]}))),
    ];
    prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec(("[a-c.]{1,2}", value), 0..4),
    ]
}

fn any_place() -> impl Strategy<Value = Option<Place>> {
    let place = (0..2_u8, 0..3_u8, prop_oneof![0..9999_u64, any::<u64>()], any::<u32>());
    prop::option::of(place.prop_map(|(agent, generation, start, source_bytes)| Place {
        agent: AgentId([agent; 16]),
        generation: GenerationId([generation; 16]),
        start,
        source_bytes,
    }))
}

fn any_row() -> impl Strategy<Value = Owned> {
    let time = prop_oneof![
        (0..100_i64).prop_map(|ms| 1_700_000_000_000_000_000 + ms * 1_000_000),
        any::<i64>()
    ];
    let numbers = (
        time,
        any::<bool>(),
        any::<i64>(),
        0..3_u32,
        prop_oneof![0..200_u64, any::<u64>()],
        0..7_u8,
    );
    let part = prop::option::of((prop_oneof![0..3_u32, any::<u32>()], any::<bool>()));
    (numbers, 0..9_u8, any_line(), any_place(), part, any_attributes()).prop_map(
        |(
            (time_nanos, time_parsed, observed_nanos, partition, offset, rank),
            number,
            line,
            place,
            part,
            attributes,
        )| {
            Owned {
                time_nanos,
                time_parsed,
                observed_nanos,
                partition,
                offset,
                severity: Severity::from_rank(rank).unwrap(),
                stream: stream(number),
                line,
                place,
                part,
                attributes,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_rows_come_back(rows in any_rows(120)) {
        check_round_trip(&rows);
    }
}
