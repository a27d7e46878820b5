//! Keeps so many records of a file in a span of time.
//!
//! Spans are of the records' own times, so that a backlog is limited as it would have been when it was
//! written, however fast it is read. Counts are in memory: after a restart the present span is counted
//! from nought, and bytes read again may be judged otherwise than before. That is safe, because the
//! queue takes each range of a file once: a batch that is sent again stays as it was cut, and of one
//! that is cut anew the collector takes only what it does not hold. Every record is stored once or
//! dropped once, never both and never neither.

use std::collections::HashMap;

use timberline_proto::id::GenerationId;

use super::config::RateLimitConfig;
use super::event::Event;

#[derive(Debug)]
pub(super) struct RateLimit {
    records: u64,
    per_nanos: i64,
    by: String,
    keys_max: usize,
    counts: HashMap<(GenerationId, String), Count>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    span: i64,
    records: u64,
}

impl RateLimit {
    pub(super) fn new(config: &RateLimitConfig) -> Result<Self, String> {
        let per_nanos = i64::try_from(config.per.as_nanos()).unwrap_or(i64::MAX);
        if per_nanos == 0 {
            return Err("rate_limit: per must be above zero".to_owned());
        }
        if config.keys_max == 0 {
            return Err("rate_limit: keys_max must be at least 1".to_owned());
        }
        Ok(Self {
            records: config.records,
            per_nanos,
            by: config.by.clone(),
            keys_max: config.keys_max,
            counts: HashMap::new(),
        })
    }

    pub(super) fn keeps(&mut self, event: &Event<'_>) -> bool {
        let span = event.time.0.div_euclid(self.per_nanos);
        let value = if self.by.is_empty() {
            None
        } else {
            event.text_of(&self.by)
        };
        let mut key = (event.origin.generation, value.unwrap_or_default());
        if self.counts.len() >= self.keys_max && !self.counts.contains_key(&key) {
            self.counts.retain(|_, count| count.span >= span);
            if self.counts.len() >= self.keys_max {
                // Counted together: the bound holds, and more is dropped rather than less.
                key = (GenerationId::default(), String::new());
            }
        }
        let count = self.counts.entry(key).or_default();
        // A record out of order counts to the span that is open.
        if span > count.span || count.records == 0 {
            *count = Count { span, records: 0 };
        }
        count.records += 1;
        count.records <= self.records
    }
}
