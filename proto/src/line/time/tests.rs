//! Which times lines name, and that they can be written back.

use super::*;
use jiff::tz::TimeZone;

/// 2026-11-20 12:00:00 UTC.
const NOW: i64 = 1_795_176_000 * 1_000_000_000;

fn hints() -> TimeHints {
    TimeHints {
        reference_nanos: NOW,
        zone: TimeZone::UTC,
    }
}

/// Finds, and checks that the form writes the same bytes.
fn found(line: &str, hints: &TimeHints) -> Option<(String, String)> {
    let found = TimeReader::new().find(line.as_bytes(), hints)?;
    let text = &line[found.start..found.end];
    if let Some(form) = describe(line.as_bytes(), &found, hints) {
        let mut written = Vec::new();
        TimeForm::from_bytes(&form.to_bytes())
            .expect("own bytes")
            .write(found.nanos, &mut written);
        assert_eq!(written, text.as_bytes(), "{line}");
    }
    let time = jiff::Timestamp::from_nanosecond(found.nanos.into()).expect("within jiff's years");
    Some((time.to_string(), text.to_owned()))
}

/// `line` holds the time between guillemets-like bars: `a |time| b`.
#[track_caller]
fn check(line: &str, expected: &str) {
    check_with(line, expected, &hints());
    let plain = line.replace('¦', "");
    let found = TimeReader::new()
        .find(plain.as_bytes(), &hints())
        .expect("checked above");
    assert!(
        describe(plain.as_bytes(), &found, &hints()).is_some(),
        "no form for {plain}"
    );
}

#[track_caller]
fn check_with(line: &str, expected: &str, hints: &TimeHints) {
    let text = line.split('¦').nth(1).expect("a marked time");
    let plain = line.replace('¦', "");
    assert_eq!(
        found(&plain, hints),
        Some((expected.to_owned(), text.to_owned())),
        "{plain}"
    );
}

#[track_caller]
fn check_none(line: &str) {
    assert_eq!(found(line, &hints()), None, "{line}");
}

#[test]
fn iso_dates_in_all_their_dresses_are_read() {
    check("¦2026-11-01T10:00:00Z¦ x", "2026-11-01T10:00:00Z");
    check("¦2026-11-01 10:00:00,123¦ - INFO", "2026-11-01T10:00:00.123Z");
    check(
        "[¦2026-11-01T10:00:00.123456789+01:00¦] x",
        "2026-11-01T09:00:00.123456789Z",
    );
    check("¦2026-11-01 10:00:00.5 -0730¦ x", "2026-11-01T17:30:00.5Z");
    check("¦2026-11-01 10:00:00 UTC¦ [1] LOG:", "2026-11-01T10:00:00Z");
    check("¦2026-11-01 10:00:00+00¦ x", "2026-11-01T10:00:00Z");
    check("¦2026/11/01 10:00:00¦ [error] 1#1: x", "2026-11-01T10:00:00Z");
    check("¦2026-11-01 10:00¦ x", "2026-11-01T10:00:00Z");
    check("¦2026-11-01 10:00:00:123¦ x", "2026-11-01T10:00:00.123Z");
    check(
        "<165>1 ¦2026-11-01T10:00:00.1Z¦ host app - - -",
        "2026-11-01T10:00:00.1Z",
    );
    check("INFO ¦2026-11-01T10:00:00Z¦", "2026-11-01T10:00:00Z");
    check(
        "¦2026-11-01T10:00:00.123+01:00¦[Europe/Paris]",
        "2026-11-01T09:00:00.123Z",
    );
    check("¦2026-11-01 10:00:00¦ CET x", "2026-11-01T10:00:00Z");
    check("¦2024-02-29 23:59:59¦", "2024-02-29T23:59:59Z");
}

#[test]
fn compact_and_short_dates_are_read() {
    check("¦20261101T100000Z¦ x", "2026-11-01T10:00:00Z");
    check("¦20261101 10:00:00.123¦ x", "2026-11-01T10:00:00.123Z");
    check("¦20261101-10:0:0:12¦|Step", "2026-11-01T10:00:00.012Z");
    check("¦20261101-22:15:29:606¦|Step", "2026-11-01T22:15:29.606Z");
    check("¦26/11/01 10:00:00¦ INFO x", "2026-11-01T10:00:00Z");
    check("¦261101 203615¦ 148 INFO x", "2026-11-01T20:36:15Z");
}

#[test]
fn month_names_are_read_before_and_after_the_day() {
    check("¦Nov  1 10:00:00¦ host app: x", "2026-11-01T10:00:00Z");
    check("¦Nov 01 10:00:00.123¦ host app: x", "2026-11-01T10:00:00.123Z");
    check("<13>¦Nov 1 10:00:00¦ host", "2026-11-01T10:00:00Z");
    check("[¦Sun Nov 01 10:00:00.123456 2026¦] [x]", "2026-11-01T10:00:00.123456Z");
    check("¦Sun Nov  1 10:00:00 2026¦ x", "2026-11-01T10:00:00Z");
    check("*¦Nov 01 2026 10:00:00¦: %SYS-5: x", "2026-11-01T10:00:00Z");
    check("h - - [¦01/Nov/2026:10:00:00 +0100¦] \"GET", "2026-11-01T09:00:00Z");
    check("¦01-Nov-2026 10:00:00.123¦ INFO", "2026-11-01T10:00:00.123Z");
    check("1:M ¦01 Nov 2026 10:00:00.123¦ * Ready", "2026-11-01T10:00:00.123Z");
    check("Date: Sun, ¦1 Nov 2026 10:00:00 GMT¦", "2026-11-01T10:00:00Z");
}

#[test]
fn a_wrong_weekday_is_read_but_has_no_form() {
    let line = b"[Mon Nov 01 10:00:00 2026] x";
    let found = TimeReader::new().find(line, &hints()).expect("a time");
    assert_eq!(describe(line, &found, &hints()), None);
}

#[test]
fn klog_logcat_and_audit_are_read() {
    check(
        "I¦1101 10:00:00.123456¦   1 main.go:7] x",
        "2026-11-01T10:00:00.123456Z",
    );
    check(
        "W¦20261101 10:00:00.123456¦   1 main.cc:7] x",
        "2026-11-01T10:00:00.123456Z",
    );
    check("¦11-01 10:00:00.123¦  1702  2395 D Tag: x", "2026-11-01T10:00:00.123Z");
    check(
        "type=CWD msg=audit(¦1793527200.123¦:42): cwd",
        "2026-11-01T10:00:00.123Z",
    );
}

#[test]
fn epochs_are_read_where_a_line_begins_or_under_a_key() {
    check("¦1793527200¦ x", "2026-11-01T10:00:00Z");
    check("[¦1793527200.5¦] x", "2026-11-01T10:00:00.5Z");
    check("¦1793527200123¦ x", "2026-11-01T10:00:00.123Z");
    check("¦1793527200123456¦ x", "2026-11-01T10:00:00.123456Z");
    check("¦1793527200123456789¦ x", "2026-11-01T10:00:00.123456789Z");
    check("level=info ts=¦1793527200.123¦ a=b", "2026-11-01T10:00:00.123Z");
    check(
        r#"{"ts":¦1793527200.1234567¦,"msg":"x"}"#,
        "2026-11-01T10:00:00.1234567Z",
    );
    check(r#"{"time":¦1793527200123¦}"#, "2026-11-01T10:00:00.123Z");
    check(
        r#"{"t":{"$date":"¦2026-11-01T10:00:00.123+00:00¦"},"s":"I"}"#,
        "2026-11-01T10:00:00.123Z",
    );
    check_none("took 1793527200 x");
    check_none("id=1793527200 x");
    check_none("1893456000 x"); // 2030 is not believed
    check_none(r#"{"ts":12.5,"msg":"uptime"}"#);
}

#[test]
fn structured_lines_name_it_under_a_key_only() {
    check(
        r#"{"date":"2020-01-01 00:00:00","msg":"x","@timestamp":"¦2026-11-01T10:00:00Z¦"}"#,
        "2026-11-01T10:00:00Z",
    );
    check(r#"{"msg":"x","date":"¦2026-11-01 10:00:00¦"}"#, "2026-11-01T10:00:00Z");
    check(
        r#"{"time_local":"[¦01/Nov/2026:10:00:00 +0000¦]"}"#,
        "2026-11-01T10:00:00Z",
    );
    check_none(r#"{"expires":"2026-11-01T10:00:00Z"}"#);
    check(
        r#"expires=2026-12-01T00:00:00Z time="¦2026-11-01T10:00:00Z¦""#,
        "2026-11-01T10:00:00Z",
    );
    check(
        r#"web-1 | {"expires":"2026-12-01 00:00:00","ts":"¦2026-11-01 10:00:00¦"}"#,
        "2026-11-01T10:00:00Z",
    );
    check(
        r#"¦2026-11-01 10:00:00¦ {"ts":"2026-12-01 00:00:00"}"#,
        "2026-11-01T10:00:00Z",
    );
    check(r#"{"ts":"¦2026-11-01 10:00:00¦","cut"#, "2026-11-01T10:00:00Z");
}

#[test]
fn what_is_no_time_is_not_found() {
    for line in [
        "",
        " ",
        "no digits here at all",
        "12",
        "2026",
        "2026-13-01 10:00:00",
        "2026-02-29 10:00:00",
        "2026-11-01 24:00:00",
        "2026-11-01 10:60:00",
        "2026-11-01 10:00:61",
        "2026-11-01",
        "10:00:00",
        "Nov 31 10:00:00 x",
        "Nov  1 10:00 x",
        "v2026-11-01T10:00:00Z",
        "2026-11-01T10:00:00Zoo",
        "2026-11-01 10:00:00abc",
        "/2026/11/01 10:00:00",
        "I1301 10:00:00.123456 x",
        "13-01 10:00:00.123 x",
        "saw 11-01 10:00:00.123 x",
        "saw 26/11/01 10:00:00",
        "0000-01-01 00:00:00",
        "9999-01-01 00:00:00",
        "nov  1 10:00:00",
        "11-01 10:00:00 x",
        "2026-11-01 10:00:5",
    ] {
        check_none(line);
    }
    check_none(&format!("{}2026-11-01 10:00:00", "x ".repeat(64)));
}

#[test]
fn a_missing_year_is_the_nearest_that_is_not_ahead() {
    let at = |time: &str| TimeHints {
        reference_nanos: i64::try_from(time.parse::<jiff::Timestamp>().expect("a time").as_nanosecond()).expect("fits"),
        zone: TimeZone::UTC,
    };
    check_with(
        "¦Dec 31 23:59:59¦ x",
        "2026-12-31T23:59:59Z",
        &at("2027-01-01T00:00:10Z"),
    );
    check_with(
        "¦Jan  1 00:00:05¦ x",
        "2027-01-01T00:00:05Z",
        &at("2026-12-31T23:59:55Z"),
    );
    check_with(
        "¦Jan  2 00:00:05¦ x",
        "2026-01-02T00:00:05Z",
        &at("2026-12-31T23:59:55Z"),
    );
    check_with(
        "¦Feb 29 10:00:00¦ x",
        "2024-02-29T10:00:00Z",
        &at("2027-06-01T00:00:00Z"),
    );
    check_with(
        "¦Feb 29 10:00:00¦ x",
        "1896-02-29T10:00:00Z".replace("1896", "2096").as_str(),
        &at("2103-06-01T00:00:00Z"),
    );
}

#[test]
fn a_missing_zone_is_that_of_the_hints_through_gaps_and_folds() {
    let zone = TimeZone::get("America/New_York").expect("in the database");
    let hints = TimeHints {
        reference_nanos: NOW,
        zone,
    };
    check_with("¦2026-07-01 10:00:00¦ x", "2026-07-01T14:00:00Z", &hints);
    check_with("¦2026-12-01 10:00:00¦ x", "2026-12-01T15:00:00Z", &hints);
    check_with("¦2026-03-08 02:30:00¦ x", "2026-03-08T07:30:00Z", &hints); // a gap
    check_with("¦2026-11-01 01:30:00¦ x", "2026-11-01T05:30:00Z", &hints); // a fold
    check_with("¦Dec 10 06:59:00¦ x", "2025-12-10T11:59:00Z", &hints);
    check_with("¦Nov 20 06:59:00¦ x", "2026-11-20T11:59:00Z", &hints);
    let line = b"2026-03-08 02:30:00 x";
    let found = TimeReader::new().find(line, &hints).expect("a time");
    assert_eq!(
        describe(line, &found, &hints),
        None,
        "a skipped time cannot be written back"
    );
}

#[test]
fn a_remembered_offset_counts_for_its_zone_and_span_only() {
    let mut reader = TimeReader::new();
    let hints = ["UTC", "America/New_York", "Asia/Tokyo"].map(|name| TimeHints {
        reference_nanos: NOW,
        zone: TimeZone::get(name).expect("in the database"),
    });
    let lines = [
        "2026-07-01 10:00:00",
        "2026-12-01 10:00:00",
        "2026-03-08 02:30:00",
        "2026-03-08 03:30:00",
        "2026-07-01 10:00:00",
    ];
    for line in lines {
        for hints in &hints {
            assert_eq!(
                reader.find(line.as_bytes(), hints),
                TimeReader::new().find(line.as_bytes(), hints),
                "{line}"
            );
        }
    }
}

#[test]
fn a_remembered_offset_ends_before_the_clocks_change() {
    let hints = TimeHints {
        reference_nanos: NOW,
        zone: TimeZone::get("America/New_York").expect("in the database"),
    };
    let far = ["2026-01-15", "2026-07-15", "2026-12-15"];
    for days in [
        ["2026-03-07", "2026-03-08", "2026-03-09"],
        ["2026-10-31", "2026-11-01", "2026-11-02"],
    ] {
        for (day, half_hour) in days
            .iter()
            .flat_map(|day| (0..48).map(move |half_hour| (day, half_hour)))
        {
            let near = format!("{day} {:02}:{:02}:00", half_hour / 2, half_hour % 2 * 30);
            for far in far {
                let mut reader = TimeReader::new();
                let remembered = reader.find(format!("{far} 12:00:00").as_bytes(), &hints);
                assert!(remembered.is_some());
                assert_eq!(
                    reader.find(near.as_bytes(), &hints),
                    TimeReader::new().find(near.as_bytes(), &hints),
                    "{near}"
                );
            }
        }
    }
}

#[test]
fn leap_seconds_count_as_the_next_minute_and_have_no_form() {
    check_with("¦2016-12-31 23:59:60¦ x", "2017-01-01T00:00:00Z", &hints());
    let zone = TimeZone::get("Europe/Berlin").expect("in the database");
    check_with(
        "¦2017-01-01 00:59:60¦ x",
        "2017-01-01T00:00:00Z",
        &TimeHints {
            reference_nanos: NOW,
            zone,
        },
    );
}

#[test]
fn forms_of_foreign_bytes_are_refused_or_write_something() {
    for family in 0..=9u8 {
        for style in 0..=32u8 {
            for rest in [
                [0u8, 0, 0, 0],
                [0x29, 0x16, 0xff, 0x01],
                [0x3a, 0, 0, 0],
                [9, 7, 0, 0],
                [9, 2, 0xff, 0x7f],
            ] {
                let bytes = [family, style, rest[0], rest[1], rest[2], rest[3]];
                let Some(form) = TimeForm::from_bytes(&bytes) else {
                    continue;
                };
                assert_eq!(form.to_bytes(), bytes);
                for nanos in [i64::MIN, -1, 0, NOW, i64::MAX] {
                    form.write(nanos, &mut Vec::new());
                }
            }
        }
    }
    assert_eq!(TimeForm::from_bytes(&[1, 0, 0, 0, 0]), None);
    assert_eq!(TimeForm::from_bytes(&[]), None);
}
