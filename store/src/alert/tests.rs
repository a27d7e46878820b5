use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use timberline_proto::alert::{AlertState, Evidence, Rule, Transition};
use timberline_proto::query::ast::Search;

use super::ask::{Ask, Baseline, KnownPattern, Lasts, Measure, Range};
use super::backtest::replayed;
use super::buckets::Sums;
use super::machine::Machine;
use super::marks::{Mark, Marks};
use super::options::AlertOptions;
use super::plan::Plan;
use super::run::Run;
use super::sample::{Group, Sample};

const SECOND: i64 = 1_000_000_000;

/// What is stored; nothing mostly.
struct Stored(Vec<Sample>);

#[allow(non_upper_case_globals, reason = "a store with nothing in it")]
const Nothing: Stored = Stored(Vec::new());

impl Ask for Stored {
    fn measure(&self, _: &Measure, _: Range, _: i64) -> Result<Vec<(Group, Option<f64>)>, String> {
        Err("nobody to ask".to_owned())
    }
    fn lasts(&self, _: &Lasts, (from, to): Range) -> Result<Vec<(Group, i64)>, String> {
        let within = self.0.iter().filter(|sample| sample.time >= from && sample.time < to);
        Ok(within.map(|sample| (sample.group.clone(), sample.time)).collect())
    }
    fn patterns(&self, _: &str, _: Range, _: usize) -> Result<Vec<KnownPattern>, String> {
        Ok(Vec::new())
    }
    fn baseline(&self, _: &Baseline, _: Range) -> Result<Vec<(Group, i64, Sums)>, String> {
        Ok(Vec::new())
    }
    fn oldest(&self) -> i64 {
        i64::MAX
    }
    fn search(&self, plan: &Plan, group: &Group, _: Range) -> Search {
        plan.search_of(group)
    }
    fn evidence(&self, _: &Plan, _: &Group, _: &Search, _: Range) -> Evidence {
        Evidence::default()
    }
}

fn plan(rule: &str) -> Arc<Plan> {
    let rule: Rule = serde_json::from_str(rule).unwrap();
    let options = AlertOptions {
        late_window: std::time::Duration::from_secs(60),
        ..AlertOptions::default()
    };
    Arc::new(Plan::new("r", 1, rule, &options).unwrap())
}

fn threshold(when: &str, more: &str) -> Arc<Plan> {
    plan(&format!(
        r#"{{"name": "a", "window": "20s", "every": "10s", "allowed_lateness": "3s", "verdict_delay_max": "30s"{more},
            "condition": {{"kind": "threshold", "query": "error | stats count() by host", "when": "{when}"}}}}"#
    ))
}

fn line(time: i64, observed: i64, host: &str) -> Sample {
    Sample {
        time: time * SECOND,
        observed: observed * SECOND,
        group: Group::new(vec![host.to_owned()]),
        ..Sample::default()
    }
}

/// Everything that was read before a second is there.
fn complete(to: i64) -> Marks {
    Marks::new(to * SECOND, Vec::new())
}

fn said(changes: &[Transition]) -> Vec<String> {
    let word = |change: &Transition| {
        let group: Vec<&str> = change.group.values().map(String::as_str).collect();
        let late = if change.late { " late" } else { "" };
        format!(
            "{} {:?} at {}{late}",
            group.join(","),
            change.to,
            change.at_nanos / SECOND
        )
    };
    changes.iter().map(word).collect()
}

#[test]
fn a_verdict_that_is_sure_is_told_at_once_and_is_the_same_when_its_window_is_decided() {
    let mut run = Run::new(threshold("> 1", ""), 110 * SECOND, 10);
    for time in [101, 102] {
        run.take(&line(time, time, "a"), false);
    }
    // The sources have told of nothing yet.
    let early = run.advance(103 * SECOND, &complete(90), &Nothing);
    assert_eq!(said(&early), ["a Firing at 110"]);
    assert!(run.advance(104 * SECOND, &complete(90), &Nothing).is_empty());
    let decided = run.advance(114 * SECOND, &complete(114), &Nothing);
    assert!(decided.is_empty(), "{decided:?}");
    let later = run.advance(200 * SECOND, &complete(200), &Nothing);
    assert_eq!(said(&later), ["a Resolved at 130"]);
    assert_eq!(later[0].active_since_nanos, early[0].active_since_nanos);
    assert_eq!(early[0].from, AlertState::Inactive);
    assert!(
        early[0].reason.contains("count() was 2 in the 20s to"),
        "{}",
        early[0].reason
    );
}

#[test]
fn a_largest_or_smallest_number_beyond_its_limit_is_told_at_once_and_one_within_it_waits() {
    let of = |function: &str, when: &str| {
        plan(&format!(
            r#"{{"name": "a", "window": "20s", "every": "10s", "allowed_lateness": "3s", "verdict_delay_max": "30s",
                "condition": {{"kind": "threshold", "query": "* | stats {function}(ms) by host", "when": "{when}"}}}}"#
        ))
    };
    let told = |function: &str, when: &str| {
        let mut run = Run::new(of(function, when), 110 * SECOND, 10);
        for (time, number) in [(101, 5.0), (102, 50.0), (103, 20.0)] {
            let number = Some(number);
            run.take(
                &Sample {
                    number,
                    ..line(time, time, "a")
                },
                false,
            );
        }
        let early = said(&run.advance(104 * SECOND, &complete(90), &Nothing));
        let decided = run.advance(114 * SECOND, &complete(114), &Nothing);
        (early, said(&decided))
    };
    let firing = || vec!["a Firing at 110".to_owned()];
    assert_eq!(told("max", "> 40"), (firing(), Vec::new()));
    assert_eq!(told("min", "<= 5"), (firing(), Vec::new()));
    // What comes later could still make these untrue.
    assert_eq!(told("max", "< 60"), (Vec::new(), firing()));
    assert_eq!(told("min", "> 4"), (Vec::new(), firing()));
    assert_eq!(told("max", "> 50"), (Vec::new(), Vec::new()));
}

#[test]
fn a_verdict_waits_for_a_source_that_lags_and_then_names_it() {
    let rule = r#"{"name": "a", "window": "20s", "every": "10s", "allowed_lateness": "3s", "verdict_delay_max": "30s",
        "condition": {"kind": "absence", "query": "beat"}}"#;
    let mut run = Run::new(plan(rule), 110 * SECOND, 10);
    let lagging = |to: i64| {
        let mark = |host: &str, to: i64| Mark {
            host: host.to_owned(),
            path: "/a".to_owned(),
            complete_to: Some(to * SECOND),
        };
        Marks::new(to * SECOND, vec![mark("web-1", to), mark("web-2", 95)])
    };
    assert!(run.advance(114 * SECOND, &lagging(114), &Nothing).is_empty());
    assert!(run.advance(142 * SECOND, &lagging(142), &Nothing).is_empty());
    // 110, the lateness of 3 and the delay of 30.
    let given = run.advance(143 * SECOND, &lagging(143), &Nothing);
    assert_eq!(said(&given), [" Firing at 110"]);
    let missing: Vec<_> = given[0]
        .missing_sources
        .iter()
        .map(|one| (one.host.as_str(), one.complete_to_nanos))
        .collect();
    assert_eq!(missing, [("web-2", Some(95 * SECOND))]);
    assert!(given[0].reason.contains("without all of web-2"), "{}", given[0].reason);
    // A window whose sources have all told waits for nobody.
    let mut run = Run::new(plan(rule), 110 * SECOND, 10);
    let given = run.advance(114 * SECOND, &complete(114), &Nothing);
    assert!(given[0].missing_sources.is_empty());
}

#[test]
fn what_late_lines_make_of_a_verdict_is_an_entry_of_its_own_and_changes_no_state() {
    let mut run = Run::new(threshold("> 1", ""), 110 * SECOND, 10);
    run.take(&line(101, 101, "a"), false);
    assert!(run.advance(114 * SECOND, &complete(114), &Nothing).is_empty());
    // Read within the lateness of the next window, and too late for the one that was decided.
    run.take(&line(102, 115, "a"), false);
    let changes = run.advance(116 * SECOND, &complete(116), &Nothing);
    assert_eq!(said(&changes), ["a Firing at 120"]);
    // Said with the verdict that counts it.
    let changes = run.advance(124 * SECOND, &complete(124), &Nothing);
    assert_eq!(said(&changes), ["a Firing at 110 late"]);
    let later = run.advance(200 * SECOND, &complete(200), &Nothing);
    assert_eq!(said(&later), ["a Resolved at 130"]);
    // Too late even for that.
    run.take(&line(102, 300, "a"), false);
    run.take(&line(102, 300, "a"), false);
    assert!(run.advance(400 * SECOND, &complete(400), &Nothing).is_empty());
}

#[test]
fn a_line_that_follows_in_time_says_nothing_and_one_that_does_not_is_told() {
    let rule = r#"{"name": "a", "window": "60s", "every": "10s", "allowed_lateness": "0s",
        "condition": {"kind": "sequence", "first": "placed", "then": "paid", "within": "30s", "by": ["order"]}}"#;
    let mut run = Run::new(plan(rule), 110 * SECOND, 10);
    for (time, order, search) in [
        (101, "a", 0),
        (120, "a", 1),
        (102, "b", 0),
        (140, "b", 1),
        (103, "c", 0),
    ] {
        run.take(
            &Sample {
                search,
                ..line(time, time, order)
            },
            false,
        );
    }
    let changes = run.advance(300 * SECOND, &complete(300), &Nothing);
    assert_eq!(
        said(&changes),
        [
            "b Firing at 140",
            "c Firing at 140",
            "b Resolved at 150",
            "c Resolved at 200"
        ]
    );
}

#[test]
fn a_number_is_held_against_the_window_before() {
    let rule = r#"{"name": "a", "window": "10s", "every": "10s", "allowed_lateness": "0s",
        "condition": {"kind": "change", "query": "error", "when": "> 50", "least": 4}}"#;
    let mut run = Run::new(plan(rule), 120 * SECOND, 10);
    for time in [101, 102, 103, 104, 111, 112, 113, 114, 115, 116, 117, 121, 122] {
        run.take(
            &Sample {
                group: Group::whole(),
                ..line(time, time, "")
            },
            false,
        );
    }
    let changes = run.advance(150 * SECOND, &complete(150), &Nothing);
    assert_eq!(said(&changes), [" Firing at 120", " Resolved at 130"]);
    assert_eq!(changes[0].value, Some(75.0));
    assert!(changes[0].reason.contains("7 now, 4 before"), "{}", changes[0].reason);
}

#[test]
fn a_pattern_that_was_not_there_is_new_once() {
    let rule = r#"{"name": "a", "window": "20s", "every": "10s", "allowed_lateness": "0s",
        "condition": {"kind": "pattern", "query": "*", "change": "new", "lookback": "10m", "least": 2}}"#;
    let mut run = Run::new(plan(rule), 120 * SECOND, 10);
    for (time, pattern) in [
        (95, "old"),
        (111, "old"),
        (112, "old"),
        (112, "new"),
        (113, "new"),
        (114, "once"),
    ] {
        run.take(&line(time, time, pattern), false);
    }
    let changes = run.advance(120 * SECOND, &complete(120), &Nothing);
    assert_eq!(said(&changes), ["new Firing at 120"]);
    let changes = run.advance(200 * SECOND, &complete(200), &Nothing);
    assert_eq!(said(&changes), ["new Resolved at 140"]);
    // Known by now, though its lines are forgotten one by one.
    run.take(&line(300, 300, "new"), false);
    run.take(&line(301, 301, "new"), false);
    assert!(run.advance(400 * SECOND, &complete(400), &Nothing).is_empty());
}

#[test]
fn each_line_that_fits_is_told_once_and_no_more_than_allowed_in_a_minute() {
    let rule = r#"{"name": "a", "window": "20s", "every": "10s", "allowed_lateness": "0s",
        "condition": {"kind": "match", "query": "panic"}}"#;
    let mut run = Run::new(plan(rule), 110 * SECOND, 3);
    let told = |id: &str, time| Sample {
        group: Group::whole(),
        line: Some(Arc::new(timberline_proto::alert::EvidenceLine {
            id: id.to_owned(),
            body: format!("panic {id}"),
            ..Default::default()
        })),
        ..line(time, time, "")
    };
    run.take(&told("1", 101), false);
    run.take(&told("2", 102), false);
    let changes = run.advance(103 * SECOND, &complete(103), &Nothing);
    let states: Vec<_> = changes.iter().map(|one| (one.from, one.to)).collect();
    use AlertState::{Firing, Inactive};
    assert_eq!(states, [(Inactive, Firing), (Firing, Firing)]);
    assert!(changes[0].reason.contains("panic 1"));
    run.take(&told("3", 104), false);
    run.take(&told("4", 104), false);
    assert_eq!(run.advance(105 * SECOND, &complete(105), &Nothing).len(), 1);
    assert_eq!(run.left_out(), 1);
    let later = run.advance(200 * SECOND, &complete(200), &Nothing);
    assert_eq!(said(&later), [" Resolved at 130"]);
}

#[test]
fn a_rule_that_cannot_be_looked_at_is_an_error_and_comes_back() {
    let rule = r#"{"name": "a", "window": "20s", "every": "10s", "allowed_lateness": "0s",
        "condition": {"kind": "threshold", "query": "error | stats p99(ms)", "when": "> 1"}}"#;
    let mut run = Run::new(plan(rule), 110 * SECOND, 10);
    let changes = run.advance(110 * SECOND, &complete(110), &Nothing);
    assert_eq!(said(&changes), [" Error at 110"]);
    assert!(changes[0].reason.contains("nobody to ask"), "{}", changes[0].reason);
    assert!(run.advance(120 * SECOND, &complete(120), &Nothing).is_empty());
}

#[test]
fn after_the_rule_is_gone_nothing_fires() {
    let mut run = Run::new(threshold("> 0", ""), 110 * SECOND, 10);
    run.take(&line(101, 101, "a"), false);
    run.advance(114 * SECOND, &complete(114), &Nothing);
    let ended = run.end(115 * SECOND, "the rule was deleted");
    assert_eq!(said(&ended), ["a Resolved at 115"]);
}

/// What a rule's life was: as live, with lines that arrive in any order, looks at any time, and crashes
/// between two looks, after which it begins from what was kept.
fn live(plan: &Arc<Plan>, samples: &[(Sample, i64)], until: i64, looks: &[i64], crashes: &[usize]) -> Vec<Transition> {
    let began = 100 * SECOND;
    let mut run = Run::new(Arc::clone(plan), plan.grid.end_after(began), 1000);
    let mut all: Vec<Transition> = Vec::new();
    let mut keys = BTreeSet::new();
    let mut given = 0;
    let mut arrivals: Vec<&(Sample, i64)> = samples.iter().collect();
    arrivals.sort_by_key(|(_, arrives)| *arrives);
    let mut now = began;
    let mut kept: (i64, String) = (run.next, "[]".to_owned());
    for (at, look) in looks.iter().cycle().enumerate() {
        now += look.max(&1) * SECOND / 4;
        while let Some((sample, _)) = arrivals.get(given).filter(|(_, arrives)| *arrives <= now) {
            run.take(sample, false);
            given += 1;
        }
        // Everything that was read before the first that has not arrived is there.
        let out = samples
            .iter()
            .filter(|(_, arrives)| *arrives > now)
            .map(|(sample, _)| sample.observed)
            .min();
        let marks = Marks::new(out.unwrap_or(i64::MAX).min(now), Vec::new());
        let changes = run.advance(now, &marks, &Nothing);
        if crashes.contains(&(at % 40)) && !changes.is_empty() {
            // It dies before any of it is on record.
            run = Run::new(Arc::clone(plan), kept.0, 1000);
            let groups: Vec<(Vec<String>, Machine)> = serde_json::from_str(&kept.1).unwrap();
            run.machines = groups
                .into_iter()
                .map(|(group, machine)| (Group::new(group), machine))
                .collect();
            let stored = arrivals[..given].iter().map(|(sample, _)| sample.clone()).collect();
            run.begin(&Stored(stored)).unwrap();
            let from = run.needs_from();
            for (sample, _) in arrivals[..given].iter().filter(|(sample, _)| sample.time >= from) {
                run.take(sample, true);
            }
            run.recall(began, &Nothing).unwrap();
            continue;
        }
        all.extend(changes.into_iter().filter(|change| keys.insert(change.key.clone())));
        let groups: Vec<(Vec<String>, &Machine)> = run
            .machines
            .iter()
            .map(|(group, machine)| (group.0.to_vec(), machine))
            .collect();
        kept = (run.next, serde_json::to_string(&groups).unwrap());
        if now > until + 300 * SECOND {
            return all;
        }
    }
    all
}

fn sorted(changes: impl IntoIterator<Item = Transition>, until: i64) -> BTreeSet<String> {
    let within = changes.into_iter().filter(|change| change.at_nanos <= until);
    let text = |change: Transition| {
        format!(
            "{} {:?} {:?} {} {}",
            change.key, change.group, change.to, change.at_nanos, change.late
        )
    };
    within.map(text).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever the order of arrival, the moments of looking and the crashes: a back-test of the lines
    /// says what was said live.
    #[test]
    fn a_back_test_says_what_was_said_live(
        lines in proptest::collection::vec((0..120i64, 0..8i64, 0..40i64, 0..3u8, 0..3i64, any::<bool>()), 0..80),
        looks in proptest::collection::vec(1..20i64, 1..20),
        crashes in proptest::collection::vec(0..40usize, 0..4),
        limit in 0..4u32,
        hold in 0..3i64,
        keep in 0..3i64,
        kind in 0..4u8,
    ) {
        let condition = match kind {
            0 => format!(r#"{{"kind": "threshold", "query": "x | stats count() by host", "when": "> {limit}"}}"#),
            1 => format!(r#"{{"kind": "threshold", "query": "x | stats count() by host", "when": "< {}"}}"#, limit + 1),
            2 => r#"{"kind": "sequence", "first": "a", "then": "b", "within": "20s", "by": ["host"]}"#.to_owned(),
            _ => format!(r#"{{"kind": "absence", "query": "x", "by": ["host"], "least": {}}}"#, limit + 1),
        };
        let plan = plan(&format!(
            r#"{{"name": "a", "window": "20s", "every": "10s", "allowed_lateness": "3s", "verdict_delay_max": "60m",
                "for": "{}s", "keep_firing_for": "{}s", "condition": {condition}}}"#,
            hold * 10, keep * 10
        ));
        let samples: Vec<(Sample, i64)> = lines
            .iter()
            .map(|(time, lag, very_late, host, arrival, is_late)| {
                let time = 100 + time;
                let observed = time + if *is_late { *very_late } else { *lag / 3 };
                let mut sample = line(time, observed, &format!("h{host}"));
                sample.search = (time % 2) as u8;
                sample.time += i64::from(*host) * 7;
                sample.observed += 11;
                let arrives = sample.observed + arrival * SECOND;
                (sample, arrives)
            })
            .collect();
        let until = 240 * SECOND;
        let live = live(&plan, &samples, until, &looks, &crashes);
        let mut run = Run::new(Arc::clone(&plan), plan.grid.end_after(100 * SECOND), 1000);
        run.begin(&Nothing).unwrap();
        let mut tested = Vec::new();
        let all = samples.iter().map(|(sample, _)| sample.clone()).collect();
        replayed(&mut run, all, (until, until + 60 * SECOND), SECOND, &Nothing, &mut |change| tested.push(change));
        prop_assert_eq!(sorted(tested, until), sorted(live, until));
    }
}
