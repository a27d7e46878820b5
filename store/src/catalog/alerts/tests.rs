use std::collections::BTreeMap;
use timberline_proto::api::access::Actor;

use timberline_proto::alert::{AlertState, Evidence, Severity, TransitionRule};

use super::*;

const LIMITS: RuleLimits = RuleLimits {
    rules_max: 2,
    bytes_max: 20,
    versions_max: 2,
};
const HISTORY: HistoryLimits = HistoryLimits {
    entries_max: 3,
    age_nanos: i64::MAX,
};

fn catalog() -> (tempfile::TempDir, Catalog) {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
    (dir, catalog)
}

fn transition(key: &str, at: i64, late: bool) -> Transition {
    Transition {
        key: key.to_owned(),
        rule: TransitionRule {
            id: "r".to_owned(),
            name: "rule".to_owned(),
            version: 1,
            severity: Severity::Warning,
            annotations: BTreeMap::new(),
            owner: None,
        },
        group: BTreeMap::new(),
        labels: BTreeMap::new(),
        from: AlertState::Inactive,
        to: AlertState::Firing,
        active_since_nanos: Some(at),
        at_nanos: at,
        decided_at_nanos: now_nanos(),
        window: None,
        value: None,
        threshold: None,
        reason: String::new(),
        query: String::new(),
        evidence: Evidence::default(),
        missing_sources: Vec::new(),
        late,
    }
}

#[test]
fn a_rule_keeps_its_versions_and_of_two_who_change_it_the_second_learns_of_the_first() {
    let (dir, catalog) = catalog();
    let made = catalog
        .create_alert_rule("a", "{}", LIMITS, &Actor::new("user:ann", Some("10.0.0.1".to_owned())))
        .unwrap();
    assert!(matches!(
        catalog.create_alert_rule("a", "{}", LIMITS, &Actor::default()),
        Err(RuleError::NameTaken { .. })
    ));
    for version in 1..=2 {
        let body = format!("{{\"v\":{version}}}");
        catalog
            .replace_alert_rule((&made.id, version), ("b", &body), LIMITS, &Actor::default())
            .unwrap();
    }
    let refused = catalog.replace_alert_rule((&made.id, 1), ("c", "{}"), LIMITS, &Actor::default());
    assert!(
        matches!(refused, Err(RuleError::Conflict { asked: 1, found: 3, .. })),
        "{refused:?}"
    );
    catalog.create_alert_rule("z", "{}", LIMITS, &Actor::default()).unwrap();
    assert!(matches!(
        catalog.create_alert_rule("y", "{}", LIMITS, &Actor::default()),
        Err(RuleError::Full { max: 2 })
    ));
    let long = "x".repeat(21);
    assert!(matches!(
        catalog.create_alert_rule("y", &long, LIMITS, &Actor::default()),
        Err(RuleError::TooLarge { .. })
    ));
    // All of it is there after a restart.
    drop(catalog);
    let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
    let versions: Vec<u64> = catalog
        .alert_rule_versions(&made.id)
        .unwrap()
        .iter()
        .map(|one| one.version)
        .collect();
    assert_eq!(versions, [3, 2]);
    catalog.delete_alert_rule(&made.id, None, &Actor::default()).unwrap();
    assert!(matches!(catalog.alert_rule(&made.id), Err(RuleError::NotThere { .. })));
    let acts: Vec<String> = catalog.audit(100).unwrap().into_iter().map(|act| act.action).collect();
    assert_eq!(
        acts,
        [
            "alert_rule.create",
            "alert_rule.change",
            "alert_rule.change",
            "alert_rule.create",
            "alert_rule.delete"
        ]
    );
}

#[test]
fn a_verdict_is_on_record_once_with_its_state_and_the_oldest_go() {
    let (dir, catalog) = catalog();
    let progress = |next| RuleProgress {
        rule: "r".to_owned(),
        next_nanos: next,
        began_nanos: 1,
        groups: Some(vec![("[]".to_owned(), format!("\"{next}\""))]),
    };
    let write = |keys: &[&str], next| AlertWrite {
        progress: vec![progress(next)],
        transitions: keys.iter().map(|key| transition(key, next, *key == "late")).collect(),
        seen: vec![SeenTo {
            topic: "logs".to_owned(),
            partition: 1,
            incarnation: IncarnationId([7; 16]),
            next: next as u64,
        }],
    };
    assert_eq!(catalog.write_alerts(&write(&["a"], 10), HISTORY).unwrap(), 1);
    // Reached again after a crash, and one more.
    assert_eq!(catalog.write_alerts(&write(&["a", "late"], 20), HISTORY).unwrap(), 1);
    let after = catalog.alert_transitions_after(1, 10).unwrap();
    let keys: Vec<_> = after
        .iter()
        .map(|(sequence, one)| (*sequence > 1, one.key.as_str()))
        .collect();
    assert_eq!(keys, [(true, "late")]);
    assert_eq!(catalog.last_alert_transition("r", "{}").unwrap().unwrap().key, "a");
    drop(catalog);
    let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
    assert_eq!(catalog.alert_progress().unwrap(), [progress(20)]);
    assert_eq!(catalog.alert_seen().unwrap()[0].next, 20);
    catalog.write_alerts(&write(&["b", "c", "d"], 30), HISTORY).unwrap();
    let all = |filter: HistoryFilter| -> Vec<String> {
        let found = catalog.alert_history(&filter, 10).unwrap();
        found.into_iter().map(|(_, one)| one.key).collect()
    };
    assert_eq!(all(HistoryFilter::default()), ["d", "c", "b"]);
    assert!(
        all(HistoryFilter {
            late: Some(true),
            ..HistoryFilter::default()
        })
        .is_empty()
    );
    assert_eq!(
        all(HistoryFilter {
            rule: Some("r".to_owned()),
            to: Some("firing".to_owned()),
            from_nanos: Some(30),
            ..HistoryFilter::default()
        })
        .len(),
        3
    );
    assert!(
        all(HistoryFilter {
            to_nanos: Some(30),
            ..HistoryFilter::default()
        })
        .is_empty()
    );
    // Numbers are never given twice, though the newest are forgotten.
    let none = HistoryLimits {
        entries_max: 0,
        age_nanos: i64::MAX,
    };
    catalog.write_alerts(&write(&["e"], 40), none).unwrap();
    assert!(all(HistoryFilter::default()).len() <= 1);
    catalog.write_alerts(&write(&["f"], 50), HISTORY).unwrap();
    let last = catalog.alert_history(&HistoryFilter::default(), 1).unwrap()[0].0;
    assert!(last >= 7, "{last}");
    catalog.forget_alert_progress("r").unwrap();
    assert!(catalog.alert_progress().unwrap().is_empty());
}
