//! The routes, one per file.

mod agents;
mod alerts;
mod backups;
mod change;
mod context;
mod dashboards;
mod erasures;
mod explain;
mod export;
mod fields;
mod files;
mod health;
mod histogram;
mod holds;
mod ledger;
mod metrics;
mod notify;
mod openapi;
mod query;
mod record;
mod retention;
mod room;
mod saved;
mod sources;
mod splits;
mod status;
mod tail;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use timberline_collector::http::{access_router, authorize};

use super::assets;
use super::guard::guard;
use super::state::HttpState;

/// Bytes of a question's body at most. Routes that are merged in set their own.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Every address of our own with its methods; what the API's description must list.
#[cfg(test)]
pub(super) const PATHS: [(&str, &str); 59] = [
    ("/api/v1/query", "post"),
    ("/api/v1/query/{id}", "delete"),
    ("/api/v1/histogram", "post"),
    ("/api/v1/fields", "post"),
    ("/api/v1/explain", "post"),
    ("/api/v1/export", "get"),
    ("/api/v1/export/{id}", "get"),
    ("/api/v1/tail", "get"),
    ("/api/v1/context", "get"),
    ("/api/v1/context/find", "get"),
    ("/api/v1/record/{id}", "get"),
    ("/api/v1/files", "get"),
    ("/api/v1/sources", "get"),
    ("/api/v1/agents", "get"),
    ("/api/v1/agents/{id}", "get"),
    ("/api/v1/ledger", "get"),
    ("/api/v1/dashboards", "post"),
    ("/api/v1/dashboards/{id}", "put"),
    ("/api/v1/saved", "post"),
    ("/api/v1/saved/{id}", "put"),
    ("/api/v1/alerts/rules", "post"),
    ("/api/v1/alerts/rules/{id}", "put"),
    ("/api/v1/alerts/rules/{id}/versions", "get"),
    ("/api/v1/alerts/check", "post"),
    ("/api/v1/alerts/backtest", "post"),
    ("/api/v1/alerts/states", "get"),
    ("/api/v1/alerts/history", "get"),
    ("/api/v1/alerts/status", "get"),
    ("/api/v1/alerts/decommissioned", "post"),
    ("/api/v1/store/room", "get"),
    ("/api/v1/backups", "post"),
    ("/api/v1/splits", "get"),
    ("/api/v1/splits/{id}/check", "post"),
    ("/api/v1/files/{generation}/bytes", "get"),
    ("/api/v1/retention", "put"),
    ("/api/v1/retention/preview", "post"),
    ("/api/v1/retention/versions", "get"),
    ("/api/v1/retention/templates", "get"),
    ("/api/v1/holds", "post"),
    ("/api/v1/holds/{id}/release", "post"),
    ("/api/v1/erasures", "post"),
    ("/api/v1/erasures/preview", "post"),
    ("/api/v1/erasures/{id}", "get"),
    ("/api/v1/erasures/{id}/receipt", "get"),
    ("/api/v1/erasures/{id}/approve", "post"),
    ("/api/v1/erasures/{id}/refuse", "post"),
    ("/api/v1/erasures/{id}/cancel", "post"),
    ("/api/v1/status", "get"),
    ("/api/v1/openapi.json", "get"),
    ("/api/v1/alerts/targets", "get"),
    ("/api/v1/alerts/targets/{name}/test", "post"),
    ("/api/v1/alerts/silences", "post"),
    ("/api/v1/alerts/silences/{id}", "put"),
    ("/api/v1/alerts/incidents", "get"),
    ("/api/v1/alerts/incidents/{id}", "post"),
    ("/api/v1/alerts/deliveries", "get"),
    ("/livez", "get"),
    ("/readyz", "get"),
    ("/metrics", "get"),
];

/// The API, the page, and `others` (the collector's receivers), behind one guard of Host and Origin
/// and of who asks.
pub fn router(state: HttpState, others: Router) -> Router {
    Router::new()
        .route("/api/v1/query", post(query::post))
        .route("/api/v1/query/{id}", delete(query::delete))
        .route("/api/v1/histogram", post(histogram::post))
        .route("/api/v1/fields", post(fields::post))
        .route("/api/v1/explain", post(explain::post))
        .route("/api/v1/export", get(export::get))
        .route("/api/v1/export/{id}", get(export::state))
        .route("/api/v1/tail", get(tail::get))
        .route("/api/v1/context", get(context::get))
        .route("/api/v1/context/find", get(context::find))
        .route("/api/v1/record/{id}", get(record::get))
        .route("/api/v1/files", get(files::list))
        .route("/api/v1/sources", get(sources::get))
        .route("/api/v1/agents", get(agents::list))
        .route("/api/v1/agents/{id}", get(agents::one))
        .route("/api/v1/ledger", get(ledger::get))
        .route("/api/v1/dashboards", get(dashboards::list).post(dashboards::create))
        .route(
            "/api/v1/dashboards/{id}",
            get(dashboards::get).put(dashboards::change).delete(dashboards::delete),
        )
        .route("/api/v1/saved", get(saved::list).post(saved::create))
        .route(
            "/api/v1/saved/{id}",
            get(saved::get).put(saved::change).delete(saved::delete),
        )
        .merge(alerts::routes())
        .route("/api/v1/store/room", get(room::get))
        .route("/api/v1/backups", get(backups::list).post(backups::begin))
        .route("/api/v1/splits", get(splits::list))
        .route("/api/v1/splits/{id}/check", post(splits::check))
        .route("/api/v1/files/{generation}/bytes", get(files::bytes))
        .merge(retention::routes())
        .merge(holds::routes())
        .merge(erasures::routes())
        .route("/api/v1/status", get(status::get))
        .route("/api/v1/openapi.json", get(openapi::get))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::get))
        .merge(notify::routes())
        .merge(super::login::routes())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .fallback(assets::fallback)
        .with_state(state.clone())
        .merge(access_router(state.access.clone()))
        .merge(others)
        .layer(from_fn_with_state(state.access.clone(), authorize))
        .layer(from_fn_with_state(state, guard))
}
