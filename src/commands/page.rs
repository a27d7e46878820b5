//! The store's page and API, as `up` and `store` serve them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use timberline_collector::http::{HostGuard, MessageReaders};
use timberline_collector::{Access, Collector};
use timberline_proto::api::access::Actor;
use timberline_proto::api::room::{RoomMerges, RoomSums};
use timberline_queue::receive::Seen;
use timberline_store::alert::Alerts;
use timberline_store::alert::notify::Notifier;
use timberline_store::backup::{Backups, What};
use timberline_store::catalog::{Catalog, NotedAct};
use timberline_store::erase::Erasures;
use timberline_store::http::{self, HttpState, Metrics, Searches};
use timberline_store::read::{Reader, Sources};
use timberline_store::{Store, SystemClock};

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit::Exit;

/// Planning a query walks its tree by recursion; the longest statement that is allowed needs
/// less than this. Only what is used of a stack takes memory.
const THREAD_STACK_BYTES: usize = 64 << 20;

/// Threads for everything that answers queries.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(THREAD_STACK_BYTES)
        .build()
}

/// What runs behind the page until [`close`].
pub(super) struct Running {
    store: Arc<Store>,
    notifier: Notifier,
}

/// The record of searches; that there is none from now on is on record.
fn searches(config: &Config, catalog: &Catalog) -> anyhow::Result<Searches> {
    let options = config.access.searches();
    if !options.enabled {
        let act = NotedAct {
            actor: Actor::new("operator", None),
            action: "searches.off",
            object: "configuration".to_owned(),
            detail: serde_json::json!({ "access.record_searches": false }),
        };
        catalog.note_acts(&[act])?;
    }
    Ok(Searches::start(catalog.clone(), options))
}

/// Messages on their way at the end are waited for so long; they would be sent again.
const NOTIFIER_STOP_MAX: Duration = Duration::from_secs(3);

/// The routes over `store`, with a collector's receivers beside them where there are some, else with the
/// address of the one elsewhere.
pub(super) fn router(
    config: &Config,
    data: &DataDir,
    store: Store,
    sources: Arc<dyn Sources>,
    beside: Option<(Collector, impl Fn() -> Vec<Seen> + Send + Sync + 'static)>,
    collector_address: Option<&str>,
    access: Access,
) -> anyhow::Result<(Running, Router)> {
    let store = Arc::new(store);
    let reader = Reader::new(
        store.catalog().clone(),
        store.live(),
        Arc::clone(&store) as _,
        sources,
        config.read_options(&data.role("store")),
    )?;
    reader.follow_sources();
    let notifier = Notifier::open(
        config.notify_options().map_err(Exit::usage)?,
        store.catalog().clone(),
        Arc::new(store.catalog().clone()),
        Arc::new(SystemClock),
    )?;
    notifier.start()?;
    // The notifier reads what the evaluation puts on record.
    let alerts = Alerts::start(
        reader.clone(),
        config.alerts.evaluation.options(),
        Arc::new(access.clone()),
    )?;
    alerts.plan_messages_by(Arc::new(notifier.clone()));
    let (told, woken) = (alerts.told(), notifier.clone());
    tokio::spawn(wake(told, woken));
    let backups = Backups::start(
        What {
            data: data.path().to_owned(),
            catalog: store.catalog().clone(),
            queue: beside.as_ref().map(|(collector, _)| collector.queue().clone()),
        },
        config.backup.options(),
        Arc::new(SystemClock),
    )?;
    let erasures = Erasures::start(
        Arc::clone(&store),
        reader.clone(),
        config.erasure.options(config.backup.directory.clone()),
        Arc::new(SystemClock),
    )?;
    let (collector, seen) = match beside {
        Some((collector, seen)) => (Some(collector), Some(Box::new(seen) as Box<_>)),
        None => (None, None),
    };
    let state = HttpState {
        reader,
        catalog: store.catalog().clone(),
        data_dir: data.path().display().to_string().into(),
        assets: assets(),
        host_guard: HostGuard::new(&config.server.allowed_hosts),
        access,
        searches: searches(config, store.catalog())?,
        kept: config.kept_limits(),
        file_policies: Arc::new(config.store_options(data.role("store")).policies()),
        notifier: Some(notifier.clone()),
        alerts: Some(alerts),
        collector: collector_address.map(Arc::from),
        backups: Some(backups),
        erasures: Some(erasures),
        metrics: Arc::new(StoreMetrics {
            store: Arc::clone(&store),
            collector: collector.clone(),
            seen,
        }),
    };
    let receivers = collector.map(|collector| {
        // Beside the page, which answers every question to whoever may ask.
        timberline_collector::http::router(collector, MessageReaders::Anybody)
    });
    Ok((
        Running { store, notifier },
        http::router(state, receivers.unwrap_or_default()),
    ))
}

/// Wakes the notifier whenever changes of state were put on record, as long as rules are evaluated.
async fn wake(mut told: tokio::sync::watch::Receiver<u64>, notifier: Notifier) {
    while told.changed().await.is_ok() {
        notifier.wake();
    }
}

/// Publishes what is queued and stops the store's threads.
pub(super) async fn close(running: Running, deadline: Duration) -> anyhow::Result<()> {
    let Running { store, notifier } = running;
    let stopped = tokio::task::spawn_blocking(move || notifier.stop());
    if tokio::time::timeout(NOTIFIER_STOP_MAX.min(deadline), stopped)
        .await
        .is_err()
    {
        tracing::warn!("a notification was on its way at the end: it is sent again after the next start");
    }
    let all = tokio::task::spawn_blocking(move || store.shutdown(deadline)).await?;
    super::store::drained(all)
}

#[cfg(feature = "ui")]
fn assets() -> &'static [http::Asset] {
    crate::assets::ASSETS
}

#[cfg(not(feature = "ui"))]
fn assets() -> &'static [http::Asset] {
    &[]
}

/// The store's own counts, and what keeps it and the collector of this process from their work.
struct StoreMetrics {
    store: Arc<Store>,
    collector: Option<Collector>,
    /// What the collector's listeners have seen.
    seen: Option<Box<dyn Fn() -> Vec<Seen> + Send + Sync>>,
}

impl std::fmt::Debug for StoreMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreMetrics")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Metrics for StoreMetrics {
    fn text(&self) -> String {
        let stats = self.store.stats();
        let metrics: [(&str, &str, u64); 11] = [
            ("timberline_store_live_rows", "gauge", stats.live_rows),
            ("timberline_store_live_bytes", "gauge", stats.live_bytes),
            ("timberline_store_splits_quarantined", "gauge", stats.splits_quarantined),
            ("timberline_store_rows", "gauge", stats.rows),
            ("timberline_store_file_bytes", "gauge", stats.file_bytes),
            ("timberline_store_records_total", "counter", stats.records),
            (
                "timberline_store_batches_damaged_total",
                "counter",
                stats.batches_damaged,
            ),
            ("timberline_store_chains_broken_total", "counter", stats.chains_broken),
            ("timberline_store_flushes_failed_total", "counter", stats.flushes_failed),
            ("timberline_store_merges_total", "counter", stats.merges),
            ("timberline_store_panics_total", "counter", stats.panics),
        ];
        let mut text: String = metrics
            .iter()
            .map(|(name, kind, value)| format!("# TYPE {name} {kind}\n{name} {value}\n"))
            .collect();
        if let Some(seen) = &self.seen {
            text += &super::receive::metrics(&seen());
        }
        text
    }

    fn merges(&self) -> Option<RoomMerges> {
        let waiting = self.store.waiting_merges();
        Some(RoomMerges {
            merges: waiting.merges,
            splits: waiting.splits,
            sums: RoomSums {
                records: waiting.rows,
                raw_bytes: waiting.raw_bytes,
                file_bytes: waiting.file_bytes,
            },
        })
    }

    fn not_ready(&self) -> Option<String> {
        let stats = self.store.stats();
        let collector = self.collector.as_ref().and_then(Collector::not_ready);
        let receivers = self.seen.as_ref().and_then(|seen| super::receive::not_ready(&seen()));
        collector
            .or(receivers)
            .or(stats.flush_error)
            .or(stats.source_error)
            .or(stats.janitor_error)
            .or(stats.retention_stuck)
    }

    fn retention_stuck(&self) -> Option<String> {
        self.store.stats().retention_stuck
    }
}
