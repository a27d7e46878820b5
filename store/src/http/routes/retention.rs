//! `GET`, `PUT /api/v1/retention`; `POST /api/v1/retention/preview`; `GET /api/v1/retention/versions` and
//! `/templates`.

use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use timberline_collector::access::Caller;
use timberline_proto::api::retention::{
    ClassState, DiskState, PolicySet, PolicySource, PreviewAnswer, PreviewRequest, RetentionAnswer, RetentionChange,
    RetentionTemplates, RetentionVersion, RetentionVersions,
};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::change::blocking;
use crate::catalog::{PolicyError, Snapshot};
use crate::http::error::{Body, HttpError};
use crate::http::state::HttpState;
use crate::retain::{self, DiskSpace, DiskUse, SystemDisk, summary};
use crate::store::{Clock, SystemClock};

/// Versions that are listed.
const VERSIONS_MAX: u64 = 1_000;

pub(super) fn routes() -> Router<HttpState> {
    Router::new()
        .route("/api/v1/retention", get(state_of).put(change))
        .route("/api/v1/retention/preview", post(preview))
        .route("/api/v1/retention/versions", get(versions))
        .route("/api/v1/retention/templates", get(templates))
}

async fn state_of(State(state): State<HttpState>) -> Result<Json<RetentionAnswer>, HttpError> {
    answer(state).await
}

async fn answer(state: HttpState) -> Result<Json<RetentionAnswer>, HttpError> {
    let stuck = state.metrics.retention_stuck();
    let answer = blocking(move || {
        let snapshot = state.catalog.snapshot();
        let file = match snapshot.rules.source {
            PolicySource::File => None,
            PolicySource::Set => Some(PolicySet::clone(&state.file_policies)),
        };
        Ok::<_, HttpError>(described(&snapshot, file, disk_of(&state), stuck))
    })
    .await?;
    Ok(Json(answer))
}

fn described(
    snapshot: &Snapshot,
    file: Option<PolicySet>,
    disk: Option<DiskUse>,
    stuck: Option<String>,
) -> RetentionAnswer {
    let rules = &snapshot.rules;
    let classes = rules.policies().iter().map(|policy| {
        let of_class = |class: &Arc<str>| **class == *policy.name;
        let splits = snapshot
            .splits
            .iter()
            .filter(|split| split.class.as_ref().is_some_and(of_class));
        ClassState {
            class: policy.name.clone(),
            stored: summary(splits.map(|split| &**split)),
        }
    });
    RetentionAnswer {
        version: rules.version,
        source: rules.source,
        since: format_rfc3339_nanos(rules.since_nanos),
        set: rules.set().clone(),
        file,
        classes: classes.collect(),
        mixed: summary(
            snapshot
                .splits
                .iter()
                .filter(|split| split.class.is_none())
                .map(|split| &**split),
        ),
        disk: disk.map(|disk| DiskState {
            bytes: disk.bytes,
            used_bytes: disk.used_bytes,
        }),
        stuck,
    }
}

async fn change(
    State(state): State<HttpState>,
    caller: Caller,
    Body(change): Body<RetentionChange>,
) -> Result<Json<RetentionAnswer>, HttpError> {
    let actor = caller.actor;
    let (catalog, file) = (state.catalog.clone(), Arc::clone(&state.file_policies));
    blocking(move || {
        let (set, source) = match change.set {
            Some(set) => (set, PolicySource::Set),
            None => (PolicySet::clone(&file), PolicySource::File),
        };
        let now = SystemClock.now_unix_nanos();
        catalog.set_policies(change.version, set, source, &actor, now)
    })
    .await?;
    answer(state).await
}

async fn preview(
    State(state): State<HttpState>,
    Body(request): Body<PreviewRequest>,
) -> Result<Json<PreviewAnswer>, HttpError> {
    let answer = blocking(move || {
        let snapshot = state.catalog.snapshot();
        let now = SystemClock.now_unix_nanos();
        match request.set {
            None => Ok::<_, PolicyError>(retain::preview(&snapshot, &snapshot.rules, now, disk_of(&state))),
            Some(set) => {
                let set = set.closed();
                set.check()?;
                let rules = snapshot.rules.with_set(set)?;
                Ok(retain::preview(&snapshot, &rules, now, disk_of(&state)))
            }
        }
    })
    .await?;
    Ok(Json(answer))
}

async fn versions(State(state): State<HttpState>) -> Result<Json<RetentionVersions>, HttpError> {
    let found = blocking(move || state.catalog.policy_versions(VERSIONS_MAX)).await?;
    let versions = found.into_iter().map(|version| RetentionVersion {
        version: version.version,
        since: format_rfc3339_nanos(version.at_nanos),
        source: version.source,
        origin: version.origin,
        set: version.set,
    });
    Ok(Json(RetentionVersions {
        versions: versions.collect(),
    }))
}

async fn templates() -> Json<RetentionTemplates> {
    Json(RetentionTemplates {
        templates: retain::templates(),
    })
}

/// How full the file system is that holds the data; nothing if it cannot be asked.
fn disk_of(state: &HttpState) -> Option<DiskUse> {
    SystemDisk.usage(Path::new(&*state.data_dir)).ok()
}
