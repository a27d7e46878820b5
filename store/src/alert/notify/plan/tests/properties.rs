//! What holds whatever happens.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
struct Step {
    rule: usize,
    host: usize,
    to: AlertState,
    after_seconds: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let to = prop_oneof![
        3 => Just(AlertState::Firing), 3 => Just(AlertState::Resolved), 1 => Just(AlertState::NoData),
        1 => Just(AlertState::Pending), 1 => Just(AlertState::Error)
    ];
    let step = (0..3_usize, 0..3_usize, to, 0..400_i64).prop_map(|(rule, host, to, after_seconds)| Step {
        rule,
        host,
        to,
        after_seconds,
    });
    proptest::collection::vec(step, 1..40)
}

fn transitions(steps: &[Step]) -> Vec<Transition> {
    let mut at = 0;
    let mut since = BTreeMap::new();
    let mut made = Vec::new();
    for step in steps {
        at += step.after_seconds * SECOND + 1;
        let (rule, host) = (["disk", "load", "down"][step.rule], ["a", "b", "c"][step.host]);
        let mut transition = transition(rule, host, step.to, at);
        let active = matches!(step.to, AlertState::Firing | AlertState::NoData | AlertState::Error);
        transition.active_since_nanos = match active {
            true => Some(*since.entry((rule, host)).or_insert(at)),
            false => since.remove(&(rule, host)),
        };
        made.push(transition);
    }
    made
}

fn rich_options(messages_max: u64) -> NotifyOptions {
    let mut options = options();
    options.targets.insert("ops".to_owned(), target(messages_max));
    options.targets.insert("machine".to_owned(), machine(messages_max));
    options.root.repeat_interval = Duration::from_secs(2_000);
    options.routes = vec![
        RouteOptions {
            matchers: vec!["alertname=disk".parse().unwrap()],
            targets: vec!["ops".to_owned(), "machine".to_owned()],
            group_by: Some(vec!["host".to_owned()]),
            go_on: true,
            escalation: vec![EscalationOptions {
                after: Duration::from_secs(700),
                targets: vec!["boss".to_owned()],
            }],
            ..RouteOptions::default()
        },
        RouteOptions {
            matchers: vec!["host!=c".parse().unwrap()],
            targets: vec!["web".to_owned()],
            ..RouteOptions::default()
        },
    ];
    options.inhibitions = vec![InhibitionOptions {
        source: vec!["alertname=down".parse().unwrap()],
        target: vec!["alertname=load".parse().unwrap()],
        equal: vec!["host".to_owned()],
    }];
    options
}

const END: Nanos = 40_000 * SECOND;

fn all(options: &NotifyOptions, transitions: &[Transition]) -> Vec<Message> {
    let planner = Planner::new(options).unwrap();
    simulate(&planner, transitions, Surroundings::none(), END, usize::MAX).0
}

impl Stage {
    fn restart(&mut self) {
        self.state = written_and_read(&self.state);
        self.planner.resume(&mut self.state);
    }
}

/// What was written down, read back.
fn written_and_read(state: &PlanState) -> PlanState {
    let incidents = state
        .incidents()
        .values()
        .map(|incident| serde_json::from_str(&serde_json::to_string(incident).unwrap()).unwrap());
    let groups = state
        .groups()
        .values()
        .map(|group| serde_json::from_str(&serde_json::to_string(group).unwrap()).unwrap());
    let rates = state.rates().iter().map(|(target, rate)| {
        (
            target.clone(),
            serde_json::from_str(&serde_json::to_string(rate).unwrap()).unwrap(),
        )
    });
    PlanState::load(incidents.collect(), groups.collect(), rates.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_same_transitions_give_the_same_messages_each_with_a_key_of_its_own(steps in steps(), max in 1..6_u64) {
        let (options, transitions) = (rich_options(max), transitions(&steps));
        let messages = all(&options, &transitions);
        prop_assert_eq!(&messages, &all(&options, &transitions));
        let keys: BTreeSet<&str> = messages.iter().map(|message| message.key.as_str()).collect();
        prop_assert_eq!(keys.len(), messages.len());
    }

    #[test]
    fn a_restart_at_any_moment_changes_no_message(steps in steps(), max in 1..6_u64) {
        let (options, transitions) = (rich_options(max), transitions(&steps));
        let mut stage = Stage::new(&options);
        let mut messages = Vec::new();
        for transition in &transitions {
            messages.extend(stage.run_to(transition.decided_at_nanos - 1));
            stage.restart();
            stage.apply(transition);
            stage.restart();
        }
        messages.extend(stage.run_to(END));
        // What was held back is looked at once more, so an escalation or a repeat may come earlier.
        let content = |messages: &[Message]| -> BTreeSet<(String, String, u64, u64)> {
            let firing = messages.iter().filter(|m| m.kind == MessageKind::Firing || m.kind == MessageKind::Resolved);
            firing.map(|m| (m.target.clone(), m.group_key.clone(), m.firing_total, m.resolved_total)).collect()
        };
        if max == 5 {
            prop_assert_eq!(content(&messages), content(&all(&options, &transitions)));
        }
    }

    #[test]
    fn no_target_gets_more_than_its_rate(steps in steps(), max in 1..4_u64) {
        let messages = all(&rich_options(max), &transitions(&steps));
        for target in ["ops", "machine"] {
            let times: Vec<Nanos> = messages.iter().filter(|m| m.target == target).map(|m| m.created_nanos).collect();
            for window in times.windows(max as usize + 1) {
                prop_assert!(window[max as usize] - window[0] >= 600 * SECOND, "{:?}", times);
            }
        }
    }

    #[test]
    fn whoever_is_told_that_something_fires_is_told_when_it_does_not(steps in steps(), max in 1..6_u64) {
        let mut transitions = transitions(&steps);
        let last = transitions.last().unwrap().decided_at_nanos;
        for rule in ["disk", "load", "down"] {
            for host in ["a", "b", "c"] {
                transitions.push(resolves(rule, host, last + SECOND));
            }
        }
        let messages = all(&rich_options(max), &transitions);
        for target in ["ops", "machine", "web", "boss"] {
            let mut active = BTreeSet::new();
            for message in messages.iter().filter(|message| message.target == target) {
                let told = message.incidents.iter().map(|told| (told.id.clone(), told.state));
                let held = message.held.iter().flat_map(|held| &held.incidents).map(|(id, held)| (id.clone(), held.state));
                for (id, state) in told.chain(held) {
                    match state {
                        AlertState::Resolved => active.remove(&id),
                        _ => active.insert(id),
                    };
                }
            }
            prop_assert!(active.is_empty(), "{} still takes {:?} for firing: {:?}", target, active, told(&messages));
        }
    }

    #[test]
    fn everything_that_fires_is_told_to_somebody(steps in steps()) {
        let mut options = rich_options(1_000);
        options.inhibitions.clear();
        let transitions = transitions(&steps);
        let messages = all(&options, &transitions);
        for fired in transitions.iter().filter(|transition| transition.to == AlertState::Firing) {
            let is_it = |told: &Transition| told.rule.id == fired.rule.id && told.group == fired.group;
            let mut after = messages.iter().filter(|message| message.created_nanos >= fired.decided_at_nanos);
            let known = messages.iter().take_while(|message| message.created_nanos < fired.decided_at_nanos);
            let told = after.any(|message| message.incidents.iter().any(|told| is_it(&told.transition)));
            // One that says the same of what was told already is no news.
            let same = || known.flat_map(|m| &m.incidents).any(|told| is_it(&told.transition) && told.state == AlertState::Firing);
            prop_assert!(told || same(), "{:?}", fired);
        }
    }
}
