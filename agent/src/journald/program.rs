//! `journalctl` as a child: its output in pieces, ended with all that it started.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use rustix::process::{Pid, Signal, kill_process_group};

use super::config::JournaldConfig;

/// A read takes so much.
const READ_BYTES: usize = 64 << 10;
/// Reads that wait to be taken.
const READS_MAX: usize = 4;

/// The running program. Ended when dropped.
pub(super) struct Program {
    child: Child,
    pub(super) reads: Receiver<Vec<u8>>,
}

impl Program {
    /// Starts it behind `after_cursor`. What it complains of goes to this program's standard error.
    pub(super) fn start(config: &JournaldConfig, after_cursor: Option<&str>) -> io::Result<Self> {
        let mut child = Command::new(&config.program)
            .args(config.arguments(after_cursor))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let output = child.stdout.take();
        let (sender, reads) = mpsc::sync_channel(READS_MAX);
        let program = Self { child, reads };
        std::thread::Builder::new()
            .name("timberline-journalctl".into())
            .spawn(move || read(output, &sender))?;
        Ok(program)
    }

    /// How it has ended.
    pub(super) fn ended(&mut self) -> String {
        self.child
            .wait()
            .map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let killed = group.map(|group| kill_process_group(group, Signal::KILL));
        tracing::trace!(?killed, "journalctl is ended");
        if let Err(error) = self.child.wait() {
            tracing::debug!(%error, "journalctl's end was not seen");
        }
    }
}

fn read(output: Option<impl Read>, sender: &mpsc::SyncSender<Vec<u8>>) {
    let Some(mut output) = output else { return };
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match output.read(&mut buffer) {
            Ok(len) if len > 0 => {
                if sender.send(buffer[..len].to_vec()).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}
