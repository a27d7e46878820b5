//! Any rule over any time of the past: the same code as live ([`Run`]), by the clock of the lines.
//!
//! Lines are given in the order in which they were read, each at the time at which it was, so that late
//! lines are late here too. Every source counts as having told by then; what was missing at the time is
//! not known any more.

mod silence;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use timberline_proto::alert::{AlertState, BacktestAnswer, Condition, Transition};
use tokio::runtime::Handle;

use super::ask::Ask;
use super::marks::Marks;
use super::options::AlertOptions;
use super::plan::Plan;
use super::route::sample;
use super::run::Run;
use super::sample::Sample;
use super::store_ask::StoreAsk;
use crate::read::{ReadError, Reader, RowView};

/// What would have been told.
#[derive(Debug)]
struct Told {
    answer: BacktestAnswer,
    keys: BTreeSet<String>,
    entries: u64,
    entries_max: usize,
}

impl Told {
    fn new(entries_max: usize) -> Self {
        Self {
            answer: BacktestAnswer::default(),
            keys: BTreeSet::new(),
            entries: 0,
            entries_max,
        }
    }

    /// Each verdict once.
    fn add(&mut self, transition: Transition) {
        if !self.keys.insert(transition.key.clone()) {
            return;
        }
        self.entries += 1;
        if !transition.late {
            *self.answer.counts.entry(transition.to).or_default() += 1;
        }
        if self.answer.transitions.len() < self.entries_max {
            self.answer.transitions.push(transition);
        }
    }

    fn answer(mut self) -> BacktestAnswer {
        let shown = self.answer.transitions.len();
        if self.entries > shown as u64 {
            self.answer.notes.push(format!(
                "of {} changes of state the first {shown} are shown (alerts.evaluation.backtest_entries_max)",
                self.entries
            ));
        }
        self.answer.counts.entry(AlertState::Firing).or_default();
        self.answer
    }
}

/// What `plan` would have said of windows that end after `from`, and at `to` at the latest. Blocks.
///
/// # Errors
/// [`ReadError`]
pub(super) fn backtest(
    reader: &Reader,
    handle: &Handle,
    options: &AlertOptions,
    plan: &Arc<Plan>,
    (from, to, now): (i64, i64, i64),
) -> Result<BacktestAnswer, ReadError> {
    let ask = StoreAsk {
        reader,
        handle,
        options,
    };
    let mut told = Told::new(options.backtest_entries_max);
    if let Condition::Silence(condition) = &plan.rule.condition {
        silence::replayed(plan, condition, (from, to), &ask, &mut told)?;
        return Ok(told.answer());
    }
    let mut run = Run::new(Arc::clone(plan), plan.grid.end_after(from), options.match_lines_max);
    run.begin(&ask).map_err(ReadError::BadRequest)?;
    let needs_from = run.needs_from();
    let mut samples = Vec::new();
    for (search, filter) in plan.searches.iter().enumerate() {
        let mut each = |view: &RowView<'_>| {
            if samples.len() >= options.backtest_lines_max {
                return ControlFlow::Break(());
            }
            let tell = plan.tells_lines() && view.row.observed_nanos >= from;
            samples.push(sample(plan, search as u8, view, tell, options));
            ControlFlow::Continue(())
        };
        let given = reader.replay(filter.clone(), (needs_from, to), options.backtest_lines_max, &mut each);
        if !handle.block_on(given)? {
            return Err(ReadError::Limit {
                what: format!(
                    "more than {} lines fit the rule in this time",
                    options.backtest_lines_max
                ),
                key: "alerts.evaluation.backtest_lines_max",
            });
        }
    }
    told.answer.lines = samples.len() as u64;
    let interval = options.interval.as_nanos() as i64;
    let until = to
        .saturating_add(plan.late_window)
        .min(now.saturating_sub(plan.grid.lateness));
    replayed(
        &mut run,
        samples,
        (to, until.max(to)),
        interval,
        &ask,
        &mut |transition| told.add(transition),
    );
    told.answer.windows = run.windows;
    if run.left_out() > 0 {
        told.answer.notes.push(format!(
            "{} lines were left out: they are of more groups than alerts.evaluation.groups_max, or more than are told in a minute",
            run.left_out()
        ));
    }
    if let Some(error) = &run.error {
        told.answer
            .notes
            .push(format!("the last windows could not be looked at: {error}"));
    }
    Ok(told.answer())
}

/// Gives a run its lines in the order in which they were read, and its windows up to `to` their verdicts,
/// with what lines made of these that were late until `until`.
pub(super) fn replayed(
    run: &mut Run,
    mut samples: Vec<Sample>,
    (to, until): (i64, i64),
    interval: i64,
    ask: &dyn Ask,
    each: &mut dyn FnMut(Transition),
) {
    samples.sort_by_key(|sample| (sample.observed, sample.time));
    let grid = run.plan.grid;
    let (shown, last) = (grid.floor(to), grid.floor(until));
    // Nothing is decided beyond the last window.
    let until = grid.closes_at(last);
    let mut advance = |run: &mut Run, now: i64| {
        let marks = Marks::new(now.min(until), Vec::new());
        let changes = run.advance(now.min(until), &marks, ask).into_iter();
        changes.filter(|change| change.at_nanos <= shown).for_each(&mut *each);
    };
    let mut at = 0;
    while at < samples.len() {
        let tick = (samples[at].observed.div_euclid(interval) + 1).saturating_mul(interval);
        // Windows that were due before.
        while grid.closes_at(run.next) <= samples[at].observed && run.next <= last {
            let due = grid.closes_at(run.next);
            advance(run, due);
        }
        while let Some(sample) = samples.get(at).filter(|sample| sample.observed < tick) {
            run.take(sample, false);
            at += 1;
        }
        advance(run, tick);
    }
    while run.next <= last {
        let due = grid.closes_at(run.next);
        advance(run, due);
    }
}
