//! What the routes share.

use std::sync::Arc;

use timberline_collector::http::HostGuard;

use crate::catalog::Catalog;
use crate::read::Reader;

use super::assets::Asset;

/// Text of further metrics, from the other roles in the same process.
pub trait Metrics: Send + Sync + std::fmt::Debug {
    /// In Prometheus' text format, each line ended.
    fn text(&self) -> String;
    /// Why the process is not ready to take records or questions, if it is not.
    fn not_ready(&self) -> Option<String> {
        None
    }
}

/// No further metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMetrics;

impl Metrics for NoMetrics {
    fn text(&self) -> String {
        String::new()
    }
}

/// What the routes share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpState {
    /// Answers queries.
    pub reader: Reader,
    /// For the status.
    pub catalog: Catalog,
    /// Where the data is, for the status.
    pub data_dir: Arc<str>,
    /// The page's files; empty if it was built without.
    pub assets: &'static [Asset],
    /// Under which names this server may be addressed.
    pub host_guard: HostGuard,
    /// Of the other roles.
    pub metrics: Arc<dyn Metrics>,
}
