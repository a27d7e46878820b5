//! The HTTP client of the commands that ask a store.

use std::io::{BufRead, BufReader};
use std::sync::OnceLock;

use anyhow::Context;
use timberline_proto::api::ApiError;

use crate::cli::CredentialArgs;
use crate::exit::Exit;

/// The key by which servers know commands, where TIMBERLINE_KEY_FILE or `--key-file` names no file.
const KEY_VARIABLE: &str = "TIMBERLINE_KEY";

/// By what every client of this process is known, and knows servers: said once, on the command line.
static KNOWN_BY: OnceLock<KnownBy> = OnceLock::new();

#[derive(Default)]
struct KnownBy {
    /// `Bearer KEY`.
    authorization: Option<String>,
    authorities: Vec<ureq::tls::Certificate<'static>>,
}

/// Takes the key and the authorities that the command line or the environment names.
///
/// # Errors
/// [`Exit::usage`] if a file cannot be read, or holds nothing of the kind.
pub(crate) fn know(args: &CredentialArgs) -> anyhow::Result<()> {
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path).map_err(|error| Exit::usage(format!("cannot read {}: {error}", path.display())))
    };
    let key = match &args.key_file {
        Some(path) => Some(read(path)?),
        None => std::env::var(KEY_VARIABLE).ok(),
    };
    let key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
    if key
        .as_ref()
        .is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Err(Exit::usage("the key is none: `timberline key create` prints one as tlk_…").into());
    }
    let mut authorities = Vec::new();
    if let Some(path) = &args.ca_file {
        let pem = read(path)?;
        for item in ureq::tls::parse_pem(pem.as_bytes()) {
            if let Ok(ureq::tls::PemItem::Certificate(certificate)) = item {
                authorities.push(certificate);
            }
        }
        if authorities.is_empty() {
            return Err(Exit::usage(format!("{} holds no certificate in PEM", path.display())).into());
        }
    }
    let known_by = KnownBy {
        authorization: key.map(|key| format!("Bearer {key}")),
        authorities,
    };
    KNOWN_BY.set(known_by).ok();
    Ok(())
}

/// A store's API.
pub(crate) struct Client {
    server: String,
    agent: ureq::Agent,
}

impl Client {
    /// The API at `server`, such as `http://127.0.0.1:7700`.
    pub(crate) fn new(server: &str) -> Self {
        use ureq::tls::{RootCerts, TlsConfig};
        let mut config = ureq::Agent::config_builder().http_status_as_error(false);
        let known_by = KNOWN_BY.get_or_init(KnownBy::default);
        if !known_by.authorities.is_empty() {
            let roots = RootCerts::new_with_certs(&known_by.authorities);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        if let Some(authorization) = &known_by.authorization {
            config = config.middleware(Authorize(authorization));
        }
        let agent = config.build().new_agent();
        Self {
            server: server.trim_end_matches('/').to_owned(),
            agent,
        }
    }

    /// Posts JSON; gives the answer's lines as they come.
    ///
    /// # Errors
    /// The API's own [`ApiError`], or what kept it from being asked.
    pub(crate) fn post(
        &self,
        path: &str,
        body: &timberline_proto::api::QueryRequest,
    ) -> anyhow::Result<impl Iterator<Item = std::io::Result<String>> + use<>> {
        let response = self
            .agent
            .post(format!("{}{path}", self.server))
            .header("accept", "application/x-ndjson")
            .header("content-type", "application/json")
            .send(serde_json::to_vec(body)?)
            .with_context(|| self.unreachable())?;
        Ok(BufReader::new(checked(response)?).lines())
    }

    /// Posts lines of a service to be taken in. Durable on return.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub(crate) fn ingest(&self, service: &str, lines: &[u8]) -> anyhow::Result<()> {
        let response = self
            .agent
            .post(format!("{}/api/v1/ingest", self.server))
            .query("service", service)
            .header("content-type", "text/plain")
            .send(lines)
            .with_context(|| self.unreachable())?;
        checked(response).map(drop)
    }

    /// Posts nothing; gives the answer.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub(crate) fn post_empty(&self, path: &str) -> anyhow::Result<impl std::io::Read + use<>> {
        let request = self.agent.post(format!("{}{path}", self.server));
        checked(request.send_empty().with_context(|| self.unreachable())?)
    }

    /// Posts JSON, as [`post_empty`](Self::post_empty).
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub(crate) fn post_json<B: serde::Serialize>(
        &self,
        path: &str,
        body: &B,
    ) -> anyhow::Result<impl std::io::Read + use<B>> {
        let request = self
            .agent
            .post(format!("{}{path}", self.server))
            .header("content-type", "application/json");
        checked(
            request
                .send(serde_json::to_vec(body)?)
                .with_context(|| self.unreachable())?,
        )
    }

    /// Puts JSON, as [`post_json`](Self::post_json); the answer is not looked at.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub(crate) fn put_json<B: serde::Serialize>(&self, path: &str, body: &B) -> anyhow::Result<()> {
        let request = self
            .agent
            .put(format!("{}{path}", self.server))
            .header("content-type", "application/json");
        let response = request
            .send(serde_json::to_vec(body)?)
            .with_context(|| self.unreachable())?;
        checked(response).map(drop)
    }

    /// Deletes.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<()> {
        let request = self.agent.delete(format!("{}{path}", self.server));
        checked(request.call().with_context(|| self.unreachable())?).map(drop)
    }

    /// Gets; the answer's lines as they come.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub(crate) fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> anyhow::Result<impl Iterator<Item = std::io::Result<String>> + use<>> {
        Ok(BufReader::new(self.read(path, query)?.0).lines())
    }

    /// Gets; the answer's bytes as they come, and its header `timberline-missing`.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub(crate) fn read(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> anyhow::Result<(impl std::io::Read + use<>, Option<String>)> {
        let mut request = self.agent.get(format!("{}{path}", self.server));
        for (key, value) in query {
            request = request.query(key, value);
        }
        let response = request.call().with_context(|| self.unreachable())?;
        let missing = response.headers().get("timberline-missing");
        let missing = missing.and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok((checked(response)?, missing.filter(|missing| !missing.is_empty())))
    }

    fn unreachable(&self) -> String {
        format!(
            "cannot reach a store at {}; start one with `timberline up`, or name it with --server URL",
            self.server
        )
    }
}

/// Shows the key with every request.
struct Authorize(&'static str);

impl ureq::middleware::Middleware for Authorize {
    fn handle(
        &self,
        mut request: ureq::http::Request<ureq::SendBody>,
        next: ureq::middleware::MiddlewareNext,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        if let Ok(value) = ureq::http::HeaderValue::from_str(self.0) {
            request.headers_mut().insert(ureq::http::header::AUTHORIZATION, value);
        }
        next.handle(request)
    }
}

fn checked(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<impl std::io::Read> {
    if response.status().is_success() {
        return Ok(response.into_body().into_reader());
    }
    let status = response.status();
    let text = response.body_mut().read_to_string().unwrap_or_default();
    match serde_json::from_str::<ApiError>(&text) {
        Ok(error) => Err(error.into()),
        Err(_) => anyhow::bail!("the store answered {status}"),
    }
}
