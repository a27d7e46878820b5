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
    group.enter(&Verdict::Spread, others(), 1070);
    assert_eq!(version_of(&state, 2), version);
    let group = state.groups.get_mut(&name).unwrap();
    assert_eq!(group.judge(1100, well), None);
    assert_eq!(group.judge(1130, well), Some(Verdict::Done));
    group.enter(&Verdict::Done, others(), 1130);
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
        group.enter(&Verdict::Back(why), others(), at);
        assert_eq!(version_of(&state, 1), 0, "{word}");
    }
}

#[test]
fn a_machine_that_gives_it_up_or_never_takes_it_takes_it_back_for_all() {
    let (mut state, version) = begun();
    let group = state.groups.get_mut(&group_name(&web())).unwrap();
    let failure = Failure {
        version,
        why: "no such codec".into(),
    };
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
    group.enter(&Verdict::Spread, many, 1060);
    let bad = |limit: u8| move |of: AgentId| (of.0[0] > limit).then(Health::default);
    assert_eq!(group.judge(1061, bad(2)), None);
    assert!(matches!(group.judge(1061, bad(3)), Some(Verdict::Back(_))));
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
    let (document, signature) = rollouts.signed(id(1), 0, 7, "role=web", "[agent]\n").signed.unwrap();
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
    assert!(rollouts.signed(id(1), 7, 7, "role=web", "").signed.is_none());
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
                1 if !good => { group.heard(id(n), 0, Some(Failure { version, why: "no".into() }), now_s); }
                _ => {}
            }
            let health = |of: AgentId| (good || of != id(n)).then(Health::default);
            if let Some(verdict) = group.judge(now_s, health) {
                group.enter(&verdict, others(), now_s);
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
