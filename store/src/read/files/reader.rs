//! The reader's door to files.

use std::sync::Arc;
use std::time::Duration;

use timberline_proto::api::{FilesAnswer, Record};
use timberline_proto::id::{GenerationId, RecordId};

use super::super::reader::blocking;
use super::super::running::Running;
use super::super::view::View;
use super::super::{ReadError, Reader, lookup};
use super::around::{Side, first, nearest};
use super::lines::records;
use super::list::list;
use super::neighbours::neighbour;
use super::pieces::{Found, Member, pieces};
use super::rebuild::{FileBytes, Plan};

/// Files that a record's surroundings reach over on one side at most.
const NEIGHBOURS_MAX: usize = 8;
/// The bytes of a file may take as long as their reader does: what has no client ends by itself.
const NO_LIMIT: Duration = Duration::from_secs(365 * 86_400);

/// Which generations are asked for. What is absent is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileRequest {
    /// This one; then its gaps are named even if its pages must be read for it.
    pub generation: Option<GenerationId>,
    /// Of this host.
    pub host: Option<String>,
    /// Of this path.
    pub path: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl Reader {
    /// The record of an id; for a part of a long line, the whole line.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] if there is none, or it was deleted.
    pub async fn record(&self, id: &RecordId) -> Result<Record, ReadError> {
        let task = self.begin(None).await?;
        let view = self.view();
        let id = id.clone();
        blocking(move || {
            let hit = lookup::find(&view, &id, &task.running)?;
            let center = Found {
                block: Arc::clone(&hit.block),
                row: hit.row,
            };
            let rows = if center.row().part.is_some() {
                let member = Member::of(&hit.key.topic, &center.row());
                let pieces = pieces(&view, &member, &task.running)?;
                line_around(&view, &member, &pieces, center, &task.running)?
            } else {
                vec![center]
            };
            let mut found = records(&rows, &hit.key.topic);
            let asked = id.to_string();
            let at = found.iter().position(|record| record.id == asked).unwrap_or(0);
            Ok(found.swap_remove(at))
        })
        .await
    }

    /// The lines before and after a record, itself among them, in the order of its file, going on in
    /// the files before and after it at the same path as far as they are known; in the order of
    /// their offsets for records that come from no file. Fewer than asked for only where there are
    /// no more.
    ///
    /// # Errors
    /// [`ReadError::NotFound`]
    pub async fn context(&self, id: &RecordId, before: usize, after: usize) -> Result<Vec<Record>, ReadError> {
        let task = self.begin(None).await?;
        let view = self.view();
        let id = id.clone();
        blocking(move || {
            let hit = lookup::find(&view, &id, &task.running)?;
            let center = Found {
                block: Arc::clone(&hit.block),
                row: hit.row,
            };
            surroundings(&view, &hit.key.topic, center, before, after, &task.running)
        })
        .await
    }

    /// The generations that are held.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn files(&self, request: FileRequest) -> Result<FilesAnswer, ReadError> {
        let task = self.begin(None).await?;
        let reader = self.clone();
        blocking(move || {
            let holes = reader.holes(request.generation)?;
            list(&reader.view(), &holes, &request, &task.running)
        })
        .await
    }

    /// The original bytes `from..to` of a generation; to the end of what is held unless `to` is given.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] if nothing is held of it; [`ReadError::Incomplete`] if a part of the
    /// range is not, unless `skip_gaps`.
    pub async fn file_bytes(
        &self,
        generation: GenerationId,
        from: u64,
        to: Option<u64>,
        skip_gaps: bool,
    ) -> Result<FileBytes, ReadError> {
        let task = self.begin(None).await?;
        let reader = self.clone();
        let plan = blocking(move || {
            let holes = reader.holes(Some(generation))?;
            task.running.check()?;
            Plan::new(reader.view(), generation, &holes, from, to, Running::new(NO_LIMIT))
        })
        .await?;
        if !skip_gaps {
            plan.require_all()?;
        }
        Ok(plan.send(&tokio::runtime::Handle::current()))
    }
}

/// The rows of the line that `center` is a part of, as far as they are held.
fn line_around(
    view: &View,
    member: &Member,
    pieces: &[super::pieces::Piece],
    center: Found,
    running: &Running,
) -> Result<Vec<Found>, ReadError> {
    let Some((index, last)) = center.row().part else {
        return Ok(vec![center]);
    };
    let Some(key) = member.key(&center.row()) else {
        return Ok(vec![center]);
    };
    let mut rows = Vec::new();
    if index > 0 {
        let before = nearest(view, member, pieces, key, 1, Side::Before, running)?;
        let of_line = before.iter().rev().zip((0..index).rev());
        let of_line = of_line.take_while(|(found, at)| found.row().part.is_some_and(|part| part == (*at, false)));
        rows.extend(of_line.map(|(found, _)| found.clone()));
        rows.reverse();
    }
    rows.push(center);
    if !last {
        let after = nearest(view, member, pieces, key, 1, Side::After, running)?;
        let of_line = after.iter().zip(index + 1..);
        let of_line = of_line.take_while(|(found, at)| found.row().part.is_some_and(|part| part.0 == *at));
        rows.extend(of_line.map(|(found, _)| found.clone()));
    }
    Ok(rows)
}

fn surroundings(
    view: &View,
    topic: &Arc<str>,
    center: Found,
    before: usize,
    after: usize,
    running: &Running,
) -> Result<Vec<Record>, ReadError> {
    let member = Member::of(topic, &center.row());
    let pieces = pieces(view, &member, running)?;
    let line = line_around(view, &member, &pieces, center, running)?;
    let key = |found: Option<&Found>| found.and_then(|found| member.key(&found.row()));
    let start = key(line.first()).unwrap_or(0);
    let end = key(line.last()).unwrap_or(u64::MAX);
    let mut around = records(&line, topic);
    let own = |side, at, lines| -> Result<Vec<Record>, ReadError> {
        let rows = nearest(view, &member, &pieces, at, lines, side, running)?;
        Ok(records(&rows, topic))
    };
    let mut above = own(Side::Before, start, before)?;
    let mut below = own(Side::After, end, after)?;
    if let Member::Generation(generation) = member {
        let beyond = |side, missing| beyond(view, topic, generation, side, missing, running);
        let mut earlier = beyond(Side::Before, before.saturating_sub(above.len()))?;
        earlier.append(&mut above);
        above = earlier;
        below.append(&mut beyond(Side::After, after.saturating_sub(below.len()))?);
    }
    above.append(&mut around);
    above.append(&mut below);
    Ok(above)
}

/// Lines of the files before (after) a generation at the same path.
fn beyond(
    view: &View,
    topic: &Arc<str>,
    generation: GenerationId,
    side: Side,
    mut missing: usize,
    running: &Running,
) -> Result<Vec<Record>, ReadError> {
    let mut found: Vec<Record> = Vec::new();
    let mut seen = vec![generation];
    let mut at = generation;
    while missing > 0 && seen.len() <= NEIGHBOURS_MAX {
        let Some(edge) = edge_of(view, at, side, running)? else {
            break;
        };
        let Some(next) = neighbour(view, topic, &edge, &seen, side, running)? else {
            break;
        };
        let member = Member::Generation(next);
        let pieces = pieces(view, &member, running)?;
        let from = match side {
            Side::Before => nearest(view, &member, &pieces, u64::MAX, missing, side, running)?,
            Side::After => first(view, &member, &pieces, missing, running)?,
        };
        let mut lines = records(&from, topic);
        missing = missing.saturating_sub(lines.len());
        match side {
            Side::Before => {
                lines.append(&mut found);
                found = lines;
            }
            Side::After => found.append(&mut lines),
        }
        seen.push(next);
        at = next;
    }
    Ok(found)
}

/// The first (last) row of a generation.
fn edge_of(view: &View, generation: GenerationId, side: Side, running: &Running) -> Result<Option<Found>, ReadError> {
    let member = Member::Generation(generation);
    let pieces = pieces(view, &member, running)?;
    let rows = match side {
        Side::Before => first(view, &member, &pieces, 1, running)?,
        Side::After => nearest(view, &member, &pieces, u64::MAX, 1, Side::Before, running)?,
    };
    Ok(match side {
        Side::Before => rows.into_iter().next(),
        Side::After => rows.into_iter().next_back(),
    })
}
