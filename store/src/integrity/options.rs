//! Limits and habits of integrity.

use std::path::PathBuf;
use std::time::Duration;

/// Limits and habits of integrity.
#[derive(Clone, Debug)]
pub struct IntegrityOptions {
    /// Whether what is published has trees. Default: yes.
    pub enabled: bool,
    /// The secret key, made if it is not there. Default: `integrity/key` in the store's directory.
    pub key_file: Option<PathBuf>,
    /// The log is signed so often at least, whether or not it grew. Default 10 min.
    pub checkpoint_interval: Duration,
    /// A seal is signed at once, unless a checkpoint was signed within this time: then when it is
    /// over. Default 10 s.
    pub checkpoint_pause: Duration,
    /// Where checkpoints are written besides the store's directory.
    pub copies: Vec<CopyTo>,
}

/// A second place for checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyTo {
    /// A directory, best of another machine: the same files.
    Directory(PathBuf),
    /// A syslog server: each checkpoint a message.
    Syslog(SyslogCopy),
    /// An address that takes each checkpoint as the body of a POST.
    Webhook(String),
}

/// A syslog server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogCopy {
    /// Host and port.
    pub address: String,
    /// TCP with octet counting (RFC 6587) rather than UDP (RFC 5426).
    pub tcp: bool,
}

impl Default for IntegrityOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            key_file: None,
            checkpoint_interval: Duration::from_secs(600),
            checkpoint_pause: Duration::from_secs(10),
            copies: Vec::new(),
        }
    }
}
