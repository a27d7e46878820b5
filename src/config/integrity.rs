//! `[integrity]`: trees over records, and who signs them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Age;

/// `[integrity]`: trees over records, and who signs them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IntegritySection {
    /// Whether what is published is hashed, and the hashes are signed. Switching it off is on record.
    pub(crate) enabled: bool,
    /// The secret key, made if it is not there; `store/integrity/key` in the data directory if absent.
    pub(crate) key_file: Option<PathBuf>,
    /// The log is signed so often at least, whether or not it grew.
    pub(crate) checkpoint_interval: Age,
    /// What is published is signed at once, unless something was signed within this time.
    pub(crate) checkpoint_pause: Age,
    /// Directories that get the same checkpoints, best of other machines.
    pub(crate) copy_directories: Vec<PathBuf>,
    /// Syslog servers that get each checkpoint, `udp://HOST:PORT` or `tcp://HOST:PORT`.
    pub(crate) copy_syslog: Vec<String>,
    /// Addresses that get each checkpoint by POST.
    pub(crate) copy_webhooks: Vec<String>,
}

impl Default for IntegritySection {
    fn default() -> Self {
        Self {
            enabled: true,
            key_file: None,
            checkpoint_interval: Age::seconds(600),
            checkpoint_pause: Age::seconds(10),
            copy_directories: Vec::new(),
            copy_syslog: Vec::new(),
            copy_webhooks: Vec::new(),
        }
    }
}

impl IntegritySection {
    /// # Errors
    /// The key, its value, and what it may be.
    pub(super) fn check(&self) -> Result<(), String> {
        for server in &self.copy_syslog {
            syslog(server)?;
        }
        let mut webhooks = self.copy_webhooks.iter();
        match webhooks.find(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            Some(url) => Err(format!(
                "integrity.copy_webhooks: {url} is not an address of http or https"
            )),
            None => Ok(()),
        }
    }

    #[cfg(feature = "store")]
    pub(super) fn options(&self) -> timberline_store::integrity::IntegrityOptions {
        use timberline_store::integrity::{CopyTo, SyslogCopy};
        let directories = self.copy_directories.iter().cloned().map(CopyTo::Directory);
        let servers = self.copy_syslog.iter().filter_map(|server| syslog(server).ok());
        let servers = servers.map(|(tcp, address)| {
            CopyTo::Syslog(SyslogCopy {
                address: address.to_owned(),
                tcp,
            })
        });
        let webhooks = self.copy_webhooks.iter().cloned().map(CopyTo::Webhook);
        timberline_store::integrity::IntegrityOptions {
            enabled: self.enabled,
            key_file: self.key_file.clone(),
            checkpoint_interval: self.checkpoint_interval.get(),
            checkpoint_pause: self.checkpoint_pause.get(),
            copies: directories.chain(servers).chain(webhooks).collect(),
        }
    }
}

/// Whether by TCP, and the address.
fn syslog(server: &str) -> Result<(bool, &str), String> {
    let parts = server
        .strip_prefix("tcp://")
        .map(|address| (true, address))
        .or_else(|| server.strip_prefix("udp://").map(|address| (false, address)));
    parts
        .filter(|(_, address)| {
            address
                .rsplit_once(':')
                .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        })
        .ok_or_else(|| format!("integrity.copy_syslog: {server} is not udp://HOST:PORT or tcp://HOST:PORT"))
}
