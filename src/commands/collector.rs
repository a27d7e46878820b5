//! `timberline collector`

use anyhow::Context;
use axum::middleware::from_fn_with_state;
use timberline_collector::http::{HostGuard, guard};
use timberline_collector::{Collector, service};
use tokio_util::sync::CancellationToken;

use super::{banner, listen};
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
        let collector = Collector::open(config.collector_options(data.role("queue"), data.role("collector"))?)?;
        banner::print(&[
            ("agents", grpc.local_addr()?.to_string()),
            ("ingest", format!("http://{}/api/v1/ingest", http.local_addr()?)),
            ("data", data.path().display().to_string()),
        ])?;
        let stop = shutdown::token()?;
        serve(&config, &collector, grpc, http, &stop).await?;
        let closing = collector.clone();
        tokio::task::spawn_blocking(move || closing.close()).await??;
        Ok(())
    })
}

/// Serves both ports until told to stop, or until one of them fails.
async fn serve(
    config: &Config,
    collector: &Collector,
    grpc: tokio::net::TcpListener,
    http: tokio::net::TcpListener,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let upkeep = collector.run_upkeep(stop.clone());
    let host_guard = HostGuard::new(&config.server.allowed_hosts);
    let routes = timberline_collector::http::router(collector.clone())
        .merge(timberline_collector::http::health(collector.clone()))
        .layer(from_fn_with_state(host_guard, guard));
    let pages = timberline_collector::http::serve(http, routes, config.http_options(), stop.clone());
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
