//! Exit codes, and the last words of a run that failed.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done, or stopped as asked with everything drained |
//! | 1 | something failed; the message says what |
//! | 2 | the command line, the configuration or the query is wrong |
//! | 3 | a port or the data directory is in use |
//! | 4 | stopped as asked, but the drain deadline passed; nothing is lost, the rest is read again at the next start |
//! | 64 | `verify` or `prove`: the command line is wrong; their other codes say what was found |
//! | 5 | `ledger` or `canary` found that something is lost, doubled or damaged |

use std::fmt;
use std::process::ExitCode;

/// An error that ends the program with a code of its own.
#[derive(Debug)]
pub(crate) struct Exit {
    code: u8,
    message: String,
}

impl Exit {
    /// The command line, the configuration or the query is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: 2,
            message: message.into(),
        }
    }

    /// A port or the data directory is in use.
    pub(crate) fn in_use(message: impl Into<String>) -> Self {
        Self {
            code: 3,
            message: message.into(),
        }
    }

    /// Something is lost, doubled or damaged.
    #[cfg(feature = "store")]
    pub(crate) fn loss(message: impl Into<String>) -> Self {
        Self {
            code: 5,
            message: message.into(),
        }
    }

    /// A code that a command describes itself.
    #[cfg(feature = "store")]
    pub(crate) fn code(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The drain deadline passed.
    #[cfg(feature = "store")]
    pub(crate) fn deadline(message: impl Into<String>) -> Self {
        Self {
            code: 4,
            message: message.into(),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Exit {}

/// Says what went wrong on standard error, and gives the code for it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let closed_pipe = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe);
    if closed_pipe {
        return ExitCode::SUCCESS; // the reader of our output has seen enough
    }
    eprintln!("timberline: {error:#}");
    ExitCode::from(error.downcast_ref::<Exit>().map_or(1, |exit| exit.code))
}
