//! `GET /api/v1/agents/audit`

use axum::Json;
use axum::extract::State;
use timberline_proto::api::enrollment::EnrollmentAudit;

use super::{Operator, Refused, trust};
use crate::Collector;

pub(super) async fn list(_: Operator, State(collector): State<Collector>) -> Result<Json<EnrollmentAudit>, Refused> {
    Ok(Json(trust(&collector)?.audit()))
}
