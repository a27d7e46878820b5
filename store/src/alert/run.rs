//! One rule, evaluated: lines in, changes of state out. The same code by the clock of the day and in a
//! back-test.
//!
//! Windows are decided in order. What a window's verdict is follows from the lines that were read before
//! it was due, so nothing here depends on when [`Run::advance`] is called, except when a verdict is
//! reached, and which sources were still missing when one had waited for long enough.
//!
//! A verdict that is sure before its window was closed (a count is above its limit already) is told at
//! once, as it will be when the window is decided: the same verdict has the same key, so it is on record
//! once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use timberline_proto::alert::{AlertState, Evidence, EvidenceLine, MissingSource, Transition};

use super::ask::Ask;
use super::key;
use super::machine::{Machine, Outcome, Step};
use super::marks::Marks;
use super::plan::Plan;
use super::sample::{Group, Sample};
use super::sentence;
use super::track::{Finding, Look, Track, tracker};

/// Windows that are decided at once: then others have their turn.
const WINDOWS_AT_ONCE: usize = 500;
/// Changes of state of one rule at once whose lines are looked up; the others go without.
const EVIDENCE_AT_ONCE: usize = 20;

/// A verdict that is sure is told ahead of an earlier one once that one has waited so long for sources.
const AHEAD_AFTER: i64 = 10_000_000_000;

/// One rule, evaluated.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) plan: Arc<Plan>,
    /// The end of the window that is decided next.
    pub(crate) next: i64,
    /// Decided at every so many windows.
    pub(crate) slowed: u32,
    pub(crate) machines: BTreeMap<Group, Machine>,
    /// Whether the machines changed since they were kept.
    pub(crate) changed: bool,
    tracker: Option<Box<dyn Track>>,
    /// Of windows decided lately, the groups whose condition held.
    decided: BTreeMap<i64, BTreeSet<Group>>,
    /// Groups with lines that may make a verdict sure.
    touched: BTreeSet<Group>,
    /// Verdicts told before their window was decided.
    ahead: BTreeSet<(i64, Group, AlertState)>,
    /// Windows and groups with lines that came after the verdict, behind the end of the window whose
    /// verdict counts them first: what they make of it is said then.
    late: BTreeSet<(i64, i64, Group)>,
    /// Lines to be told one by one.
    lines: Vec<(i64, Group, Arc<EvidenceLine>)>,
    /// How many were told in which minute.
    told_in_minute: (i64, usize),
    pub(crate) untold: u64,
    match_lines_max: usize,
    pub(crate) windows: u64,
    /// By how much the last verdict was later than the end of its window and the lateness allowed.
    pub(crate) late_by: i64,
    pub(crate) error: Option<String>,
}

impl Run {
    /// Begins with the window that ends at `next`.
    pub(crate) fn new(plan: Arc<Plan>, next: i64, match_lines_max: usize) -> Self {
        Self {
            tracker: tracker(&plan),
            plan,
            next,
            slowed: 1,
            machines: BTreeMap::new(),
            changed: false,
            decided: BTreeMap::new(),
            touched: BTreeSet::new(),
            ahead: BTreeSet::new(),
            late: BTreeSet::new(),
            lines: Vec::new(),
            told_in_minute: (i64::MIN, 0),
            untold: 0,
            match_lines_max,
            windows: 0,
            late_by: 0,
            error: None,
        }
    }

    /// From which time on it must be given lines, to begin or to begin anew.
    pub(crate) fn needs_from(&self) -> i64 {
        let looks_back = self.tracker.as_ref().map_or(0, |tracker| tracker.looks_back());
        self.next
            .saturating_sub(self.plan.grid.step)
            .saturating_sub(self.plan.reach(looks_back))
            .saturating_sub(self.plan.late_window)
    }

    /// Forgets all lines, to be given them again from [`needs_from`](Self::needs_from) on. What was
    /// decided stays.
    ///
    /// # Errors
    /// Why what was before cannot be known.
    pub(crate) fn begin(&mut self, ask: &dyn Ask) -> Result<(), String> {
        self.tracker = tracker(&self.plan);
        self.touched.clear();
        self.ahead.clear();
        self.late.clear();
        self.lines.clear();
        self.decided.clear();
        let from = self.needs_from();
        match &mut self.tracker {
            Some(tracker) => tracker.prepare(from, ask),
            None => Ok(()),
        }
    }

    /// Says what was decided lately, as the lines say that were given again.
    ///
    /// # Errors
    /// Why it cannot be said.
    pub(crate) fn recall(&mut self, began: i64, ask: &dyn Ask) -> Result<(), String> {
        let step = self.plan.grid.step;
        let last = self.next - step;
        let mut end = (self.next - self.plan.late_window).max(began);
        end = self.plan.grid.floor(end - 1) + step;
        while end < self.next {
            let Some(tracker) = self.tracker.as_mut().filter(|tracker| tracker.sees_late()) else {
                break;
            };
            let verdict = end.max(last);
            let found = tracker.look(Look { end, verdict }, ask)?;
            self.decided.insert(end, holding(&found));
            end += step;
        }
        Ok(())
    }

    /// Takes a line. `again`: it was given before.
    pub(crate) fn take(&mut self, sample: &Sample, again: bool) {
        let Some(tracker) = &mut self.tracker else { return };
        tracker.take(sample);
        if tracker.is_sure() {
            self.touched.insert(sample.group.clone());
        }
        if let Some(line) = &sample.line {
            self.lines.push((sample.time, sample.group.clone(), Arc::clone(line)));
        }
        let grid = self.plan.grid;
        let reach = self.plan.reach(tracker.looks_back());
        if !tracker.sees_late() {
            return;
        }
        let mut end = grid
            .end_after(sample.time)
            .max(grid.floor(self.next - self.plan.late_window));
        let last = sample.time.saturating_add(reach);
        let counted_from = grid.counted_from(sample.observed);
        while end <= last {
            let too_late = counted_from > end && counted_from - end <= self.plan.late_window;
            if too_late && (!again || counted_from >= self.next) || end < self.next && !again {
                let said_at = if again {
                    counted_from
                } else {
                    counted_from.max(self.next)
                };
                self.late.insert((said_at, end, sample.group.clone()));
            } else if end >= self.next && counted_from <= end {
                break;
            }
            end += grid.step;
        }
    }

    /// What is decided now.
    pub(crate) fn advance(&mut self, now: i64, marks: &Marks, ask: &dyn Ask) -> Vec<Transition> {
        let mut changes = Vec::new();
        self.tell_lines(now, &mut changes);
        self.tell_sure(now, ask, &mut changes);
        for _ in 0..WINDOWS_AT_ONCE {
            let end = self.next;
            let due = self.plan.grid.closes_at(end);
            let missing = if marks.complete_to() >= due {
                Vec::new()
            } else if now >= self.plan.grid.due_at(end) {
                marks.missing(due)
            } else {
                break;
            };
            if now < end {
                break;
            }
            self.decide(end, now, &missing, ask, &mut changes);
            self.late_by = now.saturating_sub(due).max(0);
            self.next = end + self.plan.grid.step * i64::from(self.slowed.max(1));
        }
        changes
    }

    fn decide(&mut self, end: i64, now: i64, missing: &[MissingSource], ask: &dyn Ask, changes: &mut Vec<Transition>) {
        let Some(tracker) = &mut self.tracker else { return };
        self.windows += 1;
        let look = Look { end, verdict: end };
        let found = match tracker.look(look, ask) {
            Ok(found) => {
                self.error = None;
                found
            }
            Err(error) => {
                let failed = |group: &Group| Finding {
                    note: Some(error.clone()),
                    ..Finding::new(group.clone(), Outcome::Failed, None)
                };
                let mut found: Vec<Finding> = self.machines.keys().map(failed).collect();
                if found.is_empty() {
                    found.push(failed(&Group::whole()));
                }
                self.error = Some(error);
                found
            }
        };
        let absent = tracker.absent();
        if tracker.sees_late() {
            self.decided.insert(end, holding(&found));
        }
        self.apply(end, now, &found, absent, missing, ask, changes);
        self.ahead.retain(|(other, _, _)| *other > end);
        self.tell_late(end, now, ask, changes);
        let kept = end - self.plan.late_window;
        self.decided = self.decided.split_off(&kept);
        if let Some(tracker) = &mut self.tracker {
            tracker.forget(end + self.plan.grid.step - self.plan.grid.window - self.plan.late_window);
        }
    }

    /// What findings make of the groups; those that are not named are `absent`.
    #[allow(clippy::too_many_arguments, reason = "a verdict has so many sides")]
    pub(crate) fn apply(
        &mut self,
        end: i64,
        now: i64,
        found: &[Finding],
        absent: Outcome,
        missing: &[MissingSource],
        ask: &dyn Ask,
        changes: &mut Vec<Transition>,
    ) {
        let named: BTreeSet<&Group> = found.iter().map(|finding| &finding.group).collect();
        let gone = self.machines.keys().filter(|group| !named.contains(group));
        let gone: Vec<Finding> = gone.map(|group| Finding::new(group.clone(), absent, None)).collect();
        for finding in found.iter().chain(&gone) {
            self.step(end, now, finding, missing, ask, changes);
        }
        self.machines.retain(|_, machine| !machine.is_fresh());
    }

    fn step(
        &mut self,
        end: i64,
        now: i64,
        finding: &Finding,
        missing: &[MissingSource],
        ask: &dyn Ask,
        changes: &mut Vec<Transition>,
    ) {
        let is_known = self.machines.contains_key(&finding.group);
        if !is_known && finding.outcome == Outcome::Not {
            return;
        }
        let machine = self.machines.entry(finding.group.clone()).or_default();
        let before = machine.clone();
        let step = machine.step(&self.plan.timing, end, finding.outcome);
        self.changed |= before != *machine;
        let Some(step) = step else { return };
        if self.plan.tells_lines() && matches!(step.to, AlertState::Firing | AlertState::Pending) {
            // Each line told it.
            return;
        }
        if self.ahead.contains(&(end, finding.group.clone(), step.to)) {
            return;
        }
        let change = self.transition(step, end, now, finding, missing, ask, changes.len());
        changes.push(change);
    }

    /// Tells what is sure already.
    fn tell_sure(&mut self, now: i64, ask: &dyn Ask, changes: &mut Vec<Transition>) {
        let touched = std::mem::take(&mut self.touched);
        for group in touched {
            let mut machine = self.machines.get(&group).cloned().unwrap_or_default();
            let mut end = self.next;
            while end - self.plan.grid.step <= now {
                let at = end;
                // A verdict before it might still come: while nobody lags, in its turn.
                let before = at - self.plan.grid.step;
                if at > self.next && now < self.plan.grid.closes_at(before) + AHEAD_AFTER {
                    break;
                }
                end += self.plan.grid.step;
                let Some(tracker) = &mut self.tracker else { return };
                let look = Look { end: at, verdict: at };
                let Ok(Some(finding)) = tracker.look_at(&group, look, ask) else {
                    continue;
                };
                if finding.outcome != Outcome::Holds {
                    continue;
                }
                let step = machine.step(&self.plan.timing, at, Outcome::Holds);
                let Some(step) = step.filter(|_| !self.plan.tells_lines()) else {
                    continue;
                };
                if self.ahead.insert((at, group.clone(), step.to)) {
                    let change = self.transition(step, at, now, &finding, &[], ask, changes.len());
                    changes.push(change);
                }
            }
        }
    }

    /// Tells what lines that came after verdicts make of them, of those that the verdict of the window
    /// ending at `verdict` counts.
    fn tell_late(&mut self, verdict: i64, now: i64, ask: &dyn Ask, changes: &mut Vec<Transition>) {
        let late = std::mem::take(&mut self.late);
        let (due, waiting) = late.into_iter().partition(|(said_at, _, _)| *said_at <= verdict);
        self.late = waiting;
        let due: BTreeSet<(i64, i64, Group)> = due;
        let due: BTreeSet<(i64, Group)> = due.into_iter().map(|(_, end, group)| (end, group)).collect();
        for (end, group) in due {
            let Some(held) = self.decided.get(&end).map(|groups| groups.contains(&group)) else {
                continue;
            };
            let Some(tracker) = &mut self.tracker else { return };
            let look = Look { end, verdict };
            let finding = match tracker.look_at(&group, look, ask) {
                Ok(Some(finding)) => finding,
                Ok(None) => Finding::new(group.clone(), Outcome::Not, None),
                Err(_) => continue,
            };
            let holds = finding.outcome == Outcome::Holds;
            if holds == held {
                continue;
            }
            let state = |holds| {
                if holds {
                    AlertState::Firing
                } else {
                    AlertState::Inactive
                }
            };
            let step = Step {
                from: state(held),
                to: state(holds),
                since: None,
            };
            if let Some(groups) = self.decided.get_mut(&end) {
                match holds {
                    true => groups.insert(group.clone()),
                    false => groups.remove(&group),
                };
            }
            let mut change = self.transition(step, end, now, &finding, &[], ask, changes.len());
            change.late = true;
            change.key = key::of_late(&self.plan.id, &group, end, verdict);
            change.reason = format!("with lines that came after the verdict: {}", change.reason);
            changes.push(change);
        }
    }

    /// Tells lines one by one.
    fn tell_lines(&mut self, now: i64, changes: &mut Vec<Transition>) {
        const MINUTE: i64 = 60_000_000_000;
        let mut firing: BTreeSet<Group> = BTreeSet::new();
        for (time, group, line) in std::mem::take(&mut self.lines) {
            let minute = now.div_euclid(MINUTE);
            if self.told_in_minute.0 != minute {
                self.told_in_minute = (minute, 0);
            }
            if self.told_in_minute.1 >= self.match_lines_max {
                self.untold += 1;
                continue;
            }
            self.told_in_minute.1 += 1;
            let machine = self.machines.get(&group);
            let fires =
                machine.is_some_and(|machine| machine.state == AlertState::Firing) || !firing.insert(group.clone());
            let since = machine.and_then(|machine| machine.since);
            changes.push(Transition {
                key: key::of_line(&self.plan.id, &line.id),
                rule: self.plan.told(),
                group: group.named(&self.plan.by),
                labels: self.plan.labels(&group),
                from: if fires {
                    AlertState::Firing
                } else {
                    AlertState::Inactive
                },
                to: AlertState::Firing,
                active_since_nanos: since.or(Some(self.plan.grid.end_after(time))),
                at_nanos: time,
                decided_at_nanos: now,
                window: None,
                value: None,
                threshold: None,
                reason: format!("a line fits: {}", shortened(&line.body)),
                query: self.plan.search_of(&group).to_string(),
                evidence: Evidence {
                    lines: vec![EvidenceLine::clone(&line)],
                    lines_total: 1,
                    pattern: None,
                    counts: self.tracker.as_ref().map_or_else(Vec::new, |tracker| {
                        tracker.steps(&group, self.plan.grid.end_after(time))
                    }),
                },
                missing_sources: Vec::new(),
                late: false,
            });
        }
    }

    #[allow(clippy::too_many_arguments, reason = "a verdict has so many sides")]
    fn transition(
        &self,
        step: Step,
        end: i64,
        now: i64,
        finding: &Finding,
        missing: &[MissingSource],
        ask: &dyn Ask,
        told_already: usize,
    ) -> Transition {
        let plan = &self.plan;
        let group = &finding.group;
        let window = (end - plan.grid.window, end);
        let shows = step.to == AlertState::Firing && told_already < EVIDENCE_AT_ONCE;
        let (search, mut evidence) = match shows {
            true => {
                let search = ask.search(plan, group, window);
                let evidence = ask.evidence(plan, group, &search, window);
                (search, evidence)
            }
            false => (plan.search_of(group), Evidence::default()),
        };
        if let Some(tracker) = &self.tracker {
            evidence.counts = tracker.steps(group, end);
        }
        let mut labels = plan.labels(group);
        labels.extend(finding.cause.map(|cause| ("cause".to_owned(), cause.to_owned())));
        Transition {
            key: key::of_window(&plan.id, group, end, step.to),
            rule: plan.told(),
            group: group.named(&plan.by),
            labels,
            from: step.from,
            to: step.to,
            active_since_nanos: step.since,
            at_nanos: end,
            decided_at_nanos: now,
            window: Some(window),
            value: finding.value,
            threshold: sentence::threshold(plan),
            reason: sentence::reason(plan, step.to, end, finding, missing),
            query: search.to_string(),
            evidence,
            missing_sources: missing.to_vec(),
            late: false,
        }
    }

    /// Ends what fires or waits: the rule is evaluated no more.
    pub(crate) fn end(&mut self, now: i64, why: &str) -> Vec<Transition> {
        let ending = |(group, machine): (&Group, &Machine)| {
            let step = Step {
                from: machine.state,
                to: match machine.state {
                    AlertState::Firing => AlertState::Resolved,
                    _ => AlertState::Inactive,
                },
                since: machine.since,
            };
            let open = !matches!(machine.state, AlertState::Inactive | AlertState::Resolved);
            open.then(|| Transition {
                key: key::of_window(&self.plan.id, group, now, step.to),
                rule: self.plan.told(),
                group: group.named(&self.plan.by),
                labels: self.plan.labels(group),
                from: step.from,
                to: step.to,
                active_since_nanos: step.since,
                at_nanos: now,
                decided_at_nanos: now,
                window: None,
                value: None,
                threshold: None,
                reason: why.to_owned(),
                query: self.plan.search_of(group).to_string(),
                evidence: Evidence::default(),
                missing_sources: Vec::new(),
                late: false,
            })
        };
        let ended = self.machines.iter().filter_map(ending).collect();
        self.machines.clear();
        self.changed = true;
        ended
    }

    pub(crate) fn groups(&self) -> usize {
        let tracked = self.tracker.as_ref().map_or(0, |tracker| tracker.groups());
        tracked.max(self.machines.len())
    }

    pub(crate) fn left_out(&self) -> u64 {
        self.untold + self.tracker.as_ref().map_or(0, |tracker| tracker.left_out())
    }
}

fn holding(found: &[Finding]) -> BTreeSet<Group> {
    let holding = found.iter().filter(|finding| finding.outcome == Outcome::Holds);
    holding.map(|finding| finding.group.clone()).collect()
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 160;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
