//! The tree of routes, compiled: what each inherits stands in it.

use std::collections::BTreeSet;

use super::Nanos;
use crate::alert::notify::matcher::{Labels, Matchers};
use crate::alert::notify::message::key_of;
use crate::alert::notify::options::{EscalationOptions, NotifyOptions, RouteOptions, RouteTimes};

/// `group_by` with this alone: each incident by itself.
pub(super) const GROUP_BY_ALL: &str = "...";
/// The annotation of a rule by which it names its targets itself, separated by commas.
pub(super) const TARGETS_ANNOTATION: &str = "targets";
/// The route of rules that name their targets themselves.
const OWN: &str = "rule";
/// The route of what no other takes.
const REST: &str = "rest";
/// Routes within routes.
const DEPTH_MAX: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct RouteTree {
    routes: Vec<Route>,
    root: RouteTimes,
    default_targets: Vec<String>,
    known: BTreeSet<String>,
    pub(super) fingerprint: String,
}

#[derive(Clone, Debug)]
struct Route {
    matchers: Matchers,
    go_on: bool,
    leaf: Leaf,
    routes: Vec<Route>,
}

/// Where an incident ends up.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// The route's place: `0/2`.
    pub(super) path: String,
    pub(super) targets: Vec<String>,
    pub(super) times: RouteTimes,
    pub(super) escalation: Vec<EscalationOptions>,
}

impl Leaf {
    pub(super) fn group_labels(&self, labels: &Labels) -> Labels {
        if self.times.group_by.iter().any(|label| label == GROUP_BY_ALL) {
            return labels.clone();
        }
        let by = self.times.group_by.iter();
        by.filter_map(|label| Some((label.clone(), labels.get(label)?.clone())))
            .collect()
    }

    pub(super) fn repeat_nanos(&self) -> Option<Nanos> {
        let nanos = nanos(self.times.repeat_interval);
        (nanos > 0).then_some(nanos)
    }
}

pub(super) fn nanos(duration: std::time::Duration) -> Nanos {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl RouteTree {
    pub(super) fn new(options: &NotifyOptions) -> Result<Self, String> {
        let known: BTreeSet<String> = options.targets.keys().cloned().collect();
        check_targets(&known, &options.default_targets, "alerts.default_targets")?;
        if let Some(fallback) = &options.fallback_target {
            check_targets(&known, std::slice::from_ref(fallback), "alerts.fallback_target")?;
        }
        if options.root.group_interval.is_zero() {
            return Err("alerts.group_interval = 0 would tell without a pause".to_owned());
        }
        let root = Leaf {
            path: String::new(),
            targets: options.default_targets.clone(),
            times: options.root.clone(),
            escalation: Vec::new(),
        };
        Ok(Self {
            routes: compile(&options.routes, &root, &known, 0)?,
            fingerprint: key_of([
                format!("{:?}{:?}{:?}", options.routes, options.root, options.default_targets).as_str(),
            ]),
            root: options.root.clone(),
            default_targets: options.default_targets.clone(),
            known,
        })
    }

    /// Where an incident goes: the targets that its rule names, else what the routes say.
    pub(super) fn of(&self, labels: &Labels, named: Option<&str>) -> Vec<Leaf> {
        if let Some(own) = named.and_then(|named| self.named(named)) {
            return vec![own];
        }
        let mut found = Vec::new();
        walk(&self.routes, labels, &mut found);
        if found.is_empty() {
            found.push(self.rest());
        }
        found.into_iter().filter(|leaf| !leaf.targets.is_empty()).collect()
    }

    /// The longest that news wait: for a first message and for the next one.
    pub(super) fn news_wait_max(&self) -> Nanos {
        fn of(times: &RouteTimes) -> Nanos {
            nanos(times.group_wait.saturating_add(times.group_interval))
        }
        fn longest(routes: &[Route]) -> Nanos {
            let waits = routes
                .iter()
                .map(|route| of(&route.leaf.times).max(longest(&route.routes)));
            waits.max().unwrap_or(0)
        }
        of(&self.root).max(longest(&self.routes))
    }

    /// The route at a place.
    pub(super) fn at(&self, path: &str) -> Option<Leaf> {
        if path == REST {
            return Some(self.rest());
        }
        if let Some(names) = path.strip_prefix(OWN).and_then(|rest| rest.strip_prefix(':')) {
            return self.named(names);
        }
        let mut routes = &self.routes;
        let mut leaf = None;
        for step in path.split('/') {
            let route = routes.get(step.parse::<usize>().ok()?)?;
            (leaf, routes) = (Some(&route.leaf), &route.routes);
        }
        leaf.cloned()
    }

    /// Names that are no targets are passed over; without any that is one the routes decide.
    fn named(&self, names: &str) -> Option<Leaf> {
        let targets: Vec<String> = names
            .split(',')
            .map(str::trim)
            .filter(|name| self.known.contains(*name))
            .map(str::to_owned)
            .collect();
        (!targets.is_empty()).then(|| Leaf {
            path: format!("{OWN}:{}", targets.join(",")),
            targets,
            times: self.root.clone(),
            escalation: Vec::new(),
        })
    }

    fn rest(&self) -> Leaf {
        Leaf {
            path: REST.to_owned(),
            targets: self.default_targets.clone(),
            times: self.root.clone(),
            escalation: Vec::new(),
        }
    }
}

/// The deepest routes that fit; whether one did.
fn walk(routes: &[Route], labels: &Labels, found: &mut Vec<Leaf>) -> bool {
    let mut any = false;
    for route in routes.iter().filter(|route| route.matchers.fit(labels)) {
        any = true;
        if !walk(&route.routes, labels, found) {
            found.push(route.leaf.clone());
        }
        if !route.go_on {
            break;
        }
    }
    any
}

fn compile(
    routes: &[RouteOptions],
    parent: &Leaf,
    known: &BTreeSet<String>,
    depth: usize,
) -> Result<Vec<Route>, String> {
    if depth > DEPTH_MAX {
        return Err(format!("alerts.routes: more than {DEPTH_MAX} routes within routes"));
    }
    let mut compiled = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let path = match parent.path.as_str() {
            "" => at.to_string(),
            path => format!("{path}/{at}"),
        };
        let place = format!("alerts.routes {path}");
        check_targets(known, &route.targets, &place)?;
        for step in &route.escalation {
            check_targets(known, &step.targets, &format!("{place}: escalation"))?;
        }
        let leaf = Leaf {
            targets: or(&route.targets, &parent.targets),
            escalation: or(&route.escalation, &parent.escalation),
            times: RouteTimes {
                group_by: route.group_by.clone().unwrap_or_else(|| parent.times.group_by.clone()),
                group_wait: route.group_wait.unwrap_or(parent.times.group_wait),
                group_interval: route.group_interval.unwrap_or(parent.times.group_interval),
                repeat_interval: route.repeat_interval.unwrap_or(parent.times.repeat_interval),
                send_resolved: route.send_resolved.unwrap_or(parent.times.send_resolved),
            },
            path,
        };
        if leaf.times.group_interval.is_zero() {
            return Err(format!("{place}: group_interval = 0 would tell without a pause"));
        }
        compiled.push(Route {
            matchers: Matchers::new(&route.matchers).map_err(|error| format!("{place}: {error}"))?,
            go_on: route.go_on,
            routes: compile(&route.routes, &leaf, known, depth + 1)?,
            leaf,
        });
    }
    Ok(compiled)
}

fn or<T: Clone>(own: &[T], inherited: &[T]) -> Vec<T> {
    if own.is_empty() {
        inherited.to_vec()
    } else {
        own.to_vec()
    }
}

fn check_targets(known: &BTreeSet<String>, names: &[String], place: &str) -> Result<(), String> {
    match names.iter().find(|name| !known.contains(*name)) {
        None => Ok(()),
        Some(name) => {
            let there: Vec<&str> = known.iter().map(String::as_str).collect();
            Err(format!(
                "{place} names {name:?}, which is no target: [alerts.targets] has {}",
                if there.is_empty() {
                    "none".to_owned()
                } else {
                    there.join(", ")
                }
            ))
        }
    }
}
