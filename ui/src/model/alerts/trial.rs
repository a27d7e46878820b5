//! What a rule would have said of the past, with its lines over the same time.

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::{
    alert::{BacktestAnswer, BacktestRequest, Rule},
    api::{ApiError, HistogramAnswer, HistogramRequest},
};

use super::ADDRESS;
use crate::{api, model::asking::Asking, text::time};

/// Bars over the range.
const BINS: u32 = 120;

/// The state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Trial {
    /// The range, milliseconds since the epoch, and what the rule would have said in it.
    pub answer: RwSignal<Option<(i64, i64, BacktestAnswer)>>,
    /// The lines that it looks at.
    pub histogram: RwSignal<Option<HistogramAnswer>>,
    /// What went wrong.
    pub error: RwSignal<Option<ApiError>>,
    /// An answer is awaited.
    pub busy: RwSignal<bool>,
    running: Asking,
}

impl Trial {
    pub(super) fn new() -> Trial {
        Trial {
            answer: RwSignal::new(None),
            histogram: RwSignal::new(None),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
            running: Asking::new(),
        }
    }

    /// Tries the rule over the last `span_ms`; `filter` is what its lines fit.
    pub(crate) fn run(self, rule: Rule, filter: String, span_ms: i64) {
        self.stop();
        let Some(signal) = self.running.begin() else { return };
        self.busy.set(true);
        let to_ms = js_sys::Date::now() as i64;
        let from_ms = to_ms - span_ms;
        let (from, to) = (time::rfc3339(from_ms), time::rfc3339(to_ms));
        spawn_local(async move {
            let request = BacktestRequest {
                rule,
                from: from.clone(),
                to: Some(to.clone()),
            };
            let answer = api::create(&format!("{ADDRESS}/backtest"), &request, &signal).await;
            if signal.aborted() {
                return;
            }
            let request = HistogramRequest {
                query: filter,
                from: Some(from),
                to: Some(to),
                bins: Some(BINS),
                ..HistogramRequest::default()
            };
            let histogram = api::histogram(&request, &signal).await;
            if signal.aborted() {
                return;
            }
            self.busy.set(false);
            self.histogram.set(histogram.ok());
            match answer {
                Ok(answer) => {
                    self.error.set(None);
                    self.answer.set(Some((from_ms, to_ms, answer)));
                }
                Err(failure) => {
                    self.answer.set(None);
                    self.error.set(failure.into_error());
                }
            }
        });
    }

    /// Lets go of what was asked.
    pub(crate) fn stop(self) {
        self.running.stop();
        self.busy.set(false);
    }

    /// Forgets what was answered, too.
    pub(crate) fn clear(self) {
        self.stop();
        self.answer.set(None);
        self.histogram.set(None);
        self.error.set(None);
    }
}
