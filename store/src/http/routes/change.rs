//! What routes share that wait for the disk, and that change what people keep.

use serde::Deserialize;

use crate::http::error::HttpError;

/// Of a deletion: the version that is meant; any, if none is named.
#[derive(Debug, Deserialize)]
pub(super) struct Deleted {
    pub(super) version: Option<u64>,
}

/// Does what waits for the disk or the network: not on the async threads.
pub(super) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, HttpError>
where
    T: Send + 'static,
    E: Into<HttpError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(error) => Err(HttpError::new("internal", error.to_string())),
    }
}
