//! What the rules make of each record of a file, without sending anything.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;
use timberline_proto::batch::AttributeValue;
use timberline_proto::id::GenerationId;
use timberline_proto::line::{TimeHints, TimeReader};

use super::event::{Event, Origin, text};
use super::rules::{Rules, Verdict};
use crate::config::AgentConfig;
use crate::error::AgentError;
use crate::identity::PREFIX_BYTES_MAX;
use crate::input::{self, Input};
use crate::lines::{Flush, Found, Limits, Place};
use crate::stream;

/// One line and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PreviewLine {
    /// Its number, from 1; lines that are joined count as one, parts of a long line and holes for themselves.
    pub number: u64,
    /// Its first byte in the file.
    pub start: u64,
    /// Bytes in the file, line end included.
    pub source_bytes: u64,
    /// The line as it is sent; bytes that are no text as U+FFFD.
    pub line: String,
    /// Its time, RFC 3339.
    pub time: String,
    /// Whether that is the line's own, or the time of reading.
    pub time_found: bool,
    /// The attributes that it gets.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Where it is sent.
    pub topic: String,
    /// The rule that drops it, or `nul_hole`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_by: Option<String>,
    /// The rules that were about it and what they did, in their order.
    pub rules: Vec<PreviewStep>,
    /// What was redacted, and how often.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub redacted: BTreeMap<String, usize>,
}

/// What one rule did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviewStep {
    /// Its name.
    pub rule: String,
    /// In a word or two.
    pub did: &'static str,
}

impl PreviewLine {
    /// An attribute's text.
    pub fn attribute_text(value: &AttributeValue) -> String {
        text(value).into_owned()
    }
}

/// Reads `input` as if it were the file at `path`, with the encoding, format and multi-line that are set
/// for it, and gives each record with what the rules make of it to `each`, until that says no more.
/// Memory is bounded by a batch.
///
/// # Errors
/// [`AgentError`] if a rule is wrong, or the input or `each` fails.
pub fn preview(
    config: &AgentConfig,
    path: &Path,
    input: &mut dyn Read,
    each: &mut dyn FnMut(PreviewLine) -> io::Result<()>,
) -> Result<(), AgentError> {
    config.check()?;
    let zone = config.time_zone()?;
    let mut rules = config.rules()?;
    let (inputs, globs) = input::inputs(config)?;
    let input_at = globs.input_of(path).unwrap_or(inputs.len() - 1);
    let how = &inputs[input_at];
    let stream = stream::attributes(config, how, path);
    let mut selection = rules.select(&stream).unwrap_or_default();
    let topic = rules.topic(&stream).unwrap_or(&config.topic).to_owned();
    let limits = Limits {
        line_bytes_max: config.part_bytes_max() as usize,
        bytes_max: config.batch_bytes_max as usize,
        pieces_max: 4096,
    };
    let failed = AgentError::data_dir("cannot read", path);
    let now_nanos = jiff::Timestamp::now().as_nanosecond() as i64;
    let hints = TimeHints {
        reference_nanos: now_nanos,
        zone,
    };
    let mut state = State {
        rules: &mut rules,
        selection: &mut selection,
        stream: &stream,
        topic,
        hints,
        now_nanos,
        reader: TimeReader::new(),
        number: 0,
    };
    run(how, limits, input, &mut |found| each(state.event(found))).map_err(failed)
}

fn run(
    how: &Input,
    limits: Limits,
    input: &mut dyn Read,
    each: &mut dyn FnMut(Found<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer: Vec<u8> = Vec::new();
    let mut at_end = fill(input, &mut buffer, PREFIX_BYTES_MAX)?;
    let read_as = how.read_as(buffer.clone(), at_end).unwrap_or_default();
    let (limits, want) = how.limits_of(read_as, limits);
    let mut place = Place::default();
    loop {
        at_end = at_end || fill(input, &mut buffer, want)?;
        let flush = if at_end { Flush::All } else { Flush::No };
        let mut outcome = Ok(());
        let stopped = how.cut(read_as, &buffer, place, flush, limits, |found| {
            if outcome.is_ok() {
                outcome = each(found);
            }
        });
        outcome?;
        let used = (stopped.place.offset - place.offset) as usize;
        buffer.drain(..used);
        place = stopped.place;
        if at_end && (buffer.is_empty() || (stopped.needs_more && used == 0)) {
            return Ok(());
        }
    }
}

/// Reads until `buffer` holds `want` bytes. True at the end of the input.
fn fill(input: &mut dyn Read, buffer: &mut Vec<u8>, want: usize) -> io::Result<bool> {
    while buffer.len() < want {
        let missing = (want - buffer.len()) as u64;
        if (&mut *input).take(missing).read_to_end(buffer)? == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

struct State<'a> {
    rules: &'a mut Rules,
    selection: &'a mut super::Selection,
    stream: &'a BTreeMap<String, String>,
    topic: String,
    hints: TimeHints,
    now_nanos: i64,
    reader: TimeReader,
    number: u64,
}

impl State<'_> {
    fn event(&mut self, found: Found<'_>) -> PreviewLine {
        self.number += 1;
        let origin = |start| Origin {
            stream: self.stream,
            generation: GenerationId::default(),
            start,
        };
        let mut notes = Vec::new();
        let (event, source_bytes, dropped_by) = match found {
            Found::Hole { start, end } => {
                let event = Event {
                    origin: origin(start),
                    line: (&[][..]).into(),
                    time: (self.now_nanos, false),
                    attributes: Vec::new(),
                };
                (event, end - start, Some("nul_hole".to_owned()))
            }
            Found::Event(found) => {
                let time = found
                    .time
                    .or_else(|| self.reader.find(&found.bytes, &self.hints).map(|time| time.nanos));
                let mut event = Event {
                    origin: origin(found.start),
                    line: found.bytes,
                    time: time.map_or((self.now_nanos, false), |nanos| (nanos, true)),
                    attributes: found.attributes,
                };
                let verdict = self
                    .rules
                    .apply(self.selection, &mut event, &mut |note| notes.push(note));
                let dropped_by = match verdict {
                    Verdict::Keep => None,
                    Verdict::Drop(rule) => Some(self.rules.name(rule).to_owned()),
                };
                (event, u64::from(found.source_len), dropped_by)
            }
        };
        let mut redacted = BTreeMap::new();
        for (name, n) in notes.iter().flat_map(|note| &note.redacted) {
            *redacted.entry(name.clone()).or_insert(0) += n;
        }
        let time = jiff::Timestamp::from_nanosecond(event.time.0.into());
        PreviewLine {
            number: self.number,
            start: event.origin.start,
            source_bytes,
            line: String::from_utf8_lossy(&event.line).into_owned(),
            time: time.map(|time| time.to_string()).unwrap_or_default(),
            time_found: event.time.1,
            attributes: event.attributes.into_iter().collect(),
            topic: self.topic.clone(),
            dropped_by,
            rules: notes
                .into_iter()
                .map(|note| PreviewStep {
                    rule: note.rule,
                    did: note.what,
                })
                .collect(),
            redacted,
        }
    }
}
