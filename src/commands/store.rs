//! `timberline store`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use timberline_collector::fleet::{Fleet, Source};
use timberline_proto::id::AgentId;
use timberline_proto::tls::{Credentials, MachineFiles};
use timberline_proto::wire::v1::agents_response;
use timberline_store::Store;
use timberline_store::read::{AgentFile, Sources};
use timberline_store::write::RemoteSource;
use tokio_util::sync::CancellationToken;

use super::access::Door;
use super::{banner, listen, page};
use crate::cli::RoleArgs;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::{logging, renew, shutdown};

/// How often the collector is asked for its agents' reports.
const AGENTS_INTERVAL: Duration = Duration::from_secs(2);

pub(super) fn run(args: &RoleArgs) -> anyhow::Result<()> {
    let config = Config::for_role(args)?;
    logging::start(&config.log)?;
    let data = DataDir::open(&config.data, &["store"])?;
    let runtime = page::runtime().context("cannot start threads")?;
    runtime.block_on(async {
        let http = listen::bind("server.http", &config.server.http).await?;
        let collector = config.collector_of("store", &data);
        let credentials = Credentials::new(
            MachineFiles::new(data.role("store").join("pki")),
            config.store.tls_ca.clone(),
        );
        let source = Arc::new(RemoteSource::new(
            &collector,
            &credentials,
            tokio::runtime::Handle::current(),
        )?);
        let options = config.store_options(data.role("store"));
        let opening = Arc::clone(&source);
        let store = tokio::task::spawn_blocking(move || Store::open(options, opening)).await??;
        let stop = shutdown::token()?;
        tokio::spawn(renew::keep(collector.clone(), credentials, stop.clone()));
        let agents = Arc::new(RemoteAgents {
            fleet: Fleet::with(config.fleet_limits()),
        });
        tokio::spawn(Arc::clone(&agents).follow(source, stop.clone()));
        let sink = Arc::new(store.catalog().clone());
        let role = data.role("store");
        let door = Door::open(&config, &http, &role, &role.join("http-pki"), Some(sink))?;
        let (store, router) = page::router(
            &config,
            &data,
            store,
            agents,
            None::<(_, fn() -> Vec<_>)>,
            Some(&collector),
            door.access.clone(),
        )?;
        let mut lines = door.announced();
        lines.push(("pulls".to_owned(), collector));
        lines.push(("data".to_owned(), data.path().display().to_string()));
        banner::print(&lines)?;
        let upkeep = tokio::spawn(door.access.run_upkeep(stop.clone()));
        timberline_collector::http::serve(http, router, config.http_options(door.tls), stop).await?;
        upkeep.await?;
        page::close(store, config.shutdown_deadline.get()).await
    })
}

/// What a collector in another process knows of its agents. Kept here too, so that an agent that
/// has fallen silent is not forgotten because the collector was started anew.
#[derive(Debug)]
struct RemoteAgents {
    fleet: Fleet,
}

impl RemoteAgents {
    async fn follow(self: Arc<Self>, source: Arc<RemoteSource>, stop: CancellationToken) {
        let mut tick = tokio::time::interval(AGENTS_INTERVAL);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = stop.cancelled() => return,
            }
            match source.agents().await {
                Ok(answer) => {
                    let ids = answer.revoked_agent_ids.iter();
                    self.fleet
                        .set_revoked(ids.filter_map(|id| AgentId::try_from(&id[..]).ok()).collect());
                    answer.agents.into_iter().for_each(|agent| self.take(agent));
                }
                Err(error) => tracing::debug!(%error, "the collector's agents are not to be had"),
            }
        }
    }

    fn take(&self, agent: agents_response::Agent) {
        let Some(report) = agent.report else { return };
        if let Ok(id) = AgentId::try_from(&report.agent_id[..]) {
            self.fleet.report_at(id, report, agent.received_at_unix_nanos);
        }
    }
}

impl Sources for RemoteAgents {
    fn sources(&self) -> Arc<[Source]> {
        self.fleet.sources()
    }

    fn fleet(&self) -> Option<&Fleet> {
        Some(&self.fleet)
    }

    fn agents(&self) -> Vec<AgentFile> {
        super::agents::all(&self.fleet)
    }
}

/// Says that not everything was drained, if so.
pub(super) fn drained(all: bool) -> anyhow::Result<()> {
    if all {
        return Ok(());
    }
    Err(Exit::deadline("the drain deadline passed before everything was published; the rest is in the queue and is taken at the next start").into())
}
