//! `timberline collector`

use anyhow::Context;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use timberline_collector::http::{HostGuard, MessageReaders, access_router, authorize, guard};
use timberline_collector::{Collector, service};
use timberline_queue::receive::Seen;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::access::Door;
use super::{banner, listen, receive};
use crate::cli::RoleArgs;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::{logging, shutdown};

pub(super) fn run(args: &RoleArgs) -> anyhow::Result<()> {
    let config = Config::for_role(args)?;
    logging::start(&config.log)?;
    let data = DataDir::open(&config.data, &["queue"])?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    runtime.block_on(async {
        let grpc = listen::bind("server.grpc", &config.server.grpc).await?;
        let http = listen::bind("server.http", &config.server.http).await?;
        let (bound, receive_options) = receive::bind(&config).await?;
        let collector = Collector::open(config.collector_options(data.role("queue"), data.role("collector"))?)?;
        let role = data.role("collector");
        let door = Door::open(&config, &http, &role, &role.join("pki"), None)?;
        let mut lines = vec![
            ("agents".to_owned(), grpc.local_addr()?.to_string()),
            ("ingest".to_owned(), format!("{}/api/v1/ingest", door.url())),
        ];
        lines.extend(door.announced().into_iter().filter(|(key, _)| key != "page"));
        lines.extend(receive::announced(bound.addresses()));
        lines.push(("data".to_owned(), data.path().display().to_string()));
        let stop = shutdown::token()?;
        banner::print(&lines)?;
        let receivers = bound.start(collector.queue().clone(), receive_options, None)?;
        let served = serve(&config, &collector, door, receivers.watch(), (grpc, http), &stop).await;
        receivers.stop(config.shutdown_deadline.get() / 2).await;
        served?;
        let closing = collector.clone();
        tokio::task::spawn_blocking(move || closing.close()).await??;
        Ok(())
    })
}

/// Serves both ports until told to stop, or until one of them fails.
async fn serve(
    config: &Config,
    collector: &Collector,
    door: Door,
    seen: impl Fn() -> Vec<Seen> + Clone + Send + Sync + 'static,
    (grpc, http): (TcpListener, TcpListener),
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let upkeep = collector.run_upkeep(stop.clone());
    let host_guard = HostGuard::new(&config.server.allowed_hosts);
    let routes = timberline_collector::http::router(collector.clone(), MessageReaders::ThisMachine)
        .merge(timberline_collector::http::health(collector.clone(), {
            let seen = seen.clone();
            move || receive::not_ready(&seen())
        }))
        .route("/metrics", get(move || std::future::ready(receive::metrics(&seen()))))
        .merge(access_router(door.access.clone()))
        .layer(from_fn_with_state(door.access.clone(), authorize))
        .layer(from_fn_with_state(host_guard, guard));
    tokio::spawn(door.access.run_upkeep(stop.clone()));
    let pages = timberline_collector::http::serve(http, routes, config.http_options(door.tls), stop.clone());
    let agents = service::serve_grpc(collector.clone(), grpc, stop.clone());
    let deadline = config.shutdown_deadline.get();
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(deadline).await;
    };
    tokio::select! {
        served = async { tokio::try_join!(async { agents.await.map_err(anyhow::Error::from) }, async { pages.await.map_err(anyhow::Error::from) }, async { upkeep.await; Ok(()) }) } => { served?; }
        () = drained => tracing::warn!("connections still open after the drain deadline were closed"),
    }
    Ok(())
}
