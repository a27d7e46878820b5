//! One way to ask over HTTP: no redirects, no proxy, a checked address, and bounds on time and answer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::SendError;
use super::guard::NetworkRules;

/// Bytes of an answer's headers.
const ANSWER_HEADER_BYTES_MAX: usize = 16 << 10;
/// A receiver that asks for a longer pause gets this one.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Asks over HTTP.
#[derive(Clone, Debug)]
pub(super) struct HttpClient {
    agent: ureq::Agent,
    answer_bytes_max: usize,
}

/// What is asked.
pub(super) struct Post<'a> {
    pub(super) url: &'a str,
    pub(super) headers: Vec<(&'a str, String)>,
    pub(super) body: Vec<u8>,
}

impl HttpClient {
    /// `ca`: a PEM file of authorities; only they are trusted then.
    pub(super) fn new(
        network: &NetworkRules,
        timeout: Duration,
        ca: Option<&Path>,
        answer_bytes_max: usize,
    ) -> Result<Self, String> {
        let roots = ca.map(roots).transpose()?.unwrap_or(RootCerts::WebPki);
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(timeout))
            .max_response_header_size(ANSWER_HEADER_BYTES_MAX)
            // A connection for each message: what was checked is what is spoken to.
            .max_idle_connections(0)
            .user_agent(concat!("timberline/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        let resolver = GuardedResolver {
            network: network.clone(),
        };
        Ok(Self {
            agent: ureq::Agent::with_parts(config, DefaultConnector::default(), resolver),
            answer_bytes_max,
        })
    }

    /// Sends JSON; gives status and the answer's beginning.
    pub(super) fn post(&self, post: Post<'_>) -> Result<String, SendError> {
        let mut request = self.agent.post(post.url).header("content-type", "application/json");
        for (name, value) in post.headers {
            request = request.header(name, value);
        }
        let mut response = request.send(&post.body[..]).map_err(failed)?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
        let answer = format!("{status}: {}", self.beginning(response.body_mut()));
        match status.as_u16() {
            200..=299 => Ok(answer),
            300..=399 => Err(SendError::Refused(format!(
                "{answer} (redirects are not followed: name the address itself)"
            ))),
            // Asked too often, or too early; the receiver's trouble; its proxy's trouble.
            408 | 425 | 429 | 500..=599 => Err(SendError::Again(answer, retry_after)),
            // Who may speak changes: a token is renewed, a channel put back.
            401 | 403 | 404 => Err(SendError::Again(answer, retry_after)),
            _ => Err(SendError::Refused(answer)),
        }
    }

    fn beginning(&self, body: &mut ureq::Body) -> String {
        use std::io::Read;
        let mut bytes = Vec::new();
        let limit = self.answer_bytes_max as u64;
        // What cannot be read of an answer does not change its status.
        body.as_reader().take(limit).read_to_end(&mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn failed(error: ureq::Error) -> SendError {
    match error {
        // An address that is not allowed may be another one by the next time a name is asked.
        ureq::Error::Other(error) => SendError::again(error.to_string()),
        ureq::Error::BadUri(what) => SendError::Refused(format!("the address is wrong: {what}")),
        error => SendError::again(error.to_string()),
    }
}

/// # Errors
/// If it cannot be read.
fn roots(file: &Path) -> Result<RootCerts, String> {
    let place = |error: String| format!("ca = {:?}: {error}", file.display().to_string());
    let pem = std::fs::read(file).map_err(|error| place(error.to_string()))?;
    let items: Result<Vec<PemItem<'static>>, _> = parse_pem(&pem).collect();
    let items = items.map_err(|error| place(error.to_string()))?;
    let certificates: Vec<Certificate<'static>> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => Err(place("it holds no certificate".to_owned())),
        false => Ok(RootCerts::Specific(Arc::new(certificates))),
    }
}

/// # Errors
/// What is wrong; the address itself may be a secret and is not repeated.
pub(super) fn check_url(url: &str) -> Result<(), String> {
    let uri: Uri = url
        .parse()
        .map_err(|_| "url is no address; write https://HOST/PATH".to_owned())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(()),
        _ => Err("url is no address of HTTP; write https://HOST/PATH".to_owned()),
    }
}

/// The host alone: paths of webhooks are secrets.
pub(super) fn host_of(url: &str) -> String {
    let uri = url.parse::<Uri>().ok();
    let authority = uri.as_ref().and_then(|uri| {
        Some(match uri.port_u16() {
            Some(port) => format!("{}:{port}", uri.host()?),
            None => uri.host()?.to_owned(),
        })
    });
    authority.unwrap_or_default()
}

#[derive(Debug)]
struct GuardedResolver {
    network: NetworkRules,
}

impl Resolver for GuardedResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        for address in found.iter() {
            let host = uri.host().unwrap_or_default();
            let checked = self.network.check(address.ip());
            checked.map_err(|error| ureq::Error::Other(format!("{host}: {error}").into()))?;
        }
        Ok(found)
    }
}
