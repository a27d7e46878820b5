//! The door to everything stored: takes questions, gives answers within the limits.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use datafusion::execution::runtime_env::RuntimeEnv;
use timberline_collector::fleet::{self, Source};
use timberline_proto::api::{Completeness, Direction, Frame, QueryRequest, Record, SourcesAnswer};
use timberline_proto::id::GenerationId;
use timberline_proto::query::ast::{self, Explain, Filter, PipeKind, Query};
use timberline_proto::query::{parse, time_range};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use crate::catalog::{Catalog, CatalogSplit, Hole, Snapshot};
use crate::live::{LiveBlock, LiveRows};

use super::cache::{Cache, CacheStats};
use super::frames::{Frames, Task, ending};
use super::records::record;
use super::running::{Registry, Running};
use super::scan::Selection;
use super::search::{Hit, Key, Search};
use super::settled::{self, Settled};
use super::time::{TimeRange, now_nanos, rfc3339};
use super::view::{Splits, View};
use super::workers::Workers;
use super::{ReadError, ReadOptions, engine, table};

/// What is known of the sources (files) that records come from.
pub trait Sources: Send + Sync + std::fmt::Debug {
    /// Every file that an agent follows, and to when it is complete in the queue.
    fn sources(&self) -> Arc<[Source]>;
    /// What every agent last said of each of its files; an agent without files says so once.
    fn agents(&self) -> Vec<AgentFile> {
        Vec::new()
    }
}

/// What an agent last said of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFile {
    /// The agent's id.
    pub agent: String,
    /// Its host.
    pub host: String,
    /// Its version.
    pub version: String,
    /// When it said so, nanoseconds since the epoch.
    pub reported_at_nanos: i64,
    /// The file's path; `None` if the agent has no file.
    pub path: Option<String>,
    /// The file's generation.
    pub generation: String,
    /// Bytes.
    pub size: u64,
    /// Bytes read.
    pub read: u64,
    /// Bytes acked.
    pub acked: u64,
    /// Bytes that were lost.
    pub lost: u64,
    /// When it was last read to its end, nanoseconds since the epoch; 0 for never.
    pub read_to_end_at_nanos: i64,
    /// Why it cannot be read, if it cannot.
    pub error: String,
}

/// No source is known of.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSources;

impl Sources for NoSources {
    fn sources(&self) -> Arc<[Source]> {
        Arc::default()
    }
}

/// What is stored, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Records, live ones included.
    pub records: u64,
    /// Bytes of the lines in splits.
    pub raw_bytes: u64,
    /// Bytes of the splits' files.
    pub disk_bytes: u64,
    /// Splits.
    pub splits: u64,
    /// Time of the oldest record, RFC 3339.
    pub oldest: Option<String>,
    /// Time of the newest record, RFC 3339.
    pub newest: Option<String>,
}

/// Reads what is stored. Cheap to clone; all clones share the limits.
#[derive(Clone, Debug)]
pub struct Reader {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    catalog: Catalog,
    live: Arc<dyn LiveRows>,
    splits: Arc<dyn Splits>,
    sources: Arc<dyn Sources>,
    settled: parking_lot::Mutex<Settled>,
    options: ReadOptions,
    registry: Arc<Registry>,
    permits: Arc<Semaphore>,
    runtime: Arc<RuntimeEnv>,
    workers: Workers,
    cache: Arc<Cache>,
    /// The snapshot whose splits the cache may hold something of.
    cached_of: parking_lot::Mutex<Weak<Snapshot>>,
    /// What [`Reader::gaps`] found, and in which snapshot.
    gaps: parking_lot::Mutex<Option<(Weak<Snapshot>, Vec<String>)>>,
}

impl Reader {
    /// A reader over the catalog, its splits, and the rows not yet published.
    ///
    /// # Errors
    /// [`ReadError::Internal`] if the place for spilled data cannot be made.
    pub fn new(
        catalog: Catalog,
        live: Arc<dyn LiveRows>,
        splits: Arc<dyn Splits>,
        sources: Arc<dyn Sources>,
        options: ReadOptions,
    ) -> Result<Self, ReadError> {
        let runtime = engine::runtime(&options)?;
        let workers = Workers::new(options.threads)?;
        Ok(Self {
            inner: Arc::new(Inner {
                catalog,
                live,
                splits,
                sources,
                settled: parking_lot::Mutex::default(),
                registry: Arc::default(),
                permits: Arc::new(Semaphore::new(options.concurrent_max.max(1))),
                runtime,
                workers,
                cache: Arc::new(Cache::new(options.cache_bytes_max)),
                cached_of: parking_lot::Mutex::default(),
                gaps: parking_lot::Mutex::default(),
                options,
            }),
        })
    }

    /// Begins to answer a query. What is wrong with its text is said here; what goes wrong later
    /// is the answer's last frame.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn query(&self, request: QueryRequest) -> Result<Frames, ReadError> {
        super::sql::refuse_writes(&request.query)?;
        let task = self.begin(request.query_id.clone()).await?;
        let range = range(request.from.as_deref(), request.to.as_deref())?;
        let (reader, caller, running) = (self.clone(), Handle::current(), Arc::clone(&task.running));
        match parse(&request.query)? {
            Query::Search(search) => {
                let search = super::lower::fold_wheres(search);
                self.check_search(&search)?;
                if search.pipes.is_empty() && search.explain == Explain::No {
                    self.search(&request, search.filter, range, task).await
                } else {
                    no_cursor(&request)?;
                    let work = async move { table::search(&reader, &request, search, range, task, caller).await };
                    self.inner.workers.run(&running, work).await
                }
            }
            Query::Sql(text) => {
                no_cursor(&request)?;
                let work = async move { table::sql(&reader, &request, &text, range, task, caller).await };
                self.inner.workers.run(&running, work).await
            }
        }
    }

    /// Refuses more tests than a plan is made for in reasonable time.
    pub(crate) fn check_filter(&self, filter: &Filter) -> Result<(), ReadError> {
        let mut tests = 0;
        filter.for_each_leaf(&mut |_, _| tests += 1);
        let most = self.inner.options.filter_tests_max;
        if tests <= most {
            return Ok(());
        }
        Err(ReadError::Limit {
            what: format!("a filter of {tests} tests is above {most}"),
            key: "query.filter_tests_max",
        })
    }

    fn check_search(&self, search: &ast::Search) -> Result<(), ReadError> {
        self.check_filter(&search.filter)?;
        let mut filters = search.pipes.iter().filter_map(|pipe| match &pipe.kind {
            PipeKind::Where(filter) => Some(filter),
            _ => None,
        });
        filters.try_for_each(|filter| self.check_filter(filter))
    }

    /// Cancels the running queries of that name; whether there was one.
    pub fn cancel(&self, query_id: &str) -> bool {
        self.inner.registry.cancel(query_id)
    }

    /// How complete everything stored is.
    pub fn status_completeness(&self) -> Completeness {
        let mut completeness = self.stored_completeness();
        let quarantined = self.inner.catalog.snapshot();
        let quarantined = quarantined.splits.iter().filter_map(|split| {
            let reason = split.quarantined.as_ref()?;
            Some(format!(
                "split {} ({} records) is left out: {reason}",
                split.meta.id, split.meta.rows
            ))
        });
        completeness.partial.extend(quarantined);
        completeness
    }

    /// Looks again and again to when the sources are complete, until the last clone of the reader is
    /// gone. Needs a runtime.
    pub fn follow_sources(&self) {
        let reader = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(settled::LOOK_INTERVAL);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                let Some(inner) = reader.upgrade() else { return };
                inner.look_at_sources();
            }
        });
    }

    /// Every source that is known of, those most behind first.
    pub fn sources(&self, limit: usize) -> SourcesAnswer {
        let sources = Arc::clone(&self.inner.settled.lock().sources);
        SourcesAnswer {
            total: sources.len() as u64,
            sources: fleet::most_behind(sources.iter(), limit),
        }
    }

    /// Reads a split's file whole and checks all of it: it is quarantined if it is damaged, and read
    /// again from now on if it was and is not any more.
    ///
    /// # Errors
    /// [`ReadError::NotFound`]
    pub async fn check_split(&self, id: &str) -> Result<Arc<CatalogSplit>, ReadError> {
        let task = self.begin(None).await?;
        let (reader, id) = (self.clone(), id.to_owned());
        blocking(move || {
            task.running.check()?;
            let known = |reader: &Reader| reader.inner.catalog.snapshot().split(&id).cloned();
            let gone = || ReadError::NotFound(format!("there is no split {id}: GET /api/v1/splits lists them"));
            let split = known(&reader).ok_or_else(gone)?;
            let outcome = reader.inner.splits.check(&split);
            let catalog = &reader.inner.catalog;
            let marked = match (outcome, &split.quarantined) {
                (Ok(()), Some(_)) => catalog.release(&id),
                (Ok(()), None) => Ok(()),
                (Err(error), None) => catalog.quarantine(&id, &error.to_string()),
                (Err(error), Some(before)) if *before != error.to_string() => {
                    catalog.quarantine(&id, &error.to_string())
                }
                (Err(_), Some(_)) => Ok(()),
            };
            marked.map_err(|error| ReadError::Internal(error.to_string()))?;
            known(&reader).ok_or_else(gone)
        })
        .await
    }

    /// What is stored, live rows included.
    pub fn stored(&self) -> Stored {
        let view = self.view();
        let metas = || view.snapshot.splits.iter().map(|split| &split.meta);
        let live: usize = view.live.iter().map(|part| part.rows.len() - part.first).sum();
        let bounds = view.time_bounds();
        Stored {
            records: metas().map(|meta| meta.rows).sum::<u64>() + live as u64,
            raw_bytes: metas().map(|meta| meta.raw_bytes).sum(),
            disk_bytes: metas().map(|meta| meta.file_bytes).sum(),
            splits: metas().count() as u64,
            oldest: bounds.map(|(min, _)| rfc3339(min)),
            newest: bounds.map(|(_, max)| rfc3339(max)),
        }
    }

    /// The rows that arrive from now on.
    pub fn subscribe(&self) -> tokio::sync::broadcast::Receiver<LiveBlock> {
        self.inner.live.subscribe()
    }

    /// The limits.
    pub fn options(&self) -> &ReadOptions {
        &self.inner.options
    }

    /// How full the cache is, and how well it serves.
    pub fn cache_stats(&self) -> CacheStats {
        self.inner.cache.stats()
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    pub(crate) fn agents(&self) -> Vec<AgentFile> {
        self.inner.sources.agents()
    }

    pub(crate) fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.inner.runtime
    }

    pub(crate) fn view(&self) -> View {
        let view = View::take(
            &*self.inner.live,
            &self.inner.catalog,
            &self.inner.splits,
            &self.inner.cache,
        );
        let mut cached = self.inner.cached_of.lock();
        // Weak: a snapshot that is held keeps the files of splits that were dropped.
        let snapshot = Arc::downgrade(&view.snapshot);
        if !cached.ptr_eq(&snapshot) {
            let ids: HashSet<&str> = view
                .snapshot
                .splits
                .iter()
                .map(|split| split.meta.id.as_str())
                .collect();
            self.inner.cache.retain(|split| ids.contains(split));
            *cached = snapshot;
        }
        drop(cached);
        view
    }

    /// What is on record as bytes of files without a record.
    pub(crate) fn holes(&self, generation: Option<GenerationId>) -> Result<Vec<Hole>, ReadError> {
        let holes = self.inner.catalog.holes(generation);
        holes.map_err(|error| ReadError::Internal(error.to_string()))
    }

    pub(crate) fn completeness(&self, running: &Running) -> Completeness {
        let mut completeness = self.stored_completeness();
        completeness.partial.extend(running.partial());
        completeness
    }

    /// What the sources say, what is queued, and what the queue lost before it was stored.
    fn stored_completeness(&self) -> Completeness {
        let (sources, taken_to) = {
            let settled = self.inner.settled.lock();
            (Arc::clone(&settled.sources), settled.taken_to_nanos)
        };
        let mut completeness = fleet::completeness(&sources, now_nanos(), self.inner.options.lag_tolerance);
        completeness.taken_to = (taken_to > 0).then(|| rfc3339(taken_to));
        completeness.queued_records = self.inner.live.queued_records();
        completeness.partial.extend(self.gaps());
        completeness
    }

    /// The gaps on record, one sentence each; read again only when the catalog has changed.
    fn gaps(&self) -> Vec<String> {
        let snapshot = self.inner.catalog.snapshot();
        let mut known = self.inner.gaps.lock();
        if let Some((of, sentences)) = &*known
            && of.ptr_eq(&Arc::downgrade(&snapshot))
        {
            return sentences.clone();
        }
        let gaps = match self.inner.catalog.gaps() {
            Ok(gaps) => gaps,
            Err(error) => return vec![format!("whether records are missing cannot be said: {error}")],
        };
        let sentences: Vec<String> = gaps
            .iter()
            .map(|gap| {
                format!(
                    "offsets {}..{} of {}-{} are missing: {}",
                    gap.from, gap.to, gap.topic, gap.partition, gap.reason
                )
            })
            .collect();
        *known = Some((Arc::downgrade(&snapshot), sentences.clone()));
        sentences
    }

    /// Waits for a turn, at most as long as a query may take.
    pub(crate) async fn begin(&self, query_id: Option<String>) -> Result<Task, ReadError> {
        let running = Running::new(self.inner.options.time_limit, self.inner.options.scan_limits());
        let guard = self.inner.registry.enter(query_id, &running);
        let permit = Arc::clone(&self.inner.permits).acquire_owned();
        let permit = tokio::time::timeout_at(running.deadline().into(), permit).await;
        let Ok(Ok(permit)) = permit else {
            return Err(ReadError::Limit {
                what: format!("{} queries run already", self.inner.options.concurrent_max),
                key: "query.concurrent_max",
            });
        };
        Ok(Task {
            running,
            _guard: guard,
            _permit: permit,
        })
    }

    /// The number of rows that a request may get.
    pub(crate) fn limit(&self, asked: Option<u64>, default: u64) -> Result<usize, ReadError> {
        let options = &self.inner.options;
        let limit = asked.unwrap_or(default);
        if limit > options.rows_max {
            return Err(ReadError::Limit {
                what: format!("a limit of {limit} rows is above {}", options.rows_max),
                key: "query.rows_max",
            });
        }
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    async fn search(
        &self,
        request: &QueryRequest,
        filter: Filter,
        range: TimeRange,
        task: Task,
    ) -> Result<Frames, ReadError> {
        let search = Search {
            view: self.view(),
            selection: Selection::prepared(filter, range).await?,
            direction: request.direction,
            after: request.cursor.as_deref().map(str::parse::<Key>).transpose()?,
            limit: self.limit(request.limit, self.inner.options.rows_default)?,
            running: Arc::clone(&task.running),
        };
        let (sender, frames) = Frames::channel(task);
        let reader = self.clone();
        tokio::task::spawn_blocking(move || {
            let outcome = send_records(&search, &sender);
            for frame in ending(&reader, &search.running, outcome) {
                if sender.blocking_send(frame).is_err() {
                    return;
                }
            }
        });
        Ok(frames)
    }
}

impl Inner {
    fn look_at_sources(&self) {
        self.settled
            .lock()
            .look(|| self.sources.sources(), || self.live.taken());
    }
}

/// Runs what blocks where it may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.unwrap_or_else(|error| Err(ReadError::Internal(format!("a reading thread ended early: {error}"))))
}

/// The range of time that a request names.
pub(crate) fn range(from: Option<&str>, to: Option<&str>) -> Result<TimeRange, ReadError> {
    let now = now_nanos();
    let instant = |name: &str, text: Option<&str>| {
        let text = text.filter(|text| !text.is_empty());
        let parse =
            |text| time_range::parse_time(text, now).map_err(|error| ReadError::BadRequest(format!("{name}: {error}")));
        text.map(parse).transpose()
    };
    Ok(TimeRange::new(instant("from", from)?, instant("to", to)?))
}

fn no_cursor(request: &QueryRequest) -> Result<(), ReadError> {
    let refuse = |what: &str| {
        Err(ReadError::BadRequest(format!(
            "{what} is only for a search without pipes: leave it out, or use sort and head"
        )))
    };
    if request.cursor.is_some() {
        return refuse("cursor");
    }
    if request.direction != Direction::Backward {
        return refuse("direction");
    }
    Ok(())
}

/// Between two frames of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// Records of one frame at most.
const FRAME_RECORDS_MAX: usize = 500;

fn send_records(search: &Search, sender: &mpsc::Sender<Frame>) -> Result<(u64, Option<String>), ReadError> {
    let mut rows = 0;
    let mut progress_sent = Instant::now();
    let send = |frame| match sender.blocking_send(frame) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    let last = search.run(&mut |hits: Vec<Hit>| {
        for portion in hits.chunks(FRAME_RECORDS_MAX) {
            let records: Vec<Record> = portion.iter().map(|hit| record(&hit.view())).collect();
            rows += records.len() as u64;
            send(Frame::Records { records })?;
        }
        if progress_sent.elapsed() >= PROGRESS_INTERVAL {
            progress_sent = Instant::now();
            send(Frame::Progress(search.running.progress()))?;
        }
        ControlFlow::Continue(())
    })?;
    Ok((rows, last.map(|key| key.to_string())))
}
