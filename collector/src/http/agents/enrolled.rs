//! `GET /api/v1/agents/enrolled`, `POST /api/v1/agents/{id}/revoke` and `/allow`

use axum::Json;
use axum::extract::{Path, State};
use timberline_proto::api::enrollment::{MachineInfo, MachineList};

use super::{Origin, Refused, act, machine_id, trust};
use crate::Collector;

pub(super) async fn list(_: Origin, State(collector): State<Collector>) -> Result<Json<MachineList>, Refused> {
    Ok(Json(trust(&collector)?.machines()))
}

pub(super) async fn revoke(
    origin: Origin,
    State(collector): State<Collector>,
    Path(id): Path<String>,
) -> Result<Json<MachineInfo>, Refused> {
    let (trust, id) = (trust(&collector)?, machine_id(&id)?);
    act(move || trust.revoke(id, origin.text())).await.map(Json)
}

pub(super) async fn allow(
    origin: Origin,
    State(collector): State<Collector>,
    Path(id): Path<String>,
) -> Result<Json<MachineInfo>, Refused> {
    let (trust, id) = (trust(&collector)?, machine_id(&id)?);
    act(move || trust.allow(id, origin.text())).await.map(Json)
}
