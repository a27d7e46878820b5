//! The door to everything stored: takes questions, gives answers within the limits.

use std::collections::HashSet;
use std::sync::{Arc, Weak};

use datafusion::execution::runtime_env::RuntimeEnv;
use timberline_collector::fleet;
use timberline_proto::api::{Direction, QueryRequest, SourcesAnswer};
use timberline_proto::id::GenerationId;
use timberline_proto::query::ast::{self, Explain, Filter, PipeKind, Query};
use timberline_proto::query::{parse, time_range};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::catalog::{Catalog, CatalogSplit, Hole, Snapshot};
use crate::live::{LiveBlock, LiveRows};

use super::cache::{Cache, CacheStats};
use super::frames::Frames;
use super::limits::{self, For, Limits};
use super::running::Registry;
use super::settled::{self, Settled};
use super::sources::{AgentFile, Sources};
use super::time::{TimeRange, now_nanos};
use super::topics::Topics;
use super::view::{Splits, View};
use super::workers::Workers;
use super::{ReadError, ReadOptions, engine, sending, table};

/// Reads what is stored. Cheap to clone; all clones share the limits.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) inner: Arc<Inner>,
    /// For whom it reads.
    pub(super) limits: Arc<Limits>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) catalog: Catalog,
    pub(super) live: Arc<dyn LiveRows>,
    pub(super) splits: Arc<dyn Splits>,
    pub(super) sources: Arc<dyn Sources>,
    pub(super) settled: parking_lot::Mutex<Settled>,
    pub(super) options: ReadOptions,
    pub(super) registry: Arc<Registry>,
    pub(super) permits: Arc<Semaphore>,
    /// A permit for each export.
    pub(super) exports: Arc<Semaphore>,
    pub(super) exports_known: super::export::Known,
    /// A permit for each listener to new records.
    pub(super) tails: Arc<Semaphore>,
    pub(super) runtime: Arc<RuntimeEnv>,
    pub(super) workers: Workers,
    pub(super) cache: Arc<Cache>,
    limits: limits::Known,
    /// The snapshot whose splits the cache may hold something of.
    pub(super) cached_of: parking_lot::Mutex<Weak<Snapshot>>,
    /// What [`Reader::gaps`] found, and in which snapshot.
    pub(super) gaps: parking_lot::Mutex<Option<(Weak<Snapshot>, Vec<String>)>>,
    pub(super) ledger_total: parking_lot::Mutex<Option<super::ledger::KnownTotal>>,
    /// What [`Reader::room`] found.
    pub(super) room: parking_lot::Mutex<Option<super::room::Known>>,
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
            limits: Arc::new(Limits::none()),
            inner: Arc::new(Inner {
                catalog,
                live,
                splits,
                sources,
                settled: parking_lot::Mutex::default(),
                registry: Arc::default(),
                permits: Arc::new(Semaphore::new(options.concurrent_max.max(1))),
                exports: Arc::new(Semaphore::new(options.exports_max)),
                exports_known: Default::default(),
                tails: Arc::new(Semaphore::new(options.tails_max)),
                runtime,
                workers,
                cache: Arc::new(Cache::new(options.cache_bytes_max)),
                limits: limits::Known::default(),
                cached_of: parking_lot::Mutex::default(),
                gaps: parking_lot::Mutex::default(),
                ledger_total: parking_lot::Mutex::default(),
                room: parking_lot::Mutex::default(),
                options,
            }),
        })
    }

    /// A reader that shows no more than somebody may see. It answers what [`query`](Self::query),
    /// [`histogram`](Self::histogram), [`fields`](Self::fields), [`explain`](Self::explain),
    /// [`tail`](Self::tail), [`export`](Self::export), [`record`](Self::record), [`context`](Self::context),
    /// [`edge`](Self::edge) and [`find_in_file`](Self::find_in_file) answer; the others tell of everything.
    ///
    /// # Errors
    /// [`ReadError`] of limits that do not parse.
    pub fn limited(&self, of: &For) -> Result<Self, ReadError> {
        Ok(Self {
            inner: Arc::clone(&self.inner),
            limits: self.inner.limits.of(of)?,
        })
    }

    /// Begins to answer a query. What is wrong with its text is said here; what goes wrong later
    /// is the answer's last frame.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn query(&self, request: QueryRequest) -> Result<Frames, ReadError> {
        let task = self.begin(request.query_id.clone()).await?;
        super::sql::refuse_writes(&request.query)?;
        let range = range(request.from.as_deref(), request.to.as_deref())?;
        let (reader, caller, running) = (self.clone(), Handle::current(), Arc::clone(&task.running));
        match parse(&request.query)? {
            Query::Search(search) => {
                let search = super::lower::fold_wheres(search);
                self.check_search(&search)?;
                if search.pipes.is_empty() && search.explain == Explain::No {
                    sending::search(self, &request, search.filter, range, task).await
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

    pub(crate) fn check_search(&self, search: &ast::Search) -> Result<(), ReadError> {
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

    /// What the queue's topics hold.
    pub(crate) fn view(&self) -> View {
        self.view_of(&Topics::Queue)
    }

    /// The topics that a filter asks for.
    ///
    /// # Errors
    /// [`ReadError::Forbidden`]
    pub(crate) fn topics(&self, filter: &Filter) -> Result<Topics, ReadError> {
        self.limits.topics(filter)
    }

    /// What a search sees.
    ///
    /// # Errors
    /// [`ReadError::Forbidden`]
    pub(crate) fn view_for(&self, filter: &Filter) -> Result<View, ReadError> {
        Ok(self.view_of(&self.topics(filter)?))
    }

    /// What may hold a record of this topic.
    ///
    /// # Errors
    /// [`ReadError::Forbidden`]
    pub(crate) fn view_of_topic(&self, topic: &str) -> Result<View, ReadError> {
        let topics = Topics::of_topic(topic);
        self.limits.allow(&topics)?;
        Ok(self.view_of(&topics))
    }

    pub(crate) fn view_of(&self, topics: &Topics) -> View {
        let view = View::take(
            &*self.inner.live,
            &self.inner.catalog,
            &self.inner.splits,
            &self.inner.cache,
            &self.limits,
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
        view.only(topics)
    }

    /// What is on record as bytes of files without a record.
    pub(crate) fn holes(&self, generation: Option<GenerationId>) -> Result<Vec<Hole>, ReadError> {
        let holes = self.inner.catalog.holes(generation);
        holes.map_err(|error| ReadError::Internal(error.to_string()))
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
