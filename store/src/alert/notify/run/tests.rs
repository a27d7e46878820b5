use std::collections::VecDeque;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use timberline_proto::alert::notify::{IncidentAction, Silence};
use timberline_proto::alert::{AlertState, Transition};

use super::*;
use crate::alert::notify::message::Message;
use crate::alert::notify::plan::incident_id;
use crate::alert::notify::render::Rendered;
use crate::alert::notify::render::tests::told;
use crate::alert::notify::target::{SendError, SlackOptions, TargetKind};
use crate::catalog::notify::DeliveryFilter;

const SECOND: i64 = 1_000_000_000;

#[derive(Debug, Default)]
struct Clock(AtomicI64);

impl crate::Clock for Clock {
    fn now_unix_nanos(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Transitions that a test writes.
#[derive(Debug, Default)]
struct Written(Mutex<Vec<Transition>>);

impl TransitionSource for Written {
    fn after(&self, after: u64, max: usize) -> Result<Vec<(u64, Transition)>, CatalogError> {
        let written = self.0.lock();
        let places = written
            .iter()
            .enumerate()
            .map(|(n, transition)| (n as u64 + 1, transition.clone()));
        Ok(places.skip(usize::try_from(after).unwrap()).take(max).collect())
    }
}

/// Answers as a test says, then takes everything.
#[derive(Debug, Default)]
struct Receiver {
    answers: Mutex<VecDeque<Result<String, SendError>>>,
    got: Mutex<Vec<Message>>,
}

impl Target for Receiver {
    fn send(&self, message: &Message, _: &Rendered) -> Result<String, SendError> {
        self.got.lock().push(message.clone());
        self.answers
            .lock()
            .pop_front()
            .unwrap_or_else(|| Ok("taken".to_owned()))
    }
}

struct Stage {
    dir: tempfile::TempDir,
    notifier: Notifier,
    clock: Arc<Clock>,
    written: Arc<Written>,
    receivers: BTreeMap<&'static str, Arc<Receiver>>,
}

fn options() -> NotifyOptions {
    let target = |_: &str| TargetOptions {
        kind: TargetKind::Slack(SlackOptions {
            url: crate::alert::notify::target::Secret::new("http://127.0.0.1:1/"),
        }),
        messages_max: 1_000,
        messages_interval: Duration::from_secs(600),
        timeout: Duration::from_secs(1),
        templates: Default::default(),
    };
    NotifyOptions {
        targets: ["ops", "spare"]
            .into_iter()
            .map(|name| (name.to_owned(), target(name)))
            .collect(),
        default_targets: vec!["ops".to_owned()],
        fallback_target: Some("spare".to_owned()),
        ..NotifyOptions::default()
    }
}

impl Stage {
    fn new() -> Self {
        Self::with(
            &options(),
            tempfile::tempdir().unwrap(),
            Arc::default(),
            Arc::default(),
            1_700_000_000 * SECOND,
        )
    }

    fn with(
        options: &NotifyOptions,
        dir: tempfile::TempDir,
        written: Arc<Written>,
        clock: Arc<Clock>,
        now: i64,
    ) -> Self {
        clock.0.store(now, Ordering::SeqCst);
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        let source = Arc::clone(&written) as Arc<dyn TransitionSource>;
        let mut notifier = Notifier::open(options.clone(), catalog, source, Arc::clone(&clock) as _).unwrap();
        let mut receivers = BTreeMap::new();
        let inner = Arc::get_mut(&mut notifier.inner).unwrap();
        for name in ["ops", "spare"] {
            let receiver = Arc::new(Receiver::default());
            inner.targets.get_mut(name).unwrap().target = Arc::clone(&receiver) as _;
            receivers.insert(name, receiver);
        }
        Self {
            dir,
            notifier,
            clock,
            written,
            receivers,
        }
    }

    /// As after kill -9: nothing but the disk is left.
    fn restarted(self, options: &NotifyOptions) -> Self {
        let now = crate::Clock::now_unix_nanos(&*self.clock);
        let Self {
            dir,
            notifier,
            clock,
            written,
            ..
        } = self;
        drop(notifier);
        Self::with(options, dir, written, clock, now)
    }

    fn write(&self, to: AlertState) -> Transition {
        let mut transition = told("db").transition;
        transition.to = to;
        self.written.0.lock().push(transition.clone());
        transition
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * SECOND, Ordering::SeqCst);
    }

    fn plan(&self) {
        self.notifier.inner.plan_once().unwrap();
    }

    /// Everything that is due is tried once.
    fn send(&self) {
        for _ in 0..100 {
            let Some(waiting) = self.notifier.inner.take_next().unwrap() else {
                return;
            };
            self.notifier.inner.deliver(&waiting);
            self.notifier.inner.sending.lock().busy.clear();
        }
        panic!("there is always something to send");
    }

    fn keys(&self, name: &str) -> Vec<String> {
        self.receivers[name]
            .got
            .lock()
            .iter()
            .map(|message| message.key.clone())
            .collect()
    }

    fn kinds(&self, name: &str) -> Vec<&'static str> {
        self.receivers[name]
            .got
            .lock()
            .iter()
            .map(|message| message.kind.word())
            .collect()
    }

    fn answer(&self, name: &str, answers: impl IntoIterator<Item = Result<String, SendError>>) {
        self.receivers[name].answers.lock().extend(answers);
    }

    fn states(&self) -> Vec<(String, u64)> {
        let deliveries = self
            .notifier
            .deliveries(&DeliveryFilter::default(), 100)
            .unwrap()
            .deliveries;
        deliveries
            .into_iter()
            .map(|delivery| (delivery.state, delivery.attempts))
            .collect()
    }
}

#[test]
fn a_message_survives_the_process_and_is_sent_again_with_its_key_until_it_is_noted() {
    let stage = Stage::new();
    stage.write(AlertState::Firing);
    stage.plan();
    stage.pass(30);
    stage.plan();
    // Killed with the message in the outbox.
    let stage = stage.restarted(&options());
    stage.plan();
    let waiting = stage.notifier.inner.take_next().unwrap().unwrap();
    let message: Message = serde_json::from_str(&waiting.body).unwrap();
    stage.notifier.inner.send(&message).unwrap();
    let first = stage.keys("ops");
    // Killed between the receiver's answer and the note of it.
    let stage = stage.restarted(&options());
    stage.plan();
    stage.send();
    assert_eq!((first.len(), stage.keys("ops")), (1, first));
    stage.pass(600);
    stage.plan();
    let stage = stage.restarted(&options());
    stage.plan();
    stage.send();
    assert!(stage.keys("ops").is_empty(), "once it is noted it is not sent again");
    assert_eq!(stage.states(), [("delivered".to_owned(), 1)]);
}

#[test]
fn tries_are_spaced_and_bounded_and_others_pass_meanwhile() {
    let mut options = options();
    options.limits.attempts_max = 4;
    let stage = Stage::new().restarted(&options);
    stage.answer("ops", (0..9).map(|n| Err(SendError::again(format!("no {n}")))));
    stage.write(AlertState::Firing);
    stage.plan();
    stage.pass(30);
    stage.plan();
    stage.send();
    assert_eq!(stage.keys("ops").len(), 1);
    stage.send();
    assert_eq!(stage.keys("ops").len(), 1, "not before its time");
    for _ in 0..200 {
        stage.pass(1);
        stage.send();
    }
    let keys = stage.keys("ops");
    assert!(keys.len() == 4 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let delivery = stage
        .notifier
        .deliveries(
            &DeliveryFilter {
                target: Some("ops".to_owned()),
                ..Default::default()
            },
            9,
        )
        .unwrap();
    let tries: Vec<(&str, &str)> = delivery.deliveries[0]
        .tries
        .iter()
        .map(|tried| (tried.outcome.as_str(), tried.answer.as_str()))
        .collect();
    assert_eq!(
        tries,
        [
            ("again", "no 0"),
            ("again", "no 1"),
            ("again", "no 2"),
            ("given up", "no 3")
        ]
    );
    assert_eq!(delivery.deliveries[0].state, "failed");
}

#[test]
fn the_fallback_is_told_of_a_target_that_fails_and_when_it_works_again() {
    let stage = Stage::new();
    stage.answer("ops", (0..20).map(|_| Err(SendError::again("no route"))));
    stage.write(AlertState::Firing);
    stage.plan();
    stage.pass(30);
    stage.plan();
    for _ in 0..40 {
        stage.pass(20);
        stage.send();
    }
    assert_eq!(stage.kinds("spare"), ["trouble"]);
    let target = stage.notifier.targets().unwrap().targets.remove(0);
    assert_eq!(
        (target.name.as_str(), target.error.as_deref(), target.waiting),
        ("ops", Some("no route"), 1)
    );
    assert!(target.failing_since.is_some());
    assert!(
        stage
            .notifier
            .metrics()
            .contains("timberline_notify_failing{target=\"ops\"} 1")
    );
    stage.receivers["ops"].answers.lock().clear();
    stage.pass(600);
    stage.send();
    assert_eq!(stage.kinds("spare"), ["trouble", "trouble"]);
    let over = stage.receivers["spare"].got.lock()[1].clone();
    assert!(!over.is_firing() && over.text.contains("again"), "{over:?}");
    assert!(
        stage
            .notifier
            .metrics()
            .contains("timberline_notify_delivered_total{target=\"ops\"} 1")
    );
}

#[test]
fn a_message_that_is_refused_holds_nobody_up() {
    let stage = Stage::new();
    stage.answer("ops", [Err(SendError::Refused("too odd".to_owned()))]);
    stage.write(AlertState::Firing);
    stage.plan();
    stage.pass(30);
    stage.plan();
    stage.send();
    stage.write(AlertState::Resolved);
    stage.plan();
    stage.pass(600);
    stage.plan();
    stage.send();
    assert_eq!(stage.kinds("ops"), ["firing", "resolved"]);
    assert_eq!(stage.kinds("spare"), ["trouble", "trouble"]);
}

#[test]
fn a_target_that_is_gone_from_the_configuration_fails_what_waits_for_it() {
    let stage = Stage::new();
    stage.write(AlertState::Firing);
    stage.plan();
    stage.pass(30);
    stage.plan();
    let mut other = options();
    other.default_targets = vec!["spare".to_owned()];
    let mut stage = stage.restarted(&other);
    Arc::get_mut(&mut stage.notifier.inner).unwrap().targets.remove("ops");
    stage.plan();
    stage.send();
    assert_eq!(stage.states().last(), Some(&("failed".to_owned(), 1)));
}

#[test]
fn people_take_up_assign_and_talk_and_all_of_it_is_kept() {
    let stage = Stage::new();
    let id = incident_id(&stage.write(AlertState::Firing));
    stage.plan();
    let act = |action: IncidentAction| stage.notifier.act(&id, &action, &ann());
    let by = || "ann".to_owned();
    act(IncidentAction::Acknowledge {
        by: by(),
        comment: "mine".to_owned(),
    })
    .unwrap();
    act(IncidentAction::Assign {
        by: by(),
        to: "bob".to_owned(),
    })
    .unwrap();
    let incident = act(IncidentAction::Comment {
        by: by(),
        text: "disk ordered".to_owned(),
    })
    .unwrap();
    assert_eq!(
        (incident.acknowledged_by.as_deref(), incident.assigned.as_deref()),
        (Some("ann"), Some("bob"))
    );
    let stage = stage.restarted(&options());
    let incident = stage.notifier.incident(&id).unwrap();
    let notes: Vec<(&str, &str)> = incident
        .notes
        .iter()
        .map(|note| (note.action.as_str(), note.text.as_str()))
        .collect();
    assert_eq!(
        notes,
        [("acknowledge", "mine"), ("assign", "bob"), ("comment", "disk ordered")]
    );
    assert_eq!(
        stage.notifier.incidents(true, None, 10).unwrap().incidents[0]
            .acknowledged_by
            .as_deref(),
        Some("ann")
    );
    let audit = stage.notifier.inner.catalog.audit(10).unwrap();
    assert_eq!(
        (audit[0].action.as_str(), audit[0].origin.as_deref()),
        ("incident.acknowledge", Some("10.0.0.7"))
    );
    stage.write(AlertState::Resolved);
    stage.plan();
    let late = IncidentAction::Acknowledge {
        by: by(),
        comment: String::new(),
    };
    assert!(matches!(
        stage.notifier.act(&id, &late, &ann()),
        Err(NotifyError::Bad(_))
    ));
    let comment = IncidentAction::Comment {
        by: by(),
        text: "done".to_owned(),
    };
    assert_eq!(stage.notifier.act(&id, &comment, &ann()).unwrap().notes.len(), 4);
    let nameless = IncidentAction::Comment {
        by: " ".to_owned(),
        text: "x".to_owned(),
    };
    assert!(matches!(
        stage.notifier.act(&id, &nameless, &ann()),
        Err(NotifyError::Bad(_))
    ));
    assert!(matches!(
        stage.notifier.act("none", &comment, &ann()),
        Err(NotifyError::NotThere(_))
    ));
}

#[test]
fn a_silence_holds_from_when_it_is_made_and_over_a_restart() {
    let stage = Stage::new();
    let silence = Silence {
        matchers: vec!["alertname=\"Disk full\"".parse().unwrap()],
        starts: "2023-11-14T00:00:00Z".to_owned(),
        ends: Some("2023-11-15T00:00:00Z".to_owned()),
        by: "ann".to_owned(),
        ..Silence::default()
    };
    let kept = stage.notifier.create_silence(&silence, &ann()).unwrap();
    let id = incident_id(&stage.write(AlertState::Firing));
    stage.plan();
    let stage = stage.restarted(&options());
    assert_eq!(stage.notifier.incident(&id).unwrap().silenced_by, [kept.id.as_str()]);
    for _ in 0..10 {
        stage.pass(100);
        stage.plan();
        stage.send();
    }
    assert!(stage.keys("ops").is_empty());
    stage.notifier.delete_silence(&kept.id, Some(1), &ann()).unwrap();
    stage.pass(300);
    stage.plan();
    stage.send();
    assert_eq!(stage.kinds("ops"), ["firing"]);
    let bad = Silence {
        matchers: Vec::new(),
        ..silence
    };
    assert!(matches!(
        stage.notifier.create_silence(&bad, &ann()),
        Err(NotifyError::Bad(_))
    ));
}

#[test]
fn a_test_message_goes_past_the_outbox_and_is_on_record() {
    let stage = Stage::new();
    stage.answer("ops", [Err(SendError::again("no\nroute"))]);
    let answer = stage.notifier.test("ops", &ann()).unwrap();
    assert_eq!((answer.delivered, answer.answer.as_str()), (false, "no␊route"));
    stage.pass(10);
    assert!(stage.notifier.test("ops", &ann()).unwrap().delivered);
    assert!(
        matches!(stage.notifier.test("ops", &ann()), Err(NotifyError::Bad(_))),
        "not one behind the other"
    );
    assert!(matches!(
        stage.notifier.test("nobody", &ann()),
        Err(NotifyError::NotThere(_))
    ));
    assert_eq!(stage.kinds("ops"), ["test", "test"]);
    assert_eq!(stage.notifier.inner.catalog.audit(10).unwrap().len(), 2);
}

#[test]
fn the_threads_plan_and_send_by_themselves_and_stop() {
    let mut options = options();
    options.root.group_wait = Duration::ZERO;
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::with(&options, dir, Arc::default(), Arc::default(), 1_700_000_000 * SECOND);
    stage.notifier.start().unwrap();
    stage.write(AlertState::Firing);
    stage.notifier.wake();
    let until = Instant::now() + Duration::from_secs(20);
    while stage.states() != [("delivered".to_owned(), 1)] {
        assert!(Instant::now() < until, "{:?}", stage.states());
        std::thread::sleep(Duration::from_millis(5));
    }
    stage.notifier.stop();
    assert!(stage.notifier.inner.threads.lock().is_empty());
}

#[test]
fn a_back_test_counts_what_is_really_sent() {
    use crate::alert::notify::plan::{Surroundings, simulate};
    let mut options = options();
    options.root.repeat_interval = Duration::from_secs(900);
    let stage = Stage::new().restarted(&options);
    let begin = crate::Clock::now_unix_nanos(&*stage.clock);
    let mut written = Vec::new();
    for (seconds, host, to) in [
        (0, "a", AlertState::Firing),
        (10, "b", AlertState::Firing),
        (400, "a", AlertState::Resolved),
        (401, "a", AlertState::Firing),
        (2_000, "b", AlertState::Resolved),
        (2_500, "a", AlertState::Resolved),
    ] {
        let mut transition = told(host).transition;
        (transition.to, transition.decided_at_nanos) = (to, begin + seconds * SECOND);
        transition.active_since_nanos = (to == AlertState::Firing).then_some(begin + seconds * SECOND);
        written.push(transition);
    }
    let until = begin + 3_999 * SECOND;
    let (expected, _) = simulate(
        stage.notifier.planner(),
        &written,
        Surroundings::none(),
        until,
        usize::MAX,
    );
    let expected: Vec<&str> = expected.iter().map(|message| message.kind.word()).collect();
    let mut left = written.into_iter().peekable();
    for _ in 0..4_000 {
        let now = crate::Clock::now_unix_nanos(&*stage.clock);
        while let Some(transition) = left.next_if(|transition| transition.decided_at_nanos <= now) {
            stage.written.0.lock().push(transition);
        }
        stage.plan();
        stage.pass(1);
    }
    stage.send();
    for _ in 0..40 {
        stage.pass(60);
        stage.send();
    }
    assert_eq!(stage.kinds("ops"), expected);
    assert!(expected.len() >= 5 && expected.contains(&"repeat"), "{expected:?}");
}

/// Who acts.
fn ann() -> timberline_proto::api::access::Actor {
    timberline_proto::api::access::Actor::new("user:ann", Some("10.0.0.7".to_owned()))
}
