//! What the types of the configuration do not say: checked when it is read, so that
//! `config check` finds what a start would stumble over.

use super::Config;

/// Partitions of a topic at most: each costs a directory, a thread and a file held open.
const PARTITIONS_MAX: u32 = 256;
/// What zstd calls its levels.
const ZSTD_LEVELS: std::ops::RangeInclusive<i32> = 1..=22;

impl Config {
    /// # Errors
    /// The key, its value, and what it may be.
    pub(super) fn check(&self) -> Result<(), String> {
        let partitions = self.queue.partitions;
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err(format!(
                "queue.partitions = {partitions} is not within 1 to {PARTITIONS_MAX}"
            ));
        }
        let percent = self.queue.high_water_percent;
        if !(1..=100).contains(&percent) {
            return Err(format!("queue.high_water_percent = {percent} is not within 1 to 100"));
        }
        for (key, count) in [
            ("server.connections_max", self.server.connections_max),
            ("server.grpc_connections_max", self.server.grpc_connections_max),
            (
                "server.grpc_connections_per_address_max",
                self.server.grpc_connections_per_address_max,
            ),
        ] {
            if count == 0 {
                return Err(format!("{key} = 0 lets nobody in"));
            }
        }
        for (key, level) in [
            ("agent.zstd_level", self.agent.zstd_level),
            ("store.zstd_level", self.store.zstd_level),
            ("store.merge_zstd_level", self.store.merge_zstd_level),
        ] {
            if !ZSTD_LEVELS.contains(&level) {
                return Err(format!(
                    "{key} = {level} is not within {} to {}",
                    ZSTD_LEVELS.start(),
                    ZSTD_LEVELS.end()
                ));
            }
        }
        listener("server.http", &self.server.http)?;
        listener("server.grpc", &self.server.grpc)?;
        #[cfg(any(feature = "agent", feature = "collector"))]
        for (key, syslog, gelf) in [
            ("server", &self.server.syslog, &self.server.gelf),
            ("agent", &self.agent.syslog, &self.agent.gelf),
        ] {
            for listener in super::listeners::listeners(syslog, gelf) {
                let kind = listener.protocol.name();
                listener.check().map_err(|reason| format!("{key}.{kind}: {reason}"))?;
            }
        }
        peer("agent.collector", &self.agent.collector)?;
        peer("store.collector", &self.store.collector)?;
        self.server.grpc_tls.check()?;
        self.integrity.check()?;
        self.server.http_tls.check()?;
        self.access.check()?;
        self.alerts.evaluation.check()?;
        self.backup.check()?;
        self.erasure.check()?;
        #[cfg(feature = "agent")]
        timberline_agent::check_globs(&self.agent.tail, &self.agent.exclude)
            .map_err(|error| format!("agent: {error}"))?;
        #[cfg(feature = "agent")]
        timberline_agent::check_files(&self.agent.file_inputs()).map_err(|error| format!("agent: {error}"))?;
        #[cfg(feature = "agent")]
        timberline_agent::check_rules(&self.agent.rules).map_err(|error| format!("agent.rules: {error}"))?;
        #[cfg(feature = "store")]
        timberline_store::retain::check(&self.store_options(std::path::PathBuf::new()).policies())
            .map_err(|error| format!("retention: {error}"))?;
        #[cfg(feature = "store")]
        self.notify_options()
            .and_then(|options| timberline_store::alert::notify::Notifier::check(&options))?;
        #[cfg(feature = "collector")]
        self.time_zone().map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// `HOST:PORT`. Whether the host exists is asked when it is listened on.
fn listener(key: &str, address: &str) -> Result<(), String> {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(()),
        _ => Err(format!(
            "{key} = {address:?} is no address; write HOST:PORT, such as \"127.0.0.1:7700\" (port 0 takes any)"
        )),
    }
}

/// A URL to connect to; none is where the machine enrolled.
fn peer(key: &str, url: &str) -> Result<(), String> {
    if url.is_empty() {
        return Ok(());
    }
    let parsed = url.parse::<timberline_proto::tls::CollectorUrl>();
    parsed.map(|_| ()).map_err(|error| format!("{key} = {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Config), key: &str) {
        let mut config = Config::default();
        change(&mut config);
        let message = config.check().unwrap_err();
        assert!(message.contains(key), "{message}");
    }

    #[test]
    fn what_a_start_would_stumble_over_is_named_by_its_key() {
        assert_eq!(Config::default().check(), Ok(()));
        refused(|config| config.queue.partitions = 0, "queue.partitions");
        refused(|config| config.server.http = "7700".to_owned(), "server.http");
        refused(
            |config| config.server.grpc = "localhost:70000".to_owned(),
            "server.grpc",
        );
        refused(
            |config| config.agent.collector = "logs:4317".to_owned(),
            "agent.collector",
        );
        refused(
            |config| config.server.grpc_tls.names = vec!["https://logs".to_owned()],
            "server.grpc_tls.names",
        );
        refused(
            |config| config.server.grpc_tls.key = Some("server.key".into()),
            "server.grpc_tls.certificate",
        );
        refused(|config| config.store.merge_zstd_level = 40, "store.merge_zstd_level");
        #[cfg(feature = "agent")]
        refused(|config| config.agent.tail = vec!["/var/log/[".to_owned()], "tail");
        #[cfg(feature = "agent")]
        refused(
            |config| {
                config.agent.files.push(crate::config::sections::FilesSection {
                    encoding: "klingon".to_owned(),
                    ..Default::default()
                });
            },
            "encoding",
        );
        refused(
            |config| config.agent.syslog.push(Default::default()),
            "agent.syslog: listen",
        );
        refused(
            |config| {
                config.server.gelf.push(crate::config::listeners::ListenerSection {
                    listen: "0.0.0.0:12201".to_owned(),
                    transport: crate::config::listeners::Transport::Tls,
                    ..Default::default()
                });
            },
            "server.gelf: of 0.0.0.0:12201: certificate",
        );
        #[cfg(feature = "collector")]
        refused(|config| config.zone = "Europe/Atlantis".to_owned(), "zone");
    }

    #[test]
    fn addresses_of_any_family_and_names_are_taken() {
        for address in ["0.0.0.0:0", "[::1]:7700", "logs.example:7700"] {
            assert_eq!(listener("server.http", address), Ok(()));
        }
        for url in ["http://[::1]:4317/", "https://logs.example:4317", ""] {
            assert_eq!(peer("agent.collector", url), Ok(()));
        }
    }
}
