//! Listeners: a port that is taken is an error that names the key to change.

use anyhow::Context;
use tokio::net::TcpListener;

use crate::exit::Exit;

/// Binds `address`, the value of `key`.
///
/// # Errors
/// [`Exit::in_use`] if something else listens there.
pub(super) async fn bind(key: &str, address: &str) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(Exit::in_use(format!(
            "{address} is in use by another program; set `{key}` to a free address (port 0 takes any)"
        ))
        .into()),
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address} (key `{key}`)")),
    }
}
