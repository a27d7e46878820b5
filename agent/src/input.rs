//! What is set for some files only: how their bytes become lines, and lines events.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{AgentConfig, StartAt};
use crate::error::AgentError;
use crate::lines::{
    self, Encoding, Event, Flush, Format, Found, Limits, Multiline, MultilineLimits, Piece, Place, Reading,
    SPAN_LIMITS, Stopped,
};
use crate::scan::Globs;

/// Files that are read in a way of their own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileInput {
    /// Files to follow. A file is of the first input that names it.
    pub tail: Vec<String>,
    /// Files and directories not to follow, besides those that no input does.
    pub exclude: Vec<String>,
    /// Their encoding, by a name of the WHATWG Encoding Standard; empty: UTF-8, or UTF-16 where a
    /// byte order mark says so.
    pub encoding: String,
    /// What a container's runtime wrote around their lines.
    pub format: Format,
    /// Which lines belong together.
    pub multiline: Option<MultilineConfig>,
    /// As the agent's, where it differs.
    pub start_at: Option<StartAt>,
    /// As the agent's, where it differs.
    pub ignore_older: Option<Duration>,
    /// More attributes of their streams; they win over the agent's.
    pub attributes: BTreeMap<String, String>,
}

/// Which lines belong together. At least one of `start`, `continuation`, `indent` and `rules` says it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultilineConfig {
    /// A line that matches this regex begins an event; if nothing else is said, all others go on.
    pub start: Option<String>,
    /// A line that matches this regex goes on.
    pub continuation: Option<String>,
    /// A line that begins with a space or a tab goes on.
    pub indent: bool,
    /// Ready-made rules for stack traces: `java`, `python`, `go`, `node`, `dotnet`, `ruby`, `php`.
    pub rules: Vec<String>,
    /// Lines of an event; what comes behind them is an event of its own.
    pub lines_max: u64,
    /// Bytes of an event; what comes behind them is an event of its own. At most `line_bytes_max`.
    pub bytes_max: u64,
    /// How long an event at the end of its file waits for more lines.
    pub timeout: Duration,
}

impl Default for MultilineConfig {
    fn default() -> Self {
        Self {
            start: None,
            continuation: None,
            indent: false,
            rules: Vec::new(),
            lines_max: 1000,
            bytes_max: 1 << 20,
            timeout: Duration::from_secs(1),
        }
    }
}

/// An input, ready to be used.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) encoding: Encoding,
    pub(crate) format: Format,
    pub(crate) multiline: Option<Multiline>,
    pub(crate) limits: MultilineLimits,
    pub(crate) timeout: Duration,
    pub(crate) start_at: StartAt,
    pub(crate) ignore_older: Duration,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// The inputs of a configuration in the order in which files are asked for, and their patterns. The
/// last one is what is set for all files.
///
/// # Errors
/// [`AgentError::Config`] with what cannot be read.
pub(crate) fn inputs(config: &AgentConfig) -> Result<(Vec<Input>, Globs), AgentError> {
    let base = FileInput {
        tail: config.tail.clone(),
        ..FileInput::default()
    };
    let all: Vec<&FileInput> = config.files.iter().chain([&base]).collect();
    let excludes: Vec<Vec<String>> = all
        .iter()
        .map(|input| [&config.exclude[..], &input.exclude[..]].concat())
        .collect();
    let patterns: Vec<(&[String], &[String])> = all
        .iter()
        .zip(&excludes)
        .map(|(input, exclude)| (&input.tail[..], &exclude[..]))
        .collect();
    let globs = Globs::new(&patterns)?;
    let inputs: Result<Vec<Input>, AgentError> = all.iter().map(|input| Input::new(input, config)).collect();
    Ok((inputs?, globs))
}

/// Checks what is set for some files only.
///
/// # Errors
/// [`AgentError::Config`] with what cannot be read.
pub fn check_files(files: &[FileInput]) -> Result<(), AgentError> {
    let config = AgentConfig {
        files: files.to_vec(),
        ..AgentConfig::default()
    };
    inputs(&config).map(drop)
}

impl Input {
    /// # Errors
    /// [`AgentError::Config`] with what cannot be read.
    pub(crate) fn new(input: &FileInput, config: &AgentConfig) -> Result<Self, AgentError> {
        let of = input.tail.first().cloned().unwrap_or_default();
        let fail = |reason: String| AgentError::Config {
            key: "files",
            reason: format!("of {of:?}: {reason}"),
        };
        let encoding = Encoding::named(&input.encoding)
            .ok_or_else(|| fail(format!("encoding: {:?} is none that can be read", input.encoding)))?;
        let set = input.multiline.clone().unwrap_or_default();
        if set.lines_max == 0 || set.lines_max > 1 << 20 {
            return Err(fail("multiline.lines_max: must be 1 to 1048576".into()));
        }
        if set.bytes_max < 64 {
            return Err(fail("multiline.bytes_max: must be at least 64".into()));
        }
        let limits = MultilineLimits {
            lines_max: set.lines_max as usize,
            bytes_max: set.bytes_max.min(config.part_bytes_max()) as usize,
        };
        let compile = |set: &MultilineConfig| {
            Multiline::new(
                set.start.as_deref(),
                set.continuation.as_deref(),
                set.indent,
                &set.rules,
            )
            .map_err(|why| fail(format!("multiline: {why}")))
        };
        Ok(Self {
            encoding,
            format: input.format,
            multiline: input.multiline.as_ref().map(compile).transpose()?,
            limits,
            timeout: set.timeout,
            start_at: input.start_at.unwrap_or(config.start_at),
            ignore_older: input.ignore_older.unwrap_or(config.ignore_older),
            attributes: input.attributes.clone(),
        })
    }

    /// How a file's bytes are read, told by its first ones. None if they do not tell yet, which they do
    /// where they are the `whole` file.
    pub(crate) fn read_as(&self, mut prefix: Vec<u8>, whole: bool) -> Option<(Encoding, Format)> {
        if whole {
            prefix.push(b'\n');
        }
        let encoding = self.encoding.of_file(&prefix)?;
        let format = match encoding.wide() {
            Some(_) => Format::Plain,
            None => self.format.of_file(&prefix)?,
        };
        Some((encoding, format))
    }

    /// Whether each line of a file is an event as it is.
    fn is_plain(&self, (encoding, format): (Encoding, Format)) -> bool {
        encoding.is_plain() && format.is_plain() && self.multiline.is_none()
    }

    /// The limits of a cut of a file that is read as `read_as`, and the bytes to read so that one
    /// comes forward.
    pub(crate) fn limits_of(&self, read_as: (Encoding, Format), mut limits: Limits) -> (Limits, usize) {
        if !read_as.0.is_plain() {
            // A byte may become two of UTF-8.
            limits.line_bytes_max = (limits.line_bytes_max / 2).max(2);
            limits.bytes_max = (limits.bytes_max / 2).max(2);
        }
        let mut want = limits.bytes_max;
        if !self.is_plain(read_as) {
            let event_bytes_max = self.limits.bytes_max.min(limits.line_bytes_max);
            want = want.max(SPAN_LIMITS as usize * event_bytes_max) + limits.line_bytes_max + 8;
        }
        (limits, want.max(limits.line_bytes_max + 8))
    }

    /// Cuts `bytes`, which stand at `from` in a file, and gives each event and hole to `sink`.
    pub(crate) fn cut<'a>(
        &self,
        read_as: (Encoding, Format),
        bytes: &'a [u8],
        from: Place,
        flush: Flush,
        limits: Limits,
        mut sink: impl FnMut(Found<'a>),
    ) -> Stopped {
        if self.is_plain(read_as) {
            let (place, needs_more) = lines::cut(bytes, from, flush == Flush::All, limits, |piece| {
                sink(match piece {
                    Piece::Line(line) => Found::Event(Event::from(&line)),
                    Piece::Hole { start, end } => Found::Hole { start, end },
                });
            });
            return Stopped {
                place,
                needs_more,
                waiting: false,
            };
        }
        let reading = Reading {
            encoding: read_as.0,
            format: read_as.1,
            multiline: self.multiline.as_ref(),
            limits: MultilineLimits {
                bytes_max: self.limits.bytes_max.min(limits.line_bytes_max),
                ..self.limits
            },
            timeout_nanos: i64::try_from(self.timeout.as_nanos()).unwrap_or(i64::MAX),
        };
        lines::cut_events(bytes, from, flush, limits, reading, sink)
    }
}
