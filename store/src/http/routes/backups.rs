//! `GET`, `POST /api/v1/backups`: those that are there, and asking for one now.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use timberline_collector::access::Caller;
use timberline_proto::api::backups::BackupsAnswer;

use super::change::blocking;
use crate::backup::{BackupError, Backups};
use crate::http::error::HttpError;
use crate::http::state::HttpState;

pub(super) async fn list(State(state): State<HttpState>) -> Result<Json<BackupsAnswer>, HttpError> {
    let backups = of(&state)?;
    blocking(move || backups.list()).await.map(Json)
}

pub(super) async fn begin(
    State(state): State<HttpState>,
    caller: Caller,
) -> Result<(StatusCode, Json<BackupsAnswer>), HttpError> {
    let (backups, actor) = (of(&state)?, caller.actor);
    let answer = blocking(move || {
        backups.begin(actor)?;
        backups.list()
    });
    Ok((StatusCode::ACCEPTED, Json(answer.await?)))
}

fn of(state: &HttpState) -> Result<Backups, HttpError> {
    state.backups.clone().ok_or_else(|| BackupError::NoDirectory.into())
}

impl From<BackupError> for HttpError {
    fn from(error: BackupError) -> Self {
        let code = match &error {
            BackupError::Busy | BackupError::InUse { .. } => "conflict",
            BackupError::NoDirectory | BackupError::NotEmpty { .. } => "bad_request",
            BackupError::NoBackup { .. } => "not_found",
            _ => "internal",
        };
        Self::new(code, error.to_string())
    }
}
