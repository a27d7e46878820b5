//! Programs that the configuration names. The message comes as JSON on standard input, never on the command
//! line, so no text of a log can become an option or a command of a shell.
//!
//! Exit code 0: taken. 65 (`EX_DATAERR`): refused for good. Any other, or none: worth another try.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{SendError, Target};
use crate::alert::notify::message::Message;
use crate::alert::notify::render::Rendered;

/// A program.
#[derive(Clone, Debug, Default)]
pub struct CommandOptions {
    /// Its file, by an absolute path.
    pub program: PathBuf,
    /// What stands on its command line; the same for every message.
    pub arguments: Vec<String>,
    /// Its environment beside `PATH`; nothing is inherited.
    pub environment: Vec<(String, super::Secret)>,
}

impl CommandOptions {
    pub(super) fn check(&self) -> Result<(), String> {
        match self.program.is_absolute() {
            true => Ok(()),
            false => Err(format!(
                "program = {:?} is no absolute path",
                self.program.display().to_string()
            )),
        }
    }
}

/// `EX_DATAERR` of sysexits.h.
const EXIT_REFUSED: i32 = 65;
const POLL: Duration = Duration::from_millis(10);
/// What has ended gives its output at once, unless a program of its own still holds it.
const OUTPUT_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct CommandTarget {
    options: CommandOptions,
    timeout: Duration,
    output_bytes_max: usize,
}

impl CommandTarget {
    pub(super) fn new(options: &CommandOptions, timeout: Duration, output_bytes_max: usize) -> Self {
        Self {
            options: options.clone(),
            timeout,
            output_bytes_max,
        }
    }

    fn start(&self, key: &str) -> std::io::Result<Child> {
        let mut command = Command::new(&self.options.program);
        command
            .args(&self.options.arguments)
            .env_clear()
            .current_dir("/")
            .process_group(0);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        for (name, value) in &self.options.environment {
            command.env(name, value.reveal());
        }
        command.env("TIMBERLINE_MESSAGE_KEY", key);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// Its output of both kinds as it comes, each up to the bound; the rest is read and dropped.
    fn collect(&self, child: &mut Child) -> Vec<mpsc::Receiver<Vec<u8>>> {
        let out = child.stdout.take().map(|out| Box::new(out) as Box<dyn Read + Send>);
        let err = child.stderr.take().map(|err| Box::new(err) as Box<dyn Read + Send>);
        let (max, pipes) = (self.output_bytes_max as u64, [out, err]);
        let threads = pipes.into_iter().flatten().map(|mut pipe| {
            let (give, get) = mpsc::channel();
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                pipe.by_ref().take(max).read_to_end(&mut bytes).ok();
                give.send(bytes).ok();
                std::io::copy(&mut pipe, &mut std::io::sink()).ok();
            });
            get
        });
        threads.collect()
    }

    fn wait(&self, child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
        let until = Instant::now() + self.timeout;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= until {
                kill_group(child);
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Target for CommandTarget {
    fn send(&self, message: &Message, rendered: &Rendered) -> Result<String, SendError> {
        let program = self.options.program.display();
        let mut child = self
            .start(&message.key)
            .map_err(|error| SendError::again(format!("{program} cannot be started: {error}")))?;
        let output = self.collect(&mut child);
        let input = child.stdin.take();
        let json = rendered.json();
        // One that does not read its input must not hold us up.
        std::thread::spawn(move || input.map(|mut input| input.write_all(json.as_bytes())));
        let ended = self
            .wait(&mut child)
            .map_err(|error| SendError::again(format!("{program}: {error}")))?;
        let texts = output.iter().filter_map(|output| output.recv_timeout(OUTPUT_WAIT).ok());
        let text = texts
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect::<Vec<_>>()
            .join("\n");
        let struck = self
            .options
            .environment
            .iter()
            .fold(text, |text, (_, value)| value.struck_from(&text));
        let text = struck.trim();
        match ended {
            None => Err(SendError::again(format!(
                "{program} was ended after {:?}: {text}",
                self.timeout
            ))),
            Some(status) if status.success() => Ok(format!("exit 0: {text}")),
            Some(status) => match (status.code(), status.signal()) {
                (Some(EXIT_REFUSED), _) => Err(SendError::Refused(format!("exit {EXIT_REFUSED}: {text}"))),
                (Some(code), _) => Err(SendError::again(format!("exit {code}: {text}"))),
                (None, signal) => Err(SendError::again(format!(
                    "ended by signal {}: {text}",
                    signal.unwrap_or(0)
                ))),
            },
        }
    }
}

/// The program and what it started.
fn kill_group(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        kill_process_group(pid, Signal::KILL).ok();
    }
    child.kill().ok();
}
