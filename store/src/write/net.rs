//! A panic on a thread of the store is an error like others: it is logged, shown, and what was under
//! way is tried again.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::context::{Context, Phase, add};

/// How long a thread rests after a panic that reached its end.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Something panicked; with what it said.
#[derive(Clone, Debug, thiserror::Error)]
#[error("panicked: {0}")]
pub(crate) struct Panicked(String);

/// Runs `body`; a panic becomes an error. What `body` shares must bear being left half done: locks
/// are released, and transactions rolled back.
pub(super) fn caught<T, E: From<Panicked>>(body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(Panicked(message_of(&*panic)).into()))
}

/// Runs a thread's `body`, and begins it anew after a panic while the store runs.
pub(super) fn keep(context: &Context, name: &str, body: impl Fn()) {
    while let Err(error) = caught(|| {
        body();
        Ok::<_, Panicked>(())
    }) {
        add(&context.counters.panics, 1);
        tracing::error!(thread = name, %error, "a thread of the store begins anew");
        if context.phase() != Phase::Run {
            return;
        }
        context.pause(RESTART_PAUSE);
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "without a message".to_owned())
}
