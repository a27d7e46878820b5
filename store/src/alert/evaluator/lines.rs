//! Lines for one rule that were not tested as they came: those of before it began, and all of a rule for
//! which testing each line is too expensive.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::work::{Behind, Work};
use super::{Evaluator, is_new};
use crate::alert::feed::Feed;
use crate::alert::route::sample;
use crate::alert::run::Run;
use crate::alert::sample::Sample;
use crate::alert::store_ask::StoreAsk;
use crate::catalog::is_own_topic;
use crate::read::{ReadError, RowView};

/// Lines that are read again for one rule at most.
const REPLAY_LINES_MAX: usize = 5_000_000;
/// A rule that reads its lines itself does so no more often than this, or than half its windows' distance.
const READ_INTERVAL: Duration = Duration::from_secs(5);

impl Evaluator {
    /// Gives a rule the lines of before that it needs.
    pub(super) fn fill(&mut self, at: usize) {
        let work = &mut self.works[at];
        let reader = work.reader.clone();
        let ask = StoreAsk {
            reader: &reader,
            handle: &self.handle,
            options: &self.shared.options,
        };
        if let Err(error) = fill(&mut work.run, work.began, &ask, &self.feed, &self.told) {
            tracing::error!(rule = work.run.plan.rule.name, %error, "the lines of before cannot be read: its first verdicts go without");
            work.run.error = Some(error);
        }
        if let Some(behind) = &mut work.behind {
            behind.read_to = self.feed.clone();
        }
    }

    /// Gives all rules that are given lines as they come those between an earlier look and the last one, by one
    /// look at these lines; none of them if they cannot all be read.
    pub(super) fn read_missed(&mut self, before: &Feed) -> Result<(), ReadError> {
        let Self {
            works,
            router,
            feed,
            told,
            shared,
            reader,
            handle,
            own_topics,
            ..
        } = self;
        let mut missed: Vec<(usize, bool, Sample)> = Vec::new();
        let mut each = |view: &RowView<'_>| {
            router.route(view, &mut |rule, search, view| {
                let work = &works[rule];
                let tell = work.run.plan.tells_lines() && is_new(view, told, work.began);
                let sample = sample(&work.run.plan, search, view, tell, &shared.options);
                missed.push((rule, tell, sample));
            });
        };
        let wanted = |topic: &str, partition: u32| match !is_own_topic(topic) || own_topics.contains(topic) {
            true => before.next(topic, partition)..feed.next(topic, partition),
            false => 0..0,
        };
        handle.block_on(reader.reread(&wanted, &mut each))?;
        // In the order in which they would have come.
        missed.sort_by_key(|(_, _, sample)| (sample.observed, sample.time));
        for (rule, tell, sample) in missed {
            works[rule].run.take(&sample, !tell);
        }
        Ok(())
    }

    /// Gives a rule the lines between an earlier look and the last one.
    pub(super) fn read_again(&mut self, at: usize, before: &Feed) {
        let Work {
            run,
            began,
            behind,
            reader,
            ..
        } = &mut self.works[at];
        if behind.is_some() {
            return; // It reads for itself.
        }
        let ask = StoreAsk {
            reader,
            handle: &self.handle,
            options: &self.shared.options,
        };
        if let Err(error) = read(run, *began, &ask, (before, &self.feed), &self.told) {
            tracing::error!(rule = run.plan.rule.name, %error, "lines that were published before they were looked at cannot be read: its next verdicts go without");
            run.error = Some(error);
        }
    }

    /// From now on the rule reads its lines from the store when it is decided.
    pub(super) fn defer(&mut self, at: usize) {
        self.works[at].behind = Some(Behind {
            read_to: self.feed.clone(),
            read_at: None,
        });
    }

    /// Gives a rule that reads its lines itself those that came since it last did. Whether it may be decided
    /// now.
    pub(super) fn catch_up(&mut self, at: usize, now: i64) -> bool {
        let Work {
            run,
            began,
            behind,
            reader,
            ..
        } = &mut self.works[at];
        let Some(behind) = behind else { return true };
        let half = Duration::from_nanos(u64::try_from(run.plan.grid.step / 2).unwrap_or(0));
        let pause = READ_INTERVAL.min(half);
        if now < run.next || behind.read_at.is_some_and(|read| read.elapsed() < pause) {
            return false;
        }
        let ask = StoreAsk {
            reader,
            handle: &self.handle,
            options: &self.shared.options,
        };
        let outcome = read(run, *began, &ask, (&behind.read_to, &self.feed), &self.told);
        behind.read_at = Some(Instant::now());
        match outcome {
            Ok(()) => {
                behind.read_to = self.feed.clone();
                true
            }
            Err(error) => {
                tracing::error!(rule = run.plan.rule.name, %error, "its lines cannot be read; it is tried again");
                run.error = Some(error);
                false
            }
        }
    }
}

/// Gives a rule the lines that it needs of those that count as looked at.
fn fill(run: &mut Run, began: i64, ask: &StoreAsk<'_>, feed: &Feed, told: &Feed) -> Result<(), String> {
    run.begin(ask)?;
    read(run, began, ask, (&Feed::default(), feed), told)?;
    run.recall(began, ask)
}

/// Gives a rule the lines that it needs between two looks.
fn read(run: &mut Run, began: i64, ask: &StoreAsk<'_>, (from, to): (&Feed, &Feed), told: &Feed) -> Result<(), String> {
    let earliest = run.needs_from();
    let plan = Arc::clone(&run.plan);
    for (search, filter) in plan.searches.iter().enumerate() {
        let mut each = |view: &RowView<'_>| {
            let (topic, partition, offset) = (view.topic, view.row.partition, view.row.offset);
            if (from.next(topic, partition)..to.next(topic, partition)).contains(&offset) {
                let tell = plan.tells_lines() && is_new(view, told, began);
                let sample = sample(&plan, search as u8, view, tell, ask.options);
                run.take(&sample, !tell);
            }
            ControlFlow::Continue(())
        };
        let given = ask
            .reader
            .replay(filter.clone(), (earliest, i64::MAX), REPLAY_LINES_MAX, &mut each);
        let whole = ask
            .handle
            .block_on(given)
            .map_err(|error: ReadError| error.to_string())?;
        if !whole {
            tracing::warn!(
                rule = plan.rule.name,
                "more than {REPLAY_LINES_MAX} lines would have to be read: its next verdicts go without the others"
            );
        }
    }
    Ok(())
}
