//! Notifications of alerts: targets, silences, incidents, deliveries; one kind per file.

mod deliveries;
mod incidents;
mod silences;
mod targets;

use axum::Router;
use axum::routing::{get, post};

use super::change::blocking;
use crate::alert::notify::{Notifier, NotifyError};
use crate::catalog::notify::SilenceError;
use crate::http::error::HttpError;
use crate::http::state::HttpState;

/// Their addresses.
pub(super) fn routes() -> Router<HttpState> {
    Router::new()
        .route("/api/v1/alerts/targets", get(targets::list))
        .route("/api/v1/alerts/targets/{name}/test", post(targets::test))
        .route("/api/v1/alerts/silences", get(silences::list).post(silences::create))
        .route(
            "/api/v1/alerts/silences/{id}",
            axum::routing::put(silences::change).delete(silences::delete),
        )
        .route("/api/v1/alerts/incidents", get(incidents::list))
        .route(
            "/api/v1/alerts/incidents/{id}",
            get(incidents::one).post(incidents::act),
        )
        .route("/api/v1/alerts/deliveries", get(deliveries::list))
}

/// Asks the notifier.
async fn with<T: Send + 'static>(
    state: &HttpState,
    work: impl FnOnce(&Notifier) -> Result<T, NotifyError> + Send + 'static,
) -> Result<T, HttpError> {
    let notifier = state.notifier.clone();
    let Some(notifier) = notifier else {
        return Err(HttpError::new("unavailable", "this process tells nobody of alerts"));
    };
    blocking(move || work(&notifier)).await
}

impl From<NotifyError> for HttpError {
    fn from(error: NotifyError) -> Self {
        let code = match &error {
            NotifyError::Bad(_) => "bad_request",
            NotifyError::NotThere(_) | NotifyError::Silence(SilenceError::NotThere(_)) => "not_found",
            NotifyError::Silence(SilenceError::Full(_)) => "limit",
            NotifyError::Silence(SilenceError::Conflict { .. }) => "conflict",
            NotifyError::Options(_) | NotifyError::Catalog(_) | NotifyError::Silence(SilenceError::Catalog(_)) => {
                "internal"
            }
        };
        Self::new(code, error.to_string())
    }
}
