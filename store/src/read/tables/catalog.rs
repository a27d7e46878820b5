//! The store's own tables.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use serde_json::json;
use timberline_proto::api::FieldSummary;

use super::builder::Builder;
use crate::catalog::{AuditEntry, Snapshot};
use crate::read::reader::blocking;
use crate::read::sources::AgentFile;
use crate::read::{ReadError, Reader};

/// Entries of `audit` that are shown at most, the newest.
const AUDIT_ENTRIES_MAX: usize = 1_000_000;

pub(super) fn splits(snapshot: &Snapshot) -> Result<RecordBatch, ReadError> {
    let all = &snapshot.splits;
    let metas = || all.iter().map(|split| &split.meta);
    let mut table = Builder::default();
    table.texts("id", metas().map(|meta| Some(meta.id.clone())));
    table.texts("topic", all.iter().map(|split| Some(split.topic.clone())));
    table.counts("level", metas().map(|meta| Some(u64::from(meta.level))));
    table.counts("rows", metas().map(|meta| Some(meta.rows)));
    table.counts("pages", metas().map(|meta| Some(u64::from(meta.pages))));
    table.counts("raw_bytes", metas().map(|meta| Some(meta.raw_bytes)));
    table.counts("file_bytes", metas().map(|meta| Some(meta.file_bytes)));
    table.times("time_min", metas().map(|meta| Some(meta.time_min)));
    table.times("time_max", metas().map(|meta| Some(meta.time_max)));
    table.counts("streams", metas().map(|meta| Some(meta.streams.len() as u64)));
    table.counts(
        "format_version",
        metas().map(|meta| Some(u64::from(meta.format_version))),
    );
    table.texts("quarantined", all.iter().map(|split| split.quarantined.clone()));
    table.batch()
}

pub(super) fn streams(snapshot: &Snapshot) -> Result<RecordBatch, ReadError> {
    let mut splits_of = BTreeMap::new();
    for stream in snapshot.splits.iter().flat_map(|split| &split.meta.streams) {
        *splits_of.entry(*stream).or_insert(0_u64) += 1;
    }
    let all = || snapshot.streams.values();
    let attribute = |name: &'static str| all().map(move |stream| stream.attributes.get(name).cloned());
    let mut table = Builder::default();
    table.texts("id", all().map(|stream| Some(format!("{:016x}", stream.id.0))));
    table.texts("host", attribute("host.name"));
    table.texts("service", attribute("service.name"));
    table.texts("file", attribute("log.file.path"));
    table.json("attributes", all().map(|stream| json!(stream.attributes)));
    table.counts(
        "splits",
        all().map(|stream| Some(splits_of.get(&stream.id).copied().unwrap_or(0))),
    );
    table.batch()
}

pub(super) fn fields(all: &[FieldSummary]) -> Result<RecordBatch, ReadError> {
    let mut table = Builder::default();
    table.texts("name", all.iter().map(|field| Some(field.name.clone())));
    table.counts("records", all.iter().map(|field| Some(field.count)));
    table.texts("types", all.iter().map(|field| Some(field.types.join(", "))));
    table.json("type_counts", all.iter().map(|field| json!(field.type_counts)));
    table.counts("distinct_values", all.iter().map(|field| Some(field.distinct)));
    table.truths("distinct_capped", all.iter().map(|field| field.distinct_capped));
    table.numbers("min", all.iter().map(|field| field.min));
    table.numbers("max", all.iter().map(|field| field.max));
    table.json("top_values", all.iter().map(|field| json!(field.top)));
    table.batch()
}

pub(super) fn agents(all: &[AgentFile]) -> Result<RecordBatch, ReadError> {
    let of_file = |value: fn(&AgentFile) -> u64| all.iter().map(move |file| file.path.is_some().then(|| value(file)));
    let mut table = Builder::default();
    table.texts("agent", all.iter().map(|file| Some(file.agent.clone())));
    table.texts("host", all.iter().map(|file| Some(file.host.clone())));
    table.texts("version", all.iter().map(|file| Some(file.version.clone())));
    table.times("reported_at", all.iter().map(|file| Some(file.reported_at_nanos)));
    table.texts("path", all.iter().map(|file| file.path.clone()));
    table.texts(
        "generation",
        all.iter()
            .map(|file| file.path.is_some().then(|| file.generation.clone())),
    );
    table.counts("size", of_file(|file| file.size));
    table.counts("read", of_file(|file| file.read));
    table.counts("acked", of_file(|file| file.acked));
    table.counts("behind", of_file(|file| file.size.saturating_sub(file.acked)));
    table.counts("lost", of_file(|file| file.lost));
    table.times(
        "read_to_end_at",
        all.iter()
            .map(|file| Some(file.read_to_end_at_nanos).filter(|at| *at > 0)),
    );
    table.texts(
        "error",
        all.iter()
            .map(|file| Some(file.error.clone()).filter(|error| !error.is_empty())),
    );
    table.batch()
}

pub(super) async fn audit(reader: &Reader) -> Result<RecordBatch, ReadError> {
    let catalog = reader.catalog().clone();
    let entries = blocking(move || {
        let entries = catalog.audit(AUDIT_ENTRIES_MAX);
        entries.map_err(|error| ReadError::Internal(format!("the audit cannot be read: {error}")))
    });
    audit_table(&entries.await?)
}

fn audit_table(all: &[AuditEntry]) -> Result<RecordBatch, ReadError> {
    let mut table = Builder::default();
    table.times("at", all.iter().map(|entry| Some(entry.at_nanos)));
    table.texts("actor", all.iter().map(|entry| Some(entry.actor.clone())));
    table.texts("origin", all.iter().map(|entry| entry.origin.clone()));
    table.texts("action", all.iter().map(|entry| Some(entry.action.clone())));
    table.texts("object", all.iter().map(|entry| Some(entry.object.clone())));
    table.texts("outcome", all.iter().map(|entry| Some(entry.outcome.clone())));
    table.json("detail", all.iter().map(|entry| entry.detail.clone()));
    table.batch()
}
