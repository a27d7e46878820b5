//! What the routes share.

use std::sync::Arc;

use timberline_collector::Access;
use timberline_collector::http::HostGuard;
use timberline_proto::api::retention::PolicySet;
use timberline_proto::api::room::RoomMerges;

use crate::alert::Alerts;
use crate::alert::notify::Notifier;
use crate::backup::Backups;
use crate::catalog::{Catalog, DocumentLimits};
use crate::erase::Erasures;
use crate::read::Reader;

use super::assets::Asset;
use super::searches::Searches;

/// Text of further metrics, from the other roles in the same process.
pub trait Metrics: Send + Sync + std::fmt::Debug {
    /// In Prometheus' text format, each line ended.
    fn text(&self) -> String;
    /// Why the process is not ready to take records or questions, if it is not.
    fn not_ready(&self) -> Option<String> {
        None
    }
    /// Why retention cannot make room that is wanted, if so.
    fn retention_stuck(&self) -> Option<String> {
        None
    }
    /// What waits to be merged; none where nobody merges. Blocks.
    fn merges(&self) -> Option<RoomMerges> {
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

/// What is kept of dashboards and saved searches.
#[derive(Clone, Copy, Debug)]
pub struct KeptLimits {
    /// Dashboards: `store.dashboards_max`.
    pub dashboards_max: u64,
    /// Saved searches: `store.saved_searches_max`.
    pub searches_max: u64,
    /// Bytes of one of either: `store.document_bytes_max`.
    pub document_bytes_max: u64,
}

impl Default for KeptLimits {
    fn default() -> Self {
        Self {
            dashboards_max: 1_000,
            searches_max: 1_000,
            document_bytes_max: 256 << 10,
        }
    }
}

impl KeptLimits {
    pub(super) fn dashboards(self) -> DocumentLimits {
        DocumentLimits {
            count_max: self.dashboards_max,
            bytes_max: self.document_bytes_max,
        }
    }

    pub(super) fn searches(self) -> DocumentLimits {
        DocumentLimits {
            count_max: self.searches_max,
            bytes_max: self.document_bytes_max,
        }
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
    /// Who may use them, and for what.
    pub access: Access,
    /// Who searched for what, on record.
    pub searches: Searches,
    /// Of dashboards and saved searches.
    pub kept: KeptLimits,
    /// Retention policies of the configuration's file.
    pub file_policies: Arc<PolicySet>,
    /// Tells of alerts, where this process does.
    pub notifier: Option<Notifier>,
    /// Alert rules and their evaluation, if there is one.
    pub alerts: Option<Alerts>,
    /// Where the collector is from which the store takes its records, if that is another process.
    pub collector: Option<Arc<str>>,
    /// Backups, if this process makes them.
    pub backups: Option<Backups>,
    /// Erases, if this process does.
    pub erasures: Option<Erasures>,
    /// Of the other roles.
    pub metrics: Arc<dyn Metrics>,
}
