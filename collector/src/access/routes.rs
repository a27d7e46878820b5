//! The one table of routes: what each asks of whoever asks. A route that is not here is refused, and
//! `tests/access.rs` fails until it is.

use axum::http::Method;
use timberline_proto::api::access::Permission;

/// What a route asks of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: health, logging in, and the page's own files.
    Open,
    /// To be known, whatever one may do.
    Known,
    /// A permission.
    May(Permission),
    /// One of two permissions; the second may see or do less.
    Either(Permission, Permission),
}

/// What a route does about the limits of a role (streams, hidden fields).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// It shows nothing of any record.
    NotConcerned,
    /// It holds to them.
    Held,
    /// It cannot hold to them, so whoever is limited is refused.
    Refused,
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `GET` stands for `HEAD`, too.
    pub method: &'static str,
    /// As the router has it.
    pub path: &'static str,
    /// What it asks.
    pub need: Need,
    /// What it does about limits.
    pub limits: Limits,
}

const fn route(method: &'static str, path: &'static str, need: Need, limits: Limits) -> Route {
    Route {
        method,
        path,
        need,
        limits,
    }
}

/// Nothing of records.
const fn plain(method: &'static str, path: &'static str, permission: Permission) -> Route {
    route(method, path, Need::May(permission), Limits::NotConcerned)
}

/// Something of records.
const fn records(method: &'static str, path: &'static str, permission: Permission) -> Route {
    route(method, path, Need::May(permission), Limits::Refused)
}

/// Records, within the limits of whoever asks.
const fn held(method: &'static str, path: &'static str, permission: Permission) -> Route {
    route(method, path, Need::May(permission), Limits::Held)
}

const fn open(method: &'static str, path: &'static str) -> Route {
    route(method, path, Need::Open, Limits::NotConcerned)
}

const fn known(method: &'static str, path: &'static str) -> Route {
    route(method, path, Need::Known, Limits::NotConcerned)
}

use Permission::{
    ApproveErasures, EraseLogs, ExportLogs, IngestLogs, ManageAccess, ManageFleet, ManageStore, ReadAlerts, ReadAudit,
    ReadQueue, ReadStatus, SearchLogs, WriteAlerts, WriteDocuments,
};

/// Every route of every port that speaks HTTP.
pub const ROUTES: &[Route] = &[
    // Open: health, logging in. The page's files are what no route is found for.
    open("GET", "/livez"),
    open("GET", "/readyz"),
    open("GET", "/api/v1/whoami"),
    open("POST", "/api/v1/login"),
    open("POST", "/api/v1/setup"),
    open("GET", "/login"),
    open("GET", "/login.js"),
    open("GET", "/login.css"),
    // One's own account.
    known("POST", "/api/v1/logout"),
    known("POST", "/api/v1/account/password"),
    known("POST", "/api/v1/account/totp"),
    known("DELETE", "/api/v1/account/totp"),
    known("POST", "/api/v1/account/totp/confirm"),
    known("GET", "/api/v1/sessions"),
    known("DELETE", "/api/v1/sessions/{id}"),
    known("GET", "/api/v1/openapi.json"),
    // Who may do what.
    plain("GET", "/api/v1/users", ManageAccess),
    plain("POST", "/api/v1/users", ManageAccess),
    plain("PUT", "/api/v1/users/{name}", ManageAccess),
    plain("DELETE", "/api/v1/users/{name}", ManageAccess),
    plain("POST", "/api/v1/users/{name}/password", ManageAccess),
    plain("GET", "/api/v1/roles", ManageAccess),
    plain("PUT", "/api/v1/roles/{name}", ManageAccess),
    plain("DELETE", "/api/v1/roles/{name}", ManageAccess),
    plain("GET", "/api/v1/keys", ManageAccess),
    plain("POST", "/api/v1/keys", ManageAccess),
    plain("DELETE", "/api/v1/keys/{id}", ManageAccess),
    route(
        "GET",
        "/api/v1/access/audit",
        Need::Either(ReadAudit, ManageAccess),
        Limits::NotConcerned,
    ),
    // Records.
    held("POST", "/api/v1/query", SearchLogs),
    held("DELETE", "/api/v1/query/{id}", SearchLogs),
    held("POST", "/api/v1/histogram", SearchLogs),
    held("POST", "/api/v1/fields", SearchLogs),
    held("POST", "/api/v1/explain", SearchLogs),
    held("GET", "/api/v1/tail", SearchLogs),
    held("GET", "/api/v1/context", SearchLogs),
    held("GET", "/api/v1/context/find", SearchLogs),
    held("GET", "/api/v1/record/{id}", SearchLogs),
    records("GET", "/api/v1/files", SearchLogs),
    records("GET", "/api/v1/store/room", SearchLogs),
    records("GET", "/api/v1/files/{generation}/bytes", ExportLogs),
    held("GET", "/api/v1/export", ExportLogs),
    held("GET", "/api/v1/export/{id}", ExportLogs),
    plain("POST", "/api/v1/ingest", IngestLogs),
    records("GET", "/api/v1/topics/{topic}/{partition}/messages", ReadQueue),
    // How things are.
    plain("GET", "/api/v1/status", ReadStatus),
    plain("GET", "/metrics", ReadStatus),
    records("GET", "/api/v1/sources", ReadStatus),
    records("GET", "/api/v1/agents", ReadStatus),
    records("GET", "/api/v1/agents/{id}", ReadStatus),
    records("GET", "/api/v1/ledger", ReadStatus),
    records("GET", "/api/v1/splits", ReadStatus),
    plain("GET", "/api/v1/topics", ReadStatus),
    plain("POST", "/api/v1/splits/{id}/check", ManageStore),
    plain("GET", "/api/v1/retention", ReadStatus),
    plain("GET", "/api/v1/retention/versions", ReadStatus),
    plain("GET", "/api/v1/retention/templates", ReadStatus),
    plain("POST", "/api/v1/retention/preview", ReadStatus),
    plain("PUT", "/api/v1/retention", ManageStore),
    plain("GET", "/api/v1/holds", ReadStatus),
    plain("POST", "/api/v1/holds", ManageStore),
    plain("POST", "/api/v1/holds/{id}/release", ManageStore),
    route(
        "GET",
        "/api/v1/erasures",
        Need::Either(EraseLogs, ApproveErasures),
        Limits::Refused,
    ),
    records("POST", "/api/v1/erasures", EraseLogs),
    records("POST", "/api/v1/erasures/preview", EraseLogs),
    route(
        "GET",
        "/api/v1/erasures/{id}",
        Need::Either(EraseLogs, ApproveErasures),
        Limits::Refused,
    ),
    records("GET", "/api/v1/erasures/{id}/receipt", EraseLogs),
    records("POST", "/api/v1/erasures/{id}/cancel", EraseLogs),
    records("POST", "/api/v1/erasures/{id}/approve", ApproveErasures),
    records("POST", "/api/v1/erasures/{id}/refuse", ApproveErasures),
    plain("GET", "/api/v1/backups", ManageStore),
    plain("POST", "/api/v1/backups", ManageStore),
    // What people keep.
    plain("GET", "/api/v1/dashboards", SearchLogs),
    plain("GET", "/api/v1/dashboards/{id}", SearchLogs),
    plain("POST", "/api/v1/dashboards", WriteDocuments),
    plain("PUT", "/api/v1/dashboards/{id}", WriteDocuments),
    plain("DELETE", "/api/v1/dashboards/{id}", WriteDocuments),
    plain("GET", "/api/v1/saved", SearchLogs),
    plain("GET", "/api/v1/saved/{id}", SearchLogs),
    plain("POST", "/api/v1/saved", WriteDocuments),
    plain("PUT", "/api/v1/saved/{id}", WriteDocuments),
    plain("DELETE", "/api/v1/saved/{id}", WriteDocuments),
    // Alerts: what they say has values of records in it.
    held("GET", "/api/v1/alerts/rules", ReadAlerts),
    held("GET", "/api/v1/alerts/rules/{id}", ReadAlerts),
    held("GET", "/api/v1/alerts/rules/{id}/versions", ReadAlerts),
    held("GET", "/api/v1/alerts/states", ReadAlerts),
    held("GET", "/api/v1/alerts/history", ReadAlerts),
    records("GET", "/api/v1/alerts/status", ReadAlerts),
    records("GET", "/api/v1/alerts/decommissioned", ReadAlerts),
    records("GET", "/api/v1/alerts/targets", ReadAlerts),
    records("GET", "/api/v1/alerts/silences", ReadAlerts),
    records("GET", "/api/v1/alerts/incidents", ReadAlerts),
    records("GET", "/api/v1/alerts/incidents/{id}", ReadAlerts),
    records("GET", "/api/v1/alerts/deliveries", ReadAlerts),
    held("POST", "/api/v1/alerts/rules", WriteAlerts),
    held("PUT", "/api/v1/alerts/rules/{id}", WriteAlerts),
    held("DELETE", "/api/v1/alerts/rules/{id}", WriteAlerts),
    held("POST", "/api/v1/alerts/check", WriteAlerts),
    held("POST", "/api/v1/alerts/backtest", WriteAlerts),
    records("POST", "/api/v1/alerts/decommissioned", WriteAlerts),
    records("POST", "/api/v1/alerts/targets/{name}/test", WriteAlerts),
    records("POST", "/api/v1/alerts/silences", WriteAlerts),
    records("PUT", "/api/v1/alerts/silences/{id}", WriteAlerts),
    records("DELETE", "/api/v1/alerts/silences/{id}", WriteAlerts),
    records("POST", "/api/v1/alerts/incidents/{id}", WriteAlerts),
    // Machines.
    plain("GET", "/api/v1/agents/tokens", ManageFleet),
    plain("POST", "/api/v1/agents/tokens", ManageFleet),
    plain("POST", "/api/v1/agents/tokens/{id}/revoke", ManageFleet),
    plain("GET", "/api/v1/agents/enrolled", ManageFleet),
    plain("POST", "/api/v1/agents/{id}/revoke", ManageFleet),
    plain("POST", "/api/v1/agents/{id}/allow", ManageFleet),
    plain("POST", "/api/v1/agents/{id}/labels", ManageFleet),
    plain("GET", "/api/v1/agents/config", ManageFleet),
    plain("POST", "/api/v1/agents/config", ManageFleet),
    route(
        "GET",
        "/api/v1/agents/audit",
        Need::Either(ReadAudit, ManageFleet),
        Limits::NotConcerned,
    ),
];

/// Every method of the gRPC port with who may call it where certificates are demanded: decided by the service
/// itself (`service/caller.rs`), for it knows machines by their certificates.
pub const GRPC_METHODS: &[(&str, &str)] = &[
    ("/timberline.v1.Enrollment/Enroll", "whoever has a token"),
    ("/timberline.v1.Enrollment/Renew", "a machine, for itself"),
    ("/timberline.v1.Configuration/Pull", "an agent, for itself"),
    ("/timberline.v1.Ingest/GenerationEnds", "an agent"),
    ("/timberline.v1.Ingest/Hello", "an agent"),
    ("/timberline.v1.Ingest/Report", "an agent, for itself"),
    ("/timberline.v1.Ingest/Ship", "an agent, for itself"),
    ("/timberline.v1.Queue/Agents", "a store"),
    ("/timberline.v1.Queue/Commit", "a store"),
    ("/timberline.v1.Queue/Erase", "a store"),
    ("/timberline.v1.Queue/Fetch", "a store"),
    ("/timberline.v1.Queue/Partitions", "a store"),
];

/// What a route asks; nothing is known of one that is not in the table, which is refused.
pub fn need_of(method: &Method, path: &str) -> Option<Route> {
    let method = match *method {
        Method::HEAD => "GET",
        ref other => other.as_str(),
    };
    ROUTES
        .iter()
        .find(|route| route.method == method && route.path == path)
        .copied()
}
