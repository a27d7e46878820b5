//! The outbox, one message of a target at a time.
//!
//! A try that failed is made again with growing waits, until the message is too old or was tried too often.
//! Meanwhile its target gets nothing for a while; then the message that waited longest is tried, so one that
//! never goes through does not hold up the others, except those about the same thing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Inner;
use super::health::backoff;
use crate::alert::notify::message::Message;
use crate::alert::notify::render::{cut, one_line};
use crate::alert::notify::target::SendError;
use crate::catalog::CatalogError;
use crate::catalog::notify::{Tried, WaitingMessage};

/// How long nothing is looked for where nothing waits.
const IDLE_WAIT: Duration = Duration::from_secs(30);
const WAIT_MAX: Duration = Duration::from_secs(1);
const WAIT_MIN: Duration = Duration::from_millis(20);
/// A target that fails is left alone for so long at most; its messages wait longer by themselves.
const PAUSE_MAX: Duration = Duration::from_secs(60);

impl Inner {
    /// Sends until it is stopped.
    pub(super) fn send_on(self: &Arc<Self>) {
        let mut seen = 0;
        while !self.is_stopped() {
            match self.take_next() {
                Ok(Some(waiting)) => {
                    self.deliver(&waiting);
                    self.sending.lock().busy.remove(&waiting.target);
                    self.send_wanted.give();
                }
                Ok(None) => self.send_wanted.wait(&mut seen, self.idle_for()),
                Err(error) => {
                    tracing::debug!(%error, "the outbox cannot be read");
                    self.send_wanted.wait(&mut seen, WAIT_MAX);
                }
            }
        }
    }

    pub(super) fn take_next(&self) -> Result<Option<WaitingMessage>, CatalogError> {
        let now = self.now();
        let mut sending = self.sending.lock();
        let paused = sending
            .health
            .iter()
            .filter(|(_, health)| health.paused_until > now)
            .map(|(name, _)| name);
        let busy: Vec<&str> = sending.busy.iter().chain(paused).map(String::as_str).collect();
        let next = self.catalog.notify_next(now, busy)?;
        if let Some(waiting) = &next {
            sending.busy.insert(waiting.target.clone());
        }
        Ok(next)
    }

    fn idle_for(&self) -> Duration {
        match self.catalog.notify_next_at() {
            Ok(None) => IDLE_WAIT,
            Ok(Some(at)) => {
                let nanos = u64::try_from(at.saturating_sub(self.now())).unwrap_or(0);
                Duration::from_nanos(nanos).clamp(WAIT_MIN, WAIT_MAX)
            }
            Err(_) => WAIT_MAX,
        }
    }

    /// One try, and the note of what it came to.
    pub(super) fn deliver(&self, waiting: &WaitingMessage) {
        let at = self.now();
        let begin = Instant::now();
        let sent = match serde_json::from_str::<Message>(&waiting.body) {
            Ok(message) => self.send(&message),
            Err(error) => Err(SendError::Refused(format!(
                "the message that was kept cannot be read: {error}"
            ))),
        };
        let took_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let tried = self.tried(waiting, sent, at, took_ms);
        self.note_health(waiting, &tried);
        if let Err(error) = self.catalog.notify_tried(waiting.id, &tried) {
            // It will be sent again with the same key.
            tracing::error!(%error, target = %waiting.target, "what became of a message cannot be written down");
            self.pause(&waiting.target, WAIT_MAX);
        }
    }

    /// Sends a message; a panic of a target is a try that failed.
    pub(super) fn send(&self, message: &Message) -> Result<String, SendError> {
        let Some(ready) = self.targets.get(&message.target) else {
            return Err(SendError::Refused(
                "the configuration has no target of this name any more".to_owned(),
            ));
        };
        let sent = catch_unwind(AssertUnwindSafe(|| {
            let rendered = self.renderer.render(message, &ready.options.templates);
            ready.target.send(message, &rendered)
        }));
        sent.unwrap_or_else(|_| Err(SendError::again("a fault of this program: the target panicked")))
    }

    fn tried(&self, waiting: &WaitingMessage, sent: Result<String, SendError>, at: i64, took_ms: u64) -> Tried {
        let limits = &self.options.limits;
        let (outcome, answer, next_at) = match sent {
            Ok(answer) => ("delivered", answer, None),
            Err(SendError::Refused(why)) => ("refused", why, None),
            Err(SendError::Again(why, after)) => {
                let age = u64::try_from(at.saturating_sub(waiting.created_at)).unwrap_or(0);
                let over =
                    waiting.attempts + 1 >= limits.attempts_max || Duration::from_nanos(age) >= limits.retry_age_max;
                let wait = backoff(limits.backoff_min, limits.backoff_max, waiting.attempts, rand::random());
                let wait = wait.max(after.unwrap_or_default());
                match over {
                    true => ("given up", why, None),
                    false => ("again", why, Some(self.now().saturating_add(nanos(wait)))),
                }
            }
        };
        Tried {
            at,
            outcome,
            answer: cut(&one_line(&answer), limits.answer_bytes_max),
            took_ms,
            next_at,
        }
    }

    fn note_health(&self, waiting: &WaitingMessage, tried: &Tried) {
        let limits = &self.options.limits;
        let mut sending = self.sending.lock();
        let health = sending.health.entry(waiting.target.clone()).or_default();
        let target = &waiting.target;
        let mut tell = None;
        if tried.outcome == "delivered" {
            let was_failing = health.failing_since.is_some();
            if health.succeeded() {
                tell = Some((false, format!("Target {target} takes messages again")));
            }
            if was_failing {
                tracing::info!(target = %target, "messages are delivered again");
            }
        } else {
            if health.failing_since.is_none() {
                tracing::warn!(target = %target, why = %tried.answer, "a message was not delivered");
            }
            let given_up = tried.next_at.is_none();
            health.did_not(tried.at, &tried.answer, given_up);
            // What is refused is a fault of one message; the others may pass.
            if tried.outcome != "refused" {
                let pause = backoff(
                    limits.backoff_min,
                    limits.backoff_max.min(PAUSE_MAX),
                    u64::from(health.failures) - 1,
                    rand::random(),
                );
                health.paused_until = self.now().saturating_add(nanos(pause));
            }
            let since = health.failing_since.unwrap_or(tried.at);
            let long = tried.at.saturating_sub(since) >= nanos(limits.trouble_after);
            if !health.trouble_told && (given_up || long) {
                health.trouble_told = true;
                tell = Some((
                    true,
                    format!("Target {target} does not take messages: {}", tried.answer),
                ));
            }
        }
        drop(sending);
        if let Some((firing, text)) = tell {
            self.tell_trouble(target, firing, &text);
        }
    }

    fn pause(&self, target: &str, wait: Duration) {
        let until = self.now().saturating_add(nanos(wait));
        self.sending
            .lock()
            .health
            .entry(target.to_owned())
            .or_default()
            .paused_until = until;
    }
}

pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
