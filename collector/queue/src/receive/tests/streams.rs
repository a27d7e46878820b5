//! Streams, and those beyond `streams_max`.

use super::*;

#[test]
fn more_streams_than_are_kept_share_one_and_name_themselves() {
    let options = ReceiveOptions {
        streams_max: 2,
        ..options()
    };
    let bench = Bench::start(
        vec![listener(Protocol::Syslog, Transport::Tcp)],
        options,
        QueueOptions::default(),
    );
    let messages: String = (0..5).map(|n| format!("<13>Nov 30 11:00:00 h{n} a: x\n")).collect();
    drop(send(bench.address(), messages.as_bytes()));
    let records = bench.wait(5);
    let hosts: std::collections::BTreeSet<_> = records.iter().map(|held| held.stream["host.name"].as_str()).collect();
    assert_eq!(hosts, ["h0", "h1", "here"].into());
    let named: Vec<_> = records
        .iter()
        .filter_map(|held| held.attributes.get("host.name"))
        .collect();
    assert_eq!(named.len(), 3);
}

#[test]
fn rules_are_chosen_by_what_a_record_names_also_where_its_stream_is_not_kept() {
    let drop_payments = Rules {
        of_stream: |attributes: &BTreeMap<String, String>| StreamRules {
            topic: None,
            rules: (attributes["service.name"] == "payments").then_some(0),
        },
        apply: |_: &mut Received| Some("rule:payments".into()),
    };
    let options = ReceiveOptions {
        streams_max: 1,
        agent: Some(AgentId([1; 16])),
        ..options()
    };
    let bench = Bench::with(
        vec![listener(Protocol::Syslog, Transport::Tcp)],
        options,
        QueueOptions::default(),
        Some(Box::new(drop_payments)),
    );
    let messages: String = ["a", "b", "payments", "c", "payments"]
        .iter()
        .map(|tag| format!("<13>Nov 30 11:00:00 h {tag}: card\n"))
        .collect();
    drop(send(bench.address(), messages.as_bytes()));
    bench.wait_durable(5);
    let records = bench.wait(3);
    assert!(
        records.iter().all(|held| !held.line.contains("payments")),
        "{records:?}"
    );
}
