//! `GET /api/v1/status`

use axum::Json;
use axum::extract::State;
use timberline_proto::api::Status;

use crate::http::error::HttpError;
use crate::http::state::HttpState;

pub(super) async fn get(State(state): State<HttpState>) -> Result<Json<Status>, HttpError> {
    Ok(Json(status(&state).await?))
}

/// Asks the catalog, which may wait for a transaction: not on the async threads.
pub(super) async fn status(state: &HttpState) -> Result<Status, HttpError> {
    let state = state.clone();
    let status = tokio::task::spawn_blocking(move || looked_up(&state)).await;
    status.map_err(|error| HttpError::new("internal", format!("the status cannot be said: {error}")))
}

fn looked_up(state: &HttpState) -> Status {
    let stored = state.reader.stored();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data_dir: state.data_dir.to_string(),
        records: stored.records,
        raw_bytes: stored.raw_bytes,
        disk_bytes: stored.disk_bytes,
        splits: stored.splits,
        oldest: stored.oldest,
        newest: stored.newest,
        not_ready: state.metrics.not_ready(),
        memory_bytes: memory_bytes(),
        disk_free_bytes: disk_free_bytes(&state.data_dir),
        collector: state.collector.as_deref().map(str::to_owned),
        completeness: state.reader.status_completeness(),
    }
}

/// What the process has of memory, as the kernel counts it (proc(5), `VmRSS` of `/proc/self/status`).
fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

fn disk_free_bytes(dir: &str) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
