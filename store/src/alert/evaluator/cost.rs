//! What rules cost, who is slowed for it, and what is said of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use timberline_proto::alert::{AlertsStatus, RuleCost};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::Evaluator;
use super::work::Work;
use crate::alert::marks::Marks;

/// A verdict that is later than this is put on record as late.
const LATE_NANOS: i64 = 60_000_000_000;
/// The share of a core is a mean over about this.
const COST_OVER: f64 = 60.0;

impl Evaluator {
    /// What was done since the last time cost, and who is slowed for it.
    pub(super) fn account(&mut self) {
        let elapsed = self.looked_at.elapsed().as_secs_f64();
        if elapsed < 1.0 {
            return;
        }
        self.looked_at = Instant::now();
        let weight = (elapsed / COST_OVER).min(1.0);
        let (most, slowed_max) = (self.shared.options.rule_cost_max, self.shared.options.rule_slowed_max);
        let mut by_lines = vec![Duration::ZERO; self.works.len()];
        self.router.spent(&mut |rule, spent| by_lines[rule] += spent);
        let (mut deferred, mut told) = (Vec::new(), Vec::new());
        let busy = std::mem::take(&mut self.busy).as_secs_f64() / elapsed;
        self.cost += weight * (busy - self.cost);
        for (at, (work, by_lines)) in self.works.iter_mut().zip(by_lines).enumerate() {
            let share = |spent: Duration| spent.as_secs_f64() / elapsed;
            work.cost += weight * (share(work.spent + by_lines) - work.cost);
            work.lines_cost += weight * (share(by_lines) - work.lines_cost);
            work.spent = Duration::ZERO;
            if work.behind.is_none() && work.lines_cost > most {
                deferred.push(at);
            }
            let run = &mut work.run;
            if work.cost > most && run.slowed < slowed_max {
                run.slowed = (run.slowed * 2).min(slowed_max);
                // What it costs from now on is another thing.
                work.cost /= 2.0;
                told.push((at, "slowed", run.slowed));
                tracing::warn!(
                    rule = run.plan.rule.name,
                    windows = run.slowed,
                    "the rule costs more than alerts.evaluation.rule_cost_max of a core: it is decided less often"
                );
            } else if work.cost < most / 4.0 && run.slowed > 1 {
                run.slowed /= 2;
                work.cost *= 2.0;
            }
        }
        for (at, event, windows) in told {
            self.note(at, event, &json!({ "windows": windows }));
        }
        for at in &deferred {
            self.note(*at, "deferred", &json!({}));
            tracing::warn!(
                rule = self.works[*at].run.plan.rule.name,
                "most of that is testing lines: from now on the rule reads them from the store when it is decided, until it is changed"
            );
            self.defer(*at);
        }
        if !deferred.is_empty()
            && let Err(error) = self.route_anew()
        {
            tracing::error!(%error, "lines cannot be given to alert rules");
        }
    }

    /// Puts on record whose verdicts became late, once until they are not.
    pub(super) fn note_late(&mut self) {
        for at in 0..self.works.len() {
            let Work { run, late_told, .. } = &mut self.works[at];
            let is_late = run.late_by >= LATE_NANOS;
            if is_late == *late_told {
                continue;
            }
            *late_told = is_late;
            let (event, seconds) = (if is_late { "late" } else { "in_time" }, run.late_by as f64 / 1e9);
            self.note(at, event, &json!({ "late_seconds": seconds }));
        }
    }

    fn note(&self, at: usize, event: &str, detail: &Value) {
        let plan = &self.works[at].run.plan;
        let noted = self
            .reader
            .catalog_of()
            .note_evaluation(event, (&plan.id, &plan.rule.name), detail);
        if let Err(error) = noted {
            tracing::error!(rule = plan.rule.name, event, %error, "how a rule is evaluated cannot be put on record");
        }
    }

    pub(super) fn say(&self, now: i64, marks: &Marks) {
        let instant = format_rfc3339_nanos;
        let mut rules: Vec<RuleCost> = self
            .works
            .iter()
            .map(|work| RuleCost {
                id: work.run.plan.id.clone(),
                name: work.run.plan.rule.name.clone(),
                decided_to: (work.run.windows > 0).then(|| instant(work.run.next - work.run.plan.grid.step)),
                late_seconds: work.run.late_by as f64 / 1e9,
                cost: work.cost,
                groups: work.run.groups() as u64,
                left_out: work.run.left_out(),
                slowed: work.run.slowed,
                deferred: work.behind.is_some(),
                owner_gone: work.sees.gone,
                error: work.run.error.clone(),
            })
            .collect();
        rules.extend(self.unseen.iter().map(|((id, name), error)| RuleCost {
            id: id.clone(),
            name: name.clone(),
            slowed: 1,
            error: Some(error.clone()),
            ..RuleCost::default()
        }));
        rules.sort_by(|a, b| b.cost.total_cmp(&a.cost).then_with(|| a.name.cmp(&b.name)));
        let lag = self.shared.options.interval.as_nanos() as i64 + 15_000_000_000;
        let status = AlertsStatus {
            evaluated_at: Some(instant(now)),
            complete_to: (marks.complete_to() > 0).then(|| instant(marks.complete_to())),
            missing: marks.missing(now.saturating_sub(lag)),
            cost: self.cost,
            read_again: self.read_again,
            rules,
        };
        self.shared.status.lock().0 = status;
    }
}
