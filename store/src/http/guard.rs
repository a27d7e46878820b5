//! Foreign pages are refused before anything else, and every answer carries the headers that keep
//! the page to itself.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use timberline_collector::http::guard as foreign_guard;

use super::state::HttpState;

/// What the page may do: nothing but itself.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Refuses foreign requests; adds the headers that every answer carries.
pub(super) async fn guard(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    let mut response = foreign_guard(State(state.host_guard), request, next).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
