//! The sections of the configuration. Every limit that a part has is a key here.

use serde::{Deserialize, Serialize};

use super::listeners::{ListenerSection, OutboxSection, ReceiveSection};
use super::{Age, GrpcTlsSection, HttpTlsSection, Size};

/// `[server]`: who may connect, and where.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerSection {
    /// Page and API.
    pub(crate) http: String,
    /// Agents and stores.
    pub(crate) grpc: String,
    /// Names besides addresses and localhost under which browsers may reach the page.
    pub(crate) allowed_hosts: Vec<String>,
    /// The page's address as people reach it, such as `https://logs.example.org`; messages of alerts carry links
    /// to it, none if empty.
    pub(crate) public_url: String,
    /// Connections to page and API served at once.
    pub(crate) connections_max: u32,
    /// Connections of agents and stores at once; more are closed.
    pub(crate) grpc_connections_max: u32,
    /// Of these, how many may come from one IPv4 address, or one /64 of IPv6.
    pub(crate) grpc_connections_per_address_max: u32,
    /// The time in which a request's headers must arrive, and on `grpc` a TLS handshake and the first
    /// bytes of HTTP/2.
    pub(crate) header_timeout: Age,
    /// How long a request's body may rest between two pieces of it.
    pub(crate) body_timeout: Age,
    /// A body of `POST /api/v1/ingest`.
    pub(crate) ingest_body_bytes_max: Size,
    /// A file counts as current if it was read to its end within this time.
    pub(crate) lag_tolerance: Age,
    /// Agents remembered at most.
    pub(crate) agents_max: u32,
    /// An agent that has not reported for so long counts as not connected.
    pub(crate) agent_timeout: Age,
    /// One that has not for so long is forgotten with its files; until then answers say that they
    /// are not complete.
    pub(crate) agent_forget_after: Age,
    /// After an agent lost something, its health is an error for so long; the ledger and its totals keep
    /// the loss.
    pub(crate) agent_loss_error_for: Age,
    /// Batches of one stream of an agent without a verdict at most.
    pub(crate) in_flight_max: u32,
    /// Bytes of batches of all streams without a verdict at most.
    pub(crate) in_flight_bytes_max: Size,
    /// By what agents and stores are known.
    pub(crate) grpc_tls: GrpcTlsSection,
    /// TLS of page and API.
    pub(crate) http_tls: HttpTlsSection,
    /// Whoever reaches page and API may read and change everything but accounts and machines, and is asked
    /// nothing.
    pub(crate) allow_anyone_without_login: bool,
    /// Beyond loopback, passwords, keys and lines travel in plain text, unless a proxy before it ends TLS.
    pub(crate) allow_login_without_tls: bool,
    /// What holds for the listeners below.
    pub(crate) receive: ReceiveSection,
    /// Listeners for syslog.
    pub(crate) syslog: Vec<ListenerSection>,
    /// Listeners for GELF.
    pub(crate) gelf: Vec<ListenerSection>,
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            http: "127.0.0.1:7700".to_owned(),
            grpc: "127.0.0.1:4317".to_owned(),
            allowed_hosts: Vec::new(),
            public_url: String::new(),
            connections_max: 1024,
            grpc_connections_max: 16_384,
            grpc_connections_per_address_max: 1024,
            header_timeout: Age::seconds(10),
            body_timeout: Age::seconds(30),
            ingest_body_bytes_max: Size::mib(64),
            lag_tolerance: Age::seconds(10),
            agents_max: 10_000,
            agent_timeout: Age::seconds(30),
            agent_forget_after: Age::days(1),
            agent_loss_error_for: Age::seconds(3600),
            in_flight_max: 64,
            in_flight_bytes_max: Size::mib(256),
            grpc_tls: GrpcTlsSection::default(),
            http_tls: HttpTlsSection::default(),
            allow_anyone_without_login: false,
            allow_login_without_tls: false,
            receive: ReceiveSection::default(),
            syslog: Vec::new(),
            gelf: Vec::new(),
        }
    }
}

/// `[agent]`: what is tailed, and how it is shipped.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AgentSection {
    /// Where the collector listens; if empty, where this machine enrolled, else
    /// `http://127.0.0.1:4317`. `up` uses its own.
    pub(crate) collector: String,
    /// A PEM file of authorities by which the collector is known, instead of what enrolling left.
    pub(crate) tls_ca: Option<std::path::PathBuf>,
    /// Files to tail; the machine's logs under /var/log if empty.
    pub(crate) tail: Vec<String>,
    /// Files to leave out, besides compressed and binary ones.
    pub(crate) exclude: Vec<String>,
    /// Files that are read in a way of their own. A file is of the first that names it; `tail` comes last.
    pub(crate) files: Vec<FilesSection>,
    /// The queue's topic.
    pub(crate) topic: String,
    /// What is made of records before they are sent, in this order; see docs/agent.md.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<Rule>,
    /// Attributes added to every stream, such as `environment = "production"`.
    pub(crate) attributes: std::collections::BTreeMap<String, String>,
    /// How often files are looked at where no notification comes.
    pub(crate) scan_interval: Age,
    /// Lines of a batch, in bytes.
    pub(crate) batch_bytes_max: Size,
    /// Lines of a batch.
    pub(crate) batch_records_max: u64,
    /// A batch is sent when its first line has waited so long.
    pub(crate) batch_age_max: Age,
    /// Batches sent and not acked at most.
    pub(crate) in_flight_max: u32,
    /// A longer line becomes numbered parts.
    pub(crate) line_bytes_max: Size,
    /// Whether a file that is new to the agent is read from its `head` or its `tail`.
    pub(crate) start_at: StartAt,
    /// A file not written for so long before the agent first sees it is left out; never if empty.
    pub(crate) ignore_older: Option<Age>,
    /// Whether each batch of a file carries the chain over its lines, by which `timberline verify agent`
    /// finds a line that went missing or was changed back to its file.
    pub(crate) chain: bool,
    /// Whether files packed with gzip are read, too, if a pattern of `tail` names them. One that was
    /// read before it was packed is recognised; with `start_at = "tail"` those of the first start are left.
    pub(crate) gzip: bool,
    /// A packed file that unpacks to more is left out. One at a time is unpacked below the data directory.
    pub(crate) gzip_bytes_max: Size,
    /// A file that was renamed away or deleted is let go after so long without new lines.
    pub(crate) rotate_wait: Age,
    /// Files kept open at most.
    pub(crate) open_files_max: u32,
    /// zstd level of batches.
    pub(crate) zstd_level: i32,
    /// Unread bytes of deleted files that are kept alive by holding them open; no limit if 0.
    pub(crate) deleted_bytes_held_max: Size,
    /// A last line without its end is sent as it is when nothing followed for so long.
    pub(crate) partial_line_timeout: Option<Age>,
    /// Files not seen for so long are forgotten.
    pub(crate) clean_after: Age,
    /// Least time between two writes of the checkpoints.
    pub(crate) checkpoint_interval: Age,
    /// Time between two reports to the collector.
    pub(crate) report_interval: Age,
    /// How often an answer is asked of the collector where nothing else comes of it; it is given up when
    /// none came for as long again.
    pub(crate) keepalive_interval: Age,
    /// First wait before another try.
    pub(crate) backoff_min: Age,
    /// Longest wait before another try.
    pub(crate) backoff_max: Age,
    /// Whether an agent that is enrolled runs what its collector pushes (docs/fleet.md).
    pub(crate) take_pushed: bool,
    /// How often it asks.
    pub(crate) pull_interval: Age,
    /// With what was pushed it must reach the collector within this time, else it goes back.
    pub(crate) pushed_deadline: Age,
    /// The queue on disk for what cannot be read again.
    pub(crate) outbox: OutboxSection,
    /// The systemd journal; not read if absent.
    pub(crate) journald: Option<JournaldSection>,
    /// What the Kubernetes API is asked about the pods of this node.
    pub(crate) kubernetes: super::kubernetes::KubernetesSection,
    /// Standard input; not read if absent. `up` does not read it.
    pub(crate) stdin: Option<StdinSection>,
    /// Listeners for syslog.
    pub(crate) syslog: Vec<ListenerSection>,
    /// Listeners for GELF.
    pub(crate) gelf: Vec<ListenerSection>,
}

/// `[agent.journald]`: how the systemd journal is read.
#[cfg(feature = "agent")]
pub(crate) type JournaldSection = timberline_agent::JournaldConfig;
/// `[agent.journald]`, which only an agent reads.
#[cfg(not(feature = "agent"))]
pub(crate) type JournaldSection = toml::Table;

/// `[agent.stdin]`: how standard input is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StdinSection {
    /// `service.name` of its records.
    pub(crate) service: String,
    /// The queue's topic.
    pub(crate) topic: String,
    /// Attributes of its records, besides `agent.attributes`.
    pub(crate) attributes: std::collections::BTreeMap<String, String>,
    /// As of `[[agent.files]]`.
    pub(crate) encoding: String,
    /// What a container's runtime wrote around each line.
    pub(crate) format: FileFormat,
    /// Which lines belong together; each is a record of its own if absent.
    pub(crate) multiline: Option<MultilineSection>,
    /// Whether the agent ends once the input is at its end and all of it is acknowledged.
    pub(crate) exit_at_end: bool,
}

impl Default for StdinSection {
    fn default() -> Self {
        Self {
            service: "stdin".to_owned(),
            topic: "logs".to_owned(),
            attributes: std::collections::BTreeMap::new(),
            encoding: String::new(),
            format: FileFormat::Plain,
            multiline: None,
            exit_at_end: false,
        }
    }
}

/// `[[agent.files]]`: how some files are read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FilesSection {
    /// Patterns of their names.
    pub(crate) tail: Vec<String>,
    /// Files to leave out, besides those that `agent.exclude` names.
    pub(crate) exclude: Vec<String>,
    /// Such as `utf-16le`, `latin1`, `shift_jis`; UTF-8 if empty, or UTF-16 where a byte order mark says so.
    pub(crate) encoding: String,
    /// What a container's runtime wrote around each line.
    pub(crate) format: FileFormat,
    /// Which lines belong together; each is a record of its own if absent.
    pub(crate) multiline: Option<MultilineSection>,
    /// As `agent.start_at`, which holds if absent.
    pub(crate) start_at: Option<StartAt>,
    /// As `agent.ignore_older`, which holds if absent.
    pub(crate) ignore_older: Option<Age>,
    /// Attributes of these files, besides `agent.attributes`.
    pub(crate) attributes: std::collections::BTreeMap<String, String>,
}

/// What is around each line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileFormat {
    /// What the first line looks like.
    #[default]
    Auto,
    Plain,
    Docker,
    Cri,
}

/// `agent.files.multiline`: which lines belong together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MultilineSection {
    /// A line that matches begins a record; if nothing else is said, all others go on.
    pub(crate) start: Option<String>,
    /// A line that matches goes on.
    pub(crate) continuation: Option<String>,
    /// A line that begins with a space or a tab goes on.
    pub(crate) indent: bool,
    /// Stack traces of `java`, `python`, `go`, `node`, `dotnet`, `ruby`, `php`.
    pub(crate) rules: Vec<String>,
    /// Lines of a record; what follows is another one.
    pub(crate) lines_max: u64,
    /// Bytes of a record; what follows is another one.
    pub(crate) bytes_max: Size,
    /// How long the last lines of a file wait for more.
    pub(crate) timeout: Age,
}

impl Default for MultilineSection {
    fn default() -> Self {
        Self {
            start: None,
            continuation: None,
            indent: false,
            rules: Vec::new(),
            lines_max: 1000,
            bytes_max: Size::mib(1),
            timeout: Age::seconds(1),
        }
    }
}

/// `[[agent.rules]]`
#[cfg(feature = "agent")]
pub(crate) type Rule = timberline_agent::RuleConfig;
/// `[[agent.rules]]`, which only an agent reads.
#[cfg(not(feature = "agent"))]
pub(crate) type Rule = toml::Table;

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StartAt {
    Head,
    Tail,
}

impl Default for AgentSection {
    fn default() -> Self {
        Self {
            collector: String::new(),
            tls_ca: None,
            tail: Vec::new(),
            exclude: Vec::new(),
            files: Vec::new(),
            topic: "logs".to_owned(),
            rules: Vec::new(),
            attributes: std::collections::BTreeMap::new(),
            scan_interval: Age::millis(250),
            batch_bytes_max: Size::mib(1),
            batch_records_max: 16_384,
            batch_age_max: Age::millis(100),
            in_flight_max: 8,
            line_bytes_max: Size::mib(1),
            start_at: StartAt::Head,
            ignore_older: None,
            chain: true,
            gzip: true,
            gzip_bytes_max: Size::gib(1),
            rotate_wait: Age::seconds(5),
            open_files_max: 256,
            zstd_level: 1,
            deleted_bytes_held_max: Size::gib(1),
            partial_line_timeout: Some(Age::seconds(60)),
            clean_after: Age::days(14),
            checkpoint_interval: Age::millis(500),
            report_interval: Age::seconds(1),
            keepalive_interval: Age::seconds(10),
            backoff_min: Age::millis(100),
            backoff_max: Age::seconds(30),
            take_pushed: true,
            pull_interval: Age::seconds(5),
            pushed_deadline: Age::seconds(60),
            outbox: OutboxSection::default(),
            journald: None,
            kubernetes: super::kubernetes::KubernetesSection::default(),
            stdin: None,
            syslog: Vec::new(),
            gelf: Vec::new(),
        }
    }
}

/// `[queue]`: what the collector keeps until the store has it, and for how long after.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct QueueSection {
    /// Partitions of a new topic.
    pub(crate) partitions: u32,
    /// A segment is sealed at this size.
    pub(crate) segment_bytes_max: Size,
    /// A batch as it is sent.
    pub(crate) batch_bytes_max: Size,
    /// A batch unpacked.
    pub(crate) unpacked_bytes_max: Size,
    /// Taken segments beyond this sum are deleted.
    pub(crate) retention_bytes: Size,
    /// Taken segments older than this are deleted.
    pub(crate) retention_age: Age,
    /// At this size senders are told to wait.
    pub(crate) bytes_max: Size,
    /// From this part of `bytes_max` on, in percent, senders are slowed; never if 100.
    pub(crate) high_water_percent: u32,
    /// Consumer groups that retention waits for.
    pub(crate) required_groups: Vec<String>,
    /// How long a file generation's end is remembered.
    pub(crate) generation_ttl: Age,
    /// What group commit may add to an ack.
    pub(crate) commit_interval: Age,
    /// Log between two entries of the sparse index.
    pub(crate) index_interval_bytes: Size,
    /// How often retention is enforced.
    pub(crate) retention_interval: Age,
    /// What one fetch of a store gets at most.
    pub(crate) fetch_bytes_max: Size,
    /// What one fetch waits for new records at most.
    pub(crate) fetch_wait_max: Age,
    /// Records of a batch that a receiver makes, at most.
    pub(crate) receive_batch_records_max: u32,
    /// Messages that browsing a partition shows at once, at most.
    pub(crate) browse_messages_max: u32,
    /// Bytes of them that are shown at once; one message is always.
    pub(crate) browse_page_bytes_max: Size,
    /// Bytes of a key, a value, a header that are shown.
    pub(crate) browse_shown_bytes_max: Size,
    /// Headers of a message that are shown.
    pub(crate) browse_headers_max: u32,
}

impl Default for QueueSection {
    fn default() -> Self {
        Self {
            partitions: 1,
            segment_bytes_max: Size::mib(64),
            batch_bytes_max: Size::mib(16),
            unpacked_bytes_max: Size::mib(64),
            retention_bytes: Size::gib(1),
            retention_age: Age::days(1),
            bytes_max: Size::gib(32),
            high_water_percent: 90,
            required_groups: vec!["store".to_owned()],
            generation_ttl: Age::days(30),
            commit_interval: Age::millis(2),
            index_interval_bytes: Size::mib(1),
            retention_interval: Age::seconds(10),
            fetch_bytes_max: Size::mib(32),
            fetch_wait_max: Age::seconds(5),
            receive_batch_records_max: 16_384,
            browse_messages_max: 200,
            browse_page_bytes_max: Size::mib(1),
            browse_shown_bytes_max: Size::kib(16),
            browse_headers_max: 64,
        }
    }
}

/// `[store]`: splits, and how long they stay.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreSection {
    /// The collector that a store of its own pulls from; if empty, where this machine's store
    /// enrolled, else `http://127.0.0.1:4317`. `up` uses its own queue.
    pub(crate) collector: String,
    /// As `agent.tls_ca`.
    pub(crate) tls_ca: Option<std::path::PathBuf>,
    /// Unpublished rows are published when the oldest is this old.
    pub(crate) flush_interval: Age,
    /// Or when there are so many.
    pub(crate) flush_rows_max: u64,
    /// Or when their lines are so large.
    pub(crate) flush_bytes_max: Size,
    /// Unpublished lines held at most; beyond, the store takes no more from the queue.
    pub(crate) live_bytes_max: Size,
    /// Threads that write the splits of one flush; one while queries run.
    pub(crate) encode_threads: u32,
    /// Lines of splits that are merged into one, at most.
    pub(crate) merge_bytes_max: Size,
    /// How often merging, retention and removal of files are looked at.
    pub(crate) janitor_interval: Age,
    /// zstd level of splits written from the queue.
    pub(crate) zstd_level: i32,
    /// zstd level of merged splits.
    pub(crate) merge_zstd_level: i32,
    /// Splits whose newest record is older are deleted; never if absent.
    pub(crate) retention_age: Option<Age>,
    /// The oldest splits beyond this sum are deleted; never if absent.
    pub(crate) retention_bytes: Option<Size>,
    /// Files in the ledger; beyond it those of which nothing is held any more are kept as sums.
    pub(crate) ledger_sources_max: u64,
    /// Dashboards kept at most.
    pub(crate) dashboards_max: u64,
    /// Saved searches kept at most.
    pub(crate) saved_searches_max: u64,
    /// One dashboard, or one saved search, as JSON; at most 1 MiB comes in at once.
    pub(crate) document_bytes_max: Size,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            collector: String::new(),
            tls_ca: None,
            flush_interval: Age::seconds(30),
            flush_rows_max: 1_000_000,
            flush_bytes_max: Size::mib(24),
            live_bytes_max: Size::mib(48),
            encode_threads: 1,
            merge_bytes_max: Size::mib(256),
            janitor_interval: Age::seconds(5),
            zstd_level: 3,
            merge_zstd_level: 12,
            retention_age: None,
            retention_bytes: None,
            ledger_sources_max: 250_000,
            dashboards_max: 1_000,
            saved_searches_max: 1_000,
            document_bytes_max: Size::kib(256),
        }
    }
}

/// `[query]`: what one question may cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct QuerySection {
    /// Rows returned where the question names no limit.
    pub(crate) rows_default: u64,
    /// Rows returned at most.
    pub(crate) rows_max: u64,
    /// A query is ended after so long.
    pub(crate) time_limit: Age,
    /// Memory shared by all queries; beyond it they spill to the data directory.
    pub(crate) memory_bytes_max: Size,
    /// Bytes that all queries together spill at most.
    pub(crate) spill_bytes_max: Size,
    /// Memory for what is kept of splits between queries; nothing is if 0.
    pub(crate) cache_bytes_max: Size,
    /// Rows that one query looks at, at most; no limit if 0.
    pub(crate) scan_rows_max: u64,
    /// Bytes of lines that one query reads, at most; no limit if 0.
    pub(crate) scan_bytes_max: Size,
    /// Tests of one filter at most.
    pub(crate) filter_tests_max: u32,
    /// Queries running at once; further ones wait.
    pub(crate) concurrent_max: u32,
    /// Listeners to new records (live tails) at once; further ones are refused.
    pub(crate) tails_max: u32,
    /// Threads that one query reads with; as many as there are cores, at most 4, if 0.
    pub(crate) threads: u32,
    /// Newest records looked at for the list of fields, where all would be too much.
    pub(crate) fields_sample_rows: u64,
    /// Templates that `patterns` looks at to join those that differ in names alone; rarer ones stay as
    /// they are.
    pub(crate) patterns_merge_max: u32,
    /// Exports running at once; further ones are refused. Each takes one of `concurrent_max`.
    pub(crate) exports_max: u32,
    /// An export is ended after so long.
    pub(crate) export_time_limit: Age,
    /// Why a search found nothing is looked for at most so long.
    pub(crate) explain_time_limit: Age,
    /// Pages that are read to tell which fields take the room, at most, spread over all that is stored.
    pub(crate) room_sample_pages: u32,
    /// Streams, patterns and fields each that are named of what takes the room, at most.
    pub(crate) room_rows_max: u32,
    /// Streams and patterns each of one split of which the room is kept; what is rarer there counts as others.
    pub(crate) room_kept_max: u32,
    /// CSV, TSV and Parquet files that queries may name as tables, such as `hosts = "/srv/hosts.csv"`.
    pub(crate) tables: std::collections::BTreeMap<String, std::path::PathBuf>,
}

impl Default for QuerySection {
    fn default() -> Self {
        Self {
            rows_default: 1000,
            rows_max: 1_000_000,
            time_limit: Age::seconds(60),
            memory_bytes_max: Size::mib(512),
            spill_bytes_max: Size::mib(4096),
            cache_bytes_max: Size::mib(64),
            scan_rows_max: 0,
            scan_bytes_max: Size::mib(0),
            filter_tests_max: 1024,
            concurrent_max: 8,
            tails_max: 64,
            threads: 0,
            fields_sample_rows: 10_000,
            patterns_merge_max: 20_000,
            exports_max: 4,
            export_time_limit: Age::seconds(3600),
            explain_time_limit: Age::seconds(2),
            room_sample_pages: 64,
            room_rows_max: 500,
            room_kept_max: 512,
            tables: std::collections::BTreeMap::new(),
        }
    }
}
