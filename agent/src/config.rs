//! What can be set. Sizes are bytes and times are [`Duration`]s; the program's configuration file
//! maps its `"64MiB"` and `"5s"` onto them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use timberline_proto::tls::{CollectorUrl, Credentials, MachineFiles};
use timberline_queue::receive::Listener;

use crate::error::AgentError;
use crate::input::FileInput;
use crate::journald::JournaldConfig;
use crate::kubernetes::KubernetesConfig;
use crate::outbox::OutboxConfig;
use crate::process::{RuleConfig, Rules};
use crate::stdin::StdinConfig;

/// Where a file is begun that the agent's first scan ever finds. Files that appear later are
/// always read from their first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartAt {
    /// At its first byte.
    #[default]
    Head,
    /// After its last whole line.
    Tail,
}

/// An agent's configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentConfig {
    /// Holds the registry, the agent's id and refused batches. Locked while the agent runs.
    pub data_dir: PathBuf,
    /// The collector, `http://host:port`, or `https://host:port` by TLS with what is in
    /// `data_dir/pki`.
    pub endpoint: String,
    /// A PEM file of authorities by which the collector is known instead of those in `data_dir/pki`.
    pub authorities: Option<PathBuf>,
    /// Files to follow, absolute or relative to the working directory; `**` crosses directories.
    pub tail: Vec<String>,
    /// Files and directories never to follow.
    pub exclude: Vec<String>,
    /// Files that are read in a way of their own; they come before `tail`.
    pub files: Vec<FileInput>,
    /// Listeners for other programs' messages, which go by way of the outbox.
    pub listeners: Vec<Listener>,
    /// The systemd journal, if it is read.
    pub journald: Option<JournaldConfig>,
    /// What the Kubernetes API is asked.
    pub kubernetes: KubernetesConfig,
    /// Standard input, if it is read.
    pub stdin: Option<StdinConfig>,
    /// The queue of what cannot be read again.
    pub outbox: OutboxConfig,
    /// The program's own log files, refused because each line read would write another.
    pub own_logs: Vec<PathBuf>,
    /// The queue's topic.
    pub topic: String,
    /// The attribute `host.name`.
    pub host: String,
    /// What is made of records before they are sent, in this order.
    pub rules: Vec<RuleConfig>,
    /// More attributes of every stream; they win over those that the agent finds.
    pub attributes: BTreeMap<String, String>,
    /// Time between two walks over the globs. Notifications only make a walk come earlier.
    pub scan_interval: Duration,
    /// Bytes of lines in one batch; at the limit the batch is sent.
    pub batch_bytes_max: u64,
    /// Records in one batch; at the limit the batch is sent.
    pub batch_records_max: u64,
    /// How long a line waits for others before its batch is sent.
    pub batch_age_max: Duration,
    /// Batches without a verdict. The agent keeps twice as many in memory, then stops reading.
    pub in_flight_max: usize,
    /// Bytes of a line in one record; a longer line becomes numbered parts.
    pub line_bytes_max: u64,
    /// Where files found by the very first scan are begun.
    pub start_at: StartAt,
    /// Files not modified for so long when first seen are left alone until they are. Zero: none.
    pub ignore_older: Duration,
    /// Whether the lines of each file are chained, so that one that goes missing is found back to it.
    pub chain: bool,
    /// Whether files packed with gzip are read, if a glob names them. Where an agent runs for the first
    /// time with it, those that it finds then are begun as `start_at` says if it has never run, else at
    /// their end: it may have read them before they were packed.
    pub gzip: bool,
    /// One that unpacks to more is left out.
    pub gzip_bytes_max: u64,
    /// How long a file that was rotated away or deleted must be silent at its end before it is
    /// closed, and how long a truncated file's copy is looked for.
    pub rotate_wait: Duration,
    /// Files held open; beyond it the least recently read one that is read to its end is closed.
    pub open_files_max: usize,
    /// Unread bytes of deleted files that are kept alive by holding them open; beyond it the
    /// oldest is closed and its loss counted. Zero: no limit.
    pub deleted_bytes_held_max: u64,
    /// zstd level of batches.
    pub compression_level: i32,
    /// How often the collector is pinged; without an answer in as long again the connection is given up.
    pub keepalive_interval: Duration,
    /// First wait after a failed connection or call.
    pub backoff_min: Duration,
    /// Longest wait after a failed connection or call.
    pub backoff_max: Duration,
    /// How long a shutdown waits for acks of what was sent.
    pub drain_deadline: Duration,
    /// A last line without its end is sent as partial when nothing followed for so long.
    /// Zero: held until its end comes or the file is rotated away.
    pub partial_line_timeout: Duration,
    /// IANA name of the zone of times that name none; empty: the system's.
    pub zone: String,
    /// Generations not seen for so long are forgotten.
    pub clean_after: Duration,
    /// Least time between two writes of the registry.
    pub checkpoint_interval: Duration,
    /// Time between two reports to the collector.
    pub report_interval: Duration,
    /// Whether to use the system's notifications beside walking.
    pub notify: bool,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("timberline-data/agent"),
            endpoint: "http://127.0.0.1:4317".into(),
            authorities: None,
            tail: default_globs(),
            exclude: default_excludes(),
            files: Vec::new(),
            listeners: Vec::new(),
            journald: None,
            kubernetes: KubernetesConfig::default(),
            stdin: None,
            outbox: OutboxConfig::default(),
            own_logs: Vec::new(),
            topic: "logs".into(),
            host: host_name(),
            rules: Vec::new(),
            attributes: BTreeMap::new(),
            scan_interval: Duration::from_millis(500),
            batch_bytes_max: 1 << 20,
            batch_records_max: 16_384,
            batch_age_max: Duration::from_millis(200),
            in_flight_max: 8,
            line_bytes_max: 1 << 20,
            start_at: StartAt::Head,
            ignore_older: Duration::ZERO,
            chain: true,
            gzip: true,
            gzip_bytes_max: 1 << 30,
            rotate_wait: Duration::from_secs(5),
            open_files_max: 256,
            deleted_bytes_held_max: 1 << 30,
            compression_level: 1,
            keepalive_interval: Duration::from_secs(10),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            drain_deadline: Duration::from_secs(10),
            partial_line_timeout: Duration::ZERO,
            zone: String::new(),
            clean_after: Duration::from_secs(14 * 24 * 3600),
            checkpoint_interval: Duration::from_millis(500),
            report_interval: Duration::from_secs(1),
            notify: true,
        }
    }
}

impl AgentConfig {
    /// Checks what types do not.
    pub(crate) fn check(&self) -> Result<(), AgentError> {
        let fail = |key, reason: &str| {
            Err(AgentError::Config {
                key,
                reason: reason.into(),
            })
        };
        if self.in_flight_max == 0 || self.in_flight_max > 1024 {
            return fail("in_flight_max", "must be 1 to 1024");
        }
        if self.batch_bytes_max < 1024 || self.batch_bytes_max > 64 << 20 {
            return fail("batch_bytes_max", "must be 1 KiB to 64 MiB");
        }
        if self.line_bytes_max < 64 || self.line_bytes_max > 64 << 20 {
            return fail("line_bytes_max", "must be 64 bytes to 64 MiB");
        }
        if self.batch_records_max == 0 {
            return fail("batch_records_max", "must be at least 1");
        }
        if self.open_files_max == 0 {
            return fail("open_files_max", "must be at least 1");
        }
        if self.topic.is_empty() {
            return fail("topic", "must not be empty");
        }
        if self.backoff_min.is_zero() || self.backoff_min > self.backoff_max {
            return fail("backoff_min", "must be above zero and at most backoff_max");
        }
        if self.keepalive_interval.is_zero() {
            return fail("keepalive_interval", "must be above zero");
        }
        if let Err(reason) = self.outbox.check() {
            return fail("outbox", reason);
        }
        check_listeners(&self.listeners)?;
        if let Some(stdin) = &self.stdin {
            stdin.input(self)?;
        }
        if self.scan_interval.is_zero() {
            return fail("scan_interval", "must be above zero");
        }
        Ok(())
    }

    /// By what the collector is known, and by what it knows this agent.
    pub fn credentials(&self) -> Credentials {
        Credentials::new(MachineFiles::new(self.data_dir.join("pki")), self.authorities.clone())
    }

    /// Where the collector is.
    pub(crate) fn collector_url(&self) -> Result<CollectorUrl, AgentError> {
        self.endpoint.parse().map_err(|reason| AgentError::Config {
            key: "endpoint",
            reason,
        })
    }

    /// The zone of times that name none.
    pub(crate) fn time_zone(&self) -> Result<jiff::tz::TimeZone, AgentError> {
        if self.zone.is_empty() {
            return Ok(jiff::tz::TimeZone::system());
        }
        jiff::tz::TimeZone::get(&self.zone).map_err(|error| AgentError::Config {
            key: "zone",
            reason: format!("{:?}: {error}", self.zone),
        })
    }

    /// The rules, made ready.
    pub(crate) fn rules(&self) -> Result<Rules, AgentError> {
        Rules::new(&self.rules, &self.time_zone()?).map_err(|reason| AgentError::Config { key: "rules", reason })
    }

    /// The longest record, which must fit into one batch.
    pub(crate) fn part_bytes_max(&self) -> u64 {
        self.line_bytes_max.min(self.batch_bytes_max)
    }
}

/// Checks what is set for listeners.
///
/// # Errors
/// [`AgentError::Config`] with what cannot be.
pub fn check_listeners(listeners: &[Listener]) -> Result<(), AgentError> {
    for listener in listeners {
        listener.check().map_err(|reason| AgentError::Config {
            key: listener.protocol.name(),
            reason,
        })?;
    }
    Ok(())
}

/// What is followed when nothing is configured: the readable text logs under /var/log.
pub fn default_globs() -> Vec<String> {
    [
        "/var/log/**/*.log",
        "/var/log/**/*log",
        "/var/log/messages",
        "/var/log/**/*.err",
        "/var/log/**/*.out",
    ]
    .map(String::from)
    .to_vec()
}

/// What is left alone: files packed otherwise than with gzip, and the binary logs that match the default globs.
pub fn default_excludes() -> Vec<String> {
    [
        "**/*.zst",
        "**/*.xz",
        "**/*.bz2",
        "**/*.lz4",
        "**/*.zip",
        "**/*.journal",
        "**/*.journal~",
        "/var/log/journal",
        "/var/log/wtmp*",
        "/var/log/btmp*",
        "/var/log/lastlog",
        "/var/log/faillog",
        "/var/log/tallylog",
    ]
    .map(String::from)
    .to_vec()
}

fn host_name() -> String {
    let read = |path: &str| {
        std::fs::read_to_string(Path::new(path))
            .ok()
            .map(|name| name.trim().to_owned())
    };
    read("/proc/sys/kernel/hostname")
        .or_else(|| read("/etc/hostname"))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".into())
}
