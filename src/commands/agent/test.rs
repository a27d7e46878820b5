//! `timberline agent test`: what the rules make of each line.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use timberline_agent::{AgentError, PreviewLine};

use crate::config::Config;

/// Bytes of a value shown to people.
const SHOWN_CHARS_MAX: usize = 2000;

/// Prints at most `limit` lines.
///
/// # Errors
/// If the input cannot be read or a rule is wrong.
pub(super) fn run(config: &Config, input: &Path, path: Option<&Path>, limit: u64, json: bool) -> anyhow::Result<()> {
    let (mut reader, name): (Box<dyn Read>, PathBuf) = if input == Path::new("-") {
        (Box::new(io::stdin().lock()), PathBuf::from("/dev/stdin"))
    } else {
        let file = File::open(input).with_context(|| format!("cannot read {}", input.display()))?;
        let absolute = std::path::absolute(input).unwrap_or_else(|_| input.to_owned());
        (Box::new(file), absolute)
    };
    let agent = config.agent_config(&config.agent.collector, PathBuf::new());
    let mut out = BufWriter::new(io::stdout().lock());
    let mut counts = Counts::default();
    let result = timberline_agent::preview(&agent, path.unwrap_or(&name), &mut reader, &mut |line| {
        if counts.lines == limit {
            return Err(Stop::error());
        }
        counts.add(&line);
        if json {
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")
        } else {
            show(&mut out, &line)
        }
    });
    match result {
        Ok(()) => {}
        Err(AgentError::DataDir { source, .. }) if Stop::is(&source) => {}
        Err(AgentError::DataDir { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    if !json {
        writeln!(
            out,
            "{} lines: {} sent, {} dropped, {} values redacted",
            counts.lines,
            counts.lines - counts.dropped,
            counts.dropped,
            counts.redacted
        )?;
    }
    out.flush()?;
    Ok(())
}

#[derive(Default)]
struct Counts {
    lines: u64,
    dropped: u64,
    redacted: usize,
}

impl Counts {
    fn add(&mut self, line: &PreviewLine) {
        self.lines += 1;
        self.dropped += u64::from(line.dropped_by.is_some());
        self.redacted += line.redacted.values().sum::<usize>();
    }
}

/// Ends the preview at the limit.
#[derive(Debug)]
struct Stop;

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("enough lines")
    }
}

impl std::error::Error for Stop {}

impl Stop {
    fn error() -> io::Error {
        io::Error::other(Self)
    }

    fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// A block per line, for people: control characters escaped.
fn show(out: &mut impl Write, line: &PreviewLine) -> io::Result<()> {
    let end = line.start + line.source_bytes;
    let verdict = match &line.dropped_by {
        Some(rule) => format!("dropped by {rule}"),
        None => format!("to {}", line.topic),
    };
    writeln!(out, "{}  bytes {}..{end}  {verdict}", line.number, line.start)?;
    let mut row = |name: &str, value: &str| writeln!(out, "    {name:<12} {}", plain(value));
    row("line", &line.line)?;
    row(
        "time",
        &if line.time_found {
            line.time.clone()
        } else {
            format!("{} (of reading)", line.time)
        },
    )?;
    for (name, value) in &line.attributes {
        row(&plain(name), &PreviewLine::attribute_text(value))?;
    }
    if !line.rules.is_empty() {
        let steps: Vec<String> = line
            .rules
            .iter()
            .map(|step| format!("{}: {}", step.rule, step.did))
            .collect();
        row("rules", &steps.join(", "))?;
    }
    if !line.redacted.is_empty() {
        let found: Vec<String> = line.redacted.iter().map(|(name, n)| format!("{name} × {n}")).collect();
        row("redacted", &found.join(", "))?;
    }
    Ok(())
}

fn plain(text: &str) -> String {
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == SHOWN_CHARS_MAX {
            shown.push('…');
            break;
        }
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}
