//! `GET /api/v1/openapi.json`

use axum::Json;
use serde_json::Value;

pub(super) async fn get() -> Json<Value> {
    Json(crate::http::openapi::document())
}
