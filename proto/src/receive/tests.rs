use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::line::{TimeHints, TimeReader};

fn hints() -> TimeHints {
    TimeHints {
        reference_nanos: 1_796_040_000_000_000_000, // 2026-11-30T12:00:00Z
        zone: jiff::tz::TimeZone::UTC,
    }
}

fn read(message: &[u8]) -> Said {
    syslog(message, &mut TimeReader::new(), &hints())
}

/// `time host service name=value …`, `-` for what is not there.
#[track_caller]
fn check(message: &str, expected: &str) {
    assert_eq!(shown(&read(message.as_bytes())), expected, "{message}");
}

fn shown(said: &Said) -> String {
    let time = said.time_nanos.map_or("-".to_owned(), |nanos| {
        jiff::Timestamp::from_nanosecond(nanos.into()).unwrap().to_string()
    });
    let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
    let mut shown = format!("{time} {} {}", part(&said.host), part(&said.service));
    for (name, value) in &said.attributes {
        let name = name.replace("syslog.structured_data.", "sd:").replace("syslog.", "");
        let value = match value {
            AttributeValue::Text(text) => text.clone(),
            AttributeValue::Integer(number) => number.to_string(),
            other => serde_json::to_string(other).unwrap(),
        };
        shown += &format!(" {name}={value}");
    }
    shown
}

#[test]
fn messages_of_rfc_5424_are_read() {
    check(
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed",
        "2003-10-11T22:14:15.003Z mymachine.example.com su severity_text=crit facility=auth msgid=ID47",
    );
    check(
        "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time",
        "2003-08-24T12:14:15.000003Z 192.0.2.1 myproc severity_text=notice facility=local4 process.pid=8710",
    );
    check(
        "<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [ex@32473 iut=\"3\" src=\"A \\\"pp\\] \\\\\"][p@1 class=\"high\"] An event",
        "2003-10-11T22:14:15.003Z h evntslog severity_text=notice facility=local4 msgid=ID47 sd:ex@32473.iut=3 sd:ex@32473.src=A \"pp] \\ sd:p@1.class=high",
    );
    check(
        "<13>1 - - - - - [a x=\"1\" x=\"2\"][b]",
        "- - - severity_text=notice facility=user sd:a.x=[\"1\",\"2\"] sd:b=",
    );
    check(
        "<191>1 - - app thread-7 - -",
        "- - app severity_text=debug facility=local7 procid=thread-7",
    );
    check(
        "<13>1 2026-11-30T11:00:00Z h a - - [broken x=1] text",
        "2026-11-30T11:00:00Z h a severity_text=notice facility=user log.parse_error=syslog structured data",
    );
}

#[test]
fn messages_of_rfc_3164_and_what_devices_make_of_it_are_read() {
    check(
        "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
        "2026-10-11T22:14:15Z mymachine su severity_text=crit facility=auth",
    );
    check(
        "<13>Nov 30 11:04:27 web-1 postfix/smtpd[4711]: connect",
        "2026-11-30T11:04:27Z web-1 postfix/smtpd severity_text=notice facility=user process.pid=4711",
    );
    check(
        "<13>Nov 30 11:04:27 root: without a host",
        "2026-11-30T11:04:27Z - root severity_text=notice facility=user",
    );
    check(
        "<13>2026-11-30T11:04:27.123456+01:00 web-1 app[1]: rsyslog's own",
        "2026-11-30T10:04:27.123456Z web-1 app severity_text=notice facility=user process.pid=1",
    );
    check(
        "Nov 30 11:04:27 web-1 app: no priority",
        "2026-11-30T11:04:27Z web-1 app",
    );
    check(
        "<13>Dec 31 23:59:59 h last message repeated 2 times",
        "2025-12-31T23:59:59Z h - severity_text=notice facility=user",
    );
    check("<13>just words", "- - - severity_text=notice facility=user");
    check("just words", "- - - log.parse_error=syslog");
    check("", "- - - log.parse_error=syslog");
    check(
        "<4>Nov 30 11:04:27 Message forwarded from aix7: su: BAD",
        "2026-11-30T11:04:27Z aix7 su severity_text=warning facility=kern",
    );
    // A priority that is none is left in the text.
    check("<999>Nov 30 11:04:27 h a: x", "- - - log.parse_error=syslog");
}

#[test]
fn ciscos_lines_are_read() {
    check(
        "<189>29: *Mar  1 18:46:11.123: %SYS-5-CONFIG_I: Configured from console",
        "2026-03-01T18:46:11.123Z - - severity_text=notice facility=local7 msgid=SYS-5-CONFIG_I",
    );
    check(
        "<189>29: router1: Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured",
        "2026-03-01T18:46:11.123Z router1 - severity_text=notice facility=local7 msgid=SYS-5-CONFIG_I",
    );
    check(
        "<166>Nov 30 2026 11:04:27: %ASA-6-302013: Built outbound TCP",
        "2026-11-30T11:04:27Z - - severity_text=info facility=local4 msgid=ASA-6-302013",
    );
    check(
        "<166>Nov 30 2026 11:04:27 fw-1 : %ASA-6-302013: Built",
        "2026-11-30T11:04:27Z fw-1 - severity_text=info facility=local4 msgid=ASA-6-302013",
    );
    check("<189>30: ", "- - - severity_text=notice facility=local7");
}

#[test]
fn bytes_that_are_no_text_stand_in_names_as_replacements_and_in_the_line_as_they_are() {
    let said = read(b"<13>Nov 30 11:04:27 h\xff a\xfe[1]: \x80");
    assert_eq!(said.host.as_deref(), Some("h\u{fffd}"));
    assert_eq!(said.service.as_deref(), Some("a\u{fffd}"));
}

#[test]
fn gelf_messages_are_read_and_others_are_marked() {
    let read = |message: &str| shown(&gelf(message.as_bytes(), &mut TimeReader::new(), &hints()));
    assert_eq!(
        read(
            r#"{"version":"1.1","host":"example.org","short_message":"A","timestamp":1385053862.307212345,"level":1,"_app":"shop"}"#
        ),
        "2013-11-21T17:11:02.307212345Z example.org shop severity_text=alert"
    );
    assert_eq!(
        read(r#"{"host":"h","short_message":"x","facility":"f","timestamp":1.7e9,"level":"6"}"#),
        "2023-11-14T22:13:20Z h f severity_text=info"
    );
    assert_eq!(read(r#"{"short_message":"x","level":77}"#), "- - -");
    assert_eq!(read("{\"host\":"), "- - - log.parse_error=gelf");
    assert_eq!(read("[]"), "- - - log.parse_error=gelf");
}

#[test]
fn packed_messages_are_unpacked_within_a_bound() {
    use std::io::Write;
    let line = "{\"short_message\":\"x\"}".repeat(100);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(line.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(line.as_bytes()).unwrap();
    let zlib = zlib.finish().unwrap();
    for packed in [&gzip, &zlib] {
        assert_eq!(unpack(packed, 10_000).unwrap(), line.as_bytes());
        assert_eq!(
            unpack(packed, line.len() - 1),
            Err(UnpackError::TooLarge { max: line.len() - 1 })
        );
        assert_eq!(unpack(&packed[..packed.len() / 2], 10_000), Err(UnpackError::Damaged));
    }
    assert_eq!(unpack(b"{}", 1).unwrap(), &b"{}"[..]);
}

fn chunk(id: u8, number: u8, count: u8, part: &str) -> Vec<u8> {
    [&CHUNK_MAGIC[..], &[id; 8], &[number, count], part.as_bytes()].concat()
}

#[test]
fn chunks_come_in_any_order_and_twice() {
    let mut chunks = Chunks::new(ChunkLimits::default());
    let now = Instant::now();
    let mut take = |sender: u8, datagram: Vec<u8>| chunks.take(sender, &datagram, now);
    assert_eq!(take(1, chunk(7, 2, 3, "c")), Ok(Chunk::Waits));
    assert_eq!(take(1, chunk(7, 2, 3, "c")), Ok(Chunk::Waits));
    assert_eq!(take(2, chunk(7, 0, 3, "x")), Ok(Chunk::Waits), "another's");
    assert_eq!(take(1, chunk(7, 0, 3, "a")), Ok(Chunk::Waits));
    assert_eq!(take(1, chunk(7, 1, 3, "b")), Ok(Chunk::Whole(b"abc".to_vec())));
    assert_eq!(take(1, chunk(7, 3, 3, "")), Err(ChunkRefused));
    assert_eq!(take(1, chunk(7, 0, 129, "")), Err(ChunkRefused));
    assert_eq!(take(2, chunk(7, 0, 2, "")), Err(ChunkRefused), "another count");
    assert_eq!(take(1, CHUNK_MAGIC.to_vec()), Err(ChunkRefused));
    assert_eq!(take(1, chunk(9, 0, 1, "one")), Ok(Chunk::Whole(b"one".to_vec())));
}

#[test]
fn chunks_that_wait_too_long_or_are_too_many_are_given_up_and_counted() {
    let limits = ChunkLimits {
        wait: Duration::from_secs(5),
        bytes_max: 3000,
    };
    let mut chunks = Chunks::new(limits);
    let begin = Instant::now();
    chunks.take((), &chunk(1, 0, 2, "a"), begin).unwrap();
    chunks
        .take((), &chunk(2, 0, 2, "a"), begin + Duration::from_secs(3))
        .unwrap();
    chunks.expire(begin + Duration::from_secs(6));
    assert_eq!(chunks.given_up(), 1);
    let late = chunks.take((), &chunk(1, 1, 2, "b"), begin + Duration::from_secs(6));
    assert_eq!(late, Ok(Chunk::Waits), "its first chunk is gone");
    for id in 10..100 {
        chunks
            .take((), &chunk(id, 0, 2, "abc"), begin + Duration::from_secs(6))
            .unwrap();
        assert!(chunks.bytes() <= limits.bytes_max);
    }
    assert!(chunks.given_up() > 80);
    chunks.expire(begin + Duration::from_secs(60));
    assert_eq!(chunks.bytes(), 0);
}

/// The messages of a connection that comes in these pieces; parts are joined, faults told.
fn frames(framing: Framing, max: usize, pieces: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::new(framing, max);
    let mut found = Vec::new();
    let mut joined = Vec::new();
    let mut add = |frame: Frame<'_>| {
        assert!(frame.bytes.len() <= max);
        joined.extend_from_slice(frame.bytes);
        if frame.part.is_none_or(|(_, last)| last) {
            let fault = frame.fault.map_or(String::new(), |fault| format!(" {fault:?}"));
            found.push(format!("{}{fault}", String::from_utf8_lossy(&joined)));
            joined.clear();
        }
    };
    for piece in pieces {
        framer.push(piece);
        while let Some(frame) = framer.next() {
            add(frame);
        }
        assert!(framer.held() <= max + 16);
    }
    if let Some(frame) = framer.finish() {
        add(frame);
    }
    found
}

#[track_caller]
fn check_frames(bytes: &[u8], expected: &[&str]) {
    assert_eq!(frames(Framing::Syslog, 100, &[bytes]), expected);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(frames(Framing::Syslog, 100, &single), expected);
}

#[test]
fn a_connection_tells_by_its_first_bytes_how_its_messages_end() {
    check_frames(b"5 <1>ab9 <2>c\nd\0e\n3 <3>", &["<1>ab", "<2>c\nd\0e\n", "<3>"]);
    check_frames(b"<1>ab\r\n\n<2>c\0d\n<3>e", &["<1>ab", "<2>c\0d", "<3>e"]);
    check_frames(b"<1>a\nb\0<2>c\0", &["<1>a", "b\0<2>c\0"]);
    check_frames(b"<1>a\0<2>b\nc\0", &["<1>a", "<2>b\nc"]);
    check_frames(b"2026-11-30 x\n5 <1>ab\n", &["2026-11-30 x", "5 <1>ab"]);
    check_frames(b"\n\n\0", &[]);
    check_frames(b"", &[]);
    check_frames(b"12", &["12"]);
}

#[test]
fn a_count_that_is_none_makes_one_line_and_the_next_count_is_found() {
    check_frames(b"5 <1>abno count\n3 <2>", &["<1>ab", "no count NoCount", "<2>"]);
    check_frames(
        b"5 <1>ab99999999999 <2>x\n3 <2>",
        &["<1>ab", "99999999999 <2>x NoCount", "<2>"],
    );
}

#[test]
fn a_message_cut_short_is_kept_and_told() {
    check_frames(b"9 <1>ab", &["<1>ab CutShort"]);
    assert_eq!(frames(Framing::Nul, 100, &[b"{\n}\0{\r\n"]), ["{\n}", "{\r\n"]);
}

#[test]
fn a_message_that_is_too_long_comes_in_parts() {
    let mut framer = Framer::new(Framing::Syslog, 4);
    framer.push(b"10 <123456789<1>\nabcdefgh\n");
    let mut parts = Vec::new();
    while let Some(frame) = framer.next() {
        parts.push((String::from_utf8_lossy(frame.bytes).into_owned(), frame.part));
    }
    let expected = [
        ("<123", Some((0, false))),
        ("4567", Some((1, false))),
        ("89", Some((2, true))),
    ];
    assert_eq!(parts[..3], expected.map(|(text, part)| (text.to_owned(), part)));
    assert_eq!(
        frames(Framing::Syslog, 4, &[b"abcdefgh\nabcd\nx\n"]),
        ["abcdefgh", "abcd", "x"]
    );
    assert_eq!(frames(Framing::Syslog, 4, &[b"8 <abcdefg4 <abc"]), ["<abcdefg", "<abc"]);
}

proptest! {
    #[test]
    fn fuzz_any_message_is_read_without_a_panic(message in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&message);
        gelf(&message, &mut TimeReader::new(), &hints());
        unpack(&message, 1000).ok();
    }

    #[test]
    fn fuzz_anything_that_looks_like_a_message_is_read_without_a_panic(
        message in "(<[0-9]{0,4}>)?(1 )?([0-9]{1,3}: )?[*.]?(Nov 3[0-9] )?(2026 )?([0-9]{2}:[0-9]{2}:[0-9]{2}[.:]?)?( [a-z%:-]{0,9}(\\[[0-9]{0,3}\\]?)?:?){0,4}( \\[[a-z @=\"\\\\\\]]{0,30})?"
    ) {
        read(message.as_bytes());
    }

    #[test]
    fn frames_do_not_depend_on_how_bytes_come(
        bytes in "([1-9]{0,2} ?<[0-9]>|[a-z\n\r\\x00 ]{0,8}){0,8}",
        cuts in proptest::collection::vec(1usize..9, 1..40),
        max in 1usize..40,
    ) {
        let bytes = bytes.as_bytes();
        let whole = frames(Framing::Syslog, max, &[bytes]);
        let mut pieces = Vec::new();
        let mut rest = bytes;
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(frames(Framing::Syslog, max, &pieces), whole);
    }

    #[test]
    fn counted_messages_come_out_as_they_went_in(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..8),
        max in 1usize..40,
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for message in &messages {
            let message = [b"<".as_slice(), message].concat();
            bytes.extend(format!("{} ", message.len()).into_bytes());
            bytes.extend_from_slice(&message);
            expected.push(String::from_utf8_lossy(&message).into_owned());
        }
        prop_assert_eq!(frames(Framing::Syslog, max, &[&bytes]), expected);
    }

    #[test]
    fn fuzz_any_chunks_are_taken_without_a_panic_and_within_the_bound(
        datagrams in proptest::collection::vec((any::<[u8; 2]>(), 0u8..4, 0u8..6, 0u8..6, "[a-z]{0,60}"), 0..60),
    ) {
        let mut chunks = Chunks::new(ChunkLimits { wait: Duration::from_secs(5), bytes_max: 2000 });
        let now = Instant::now();
        for (magic, id, number, count, part) in datagrams {
            let mut datagram = chunk(id, number, count, &part);
            if magic[0] == 0 {
                datagram[0] = magic[1];
            }
            chunks.take(id, &datagram, now).ok();
            prop_assert!(chunks.bytes() <= 2000);
        }
    }
}

#[test]
fn a_messages_severity_is_the_priorities() {
    let found: BTreeMap<&str, &str> = [("<8>x", "emerg"), ("<15>x", "debug")].into();
    for (message, severity) in found {
        assert_eq!(
            read(message.as_bytes()).attributes[0].1,
            AttributeValue::Text(severity.into())
        );
    }
}
