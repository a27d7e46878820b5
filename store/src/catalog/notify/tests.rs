use super::*;
use timberline_proto::api::access::Actor;

fn open() -> (tempfile::TempDir, Catalog) {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
    (dir, catalog)
}

fn message(key: &str, target: &str, group: &str, at: i64) -> NewMessage {
    NewMessage {
        key: key.to_owned(),
        target: target.to_owned(),
        group_key: group.to_owned(),
        kind: "firing".to_owned(),
        title: format!("title of {key}"),
        incidents: format!("[\"incident-{key}\"]"),
        created_at: at,
        body: format!("\"{key}\""),
    }
}

fn step(messages: Vec<NewMessage>) -> NotifyStep {
    NotifyStep {
        messages,
        ..NotifyStep::default()
    }
}

fn tried(outcome: &'static str, next_at: Option<i64>) -> Tried {
    Tried {
        at: 50,
        outcome,
        answer: "answer".to_owned(),
        took_ms: 7,
        next_at,
    }
}

fn next(catalog: &Catalog, now: i64, busy: &[&str]) -> Option<String> {
    catalog
        .notify_next(now, busy.iter().copied())
        .unwrap()
        .map(|message| message.body)
}

#[test]
fn messages_about_one_thing_keep_their_order_and_others_pass_them() {
    let (_dir, catalog) = open();
    let messages = vec![
        message("a", "mail", "g", 10),
        message("b", "mail", "g", 11),
        message("c", "mail", "h", 12),
    ];
    catalog.notify_step(&step(messages)).unwrap();
    assert_eq!(next(&catalog, 9, &[]), None);
    assert_eq!(next(&catalog, 20, &["mail"]), None);
    let first = catalog.notify_next(20, []).unwrap().unwrap();
    assert_eq!(first.body, "\"a\"");
    catalog.notify_tried(first.id, &tried("again", Some(100))).unwrap();
    assert_eq!(next(&catalog, 20, &[]).as_deref(), Some("\"c\""), "b stays behind a");
    assert_eq!(next(&catalog, 100, &[]).as_deref(), Some("\"c\""));
    catalog.notify_tried(first.id, &tried("delivered", None)).unwrap();
    assert_eq!(next(&catalog, 20, &[]).as_deref(), Some("\"b\""));
    assert_eq!(catalog.notify_waiting().unwrap().get("mail"), Some(&2));
    let deliveries = catalog.notify_deliveries(&DeliveryFilter::default(), 10).unwrap();
    let states: Vec<(&str, u64)> = deliveries.iter().map(|d| (d.state.as_str(), d.attempts)).collect();
    assert_eq!(states, [("waiting", 0), ("waiting", 0), ("delivered", 2)]);
    let outcomes: Vec<&str> = deliveries[2].tries.iter().map(|t| t.outcome.as_str()).collect();
    assert_eq!(outcomes, ["again", "delivered"]);
    let of = |filter: DeliveryFilter| catalog.notify_deliveries(&filter, 10).unwrap().len();
    assert_eq!(
        of(DeliveryFilter {
            incident: Some("incident-b".to_owned()),
            ..DeliveryFilter::default()
        }),
        1
    );
    assert_eq!(
        of(DeliveryFilter {
            state: Some("waiting".to_owned()),
            ..DeliveryFilter::default()
        }),
        2
    );
    assert_eq!(
        of(DeliveryFilter {
            target: Some("pager".to_owned()),
            ..DeliveryFilter::default()
        }),
        0
    );
    assert_eq!(
        of(DeliveryFilter {
            before: Some(2),
            ..DeliveryFilter::default()
        }),
        1
    );
}

#[test]
fn a_step_is_remembered_whole_and_a_message_of_the_same_key_is_one() {
    let (dir, catalog) = open();
    let incident = |id: &str, told| KeptIncident {
        id: id.to_owned(),
        rule: "r".to_owned(),
        told,
        opened_at: 5,
        closed_at: told.then_some(9),
        body: format!("\"{id}\""),
    };
    let whole = NotifyStep {
        cursor: Some(7),
        routes: Some("routes".to_owned()),
        incidents: vec![incident("open", false), incident("over", true)],
        groups: vec![
            ("g".to_owned(), Some("\"g\"".to_owned())),
            ("h".to_owned(), Some("\"h\"".to_owned())),
        ],
        rates: vec![("mail".to_owned(), "{}".to_owned())],
        messages: vec![message("a", "mail", "g", 10), message("a", "mail", "g", 11)],
        note: None,
    };
    catalog.notify_step(&whole).unwrap();
    catalog
        .notify_step(&NotifyStep {
            groups: vec![("h".to_owned(), None)],
            ..NotifyStep::default()
        })
        .unwrap();
    drop(catalog);
    let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
    let memory = catalog.notify_memory().unwrap();
    assert_eq!((memory.cursor, memory.routes.as_deref()), (7, Some("routes")));
    assert_eq!(
        (memory.incidents, memory.groups),
        (vec!["\"open\"".to_owned()], vec!["\"g\"".to_owned()])
    );
    assert_eq!(memory.rates, [("mail".to_owned(), "{}".to_owned())]);
    assert_eq!(catalog.notify_waiting().unwrap().get("mail"), Some(&1));
    assert_eq!(catalog.notify_incidents(false, i64::MAX, 10).unwrap().len(), 2);
    assert_eq!(catalog.notify_incidents(true, i64::MAX, 10).unwrap().len(), 1);
}

#[test]
fn history_is_bounded_and_what_waits_is_never_forgotten() {
    let (_dir, catalog) = open();
    let messages = (0..5)
        .map(|n| message(&n.to_string(), "mail", &n.to_string(), n))
        .collect();
    catalog.notify_step(&step(messages)).unwrap();
    for id in 2..=5 {
        catalog.notify_tried(id, &tried("refused", None)).unwrap();
    }
    catalog.notify_forget_deliveries(2).unwrap();
    let left = catalog.notify_deliveries(&DeliveryFilter::default(), 10).unwrap();
    let ids: Vec<u64> = left.iter().map(|delivery| delivery.id).collect();
    assert_eq!(ids, [5, 4, 1]);
    for n in 0..30 {
        catalog.notify_tried(1, &tried("again", Some(n))).unwrap();
    }
    let first = catalog
        .notify_deliveries(
            &DeliveryFilter {
                before: Some(2),
                ..DeliveryFilter::default()
            },
            1,
        )
        .unwrap();
    assert_eq!((first[0].attempts, first[0].tries.len()), (30, 10));
}

#[test]
fn notes_are_bounded_and_every_act_is_on_record() {
    let (_dir, catalog) = open();
    let note = |n: usize| NewNote {
        incident: "i".to_owned(),
        at: n as i64,
        by: "ann".to_owned(),
        action: "comment".to_owned(),
        text: n.to_string(),
        actor: Actor::new("user:ann", Some("10.0.0.1".to_owned())),
        notes_max: 2,
    };
    let incident = KeptIncident {
        id: "i".to_owned(),
        rule: "r".to_owned(),
        told: true,
        opened_at: 1,
        closed_at: Some(2),
        body: "{}".to_owned(),
    };
    catalog
        .notify_step(&NotifyStep {
            incidents: vec![incident],
            ..NotifyStep::default()
        })
        .unwrap();
    for n in 0..4 {
        catalog
            .notify_step(&NotifyStep {
                note: Some(note(n)),
                ..NotifyStep::default()
            })
            .unwrap();
    }
    let (_, notes) = catalog.notify_incident("i").unwrap().unwrap();
    assert_eq!(
        notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>(),
        ["2", "3"]
    );
    let silence = catalog
        .create_silence(
            "{\"by\":\"ann\"}",
            1,
            &Actor::new("user:ann", Some("10.0.0.1".to_owned())),
        )
        .unwrap();
    assert!(matches!(
        catalog.create_silence("{}", 1, &Actor::default()),
        Err(SilenceError::Full(1))
    ));
    let changed = catalog
        .replace_silence((&silence.id, 1), "{\"by\":\"bob\"}", &Actor::default())
        .unwrap();
    assert_eq!(changed.version, 2);
    let old = catalog.replace_silence((&silence.id, 1), "{}", &Actor::default());
    assert!(matches!(old, Err(SilenceError::Conflict { asked: 1, found: 2 })));
    assert!(matches!(
        catalog.delete_silence(&silence.id, Some(1), &Actor::default()),
        Err(SilenceError::Conflict { .. })
    ));
    catalog.delete_silence(&silence.id, Some(2), &Actor::default()).unwrap();
    assert!(matches!(
        catalog.delete_silence(&silence.id, None, &Actor::default()),
        Err(SilenceError::NotThere(_))
    ));
    catalog.note_target_test("mail", true, &Actor::default()).unwrap();
    let actions: Vec<String> = catalog
        .audit(100)
        .unwrap()
        .into_iter()
        .map(|entry| entry.action)
        .collect();
    let expected = ["silence.create", "silence.change", "silence.delete", "target.test"];
    assert_eq!(actions[..4], ["incident.comment"; 4].map(str::to_owned));
    assert_eq!(actions[4..], expected.map(str::to_owned));
    catalog.notify_forget_incidents(0).unwrap();
    assert!(catalog.notify_incident("i").unwrap().is_none());
}
