//! Silence in the past: from when lines came, for what agents reported is not kept. Why something was silent
//! is not known of the past, so every silence counts, and the answer says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use timberline_proto::alert::{Silence, SilenceOf};
use timberline_proto::query::time_range::parse_time;

use super::Told;
use crate::alert::ask::Ask;
use crate::alert::machine::Outcome;
use crate::alert::plan::Plan;
use crate::alert::run::Run;
use crate::alert::silence::{World, look};
use crate::alert::store_ask::StoreAsk;
use crate::read::ReadError;

/// Lines are counted by steps of this, a window's tenth at most, so a verdict is as exact.
const STEP_MIN: i64 = 1_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// Until when lines of a host's file came, by steps, each with the end of the last step before it.
type Steps = BTreeMap<i64, Vec<(String, String)>>;

/// Gives the changes of state.
///
/// # Errors
/// [`ReadError`]
pub(super) fn replayed(
    plan: &Arc<Plan>,
    silence: &Silence,
    (from, to): (i64, i64),
    ask: &StoreAsk<'_>,
    told: &mut Told,
) -> Result<(), ReadError> {
    if silence.of == SilenceOf::Agent {
        return Err(ReadError::BadRequest(
            "when agents reported is not kept, so their silence cannot be tried on the past: try it with of = \"host\""
                .to_owned(),
        ));
    }
    let window = plan.grid.window;
    let mut steps = steps(plan, (from.saturating_sub(window), to), ask, told)?
        .into_iter()
        .peekable();
    told.answer
        .notes
        .push("why something was silent is not kept: each silence counts, whatever `causes` says".to_owned());
    let mut run = Run::new(Arc::clone(plan), plan.grid.end_after(from), ask.options.match_lines_max);
    let mut world = World {
        decommissioned: ask
            .reader
            .catalog_of()
            .decommissioned_hosts()
            .map_err(|error| ReadError::Internal(error.to_string()))?
            .into_iter()
            .collect::<BTreeSet<_>>(),
        since: from.saturating_sub(window),
        ..World::default()
    };
    while run.next <= plan.grid.floor(to) {
        let end = run.next;
        while let Some((came, files)) = steps.next_if(|(came, _)| *came <= end) {
            for file in files {
                world.lines.insert(file, came);
            }
        }
        let mut found = look(plan, silence, &world, end, &|_, _| None);
        for finding in &mut found {
            let is_silent = finding.value.is_some_and(|quiet| quiet * 1e9 >= window as f64);
            if is_silent {
                finding.outcome = Outcome::Holds;
                finding.cause = None;
                finding.note = finding
                    .note
                    .as_deref()
                    .and_then(|note| note.split(": ").next())
                    .map(str::to_owned);
            }
        }
        let mut changes = Vec::new();
        run.apply(end, end, &found, Outcome::Not, &[], ask as &dyn Ask, &mut changes);
        changes.into_iter().for_each(|change| told.add(change));
        run.windows += 1;
        run.next = end + plan.grid.step;
    }
    told.answer.windows = run.windows;
    Ok(())
}

/// By the end of each step the files of which lines came in it.
fn steps(plan: &Plan, (from, to): (i64, i64), ask: &StoreAsk<'_>, told: &mut Told) -> Result<Steps, ReadError> {
    let step = (plan.grid.window / 10).max(STEP_MIN) / SECOND;
    let query = format!("| stats count() as n by host, file, bin(observed, {step}s)");
    let asked = ask
        .reader
        .answer(query, (from, to.saturating_add(1)), Some(ask.reader.options().rows_max));
    let table = ask.handle.block_on(asked).map_err(ReadError::BadRequest)?;
    let mut steps = Steps::new();
    let mut lines = 0;
    for row in &table.rows {
        let text = |at: usize| row.get(at).and_then(Value::as_str).unwrap_or_default();
        // The keys in their order, then the count.
        lines += row.get(3).and_then(Value::as_u64).unwrap_or(0);
        let Ok(began) = parse_time(text(2), 0) else { continue };
        let end = began.saturating_add(step * SECOND);
        if !text(0).is_empty() {
            steps
                .entry(end)
                .or_default()
                .push((text(0).to_owned(), text(1).to_owned()));
        }
    }
    told.answer.lines = lines;
    Ok(steps)
}
