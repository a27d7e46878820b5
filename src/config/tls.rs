//! `[server.grpc_tls]`: by what the collector's gRPC port knows its machines; `[server.http_tls]`: TLS of
//! page and API.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Age, Config};

/// `[server.grpc_tls]`; see docs/fleet.md.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GrpcTlsSection {
    /// `off`: plain text; `server`: TLS, certificates of agents are not demanded; `mutual`: they are.
    pub(crate) mode: GrpcTls,
    /// DNS names and addresses by which machines reach the port, besides the host's name, loopback and
    /// the address of `server.grpc`.
    pub(crate) names: Vec<String>,
    /// A PEM file of the port's certificate and its chain, an authority's last, instead of one from
    /// the collector's own authority.
    pub(crate) certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub(crate) key: Option<PathBuf>,
    /// How long a machine's certificate lasts; it renews itself after two thirds.
    pub(crate) agent_certificate_ttl: Age,
    /// How long after its end a certificate can still be renewed.
    pub(crate) agent_certificate_grace: Age,
    /// How long a connection without a certificate that holds may last where one is demanded: enough to
    /// enroll or to renew.
    pub(crate) guest_timeout: Age,
}

/// What is asked of who connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GrpcTls {
    #[default]
    Off,
    Server,
    Mutual,
}

impl Default for GrpcTlsSection {
    fn default() -> Self {
        Self {
            mode: GrpcTls::Off,
            names: Vec::new(),
            certificate: None,
            key: None,
            agent_certificate_ttl: Age::days(30),
            agent_certificate_grace: Age::days(30),
            guest_timeout: Age::seconds(30),
        }
    }
}

/// Certificates live at least so long: two thirds must leave time to renew.
const TTL_MIN: Age = Age::seconds(3);

impl GrpcTlsSection {
    /// # Errors
    /// The key, its value, and what it may be.
    pub(super) fn check(&self) -> Result<(), String> {
        for name in &self.names {
            let sound = |c: char| c.is_ascii_alphanumeric() || "-._:*".contains(c);
            if name.is_empty() || !name.chars().all(sound) {
                return Err(format!(
                    "server.grpc_tls.names: {name:?} is no DNS name or address; write it without scheme and port"
                ));
            }
        }
        if self.certificate.is_some() != self.key.is_some() {
            return Err("server.grpc_tls.certificate and server.grpc_tls.key belong together: set both or none".into());
        }
        if self.agent_certificate_ttl.get() < TTL_MIN.get() {
            return Err("server.grpc_tls.agent_certificate_ttl is below 3s; \"30days\" is usual".into());
        }
        if self.guest_timeout.get().is_zero() {
            return Err("server.grpc_tls.guest_timeout is 0, in which nobody enrolls; \"30s\" is usual".into());
        }
        Ok(())
    }
}

/// `[server.http_tls]`; see docs/access.md.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpTlsSection {
    /// `off`: plain text; `own`: a certificate of the own authority; `files`: that of `certificate` and `key`.
    pub(crate) mode: HttpTls,
    /// DNS names and addresses by which people reach the page, besides the host's name, loopback, the address of
    /// `server.http` and `server.allowed_hosts`: of the certificate that is made with `own`.
    pub(crate) names: Vec<String>,
    /// A PEM file of the certificate and its chain. Taken anew when it changes.
    pub(crate) certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub(crate) key: Option<PathBuf>,
}

/// What page and API speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HttpTls {
    #[default]
    Off,
    Own,
    Files,
}

impl HttpTlsSection {
    /// # Errors
    /// The key, its value, and what it may be.
    pub(super) fn check(&self) -> Result<(), String> {
        let both = self.certificate.is_some() && self.key.is_some();
        let none = self.certificate.is_none() && self.key.is_none();
        match self.mode {
            HttpTls::Files if !both => Err(
                "server.http_tls.mode = \"files\" needs server.http_tls.certificate and server.http_tls.key".into(),
            ),
            HttpTls::Off | HttpTls::Own if !none => Err(
                "server.http_tls.certificate and server.http_tls.key are used with server.http_tls.mode = \"files\" alone".into(),
            ),
            _ => Ok(()),
        }
    }
}

impl Config {
    /// TLS of page and API, with the own authority in `pki`; none if they speak plain text. Blocks.
    ///
    /// # Errors
    /// If there is no certificate to be had.
    #[cfg(feature = "collector")]
    pub(crate) fn http_tls(
        &self,
        pki: &std::path::Path,
    ) -> anyhow::Result<Option<timberline_collector::http::HttpTls>> {
        use timberline_collector::trust::ServerCertificate;
        let tls = &self.server.http_tls;
        let source = match (tls.mode, &tls.certificate, &tls.key) {
            (HttpTls::Off, _, _) => return Ok(None),
            (HttpTls::Files, Some(certificate), Some(key)) => ServerCertificate::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            },
            _ => {
                let mut names = tls.names.clone();
                names.extend(self.server.allowed_hosts.iter().cloned());
                ServerCertificate::Own {
                    names: self.names_of(&self.server.http, &names),
                }
            }
        };
        let opened = timberline_collector::http::HttpTls::open(source, pki, &self.host_name());
        Ok(Some(opened?))
    }

    /// How the collector knows its machines, with its files in `dir`; none if it asks nobody.
    #[cfg(feature = "collector")]
    pub(crate) fn trust_options(&self, dir: PathBuf) -> Option<timberline_collector::TrustOptions> {
        use timberline_collector::trust::{ServerCertificate, TlsMode};
        let tls = &self.server.grpc_tls;
        let mode = match tls.mode {
            GrpcTls::Off => return None,
            GrpcTls::Server => TlsMode::Server,
            GrpcTls::Mutual => TlsMode::Mutual,
        };
        let certificate = match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => ServerCertificate::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            },
            _ => ServerCertificate::Own {
                names: self.names_of(&self.server.grpc, &tls.names),
            },
        };
        Some(timberline_collector::TrustOptions {
            dir,
            mode,
            certificate,
            machine_life: tls.agent_certificate_ttl.get(),
            grace: tls.agent_certificate_grace.get(),
            machines_max: self.server.agents_max as usize,
            host: self.host_name(),
        })
    }

    /// What the certificate of a port at `address` is for, besides `more`.
    #[cfg(feature = "collector")]
    fn names_of(&self, address: &str, more: &[String]) -> Vec<String> {
        let listens_at = address.rsplit_once(':').map_or("", |(host, _)| host);
        let listens_at = listens_at.trim_start_matches('[').trim_end_matches(']');
        let everywhere = listens_at
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_unspecified());
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        names.push(self.host_name());
        if !everywhere && !listens_at.is_empty() {
            names.push(listens_at.to_owned());
        }
        names.extend(more.iter().cloned());
        let sound = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || "-._:*".contains(c));
        names.retain(sound); // a host may call itself anything
        names.sort();
        names.dedup();
        names
    }
}
