//! What holds for any bytes.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::fields::FIELDS_MAX;
use super::{TimeForm, TimeHints, TimeReader, describe, fields, severity, structure};

const NOW: i64 = 1_795_176_000 * 1_000_000_000;

/// Pieces that times, levels, JSON and logfmt are made of, so that random lines come near them.
const PIECES: &[&str] = &[
    "2026-11-01",
    "2026-03-08",
    "2026/11/01",
    "26/11/01",
    "20261101",
    "261101",
    "11-01",
    "Nov  1",
    "Nov 01",
    "Sun ",
    "01/Nov/2026",
    "T",
    " ",
    ":",
    "-",
    "10:00:00",
    "02:30:00",
    "01:30:00",
    "100000",
    "23:59:60",
    ".123",
    ",123",
    ":123",
    ".123456789012",
    "Z",
    "+01:00",
    " -0730",
    " UTC",
    " 2026",
    "1793527200",
    "1793527200123",
    "I1101 ",
    "<13>",
    "<165>1 ",
    "[",
    "]",
    "(",
    "\"",
    "\\",
    "{",
    "}",
    "{\"",
    "\":",
    ",",
    "\"ts\":",
    "\"time\":\"",
    "\"level\":\"",
    "time=",
    "level=",
    "k=",
    "=",
    "\"",
    "ERROR",
    "info",
    "D",
    " 1702 ",
    "\\u00e9",
    "\\ud83d",
    "null",
    "-1.5e3",
    "[1,",
    "audit(",
    "\t",
    "x",
    "é",
];

/// Far from UTC, off by odd minutes, once off by seconds, with a day left out.
const ZONES: &[&str] = &[
    "UTC",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Africa/Monrovia",
];

fn lines() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Lines that name no zone, over the years and around changes of clocks.
fn local_lines() -> impl Strategy<Value = Vec<u8>> {
    let date = (2024..=2026u16, 1..=12u8, 1..=31u8, 0..=5u8, 0..60u8);
    date.prop_map(|(year, month, day, hour, minute)| {
        format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:00 x").into_bytes()
    })
}

fn zones() -> impl Strategy<Value = TimeZone> {
    proptest::sample::select(ZONES).prop_map(|name| TimeZone::get(name).expect("in the database"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_form_with_a_width_writes_every_time_in_so_many_bytes(
        family in 1..=8_u8, style in 0..32_u8, fraction in 0..0x30_u8, zone in 0..0x17_u8, ahead in -840..=840_i16,
        nanos in proptest::collection::vec(-2_000_000_000..4_000_000_000_i64, 8),
    ) {
        let [low, high] = ahead.to_le_bytes();
        let Some(form) = TimeForm::from_bytes(&[family, style, fraction, zone, low, high]) else { return Ok(()) };
        let length = |seconds: &i64| {
            let mut text = Vec::new();
            form.write(seconds * 1_000_000_000 + 123_456_789, &mut text);
            text.len()
        };
        if let Some(width) = form.width() {
            prop_assert!(nanos.iter().all(|nanos| length(nanos) == width), "{:?}", form);
        }
    }

    #[test]
    fn fuzz_any_bytes_are_read_without_panic(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        let hints = TimeHints { reference_nanos: NOW, zone: TimeZone::UTC };
        TimeReader::new().find(&line, &hints);
        severity(&line);
        structure(&line);
        fields(&line, &mut |_, _| true);
    }

    #[test]
    fn what_is_found_does_not_depend_on_what_was_found_before(
        lines in proptest::collection::vec(prop_oneof![lines(), local_lines()], 1..8), zone in zones(), other in zones(), reference_nanos in any::<i64>(),
    ) {
        let mut remembering = TimeReader::new();
        for (nth, line) in lines.iter().enumerate() {
            let zone = if nth % 3 == 2 { other.clone() } else { zone.clone() };
            let hints = TimeHints { reference_nanos: if nth % 2 == 0 { NOW } else { reference_nanos }, zone };
            prop_assert_eq!(remembering.find(line, &hints), TimeReader::new().find(line, &hints));
        }
    }

    #[test]
    fn a_form_writes_the_exact_bytes(line in lines(), zone in zones()) {
        let hints = TimeHints { reference_nanos: NOW, zone };
        if let Some(found) = TimeReader::new().find(&line, &hints) {
            prop_assert!(found.start < found.end && found.end <= line.len());
            if let Some(form) = describe(&line, &found, &hints) {
                let mut written = Vec::new();
                TimeForm::from_bytes(&form.to_bytes()).expect("own bytes").write(found.nanos, &mut written);
                prop_assert_eq!(&written, &line[found.start..found.end]);
            }
        }
    }

    #[test]
    fn every_time_that_a_form_writes_is_read_again(
        nanos in 0..4_000_000_000_000_000_000i64, bytes in (1..=7u8, 0..24u8, 0..=9u8, 0..=6u8), offset in -1080..=1080i16,
    ) {
        let [low, high] = if bytes.3 == 0 || matches!(bytes.3, 1 | 5 | 6) { [0, 0] } else { offset.to_le_bytes() };
        if let Some(form) = TimeForm::from_bytes(&[bytes.0, bytes.1, bytes.2, bytes.3, low, high]) {
            let mut line = Vec::new();
            form.write(nanos, &mut line);
            // A day on, so that years may be missing; what is left out of the text is not compared.
            let hints = TimeHints { reference_nanos: nanos, zone: TimeZone::UTC };
            if let Some(found) = TimeReader::new().find(&line, &hints) {
                let again = describe(&line, &found, &hints);
                let mut written = Vec::new();
                if let Some(again) = again {
                    again.write(found.nanos, &mut written);
                    prop_assert_eq!(&written, &line[found.start..found.end]);
                }
            }
        }
    }

    #[test]
    fn fields_stay_within_their_bounds(line in lines(), times in 1..3usize) {
        let line = line.repeat(times);
        let mut count = 0;
        fields(&line, &mut |name, value| {
            count += 1;
            assert!(name.len() <= line.len() * 3 && value.as_text().len() <= line.len() * 3);
            true
        });
        prop_assert!(count <= FIELDS_MAX);
    }

    #[test]
    fn whatever_serde_json_takes_yields_its_leaves(
        names in proptest::collection::vec("[a-z\\\\\"é ]{1,6}", 1..6), texts in proptest::collection::vec(".{0,8}", 6), number in any::<f64>(),
    ) {
        let mut object = serde_json::Map::new();
        for (name, text) in names.iter().zip(&texts) {
            object.insert(name.clone(), serde_json::json!([text, {"n": number}]));
        }
        let line = serde_json::to_string(&object).expect("a map of plain values");
        let mut found = Vec::new();
        fields(line.as_bytes(), &mut |name, value| {
            found.push((name.to_owned(), value.as_text().to_owned()));
            true
        });
        let expected: Vec<_> = object
            .iter()
            .flat_map(|(name, value)| {
                let text = value[0].as_str().expect("put there").to_owned();
                [(name.clone(), text), (format!("{name}.n"), value[1]["n"].to_string())]
            })
            .collect();
        prop_assert_eq!(found, expected);
    }
}
