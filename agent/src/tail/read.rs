//! Reading one file: is it still the same, what is new, one batch of it.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use timberline_proto::batch::{AttributeValue, BatchBuilder, BatchMeta, Dropped, NewRecord};
use timberline_proto::id::AgentId;
use timberline_proto::line::TimeHints;

use super::file::{Cut, Tail};
use crate::config::AgentConfig;
use crate::identity::{PREFIX_BYTES_MAX, Print, Stat, read_at, read_marker, read_prefix, read_settled_prefix};
use crate::lines::{
    self, Encoding, Flush, Format, Found, HOLE_BYTES_MIN, Limits, MultilineLimits, Piece, Place, Reading, SPAN_LIMITS,
    Stopped,
};
use crate::ship::Batch;

/// What reading a file once gave.
pub(crate) enum Outcome {
    /// A batch; there may be more.
    Batch(Box<Batch>),
    /// Nothing can be cut before the file grows.
    AtEnd,
    /// Other bytes stand where the generation's were.
    Replaced,
    /// It cannot be read now.
    Failed(io::Error),
}

/// Cuts batches. One for all files: its buffers are the agent's largest.
pub(crate) struct Reader {
    agent: AgentId,
    topic_level: i32,
    zone: jiff::tz::TimeZone,
    limits: Limits,
    buffer: Vec<u8>,
    builder: BatchBuilder,
    partial: Vec<(String, AttributeValue)>,
}

/// What a cut adds up to.
#[derive(Default)]
struct Tally {
    records: u32,
    lf: u32,
    crlf: u32,
    dropped: Vec<Dropped>,
    last_was_hole: bool,
}

impl Reader {
    pub(crate) fn new(config: &AgentConfig, agent: AgentId, zone: jiff::tz::TimeZone) -> Self {
        let limits = Limits {
            line_bytes_max: config.part_bytes_max() as usize,
            bytes_max: config.batch_bytes_max as usize,
            pieces_max: config.batch_records_max.min(1 << 20) as usize,
        };
        Self {
            agent,
            topic_level: config.compression_level,
            zone,
            limits,
            buffer: Vec::new(),
            builder: BatchBuilder::new(),
            partial: vec![("log.partial".into(), AttributeValue::Bool(true))],
        }
    }

    /// The collector takes encoded batches up to `bytes`. Bytes that do not compress grow by a
    /// little, many short lines by more: half leaves room.
    pub(crate) fn limit(&mut self, bytes: u64) {
        let half = (bytes / 2).max(1024) as usize;
        self.limits.bytes_max = self.limits.bytes_max.min(half);
        self.limits.line_bytes_max = self.limits.line_bytes_max.min(half);
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.limits.bytes_max as u64
    }

    /// Reads what is new and cuts at most one batch of it.
    pub(crate) fn read(&mut self, tail: &mut Tail, now: Instant, now_nanos: i64) -> Outcome {
        self.try_read(tail, now, now_nanos).unwrap_or_else(Outcome::Failed)
    }

    fn try_read(&mut self, tail: &mut Tail, now: Instant, now_nanos: i64) -> io::Result<Outcome> {
        let Some(file) = &tail.file else {
            return Err(io::Error::other("not open"));
        };
        let stat = Stat::from(&file.metadata()?);
        if stat.size < tail.cut.offset {
            return Ok(Outcome::Replaced);
        }
        tail.find_how_to_read()?;
        let Some(file) = &tail.file else {
            return Err(io::Error::other("not open"));
        };
        let (limits, want) = self.limits_of(tail);
        let head = tail.cut_marker.len as usize;
        let start = tail.cut.offset - head as u64;
        let want = want + head;
        self.buffer.resize(want.min((stat.size - start) as usize + 1), 0);
        let n = read_at(file, &mut self.buffer, start)?;
        // After the bytes: then they are of the life that is checked, also if it is over by now.
        if !same_prefix(file, &mut tail.prefix)? {
            return Ok(Outcome::Replaced);
        }
        let at_end = n < want;
        let marker = self.buffer[..n].get(..head).unwrap_or_default();
        if n < head || Print::of(marker) != tail.cut_marker {
            return Ok(Outcome::Replaced);
        }
        if tail.size < start + n as u64 {
            tail.grew_at = now;
            // What has come may belong to what was to be cut without it.
            if tail.flush == Flush::Events {
                tail.flush = Flush::No;
            }
        }
        tail.size = stat.size.max(start + n as u64);
        tail.mtime = stat.mtime;
        let from = tail.cut;
        let flush = if at_end { tail.flush } else { Flush::No };
        let hints = TimeHints {
            reference_nanos: tail.packed.map_or(stat.mtime, |packed| packed.mtime).min(now_nanos),
            zone: self.zone.clone(),
        };
        let mut tally = Tally::default();
        let stopped = self.cut(tail, from, head, n, flush, limits, &hints, now_nanos, &mut tally);
        let (mut to, needs_more) = (stopped.place, stopped.needs_more);
        let ended = start + n as u64;
        let mut marker = Print::marker(&self.buffer[..head + (to.offset - from.offset) as usize]);
        if tally.last_was_hole && to.offset + HOLE_BYTES_MIN as u64 == ended {
            let file = tail.file.as_ref().ok_or_else(|| io::Error::other("not open"))?;
            (to, marker) = tally.skip_hole(file, to, tail.size)?;
        }
        if at_end && needs_more {
            if flush == tail.flush {
                tail.flush = Flush::No;
            }
            tail.looked = ended.max(to.offset);
            tail.waiting = stopped.waiting;
            if !tail.waiting {
                tail.read_to_end_at = now_nanos;
            }
        }
        if to.offset == from.offset {
            return Ok(Outcome::AtEnd);
        }
        Ok(Outcome::Batch(Box::new(
            self.finish(tail, to, marker, tally, now_nanos),
        )))
    }

    /// The limits of a cut of this file, and the bytes to read so that one comes forward.
    fn limits_of(&self, tail: &Tail) -> (Limits, usize) {
        let mut limits = self.limits;
        let (encoding, format) = tail.read_as.unwrap_or_default();
        if !encoding.is_plain() {
            // A byte may become two of UTF-8.
            limits.line_bytes_max = (limits.line_bytes_max / 2).max(2);
            limits.bytes_max = (limits.bytes_max / 2).max(2);
        }
        let mut want = limits.bytes_max;
        if !is_plain(tail, encoding, format) {
            let event_bytes_max = tail.input.limits.bytes_max.min(limits.line_bytes_max);
            want = want.max(SPAN_LIMITS as usize * event_bytes_max) + limits.line_bytes_max + 8;
        }
        (limits, want.max(limits.line_bytes_max + 8))
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "each is of another part of the reader or its file"
    )]
    fn cut(
        &mut self,
        tail: &mut Tail,
        from: Place,
        head: usize,
        n: usize,
        flush: Flush,
        limits: Limits,
        hints: &TimeHints,
        now_nanos: i64,
        tally: &mut Tally,
    ) -> Stopped {
        let bytes = &self.buffer[head..n];
        let (builder, partial) = (&mut self.builder, &self.partial);
        let (encoding, format) = tail.read_as.unwrap_or_default();
        if is_plain(tail, encoding, format) {
            let (place, needs_more) = lines::cut(bytes, from, flush == Flush::All, limits, |piece| match piece {
                Piece::Line(line) => {
                    let event = Line {
                        bytes: line.bytes,
                        start: line.start,
                        source_len: line.source_len,
                        part: line.part,
                        time: None,
                        attributes: if line.partial { partial } else { &[] },
                    };
                    push(builder, tail, hints, now_nanos, &event, tally);
                }
                Piece::Hole { start, end } => tally.hole(start, end),
            });
            return Stopped {
                place,
                needs_more,
                waiting: false,
            };
        }
        let input = tail.input.clone();
        let reading = Reading {
            encoding,
            format,
            multiline: input.multiline.as_ref(),
            limits: MultilineLimits {
                bytes_max: input.limits.bytes_max.min(limits.line_bytes_max),
                ..input.limits
            },
            timeout_nanos: i64::try_from(input.timeout.as_nanos()).unwrap_or(i64::MAX),
        };
        lines::cut_events(bytes, from, flush, limits, reading, |found| match found {
            Found::Event(event) => {
                let line = Line {
                    bytes: &event.bytes,
                    start: event.start,
                    source_len: event.source_len,
                    part: event.part,
                    time: event.time,
                    attributes: &event.attributes,
                };
                push(builder, tail, hints, now_nanos, &line, tally);
            }
            Found::Hole { start, end } => tally.hole(start, end),
        })
    }

    fn finish(&mut self, tail: &mut Tail, to: Place, marker: Print, tally: Tally, now_nanos: i64) -> Batch {
        let from = tail.cut;
        let first = !tail.confirmed && tail.cuts.is_empty();
        let meta = BatchMeta {
            stream: (*tail.stream).clone(),
            agent: Some(self.agent),
            generation: Some(tail.generation),
            range: (from.offset, to.offset),
            eol_bytes: if tally.crlf > tally.lf { 2 } else { 1 },
            observed_nanos: now_nanos,
            file: first.then(|| file_json(tail)),
            dropped: tally.dropped,
        };
        let bytes = self.builder.finish(&meta, self.topic_level);
        tail.cut = to;
        tail.cut_marker = marker;
        tail.cuts.push_back(Cut {
            start: from.offset,
            end: to,
            marker,
            acked: false,
        });
        Batch {
            generation: tail.generation,
            epoch: tail.epoch,
            start: from.offset,
            end: to.offset,
            records: tally.records,
            bytes,
            meta,
        }
    }
}

impl Tally {
    fn hole(&mut self, start: u64, end: u64) {
        match self.dropped.last_mut().filter(|last| last.end == start) {
            Some(last) => last.end = end,
            None => self.dropped.push(Dropped {
                start,
                end,
                reason: "nul_hole".into(),
            }),
        }
        self.last_was_hole = true;
    }

    /// A hole that goes on beyond the buffer is skipped at once where the filesystem knows it.
    fn skip_hole(&mut self, file: &File, to: Place, size: u64) -> io::Result<(Place, Print)> {
        let data = match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(to.offset)) {
            Ok(data) => data,
            Err(rustix::io::Errno::NXIO) => size,
            Err(_) => to.offset,
        };
        let offset = to.offset.max(data.min(size).saturating_sub(HOLE_BYTES_MIN as u64));
        self.hole(to.offset, offset);
        Ok((Place { offset, part: 0 }, read_marker(file, offset)?))
    }
}

/// What becomes one record.
struct Line<'a> {
    bytes: &'a [u8],
    start: u64,
    source_len: u32,
    part: Option<(u32, bool)>,
    /// Where it is known from elsewhere than the line.
    time: Option<i64>,
    attributes: &'a [(String, AttributeValue)],
}

fn push(
    builder: &mut BatchBuilder,
    tail: &mut Tail,
    hints: &TimeHints,
    now_nanos: i64,
    line: &Line<'_>,
    tally: &mut Tally,
) {
    let continued = line.part.is_some_and(|(index, _)| index > 0);
    let time = match (line.time, tail.long_line_time) {
        (Some(time), _) => (time, true),
        (None, Some(time)) if continued => time,
        _ if continued => (now_nanos, false),
        _ => tail
            .time
            .find(line.bytes, hints)
            .map_or((now_nanos, false), |found| (found.nanos, true)),
    };
    tail.long_line_time = matches!(line.part, Some((_, false))).then_some(time);
    match (line.source_len as usize).checked_sub(line.bytes.len()) {
        Some(1) => tally.lf += 1,
        Some(2) => tally.crlf += 1,
        _ => {}
    }
    tally.records += 1;
    tally.last_was_hole = false;
    builder.push(&NewRecord {
        time_nanos: time.0,
        time_parsed: time.1,
        observed_nanos: None,
        line: line.bytes,
        place: Some((line.start, line.source_len)),
        part: line.part,
        attributes: line.attributes,
    });
}

/// Whether each line of a file is a record as it is.
fn is_plain(tail: &Tail, encoding: Encoding, format: Format) -> bool {
    encoding.is_plain() && format.is_plain() && tail.input.multiline.is_none()
}

impl Tail {
    /// Looks at the first bytes of the open file, which tell its encoding and format, if that is not
    /// known yet. Before they do, there is no whole line.
    pub(crate) fn find_how_to_read(&mut self) -> io::Result<()> {
        let Some(file) = self.file.as_ref().filter(|_| self.read_as.is_none()) else {
            return Ok(());
        };
        let mut prefix = read_prefix(file)?;
        if self.flush == Flush::All {
            // What is there is all that is going to tell.
            prefix.push(b'\n');
        }
        let Some(encoding) = self.input.encoding.of_file(&prefix) else {
            return Ok(());
        };
        let format = match encoding.wide() {
            Some(_) => Some(Format::Plain),
            None => self.input.format.of_file(&prefix),
        };
        let Some(format) = format else { return Ok(()) };
        self.read_as = Some((encoding, format));
        if let Some(name) = encoding.name() {
            let mut stream = (*self.stream).clone();
            stream.insert(ENCODING.into(), name.into());
            self.stream = Arc::new(stream);
        }
        Ok(())
    }
}

/// The stream's attribute that says what its lines were made from, if that is not UTF-8.
const ENCODING: &str = "log.file.encoding";

/// Checks the first bytes, for the marker alone can be the same in a rewritten file (lines that
/// end alike), and lets the prefix grow with the file.
fn same_prefix(file: &File, prefix: &mut Print) -> io::Result<bool> {
    let whole = prefix.len as usize == PREFIX_BYTES_MAX;
    let bytes = if whole {
        read_prefix(file)?
    } else {
        read_settled_prefix(file)?
    };
    if !prefix.begins(&bytes) && prefix.len > 0 {
        return Ok(false);
    }
    *prefix = Print::of(&bytes);
    Ok(true)
}

/// What identifies the file, for a collector that must give a lost registry back.
fn file_json(tail: &Tail) -> serde_json::Value {
    serde_json::json!({
        "path": tail.path.to_string_lossy(),
        "dev": tail.inode.dev,
        "ino": tail.inode.ino,
        "btime": tail.btime,
        "prefix_bytes": tail.prefix.len,
        "prefix_hash": format!("{:016x}", tail.prefix.hash),
    })
}

/// Whether `file` holds the bytes that a generation had: its prefix, and `marker` before `at`.
pub(crate) fn holds(file: &File, prefix: Print, at: u64, marker: Print) -> io::Result<bool> {
    Ok(file.metadata()?.len() >= at && prefix.begins(&read_prefix(file)?) && marker.stands_before(file, at)?)
}
