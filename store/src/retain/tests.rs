use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use timberline_proto::api::access::Actor;
use timberline_proto::api::retention::{Keeper, Policy, PolicySet, PolicySource, RemovalCause};
use timberline_proto::id::IncarnationId;

use super::*;
use crate::catalog::{Catalog, CatalogSplit, PolicyError, Snapshot, StoredHold, Taken as Range};
use crate::rows::Stream;
use crate::split::SplitMeta;
use crate::store::{Clock, SystemClock};

const DAY: i64 = 86_400_000_000_000;
const DAY_SECONDS: u64 = 86_400;

fn stream(service: &str) -> Arc<Stream> {
    Arc::new(Stream::new(BTreeMap::from([
        ("service.name".to_owned(), service.to_owned()),
        ("host.name".to_owned(), format!("{service}-1")),
    ])))
}

fn policy(name: &str, select: &str) -> Policy {
    Policy {
        name: name.to_owned(),
        select: select.to_owned(),
        ..Policy::default()
    }
}

fn set(policies: Vec<Policy>) -> PolicySet {
    PolicySet {
        policies,
        disk_used_percent_max: None,
    }
    .closed()
}

#[track_caller]
fn check_takes(select: &str, topic: &str, expected: Taken) {
    let found = Selector::new(select).unwrap().takes(topic, &stream("pay"));
    assert_eq!(found, expected, "{select}");
}

#[test]
fn a_selector_is_decided_by_the_stream_where_the_stream_says_and_left_open_where_a_line_may() {
    check_takes("", "logs", Taken::Yes);
    check_takes("service.name:pay", "logs", Taken::Yes);
    check_takes("service:pay host:pay-*", "logs", Taken::Yes);
    check_takes("service.name:web", "logs", Taken::No);
    check_takes("-service.name:web", "logs", Taken::Yes);
    check_takes("topic:logs", "logs", Taken::Yes);
    check_takes("topic:other", "logs", Taken::No);
    check_takes("user:alice", "logs", Taken::Maybe);
    check_takes("service.name:pay timeout", "logs", Taken::Maybe);
    check_takes("service.name:web timeout", "logs", Taken::No);
    check_takes("service.name:pay OR timeout", "logs", Taken::Yes);
    check_takes("-user:alice", "logs", Taken::Maybe);
    check_takes("service.name:/p.y/", "logs", Taken::Yes);
}

#[test]
fn what_only_lines_decide_routes_no_stream() {
    for select in [
        "timeout",
        "severity:error",
        "service.name:pay body:x",
        "timestamp:>2026-01-01",
        "-id:x",
    ] {
        let error = Selector::of_streams(select).unwrap_err();
        assert!(matches!(error, SelectError::NotOfStreams(_)), "{select}: {error}");
    }
    for select in ["service.name:pay | head 1", "SELECT 1"] {
        assert_eq!(
            Selector::of_streams(select).unwrap_err(),
            SelectError::NotAFilter,
            "{select}"
        );
    }
    // An attribute that a stream does not have does not take it, nor does its NOT leave it open.
    let zone = Selector::of_streams("zone:a").unwrap();
    assert!(!zone.routes("logs", &stream("pay")));
    assert!(Selector::of_streams("-zone:a").unwrap().routes("logs", &stream("pay")));
}

struct Bench {
    dir: tempfile::TempDir,
    catalog: Catalog,
    /// What the test says the time is.
    now: i64,
    next: u64,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        Self {
            dir,
            catalog,
            now: SystemClock.now_unix_nanos(),
            next: 0,
        }
    }

    fn meta(&mut self, streams: &[Arc<Stream>], times: (i64, i64), bytes: u64) -> SplitMeta {
        self.next += 1;
        let mut ids: Vec<_> = streams.iter().map(|stream| stream.id).collect();
        ids.sort_unstable();
        SplitMeta {
            id: format!("{:032x}", self.next),
            format_version: 1,
            rows: streams.len() as u64,
            raw_bytes: 10 * bytes,
            file_bytes: bytes,
            time_min: times.0,
            time_max: times.1,
            pages: 1,
            streams: ids,
            severity_rows: [0; 7],
            offsets: vec![],
            footer_crc: 0,
            level: 0,
        }
    }

    fn publish(&mut self, streams: &[Arc<Stream>], times: (i64, i64), bytes: u64) -> String {
        let meta = self.meta(streams, times, bytes);
        let range = Range {
            topic: "logs".into(),
            partition: 0,
            incarnation: IncarnationId([1; 16]),
            from: self.catalog.position("logs", 0).map_or(0, |at| at.next_offset),
            to: self.catalog.position("logs", 0).map_or(0, |at| at.next_offset) + 1,
        };
        self.catalog
            .publish(&range, std::slice::from_ref(&meta), streams)
            .unwrap();
        meta.id
    }

    fn set(&self, set: PolicySet) -> Result<(), PolicyError> {
        let version = self.catalog.snapshot().rules.version;
        self.catalog
            .set_policies(version, set, PolicySource::Set, &Actor::default(), self.now)
    }

    fn hold(&self, select: &str, range: (Option<i64>, Option<i64>)) -> String {
        let hold = StoredHold {
            case: "C-1".into(),
            owner: "owner".into(),
            reason: "reason".into(),
            selector: select.into(),
            first: range.0,
            last: range.1,
            ..StoredHold::default()
        };
        self.catalog.create_hold(hold, self.now, &Actor::default()).unwrap().id
    }

    fn plan(&self, disk: Option<DiskUse>) -> Plan {
        let snapshot = self.catalog.snapshot();
        plan(&snapshot.rules, &snapshot.splits, &snapshot.streams, self.now, disk)
    }

    fn removed(&self, disk: Option<DiskUse>) -> Vec<(String, RemovalCause)> {
        let plan = self.plan(disk);
        plan.removals
            .iter()
            .map(|one| (one.split.meta.id.clone(), one.cause))
            .collect()
    }

    fn split(&self, id: &str) -> Option<Arc<CatalogSplit>> {
        self.catalog.snapshot().split(id).cloned()
    }
}

#[test]
fn each_class_goes_by_its_own_age_and_bytes_and_the_first_policy_that_selects_decides() {
    let mut bench = Bench::new();
    let (pay, web) = (stream("pay"), stream("web"));
    let long = Policy {
        age_seconds: Some(100 * DAY_SECONDS),
        ..policy("long", "service.name:pay")
    };
    let all = Policy {
        age_seconds: Some(10 * DAY_SECONDS),
        ..policy("all", "host.name:*")
    };
    let small = Policy {
        bytes: Some(1),
        ..policy("small", "service.name:web")
    };
    bench.set(set(vec![long.clone(), all])).unwrap();
    let at = |days: i64| (bench.now - days * DAY, bench.now - days * DAY);
    let (fifty, five) = (at(50), at(5));
    let kept = bench.publish(std::slice::from_ref(&pay), fifty, 10);
    let old = bench.publish(std::slice::from_ref(&web), fifty, 10);
    let new = bench.publish(std::slice::from_ref(&web), five, 10);
    assert_eq!(bench.split(&kept).unwrap().class.as_deref(), Some("long"));
    assert_eq!(bench.removed(None), [(old.clone(), RemovalCause::Age)]);
    // Another policy for the same streams counts for what is there: oldest first.
    bench.set(set(vec![long, small])).unwrap();
    assert_eq!(bench.split(&new).unwrap().class.as_deref(), Some("small"));
    assert_eq!(
        bench.removed(None),
        [(old, RemovalCause::Bytes), (new, RemovalCause::Bytes)]
    );
}

#[test]
fn a_split_of_several_classes_goes_with_the_longest_and_says_so_until_then() {
    let mut bench = Bench::new();
    let times = (bench.now - 50 * DAY, bench.now - 50 * DAY);
    let mixed = bench.publish(&[stream("pay"), stream("web")], times, 10);
    assert_eq!(bench.split(&mixed).unwrap().class.as_deref(), Some("default"));
    let of = |pay: u64, rest: Option<u64>| {
        let mut set = set(vec![Policy {
            age_seconds: Some(pay * DAY_SECONDS),
            ..policy("pay", "service.name:pay")
        }]);
        set.policies[1].age_seconds = rest.map(|days| days * DAY_SECONDS);
        set
    };
    bench.set(of(10, None)).unwrap();
    assert_eq!(bench.split(&mixed).unwrap().class, None);
    let plan = bench.plan(None);
    assert!(plan.removals.is_empty());
    assert_eq!(
        (plan.held_back[0].keeping.by, plan.held_back[0].keeping.name.as_str()),
        (Keeper::Mixed, "default")
    );
    bench.set(of(10, Some(60))).unwrap();
    assert!(bench.plan(None).removals.is_empty());
    bench.set(of(10, Some(40))).unwrap();
    assert_eq!(bench.removed(None), [(mixed, RemovalCause::Age)]);
}

#[test]
fn under_want_of_room_the_last_policy_gives_first_the_oldest_first_and_what_is_protected_stays() {
    let mut bench = Bench::new();
    let mut rules = set(vec![policy("pay", "service.name:pay")]);
    rules.disk_used_percent_max = Some(50);
    bench.set(rules).unwrap();
    let at = |days: i64| (bench.now - days * DAY, bench.now - days * DAY);
    let (one, two, three) = (at(1), at(2), at(3));
    let pay = bench.publish(&[stream("pay")], three, 10);
    let newer = bench.publish(&[stream("web")], one, 10);
    let older = bench.publish(&[stream("web")], two, 10);
    let disk = |used_bytes| Some(DiskUse { bytes: 100, used_bytes });
    assert_eq!(bench.removed(disk(50)), []);
    let cause = RemovalCause::Disk;
    assert_eq!(bench.removed(disk(51)), [(older.clone(), cause)]);
    assert_eq!(
        bench.removed(disk(75)),
        [(older.clone(), cause), (newer.clone(), cause), (pay.clone(), cause)]
    );
    bench.hold("service.name:web", (None, None));
    let plan = bench.plan(disk(75));
    assert_eq!(plan.removals.len(), 1);
    let why = plan.stuck.unwrap();
    assert!(
        why.contains("50") && why.contains("20 bytes are held for case C-1"),
        "{why}"
    );
}

#[test]
fn a_share_of_the_file_system_is_a_bound_in_bytes() {
    let mut bench = Bench::new();
    let mut rules = set(vec![]);
    rules.policies[0].disk_percent = Some(15);
    bench.set(rules).unwrap();
    let at = |days: i64| (bench.now - days * DAY, bench.now - days * DAY);
    let (one, two) = (at(1), at(2));
    bench.publish(&[stream("web")], one, 10);
    let older = bench.publish(&[stream("web")], two, 10);
    let disk = Some(DiskUse {
        bytes: 100,
        used_bytes: 20,
    });
    assert_eq!(bench.removed(disk), [(older, RemovalCause::Bytes)]);
    assert_eq!(bench.removed(None), []);
}

#[test]
fn a_lower_minimum_does_not_shorten_what_is_there_and_counts_for_what_comes() {
    let mut bench = Bench::new();
    let minimum = |days: Option<u64>| {
        let mut set = set(vec![]);
        set.policies[0].minimum_seconds = days.map(|days| days * DAY_SECONDS);
        set
    };
    bench.set(minimum(Some(100))).unwrap();
    let times = (bench.now - DAY, bench.now - DAY);
    let there = bench.publish(&[stream("web")], times, 10);
    bench.set(minimum(None)).unwrap();
    let delete = |bench: &Bench, id: &str| bench.catalog.delete(&[id.to_owned()], "by hand", bench.now).unwrap();
    assert!(delete(&bench, &there).is_empty());
    // What is published after the change is not promised.
    bench.now = SystemClock.now_unix_nanos();
    let later = bench.publish(&[stream("web")], times, 10);
    assert_eq!(delete(&bench, &later), [later]);
    // Another version in between forgets no promise; the day after the last it is over.
    bench.set(minimum(Some(1))).unwrap();
    bench.set(minimum(None)).unwrap();
    bench.now += 98 * DAY;
    assert!(delete(&bench, &there).is_empty());
    bench.now += 2 * DAY;
    assert_eq!(delete(&bench, &there), [there]);
    bench.now += 2 * DAY;
    bench.set(minimum(None)).unwrap();
    assert!(bench.catalog.snapshot().rules.promises.is_empty());
}

#[test]
fn a_hold_beats_whoever_deletes_until_it_is_released_and_a_restart_keeps_it() {
    let mut bench = Bench::new();
    let times = (bench.now - 50 * DAY, bench.now - 40 * DAY);
    let id = bench.publish(&[stream("web")], times, 10);
    let ids = [id.clone()];
    for (select, range, holds) in [
        ("service.name:web", (None, None), true),
        ("user:alice", (None, None), true),
        ("service.name:pay", (None, None), false),
        ("", (Some(bench.now - 40 * DAY), None), true),
        ("", (Some(bench.now - 39 * DAY), None), false),
        ("", (None, Some(bench.now - 51 * DAY)), false),
    ] {
        let hold = bench.hold(select, range);
        let is_held = bench
            .catalog
            .snapshot()
            .rules
            .holder(&bench.split(&id).unwrap(), &bench.catalog.snapshot().streams);
        assert_eq!(is_held.is_some(), holds, "{select} {range:?}");
        bench
            .catalog
            .release_hold(&hold, ("me", "over"), bench.now, &Actor::default())
            .unwrap();
        assert!(
            bench
                .catalog
                .release_hold(&hold, ("me", "over"), bench.now, &Actor::default())
                .is_err()
        );
    }
    bench.hold("service.name:web", (None, None));
    let reopened = Catalog::open(&bench.dir.path().join("catalog.sqlite")).unwrap();
    assert!(reopened.delete(&ids, "by hand", bench.now).unwrap().is_empty());
    assert_eq!(reopened.holds().unwrap().len(), 7);
    assert_eq!(
        reopened
            .holds()
            .unwrap()
            .iter()
            .filter(|hold| hold.release.is_none())
            .count(),
        1
    );
}

#[test]
fn the_configurations_policies_count_until_others_are_set_and_again_after_a_reset() {
    let bench = Bench::new();
    let of = |days: u64| {
        let mut set = set(vec![]);
        set.policies[0].age_seconds = Some(days * DAY_SECONDS);
        set
    };
    let version = || bench.catalog.snapshot().rules.version;
    assert!(bench.catalog.adopt_policies(of(1), bench.now).unwrap());
    assert!(bench.catalog.adopt_policies(of(1), bench.now).unwrap());
    assert_eq!(version(), 1);
    assert!(bench.catalog.adopt_policies(of(2), bench.now).unwrap());
    assert_eq!(version(), 2);
    bench.set(of(3)).unwrap();
    assert!(!bench.catalog.adopt_policies(of(4), bench.now).unwrap());
    assert_eq!((version(), bench.catalog.snapshot().rules.set().clone()), (3, of(3)));
    let conflict = bench
        .catalog
        .set_policies(2, of(5), PolicySource::Set, &Actor::default(), bench.now);
    assert!(matches!(conflict, Err(PolicyError::Conflict { kept: 3, asked: 2 })));
    bench
        .catalog
        .set_policies(3, of(4), PolicySource::File, &Actor::default(), bench.now)
        .unwrap();
    assert!(bench.catalog.adopt_policies(of(6), bench.now).unwrap());
    assert_eq!(bench.catalog.policy_versions(9).unwrap().len(), 5);
    let changes = bench.catalog.audit(99).unwrap();
    assert_eq!(
        changes
            .iter()
            .filter(|entry| entry.action == "retention.change")
            .count(),
        5
    );
}

/// What a run of the model does next.
#[derive(Clone, Debug)]
enum Step {
    Publish {
        streams: Vec<usize>,
        days: i64,
        span_days: i64,
    },
    Set {
        minima: [Option<u64>; 3],
        ages: [Option<u64>; 3],
        bytes: Option<u64>,
        turn: usize,
    },
    Hold {
        which: usize,
        from_days: Option<i64>,
        to_days: Option<i64>,
    },
    Release {
        which: usize,
    },
    Merge {
        a: usize,
        b: usize,
    },
    Divide {
        which: usize,
    },
    Enforce {
        disk_used: Option<u64>,
    },
    Delete {
        which: usize,
    },
    Pass {
        days: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let days = || prop::option::of(1..60_u64);
    prop_oneof![
        4 => (prop::collection::vec(0..3_usize, 1..3), 0..90_i64, 0..20_i64)
            .prop_map(|(streams, days, span_days)| Step::Publish { streams, days, span_days }),
        2 => ([days(), days(), days()], [days(), days(), days()], prop::option::of(1..40_u64), 0..3_usize)
            .prop_map(|(minima, ages, bytes, turn)| Step::Set { minima, ages, bytes, turn }),
        1 => (0..5_usize, prop::option::of(0..120_i64), prop::option::of(0..120_i64))
            .prop_map(|(which, from_days, to_days)| Step::Hold { which, from_days, to_days }),
        1 => (0..9_usize).prop_map(|which| Step::Release { which }),
        2 => (0..9_usize, 0..9_usize).prop_map(|(a, b)| Step::Merge { a, b }),
        1 => (0..9_usize).prop_map(|which| Step::Divide { which }),
        3 => prop::option::of(0..100_u64).prop_map(|disk_used| Step::Enforce { disk_used }),
        2 => (0..9_usize).prop_map(|which| Step::Delete { which }),
        2 => (1..40_i64).prop_map(|days| Step::Pass { days }),
    ]
}

/// A row as the oracle knows it: of which stream, of when, and the longest minimum that it ever was under.
#[derive(Clone, Debug)]
struct Known {
    stream: usize,
    time: i64,
    minimum_seconds: u64,
}

const SERVICES: [&str; 3] = ["pay", "web", "db"];

/// The oracle: told what is done, asked whether a row may go.
struct Oracle {
    rows: BTreeMap<String, Vec<Known>>,
    holds: Vec<(String, usize, i64, i64)>,
    minima: [u64; 3],
}

/// Which services a hold of the model may touch.
const HOLDS: [(&str, [bool; 3]); 5] = [
    ("service.name:pay", [true, false, false]),
    ("-service.name:pay", [false, true, true]),
    ("host:db-*", [false, false, true]),
    ("user:alice", [true, true, true]),
    ("service.name:web timeout", [false, true, false]),
];

impl Oracle {
    fn check_gone(&self, id: &str, now: i64) {
        for row in &self.rows[id] {
            let until = row.time + i64::try_from(row.minimum_seconds).unwrap() * 1_000_000_000;
            let is_over = row.minimum_seconds == 0 || until < now;
            assert!(is_over, "{id} went before the minimum of {row:?}");
            for (hold, which, first, last) in &self.holds {
                let is_held = HOLDS[*which].1[row.stream] && (*first..=*last).contains(&row.time);
                assert!(!is_held, "{id} went though {hold} holds {row:?}");
            }
        }
    }
}

fn chosen(bench: &Bench, which: usize) -> Option<Arc<CatalogSplit>> {
    let snapshot: Arc<Snapshot> = bench.catalog.snapshot();
    let count = snapshot.splits.len();
    (count > 0).then(|| Arc::clone(&snapshot.splits[which % count]))
}

fn run(steps: Vec<Step>) {
    let mut bench = Bench::new();
    let streams = SERVICES.map(stream);
    let mut oracle = Oracle {
        rows: BTreeMap::new(),
        holds: Vec::new(),
        minima: [0; 3],
    };
    for step in steps {
        match step {
            Step::Publish {
                streams: which,
                days,
                span_days,
            } => {
                let last = bench.now.min(SystemClock.now_unix_nanos()) - days * DAY;
                let first = last - span_days * DAY;
                let of: Vec<_> = which.iter().map(|which| Arc::clone(&streams[*which])).collect();
                let id = bench.publish(&of, (first, last), 10);
                let ends = which.iter().flat_map(|stream| [(*stream, first), (*stream, last)]);
                let rows = ends.map(|(stream, time)| Known {
                    stream,
                    time,
                    minimum_seconds: oracle.minima[stream],
                });
                oracle.rows.insert(id, rows.collect());
            }
            Step::Set {
                minima,
                ages,
                bytes,
                turn,
            } => {
                // Any order; the last of them is asked through the default class.
                let order = [turn, (turn + 1) % 3];
                let mut policies: Vec<_> = order
                    .iter()
                    .map(|which| policy(SERVICES[*which], &format!("service.name:{}", SERVICES[*which])))
                    .collect();
                policies.push(policy("default", ""));
                let services = [order[0], order[1], (turn + 2) % 3];
                for (policy, service) in policies.iter_mut().zip(services) {
                    policy.minimum_seconds = minima[service].map(|days| days * DAY_SECONDS);
                    policy.age_seconds = ages[service].map(|days| days.max(minima[service].unwrap_or(0)) * DAY_SECONDS);
                    policy.bytes = bytes;
                }
                bench
                    .set(PolicySet {
                        policies,
                        disk_used_percent_max: Some(50),
                    })
                    .unwrap();
                for service in services {
                    oracle.minima[service] = minima[service].unwrap_or(0) * DAY_SECONDS;
                }
                for row in oracle.rows.values_mut().flatten() {
                    row.minimum_seconds = row.minimum_seconds.max(oracle.minima[row.stream]);
                }
            }
            Step::Hold {
                which,
                from_days,
                to_days,
            } => {
                let first = from_days.map(|days| bench.now - days * DAY);
                let last = to_days.map(|days| bench.now - days * DAY);
                let (first_moment, last_moment) = (first.unwrap_or(i64::MIN), last.unwrap_or(i64::MAX));
                if first_moment <= last_moment {
                    let id = bench.hold(HOLDS[which].0, (first, last));
                    oracle.holds.push((id, which, first_moment, last_moment));
                }
            }
            Step::Release { which } if !oracle.holds.is_empty() => {
                let (id, ..) = oracle.holds.remove(which % oracle.holds.len());
                bench
                    .catalog
                    .release_hold(&id, ("me", "over"), bench.now, &Actor::default())
                    .unwrap();
            }
            Step::Merge { a, b } => {
                let (Some(a), Some(b)) = (chosen(&bench, a), chosen(&bench, b)) else {
                    continue;
                };
                if a.meta.id == b.meta.id {
                    continue;
                }
                let both: Vec<_> = streams
                    .iter()
                    .filter(|stream| a.meta.streams.contains(&stream.id) || b.meta.streams.contains(&stream.id))
                    .cloned()
                    .collect();
                let times = (
                    a.meta.time_min.min(b.meta.time_min),
                    a.meta.time_max.max(b.meta.time_max),
                );
                let meta = bench.meta(&both, times, a.meta.file_bytes + b.meta.file_bytes);
                let removed = [a.meta.id.clone(), b.meta.id.clone()];
                // Positions do not move with merges.
                bench
                    .catalog
                    .replace("logs", &removed, std::slice::from_ref(&meta))
                    .unwrap();
                let rows = removed.iter().flat_map(|id| oracle.rows.remove(id).unwrap()).collect();
                oracle.rows.insert(meta.id, rows);
            }
            Step::Divide { which } => {
                let Some(split) = chosen(&bench, which) else { continue };
                let rows = oracle.rows.remove(&split.meta.id).unwrap();
                let mut metas = Vec::new();
                for (number, stream) in streams.iter().enumerate() {
                    let of: Vec<_> = rows.iter().filter(|row| row.stream == number).cloned().collect();
                    let (Some(first), Some(last)) =
                        (of.iter().map(|row| row.time).min(), of.iter().map(|row| row.time).max())
                    else {
                        continue;
                    };
                    let meta = bench.meta(std::slice::from_ref(stream), (first, last), 10);
                    oracle.rows.insert(meta.id.clone(), of);
                    metas.push(meta);
                }
                bench
                    .catalog
                    .divide(&split.meta.id, &metas, &vec![Vec::new(); metas.len()])
                    .unwrap();
            }
            Step::Enforce { disk_used } => {
                let disk = disk_used.map(|used_bytes| DiskUse { bytes: 100, used_bytes });
                for planned in bench.plan(disk).removals {
                    let ids = [planned.split.meta.id.clone()];
                    assert_eq!(
                        bench.catalog.delete(&ids, &planned.reason, bench.now).unwrap(),
                        ids,
                        "what is planned goes"
                    );
                    oracle.check_gone(&ids[0], bench.now);
                    oracle.rows.remove(&ids[0]);
                }
            }
            Step::Delete { which } => {
                let Some(split) = chosen(&bench, which) else { continue };
                for id in bench
                    .catalog
                    .delete(std::slice::from_ref(&split.meta.id), "by hand", bench.now)
                    .unwrap()
                {
                    oracle.check_gone(&id, bench.now);
                    oracle.rows.remove(&id);
                }
            }
            Step::Pass { days } => bench.now += days * DAY,
            Step::Release { .. } => {}
        }
        let listed: Vec<String> = bench
            .catalog
            .snapshot()
            .splits
            .iter()
            .map(|split| split.meta.id.clone())
            .collect();
        assert_eq!(listed.len(), oracle.rows.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_deleter_removes_what_is_held_or_under_a_minimum_whatever_the_order_of_policies_holds_and_merges(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        run(steps);
    }
}
