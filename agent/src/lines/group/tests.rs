use proptest::prelude::*;

use super::*;

const WIDE: Limits = Limits {
    line_bytes_max: 100,
    bytes_max: usize::MAX,
    pieces_max: usize::MAX,
};

fn reading(rule: Option<&Multiline>, format: Format) -> Reading<'_> {
    Reading {
        encoding: Encoding::Utf8,
        format,
        multiline: rule,
        limits: match format {
            Format::Cri => MultilineLimits {
                lines_max: 10,
                bytes_max: 120,
            },
            _ => MultilineLimits {
                lines_max: 4,
                bytes_max: 60,
            },
        },
        timeout_nanos: 1_000_000_000,
    }
}

fn rule() -> Multiline {
    Multiline::new(None, None, true, &[]).unwrap()
}

/// Text, first byte, source length, attributes' names.
type Seen = (String, u64, u64, Vec<String>);

fn events(bytes: &[u8], flush: Flush, reading: Reading<'_>) -> (Vec<Seen>, Stopped) {
    let mut seen = Vec::new();
    let stopped = cut_events(bytes, Place::default(), flush, WIDE, reading, |found| {
        seen.push(match found {
            Found::Hole { start, end } => ("<hole>".into(), start, end - start, Vec::new()),
            Found::Event(event) => (
                String::from_utf8_lossy(&event.bytes).into_owned(),
                event.start,
                event.source_len.into(),
                event.attributes.into_iter().map(|(name, _)| name).collect(),
            ),
        });
    });
    (seen, stopped)
}

#[track_caller]
fn check(input: &str, flush: Flush, reading: Reading<'_>, expected: &[&str], held: usize) {
    let (seen, stopped) = events(input.as_bytes(), flush, reading);
    let texts: Vec<&str> = seen.iter().map(|(text, ..)| &**text).collect();
    assert_eq!(texts, expected);
    assert_eq!(stopped.place.offset as usize, input.len() - held);
}

#[test]
fn lines_that_go_on_wait_for_the_next_event_and_are_one_record_of_their_own_bytes() {
    let rule = rule();
    let reading = reading(Some(&rule), Format::Plain);
    check("a\r\n b\n c\r\nd\n", Flush::No, reading, &["a\r\n b\n c"], 2);
    check("a\n b\nd\n", Flush::Events, reading, &["a\n b", "d"], 0);
    check("a\n b\nd\n e", Flush::Events, reading, &["a\n b", "d"], 2);
    check("a\n b\nd\n e", Flush::All, reading, &["a\n b", "d\n e"], 0);
    let (seen, stopped) = events(b"a\r\n b\r\nc\n", Flush::No, reading);
    assert_eq!((seen[0].1, seen[0].2), (0, 7), "the last line's end belongs to it");
    assert!(stopped.waiting && stopped.needs_more);
}

#[test]
fn a44_an_event_ends_at_its_limits_and_says_so() {
    let rule = rule();
    let reading = reading(Some(&rule), Format::Plain);
    let (seen, _) = events(b"a\n 1\n 2\n 3\n 4\n 5\nb\n", Flush::No, reading);
    assert_eq!(seen[0].0, "a\n 1\n 2\n 3");
    assert_eq!(seen[0].3, ["log.multiline.limit"]);
    assert_eq!(seen[1].0, " 4\n 5");
    let long = format!("a\n {}\n {}\nb\n", "x".repeat(40), "y".repeat(40));
    let (seen, _) = events(long.as_bytes(), Flush::No, reading);
    assert_eq!(seen.len(), 2);
    assert!(seen[0].0.ends_with('x') && seen[1].0.ends_with('y'));
    let longer = format!("a\n {}\n b\nc\n", "x".repeat(150));
    let (seen, _) = events(longer.as_bytes(), Flush::No, reading);
    let texts: Vec<usize> = seen.iter().map(|seen| seen.0.len()).collect();
    assert_eq!(texts, [1, 100, 51, 2], "a line of parts belongs to no event");
}

fn cri(time: u32, output: &str, tag: &str, text: &str) -> String {
    format!("1970-01-01T00:00:{time:02}Z {output} {tag} {text}\n")
}

#[test]
fn pieces_of_a_containers_line_are_joined_by_their_output() {
    let reading = reading(None, Format::Cri);
    let input = [
        cri(0, "stdout", "P", "a"),
        cri(0, "stderr", "F", "x"),
        cri(0, "stdout", "P", "b"),
        cri(0, "stdout", "F", "c"),
        cri(0, "stdout", "F", ""),
    ]
    .concat();
    check(&input, Flush::No, reading, &["abc", "x", ""], 0);
    let (seen, _) = events(input.as_bytes(), Flush::No, reading);
    assert_eq!(seen[0].3, ["log.iostream"]);
    let covered: u64 = seen.iter().map(|seen| seen.2).sum();
    assert_eq!(covered as usize, input.len());
    // A line whose rest never comes.
    check(
        &cri(0, "stdout", "P", "a"),
        Flush::No,
        reading,
        &[],
        cri(0, "stdout", "P", "a").len(),
    );
    let (seen, _) = events(cri(0, "stdout", "P", "a").as_bytes(), Flush::Events, reading);
    assert_eq!(seen[0].3, ["log.iostream", "log.partial"]);
    let late = [cri(0, "stdout", "P", "a"), cri(9, "stderr", "F", "x")].concat();
    check(&late, Flush::No, reading, &["a", "x"], 0);
    let strange = [cri(0, "stdout", "P", "a"), "what\n".into(), cri(0, "stdout", "F", "b")].concat();
    let (seen, _) = events(strange.as_bytes(), Flush::No, reading);
    assert_eq!(seen[1].0, "what");
    assert_eq!(seen[1].3, ["log.parse_error"]);
}

#[test]
fn traces_of_two_outputs_are_told_apart() {
    let rule = rule();
    let reading = reading(Some(&rule), Format::Cri);
    let input = [
        cri(0, "stdout", "F", "a"),
        cri(0, "stderr", "F", "x"),
        cri(0, "stdout", "F", " b"),
        cri(0, "stderr", "F", " y"),
        cri(0, "stdout", "F", "c"),
        cri(0, "stderr", "F", "z"),
    ]
    .concat();
    check(&input, Flush::Events, reading, &["a\n b", "x\n y", "c", "z"], 0);
}

#[test]
fn a24_lines_of_utf_16_and_of_one_byte_become_utf_8() {
    let with = |encoding| Reading {
        encoding,
        ..reading(None, Format::Plain)
    };
    let text = "caf\u{e9} \u{10000}\r\n\u{a0a}\nend\n";
    let little: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let (seen, stopped) = events(&little, Flush::No, with(Encoding::named("utf-16le").unwrap()));
    let texts: Vec<&str> = seen.iter().map(|(text, ..)| &**text).collect();
    assert_eq!(texts, ["caf\u{e9} \u{10000}", "\u{a0a}", "end"]);
    assert_eq!(stopped.place.offset as usize, little.len());
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let (seen, _) = events(&big, Flush::No, with(Encoding::named("utf-16be").unwrap()));
    assert_eq!(seen[0].0, "caf\u{e9} \u{10000}");
    let (seen, _) = events(b"caf\xe9 \x80\n", Flush::No, with(Encoding::named("latin1").unwrap()));
    assert_eq!((&*seen[0].0, seen[0].2), ("caf\u{e9} \u{20ac}", 7));
}

fn cut_in_reads(
    input: &[u8],
    reads: &[usize],
    (bytes_max, pieces_max): (usize, usize),
    reading: Reading<'_>,
) -> Vec<(String, u64, u64)> {
    let limits = Limits {
        bytes_max,
        pieces_max,
        ..WIDE
    };
    let (mut place, mut found, mut visible) = (Place::default(), Vec::new(), 0);
    let mut reads = reads.iter().copied();
    loop {
        let flush = if visible == input.len() { Flush::All } else { Flush::No };
        let from = place;
        let stopped = cut_events(
            &input[place.offset as usize..visible],
            from,
            flush,
            limits,
            reading,
            |event| {
                found.push(match event {
                    Found::Hole { start, end } => (String::new(), start, end - start),
                    Found::Event(event) => {
                        let text = String::from_utf8_lossy(&event.bytes).into_owned();
                        (text, event.start, event.source_len.into())
                    }
                });
            },
        );
        place = stopped.place;
        if place == from {
            if visible == input.len() {
                assert_eq!(place.offset as usize, input.len(), "a flush leaves nothing");
                return found;
            }
            visible = input.len().min(visible + reads.next().unwrap_or(input.len()).max(1));
        }
    }
}

fn log() -> impl Strategy<Value = String> {
    let text = "[ a-c]{0,30}";
    let line = prop_oneof![
        4 => text.prop_map(|text| format!("{text}\n")),
        1 => text.prop_map(|text| format!("{text}\r\n")),
        4 => (0u32..30, any::<bool>(), any::<bool>(), text)
            .prop_map(|(time, err, more, text)| cri(time, if err { "stderr" } else { "stdout" }, if more { "P" } else { "F" }, &text)),
        1 => Just("x".repeat(150) + "\n"),
        1 => Just("\0".repeat(70)),
    ];
    proptest::collection::vec(line, 0..40).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn events_do_not_depend_on_how_the_bytes_came_nor_on_batches_and_cover_each_byte_once(
        input in log(),
        reads in proptest::collection::vec(1usize..80, 0..60),
        bytes_max in 1usize..100,
        pieces_max in 1usize..5,
        joins: bool,
        format in prop_oneof![Just(Format::Plain), Just(Format::Cri)],
    ) {
        let rule = rule();
        let reading = reading(joins.then_some(&rule), format);
        let whole = cut_in_reads(input.as_bytes(), &[], (usize::MAX, usize::MAX), reading);
        let piecewise = cut_in_reads(input.as_bytes(), &reads, (bytes_max, pieces_max), reading);
        let merged = |pieces: Vec<(String, u64, u64)>| {
            // A hole may be seen piece by piece.
            let mut merged: Vec<(String, u64, u64)> = Vec::new();
            for piece in pieces {
                match merged.last_mut() {
                    Some(last) if last.0.is_empty() && piece.0.is_empty() && input.as_bytes()[piece.1 as usize] == 0 => last.2 += piece.2,
                    _ => merged.push(piece),
                }
            }
            merged
        };
        prop_assert_eq!(merged(whole.clone()), merged(piecewise));
        let mut at = 0;
        for (text, start, len) in &whole {
            prop_assert_eq!(*start, at);
            at += len;
            if format == Format::Plain && !text.is_empty() {
                let source = &input[*start as usize..at as usize];
                prop_assert!(source.starts_with(text.as_str()) && source.len() - text.len() <= 2);
            }
        }
        prop_assert_eq!(at as usize, input.len());
    }
}
