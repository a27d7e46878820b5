//! From the configuration's sections to each part's own options.

use std::path::PathBuf;

use super::Config;

impl Config {
    /// The agent's configuration, shipping to `endpoint` and writing below `dir`.
    #[cfg(feature = "agent")]
    pub(crate) fn agent_config(&self, endpoint: &str, dir: PathBuf) -> timberline_agent::AgentConfig {
        use timberline_agent::{AgentConfig, default_excludes, default_globs};
        let agent = &self.agent;
        let mut exclude = default_excludes();
        if !agent.gzip {
            exclude.push("**/*.gz".into());
        }
        exclude.extend(agent.exclude.iter().cloned());
        exclude.push(format!("{}/**", self.data.display()));
        AgentConfig {
            data_dir: dir,
            endpoint: endpoint.to_owned(),
            authorities: agent.tls_ca.clone(),
            files: agent.file_inputs(),
            tail: if agent.tail.is_empty() && agent.files.is_empty() && agent.stdin.is_none() {
                default_globs()
            } else {
                agent.tail.clone()
            },
            exclude,
            journald: agent.journald.clone(),
            kubernetes: agent.kubernetes.options(),
            stdin: agent.stdin.as_ref().map(super::sections::StdinSection::options),
            listeners: super::listeners::listeners(&agent.syslog, &agent.gelf),
            outbox: timberline_agent::OutboxConfig {
                bytes_max: agent.outbox.bytes_max.get(),
                commit_interval: agent.outbox.commit_interval.get(),
                memory_bytes_max: agent.outbox.memory_bytes_max.get(),
                streams_max: agent.outbox.streams_max as usize,
            },
            own_logs: Vec::new(),
            topic: agent.topic.clone(),
            host: self.host_name(),
            rules: agent.rules.clone(),
            attributes: agent.attributes.clone(),
            scan_interval: agent.scan_interval.get(),
            batch_bytes_max: agent.batch_bytes_max.get(),
            batch_records_max: agent.batch_records_max,
            batch_age_max: agent.batch_age_max.get(),
            in_flight_max: agent.in_flight_max as usize,
            line_bytes_max: agent.line_bytes_max.get(),
            start_at: super::files::start_at(agent.start_at),
            ignore_older: agent.ignore_older.map_or(std::time::Duration::ZERO, super::Age::get),
            chain: agent.chain,
            gzip: agent.gzip,
            gzip_bytes_max: agent.gzip_bytes_max.get(),
            rotate_wait: agent.rotate_wait.get(),
            open_files_max: agent.open_files_max as usize,
            deleted_bytes_held_max: agent.deleted_bytes_held_max.get(),
            compression_level: agent.zstd_level,
            keepalive_interval: agent.keepalive_interval.get(),
            backoff_min: agent.backoff_min.get(),
            backoff_max: agent.backoff_max.get(),
            drain_deadline: self.shutdown_deadline.get() / 2,
            partial_line_timeout: agent
                .partial_line_timeout
                .map_or(std::time::Duration::ZERO, super::Age::get),
            zone: self.zone.clone(),
            clean_after: agent.clean_after.get(),
            checkpoint_interval: agent.checkpoint_interval.get(),
            report_interval: agent.report_interval.get(),
            notify: true,
        }
    }

    /// The collector's options, with its queue in `queue_dir` and what it knows of machines in
    /// `trust_dir`.
    ///
    /// # Errors
    /// If the zone is none.
    #[cfg(feature = "collector")]
    pub(crate) fn collector_options(
        &self,
        queue_dir: PathBuf,
        trust_dir: PathBuf,
    ) -> anyhow::Result<timberline_collector::CollectorOptions> {
        use std::time::Duration;
        let queue = &self.queue;
        Ok(timberline_collector::CollectorOptions {
            queue_dir,
            trust: self.trust_options(trust_dir),
            grpc: timberline_collector::service::ConnectionLimits {
                connections_max: self.server.grpc_connections_max as usize,
                per_address_max: self.server.grpc_connections_per_address_max as usize,
                handshake_timeout: self.server.header_timeout.get(),
                guest_timeout: self.server.grpc_tls.guest_timeout.get(),
            },
            #[cfg(feature = "agent")]
            check_pushed: Some(super::check_pushed),
            #[cfg(not(feature = "agent"))]
            check_pushed: None,
            queue: timberline_queue::QueueOptions {
                partitions: queue.partitions,
                segment_bytes_max: queue.segment_bytes_max.get(),
                batch_bytes_max: queue.batch_bytes_max.get(),
                unpacked_bytes_max: queue.unpacked_bytes_max.get(),
                retention_bytes: queue.retention_bytes.get(),
                retention_age: queue.retention_age.get(),
                bytes_max: queue.bytes_max.get(),
                high_water_percent: u64::from(queue.high_water_percent),
                required_groups: queue.required_groups.clone(),
                generation_ttl: queue.generation_ttl.get(),
                commit_interval: queue.commit_interval.get(),
                index_interval_bytes: queue.index_interval_bytes.get(),
            },
            in_flight_max: self.server.in_flight_max,
            in_flight_bytes_max: self.server.in_flight_bytes_max.get(),
            retry_after: Duration::from_millis(500),
            fetch_wait_max: queue.fetch_wait_max.get(),
            fetch_bytes_max: queue.fetch_bytes_max.get(),
            ingest_body_bytes_max: usize::try_from(self.server.ingest_body_bytes_max.get()).unwrap_or(usize::MAX),
            ingest_batch_records_max: queue.receive_batch_records_max as usize,
            messages: timberline_collector::MessageLimits {
                messages_max: queue.browse_messages_max as usize,
                page_bytes_max: usize::try_from(queue.browse_page_bytes_max.get()).unwrap_or(usize::MAX),
                shown_bytes_max: usize::try_from(queue.browse_shown_bytes_max.get()).unwrap_or(usize::MAX),
                headers_max: queue.browse_headers_max as usize,
            },
            retention_interval: queue.retention_interval.get(),
            agent_timeout: self.server.agent_timeout.get(),
            agent_forget_after: self.server.agent_forget_after.get(),
            loss_error_for: self.server.agent_loss_error_for.get(),
            agents_max: self.server.agents_max as usize,
            zstd_level: self.agent.zstd_level,
            zone: self.time_zone()?,
            host: self.host_name(),
        })
    }

    /// Where this machine's `agent` or `store` finds its collector.
    pub(crate) fn collector_of(&self, role: &str, data: &crate::data_dir::DataDir) -> String {
        let set = match role {
            "agent" => &self.agent.collector,
            _ => &self.store.collector,
        };
        if !set.is_empty() {
            return set.clone();
        }
        let enrolled = timberline_proto::tls::MachineFiles::new(data.role(role).join("pki")).enrolled();
        enrolled.map_or_else(|| "http://127.0.0.1:4317".to_owned(), |enrolled| enrolled.collector)
    }

    /// A collector's listeners for other programs' messages, and what holds for all of them.
    ///
    /// # Errors
    /// If the zone is none.
    #[cfg(feature = "collector")]
    pub(crate) fn receive_options(
        &self,
    ) -> anyhow::Result<(
        Vec<timberline_queue::receive::Listener>,
        timberline_queue::receive::ReceiveOptions,
    )> {
        use timberline_queue::receive::ReceiveOptions;
        let receive = &self.server.receive;
        let options = ReceiveOptions {
            agent: None,
            commit_interval: receive.commit_interval.get(),
            batch_bytes_max: usize::try_from(self.queue.batch_bytes_max.get() / 4).unwrap_or(usize::MAX),
            batch_records_max: self.queue.receive_batch_records_max as usize,
            memory_bytes_max: usize::try_from(receive.memory_bytes_max.get()).unwrap_or(usize::MAX),
            streams_max: receive.streams_max as usize,
            zstd_level: self.agent.zstd_level,
            host: self.host_name(),
            zone: self.time_zone()?,
            ..ReceiveOptions::default()
        };
        let listeners = super::listeners::listeners(&self.server.syslog, &self.server.gelf);
        Ok((listeners, options))
    }

    /// What bounds the agents that are remembered.
    #[cfg(feature = "store")]
    pub(crate) fn fleet_limits(&self) -> timberline_collector::fleet::FleetLimits {
        timberline_collector::fleet::FleetLimits {
            agents_max: self.server.agents_max as usize,
            agent_timeout: self.server.agent_timeout.get(),
            agent_forget_after: self.server.agent_forget_after.get(),
            loss_error_for: self.server.agent_loss_error_for.get(),
        }
    }

    /// The limits of a listener for HTTP.
    #[cfg(feature = "collector")]
    pub(crate) fn http_options(
        &self,
        tls: Option<timberline_collector::http::HttpTls>,
    ) -> timberline_collector::http::ServeOptions {
        timberline_collector::http::ServeOptions {
            connections_max: self.server.connections_max as usize,
            header_timeout: self.server.header_timeout.get(),
            body_timeout: self.server.body_timeout.get(),
            drain_timeout: self.shutdown_deadline.get() / 8,
            tls,
        }
    }

    /// The store's options, writing below `dir`.
    #[cfg(feature = "store")]
    pub(crate) fn store_options(&self, dir: PathBuf) -> timberline_store::StoreOptions {
        let store = &self.store;
        let mut options = timberline_store::StoreOptions::new(dir);
        options.flush_interval = store.flush_interval.get();
        options.flush_rows_max = usize::try_from(store.flush_rows_max).unwrap_or(usize::MAX);
        options.flush_bytes_max = store.flush_bytes_max.get();
        options.live_bytes_max = store.live_bytes_max.get();
        options.encode_threads = store.encode_threads as usize;
        options.unpacked_bytes_max = self.queue.unpacked_bytes_max.get();
        options.janitor_interval = store.janitor_interval.get();
        options.split.zstd_level = store.zstd_level;
        options.merge_zstd_level = store.merge_zstd_level;
        options.merge_bytes_max = store.merge_bytes_max.get();
        options.retention_age = store.retention_age.map(super::Age::get);
        options.retention_bytes = store.retention_bytes.map(super::Size::get);
        options.retention = self.retention.policies();
        options.ledger_sources_max = store.ledger_sources_max;
        // What is done is on record whoever configures.
        options.journal = true;
        options.integrity = self.integrity.options();
        options
    }

    /// What is kept of dashboards and saved searches.
    #[cfg(feature = "store")]
    pub(crate) fn kept_limits(&self) -> timberline_store::http::KeptLimits {
        timberline_store::http::KeptLimits {
            dashboards_max: self.store.dashboards_max,
            searches_max: self.store.saved_searches_max,
            document_bytes_max: self.store.document_bytes_max.get(),
        }
    }

    /// The limits of queries, which spill below the store's `dir`.
    #[cfg(feature = "store")]
    pub(crate) fn read_options(&self, dir: &std::path::Path) -> timberline_store::read::ReadOptions {
        use timberline_store::read::ReadOptions;
        let query = &self.query;
        let threads = match query.threads {
            0 => ReadOptions::default().threads,
            threads => threads as usize,
        };
        ReadOptions {
            rows_default: query.rows_default,
            rows_max: query.rows_max,
            memory_bytes_max: usize::try_from(query.memory_bytes_max.get()).unwrap_or(usize::MAX),
            spill_dir: Some(dir.join("spill")),
            spill_bytes_max: query.spill_bytes_max.get(),
            cache_bytes_max: usize::try_from(query.cache_bytes_max.get()).unwrap_or(usize::MAX),
            scan_rows_max: query.scan_rows_max,
            scan_bytes_max: query.scan_bytes_max.get(),
            filter_tests_max: query.filter_tests_max as usize,
            time_limit: query.time_limit.get(),
            lag_tolerance: self.server.lag_tolerance.get(),
            fields_sample_rows: usize::try_from(query.fields_sample_rows).unwrap_or(usize::MAX),
            patterns_merge_max: query.patterns_merge_max as usize,
            exports_max: query.exports_max as usize,
            export_time_limit: query.export_time_limit.get(),
            explain_time_limit: query.explain_time_limit.get(),
            room_sample_pages: query.room_sample_pages as usize,
            room_rows_max: query.room_rows_max as usize,
            room_kept_max: query.room_kept_max as usize,
            concurrent_max: query.concurrent_max as usize,
            tails_max: query.tails_max as usize,
            tables: query.tables.clone(),
            threads,
        }
    }
}
