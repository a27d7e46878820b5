//! How many messages a target gets.

use super::*;

fn by_host(target: TargetOptions, name: &str) -> NotifyOptions {
    let mut options = options();
    options.targets.insert(name.to_owned(), target);
    options.default_targets = vec![name.to_owned()];
    options.root.group_by = vec!["host".to_owned()];
    options
}

#[test]
fn what_people_get_beyond_their_rate_is_one_summary_that_names_all() {
    let mut stage = Stage::new(&by_host(target(2), "ops"));
    for host in ["a", "b", "c", "d"] {
        stage.apply(&fires("disk", host, 0));
    }
    let told_first = told(&stage.run_to(100 * SECOND));
    assert_eq!(told_first, ["firing ops 1/0 @30", "firing ops 1/0 @30"]);
    stage.apply(&resolves("disk", "d", 100 * SECOND));
    let messages = stage.run_to(1_000 * SECOND);
    assert_eq!(told(&messages), ["summary ops 1/1 @630"]);
    let held = messages[0].held.as_ref().unwrap();
    assert_eq!(
        (held.messages, held.incidents.len(), held.since_nanos),
        (3, 2, 30 * SECOND)
    );
    stage.apply(&resolves("disk", "c", 1_000 * SECOND));
    assert_eq!(told(&stage.run_to(3_000 * SECOND)), ["resolved ops 0/1 @1230"]);
}

#[test]
fn a_machine_gets_the_latest_state_of_each_group_later() {
    let mut stage = Stage::new(&by_host(machine(1), "machine"));
    for host in ["a", "b"] {
        stage.apply(&fires("disk", host, 0));
    }
    assert_eq!(told(&stage.run_to(100 * SECOND)), ["firing machine 1/0 @30"]);
    assert_eq!(told(&stage.run_to(700 * SECOND)), ["firing machine 1/0 @630"]);
    stage.apply(&resolves("disk", "a", 700 * SECOND));
    stage.apply(&resolves("disk", "b", 700 * SECOND));
    let later = stage.run_to(9_000 * SECOND);
    assert_eq!(
        later.iter().map(|m| m.resolved_total).sum::<u64>(),
        2,
        "{:?}",
        told(&later)
    );
    assert_eq!(stage.state.groups().len(), 0);
}

#[test]
fn a_machine_gets_every_incident_of_a_group_however_many() {
    let mut options = by_host(machine(1_000), "machine");
    options.root.group_by = vec!["alertname".to_owned()];
    options.limits.message_incidents_max = 3;
    let mut stage = Stage::new(&options);
    for n in 0..8 {
        stage.apply(&fires("disk", &n.to_string(), 0));
    }
    let first = stage.run_to(100 * SECOND);
    assert_eq!(first.iter().map(|m| m.incidents.len()).collect::<Vec<_>>(), [3, 3, 2]);
    let keys: BTreeSet<&str> = first.iter().map(|m| m.key.as_str()).collect();
    assert_eq!(keys.len(), 3);
    stage.apply(&fires("disk", "new", 100 * SECOND));
    stage.apply(&resolves("disk", "0", 100 * SECOND));
    let news = stage.run_to(400 * SECOND);
    assert_eq!(
        news.iter().map(|m| m.incidents.len()).collect::<Vec<_>>(),
        [2],
        "only what is new"
    );
}

#[test]
fn news_for_a_target_whose_outbox_is_full_wait_and_are_told_as_they_are_then() {
    let mut stage = Stage::new(&options());
    stage.full.insert("ops".to_owned());
    stage.apply(&fires("disk", "a", 0));
    assert_eq!(told(&stage.run_to(100 * SECOND)), [""; 0]);
    stage.apply(&fires("disk", "b", 100 * SECOND));
    stage.full.clear();
    assert_eq!(told(&stage.run_to(200 * SECOND)), ["firing ops 2/0 @110"]);
}

#[test]
fn more_incidents_than_there_is_room_for_are_counted() {
    let mut options = options();
    options.limits.incidents_max = 2;
    let mut stage = Stage::new(&options);
    for host in ["a", "b", "c"] {
        stage.apply(&fires("disk", host, 0));
    }
    assert_eq!((stage.open().len(), stage.state.overflowed), (2, 1));
}
