//! A line's template is a matter of the line alone, however it is cut with others.

use proptest::prelude::*;

use super::stripe::StripeText;
use super::template_id;
use super::tests::{Owned, block};
use super::{PageQuery, Shape};

/// Ids of the rows' templates, cut together.
fn ids(rows: &[Owned]) -> Vec<u64> {
    let text = StripeText::cut(&block(rows));
    text.lines.templates.iter().map(|&t| text.ids[t as usize]).collect()
}

#[track_caller]
fn check_alone(rows: &[Owned]) {
    let block = block(rows);
    for (row, id) in block.rows().zip(ids(rows)) {
        assert_eq!(template_id(&row), id, "{:?}", String::from_utf8_lossy(row.line));
    }
}

/// A line whose time is that of its row, written in one of several ways and places.
fn line(time_millis: i64, form: u8, before: u8, rest: &str) -> Owned {
    let time_nanos = time_millis * 1_000_000;
    let time = jiff::Timestamp::from_nanosecond(time_nanos.into()).unwrap();
    let time = match form {
        0 => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        1 => time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        2 => time.strftime("%Y-%m-%d %H:%M:%S +0000").to_string(),
        3 => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        4 => time.strftime("%y%m%d %H%M%S").to_string(),
        _ => time.strftime("%b %e %H:%M:%S").to_string(),
    };
    let text = match before {
        0 => format!("{time} {rest}"),
        1 => format!("[{time}] {rest} {time}"),
        2 => format!("{{\"t\":\"{time}\",\"a\":\"{rest}\"}}"),
        3 => format!("{{\"t\":\"{time}\",\"ts\":\"{time}\",\"a\":\"{rest}\"}}"),
        4 => format!("{rest} {time}{rest}"),
        5 => format!("{{\"{rest}\":1,\"time\":\"{time}\"}}"),
        _ => format!("time=\"{time}\" msg=\"{rest}\""),
    };
    Owned {
        time_nanos,
        ..Owned::plain(0, text)
    }
}

fn any_line() -> impl Strategy<Value = Owned> {
    let rest = prop_oneof![
        Just("x"),
        Just("10:00:00 x"),
        Just(".5"),
        Just("Z"),
        Just("7 12"),
        Just("0123456789abcdef")
    ];
    (0..4_i64, any::<bool>(), 0..6_u8, 0..7_u8, rest).prop_map(|(seconds, whole, form, before, rest)| {
        let millis = 1_700_000_000_000 + seconds * 1000 + if whole { 0 } else { 123 };
        line(millis, form, before, rest)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_template_does_not_depend_on_the_lines_around(rows in prop::collection::vec(any_line(), 1..12)) {
        check_alone(&rows);
    }

    #[test]
    fn nor_does_that_of_any_row(rows in super::tests::any_rows(30)) {
        check_alone(&rows);
    }
}

#[test]
fn a_time_that_goes_on_is_found_whole_behind_one_that_does_not() {
    let rest = "x";
    check_alone(&[line(1_700_000_000_000, 0, 0, rest), line(1_700_000_000_000, 1, 0, rest)]);
    check_alone(&[line(1_700_000_000_000, 0, 0, rest), line(1_700_000_000_000, 2, 0, rest)]);
}

/// However many shapes there are, a line's template stays what it is.
#[test]
fn many_shapes_change_no_template() {
    let letters = |mut n: u64| -> String {
        let letter = |n: &mut u64| {
            let letter = char::from(b'a' + (*n % 26) as u8);
            *n /= 26;
            letter
        };
        (0..4).map(|_| letter(&mut n)).collect()
    };
    let rows: Vec<Owned> = (0..2000)
        .map(|n| Owned {
            stream: super::tests::stream(0),
            ..Owned::plain(n, format!("{{\"{}\":{n}}}", letters(n * 7919)))
        })
        .collect();
    check_alone(&rows);
    let text = StripeText::cut(&block(&rows));
    assert_eq!(text.templates.len(), rows.len());
}

#[test]
fn names_that_are_values_make_no_shapes() {
    let row = |n: u64| {
        Owned::plain(
            n,
            format!(
                "{{\"req-{:016x}\":{{\"n\":{n}}}}}",
                n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ),
        )
    };
    let rows: Vec<Owned> = (1..300).map(row).collect();
    check_alone(&rows);
    assert!(StripeText::cut(&block(&rows)).templates.len() < 10);
    let named = [Owned::plain(0, r#"{"http2":1,"p99":2,"x86_64":3}"#)];
    assert!(matches!(StripeText::cut(&block(&named)).shapes[0], Shape::Fields(_)));
}

/// Fields beyond those that are held are read from the lines.
#[test]
fn lines_of_more_shapes_than_are_held_are_found_by_their_fields() {
    let letter = |n: u64| char::from(b'a' + n as u8);
    let name = |n: u64, k: u64| {
        format!(
            "{}{}{}{}",
            letter(n / 17),
            letter(n % 17),
            letter(k / 16),
            letter(k % 16)
        )
    };
    let row = |n: u64| {
        let members: Vec<String> = (0..200).map(|k| format!("\"{}\":\"v {k}\"", name(n, k))).collect();
        Owned {
            stream: super::tests::stream(0),
            ..Owned::plain(n, format!("{{{}}}", members.join(",")))
        }
    };
    let rows: Vec<Owned> = (0..250).map(row).collect();
    let shapes = StripeText::cut(&block(&rows)).shapes;
    assert!(shapes.contains(&Shape::Unread));
    assert!(shapes.iter().any(|shape| matches!(shape, Shape::Fields(_))));
    let dir = tempfile::tempdir().unwrap();
    let options = super::SplitOptions {
        stripe_rows_max: 1000,
        ..super::tests::options()
    };
    let meta = super::write_split(dir.path(), &block(&rows), &options, 0).unwrap();
    let split = super::Split::open(&dir.path().join(format!("{}.split", meta.id))).unwrap();
    assert_eq!(super::tests::read_all(&split), rows);
    for n in [0, 100, 249] {
        let field = PageQuery::FieldExists(name(n, 199));
        let value = PageQuery::FieldEquals(name(n, 3), "v 3".to_owned());
        for query in [field, value] {
            assert_eq!(split.candidates(&query).unwrap(), [n as u32 / 16], "{query:?}");
        }
    }
}
