//! Whether the queue takes what is sent: said once when it stops and once when it goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use timberline_queue::AppendError;

/// A refusal that was not repeated for so long says nothing of now: senders try again sooner.
const STALE: Duration = Duration::from_secs(60);

/// What became of the latest appends.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Spares appends that go well the lock.
    refuses: AtomicBool,
    refused: Mutex<Option<(String, Instant)>>,
}

impl Health {
    /// Takes note of an append.
    pub(crate) fn note<T>(&self, outcome: &Result<T, AppendError>) {
        match outcome {
            Ok(_) => {
                if self.refuses.swap(false, Ordering::Relaxed) && self.refused.lock().take().is_some() {
                    tracing::info!("the queue takes records again");
                }
            }
            Err(AppendError::Rejected(_)) => {}
            Err(error @ (AppendError::Full(_) | AppendError::Failed(_))) => {
                let why = error.to_string();
                let before = self.refused.lock().replace((why.clone(), Instant::now()));
                self.refuses.store(true, Ordering::Relaxed);
                if before.is_none() {
                    tracing::error!(why, "the queue takes no records: senders are told to wait");
                }
            }
        }
    }

    /// Why nothing is taken now, if so.
    pub(crate) fn refusal(&self) -> Option<String> {
        let refused = self.refused.lock();
        let (why, at) = refused.as_ref()?;
        (at.elapsed() < STALE).then(|| why.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_stands_until_something_is_taken() {
        let health = Health::default();
        assert_eq!(health.refusal(), None);
        health.note::<()>(&Err(AppendError::Rejected("damaged".into())));
        assert_eq!(health.refusal(), None);
        health.note::<()>(&Err(AppendError::Full("the disk has no space".into())));
        assert!(health.refusal().is_some_and(|why| why.contains("no space")));
        health.note(&Ok(()));
        assert_eq!(health.refusal(), None);
    }
}
