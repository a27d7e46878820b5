//! The original bytes of a generation: lines with the ends that they had, parts joined, holes of
//! NULs where the agent saw them.
//!
//! Before the first byte goes out, everything asked for is known to be held, or what is missing is
//! known: an answer never breaks off because of a gap. Memory is bounded by the pages that overlap
//! in bytes, which are two where a file's lines come in the order of their times.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use timberline_proto::id::GenerationId;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use crate::catalog::Hole;
use crate::rows::Row;
use crate::split::Columns;

use super::super::ReadError;
use super::super::running::Running;
use super::super::view::View;
use super::pieces::{Found, Member, Piece, pieces, rows_of};
use super::spans::Spans;

/// Bytes sent at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks that wait for a slow client.
const CHUNKS_WAITING_MAX: usize = 4;
/// A client that takes nothing for so long is given up.
const STALLED: Duration = Duration::from_secs(60);
/// Files made again at once; others wait their turn. A slow client holds one, and no query's.
const REBUILDING_MAX: usize = 4;
static REBUILDING: Semaphore = Semaphore::const_new(REBUILDING_MAX);
/// Bytes of rows held because rows before them are still to be read.
const PENDING_BYTES_MAX: u64 = 256 << 20;

/// The stream's attribute of lines that were made from another encoding than UTF-8.
const ENCODING: &str = "log.file.encoding";

const LINES: Columns = Columns {
    line: true,
    provenance: true,
    // Which lines were changed: see `EDITED`.
    attributes: true,
};
const PROVENANCE: Columns = Columns {
    line: false,
    provenance: true,
    attributes: false,
};

/// Original bytes on their way. Dropping it ends the work.
#[derive(Debug)]
pub struct FileBytes {
    /// Bytes that will come.
    pub length: u64,
    /// What is left out of the range asked for, because it is not held.
    pub missing: Vec<(u64, u64)>,
    pub(super) chunks: mpsc::Receiver<Result<Bytes, ReadError>>,
}

impl FileBytes {
    /// The next bytes; `None` at the end. An error means that fewer than [`length`](Self::length) came.
    pub async fn next(&mut self) -> Option<Result<Bytes, ReadError>> {
        self.chunks.recv().await
    }
}

/// Waits for a turn to make a file, at most so long.
pub(super) async fn turn(time: Duration) -> Result<SemaphorePermit<'static>, ReadError> {
    let permit = tokio::time::timeout(time, REBUILDING.acquire()).await;
    permit.ok().and_then(Result::ok).ok_or_else(|| {
        ReadError::BadRequest(format!(
            "{REBUILDING_MAX} files are being read back already: try again later"
        ))
    })
}

/// What is to be made, all of it known to be there.
pub(super) struct Plan {
    view: View,
    member: Member,
    pieces: VecDeque<Piece>,
    holes: Vec<(u64, u64)>,
    missing: Vec<(u64, u64)>,
    from: u64,
    to: u64,
    running: Arc<Running>,
}

impl Plan {
    /// Looks up what of `from..to` is held; `to` is the end of what is held unless said.
    pub(super) fn new(
        view: View,
        generation: GenerationId,
        holes: &[Hole],
        from: u64,
        to: Option<u64>,
        running: Arc<Running>,
    ) -> Result<Self, ReadError> {
        let member = Member::Generation(generation);
        let mut pieces = pieces(&view, &member, None, &running)?;
        let holes = known_holes(holes, generation);
        let ends = pieces
            .iter()
            .map(|piece| piece.end)
            .chain(holes.iter().map(|hole| hole.1));
        let Some(end) = ends.max() else {
            let left_out: String = running.partial().iter().map(|what| format!("; {what}")).collect();
            return Err(ReadError::NotFound(format!(
                "nothing is held of generation {generation}{left_out}: GET /api/v1/files lists what is"
            )));
        };
        let to = to.unwrap_or(end.max(from));
        if from > to {
            return Err(ReadError::BadRequest(format!("from {from} is beyond to {to}")));
        }
        pieces.retain(|piece| piece.end > from && piece.first < to);
        let mut covered = spans_held(&view, &member, &pieces, (from, to), &running)?.into_ranges();
        covered.extend(holes.iter().copied());
        Ok(Self {
            missing: Spans::of(covered).missing(from, to),
            pieces: pieces.into(),
            view,
            member,
            holes,
            from,
            to,
            running,
        })
    }

    /// Refuses a range of which something is not held.
    pub(super) fn require_all(&self) -> Result<(), ReadError> {
        let Some(&(from, to)) = self.missing.first() else {
            return Ok(());
        };
        let others = match self.missing.len() {
            1 => String::new(),
            n => format!(" and {} other ranges", n - 1),
        };
        let why: String = self.running.partial().iter().map(|what| format!(" ({what})")).collect();
        Err(ReadError::Incomplete(format!(
            "bytes {from}..{to}{others} of the file are not held{why}: ask for another range, or for gaps=skip"
        )))
    }

    /// Makes the bytes on a thread of their own; `turn` is kept until they are made.
    pub(super) fn send(self, runtime: &tokio::runtime::Handle, turn: SemaphorePermit<'static>) -> FileBytes {
        let (sender, chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
        let left_out: u64 = self.missing.iter().map(|(from, to)| to - from).sum();
        let bytes = FileBytes {
            length: self.to - self.from - left_out,
            missing: self.missing.clone(),
            chunks,
        };
        let waiting = runtime.clone();
        let send = move |chunk| {
            let sent = waiting.block_on(tokio::time::timeout(STALLED, sender.send(chunk)));
            match sent {
                Ok(Ok(())) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        };
        runtime.spawn_blocking(move || {
            let _turn = turn;
            let mut rebuild = Rebuild {
                at: self.from,
                plan: self,
                pending: BTreeMap::new(),
                pending_bytes: 0,
                chunk: Vec::new(),
            };
            if let Err(error) = rebuild.run(&send) {
                _ = send(Err(error));
            }
        });
        bytes
    }
}

struct Rebuild {
    plan: Plan,
    /// Everything before it is made.
    at: u64,
    /// Rows read, by their first byte; not made yet.
    pending: BTreeMap<u64, Found>,
    pending_bytes: u64,
    chunk: Vec<u8>,
}

type Send<'a> = &'a dyn Fn(Result<Bytes, ReadError>) -> ControlFlow<()>;

impl Rebuild {
    fn run(&mut self, send: Send<'_>) -> Result<(), ReadError> {
        while self.at < self.plan.to {
            self.read_what_begins_here()?;
            self.step()?;
            if self.chunk.len() >= CHUNK_BYTES && self.flush(send).is_break() {
                return Ok(());
            }
        }
        _ = self.flush(send);
        Ok(())
    }

    fn flush(&mut self, send: Send<'_>) -> ControlFlow<()> {
        if self.chunk.is_empty() {
            return ControlFlow::Continue(());
        }
        let next = Vec::with_capacity(2 * CHUNK_BYTES);
        send(Ok(std::mem::replace(&mut self.chunk, next).into()))
    }

    /// Reads every piece that may hold the next byte.
    fn read_what_begins_here(&mut self) -> Result<(), ReadError> {
        while let Some(piece) = self.plan.pieces.pop_front_if(|piece| piece.first <= self.at) {
            let plan = &self.plan;
            for (key, found) in rows_of(&plan.view, &piece, &plan.member, LINES, &plan.running) {
                let bytes = source_bytes(&found.row());
                if key.saturating_add(bytes) <= self.at || key >= plan.to {
                    continue;
                }
                self.pending_bytes += bytes;
                if let Some(same) = self.pending.insert(key, found) {
                    self.pending_bytes -= source_bytes(&same.row());
                }
            }
            if self.pending_bytes > PENDING_BYTES_MAX {
                return Err(ReadError::BadRequest(format!(
                    "the file's lines stand so far from the order of their times that more than {PENDING_BYTES_MAX} bytes would be held: ask for smaller ranges"
                )));
            }
        }
        Ok(())
    }

    /// Makes the next bytes: of a row, of a hole, or none where they are known to be missing.
    fn step(&mut self) -> Result<(), ReadError> {
        let (at, to) = (self.at, self.plan.to);
        if let Some(entry) = self.pending.first_entry()
            && *entry.key() <= at
        {
            let (key, found) = entry.remove_entry();
            let row = found.row();
            let bytes = source_bytes(&row);
            self.pending_bytes -= bytes;
            let end = key.saturating_add(bytes);
            if end > at {
                let (skip, take) = ((at - key) as usize, (end.min(to) - key) as usize);
                put_original(&row, skip, take, &mut self.chunk)?;
                self.at = end.min(to);
            }
            return Ok(());
        }
        let within = |ranges: &[(u64, u64)]| ranges.iter().find(|range| range.0 <= at && at < range.1).map(|r| r.1);
        if let Some(end) = within(&self.plan.holes) {
            let next_row = self.pending.first_key_value().map_or(u64::MAX, |(key, _)| *key);
            let next_piece = self.plan.pieces.front().map_or(u64::MAX, |piece| piece.first);
            let end = end.min(to).min(next_row).min(next_piece).min(at + CHUNK_BYTES as u64);
            self.chunk.resize(self.chunk.len() + (end - at) as usize, 0);
            self.at = end;
            return Ok(());
        }
        if let Some(end) = within(&self.plan.missing) {
            self.at = end.min(to);
            return Ok(());
        }
        let why = self.plan.running.partial().join("; ");
        Err(ReadError::Incomplete(format!(
            "byte {at} cannot be read any more: {why}"
        )))
    }
}

fn source_bytes(row: &Row<'_>) -> u64 {
    row.place.map_or(0, |place| place.source_bytes.into())
}

/// The attribute of a line that an agent's rules changed, which its length alone does not always tell.
const EDITED: &str = "log.edited";

/// Appends the bytes `skip..take` of a row as they stood in its file.
fn put_original(row: &Row<'_>, skip: usize, take: usize, out: &mut Vec<u8>) -> Result<(), ReadError> {
    // Lengths may agree by chance where a rule changed the line, or the agent made UTF-8 of another encoding.
    let edited = row.attributes.iter().any(|(name, _)| name == EDITED);
    let verbatim = !edited && !row.stream.attributes.contains_key(ENCODING);
    let rest = source_bytes(row).checked_sub(row.line.len() as u64);
    let ending: &[u8] = match rest.filter(|_| verbatim) {
        Some(0) => b"",
        Some(1) => b"\n",
        Some(2) => b"\r\n",
        _ => {
            return Err(ReadError::Incomplete(format!(
                "the line at byte {} was changed before it was stored",
                row.place.map_or(0, |place| place.start)
            )));
        }
    };
    let line = row.line.len();
    out.extend_from_slice(&row.line[skip.min(line)..take.min(line)]);
    out.extend_from_slice(&ending[skip.saturating_sub(line)..take.saturating_sub(line)]);
    Ok(())
}

/// The byte ranges of the pieces' rows within `asked`. Pages that are dense are not read.
pub(super) fn spans_held(
    view: &View,
    member: &Member,
    pieces: &[Piece],
    asked: (u64, u64),
    running: &Running,
) -> Result<Spans, ReadError> {
    let mut ranges = Vec::new();
    for piece in pieces
        .iter()
        .filter(|piece| piece.end > asked.0 && piece.first < asked.1)
    {
        running.check()?;
        if piece.dense {
            ranges.push((piece.first, piece.end));
            continue;
        }
        for (key, found) in rows_of(view, piece, member, PROVENANCE, running) {
            let end = key.saturating_add(source_bytes(&found.row()));
            match ranges.last_mut() {
                Some((_, last)) if *last == key => *last = end,
                _ => ranges.push((key, end)),
            }
        }
    }
    Ok(Spans::of(ranges))
}

/// The holes of a generation that are known to have been NULs.
pub(super) fn known_holes(holes: &[Hole], generation: GenerationId) -> Vec<(u64, u64)> {
    let of_it = holes
        .iter()
        .filter(|hole| hole.generation == generation && hole.is_nul());
    of_it.map(|hole| (hole.start, hole.end)).collect()
}
