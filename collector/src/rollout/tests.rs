use proptest::prelude::*;

use super::state::group_name;
use super::*;

const WAIT_S: i64 = 60;

/// How a machine is.
type Look<'a> = &'a dyn Fn(AgentId) -> Option<Health>;

fn id(n: u8) -> AgentId {
    AgentId([n; 16])
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn web() -> Labels {
    labels(&[("role", "web")])
}

/// A trial on machine 1 of a group, begun at 1000.
fn begun() -> (State, u64) {
    let mut state = State::default();
    let first = BTreeMap::from([(id(1), Health::default())]);
    let version = state.begin(web(), "[agent]\n".into(), first, WAIT_S, 1000);
    (state, version)
}

fn others() -> BTreeMap<AgentId, Health> {
    (1..=5).map(|n| (id(n), Health::default())).collect()
}

fn well(_: AgentId) -> Option<Health> {
    Some(Health::default())
}

fn bad(version: u64, why: &str) -> Failure {
    Failure {
        version,
        why: why.into(),
        passing: false,
    }
}

fn passing(version: u64) -> Failure {
    Failure {
        passing: true,
        ..bad(version, "not reached")
    }
}

fn version_of(state: &State, n: u8) -> u64 {
    state
        .document_for(id(n), &web())
        .map_or(0, |(_, document)| document.version)
}

#[test]
fn the_first_try_it_and_all_get_it_once_they_were_well_for_the_whole_wait() {
    let (mut state, version) = begun();
    let name = group_name(&web());
    assert_eq!((version_of(&state, 1), version_of(&state, 2)), (version, 0));
    let group = state.groups.get_mut(&name).unwrap();
    assert_eq!(group.judge(1060, well), None, "nobody runs it yet");
    group.heard(id(1), version, None, 1010);
    assert!(!group.is_news(id(1), version, None), "the same again");
    assert_eq!(group.judge(1069, well), None);
    assert_eq!(group.judge(1070, well), Some(Verdict::Spread));
    group.enter(version, &Verdict::Spread, others(), 1070);
    assert_eq!(version_of(&state, 2), version);
    let group = state.groups.get_mut(&name).unwrap();
    assert_eq!(group.judge(1100, well), None);
    assert_eq!(group.judge(1130, well), Some(Verdict::Done));
    group.enter(version, &Verdict::Done, others(), 1130);
    assert_eq!((version_of(&state, 1), version_of(&state, 9)), (version, version));
}

#[test]
fn whatever_goes_wrong_on_the_first_takes_it_back() {
    let silent = |_| None;
    let errors = |_| {
        Some(Health {
            errors: 1,
            ..Health::default()
        })
    };
    let lost = |_| {
        Some(Health {
            lost_bytes: 1,
            ..Health::default()
        })
    };
    let lag = |_| {
        Some(Health {
            unacked_bytes: 64 << 20,
            ..Health::default()
        })
    };
    let cases: [(Look<'_>, i64, &str); 4] = [
        (&silent, 1011, "silent"),
        (&errors, 1011, "cannot be read"),
        (&lost, 1011, "lost"),
        (&lag, 1070, "lags"),
    ];
    for (health, at, word) in cases {
        let (mut state, version) = begun();
        let group = state.groups.get_mut(&group_name(&web())).unwrap();
        group.heard(id(1), version, None, 1010);
        let Some(Verdict::Back(why)) = group.judge(at, health) else {
            panic!("{word}")
        };
        assert!(why.contains(word), "{why}");
        group.enter(version, &Verdict::Back(why), others(), at);
        assert_eq!(version_of(&state, 1), 0, "{word}");
    }
}

#[test]
fn a_machine_that_gives_it_up_or_never_takes_it_takes_it_back_for_all() {
    let (mut state, version) = begun();
    let group = state.groups.get_mut(&group_name(&web())).unwrap();
    let failure = bad(version, "no such codec");
    assert!(group.is_news(id(1), 0, Some(&failure)));
    group.heard(id(1), 0, Some(failure), 1005);
    assert!(matches!(group.judge(1006, well), Some(Verdict::Back(why)) if why.contains("no such codec")));
    let (state, _) = begun();
    let group = &state.groups[&group_name(&web())];
    assert_eq!(group.judge(1119, well), None);
    assert!(matches!(group.judge(1120, well), Some(Verdict::Back(why)) if why.contains("did not take")));
}

#[test]
fn of_all_a_tenth_may_fail_before_it_is_taken_back() {
    let (mut state, version) = begun();
    let group = state.groups.get_mut(&group_name(&web())).unwrap();
    group.heard(id(1), version, None, 1000);
    let many = (1..=20).map(|n| (id(n), Health::default())).collect();
    group.enter(version, &Verdict::Spread, many, 1060);
    let ill = |limit: u8| move |of: AgentId| (of.0[0] > limit).then(Health::default);
    assert_eq!(group.judge(1061, ill(2)), None);
    assert!(matches!(group.judge(1061, ill(3)), Some(Verdict::Back(_))));
}

#[test]
fn the_group_of_most_labels_decides() {
    let (mut state, wide) = begun();
    let narrow_labels = labels(&[("role", "web"), ("site", "berlin")]);
    let narrow = state.begin(
        narrow_labels.clone(),
        String::new(),
        BTreeMap::from([(id(1), Health::default())]),
        1,
        1,
    );
    assert!(narrow > wide);
    let version = |of: &Labels| state.document_for(id(1), of).map(|(_, document)| document.version);
    assert_eq!((version(&web()), version(&narrow_labels)), (Some(wide), Some(narrow)));
    assert_eq!(version(&labels(&[("role", "db")])), None);
}

#[test]
fn what_is_pushed_is_signed_for_one_machine_and_any_change_shows() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("pki")).unwrap();
    let rollouts = Rollouts::open(dir.path(), None).unwrap();
    let (document, signature) = rollouts
        .signed(id(1), 0, 7, "role=web", "[agent]\n")
        .unwrap()
        .signed
        .unwrap();
    let key = rollouts.public_key().to_vec();
    let read = timberline_proto::tls::pushed::verify(&key, &document, &signature).unwrap();
    assert_eq!((read.agent, read.version, read.toml.as_str()), (id(1), 7, "[agent]\n"));
    for at in 0..document.len() {
        let mut other = document.clone();
        other[at] ^= 1;
        assert!(timberline_proto::tls::pushed::verify(&key, &other, &signature).is_err());
    }
    // The key is the same after a restart.
    assert_eq!(Rollouts::open(dir.path(), None).unwrap().public_key(), key);
    assert!(rollouts.signed(id(1), 7, 7, "role=web", "").unwrap().signed.is_none());
}

#[test]
fn what_is_signed_has_a_later_time_than_all_before_also_if_the_clock_was_set_back() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("pki")).unwrap();
    let minute = SIGNED_AHEAD.as_nanos() as u64;
    let mut last = 0;
    // Each time it is opened anew with a clock that is behind.
    for now in [10 * minute, 5 * minute, minute, 20 * minute] {
        let rollouts = Rollouts::open(dir.path(), None).unwrap();
        for step in [0, 1, 2, minute, 0] {
            let next = rollouts.next_nanos(now + step).unwrap();
            assert!(next > last && next >= now + step, "{next} after {last}");
            last = next;
        }
    }
}

#[test]
fn a_cause_that_may_pass_is_no_verdict_and_gives_the_machine_as_long_again() {
    let (mut state, version) = begun();
    let group = state.groups.get_mut(&group_name(&web())).unwrap();
    group.heard(id(1), 0, Some(passing(version)), 1100);
    assert!(!group.is_news(id(1), 0, Some(&passing(version))), "the same again");
    assert_eq!(group.judge(1239, well), None);
    // It tries again, cannot again, and then it can.
    group.heard(id(1), version, None, 1150);
    group.heard(id(1), 0, Some(passing(version)), 1200);
    assert_eq!(
        group.judge(1359, well),
        None,
        "it is not watched while it does not run it"
    );
    assert!(matches!(group.judge(1360, well), Some(Verdict::Back(why)) if why.contains("not reached")));
    group.heard(id(1), version, None, 1300);
    assert_eq!(group.judge(1360, well), Some(Verdict::Spread));
    // However often it puts it off, it is not waited for without end.
    for turn in 0..100 {
        group.heard(id(1), version, None, 1400 + turn);
        group.heard(id(1), 0, Some(passing(version)), 1400 + turn);
    }
    assert!(matches!(group.judge(1000 + 10 * 120, well), Some(Verdict::Back(_))));
}

#[test]
fn a_machine_that_changes_its_mind_without_end_makes_the_list_be_written_only_so_often() {
    let (mut state, version) = begun();
    let group = state.groups.get_mut(&group_name(&web())).unwrap();
    let mut written = 0;
    for turn in 0..1000u64 {
        let words = Failure {
            why: format!("words {turn}"),
            ..passing(version - turn % 3)
        };
        let said = if turn % 2 == 0 {
            (version, None)
        } else {
            (0, Some(words))
        };
        if group.is_news(id(1), said.0, said.1.as_ref()) {
            written += 1;
            group.heard(id(1), said.0, said.1, 1000);
        }
    }
    assert!(written <= 25, "{written}");
}

#[test]
fn of_more_failures_than_are_remembered_each_counts() {
    let wide = |n: u16| {
        let mut id = [7; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        AgentId(id)
    };
    let (mut state, version) = begun();
    let group = state.groups.get_mut(&group_name(&web())).unwrap();
    group.heard(id(1), version, None, 1000);
    let many: BTreeMap<_, _> = (0..2000).map(|n| (wide(n), Health::default())).collect();
    group.enter(version, &Verdict::Spread, many, 1060);
    for n in 0..200 {
        assert!(group.is_news(wide(n), 0, Some(&bad(version, "no"))), "{n}");
        group.heard(wide(n), 0, Some(bad(version, "no")), 1061);
        assert_eq!(group.judge(1061, well), None, "{n} of 2,001 is bearable");
    }
    assert!(group.failures.len() <= 100, "{}", group.failures.len());
    group.heard(wide(200), 0, Some(bad(version, "no")), 1061);
    let Some(Verdict::Back(why)) = group.judge(1061, well) else {
        panic!("more than a tenth gave it up")
    };
    assert!(why.ends_with("and 198 more"), "{why}");
}

#[test]
fn a_verdict_on_a_trial_that_is_over_does_not_meet_the_next_one() {
    let (mut state, version) = begun();
    let first = BTreeMap::from([(id(1), Health::default())]);
    let next = state.begin(web(), "[agent]\n".into(), first, WAIT_S, 1001);
    let group = state.groups.get_mut(&group_name(&web())).unwrap();
    for verdict in [Verdict::Spread, Verdict::Done, Verdict::Back("it was bad".into())] {
        assert!(!group.enter(version, &verdict, others(), 1002), "{verdict:?}");
    }
    let trial = group.trial.as_ref().unwrap();
    assert_eq!((trial.document.version, trial.machines.len()), (next, 1));
    assert!(group.enter(next, &Verdict::Spread, others(), 1002));
}

#[test]
fn a_collector_that_was_just_started_calls_no_machine_silent() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("pki")).unwrap();
    let (state, version) = begun();
    save_state(dir.path(), STATE_NAME, &state).unwrap();
    let fleet = |agent_timeout| {
        Fleet::with(crate::fleet::FleetLimits {
            agents_max: 10,
            agent_timeout,
            agent_forget_after: Duration::from_secs(1000),
            loss_error_for: Duration::from_secs(1000),
        })
    };
    let rollouts = Rollouts::open(dir.path(), None).unwrap();
    let trial = |rollouts: &Rollouts| rollouts.groups().groups[0].trial_version;
    rollouts.judge(&fleet(Duration::from_secs(600)), BTreeMap::new).unwrap();
    assert_eq!(trial(&rollouts), Some(version));
    rollouts.judge(&fleet(Duration::ZERO), BTreeMap::new).unwrap();
    assert_eq!(trial(&rollouts), None);
}

proptest! {
    #[test]
    fn however_it_goes_a_version_that_was_taken_back_is_given_to_nobody(
        steps in proptest::collection::vec((0u8..5, 1u8..4, any::<bool>()), 1..60),
    ) {
        let (mut state, version) = begun();
        let name = group_name(&web());
        let mut now_s = 1000;
        for (step, n, good) in steps {
            now_s += 7;
            let group = state.groups.get_mut(&name).unwrap();
            match step {
                0 => { group.heard(id(n), version, None, now_s); }
                1 if !good => { group.heard(id(n), 0, Some(bad(version, "no")), now_s); }
                _ => {}
            }
            let health = |of: AgentId| (good || of != id(n)).then(Health::default);
            if let Some(verdict) = group.judge(now_s, health) {
                group.enter(version, &verdict, others(), now_s);
                if matches!(verdict, Verdict::Back(_)) {
                    for n in 1..=9 {
                        prop_assert_eq!(version_of(&state, n), 0);
                    }
                    return Ok(());
                }
            }
        }
    }
}
