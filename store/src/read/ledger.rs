//! The ledger as answers show it: what the store knows of every file, and what agents say of it now.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use timberline_collector::fleet::ReportedFile;
use timberline_proto::api::{GapTotal, LedgerAnswer, LedgerGap, LedgerSource, LedgerTotal, QueueGap};
use timberline_proto::gap::{GapClass, class_of};
use timberline_proto::id::GenerationId;

use crate::catalog::{Account, CatalogError, LedgerFilter, LedgerKey, LedgerView};

use super::cursor::{cursor, place};
use super::reader::blocking;
use super::time::{now_nanos, rfc3339};
use super::{ReadError, Reader};

/// Gaps of the queue in one answer.
const QUEUE_GAPS_MAX: usize = 1000;
/// Sums are made anew this long after they were made, and at least so many times as long as it took.
const TOTAL_AGE_MIN: Duration = Duration::from_secs(1);
const TOTAL_AGE_FACTOR: u32 = 20;

/// Which sources are asked for, and how much of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerRequest {
    /// Which.
    pub filter: LedgerFilter,
    /// Sources at most.
    pub limit: usize,
    /// Gaps of each at most.
    pub gaps: usize,
    /// Behind this place.
    pub cursor: Option<String>,
}

/// The sums, and when they were made and how long that took.
#[derive(Clone, Debug)]
pub(crate) struct KnownTotal {
    total: LedgerTotal,
    made_at: Instant,
    took: Duration,
}

impl Reader {
    /// A page of the ledger with the sums over all that was asked for.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn ledger(&self, request: LedgerRequest) -> Result<LedgerAnswer, ReadError> {
        let after: Option<(String, String, GenerationId)> = request.cursor.as_deref().map(place).transpose()?;
        let after = after.map(|(host, path, generation)| LedgerKey { host, path, generation });
        let _task = self.begin(None).await?;
        let reader = self.clone();
        blocking(move || reader.ledger_page(&request, after.as_ref()).map_err(failed)).await
    }

    /// The sums over everything, for metrics; kept for a moment. Blocks on the disk.
    pub(crate) fn ledger_total(&self) -> Result<LedgerTotal, ReadError> {
        let mut known = self.inner.ledger_total.lock();
        if let Some(known) = &*known
            && known.made_at.elapsed() < TOTAL_AGE_MIN.max(known.took * TOTAL_AGE_FACTOR)
        {
            return Ok(known.total.clone());
        }
        let begin = Instant::now();
        let made = || {
            let view = self.inner.catalog.ledger()?;
            total(
                &view,
                &LedgerFilter::default(),
                &self.reported(&LedgerFilter::default()),
            )
        };
        let total = made().map_err(failed)?;
        *known = Some(KnownTotal {
            total: total.clone(),
            made_at: Instant::now(),
            took: begin.elapsed(),
        });
        Ok(total)
    }

    fn ledger_page(&self, request: &LedgerRequest, after: Option<&LedgerKey>) -> Result<LedgerAnswer, CatalogError> {
        // First what agents say: of what they say is acked the store may have published less by now,
        // never more than the view shows later.
        let reported = self.reported(&request.filter);
        let view = self.inner.catalog.ledger()?;
        let accounts = view.accounts(&request.filter, after, request.limit + 1, request.gaps)?;
        let mut sources = merged(&view, accounts, &reported, request, after)?;
        let has_more = sources.len() > request.limit;
        sources.truncate(request.limit);
        let last = sources.last().filter(|_| has_more);
        let queue_gaps = view.queue_gaps(QUEUE_GAPS_MAX)?.into_iter().map(|gap| QueueGap {
            topic: gap.topic,
            partition: gap.partition,
            from: gap.from,
            to: gap.to,
            reason: gap.reason,
        });
        Ok(LedgerAnswer {
            cursor: last.map(|(key, _)| cursor(&(&key.host, &key.path, key.generation))),
            sources: sources.into_iter().map(|(_, source)| source).collect(),
            total: total(&view, &request.filter, &reported)?,
            queue_gaps: queue_gaps.collect(),
        })
    }

    /// What agents say of the files that the filter names.
    fn reported(&self, filter: &LedgerFilter) -> HashMap<GenerationId, ReportedFile> {
        let files = self.inner.sources.fleet().map(|fleet| fleet.reported_files());
        let is_asked = |file: &ReportedFile| {
            filter.agent.is_none_or(|agent| file.agent == agent)
                && filter.generation.is_none_or(|generation| file.generation == generation)
                && filter.host.as_ref().is_none_or(|host| file.host == *host)
        };
        let files = files.unwrap_or_default().into_iter().filter(is_asked);
        files.map(|file| (file.generation, file)).collect()
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn failed(error: CatalogError) -> ReadError {
    ReadError::Internal(format!("the ledger cannot be read: {error}"))
}

/// The accounts, and between them the files of which nothing is published yet.
fn merged(
    view: &LedgerView,
    accounts: Vec<Account>,
    reported: &HashMap<GenerationId, ReportedFile>,
    request: &LedgerRequest,
    after: Option<&LedgerKey>,
) -> Result<Vec<(LedgerKey, LedgerSource)>, CatalogError> {
    let key = |file: &ReportedFile| LedgerKey {
        host: file.host.clone(),
        path: file.path.clone(),
        generation: file.generation,
    };
    let mut fresh: Vec<(LedgerKey, &ReportedFile)> = reported
        .values()
        .filter(|file| is_fresh(file, &request.filter))
        .map(|file| (key(file), file))
        .filter(|(key, _)| after.is_none_or(|after| key > after))
        .collect();
    fresh.sort_by(|a, b| a.0.cmp(&b.0));
    let mut fresh = fresh.into_iter().peekable();
    let mut accounts = accounts.into_iter().peekable();
    let mut sources = Vec::new();
    while sources.len() <= request.limit {
        let is_account = match (accounts.peek(), fresh.peek()) {
            (None, None) => break,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(account), Some((key, _))) => account.key <= *key,
        };
        if is_account && let Some(account) = accounts.next() {
            let file = reported.get(&account.key.generation);
            sources.push((account.key.clone(), described(account, file)));
        } else if let Some((key, file)) = fresh.next()
            && view.reach(key.generation)?.is_none()
        {
            sources.push((key, unpublished(file)));
        }
    }
    Ok(sources)
}

/// Whether a reported file is asked for, if nothing of it is published.
fn is_fresh(file: &ReportedFile, filter: &LedgerFilter) -> bool {
    !filter.only_loss
        && filter.to_nanos.is_none_or(|to| to > now_nanos())
        && filter.path.as_ref().is_none_or(|path| is_named(path, &file.path))
}

/// Whether a path is one that `*` and `?` stand for; without them it is the path itself.
fn is_named(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    let (mut at, mut of) = (0, 0);
    // Where to go on if what a star took was too little.
    let mut star: Option<(usize, usize)> = None;
    while of < path.len() {
        if at < pattern.len() && (pattern[at] == '?' || pattern[at] == path[of]) && pattern[at] != '*' {
            (at, of) = (at + 1, of + 1);
        } else if at < pattern.len() && pattern[at] == '*' {
            star = Some((at, of));
            at += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            (at, of) = (star_at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|sign| *sign == '*')
}

fn described(account: Account, file: Option<&ReportedFile>) -> LedgerSource {
    let (read, acked, size) = file.map_or((0, 0, 0), |file| (file.read, file.acked, file.size));
    // The queue holds what was published of it, whatever its agent knows of that.
    let acked = acked.max(account.end);
    let read = read.max(acked);
    let of_class = |class: GapClass| {
        let sums = account.sums.iter().filter(|sum| class_of(&sum.reason) == class);
        sums.map(|sum| sum.bytes).sum::<u64>()
    };
    LedgerSource {
        generation: account.key.generation.to_string(),
        agent: account.agent.to_string(),
        followed: file.is_some(),
        first_byte: account.first,
        unread: size.saturating_sub(read),
        read: read - account.first,
        acked: acked - account.first,
        in_queue: acked - account.end,
        indexed: account.published,
        held: account.published.saturating_sub(account.removed + account.damaged),
        damaged: account.damaged,
        removed: account.removed,
        doubled: account.doubled,
        empty: of_class(GapClass::Empty),
        policy: of_class(GapClass::Policy),
        lost: of_class(GapClass::Loss),
        unexplained: account.unexplained(),
        gaps_total: account.sums.iter().map(|sum| sum.ranges).sum(),
        gaps: account
            .gaps
            .into_iter()
            .map(|gap| LedgerGap {
                from: gap.range.map(|range| range.0),
                to: gap.range.map(|range| range.1),
                bytes: gap.bytes,
                class: class_of(&gap.reason),
                reason: gap.reason,
                at: rfc3339(gap.noted_at_nanos),
            })
            .collect(),
        first_at: Some(rfc3339(account.first_at_nanos)),
        last_at: Some(rfc3339(account.last_at_nanos)),
        host: account.key.host,
        path: account.key.path,
        topic: account.topic,
    }
}

fn unpublished(file: &ReportedFile) -> LedgerSource {
    let acked = file.acked.saturating_sub(file.start);
    LedgerSource {
        generation: file.generation.to_string(),
        agent: file.agent.to_string(),
        host: file.host.clone(),
        path: file.path.clone(),
        followed: true,
        first_byte: file.start,
        unread: file.size.saturating_sub(file.read),
        read: file.read.saturating_sub(file.start),
        acked,
        in_queue: acked,
        ..LedgerSource::default()
    }
}

/// The sums of the accounts, and what agents say beyond them.
fn total(
    view: &LedgerView,
    filter: &LedgerFilter,
    reported: &HashMap<GenerationId, ReportedFile>,
) -> Result<LedgerTotal, CatalogError> {
    let totals = view.totals(filter)?;
    let unexplained = totals.unexplained();
    let mut total = LedgerTotal {
        sources: totals.sources,
        read: totals.taken,
        acked: totals.taken,
        in_queue: 0,
        indexed: totals.published,
        held: totals.published.saturating_sub(totals.removed + totals.damaged),
        damaged: totals.damaged,
        removed: totals.removed,
        doubled: totals.doubled,
        lost: 0,
        unexplained,
        gaps: totals
            .gaps
            .into_iter()
            .map(|sum| GapTotal {
                class: class_of_kind(&sum.reason),
                reason: sum.reason,
                ranges: sum.ranges,
                bytes: sum.bytes,
            })
            .collect(),
    };
    let losses = total.gaps.iter().filter(|gap| gap.class == GapClass::Loss);
    total.lost = losses.map(|gap| gap.bytes).sum();
    if filter.only_loss {
        return Ok(total);
    }
    for file in reported.values().filter(|file| is_fresh(file, filter)) {
        let reach = view.reach(file.generation)?;
        let end = reach.map_or(file.start, |(_, end)| end);
        total.sources += u64::from(reach.is_none());
        let in_queue = file.acked.saturating_sub(end);
        total.in_queue += in_queue;
        total.acked += in_queue;
        total.read += file.read.max(file.acked).saturating_sub(end);
    }
    Ok(total)
}

/// The class of a reason as totals name it.
fn class_of_kind(kind: &str) -> GapClass {
    match kind {
        "rule" => GapClass::Policy,
        kind => class_of(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn stars_and_marks_stand_for_characters_of_a_path() {
        for (pattern, path, expected) in [
            ("/a/b.log", "/a/b.log", true),
            ("/a/b.log", "/a/b.log.1", false),
            ("/a/*", "/a/b/c.log", true),
            ("*b*c*", "/a/b/c.log", true),
            ("/a/?.log", "/a/b.log", true),
            ("/a/?.log", "/a/bb.log", false),
            ("*.log", "/a/b.log.log", true),
            ("*", "", true),
        ] {
            assert_eq!(is_named(pattern, path), expected, "{pattern} {path}");
        }
    }
}
