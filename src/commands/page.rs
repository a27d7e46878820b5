//! The store's page and API, as `up` and `store` serve them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use timberline_collector::http::{HostGuard, guard};
use timberline_store::Store;
use timberline_store::http::{self, ApiState};
use timberline_store::read::{Reader, Sources};

use crate::config::Config;
use crate::data_dir::DataDir;

/// The routes over `store`, with a collector's receivers beside them where there are some.
pub(super) fn router(
    config: &Config,
    data: &DataDir,
    store: Store,
    sources: Arc<dyn Sources>,
    receivers: Option<Router>,
) -> anyhow::Result<(Arc<Store>, Router)> {
    let store = Arc::new(store);
    let reader = Reader::new(
        store.catalog().clone(),
        store.live(),
        Arc::clone(&store) as _,
        sources,
        config.read_options(),
    )?;
    let state = ApiState::new(reader, data.path().display().to_string(), crate::assets::ASSETS);
    let host_guard = HostGuard::new(&config.server.allowed_hosts);
    let router = http::router(state)
        .merge(receivers.unwrap_or_default())
        .layer(axum::middleware::from_fn_with_state(host_guard, guard));
    Ok((store, router))
}

/// Publishes what is queued and stops the store's threads.
pub(super) async fn close(store: Arc<Store>, deadline: Duration) -> anyhow::Result<()> {
    let all = tokio::task::spawn_blocking(move || store.shutdown(deadline)).await?;
    super::store::drained(all)
}
