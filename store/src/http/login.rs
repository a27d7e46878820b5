//! `GET /login`: where people say who they are. A small page of its own, so that nothing of the large one is
//! given to, or needed by, whoever is not known yet.

use axum::Router;
use axum::http::header;
use axum::routing::get;

use super::state::HttpState;

const HTML: &str = include_str!("login/login.html");
const SCRIPT: &str = include_str!("login/login.js");
const STYLE: &str = include_str!("login/login.css");

pub(super) fn routes() -> Router<HttpState> {
    Router::new()
        .route("/login", get(async || file("text/html; charset=utf-8", HTML)))
        .route(
            "/login.js",
            get(async || file("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route("/login.css", get(async || file("text/css; charset=utf-8", STYLE)))
}

fn file(kind: &'static str, text: &'static str) -> impl axum::response::IntoResponse {
    (
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")],
        text,
    )
}
