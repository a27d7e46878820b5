//! `GET`, `POST /api/v1/holds`; `POST /api/v1/holds/{id}/release`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use timberline_collector::access::Caller;
use timberline_proto::api::retention::{HoldRelease, HoldState, HoldsAnswer, NewHold, ReleaseRequest};
use timberline_proto::query::time_range::{format_rfc3339_nanos, parse_period};

use super::change::blocking;
use crate::catalog::{CatalogError, Snapshot, StoredHold};
use crate::http::error::{Body, HttpError};
use crate::http::state::HttpState;
use crate::retain::summary;
use crate::store::{Clock, SystemClock};

pub(super) fn routes() -> Router<HttpState> {
    Router::new()
        .route("/api/v1/holds", get(list).post(create))
        .route("/api/v1/holds/{id}/release", post(release))
}

async fn list(State(state): State<HttpState>) -> Result<Json<HoldsAnswer>, HttpError> {
    let holds = blocking(move || {
        let holds = state.catalog.holds()?;
        let snapshot = state.catalog.snapshot();
        Ok::<_, CatalogError>(holds.into_iter().map(|hold| described(hold, &snapshot)).collect())
    })
    .await?;
    Ok(Json(HoldsAnswer { holds }))
}

async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    Body(new): Body<NewHold>,
) -> Result<(StatusCode, Json<HoldState>), HttpError> {
    new.check()?;
    let now = SystemClock.now_unix_nanos();
    let hold = StoredHold {
        first: period("from", new.from.as_deref(), now)?.map(|(first, _)| first),
        last: period("to", new.to.as_deref(), now)?.map(|(_, end)| end - 1),
        case: new.case,
        owner: new.owner,
        reason: new.reason,
        selector: new.select,
        ..StoredHold::default()
    };
    let actor = caller.actor;
    let made = blocking(move || {
        let made = state.catalog.create_hold(hold, now, &actor);
        made.map(|made| described(made, &state.catalog.snapshot()))
    })
    .await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn release(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    caller: Caller,
    Body(request): Body<ReleaseRequest>,
) -> Result<Json<HoldState>, HttpError> {
    request.check()?;
    let actor = caller.actor;
    let now = SystemClock.now_unix_nanos();
    let released = blocking(move || {
        let by = (request.by.as_str(), request.reason.as_str());
        let released = state.catalog.release_hold(&id, by, now, &actor);
        released.map(|hold| described(hold, &state.catalog.snapshot()))
    })
    .await?;
    Ok(Json(released))
}

/// An end of the range: a moment, or a whole day where none is named.
fn period(key: &str, text: Option<&str>, now_nanos: i64) -> Result<Option<(i64, i64)>, HttpError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match parse_period(text, now_nanos) {
        Ok(period) => Ok(Some(period)),
        Err(error) => Err(HttpError::new("bad_request", format!("{key}: {error}"))),
    }
}

fn described(hold: StoredHold, snapshot: &Snapshot) -> HoldState {
    let in_force = snapshot.rules.holds.iter().find(|one| one.id == hold.id);
    let touched = in_force.map(|one| {
        let splits = snapshot
            .splits
            .iter()
            .filter(|split| one.may_hold(split, &snapshot.streams));
        summary(splits.map(|split| &**split))
    });
    HoldState {
        hold: NewHold {
            case: hold.case,
            owner: hold.owner,
            reason: hold.reason,
            select: hold.selector,
            from: hold.first.map(format_rfc3339_nanos),
            to: hold.last.map(format_rfc3339_nanos),
        },
        created: format_rfc3339_nanos(hold.created_at_nanos),
        origin: hold.created_from,
        release: hold.release.map(|release| HoldRelease {
            at: format_rfc3339_nanos(release.at_nanos),
            by: release.by,
            reason: release.reason,
            origin: release.from,
        }),
        stored: touched.unwrap_or_default(),
        id: hold.id,
    }
}
