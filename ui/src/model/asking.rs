//! What is asked of the server, one thing at a time: whoever asks anew, or leaves, lets go of what was
//! asked before.

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::ApiError;
use web_sys::{AbortController, AbortSignal};

use crate::api::Failure;

/// The question that is out, if there is one. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Asking(StoredValue<Option<AbortController>, LocalStorage>);

impl Asking {
    pub(crate) fn new() -> Asking {
        Asking(StoredValue::new_local(None))
    }

    /// Begins a question; what was asked before is let go of.
    pub(crate) fn begin(self) -> Option<AbortSignal> {
        self.stop();
        let abort = AbortController::new().ok()?;
        let signal = abort.signal();
        self.0.set_value(Some(abort));
        Some(signal)
    }

    /// Of the question that began last, unless it was let go of.
    pub(crate) fn signal(self) -> Option<AbortSignal> {
        self.0
            .with_value(|running| running.as_ref().map(AbortController::signal))
    }

    /// Asks for nothing any more.
    pub(crate) fn stop(self) {
        self.0.update_value(|running| {
            if let Some(abort) = running.take() {
                abort.abort();
            }
        });
    }
}

/// Does something that nothing else takes the place of: `busy` while it is under way, and why it failed
/// in `error`, if it did.
pub(crate) fn act(
    busy: RwSignal<bool>,
    error: RwSignal<Option<ApiError>>,
    work: impl AsyncFnOnce(AbortSignal) -> Result<(), Failure> + 'static,
) {
    let Ok(abort) = AbortController::new() else { return };
    busy.set(true);
    spawn_local(async move {
        let result = work(abort.signal()).await;
        busy.set(false);
        error.set(result.err().and_then(Failure::into_error));
    });
}
