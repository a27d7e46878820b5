use timberline_proto::alert::notify::Matcher;

use super::*;

fn nanos(text: &str) -> i64 {
    instant("x", text).unwrap()
}

fn window(calendar: Calendar) -> Silencer {
    let silence = Silence {
        matchers: vec![Matcher::equal("host", "db-1")],
        starts: "2026-01-01T00:00:00Z".to_owned(),
        calendar: Some(calendar),
        by: "ann".to_owned(),
        ..Silence::default()
    };
    Silencer::new("1", &silence).unwrap()
}

fn calendar(from: &str, to: &str) -> Calendar {
    Calendar {
        zone: "Europe/Berlin".to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        ..Calendar::default()
    }
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_began() {
    let silencer = window(Calendar {
        weekdays: vec![Weekday::Sat],
        ..calendar("22:00", "02:00")
    });
    // 2026-11-28 is a Saturday; Berlin is one hour ahead.
    for (at, active) in [
        ("2026-11-28T20:59:59Z", false),
        ("2026-11-28T21:00:00Z", true),
        ("2026-11-29T00:59:59Z", true),
        ("2026-11-29T01:00:00Z", false),
        ("2026-11-29T21:30:00Z", false),
    ] {
        assert_eq!(silencer.is_active(nanos(at)), active, "{at}");
    }
}

#[test]
fn hours_are_those_of_the_zone_through_the_change_of_clocks() {
    let silencer = window(calendar("03:00", "04:00"));
    // Berlin: 2026-03-29 02:00 becomes 03:00; 2026-10-25 03:00 becomes 02:00.
    for (at, active) in [
        ("2026-03-28T02:30:00Z", true),
        ("2026-03-29T00:59:59Z", false),
        ("2026-03-29T01:00:00Z", true),
        ("2026-03-29T02:00:00Z", false),
        ("2026-10-24T01:30:00Z", true),
        ("2026-10-25T01:30:00Z", false),
        ("2026-10-25T02:30:00Z", true),
    ] {
        assert_eq!(silencer.is_active(nanos(at)), active, "{at}");
    }
    let skipped = window(calendar("02:15", "02:45"));
    // What the change of clocks skips comes as much later.
    assert!(skipped.is_active(nanos("2026-03-29T01:30:00Z")) && !skipped.is_active(nanos("2026-03-29T00:30:00Z")));
}

#[test]
fn days_count_from_the_end_too_and_all_conditions_hold_at_once() {
    let last = window(Calendar {
        days: vec![-1],
        months: vec![2, 4],
        ..calendar("00:00", "24:00")
    });
    for (at, active) in [
        ("2028-02-29T12:00:00Z", true),
        ("2028-02-28T12:00:00Z", false),
        ("2026-04-30T12:00:00Z", true),
        ("2026-05-31T12:00:00Z", false),
        ("2026-04-30T22:30:00Z", false),
    ] {
        assert_eq!(last.is_active(nanos(at)), active, "{at}");
    }
}

#[test]
fn what_would_silence_everything_or_nothing_is_refused() {
    let fine = Silence {
        matchers: vec![Matcher::equal("host", "db-1")],
        starts: "2026-11-30T20:00:00Z".to_owned(),
        ends: Some("2026-11-30T22:00:00Z".to_owned()),
        by: "ann".to_owned(),
        ..Silence::default()
    };
    assert!(Silencer::new("1", &fine).is_ok());
    let refused = |change: &dyn Fn(&mut Silence), word: &str| {
        let mut silence = fine.clone();
        change(&mut silence);
        let message = Silencer::new("1", &silence).unwrap_err();
        assert!(message.contains(word), "{message}");
    };
    refused(&|s| s.matchers.clear(), "everything");
    refused(&|s| s.ends = None, "no end");
    refused(&|s| s.ends = Some("2026-11-30T19:00:00Z".to_owned()), "before");
    refused(&|s| s.by = " ".to_owned(), "by");
    refused(&|s| s.starts = "tomorrow".to_owned(), "starts");
    refused(
        &|s| {
            s.calendar = Some(Calendar {
                days: vec![31],
                months: vec![2],
                ..calendar("01:00", "02:00")
            })
        },
        "no day",
    );
    refused(
        &|s| {
            s.calendar = Some(Calendar {
                zone: "Mars/Base".to_owned(),
                ..calendar("01:00", "02:00")
            })
        },
        "zone",
    );
    refused(&|s| s.calendar = Some(calendar("1:00", "02:00")), "from");
}
