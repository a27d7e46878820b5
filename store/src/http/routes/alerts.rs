//! `/api/v1/alerts`: rules and their versions, checking and back-testing them, states, history, whether
//! the evaluation keeps up, and hosts that are gone for good.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use timberline_collector::access::Caller;
use timberline_proto::alert::{
    AlertHistory, AlertState, AlertStates, AlertsStatus, BacktestAnswer, BacktestRequest, Decommission, Decommissioned,
    HistoryEntry, KeptRule, Rule, RuleChange, RuleCheck, RuleVersions, RulesAnswer,
};
use timberline_proto::api::access::Permission;
use timberline_proto::query::time_range::parse_time;

use super::change::{Deleted, blocking};
use crate::alert::{Alerts, Shown};
use crate::catalog::{HistoryFilter, RuleError};
use crate::http::error::{Body, HttpError, Query};
use crate::http::reader::sees;
use crate::http::state::HttpState;

const STATES_DEFAULT: usize = 500;
const STATES_MAX: usize = 10_000;
const HISTORY_DEFAULT: usize = 100;
const HISTORY_MAX: usize = 1_000;

pub(super) fn routes() -> Router<HttpState> {
    Router::new()
        .route("/api/v1/alerts/rules", get(list).post(create))
        .route("/api/v1/alerts/rules/{id}", get(one).put(change).delete(delete))
        .route("/api/v1/alerts/rules/{id}/versions", get(versions))
        .route("/api/v1/alerts/check", post(check))
        .route("/api/v1/alerts/backtest", post(backtest))
        .route("/api/v1/alerts/states", get(states))
        .route("/api/v1/alerts/history", get(history))
        .route("/api/v1/alerts/status", get(status))
        .route("/api/v1/alerts/decommissioned", get(decommissioned).post(decommission))
}

async fn list(State(state): State<HttpState>, caller: Caller) -> Result<Json<RulesAnswer>, HttpError> {
    let rules = with(&state, &caller, |alerts, shown| {
        let rules = alerts.rules()?.into_iter();
        Ok(rules.filter(|rule| shown.has(&rule.id)).collect())
    });
    Ok(Json(RulesAnswer { rules: rules.await? }))
}

async fn one(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<KeptRule>, HttpError> {
    let rule = with(&state, &caller, move |alerts, shown| {
        shown.require(&id)?;
        alerts.rule(&id)
    });
    Ok(Json(rule.await?))
}

async fn versions(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RuleVersions>, HttpError> {
    let versions = with(&state, &caller, move |alerts, shown| {
        shown.require(&id)?;
        alerts.versions(&id)
    });
    Ok(Json(RuleVersions {
        versions: versions.await?,
    }))
}

async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    Body(rule): Body<Rule>,
) -> Result<(StatusCode, Json<KeptRule>), HttpError> {
    checked(&state, &rule, &caller)?;
    let actor = caller.actor.clone();
    let made = with(&state, &caller, move |alerts, _| alerts.create(&rule, &actor)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn change(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    caller: Caller,
    Body(change): Body<RuleChange>,
) -> Result<Json<KeptRule>, HttpError> {
    checked(&state, &change.rule, &caller)?;
    let actor = caller.actor.clone();
    let changed = with(&state, &caller, move |alerts, shown| {
        shown.require(&id)?;
        alerts.replace(&id, change.version, &change.rule, &actor)
    })
    .await?;
    Ok(Json(changed))
}

async fn delete(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    Query(deleted): Query<Deleted>,
    caller: Caller,
) -> Result<StatusCode, HttpError> {
    let actor = caller.actor.clone();
    let delete = move |alerts: &Alerts, shown: &Shown| {
        shown.require(&id)?;
        alerts.delete(&id, deleted.version, &actor)
    };
    with(&state, &caller, delete).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn check(
    State(state): State<HttpState>,
    caller: Caller,
    Body(rule): Body<Rule>,
) -> Result<Json<RuleCheck>, HttpError> {
    Ok(Json(checked(&state, &rule, &caller)?))
}

async fn backtest(
    State(state): State<HttpState>,
    caller: Caller,
    Body(request): Body<BacktestRequest>,
) -> Result<Json<BacktestAnswer>, HttpError> {
    let alerts = alerts(&state)?.clone();
    Ok(Json(alerts.backtest(request, &sees(&caller)).await?))
}

#[derive(Debug, Deserialize)]
struct AskedStates {
    limit: Option<usize>,
}

async fn states(
    State(state): State<HttpState>,
    caller: Caller,
    Query(asked): Query<AskedStates>,
) -> Result<Json<AlertStates>, HttpError> {
    let limit = asked.limit.unwrap_or(STATES_DEFAULT).min(STATES_MAX);
    let states = with(&state, &caller, move |alerts, shown| alerts.states(limit, shown));
    Ok(Json(states.await?))
}

#[derive(Debug, Deserialize)]
struct AskedHistory {
    rule: Option<String>,
    state: Option<AlertState>,
    from: Option<String>,
    to: Option<String>,
    late: Option<bool>,
    limit: Option<usize>,
    cursor: Option<String>,
}

async fn history(
    State(state): State<HttpState>,
    caller: Caller,
    Query(asked): Query<AskedHistory>,
) -> Result<Json<AlertHistory>, HttpError> {
    let now = alerts(&state)?.options().clock.now_unix_nanos();
    let instant = |name: &str, text: Option<&String>| {
        let text = text.filter(|text| !text.is_empty());
        let parse = |text: &String| {
            parse_time(text, now).map_err(|error| HttpError::new("bad_request", format!("{name}: {error}")))
        };
        text.map(parse).transpose()
    };
    let word = asked.state.and_then(|state| serde_json::to_value(state).ok());
    let before = asked
        .cursor
        .as_deref()
        .filter(|cursor| !cursor.is_empty())
        .map(str::parse::<u64>)
        .transpose();
    let before = before.map_err(|_| {
        HttpError::new(
            "bad_request",
            "cursor: send back the cursor of an earlier answer, or none".to_owned(),
        )
    })?;
    let filter = HistoryFilter {
        rule: asked.rule.filter(|rule| !rule.is_empty()),
        to: word.and_then(|word| word.as_str().map(str::to_owned)),
        from_nanos: instant("from", asked.from.as_ref())?,
        to_nanos: instant("to", asked.to.as_ref())?,
        late: asked.late,
        before,
    };
    let limit = asked.limit.unwrap_or(HISTORY_DEFAULT).clamp(1, HISTORY_MAX);
    let catalog = state.catalog.clone();
    let found = with(&state, &caller, move |_, shown| {
        Ok((catalog.alert_history(&filter, limit + 1)?, shown.clone()))
    });
    let (mut found, shown) = found.await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    // Of what is not shown there may be more behind it.
    let cursor = found.last().filter(|_| has_more).map(|(last, _)| last.to_string());
    let entries: Vec<HistoryEntry> = found
        .into_iter()
        .filter(|(_, transition)| shown.has(&transition.rule.id))
        .map(|(sequence, transition)| HistoryEntry { sequence, transition })
        .collect();
    Ok(Json(AlertHistory { entries, cursor }))
}

async fn status(State(state): State<HttpState>) -> Result<Json<AlertsStatus>, HttpError> {
    let (status, error) = alerts(&state)?.status();
    match error {
        Some(error) => Err(HttpError::new("unavailable", error)),
        None => Ok(Json(status)),
    }
}

async fn decommissioned(State(state): State<HttpState>) -> Result<Json<Decommissioned>, HttpError> {
    let catalog = state.catalog.clone();
    let hosts = blocking(move || catalog.decommissioned_hosts().map_err(RuleError::from)).await?;
    Ok(Json(Decommissioned { hosts }))
}

async fn decommission(
    State(state): State<HttpState>,
    caller: Caller,
    Body(asked): Body<Decommission>,
) -> Result<Json<Decommissioned>, HttpError> {
    if asked.host.is_empty() || asked.host.len() > 255 {
        return Err(HttpError::new("bad_request", "host: a name of 1 to 255 bytes"));
    }
    let alerts = alerts(&state)?.clone();
    let (catalog, actor) = (state.catalog.clone(), caller.actor);
    let hosts = blocking(move || {
        let most = alerts.options().decommissioned_max;
        catalog.decommission_host(&asked.host, asked.decommissioned, most, &actor)?;
        alerts.changed();
        Ok::<_, RuleError>(catalog.decommissioned_hosts()?)
    })
    .await?;
    Ok(Json(Decommissioned { hosts }))
}

fn alerts(state: &HttpState) -> Result<&Alerts, HttpError> {
    let none = || HttpError::new("not_found", "this server evaluates no alert rules");
    state.alerts.as_ref().ok_or_else(none)
}

fn checked(state: &HttpState, rule: &Rule, caller: &Caller) -> Result<RuleCheck, HttpError> {
    // What a rule finds is told: whoever may not search does not learn it so.
    if !caller.may(Permission::SearchLogs) {
        let needed = Permission::SearchLogs;
        let message = format!("a rule searches for its owner: that takes the permission `{needed}`, too");
        return Err(HttpError::new("forbidden", message));
    }
    Ok(alerts(state)?.check(rule.clone(), &sees(caller))?)
}

/// Asks the rules, of which the caller is shown some.
async fn with<T: Send + 'static>(
    state: &HttpState,
    caller: &Caller,
    work: impl FnOnce(&Alerts, &Shown) -> Result<T, RuleError> + Send + 'static,
) -> Result<T, HttpError> {
    let (alerts, of) = (alerts(state)?.clone(), sees(caller));
    blocking(move || {
        let shown = alerts.shown_to(&of)?;
        work(&alerts, &shown)
    })
    .await
}
