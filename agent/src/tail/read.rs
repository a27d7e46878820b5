//! Reading one file: is it still the same, what is new, one batch of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use timberline_proto::batch::{BatchBuilder, BatchMeta, Chained, Dropped};
use timberline_proto::id::AgentId;
use timberline_proto::line::TimeHints;

use super::file::{Cut, Tail};
use super::push::{Out, Tally, push};
use crate::config::AgentConfig;
use crate::identity::{PREFIX_BYTES_MAX, Print, Stat, read_at, read_prefix, read_settled_prefix};
use crate::lines::{Flush, Found, HOLE_BYTES_MIN, Limits, Place, Stopped};
use crate::process::Rules;
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
    rules: Rules,
    /// The configured topic.
    topic: Arc<str>,
    limits: Limits,
    /// Whether lines are chained.
    chain: bool,
    buffer: Vec<u8>,
    builder: BatchBuilder,
}

impl Reader {
    pub(crate) fn new(config: &AgentConfig, agent: AgentId, zone: jiff::tz::TimeZone, rules: Rules) -> Self {
        let limits = Limits {
            line_bytes_max: config.part_bytes_max() as usize,
            bytes_max: config.batch_bytes_max as usize,
            pieces_max: config.batch_records_max.min(1 << 20) as usize,
        };
        Self {
            agent,
            topic_level: config.compression_level,
            zone,
            rules,
            topic: config.topic.as_str().into(),
            limits,
            chain: config.chain,
            buffer: Vec::new(),
            builder: BatchBuilder::new(),
        }
    }

    /// The collector takes encoded batches up to `bytes`. Bytes that do not compress grow by a
    /// little, many short lines by more: half leaves room.
    pub(crate) fn limit(&mut self, bytes: u64) {
        let half = (bytes / 2).max(1024) as usize;
        self.limits.bytes_max = self.limits.bytes_max.min(half);
        self.limits.line_bytes_max = self.limits.line_bytes_max.min(half);
    }

    /// The topic of a generation, whose own is empty if its registry is older than topics of its own.
    pub(crate) fn topic(&self, own: &Arc<str>) -> Arc<str> {
        if own.is_empty() {
            self.topic.clone()
        } else {
            own.clone()
        }
    }

    /// The topic of a generation of this stream that begins now.
    pub(crate) fn route(&self, stream: &BTreeMap<String, String>) -> Arc<str> {
        self.rules.topic(stream).map_or_else(|| self.topic.clone(), Into::into)
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.limits.bytes_max as u64
    }

    /// Reads what is new and cuts at most one batch of it.
    pub(crate) fn read(&mut self, tail: &mut Tail, now: Instant, now_nanos: i64) -> Outcome {
        self.try_read(tail, now, now_nanos).unwrap_or_else(Outcome::Failed)
    }

    fn try_read(&mut self, tail: &mut Tail, now: Instant, now_nanos: i64) -> io::Result<Outcome> {
        // Out of the tail meanwhile, which learns while its file is read.
        let file = tail.file.take().ok_or_else(|| io::Error::other("not open"))?;
        let outcome = self.read_file(&file, tail, now, now_nanos);
        tail.file = Some(file);
        outcome
    }

    fn read_file(&mut self, file: &File, tail: &mut Tail, now: Instant, now_nanos: i64) -> io::Result<Outcome> {
        let Some(filled) = self.fill(file, tail, now)? else {
            return Ok(Outcome::Replaced);
        };
        let from = tail.cut;
        let flush = if filled.at_end { tail.flush } else { Flush::No };
        let mut tally = Tally::default();
        let stopped = self.cut(tail, &filled, flush, &mut tally, now_nanos);
        let mut to = stopped.place;
        let mut marker = Print::marker(&self.buffer[..filled.head + (to.offset - from.offset) as usize]);
        // Nothing from here on fails: what was pushed above is in the batch that is finished below.
        if tally.last_was_hole
            && to.offset + HOLE_BYTES_MIN as u64 == filled.end
            && let Some(skipped) = tally.skip_hole(file, to, tail.size)
        {
            (to, marker) = skipped;
        }
        if filled.at_end && stopped.needs_more {
            if flush == tail.flush {
                tail.flush = Flush::No;
            }
            tail.looked = filled.end.max(to.offset);
            tail.waiting = stopped.waiting;
            if !tail.waiting {
                tail.read_to_end_at = now_nanos;
            }
        }
        if to.offset == from.offset {
            debug_assert!(self.builder.is_empty(), "a record takes at least a byte of its file");
            return Ok(Outcome::AtEnd);
        }
        Ok(Outcome::Batch(Box::new(
            self.finish(tail, to, marker, tally, false, now_nanos),
        )))
    }

    /// Reads what is new into the buffer, if it stands behind the generation's own bytes.
    fn fill(&mut self, file: &File, tail: &mut Tail, now: Instant) -> io::Result<Option<Filled>> {
        let stat = Stat::from(&file.metadata()?);
        if stat.size < tail.cut.offset {
            return Ok(None);
        }
        tail.learn_how_to_read(file)?;
        let (limits, want) = tail.input.limits_of(tail.read_as.unwrap_or_default(), self.limits);
        let head = tail.cut_marker.len as usize;
        let start = tail.cut.offset - head as u64;
        let want = want + head;
        self.buffer.resize(want.min((stat.size - start) as usize + 1), 0);
        let n = read_at(file, &mut self.buffer, start)?;
        // After the bytes: then they are of the life that is checked, also if it is over by now.
        if !same_prefix(file, &mut tail.prefix)? {
            return Ok(None);
        }
        let marker = self.buffer[..n].get(..head).unwrap_or_default();
        if n < head || Print::of(marker) != tail.cut_marker {
            return Ok(None);
        }
        let end = start + n as u64;
        if tail.size < end {
            tail.grew_at = now;
            // What has come may belong to what was to be cut without it.
            if tail.flush == Flush::Events {
                tail.flush = Flush::No;
            }
        }
        tail.size = stat.size.max(end);
        tail.mtime = stat.mtime;
        Ok(Some(Filled {
            head,
            len: n,
            end,
            at_end: n < want,
            limits,
        }))
    }

    /// Cuts what the buffer holds into records, which go to the builder.
    fn cut(&mut self, tail: &mut Tail, filled: &Filled, flush: Flush, tally: &mut Tally, now_nanos: i64) -> Stopped {
        let hints = TimeHints {
            reference_nanos: tail.packed.map_or(tail.mtime, |packed| packed.mtime).min(now_nanos),
            zone: self.zone.clone(),
        };
        let (input, read_as, from) = (tail.input.clone(), tail.read_as.unwrap_or_default(), tail.cut);
        tail.rules.get_or_insert_with(|| self.rules.select(&tail.stream));
        let mut out = Out {
            builder: &mut self.builder,
            rules: &mut self.rules,
            hints: &hints,
            now_nanos,
            tally,
        };
        let bytes = &self.buffer[filled.head..filled.len];
        input.cut(read_as, bytes, from, flush, filled.limits, |found| match found {
            Found::Event(event) => push(&mut out, tail, event),
            Found::Hole { start, end } => out.tally.hole(start, end),
        })
    }

    /// A batch without a record: the bytes up to the file's end are gone.
    pub(crate) fn gap(&mut self, tail: &mut Tail, reason: &str, now_nanos: i64) -> Batch {
        let to = Place {
            offset: tail.size,
            part: 0,
        };
        let tally = Tally {
            dropped: vec![Dropped {
                start: tail.cut.offset,
                end: to.offset,
                reason: reason.to_owned(),
            }],
            ..Tally::default()
        };
        self.finish(tail, to, Print::of(b""), tally, true, now_nanos)
    }

    /// A batch without a record or a byte: all of the file was read, and nothing comes behind it.
    pub(crate) fn close(&mut self, tail: &mut Tail, now_nanos: i64) -> Batch {
        let (to, marker) = (tail.cut, tail.cut_marker);
        self.finish(tail, to, marker, Tally::default(), true, now_nanos)
    }

    fn finish(
        &mut self,
        tail: &mut Tail,
        to: Place,
        marker: Print,
        tally: Tally,
        closes: bool,
        now_nanos: i64,
    ) -> Batch {
        let from = tail.cut;
        let first = !tail.confirmed && tail.cuts.is_empty();
        let mut meta = BatchMeta {
            stream: (*tail.stream).clone(),
            agent: Some(self.agent),
            generation: Some(tail.generation),
            range: (from.offset, to.offset),
            eol_bytes: if tally.crlf > tally.lf { 2 } else { 1 },
            observed_nanos: now_nanos,
            file: first.then(|| file_json(tail)),
            dropped: tally.dropped,
            chain: None,
        };
        if self.chain {
            let chained = self.builder.chained(&meta, tail.chain, rand::random());
            tail.chain = chained.end();
            meta.chain = Some(Chained { closes, ..chained });
        } else {
            tail.chain = Default::default();
        }
        let bytes = self.builder.finish(&meta, self.topic_level);
        tail.closed = closes;
        tail.cut = to;
        tail.cut_marker = marker;
        tail.cuts.push_back(Cut {
            start: from.offset,
            end: to,
            marker,
            chain: tail.chain,
            acked: false,
        });
        Batch {
            generation: tail.generation,
            topic: self.topic(&tail.topic),
            epoch: tail.epoch,
            start: from.offset,
            end: to.offset,
            records: tally.records,
            bound: tally.bound,
            bytes,
            meta,
        }
    }
}

/// What the buffer holds of a file.
struct Filled {
    /// Bytes before the cut, by which the file is known again.
    head: usize,
    /// These, and those behind the cut.
    len: usize,
    /// Where they end in the file.
    end: u64,
    /// Which is the file's end.
    at_end: bool,
    /// Of what is cut from them.
    limits: Limits,
}

impl Tail {
    /// Looks at the file's first bytes, which tell its encoding and format, if that is not known yet.
    /// Before they do, there is no whole line.
    pub(crate) fn learn_how_to_read(&mut self, file: &File) -> io::Result<()> {
        if self.read_as.is_some() {
            return Ok(());
        }
        // If it is cut to its end, what is there is all that is going to tell.
        let whole = self.flush == Flush::All;
        let Some((encoding, format)) = self.input.read_as(read_prefix(file)?, whole) else {
            return Ok(());
        };
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
