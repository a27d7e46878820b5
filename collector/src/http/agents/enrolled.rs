//! `GET /api/v1/agents/enrolled`, `POST /api/v1/agents/{id}/revoke`, `/allow` and `/labels`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use timberline_proto::api::enrollment::{MachineInfo, MachineList};

use super::{Operator, Refused, act, machine_id, trust};
use crate::Collector;

pub(super) async fn list(_: Operator, State(collector): State<Collector>) -> Result<Json<MachineList>, Refused> {
    Ok(Json(trust(&collector)?.machines()))
}

pub(super) async fn revoke(
    operator: Operator,
    State(collector): State<Collector>,
    Path(id): Path<String>,
) -> Result<Json<MachineInfo>, Refused> {
    let (trust, id) = (trust(&collector)?, machine_id(&id)?);
    let done = act(move || trust.revoke(id, &operator.0)).await;
    collector.note_revoked();
    done.map(Json)
}

pub(super) async fn allow(
    operator: Operator,
    State(collector): State<Collector>,
    Path(id): Path<String>,
) -> Result<Json<MachineInfo>, Refused> {
    let (trust, id) = (trust(&collector)?, machine_id(&id)?);
    let done = act(move || trust.allow(id, &operator.0)).await;
    collector.note_revoked();
    done.map(Json)
}

/// `{"name": "value"}`; an empty value takes the label away.
pub(super) async fn label(
    operator: Operator,
    State(collector): State<Collector>,
    Path(id): Path<String>,
    Json(labels): Json<BTreeMap<String, String>>,
) -> Result<Json<MachineInfo>, Refused> {
    let (trust, id) = (trust(&collector)?, machine_id(&id)?);
    act(move || trust.set_labels(id, &labels, &operator.0)).await.map(Json)
}
