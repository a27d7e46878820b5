//! What cannot be read again: through the outbox to the collector, each once, whatever fails between.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use timberline_agent::{Listener, OutboxConfig, Protocol, RuleConfig, Transport};

use crate::common::{Bench, until};

fn bench() -> Bench {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.listeners = vec![Listener {
        protocol: Protocol::Syslog,
        transport: Transport::Tcp,
        listen: "127.0.0.1:0".into(),
        ..Listener::default()
    }];
    bench.config.outbox.commit_interval = Duration::from_millis(5);
    bench
}

/// Sends messages and closes the connection, which ends the last one.
fn send(address: SocketAddr, from: usize, to: usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    let messages: String = (from..to)
        .map(|n| format!("<13>Nov 30 11:00:00 h a: message {n}\n"))
        .collect();
    stream.write_all(messages.as_bytes()).unwrap();
}

#[track_caller]
fn wait_until(bench: &Bench, what: &str, wanted: impl Fn() -> bool) {
    until(what, wanted, || format!("{:#?}", bench.status()));
}

#[track_caller]
fn once(bench: &Bench, count: usize) {
    wait_until(bench, "every message", || bench.collector.lines().len() >= count);
    let mut numbers: Vec<usize> = bench
        .collector
        .lines()
        .iter()
        .map(|line| {
            let text = String::from_utf8_lossy(line);
            text.rsplit(' ').next().unwrap().parse().unwrap()
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
}

fn durable(bench: &Bench, bytes: u64) -> bool {
    let status = bench.status();
    let listener = status.files.iter().find(|file| file.path.starts_with("syslog-tcp"));
    listener.is_some_and(|file| file.acked >= bytes)
}

/// Bytes of so many messages, line ends left out.
fn bytes_of(from: usize, to: usize) -> u64 {
    (from..to)
        .map(|n| format!("<13>Nov 30 11:00:00 h a: message {n}").len() as u64)
        .sum()
}

#[test]
fn messages_are_shipped_with_the_streams_that_they_name() {
    let mut bench = bench();
    bench.start();
    send(bench.listening(), 0, 3);
    once(&bench, 3);
    let records = bench.collector.records();
    assert_eq!(records[0].stream["host.name"], "h");
    assert_eq!(records[0].stream["service.name"], "a");
    assert_eq!((records[0].start, records[0].source_len), (0, 35));
    wait_until(&bench, "the outbox to be told as shipped", || {
        let status = bench.status();
        let outbox = status.files.iter().find(|file| file.path.starts_with("outbox"));
        outbox.is_some_and(|file| file.acked == 105 && file.read == 105 && file.read_to_end_at_nanos > 0)
    });
    bench.stop();
}

#[test]
fn a36_acks_that_are_lost_double_nothing() {
    let mut bench = bench();
    bench.start();
    for round in 0..5 {
        bench.collector.faults(|faults| {
            faults.ack_lost = 1;
            faults.try_again = 1;
        });
        send(bench.listening(), round * 100, round * 100 + 100);
        once(&bench, round * 100 + 100);
    }
    bench.stop();
}

#[test]
fn a33_what_comes_while_the_collector_is_away_is_shipped_when_it_is_back() {
    let mut bench = bench();
    bench.start();
    send(bench.listening(), 0, 50);
    once(&bench, 50);
    bench.collector.faults(|faults| faults.down = true);
    for n in 1..10 {
        send(bench.listening(), n * 50, n * 50 + 50);
    }
    wait_until(&bench, "all to be durable", || durable(&bench, bytes_of(0, 500)));
    // A restart in between: the outbox is all that is left of them.
    bench.stop();
    bench.start();
    send(bench.listening(), 500, 550);
    bench.collector.faults(|faults| faults.down = false);
    once(&bench, 550);
    bench.stop();
}

#[test]
fn a37_a_killed_agent_ships_what_was_durable_and_each_once() {
    let mut bench = bench();
    let mut sent = 0;
    for _ in 0..5 {
        bench.start();
        bench.collector.faults(|faults| faults.ack_lost = 1);
        send(bench.listening(), sent, sent + 200);
        wait_until(&bench, "all to be durable", || {
            durable(&bench, bytes_of(sent, sent + 200))
        });
        sent += 200;
        bench.kill();
    }
    bench.start();
    once(&bench, sent);
    bench.stop();
    assert_eq!(bench.collector.lines().len(), sent);
}

#[test]
fn a35_of_a_batch_with_messages_that_are_refused_for_good_all_others_arrive() {
    let mut bench = bench();
    bench.config.outbox.commit_interval = Duration::from_millis(300);
    bench
        .collector
        .faults(|faults| faults.reject = Some("message 1".into()));
    bench.start();
    send(bench.listening(), 0, 100);
    wait_until(&bench, "the dead letters", || bench.status().dead_letter_records == 11);
    wait_until(&bench, "all others", || bench.collector.line_count() == 89);
    let batches = bench.collector.state.lock().unwrap().rejected;
    assert!(batches < 60, "{batches} batches with such messages were sent");
    bench.collector.faults(|faults| faults.reject = None);
    send(bench.listening(), 100, 110);
    wait_until(&bench, "what comes behind", || bench.collector.line_count() == 99);
    wait_until(&bench, "all to be shipped", || {
        let status = bench.status();
        let outbox = status.files.iter().find(|file| file.path.starts_with("outbox"));
        outbox.is_some_and(|file| file.acked == bytes_of(0, 110) + 110)
    });
    bench.stop();
}

#[test]
fn a35_killed_between_the_parts_of_a_refused_batch_each_message_comes_once() {
    let mut bench = bench();
    bench.config.outbox.commit_interval = Duration::from_millis(300);
    bench
        .collector
        .faults(|faults| faults.reject = Some("message 30".into()));
    bench.start();
    bench.collector.faults(|faults| faults.appends_left = Some(0));
    send(bench.listening(), 0, 64);
    wait_until(&bench, "all to be durable", || durable(&bench, bytes_of(0, 64)));
    for _ in 0..12 {
        bench.kill();
        bench.collector.faults(|faults| faults.appends_left = Some(1));
        bench.start();
        wait_until(&bench, "a part, or the end", || {
            let state = bench.collector.state.lock().unwrap();
            state.faults.appends_left == Some(0) || state.ends.values().sum::<u64>() == bytes_of(0, 64) + 64
        });
    }
    bench.collector.faults(|faults| faults.appends_left = None);
    wait_until(&bench, "all others", || bench.collector.line_count() == 63);
    let (dropped, duplicates) = {
        let state = bench.collector.state.lock().unwrap();
        (state.dropped.clone(), state.duplicates)
    };
    assert_eq!(dropped.len(), 1, "{dropped:?}, {duplicates} duplicates");
    assert_eq!(
        (dropped[0].start, dropped[0].end),
        (bytes_of(0, 30) + 30, bytes_of(0, 31) + 31)
    );
    bench.stop();
}

#[test]
fn batches_larger_than_the_collector_takes_are_cut() {
    let mut bench = bench();
    bench.config.outbox.commit_interval = Duration::from_millis(300);
    bench.collector.state.lock().unwrap().batch_bytes_max = 600;
    bench.start();
    send(bench.listening(), 0, 2000);
    once(&bench, 2000);
    bench.stop();
}

#[test]
fn rules_drop_change_and_route_what_is_received() {
    let mut bench = bench();
    bench.config.rules = serde_json::from_str::<Vec<RuleConfig>>(
        r#"[{"name":"no-debug","where":"message AND 3","drop":true},
            {"name":"secret","redact":{"patterns":{"four":"message (4)"}}}]"#,
    )
    .unwrap();
    bench.start();
    send(bench.listening(), 0, 6);
    wait_until(&bench, "the others", || bench.collector.lines().len() == 5);
    let lines = bench.collector.lines();
    let text: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
    assert!(
        !text
            .iter()
            .any(|line| line.ends_with("message 3") || line.ends_with("message 4")),
        "{text:?}"
    );
    assert!(text.iter().any(|line| line.ends_with("message [four]")), "{text:?}");
    let state = bench.collector.state.lock().unwrap();
    assert_eq!(state.dropped[0].reason, "rule:no-debug");
    drop(state);
    bench.stop();
}

/// Whether all that was read of the outbox is acked, and so the position moved.
fn is_shipped(bench: &Bench) -> bool {
    let status = bench.status();
    let outbox = status.files.iter().find(|file| file.path.starts_with("outbox"));
    outbox.is_some_and(|file| file.acked == file.read && file.read > 0)
}

#[test]
fn a_collector_that_was_restored_is_given_again_what_the_outbox_still_holds() {
    let mut bench = bench();
    bench.start();
    for round in 0..4 {
        send(bench.listening(), round * 25, round * 25 + 25);
        once(&bench, round * 25 + 25);
    }
    wait_until(&bench, "the position to be moved", || is_shipped(&bench));
    bench.collector.forget_after(2);
    assert!(bench.collector.line_count() < 60);
    send(bench.listening(), 100, 110);
    once(&bench, 110);
    wait_until(&bench, "all to be shipped", || is_shipped(&bench));
    assert!(bench.collector.state.lock().unwrap().dropped.is_empty());
    assert!(bench.status().files.iter().all(|file| file.lost_bytes == 0));
    bench.stop();
}

#[test]
fn a_collector_that_was_restored_is_told_of_what_the_outbox_no_longer_holds_and_takes_the_rest() {
    let mut bench = bench();
    bench.config.outbox.bytes_max = 16 << 20;
    bench.config.listeners[0].message_bytes_max = 1 << 20;
    bench.start();
    // Of letters that do not pack, so that segments fill and are deleted.
    let mut state = 7u64;
    let mut send = |n: usize| {
        let noise: String = (0..400_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'0' + (state >> 33) as u8 % 64)
            })
            .collect();
        let mut stream = TcpStream::connect(bench.listening()).unwrap();
        let message = format!("<13>Nov 30 11:00:00 h a: {noise} {n}\n");
        stream.write_all(message.as_bytes()).unwrap();
        drop(stream);
        wait_until(&bench, "the message", || bench.collector.line_count() > n);
    };
    (0..30).for_each(&mut send);
    let outbox = bench.config.data_dir.join("outbox");
    wait_until(&bench, "what is shipped to be deleted", || log_bytes(&outbox) < 6 << 20);
    bench.collector.forget_after(8);
    let kept = bench.collector.line_count();
    let mut stream = TcpStream::connect(bench.listening()).unwrap();
    stream.write_all(b"<13>Nov 30 11:00:00 h a: at last\n").unwrap();
    drop(stream);
    wait_until(&bench, "what follows", || {
        let lines = bench.collector.lines();
        lines.iter().any(|line| line.ends_with(b" at last"))
    });
    let dropped = bench.collector.state.lock().unwrap().dropped.clone();
    assert_eq!(dropped.len(), 1, "{dropped:?}");
    assert_eq!(dropped[0].reason, "lost_by_collector");
    let given_again = bench.collector.line_count() - kept - 1;
    assert!(given_again > 0, "what the last segment holds is not lost");
    let lost = dropped[0].end - dropped[0].start;
    assert_eq!(lost / 400_000, (30 - kept - given_again) as u64);
    wait_until(&bench, "the loss to be told", || {
        bench.status().files.iter().any(|file| file.lost_bytes == lost)
    });
    bench.stop();
}

/// Bytes of all segments below a directory.
fn log_bytes(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().filter_map(Result::ok);
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => log_bytes(&path),
            path if path.extension().is_some_and(|name| name == "log") => entry.metadata().map_or(0, |meta| meta.len()),
            _ => 0,
        })
        .sum()
}

#[test]
fn a_message_in_more_parts_than_the_shipper_has_room_for_holds_up_no_stop() {
    let mut bench = bench();
    bench.config.listeners[0].message_bytes_max = 1 << 20;
    bench.config.drain_deadline = Duration::from_millis(300);
    bench.collector.state.lock().unwrap().batch_bytes_max = 1500;
    bench.start();
    send(bench.listening(), 0, 1);
    once(&bench, 1);
    bench.collector.faults(|faults| faults.down = true);
    let long = "x1".repeat(400_000);
    let mut stream = TcpStream::connect(bench.listening()).unwrap();
    stream
        .write_all(format!("<13>Nov 30 11:00:00 h a: {long}\n").as_bytes())
        .unwrap();
    drop(stream);
    wait_until(&bench, "it to be durable", || durable(&bench, 800_000));
    // Its first parts were sent, which is what ends the connection.
    bench.until_status("the collector to be away", |status| !status.connected);
    let begin = std::time::Instant::now();
    bench.stop();
    assert!(begin.elapsed() < Duration::from_secs(200), "{:?}", begin.elapsed());
    bench.collector.faults(|faults| faults.down = false);
    bench.start();
    wait_until(&bench, "the message, whole", || {
        let lines = bench.collector.lines();
        lines.len() == 2 && lines[1].ends_with(long.as_bytes())
    });
    bench.stop();
}

#[test]
fn a_full_outbox_makes_connections_wait_and_loses_nothing() {
    let mut bench = bench();
    bench.config.outbox = OutboxConfig {
        bytes_max: 16 << 20,
        memory_bytes_max: 1 << 20,
        commit_interval: Duration::from_millis(5),
        ..OutboxConfig::default()
    };
    bench.config.compression_level = 1;
    bench.collector.faults(|faults| faults.down = true);
    bench.start();
    let address = bench.listening();
    let total = 6000;
    let sender = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        for n in 0..total {
            let noise: String = (0..4000)
                .map(|_| char::from(b'!' + rand::random::<u8>() % 90))
                .collect();
            let message = format!("<13>Nov 30 11:00:00 h a: {} message {n}", noise.replace(' ', "_"));
            writeln!(stream, "{message}").unwrap();
        }
    });
    wait_until(&bench, "the outbox to be full", || {
        let status = bench.status();
        let listener = status.files.iter().find(|file| file.path.starts_with("syslog-tcp"));
        listener.is_some_and(|file| file.acked > 8 << 20)
    });
    bench.collector.faults(|faults| faults.down = false);
    sender.join().unwrap();
    once(&bench, total);
    bench.stop();
}

/// Whether the last part of a long line has come.
fn has_last_part(bench: &Bench) -> bool {
    let records = bench.collector.records();
    records.iter().any(|record| record.part.is_some_and(|(_, last)| last))
}

/// A line that does not compress, of so many bytes.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 88172645463325252u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Neither a line's end nor what begins or ends anything in syslog.
        b'!' + (state % 90) as u8
    };
    [
        &b"<13>Nov 30 11:00:00 h a: "[..],
        &(0..len).map(|_| next()).collect::<Vec<u8>>(),
    ]
    .concat()
}

#[test]
fn messages_as_long_as_a_listener_may_be_set_to_arrive_whole_though_they_do_not_compress() {
    let mut bench = bench();
    bench.config.listeners[0].message_bytes_max = 16 << 20;
    bench.start();
    let messages = [noise(4 << 20), noise((16 << 20) - 100)];
    let mut stream = TcpStream::connect(bench.listening()).unwrap();
    for message in &messages {
        stream.write_all(&[message, &b"\n"[..]].concat()).unwrap();
    }
    drop(stream);
    wait_until(&bench, "both", || bench.collector.line_count() >= 2);
    assert!(bench.collector.records().iter().all(|record| record.part.is_none()));
    assert!(bench.collector.lines() == messages, "whole and unchanged");
    bench.stop();
}

#[test]
fn a_message_longer_than_a_collector_takes_arrives_as_numbered_parts_also_when_acks_are_lost() {
    let mut bench = bench();
    bench.config.listeners[0].message_bytes_max = 16 << 20;
    bench.collector.state.lock().unwrap().batch_bytes_max = 1 << 20;
    bench.collector.faults(|faults| faults.ack_lost = 3);
    bench.start();
    let message = noise(6 << 20);
    let mut stream = TcpStream::connect(bench.listening()).unwrap();
    stream.write_all(&[&message, &b"\n"[..]].concat()).unwrap();
    drop(stream);
    wait_until(&bench, "the last part", || has_last_part(&bench));
    send(bench.listening(), 0, 3);
    wait_until(&bench, "what follows", || bench.collector.line_count() == 4);
    let numbers: Vec<u32> = bench
        .collector
        .records()
        .iter()
        .filter_map(|record| record.part)
        .map(|part| part.0)
        .collect();
    assert_eq!(numbers, (0..numbers.len() as u32).collect::<Vec<_>>());
    assert!(bench.collector.lines()[0] == message, "whole and unchanged");
    assert!(bench.collector.state.lock().unwrap().dropped.is_empty());
    bench.stop();
}

#[test]
fn a_message_longer_than_a_small_outbox_takes_at_once_arrives_as_numbered_parts() {
    let mut bench = bench();
    bench.config.listeners[0].message_bytes_max = 16 << 20;
    bench.config.outbox.bytes_max = 16 << 20;
    bench.config.outbox.memory_bytes_max = 1 << 20;
    bench.start();
    let message = noise(8 << 20);
    let mut stream = TcpStream::connect(bench.listening()).unwrap();
    stream.write_all(&[&message, &b"\n"[..]].concat()).unwrap();
    drop(stream);
    wait_until(&bench, "the last part", || has_last_part(&bench));
    assert!(bench.collector.records().len() > 2);
    assert!(bench.collector.lines() == [message], "whole and unchanged");
    bench.stop();
}

#[test]
fn a_topic_with_a_backlog_leaves_the_others_their_turn() {
    let mut bench = bench();
    let mut other = bench.config.listeners[0].clone();
    other.topic = "z-other".into();
    bench.config.listeners.push(other);
    bench.config.batch_records_max = 5;
    bench.config.in_flight_max = 2;
    bench.collector.faults(|faults| faults.down = true);
    bench.start();
    send(bench.listening(), 0, 1000);
    send(bench.listening_at(1), 1000, 1010);
    wait_until(&bench, "all to be durable", || {
        let files = &bench.status().files;
        let durable = files
            .iter()
            .filter(|file| file.path.starts_with("syslog-tcp"))
            .map(|file| file.acked);
        durable.sum::<u64>() >= bytes_of(0, 1010)
    });
    bench.collector.faults(|faults| faults.down = false);
    once(&bench, 1010);
    let lines = bench.collector.lines();
    let last = lines.iter().rposition(|line| line.ends_with(b" 1009")).unwrap();
    // In turn: two batches of the others, and as many of the backlog, beside what was under way.
    assert!(last < 60, "it came behind {last} lines of the backlog");
    bench.stop();
}

#[test]
fn an_outbox_left_under_another_id_is_shipped_as_this_agent_s_and_each_record_once() {
    let mut bench = bench();
    bench.config.batch_records_max = 7;
    // So that what the collector holds is beyond the position that is saved.
    bench.config.checkpoint_interval = Duration::from_secs(1000);
    bench.start();
    send(bench.listening(), 0, 100);
    once(&bench, 100);
    bench.collector.faults(|faults| faults.down = true);
    send(bench.listening(), 100, 200);
    wait_until(&bench, "all to be durable", || durable(&bench, bytes_of(0, 200)));
    bench.kill();
    for name in ["agent-id", "registry.0", "registry.1"] {
        // Of the registry one may be there.
        std::fs::remove_file(bench.config.data_dir.join(name)).ok();
    }
    bench.start();
    bench
        .collector
        .faults(|faults| (faults.down, faults.ack_lost) = (false, 2));
    once(&bench, 200);
    send(bench.listening(), 200, 210);
    once(&bench, 210);
    let owners: std::collections::HashSet<_> = bench.collector.state.lock().unwrap().owners.values().cloned().collect();
    assert_eq!(owners.len(), 2);
    assert_eq!(bench.status().dead_letter_records, 0);
    bench.stop();
}
