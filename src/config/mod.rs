//! The configuration: one TOML file, every key with a default, every flag with a key.
//!
//! `${VAR}` and `${file:PATH}` stand for an environment variable and a file's content; `$${` is a
//! plain `${`. Unknown keys are errors that name the nearest known one. Durations and sizes are
//! text with a unit: `"5s"`, `"64MiB"`.

mod access;
mod alerts;
mod backup;
mod check;
mod erasure;
mod expand;
#[cfg(feature = "agent")]
mod files;
mod integrity;
mod kubernetes;
mod listeners;
mod options;
#[cfg(feature = "agent")]
mod pushed;
mod retention;
mod sections;
mod tls;
mod unit;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

pub(crate) use access::AccessSection;
pub(crate) use alerts::AlertsSection;
pub(crate) use backup::BackupSection;
pub(crate) use erasure::ErasureSection;
pub(crate) use integrity::IntegritySection;
#[cfg(all(feature = "agent", feature = "collector"))]
pub(crate) use pushed::check_pushed;
pub(crate) use retention::RetentionSection;
pub(crate) use sections::{AgentSection, QuerySection, QueueSection, ServerSection, StoreSection};
#[cfg(feature = "store")]
pub(crate) use tls::GrpcTls;
pub(crate) use tls::{GrpcTlsSection, HttpTlsSection};
pub(crate) use unit::{Age, Size};

use crate::cli::RoleArgs;
#[cfg(all(feature = "agent", feature = "store"))]
use crate::cli::UpArgs;
use crate::exit::Exit;

/// Everything that can be set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Everything that the process writes is below this directory.
    pub(crate) data: PathBuf,
    /// How much the program says of itself.
    pub(crate) log: String,
    /// How long a stop may take to drain.
    pub(crate) shutdown_deadline: Age,
    /// This machine's name; from the system if empty.
    pub(crate) host: String,
    /// Time zone of lines that name none (IANA name); the system's if empty.
    pub(crate) zone: String,
    pub(crate) server: ServerSection,
    pub(crate) agent: AgentSection,
    pub(crate) queue: QueueSection,
    pub(crate) store: StoreSection,
    pub(crate) integrity: IntegritySection,
    pub(crate) retention: RetentionSection,
    pub(crate) query: QuerySection,
    pub(crate) alerts: AlertsSection,
    pub(crate) backup: BackupSection,
    pub(crate) erasure: ErasureSection,
    pub(crate) access: AccessSection,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: crate::data_dir::default_path(),
            log: "info".to_owned(),
            shutdown_deadline: Age::seconds(20),
            host: String::new(),
            zone: String::new(),
            server: ServerSection::default(),
            agent: AgentSection::default(),
            queue: QueueSection::default(),
            store: StoreSection::default(),
            integrity: IntegritySection::default(),
            retention: RetentionSection::default(),
            query: QuerySection::default(),
            alerts: AlertsSection::default(),
            backup: BackupSection::default(),
            erasure: ErasureSection::default(),
            access: AccessSection::default(),
        }
    }
}

impl Config {
    /// Reads a file; without one, the defaults.
    ///
    /// # Errors
    /// [`Exit::usage`] with file, line, key and the nearest known key.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the configuration {}", file.display()))?;
        Self::parse(&text)
            .and_then(|config| config.check().map(|()| config))
            .map_err(|message| Exit::usage(format!("{}: {message}", file.display())).into())
    }

    /// The file that the flags name, and the flags over it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) fn for_role(args: &RoleArgs) -> anyhow::Result<Self> {
        let mut config = Self::load(args.config.as_deref())?;
        if let Some(data) = &args.data {
            config.data.clone_from(data);
        }
        if let Some(http) = &args.http {
            config.server.http.clone_from(http);
        }
        if let Some(grpc) = &args.grpc {
            config.server.grpc.clone_from(grpc);
        }
        config.server.allow_anyone_without_login |= args.allow_anyone_without_login;
        config.server.allow_login_without_tls |= args.allow_login_without_tls;
        config.check().map_err(Exit::usage)?;
        Ok(config)
    }

    /// As [`for_role`](Self::for_role), and what is to be tailed.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    #[cfg(all(feature = "agent", feature = "store"))]
    pub(crate) fn for_up(args: &UpArgs) -> anyhow::Result<Self> {
        let mut config = Self::for_role(&args.role)?;
        if !args.tail.is_empty() {
            config.agent.tail.clone_from(&args.tail);
            config.check().map_err(Exit::usage)?;
        }
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let expanded = expand::expand(text)?;
        toml::from_str(&expanded).map_err(|error| describe(&error, text, &expanded))
    }

    /// The zone of times that name none.
    ///
    /// # Errors
    /// [`Exit::usage`] if there is no such zone.
    #[cfg(feature = "collector")]
    pub(crate) fn time_zone(&self) -> anyhow::Result<jiff::tz::TimeZone> {
        if self.zone.is_empty() {
            return Ok(jiff::tz::TimeZone::system());
        }
        jiff::tz::TimeZone::get(&self.zone).map_err(|error| {
            Exit::usage(format!(
                "zone = {:?} is no time zone: {error}; use an IANA name such as \"Europe/Berlin\"",
                self.zone
            ))
            .into()
        })
    }

    /// This machine's name.
    pub(crate) fn host_name(&self) -> String {
        if !self.host.is_empty() {
            return self.host.clone();
        }
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        if name.is_empty() { "localhost".to_owned() } else { name }
    }
}

/// A TOML error with the nearest known key where one is unknown. The line is shown as it is written, not as it
/// was read: what stands for a secret stays in it.
fn describe(error: &toml::de::Error, written: &str, read: &str) -> String {
    let at = error
        .span()
        .map(|span| read[..span.start.min(read.len())].matches('\n').count());
    let place = at.map(|at| {
        let line = written.lines().nth(at).unwrap_or_default();
        format!("line {}\n  | {line}\n", at + 1)
    });
    let text = format!("{}{}", place.unwrap_or_default(), error.message());
    match nearest_key(error.message()) {
        Some(nearest) => format!("{}\ndid you mean `{nearest}`?", text.trim_end()),
        None => text.trim_end().to_owned(),
    }
}

/// Serde says "unknown field `a`, expected one of `b`, `c`"; gives the one most like `a`.
fn nearest_key(message: &str) -> Option<&str> {
    let (unknown, expected) = message.strip_prefix("unknown field `")?.split_once('`')?;
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|known| (strsim::jaro_winkler(unknown, known), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_reads_back_as_it_was_printed() {
        let printed = toml::to_string_pretty(&Config::default()).unwrap();
        let read = Config::parse(&printed).unwrap();
        assert_eq!(toml::to_string_pretty(&read).unwrap(), printed);
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_nearest_one() {
        let message = Config::parse("[server]\nhtpp = \"127.0.0.1:1\"\n").unwrap_err();
        assert!(
            message.contains("htpp") && message.contains("did you mean `http`?") && message.contains("line 2"),
            "{message}"
        );
    }

    #[test]
    fn durations_and_sizes_carry_units() {
        let config = Config::parse("shutdown_deadline = \"5s\"\n[queue]\nsegment_bytes_max = \"64MiB\"\n").unwrap();
        assert_eq!(config.shutdown_deadline.get(), std::time::Duration::from_secs(5));
        assert_eq!(config.queue.segment_bytes_max.get(), 64 << 20);
        let message = Config::parse("shutdown_deadline = \"5 lightyears\"").unwrap_err();
        assert!(message.contains("5s"), "{message}");
    }
}
