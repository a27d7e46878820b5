//! What receives goes on after a panic: it is logged, counted for the status, the metrics and
//! `/readyz`, and what ran is begun anew after a pause.

use std::any::Any;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

/// Pause before what has panicked goes on.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// How long a process says that it is not ready after a panic.
const UNREADY: Duration = Duration::from_secs(60);

/// Panics of a listener's tasks and of the thread that appends.
#[derive(Debug, Default)]
pub(super) struct Panics {
    count: AtomicU64,
    /// Seconds since the epoch.
    last: AtomicU64,
}

impl Panics {
    /// Logs and counts one.
    pub(super) fn note(&self, listener: &str, what: &str, panic: &(dyn Any + Send)) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.last.store(now_seconds(), Ordering::Relaxed);
        tracing::error!(
            listener,
            what,
            panic = message(panic),
            "a panic while messages were received: this is a fault of the program; what it was at is begun anew"
        );
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether the last one is only a moment ago.
    pub(super) fn is_recent(&self) -> bool {
        self.count() > 0 && now_seconds().saturating_sub(self.last.load(Ordering::Relaxed)) < UNREADY.as_secs()
    }
}

/// Runs what `begin` makes, and another one after each panic, until one ends or it is to stop.
pub(super) async fn kept_alive<F>(
    panics: impl Fn(&(dyn Any + Send)),
    stop: CancellationToken,
    mut begin: impl FnMut() -> std::io::Result<F>,
) where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let running = match begin() {
            Ok(running) => tokio::spawn(running),
            Err(error) => {
                if stop.is_cancelled() {
                    return;
                }
                tracing::error!(%error, "a listener cannot be begun anew; tried again");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Err(ended) = running.await else { return };
        let Ok(panic) = ended.try_into_panic() else { return };
        panics(&*panic);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn now_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_panics_is_begun_anew_until_it_ends() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (panics, mut begun) = (Arc::new(Panics::default()), 0);
        let note = |panic: &(dyn Any + Send)| panics.note("test", "a task", panic);
        runtime.block_on(kept_alive(note, CancellationToken::new(), || {
            begun += 1;
            let at = begun;
            Ok(async move { assert!(at > 1, "the first one panics") })
        }));
        assert_eq!((begun, panics.count()), (2, 1));
        assert!(panics.is_recent());
    }
}
