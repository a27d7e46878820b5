//! Who may use the HTTP port: what a role opens before it serves.

use std::path::Path;
use std::sync::Arc;

use timberline_collector::Access;
use timberline_collector::access::{AuditSink, Openness};
use timberline_collector::http::HttpTls;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::exit::Exit;

/// Where the list of accounts is, below a role's directory.
pub(super) const DIR: &str = "access";

/// What is asked of whoever reaches the port, and what it speaks.
pub(super) struct Door {
    pub(super) access: Access,
    pub(super) tls: Option<HttpTls>,
    address: std::net::SocketAddr,
}

impl Door {
    /// Opens the list of accounts below `role`, and the certificate with the authority in `pki`. Blocks.
    ///
    /// # Errors
    /// [`Exit::usage`] if others than this machine reach the port by plain text, and nobody said that this is
    /// meant; the list or the certificate if they cannot be had.
    pub(super) fn open(
        config: &Config,
        http: &TcpListener,
        role: &Path,
        pki: &Path,
        sink: Option<Arc<dyn AuditSink>>,
    ) -> anyhow::Result<Self> {
        let address = http.local_addr()?;
        let tls = config.http_tls(pki)?;
        let by_tls = tls.is_some() || config.server.public_url.starts_with("https://");
        let openness = openness(config, address.ip().is_loopback(), tls.is_some())?;
        let options = config.access.options(openness, by_tls);
        let access = Access::open(role.join(DIR), options, sink)?;
        if openness == Openness::Anyone {
            tracing::warn!(
                %address,
                "whoever reaches page and API may read and change everything but accounts and machines: `server.allow_anyone_without_login` is set"
            );
        }
        Ok(Self { access, tls, address })
    }

    /// `http://ADDRESS` or `https://ADDRESS`.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// What is said at the start: the page, and the link by which the first account is made.
    pub(super) fn announced(&self) -> Vec<(String, String)> {
        let mut lines = vec![("page".to_owned(), format!("{}/", self.url()))];
        if let Some(token) = self.access.setup_token()
            && self.access.options().openness != Openness::Anyone
        {
            lines.push(("account".to_owned(), format!("{}/login#setup={token}", self.url())));
        }
        lines
    }
}

fn openness(config: &Config, is_loopback: bool, tls: bool) -> anyhow::Result<Openness> {
    let server = &config.server;
    if server.allow_anyone_without_login {
        return Ok(Openness::Anyone);
    }
    if is_loopback {
        return Ok(Openness::Loopback);
    }
    if tls || server.allow_login_without_tls {
        return Ok(Openness::Closed);
    }
    Err(Exit::usage(format!(
        "server.http = {:?} is reached by other machines, and passwords, keys and lines would travel there in plain text. One of these:\n  \
         server.http_tls.mode = \"own\" (or \"files\"): TLS;\n  \
         server.allow_login_without_tls = true: if a proxy before it ends TLS, or you trust the network;\n  \
         server.allow_anyone_without_login = true: whoever reaches it may read and change everything but accounts and machines",
        server.http
    ))
    .into())
}
