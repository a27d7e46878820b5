//! Messages about the alerting itself: to the fallback target, if one is configured.

use super::{Inner, Plan};
use crate::alert::notify::message::{Message, MessageKind, key_of};
use crate::catalog::notify::NotifyStep;

impl Inner {
    /// Says that a target fails, or works again. It lies in the outbox on return.
    pub(super) fn tell_trouble(&self, about: &str, firing: bool, text: &str) {
        let Some(message) = self.trouble(about, firing, text) else {
            return;
        };
        let step = NotifyStep {
            messages: vec![self.new_message(&message)],
            ..NotifyStep::default()
        };
        match self.catalog.notify_step(&step) {
            Ok(()) => self.send_wanted.give(),
            Err(error) => tracing::error!(%error, "the fallback target cannot be told: {text}"),
        }
    }

    /// More incidents than are kept: told once each time that their number has doubled.
    pub(super) fn overflow_message(&self, plan: &mut Plan) -> Option<Message> {
        let count = plan.state.overflowed;
        if count == 0 || count < plan.overflow_told.saturating_mul(2) {
            return None;
        }
        if count == plan.overflow_told {
            return None;
        }
        plan.overflow_told = count;
        let max = self.options.limits.incidents_max;
        tracing::error!(
            count,
            max,
            "verdicts of alert rules found no room among the incidents, and nobody is told of them"
        );
        let text = format!(
            "{count} verdicts of alert rules were not told: {max} incidents are open, which is all that \
             alerts.incidents_max allows"
        );
        self.trouble("incidents", true, &text)
    }

    /// Nobody is told of a fallback's trouble through itself.
    fn trouble(&self, about: &str, firing: bool, text: &str) -> Option<Message> {
        let fallback = self
            .options
            .fallback_target
            .as_ref()
            .filter(|fallback| *fallback != about)?;
        let now = self.now();
        Some(Message {
            key: key_of(["trouble", about, fallback, &now.to_string(), text]),
            kind: MessageKind::Trouble,
            target: fallback.clone(),
            group_key: key_of(["trouble", about]),
            group_labels: Default::default(),
            created_nanos: now,
            incidents: Vec::new(),
            firing_total: u64::from(firing),
            resolved_total: u64::from(!firing),
            held: None,
            text: text.to_owned(),
        })
    }
}
