//! The page's files, embedded in the program.
//!
//! Names hold a digest of the content, so everything but `index.html` is cached for good.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::state::HttpState;

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its name, without a slash.
    pub name: &'static str,
    /// Its entity tag, quotes included.
    pub etag: &'static str,
    /// As it is.
    pub raw: &'static [u8],
    /// Compressed with Brotli.
    pub br: Option<&'static [u8]>,
    /// Compressed with gzip.
    pub gz: Option<&'static [u8]>,
}

const INDEX: &str = "index.html";

/// Whatever no route takes: files by name, and the page for its own addresses.
pub(super) async fn fallback(State(state): State<HttpState>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_api = path == "api" || path.starts_with("api/");
    let find = |name: &str| state.assets.iter().find(|asset| asset.name == name);
    let is_page = !path.rsplit('/').next().unwrap_or_default().contains('.');
    let asset = match find(path) {
        _ if !is_read || is_api => None,
        Some(asset) => Some(asset),
        None if is_page => find(INDEX),
        None => None,
    };
    match asset {
        Some(asset) => respond(asset, request.headers()),
        None if state.assets.is_empty() && path.is_empty() => HttpError::new(
            "not_found",
            "this program was built without its page: use the API under /api/v1",
        )
        .into_response(),
        None => {
            HttpError::new("not_found", format!("there is nothing at {} /{path}", request.method())).into_response()
        }
    }
}

fn respond(asset: &Asset, headers: &HeaderMap) -> Response {
    let (encoding, body) = match (asset.br, asset.gz) {
        (Some(br), _) if accepts(headers, "br") => ("br", br),
        (_, Some(gz)) if accepts(headers, "gzip") => ("gzip", gz),
        _ => ("", asset.raw),
    };
    // Each form has a tag of its own.
    let etag = match encoding {
        "" => asset.etag.to_owned(),
        encoding => format!("{}-{encoding}\"", asset.etag.trim_end_matches('"')),
    };
    let cache = match asset.name {
        INDEX => "no-cache",
        _ => "public, max-age=31536000, immutable",
    };
    let mut response = match is_known(headers, &etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, content_type(asset.name))], body).into_response(),
    };
    let all = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = value.parse() {
            all.insert(name, value);
        }
    };
    set(header::ETAG, &etag);
    set(header::CACHE_CONTROL, cache);
    set(header::VARY, "accept-encoding");
    if !encoding.is_empty() {
        set(header::CONTENT_ENCODING, encoding);
    }
    response
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let given = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    given.is_some_and(|given| {
        given.split(',').any(|one| {
            matches!(one.trim().trim_start_matches("W/"), "*") || one.trim().trim_start_matches("W/") == etag
        })
    })
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let given = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    given.is_some_and(|given| {
        given.split(',').any(|one| {
            let mut parts = one.split(';').map(str::trim);
            parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding))
                && !parts.any(|quality| matches!(quality, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "map" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
