//! `timberline up`: every role in one process, speaking as they would over the network.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use timberline_agent::{Agent, AgentConfig};
use timberline_collector::fleet::Source;
use timberline_collector::trust::{IssueError, Refusal};
use timberline_collector::{Collector, service};
use timberline_store::Store;
use timberline_store::read::{AgentFile, Sources};
use timberline_store::write::LocalSource;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::access::Door;
use super::{banner, listen, page, receive};
use crate::cli::UpArgs;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::{logging, renew, shutdown};

pub(super) fn run(args: &UpArgs) -> anyhow::Result<()> {
    let config = Config::for_up(args)?;
    logging::start(&config.log)?;
    let data = DataDir::open(&config.data, &["agent", "queue", "store"])?;
    let runtime = page::runtime().context("cannot start threads")?;
    let outcome = runtime.block_on(up(&config, &data));
    // Whatever still blocks a thread has had its deadline.
    runtime.shutdown_background();
    outcome
}

async fn up(config: &Config, data: &DataDir) -> anyhow::Result<()> {
    let grpc = listen::bind("server.grpc", &config.server.grpc).await?;
    let http = listen::bind("server.http", &config.server.http).await?;
    let (bound, receive_options) = receive::bind(config).await?;
    let stop = shutdown::token()?;

    let collector_options = config.collector_options(data.role("queue"), data.role("collector"))?;
    let collector = tokio::task::spawn_blocking(move || Collector::open(collector_options)).await??;
    let source = Arc::new(LocalSource::new(collector.queue().clone()));
    let store_options = config.store_options(data.role("store"));
    let store = tokio::task::spawn_blocking(move || Store::open(store_options, source)).await??;

    let sources = Arc::new(Fleet(collector.clone()));
    let mut agent_config = config.agent_config(&loopback(&grpc, collector.trust().is_some())?, data.role("agent"));
    // A program that runs for long has no use for a standard input that its starter happens to have.
    agent_config.stdin = None;
    enroll_own(&collector, &agent_config).await?;
    let tails = agent_config.tail.clone();
    let (endpoint, credentials) = (agent_config.endpoint.clone(), agent_config.credentials());
    let agent = tokio::task::spawn_blocking(move || Agent::open(agent_config)).await??;
    let mut addresses = bound.addresses();
    addresses.extend(agent.addresses());
    let receivers = bound.start(collector.queue().clone(), receive_options, None)?;
    let beside = (collector.clone(), receivers.watch());
    let sink = Arc::new(store.catalog().clone());
    let door = Door::open(
        config,
        &http,
        &data.role("store"),
        &data.role("collector").join("pki"),
        Some(sink),
    )?;
    let (store, router) = page::router(config, data, store, sources, Some(beside), None, door.access.clone())?;
    announce(&door, &grpc, &tails, addresses, data)?;

    // Drained from left to right: the agent ships what it read, the collector appends what it got,
    // the store publishes what is queued.
    let agent_stop = stop.child_token();
    let collector_stop = CancellationToken::new();
    let http_stop = CancellationToken::new();
    tokio::spawn(renew::keep(endpoint, credentials, agent_stop.clone()));
    let agent_task = tokio::spawn(agent.run(agent_stop));
    let grpc_task = tokio::spawn(service::serve_grpc(collector.clone(), grpc, collector_stop.clone()));
    let http_task = tokio::spawn(timberline_collector::http::serve(
        http,
        router,
        config.http_options(door.tls.clone()),
        http_stop.clone(),
    ));
    let access_task = tokio::spawn(door.access.clone().run_upkeep(http_stop.clone()));
    let upkeep = collector.clone();
    let upkeep_stop = collector_stop.clone();
    tokio::spawn(async move { upkeep.run_upkeep(upkeep_stop).await });

    let mut agent_task = agent_task;
    let agent_outcome = tokio::select! {
        outcome = &mut agent_task => Some(outcome),
        () = stop.cancelled() => None,
    };
    let agent_outcome = match agent_outcome {
        Some(outcome) => outcome,
        None => agent_task.await,
    };
    stop.cancel();
    let deadline = config.shutdown_deadline.get() / 2;
    receivers.stop(deadline / 2).await;
    collector_stop.cancel();
    if tokio::time::timeout(deadline, grpc_task).await.is_err() {
        tracing::warn!("connections of agents still open after the drain deadline were cut");
    }
    http_stop.cancel();
    http_task.await??;
    access_task.await?;
    let closed = page::close(store, deadline).await;
    tokio::task::spawn_blocking(move || collector.close()).await??;
    agent_outcome??;
    closed
}

/// Makes this process's own agent known to its collector, which asks who it is like anybody.
async fn enroll_own(collector: &Collector, agent: &AgentConfig) -> anyhow::Result<()> {
    let Some(trust) = collector.trust().cloned() else {
        return Ok(());
    };
    let (dir, endpoint, credentials) = (agent.data_dir.clone(), agent.endpoint.clone(), agent.credentials());
    tokio::task::spawn_blocking(move || {
        let id = timberline_agent::own_id(&dir)?;
        match trust.enroll_own(credentials.files(), id, &endpoint) {
            Err(IssueError::Refused(revoked @ Refusal::Revoked(_))) => {
                tracing::error!(
                    "this process's own agent ships nothing: {revoked}, once this process is started again"
                );
                Ok(())
            }
            enrolled => anyhow::Ok(enrolled?),
        }
    })
    .await?
}

/// Where this process's own agent finds its collector.
fn loopback(grpc: &TcpListener, tls: bool) -> anyhow::Result<String> {
    let address = grpc.local_addr()?;
    let host = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    let scheme = if tls { "https" } else { "http" };
    Ok(format!("{scheme}://{}", SocketAddr::new(host, address.port())))
}

fn announce(
    door: &Door,
    grpc: &TcpListener,
    tails: &[String],
    addresses: Vec<(String, SocketAddr)>,
    data: &DataDir,
) -> anyhow::Result<()> {
    let mut lines = door.announced();
    lines.push(("agents".to_owned(), grpc.local_addr()?.to_string()));
    lines.push(("tails".to_owned(), tails.join(" ")));
    lines.extend(receive::announced(addresses));
    lines.push(("data".to_owned(), data.path().display().to_string()));
    banner::print(&lines)?;
    Ok(())
}

/// What the collector of this process knows of its agents.
#[derive(Debug)]
struct Fleet(Collector);

impl Sources for Fleet {
    fn sources(&self) -> Arc<[Source]> {
        self.0.fleet().sources()
    }

    fn fleet(&self) -> Option<&timberline_collector::fleet::Fleet> {
        Some(self.0.fleet())
    }

    fn agents(&self) -> Vec<AgentFile> {
        super::agents::all(self.0.fleet())
    }
}
