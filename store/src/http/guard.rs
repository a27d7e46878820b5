//! Host and Origin, checked before anything else.
//!
//! A web page of a stranger can make a browser send requests to loopback, or point its own name
//! there (DNS rebinding). So the Host must be an IP address, `localhost`, or a name that the
//! configuration allows; and where the browser names an Origin, it must be that same Host.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::state::HttpState;

/// What the page may do: nothing but itself.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Refuses foreign requests; adds the headers that every answer carries.
pub(super) async fn guard(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    let host = request.uri().host().map(str::to_owned);
    let mut response = match check(request.headers(), host, &state.allowed_hosts) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
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

fn check(headers: &HeaderMap, uri_host: Option<String>, allowed: &[String]) -> Result<(), HttpError> {
    let text = |name| {
        headers
            .get(name)
            .map(|value: &HeaderValue| value.to_str().unwrap_or("?"))
    };
    let Some(host) = text(header::HOST).map(str::to_owned).or(uri_host) else {
        return Err(HttpError::new("bad_request", "the request names no Host"));
    };
    if !is_ours(name_of(&host), allowed) {
        return Err(HttpError::new(
            "forbidden",
            format!("host {host:?} is not allowed: use the address, localhost, or add it to http.allowed_hosts"),
        ));
    }
    match text(header::ORIGIN) {
        None => Ok(()),
        Some(origin) if authority(origin).is_some_and(|a| a.eq_ignore_ascii_case(&host)) => Ok(()),
        Some(origin) => Err(HttpError::new(
            "forbidden",
            format!("a page of {origin:?} may not reach {host:?}"),
        )),
    }
}

fn authority(origin: &str) -> Option<&str> {
    origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_ours(name: &str, allowed: &[String]) -> bool {
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_host(host: &str, origin: Option<&str>, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let allowed = ["logs.example".to_owned()];
        assert_eq!(check(&headers, None, &allowed).is_ok(), expected, "{host} {origin:?}");
    }

    #[test]
    fn only_our_own_names_and_pages_pass() {
        check_host("127.0.0.1:7700", None, true);
        check_host("[::1]:7700", None, true);
        check_host("localhost:7700", Some("http://localhost:7700"), true);
        check_host("Logs.Example", Some("https://logs.example"), true);
        check_host("evil.example:7700", None, false);
        check_host("localhost.evil.example", None, false);
        check_host("127.0.0.1:7700", Some("http://evil.example"), false);
        check_host("127.0.0.1:7700", Some("http://127.0.0.1:80"), false);
        check_host("127.0.0.1:7700", Some("null"), false);
    }
}
