//! `timberline store`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use parking_lot::RwLock;
use timberline_collector::fleet;
use timberline_proto::api::Completeness;
use timberline_store::Store;
use timberline_store::read::Sources;
use timberline_store::write::RemoteSource;
use tokio_util::sync::CancellationToken;

use super::{banner, listen, page};
use crate::cli::RoleArgs;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::{logging, shutdown};

/// How often the collector is asked for its agents' reports.
const AGENTS_INTERVAL: Duration = Duration::from_secs(2);

pub(super) fn run(args: &RoleArgs) -> anyhow::Result<()> {
    let config = Config::for_role(args)?;
    logging::start(&config.log)?;
    let data = DataDir::open(&config.data, &["store"])?;
    let runtime = page::runtime().context("cannot start threads")?;
    runtime.block_on(async {
        let http = listen::bind("server.http", &config.server.http).await?;
        let source = Arc::new(RemoteSource::new(
            &config.store.collector,
            tokio::runtime::Handle::current(),
        )?);
        let options = config.store_options(data.role("store"));
        let opening = Arc::clone(&source);
        let store = tokio::task::spawn_blocking(move || Store::open(options, opening)).await??;
        let stop = shutdown::token()?;
        let agents = Arc::new(RemoteAgents::default());
        tokio::spawn(Arc::clone(&agents).follow(source, config.server.lag_tolerance.get(), stop.clone()));
        let (store, router) = page::router(&config, &data, store, agents, None)?;
        banner::print(&[
            ("page", format!("http://{}/", http.local_addr()?)),
            ("pulls", config.store.collector.clone()),
            ("data", data.path().display().to_string()),
        ])?;
        timberline_collector::http::serve(http, router, config.http_options(), stop).await?;
        page::close(store, config.shutdown_deadline.get()).await
    })
}

/// What a collector in another process knows of its agents.
#[derive(Debug, Default)]
struct RemoteAgents {
    last: RwLock<Completeness>,
}

impl RemoteAgents {
    async fn follow(self: Arc<Self>, source: Arc<RemoteSource>, lag_tolerance: Duration, stop: CancellationToken) {
        let mut tick = tokio::time::interval(AGENTS_INTERVAL);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = stop.cancelled() => return,
            }
            match source.agents().await {
                Ok(answer) => {
                    let reports = answer
                        .agents
                        .iter()
                        .filter_map(|agent| Some((agent.report.as_ref()?, agent.received_at_unix_nanos)));
                    *self.last.write() = fleet::completeness(reports, fleet::now_nanos(), lag_tolerance);
                }
                Err(error) => tracing::debug!(%error, "the collector's agents are not to be had"),
            }
        }
    }
}

impl Sources for RemoteAgents {
    fn completeness(&self) -> Completeness {
        self.last.read().clone()
    }
}

/// Says that not everything was drained, if so.
pub(super) fn drained(all: bool) -> anyhow::Result<()> {
    if all {
        return Ok(());
    }
    Err(Exit::deadline("the drain deadline passed before everything was published; the rest is in the queue and is taken at the next start").into())
}
