//! What is set for some files only: events of several lines, logs of containers, encodings.

use std::fs;
use std::time::Duration;

use timberline_agent::{FileInput, Format, MultilineConfig, StartAt};

use crate::common::{Bench, append};

/// A bench whose files are read as said, and whose events wait so long for more lines.
fn bench(input: FileInput, timeout: Duration) -> Bench {
    let mut bench = Bench::new(&[]);
    let mut input = FileInput {
        tail: vec![format!("{}/logs/**/*.log*", bench.dir.path().display())],
        ..input
    };
    if let Some(multiline) = &mut input.multiline {
        multiline.timeout = timeout;
    }
    bench.config.files = vec![input];
    bench
}

fn java() -> FileInput {
    FileInput {
        multiline: Some(MultilineConfig {
            rules: vec!["java".into()],
            ..MultilineConfig::default()
        }),
        ..FileInput::default()
    }
}

const SHORT: Duration = Duration::from_millis(100);
/// Longer than a test may take.
const LONG: Duration = Duration::from_secs(3600);

fn trace(n: u32, frames: u32) -> String {
    let frames: String = (0..frames)
        .map(|frame| format!("\n\tat com.example.Shop.order(Shop.java:{frame})"))
        .collect();
    format!("{n} ERROR it failed\njava.lang.IllegalStateException: no {n}{frames}")
}

#[test]
fn a44_a_trace_of_5_mb_is_cut_at_its_limits_and_nothing_of_it_is_lost_or_doubled() {
    let mut bench = bench(java(), SHORT);
    bench.config.files[0].multiline.as_mut().unwrap().lines_max = 100_000;
    bench.config.line_bytes_max = 200_000;
    let long = trace(1, 120_000);
    assert!(long.len() > 5 << 20);
    bench.append("a.log", format!("INFO before\n{long}\nINFO after\n"));
    bench.start();
    bench.until_lines(3);
    bench.until_quiet();
    let lines = bench.collector.lines();
    assert_eq!(lines.first().unwrap(), b"INFO before");
    assert_eq!(lines.last().unwrap(), b"INFO after");
    let pieces = &lines[1..lines.len() - 1];
    assert!(pieces.iter().all(|piece| piece.len() <= 200_000), "the limit in bytes");
    assert!(pieces.len() <= long.len() / 190_000 + 1, "{} pieces", pieces.len());
    assert_eq!(pieces.join(&b"\n"[..]), long.as_bytes());
}

#[test]
fn a44_an_event_that_waits_is_sent_when_its_file_is_rotated_away_or_deleted() {
    for deleted in [false, true] {
        let mut bench = bench(java(), LONG);
        bench.config.files[0].tail = vec![format!("{}/logs/a.log", bench.dir.path().display())];
        bench.append("a.log", format!("INFO first\n{}\n", trace(1, 3)));
        bench.start();
        bench.until_lines(1);
        if deleted {
            bench.remove("a.log");
        } else {
            bench.rename("a.log", "a.log.1");
        }
        bench.assert_lines(&["INFO first", &trace(1, 3)]);
    }
}

#[test]
fn an_event_that_waits_is_not_acked_and_is_whole_after_a_kill() {
    for kill in [true, false] {
        let mut bench = bench(java(), LONG);
        bench.append("a.log", format!("INFO first\n{}\n", trace(1, 2)));
        bench.start();
        bench.until_lines(1);
        bench.until_status("the checkpoint before the event", |status| {
            status.files.iter().any(|file| file.acked == 11 && file.read == 11)
        });
        if kill {
            bench.kill()
        } else {
            bench.stop()
        }
        bench.append(
            "a.log",
            "\tat com.example.Late.late(Late.java:1)\nINFO last\nINFO held\n",
        );
        bench.start();
        let whole = format!("{}\n\tat com.example.Late.late(Late.java:1)", trace(1, 2));
        bench.assert_lines(&["INFO first", &whole, "INFO last"]);
    }
}

#[test]
fn events_survive_lost_acks_and_kills_each_once_and_places_give_their_bytes_back() {
    let mut bench = bench(java(), SHORT);
    bench.config.batch_records_max = 3;
    let mut expected = Vec::new();
    for n in 0..30 {
        let text = trace(n, n % 5);
        bench.append("a.log", format!("{text}\r\n"));
        expected.push(text);
        if n % 3 == 0 {
            bench.collector.faults(|faults| faults.ack_lost = 1);
            bench.kill();
            bench.start();
        }
    }
    bench.assert_lines(&expected);
    bench.until_quiet();
    let file = fs::read(bench.log("a.log")).unwrap();
    for held in bench.collector.records() {
        let source = &file[held.start as usize..][..held.source_len as usize];
        assert_eq!(source, [&held.line[..], b"\r\n"].concat());
    }
}

#[test]
fn docker_lines_are_joined_and_carry_output_time_and_container() {
    let mut bench = bench(FileInput::default(), SHORT);
    let id = "5e".repeat(32);
    let directory = bench.log(&id);
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("config.v2.json"), r#"{"Name":"/web"}"#).unwrap();
    let entry = |text: &str, stream: &str| {
        let time = "2026-01-02T03:04:05.000000007Z";
        format!("{}\n", serde_json::json!({"log": text, "stream": stream, "time": time}))
    };
    let log = directory.join(format!("{id}-json.log"));
    let text = [
        entry("plain\n", "stdout"),
        entry("long ", "stdout"),
        entry("error\n", "stderr"),
        entry("line\n", "stdout"),
        "no JSON\n".to_owned(),
    ];
    append(&log, text.concat());
    bench.start();
    bench.assert_lines(&["plain", "long line", "error", "no JSON"]);
    let records = bench.collector.records();
    assert_eq!(records[0].stream["container.name"], "web");
    assert_eq!(records[0].stream["service.name"], "web");
    assert_eq!(records[0].stream["container.id"], id);
    assert_eq!(records[0].time_nanos, 1_767_323_045_000_000_007);
}

#[test]
fn cri_lines_of_a_pod_are_joined_over_a_restart_and_name_their_pod() {
    let mut bench = bench(
        FileInput {
            format: Format::Auto,
            ..java()
        },
        LONG,
    );
    let directory = bench.log("pods/shop_cart-1_42/app");
    fs::create_dir_all(&directory).unwrap();
    let log = directory.join("0.log");
    let line = |tag: &str, text: &str| format!("2026-01-02T03:04:05.123456789Z stdout {tag} {text}\n");
    append(
        &log,
        [
            line("F", "INFO start"),
            line("F", "ERROR bad"),
            line("P", "java.lang.Error: "),
        ]
        .concat(),
    );
    bench.start();
    bench.until_lines(1);
    bench.kill();
    append(
        &log,
        [
            line("F", "x"),
            line("F", "\tat a.B.c(B.java:1)"),
            line("F", "INFO end"),
            line("F", "INFO"),
        ]
        .concat(),
    );
    bench.start();
    bench.assert_lines(&[
        "INFO start",
        "ERROR bad\njava.lang.Error: x\n\tat a.B.c(B.java:1)",
        "INFO end",
    ]);
    let stream = &bench.collector.records()[0].stream;
    assert_eq!(stream["k8s.namespace.name"], "shop");
    assert_eq!(stream["k8s.pod.name"], "cart-1");
    assert_eq!(stream["k8s.pod.uid"], "42");
    assert_eq!(stream["k8s.container.name"], "app");
}

#[test]
fn a24_utf_16_with_its_mark_is_read_unasked_and_goes_on_after_a_restart() {
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let mut bench = bench(FileInput::default(), SHORT);
    bench.append("a.log", utf16("\u{feff}first caf\u{e9}\r\nsecond \u{a0a}\nthi"));
    bench.start();
    bench.until_lines(2);
    bench.kill();
    bench.append("a.log", utf16("rd\n"));
    bench.start();
    bench.assert_lines(&["first caf\u{e9}", "second \u{a0a}", "third"]);
    assert_eq!(bench.collector.records()[0].stream["log.file.encoding"], "utf-16le");
}

#[test]
fn a24_utf_16_without_a_mark_and_latin_1_are_read_where_the_input_says_so() {
    for (encoding, bytes) in [
        (
            "utf-16be",
            "caf\u{e9}\n\u{fc}\n"
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect(),
        ),
        ("latin1", b"caf\xe9\n\xfc\n".to_vec()),
    ] {
        let input = FileInput {
            encoding: encoding.into(),
            ..FileInput::default()
        };
        let mut bench = bench(input, SHORT);
        bench.append("a.log", bytes);
        bench.start();
        bench.assert_lines(&["caf\u{e9}", "\u{fc}"]);
    }
}

#[test]
fn a26_a_long_line_of_utf_16_becomes_parts_that_are_whole_characters() {
    let mut bench = bench(
        FileInput {
            encoding: "utf-16le".into(),
            ..FileInput::default()
        },
        SHORT,
    );
    bench.config.line_bytes_max = 128;
    let long = "\u{10000}\u{e9}".repeat(100);
    let bytes: Vec<u8> = format!("a\n{long}\nb\n")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    bench.append("a.log", &bytes[..300]);
    bench.start();
    bench.until_status("some parts acked", |status| {
        status.files.iter().any(|file| file.acked > 60)
    });
    bench.kill();
    bench.append("a.log", &bytes[300..]);
    bench.start();
    bench.assert_lines(&["a", &long, "b"]);
    let parts: Vec<_> = bench.collector.records().iter().filter_map(|held| held.part).collect();
    let indexes: Vec<u32> = parts.iter().map(|part| part.0).collect();
    assert_eq!(
        indexes,
        (0..parts.len() as u32).collect::<Vec<_>>(),
        "numbered over the kill"
    );
    assert!(parts.last().unwrap().1);
}

#[test]
fn each_input_has_its_own_start_age_attributes_and_excludes() {
    let mut bench = bench(FileInput::default(), SHORT);
    let logs = bench.log("").display().to_string();
    bench.config.files = vec![
        FileInput {
            tail: vec![format!("{logs}end*.log")],
            exclude: vec!["**/end-not.log".into()],
            start_at: Some(StartAt::Tail),
            attributes: [("team".to_owned(), "a".to_owned())].into(),
            ..FileInput::default()
        },
        FileInput {
            tail: vec![format!("{logs}old.log")],
            ignore_older: Some(Duration::from_secs(3600)),
            ..FileInput::default()
        },
    ];
    bench.config.tail = vec![format!("{logs}other.log")];
    for name in ["end.log", "end-not.log", "old.log", "other.log"] {
        bench.append(name, format!("{name} one\n"));
    }
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(7200);
    fs::File::open(bench.log("old.log"))
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    bench.start();
    bench.until_lines(1);
    bench.until_status("the end of the first", |status| {
        status.files.iter().any(|file| file.read == 12)
    });
    bench.append("end.log", "end.log two\n");
    bench.append("end-not.log", "end-not.log two\n");
    bench.assert_lines(&["other.log one", "end.log two"]);
    assert_eq!(bench.collector.records()[1].stream["team"], "a");
    assert!(!bench.collector.records()[0].stream.contains_key("team"));
}

#[test]
fn rules_see_joined_lines_and_what_a_container_wrote_and_drop_whole_ranges() {
    let mut bench = bench(java(), SHORT);
    bench.config.rules = serde_json::from_value(serde_json::json!([
        { "name": "first", "where": "\"no 1\"", "drop": true },
        { "name": "file", "redact": { "patterns": { "file": "Shop\\.java" } } },
    ]))
    .unwrap();
    let dropped = trace(1, 2);
    bench.append(
        "a.log",
        format!("INFO before\n{dropped}\n{}\nINFO after\n", trace(2, 2)),
    );
    bench.append(
        "b.log",
        "2026-11-24T10:00:00.5Z stdout P ERROR in \n2026-11-24T10:00:00.6Z stdout F Shop.java\n",
    );
    bench.start();
    let second = trace(2, 2).replace("Shop.java", "[file]");
    bench.assert_lines(&["INFO before", &second, "INFO after", "ERROR in [file]"]);
    let records = bench.collector.records();
    let of_container = records.iter().find(|record| record.line == b"ERROR in [file]").unwrap();
    let written: jiff::Timestamp = "2026-11-24T10:00:00.5Z".parse().unwrap();
    assert_eq!(i128::from(of_container.time_nanos), written.as_nanosecond());
    let ranges = bench.collector.state.lock().unwrap().dropped.clone();
    assert_eq!(ranges.len(), 1, "{ranges:?}");
    let start = "INFO before\n".len() as u64;
    assert_eq!(
        (ranges[0].start, ranges[0].end, ranges[0].reason.as_str()),
        (start, start + dropped.len() as u64 + 1, "rule:first")
    );
}
