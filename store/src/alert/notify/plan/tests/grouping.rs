//! Grouping, routing, news, repeats, silences, inhibition.

use timberline_proto::alert::notify::Silence;

use super::*;

#[test]
fn incidents_of_a_group_are_told_together_then_as_news_then_as_resolved() {
    let mut stage = Stage::new(&options());
    stage.apply(&fires("disk", "a", 0));
    stage.apply(&fires("disk", "b", 10 * SECOND));
    assert_eq!(told(&stage.run_to(40 * SECOND)), ["firing ops 2/0 @30"]);
    stage.apply(&fires("disk", "c", 60 * SECOND));
    assert_eq!(told(&stage.run_to(400 * SECOND)), ["firing ops 3/0 @330"]);
    stage.apply(&resolves("disk", "a", 420 * SECOND));
    assert_eq!(told(&stage.run_to(700 * SECOND)), ["resolved ops 2/1 @630"]);
    stage.apply(&resolves("disk", "b", 700 * SECOND));
    stage.apply(&resolves("disk", "c", 710 * SECOND));
    assert_eq!(told(&stage.run_to(3_000 * SECOND)), ["resolved ops 0/2 @930"]);
    assert_eq!(stage.state.groups().len() + stage.state.incidents().len(), 0);
    assert_eq!(stage.planner.next_wake(&stage.state), None);
}

#[test]
fn what_fired_and_ended_before_its_turn_is_told_once() {
    let mut options = options();
    options.root.send_resolved = false;
    let mut stage = Stage::new(&options);
    stage.apply(&fires("disk", "a", 0));
    stage.apply(&resolves("disk", "a", SECOND));
    assert_eq!(told(&stage.run_to(3_000 * SECOND)), ["firing ops 0/1 @30"]);
}

#[test]
fn what_holds_is_repeated_until_somebody_takes_it_up() {
    let mut options = options();
    options.root.repeat_interval = Duration::from_secs(1_000);
    let mut stage = Stage::new(&options);
    stage.apply(&fires("disk", "a", 0));
    assert_eq!(
        told(&stage.run_to(2_100 * SECOND)),
        ["firing ops 1/0 @30", "repeat ops 1/0 @1030", "repeat ops 1/0 @2030"]
    );
    let id = stage.open().remove(0);
    assert!(
        stage
            .planner
            .acknowledge(&mut stage.state, &id, Some("ann"), 2_100 * SECOND)
    );
    assert_eq!(told(&stage.run_to(9_000 * SECOND)), [""; 0]);
    assert!(stage.planner.acknowledge(&mut stage.state, &id, None, 9_000 * SECOND));
    assert_eq!(
        told(&stage.run_to(9_400 * SECOND)).len(),
        1,
        "given back, it is told again"
    );
}

#[test]
fn routes_are_a_tree_and_a_rule_may_name_its_targets_itself() {
    let mut options = options();
    let matchers = |text: &str| vec![text.parse().unwrap()];
    options.routes = vec![
        RouteOptions {
            matchers: matchers("host=~\"web.*\""),
            targets: vec!["web".to_owned()],
            go_on: true,
            group_wait: Some(Duration::from_secs(5)),
            routes: vec![RouteOptions {
                matchers: matchers("alertname=disk"),
                targets: vec!["boss".to_owned()],
                ..RouteOptions::default()
            }],
            ..RouteOptions::default()
        },
        RouteOptions {
            matchers: matchers("alertname=disk"),
            group_by: Some(vec!["...".to_owned()]),
            ..RouteOptions::default()
        },
    ];
    let mut stage = Stage::new(&options);
    for (rule, host) in [("disk", "web-1"), ("disk", "web-2"), ("load", "web-1"), ("load", "db")] {
        stage.apply(&fires(rule, host, 0));
    }
    let mut named = fires("own", "x", 0);
    named
        .rule
        .annotations
        .insert("targets".to_owned(), "nobody, web".to_owned());
    stage.apply(&named);
    let mut told = told(&stage.run_to(60 * SECOND));
    told.sort();
    let expected = [
        "firing boss 2/0 @5",
        "firing ops 1/0 @30",
        "firing ops 1/0 @30",
        "firing ops 1/0 @30",
        "firing web 1/0 @30",
        "firing web 1/0 @5",
    ];
    assert_eq!(told, expected);
}

fn silence(matchers: &str, from: Nanos, to: Nanos) -> Silencer {
    let time = timberline_proto::query::time_range::format_rfc3339_nanos;
    let silence = Silence {
        matchers: vec![matchers.parse().unwrap()],
        starts: time(from),
        ends: Some(time(to)),
        by: "ann".to_owned(),
        ..Silence::default()
    };
    Silencer::new("s", &silence).unwrap()
}

#[test]
fn a_silence_holds_back_until_it_ends_and_what_ended_meanwhile_is_never_told() {
    let mut stage = Stage::new(&options());
    stage.silences = vec![
        silence("host=a", 0, 1_000 * SECOND),
        silence("host=b", 0, 1_000 * SECOND),
    ];
    for host in ["a", "b"] {
        stage.apply(&fires("disk", host, 0));
    }
    assert_eq!(told(&stage.run_to(700 * SECOND)), [""; 0]);
    stage.apply(&resolves("disk", "b", 700 * SECOND));
    assert_eq!(told(&stage.run_to(2_000 * SECOND)), ["firing ops 1/0 @1230"]);
}

#[test]
fn what_was_told_is_told_as_resolved_though_it_is_silenced_by_then() {
    let mut stage = Stage::new(&options());
    stage.apply(&fires("disk", "a", 0));
    assert_eq!(stage.run_to(100 * SECOND).len(), 1);
    stage.silences = vec![silence("host=a", 100 * SECOND, 9_000 * SECOND)];
    stage.apply(&resolves("disk", "a", 200 * SECOND));
    assert_eq!(told(&stage.run_to(1_000 * SECOND)), ["resolved ops 0/1 @330"]);
}

#[test]
fn what_is_worse_holds_back_what_is_of_the_same_host() {
    let mut options = options();
    options.inhibitions = vec![InhibitionOptions {
        source: vec!["alertname=down".parse().unwrap()],
        target: vec!["alertname=~\"down|disk\"".parse().unwrap()],
        equal: vec!["host".to_owned()],
    }];
    let mut stage = Stage::new(&options);
    stage.apply(&fires("down", "a", 0));
    stage.apply(&fires("disk", "a", 0));
    stage.apply(&fires("disk", "b", 0));
    let messages = stage.run_to(100 * SECOND);
    let mut hosts: Vec<String> = messages
        .iter()
        .flat_map(|message| &message.incidents)
        .map(|told| format!("{} {}", told.transition.rule.id, told.transition.group["host"]))
        .collect();
    hosts.sort();
    assert_eq!(
        hosts,
        ["disk b", "down a"],
        "what holds back is not held back by itself"
    );
    stage.apply(&resolves("down", "a", 100 * SECOND));
    let told: Vec<Message> = stage.run_to(400 * SECOND);
    assert!(
        told.iter()
            .any(|m| m.kind == MessageKind::Firing && m.firing_total == 2),
        "{told:?}"
    );
}

#[test]
fn no_data_and_errors_are_told_and_late_lines_are_not() {
    let mut stage = Stage::new(&options());
    stage.apply(&transition("disk", "a", AlertState::NoData, 0));
    let messages = stage.run_to(100 * SECOND);
    assert_eq!(messages[0].incidents[0].state, AlertState::NoData);
    stage.apply(&fires("disk", "a", 100 * SECOND));
    let messages = stage.run_to(400 * SECOND);
    assert_eq!(
        (messages.len(), messages[0].incidents[0].state),
        (1, AlertState::Firing)
    );
    let mut late = fires("disk", "b", 400 * SECOND);
    late.late = true;
    stage.apply(&late);
    stage.apply(&transition("disk", "c", AlertState::Pending, 400 * SECOND));
    assert_eq!(told(&stage.run_to(2_000 * SECOND)), [""; 0]);
}

#[test]
fn another_configuration_tells_nobody_twice_and_newcomers_once() {
    let mut stage = Stage::new(&options());
    stage.apply(&fires("disk", "a", 0));
    assert_eq!(stage.run_to(100 * SECOND).len(), 1);
    let mut other = options();
    other.default_targets = vec!["ops".to_owned(), "boss".to_owned()];
    other.root.group_by = vec!["host".to_owned()];
    stage.planner = Planner::new(&other).unwrap();
    stage.planner.reroute(&mut stage.state, 100 * SECOND);
    assert_eq!(told(&stage.run_to(1_000 * SECOND)), ["firing boss 1/0 @130"]);
    stage.apply(&resolves("disk", "a", 1_000 * SECOND));
    assert_eq!(
        told(&stage.run_to(2_000 * SECOND)),
        ["resolved ops 0/1 @1030", "resolved boss 0/1 @1030"]
    );
}

#[test]
fn routes_that_name_nobody_or_never_pause_are_refused() {
    let refused = |change: &dyn Fn(&mut NotifyOptions), word: &str| {
        let mut options = options();
        change(&mut options);
        let message = Planner::new(&options).unwrap_err();
        assert!(message.contains(word), "{message}");
    };
    refused(&|o| o.default_targets = vec!["nobody".to_owned()], "default_targets");
    refused(&|o| o.fallback_target = Some("nobody".to_owned()), "fallback_target");
    refused(&|o| o.root.group_interval = Duration::ZERO, "group_interval");
    let route = |route: RouteOptions| move |o: &mut NotifyOptions| o.routes = vec![route.clone()];
    refused(
        &route(RouteOptions {
            targets: vec!["x".to_owned()],
            ..Default::default()
        }),
        "alerts.routes 0",
    );
    refused(
        &route(RouteOptions {
            group_interval: Some(Duration::ZERO),
            ..Default::default()
        }),
        "group_interval",
    );
    refused(
        &route(RouteOptions {
            matchers: vec!["a=~\"(\"".parse().unwrap()],
            ..Default::default()
        }),
        "alerts.routes 0",
    );
    refused(&|o| o.inhibitions = vec![InhibitionOptions::default()], "inhibitions");
}

#[test]
fn every_line_of_a_rule_that_tells_each_is_in_the_next_message() {
    let mut stage = Stage::new(&options());
    let line = |n: i64| {
        let mut again = fires("match", "a", n * SECOND);
        again.active_since_nanos = Some(0);
        again.from = if n == 0 {
            AlertState::Inactive
        } else {
            AlertState::Firing
        };
        again.evidence.lines = vec![timberline_proto::alert::EvidenceLine {
            id: n.to_string(),
            ..Default::default()
        }];
        again.evidence.lines_total = 1;
        again.window = Some((n * SECOND, n * SECOND + 1));
        again
    };
    let ids = |message: &Message| -> Vec<String> {
        message.incidents[0]
            .transition
            .evidence
            .lines
            .iter()
            .map(|line| line.id.clone())
            .collect()
    };
    for n in [0, 1, 2] {
        stage.apply(&line(n));
    }
    let first = stage.run_to(40 * SECOND);
    assert_eq!(
        (told(&first), ids(&first[0])),
        (
            vec!["firing ops 1/0 @30".to_owned()],
            ["0", "1", "2"].map(str::to_owned).to_vec()
        )
    );
    for n in [50, 60] {
        stage.apply(&line(n));
    }
    let second = stage.run_to(400 * SECOND);
    assert_eq!(
        (told(&second), ids(&second[0])),
        (
            vec!["firing ops 1/0 @330".to_owned()],
            ["50", "60"].map(str::to_owned).to_vec()
        )
    );
    let transition = &second[0].incidents[0].transition;
    assert_eq!(
        (transition.evidence.lines_total, transition.window),
        (2, Some((50 * SECOND, 60 * SECOND + 1)))
    );
}
