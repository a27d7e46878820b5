//! No foreign web page reaches a listener on loopback: Host and Origin are checked.
//!
//! A page of another site can make a browser send requests here, and by DNS rebinding even read
//! the answers. Such requests carry a Host that is a name of the attacker's, or an Origin that is
//! not this server. A Host must be an IP address, `localhost`, or one of `server.allowed_hosts`; an
//! Origin, where there is one, must name the same host and port as Host.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use timberline_proto::api::ApiError;

/// Names under which this server may be addressed.
#[derive(Clone, Debug, Default)]
pub struct HostGuard {
    allowed_hosts: Arc<[String]>,
}

impl HostGuard {
    /// Addresses and localhost always, and these.
    pub fn new(allowed_hosts: &[String]) -> Self {
        Self {
            allowed_hosts: allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
        }
    }

    fn refuse(&self, headers: &HeaderMap) -> Option<String> {
        let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
            return Some("the request names no Host".to_owned());
        };
        let host = host.to_ascii_lowercase();
        if !self.is_ours(name_of(&host)) {
            return Some(format!(
                "Host {host:?} is not this server's: add it to `server.allowed_hosts` if it is"
            ));
        }
        let origin = headers.get(header::ORIGIN)?;
        let same = origin.to_str().is_ok_and(|origin| {
            origin
                .split_once("://")
                .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(&host))
        });
        (!same).then(|| format!("a page of {origin:?} may not use this server"))
    }

    fn is_ours(&self, name: &str) -> bool {
        name == "localhost"
            || name
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse::<IpAddr>()
                .is_ok()
            || self.allowed_hosts.iter().any(|allowed| allowed == name)
    }
}

/// `host` without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Middleware that refuses what [`HostGuard`] refuses, with 403.
pub async fn guard(State(guard): State<HostGuard>, request: Request, next: Next) -> Response {
    match guard.refuse(request.headers()) {
        None => next.run(request).await,
        Some(message) => {
            let error = ApiError {
                code: "forbidden".into(),
                message,
                ..ApiError::default()
            };
            (StatusCode::FORBIDDEN, Json(error)).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        HostGuard::new(&["logs.example.com".to_owned()])
            .refuse(&headers)
            .is_none()
    }

    #[test]
    fn addresses_localhost_and_allowed_names_pass() {
        for host in [
            "127.0.0.1:7700",
            "[::1]:7700",
            "localhost:7700",
            "localhost",
            "192.168.1.4",
            "LOGS.example.com:80",
        ] {
            assert!(check(host, None), "{host}");
        }
    }

    #[test]
    fn a_rebound_name_is_refused() {
        assert!(!check("evil.example:7700", None));
        assert!(!check("localhost.evil.example", None));
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        assert!(check("127.0.0.1:7700", Some("http://127.0.0.1:7700")));
        assert!(!check("127.0.0.1:7700", Some("http://evil.example")));
        assert!(!check("127.0.0.1:7700", Some("null")));
        assert!(!check("127.0.0.1:7700", Some("http://127.0.0.1:8080")));
    }
}
