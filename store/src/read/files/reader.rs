//! The reader's door to files.

use std::sync::Arc;
use std::time::Duration;

use timberline_proto::api::{ContextAnswer, FilesAnswer, FindAnswer, Record};
use timberline_proto::id::{GenerationId, RecordId};

use super::super::reader::blocking;
use super::super::running::{Running, ScanLimits};
use super::super::search::Hit;
use super::super::view::View;
use super::super::{ReadError, Reader, lookup};
use super::around::{Center, Side, from_the_end, nearest};
use super::find::{find, needle};
use super::lines::records;
use super::list::list;
use super::neighbours::neighbour;
use super::pieces::{Found, Member, Scope};
use super::rebuild::{FileBytes, Plan, turn};

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

/// Which way a file is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindDirection {
    /// Towards its beginning.
    Before,
    /// Towards its end.
    After,
}

impl Reader {
    /// The record of an id; for a part of a long line, the whole line.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] if there is none, or it was deleted; [`ReadError::Incomplete`] if it may stand
    /// in what cannot be read.
    pub async fn record(&self, id: &RecordId) -> Result<Record, ReadError> {
        let task = self.begin(None).await?;
        let view = self.view_of_topic(&id.topic)?;
        let id = id.clone();
        blocking(move || {
            let hit = seen(&view, &id, &task.running)?;
            let center = Found::of(&hit);
            let member = Member::of(&hit.key.topic, &center.row());
            let place = center_of(&hit.key.topic, &center);
            let rows = line_around(&view, &member, &place, center, &task.running)?;
            let mut found = records(&rows, &hit.key.topic, &view.limits);
            let asked = id.to_string();
            if found.is_empty() {
                return Err(lookup::no_record(&id));
            }
            let at = found.iter().position(|record| record.id == asked).unwrap_or(0);
            Ok(found.swap_remove(at))
        })
        .await
    }

    /// The lines before and after a record, itself among them, in the order of its file, going on in
    /// the files before and after it at the same path as far as they are known; in the order of
    /// their offsets for records that come from no file. Fewer than asked for where there are no more,
    /// where the answer says what cannot be read, and beyond [`NEIGHBOURS_MAX`] files.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn context(&self, id: &RecordId, before: usize, after: usize) -> Result<ContextAnswer, ReadError> {
        let task = self.begin(None).await?;
        let view = self.view_of_topic(&id.topic)?;
        let id = id.clone();
        blocking(move || {
            let hit = seen(&view, &id, &task.running)?;
            let center = Found::of(&hit);
            let records = surroundings(&view, &hit.key.topic, center, before, after, &task.running)?;
            Ok(ContextAnswer {
                records,
                partial: task.running.partial(),
            })
        })
        .await
    }

    /// The first (`Before`) or last `lines` lines of the file of a record, or of its stream if it is
    /// from no file.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn edge(
        &self,
        id: &RecordId,
        direction: FindDirection,
        lines: usize,
    ) -> Result<ContextAnswer, ReadError> {
        let task = self.begin(None).await?;
        let view = self.view_of_topic(&id.topic)?;
        let id = id.clone();
        blocking(move || {
            let hit = seen(&view, &id, &task.running)?;
            let found = Found::of(&hit);
            let topic = &hit.key.topic;
            let member = Member::of(topic, &found.row());
            let scope = center_of(topic, &found).scope;
            // From the first on, or from the last back.
            let side = match direction {
                FindDirection::Before => Side::After,
                FindDirection::After => Side::Before,
            };
            let rows = from_the_end(&view, &member, &scope, lines, side, &task.running)?;
            Ok(ContextAnswer {
                records: records(&rows, topic, &view.limits),
                partial: task.running.partial(),
            })
        })
        .await
    }

    /// The next line before or after the record `id`, in its file and in those before (after) it at
    /// the same path, that holds `text`; a text between slashes is a regular expression. Without a
    /// capital letter it stands for capitals, too. Of a line that was cut for its length each part
    /// is looked at by itself.
    ///
    /// # Errors
    /// As [`record`](Self::record); [`ReadError::BadRequest`] for a text that cannot be looked for.
    pub async fn find_in_file(
        &self,
        id: &RecordId,
        text: &str,
        direction: FindDirection,
    ) -> Result<FindAnswer, ReadError> {
        let needle = needle(text)?;
        let task = self.begin(None).await?;
        let view = self.view_of_topic(&id.topic)?;
        let id = id.clone();
        blocking(move || {
            let hit = seen(&view, &id, &task.running)?;
            let center = Found::of(&hit);
            let side = match direction {
                FindDirection::Before => Side::Before,
                FindDirection::After => Side::After,
            };
            let topic = &hit.key.topic;
            let (found, passed) = find(&view, topic, center, &needle, &view.limits, side, &task.running)?;
            let record = match found {
                Some(found) => {
                    let member = Member::of(topic, &found.row());
                    let place = center_of(topic, &found);
                    let rows = line_around(&view, &member, &place, found, &task.running)?;
                    records(&rows, topic, &view.limits).into_iter().next()
                }
                None => None,
            };
            Ok(FindAnswer {
                record,
                passed,
                partial: task.running.partial(),
            })
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
        let turn = turn(self.options().time_limit).await?;
        let task = self.begin(None).await?;
        let reader = self.clone();
        let plan = blocking(move || {
            let holes = reader.holes(Some(generation))?;
            task.running.check()?;
            Plan::new(
                reader.view(),
                generation,
                &holes,
                from,
                to,
                Running::new(NO_LIMIT, ScanLimits::default()),
            )
        })
        .await?;
        if !skip_gaps {
            plan.require_all()?;
        }
        Ok(plan.send(&tokio::runtime::Handle::current(), turn))
    }
}

/// The record of an id, as it is stored, if it is among those that are seen.
fn seen(view: &View, id: &RecordId, running: &Running) -> Result<Hit, ReadError> {
    let hit = lookup::find(view, id, running)?;
    match view.limits.shows(&hit.block.row(hit.row), &hit.key.topic) {
        true => Ok(hit),
        false => Err(lookup::no_record(id)),
    }
}

pub(super) fn center_of(topic: &Arc<str>, found: &Found) -> Center {
    let row = found.row();
    Center {
        scope: Scope {
            topic: Arc::clone(topic),
            partition: row.partition,
            stream: row.stream.id,
        },
        offset: row.offset,
    }
}

/// The rows of the line that `center` is a part of, as far as they are held.
fn line_around(
    view: &View,
    member: &Member,
    place: &Center,
    center: Found,
    running: &Running,
) -> Result<Vec<Found>, ReadError> {
    let (Some((index, last)), Some(key)) = (center.row().part, member.key(&center.row())) else {
        return Ok(vec![center]);
    };
    let mut rows = Vec::new();
    if index > 0 {
        let before = nearest(view, member, place, key, 1, Side::Before, running)?;
        let of_line = before.iter().rev().zip((0..index).rev());
        let of_line = of_line.take_while(|(found, at)| found.row().part.is_some_and(|part| part == (*at, false)));
        rows.extend(of_line.map(|(found, _)| found.clone()));
        rows.reverse();
    }
    rows.push(center);
    if !last {
        let after = nearest(view, member, place, key, 1, Side::After, running)?;
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
    let place = center_of(topic, &center);
    let line = line_around(view, &member, &place, center, running)?;
    let key = |found: Option<&Found>| found.and_then(|found| member.key(&found.row()));
    let start = key(line.first()).unwrap_or(0);
    let end = key(line.last()).unwrap_or(u64::MAX);
    let own_above = nearest(view, &member, &place, start, before, Side::Before, running)?;
    let own_below = nearest(view, &member, &place, end, after, Side::After, running)?;
    let (mut above, mut below) = (
        records(&own_above, topic, &view.limits),
        records(&own_below, topic, &view.limits),
    );
    if let Member::Generation(generation) = member {
        // Fewer than asked for: the file begins (ends) with the row farthest from the center.
        if let Some(edge) = own_above.first().or(line.first()).filter(|_| above.len() < before) {
            let missing = before - above.len();
            let mut earlier = beyond(view, topic, generation, edge.clone(), Side::Before, missing, running)?;
            earlier.append(&mut above);
            above = earlier;
        }
        if let Some(edge) = own_below.last().or(line.last()).filter(|_| below.len() < after) {
            let missing = after - below.len();
            below.append(&mut beyond(
                view,
                topic,
                generation,
                edge.clone(),
                Side::After,
                missing,
                running,
            )?);
        }
    }
    above.append(&mut records(&line, topic, &view.limits));
    above.append(&mut below);
    Ok(above)
}

/// Lines of the files before (after) a generation at the same path; `edge` is its first (last) row.
fn beyond(
    view: &View,
    topic: &Arc<str>,
    generation: GenerationId,
    mut edge: Found,
    side: Side,
    mut missing: usize,
    running: &Running,
) -> Result<Vec<Record>, ReadError> {
    let mut found: Vec<Record> = Vec::new();
    let mut seen = vec![generation];
    while missing > 0 && seen.len() <= NEIGHBOURS_MAX {
        let Some((next, scope)) = neighbour(view, topic, &edge, &seen, side, running)? else {
            break;
        };
        seen.push(next);
        let rows = from_the_end(view, &Member::Generation(next), &scope, missing, side, running)?;
        let mut lines = records(&rows, topic, &view.limits);
        missing = missing.saturating_sub(lines.len());
        let (first, last) = (rows.first(), rows.last());
        match side {
            Side::Before => {
                lines.append(&mut found);
                found = lines;
            }
            Side::After => found.append(&mut lines),
        }
        let Some(next_edge) = (if side == Side::Before { first } else { last }) else {
            break;
        };
        edge = next_edge.clone();
    }
    Ok(found)
}
