//! Messages that are longer than what the queue takes at once.

use super::*;

fn noise(len: usize) -> String {
    let mut state = 88172645463325252u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state % 26) as u8)
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn a_message_that_the_queue_does_not_take_at_once_is_kept_in_pieces() {
    for agent in [None, Some(AgentId([7; 16]))] {
        let mut long = listener(Protocol::Syslog, Transport::Tcp);
        long.message_bytes_max = 4 << 20;
        let queue = QueueOptions {
            batch_bytes_max: 400 << 10,
            ..QueueOptions::default()
        };
        let bench = Bench::start(vec![long], ReceiveOptions { agent, ..options() }, queue);
        let message = format!("<13>Nov 30 11:00:00 h a: {}", noise(1 << 20));
        let next = "<13>Nov 30 11:00:00 h a: next";
        drop(send(bench.address(), format!("{message}\n{next}\n").as_bytes()));
        bench.wait_durable(2);
        let records = bench.records();
        let (last, pieces) = records.split_last().unwrap();
        assert_eq!(last.line, next);
        assert!(pieces.len() > 2);
        let joined: String = pieces.iter().map(|held| held.line.as_str()).collect();
        assert!(joined == message, "whole and unchanged");
        assert_eq!(bench.seen().lost, 0);
        if agent.is_none() {
            let partial: Vec<bool> = records
                .iter()
                .map(|held| held.attributes.contains_key("log.partial"))
                .collect();
            let expected: Vec<bool> = (0..records.len()).map(|n| n + 2 < records.len()).collect();
            assert_eq!(partial, expected, "the last piece and what follows are whole");
        }
    }
}

#[test]
fn batches_are_made_no_larger_than_the_queue_takes_though_more_is_set() {
    let queue = QueueOptions {
        batch_bytes_max: 200 << 10,
        ..QueueOptions::default()
    };
    let large = ReceiveOptions {
        batch_bytes_max: 8 << 20,
        commit_interval: Duration::from_millis(200),
        ..options()
    };
    let mut wide = listener(Protocol::Syslog, Transport::Tcp);
    wide.message_bytes_max = 64 << 10;
    let bench = Bench::start(vec![wide], large, queue);
    let text = noise(50_000);
    let messages: String = (0..40)
        .map(|n| format!("<13>Nov 30 11:00:00 h a: {n} {text}\n"))
        .collect();
    drop(send(bench.address(), messages.as_bytes()));
    bench.wait_durable(40);
    assert_eq!((bench.records().len(), bench.seen().lost), (40, 0));
}
