//! What is silent, and why: from when lines last came, the agents' last reports, and the ledger.

use std::collections::{BTreeMap, BTreeSet};

use timberline_proto::alert::{Cause, Period, Silence, SilenceOf};

use super::machine::Outcome;
use super::plan::Plan;
use super::sample::Group;
use super::sentence::instant;
use super::track::Finding;

/// A file as its agent last reported it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) agent: String,
    pub(crate) host: String,
    /// None: the agent has no file.
    pub(crate) path: Option<String>,
    pub(crate) generation: String,
    pub(crate) reported_at: i64,
    pub(crate) connected: bool,
    pub(crate) size: u64,
    pub(crate) acked: u64,
    pub(crate) error: String,
}

/// What is known of hosts, agents and files.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) reports: Vec<Reported>,
    /// When the last line of a host's file came.
    pub(crate) lines: BTreeMap<(String, String), i64>,
    /// Agents of which lines were published lately and that have not reported: host and agent.
    pub(crate) traces: Vec<(String, String)>,
    /// Hosts for which nobody waits.
    pub(crate) decommissioned: BTreeSet<String>,
    /// Since when it is watched: what came before is not known of what was never seen.
    pub(crate) since: i64,
}

/// Says whether rules dropped what was read of a generation since an instant, and which.
pub(crate) type Dropped<'a> = dyn Fn(&str, i64) -> Option<String> + 'a;

/// What is so of every target of a rule at `now`.
pub(crate) fn look(plan: &Plan, silence: &Silence, world: &World, now: i64, dropped: &Dropped<'_>) -> Vec<Finding> {
    let targets = targets(silence, world);
    let find = |target: Target| {
        let last = world.last_line(&target).unwrap_or(world.since);
        let last = match silence.of {
            SilenceOf::Agent => last.max(world.last_report(&target).unwrap_or(i64::MIN)),
            SilenceOf::Host | SilenceOf::File => last,
        };
        let quiet = now.saturating_sub(last);
        let group = target.group(silence.of);
        if quiet < plan.grid.window {
            return Finding::new(group, Outcome::Not, Some(quiet as f64 / 1e9));
        }
        let (cause, why) = world.cause(&target, last, dropped);
        let outcome = if silence.tells(cause) {
            Outcome::Holds
        } else {
            Outcome::Not
        };
        Finding {
            group,
            outcome,
            value: Some(quiet as f64 / 1e9),
            note: Some(format!("{}: {why}", said(silence.of, quiet, last))),
            cause: Some(cause.word()),
        }
    };
    targets.into_iter().map(find).collect()
}

fn said(of: SilenceOf, quiet: i64, last: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    let whole = Period(quiet / SECOND * SECOND);
    let what = match of {
        SilenceOf::Agent => "no line and no report",
        SilenceOf::Host | SilenceOf::File => "no line",
    };
    format!("{what} for {whole}, since {}", instant(last))
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    host: String,
    agent: String,
    path: String,
}

impl Target {
    fn group(&self, of: SilenceOf) -> Group {
        Group::new(match of {
            SilenceOf::Host => vec![self.host.clone()],
            SilenceOf::Agent => vec![self.host.clone(), self.agent.clone()],
            SilenceOf::File => vec![self.host.clone(), self.path.clone()],
        })
    }
}

fn targets(silence: &Silence, world: &World) -> BTreeSet<Target> {
    let mut targets = BTreeSet::new();
    let mut add = |host: &str, agent: &str, path: &str| {
        if world.decommissioned.contains(host) || !fits(&silence.hosts, host) {
            return;
        }
        let mut target = Target {
            host: host.to_owned(),
            ..Target::default()
        };
        match silence.of {
            SilenceOf::Host => {}
            SilenceOf::Agent if agent.is_empty() => return,
            SilenceOf::Agent => agent.clone_into(&mut target.agent),
            SilenceOf::File if path.is_empty() || !fits(&silence.paths, path) => return,
            SilenceOf::File => path.clone_into(&mut target.path),
        }
        targets.insert(target);
    };
    for report in &world.reports {
        add(&report.host, &report.agent, report.path.as_deref().unwrap_or_default());
    }
    for (host, path) in world.lines.keys() {
        add(host, "", path);
    }
    for (host, agent) in &world.traces {
        add(host, agent, "");
    }
    for host in &silence.expect {
        let known = world.reports.iter().any(|report| report.host == *host);
        match silence.of {
            SilenceOf::Agent if known => {}
            SilenceOf::Agent => add(host, "?", ""),
            SilenceOf::Host | SilenceOf::File => add(host, "", ""),
        }
    }
    targets
}

/// Whether a name fits one of some, `*` standing for anything; any does if there are none.
pub(crate) fn fits(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| fits_one(pattern, name))
}

fn fits_one(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl World {
    fn last_line(&self, target: &Target) -> Option<i64> {
        let lines = self
            .lines
            .iter()
            .filter(|((host, path), _)| *host == target.host && (target.path.is_empty() || *path == target.path));
        lines.map(|(_, at)| *at).max()
    }

    fn reports_of<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Reported> {
        self.reports
            .iter()
            .filter(|report| report.host == target.host && (target.agent.is_empty() || report.agent == target.agent))
    }

    fn last_report(&self, target: &Target) -> Option<i64> {
        self.reports_of(target).map(|report| report.reported_at).max()
    }

    /// Why nothing comes, and a clause about it.
    fn cause(&self, target: &Target, last: i64, dropped: &Dropped<'_>) -> (Cause, String) {
        let reports: Vec<&Reported> = self.reports_of(target).collect();
        if reports.is_empty() && self.last_line(target).is_none() {
            return (
                Cause::NeverSeen,
                "it is expected, and nothing of it was ever seen".to_owned(),
            );
        }
        if !reports.iter().any(|report| report.connected) {
            let since = reports.iter().map(|report| report.reported_at).max();
            let since = since.map_or("since this store was started".to_owned(), |at| {
                format!("since {}", instant(at))
            });
            return (Cause::AgentDown, format!("its agent does not report {since}"));
        }
        let files: Vec<&Reported> = reports
            .into_iter()
            .filter(|report| match &report.path {
                Some(path) => target.path.is_empty() || *path == target.path,
                None => false,
            })
            .collect();
        if files.is_empty() {
            let why = match target.path.is_empty() {
                true => "its agent reports, and has no file to read",
                false => {
                    "its agent reports, and the file is not there any more: rotated away or deleted, and none came after it"
                }
            };
            return (Cause::FileGone, why.to_owned());
        }
        for file in &files {
            if let Some(rule) = dropped(&file.generation, last) {
                return (
                    Cause::DroppedByRule,
                    format!("lines are read, and the rule {rule} of its agent drops them"),
                );
            }
        }
        if let Some(file) = files.iter().find(|file| !file.error.is_empty()) {
            let path = file.path.as_deref().unwrap_or_default();
            return (Cause::Unreadable, format!("{path} cannot be read: {}", file.error));
        }
        let waiting: u64 = files.iter().map(|file| file.size.saturating_sub(file.acked)).sum();
        if waiting > 0 {
            return (
                Cause::NotArrived,
                format!("{waiting} bytes of it are there and have not arrived"),
            );
        }
        let what = if files.len() == 1 {
            "its file is".to_owned()
        } else {
            format!("its {} files are", files.len())
        };
        (
            Cause::FileIdle,
            format!("its agent reports, and {what} read to the end: nothing was written"),
        )
    }
}

#[cfg(test)]
mod tests {
    use timberline_proto::alert::Rule;

    use super::*;
    use crate::alert::options::AlertOptions;

    const SECOND: i64 = 1_000_000_000;

    fn file(host: &str, path: &str) -> Reported {
        Reported {
            agent: format!("agent-of-{host}"),
            host: host.to_owned(),
            path: Some(path.to_owned()),
            generation: format!("{host}{path}"),
            reported_at: 1000 * SECOND,
            connected: true,
            size: 10,
            acked: 10,
            error: String::new(),
        }
    }

    fn causes(of: &str, world: &World) -> Vec<(String, Option<&'static str>, bool)> {
        let rule: Rule = serde_json::from_str(&format!(
            r#"{{"name": "a", "window": "1m", "condition": {{"kind": "silence", "of": "{of}", "expect": []}}}}"#
        ))
        .unwrap();
        let plan = Plan::new("a", 1, rule, &AlertOptions::default()).unwrap();
        let timberline_proto::alert::Condition::Silence(silence) = plan.rule.condition.clone() else {
            unreachable!()
        };
        let dropped = |generation: &str, _: i64| (generation == "d/dropped").then(|| "noise".to_owned());
        let found = look(&plan, &silence, world, 1000 * SECOND, &dropped);
        found
            .into_iter()
            .map(|one| (one.group.0.join(" "), one.cause, one.outcome == Outcome::Holds))
            .collect()
    }

    #[test]
    fn each_cause_of_silence_is_told_apart() {
        let mut world = World {
            reports: vec![
                file("a", "/idle"),
                file("a", "/busy"),
                Reported {
                    connected: false,
                    reported_at: 900 * SECOND,
                    ..file("b", "/down")
                },
                file("d", "/dropped"),
                Reported {
                    error: "no permission".to_owned(),
                    ..file("e", "/unreadable")
                },
                Reported {
                    size: 30,
                    ..file("f", "/behind")
                },
                file("gone-host", "/x"),
            ],
            ..World::default()
        };
        for (host, path, at) in [
            ("a", "/idle", 100),
            ("a", "/busy", 990),
            ("a", "/rotated", 100),
            ("b", "/down", 100),
            ("d", "/dropped", 100),
            ("e", "/unreadable", 100),
            ("f", "/behind", 100),
            ("gone-host", "/x", 100),
        ] {
            world.lines.insert((host.to_owned(), path.to_owned()), at * SECOND);
        }
        world.decommissioned.insert("gone-host".to_owned());
        let found = causes("file", &world);
        let expected = [
            ("a /busy", None, false),
            ("a /idle", Some("file_idle"), true),
            ("a /rotated", Some("file_gone"), true),
            ("b /down", Some("agent_down"), true),
            ("d /dropped", Some("dropped_by_rule"), true),
            ("e /unreadable", Some("unreadable"), true),
            ("f /behind", Some("not_arrived"), true),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(group, cause, holds)| ((*group).to_owned(), *cause, *holds))
            .collect();
        assert_eq!(found, expected);
        // A host with one busy file is not silent; one whose agent is down is.
        let hosts = causes("host", &world);
        assert!(hosts.contains(&("a".to_owned(), None, false)), "{hosts:?}");
        assert!(hosts.contains(&("b".to_owned(), Some("agent_down"), true)), "{hosts:?}");
        assert!(!hosts.iter().any(|(group, ..)| group == "gone-host"));
        // An agent that reports is not silent, whatever its files are.
        let agents = causes("agent", &world);
        let silent: Vec<_> = agents.iter().filter(|(_, _, holds)| *holds).collect();
        assert_eq!(silent.len(), 1, "{agents:?}");
        assert!(silent[0].0.starts_with("b "));
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, expected) in [
            ("web-*", "web-1", true),
            ("web-*", "db-1", false),
            ("*", "", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
            ("web", "web-1", false),
            ("*a*a*", "a", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(fits_one(pattern, name), expected, "{pattern} {name}");
        }
    }
}
