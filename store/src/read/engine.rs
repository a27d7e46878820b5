//! DataFusion, set up within our limits, and its errors in our words.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use datafusion::catalog::MemoryCatalogProviderList;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::bounds::{self, Bounds};
use super::counts::CountsRule;
use super::functions;
use super::joins::StoppableJoins;
use super::running::Running;
use super::{ReadError, ReadOptions};

/// Rows of a batch at most.
pub(crate) const BATCH_ROWS_MAX: usize = 8192;

/// A sort keeps so much to merge what it spilled, at most and at least: of small memory a part.
const SORT_RESERVED_BYTES_MAX: usize = 10 << 20;
const SORT_RESERVED_BYTES_MIN: usize = 64 << 10;
/// What DataFusion names where that is full.
const SPILL_LIMIT: &str = "datafusion.runtime.max_temp_directory_size";
/// What DataFusion calls its own directories in ours.
const SPILL_PREFIX: &str = "datafusion-";

/// Memory for each row of a batch, and rows that a batch has even so.
const BATCH_SHARE_BYTES: usize = 16 << 10;
const BATCH_ROWS_MIN: usize = 256;

/// The memory that all queries share, and the place to which they spill what is beyond it.
pub(crate) fn runtime(options: &ReadOptions) -> Result<Arc<RuntimeEnv>, ReadError> {
    let pool = Arc::new(FairSpillPool::new(options.memory_bytes_max));
    let mode = match &options.spill_dir {
        Some(dir) => {
            emptied(dir).map_err(|error| {
                ReadError::Internal(format!("{}: no place to spill to can be made: {error}", dir.display()))
            })?;
            DiskManagerMode::Directories(vec![dir.clone()])
        }
        None => DiskManagerMode::OsTmpDirectory,
    };
    let disk = DiskManagerBuilder::default()
        .with_mode(mode)
        .with_max_temp_directory_size(options.spill_bytes_max);
    RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(|error| failed(&error))
}

/// Makes the directory; what a process left there that was killed goes.
fn emptied(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(SPILL_PREFIX) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// What all sessions have in common, made once: functions and rules.
static COMMON: LazyLock<SessionState> = LazyLock::new(|| {
    let mut state = SessionStateBuilder::new()
        .with_config(SessionConfig::new().with_create_default_catalog_and_schema(false))
        .with_default_features()
        .with_optimizer_rule(Arc::new(CountsRule))
        .build();
    for name in bounds::LEFT_OUT {
        state
            .deregister_udf(name)
            .expect("a function can be left out of any state");
    }
    for name in bounds::LEFT_OUT_OF_LAMBDAS {
        state
            .deregister_higher_order_function(name)
            .expect("a function can be left out of any state");
    }
    for function in functions::all() {
        state
            .register_udf(Arc::new(function))
            .expect("a function is registered in any state");
    }
    state
});

/// A session for one query.
pub(crate) fn session(runtime: &Arc<RuntimeEnv>, options: &ReadOptions, running: &Arc<Running>) -> SessionContext {
    let sort_reserved = (options.memory_bytes_max / 64).clamp(SORT_RESERVED_BYTES_MIN, SORT_RESERVED_BYTES_MAX);
    // Of small memory a batch must not be a large part: what sorts holds several.
    let batch_rows = (options.memory_bytes_max / BATCH_SHARE_BYTES).clamp(BATCH_ROWS_MIN, BATCH_ROWS_MAX);
    let config = SessionConfig::new()
        .with_target_partitions(options.threads.max(1))
        .with_batch_size(batch_rows)
        .with_information_schema(false)
        .with_sort_spill_reservation_bytes(sort_reserved)
        .set_str("datafusion.explain.format", "indent");
    // Tables are a query's own.
    let state = SessionStateBuilder::new_from_existing(COMMON.clone())
        .with_config(config)
        .with_runtime_env(Arc::clone(runtime))
        .with_analyzer_rule(Arc::new(Bounds::new(options.memory_bytes_max)))
        .with_physical_optimizer_rule(Arc::new(StoppableJoins::new(running)))
        .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
        .build();
    SessionContext::new_with_state(state)
}

/// An error of DataFusion while a query runs.
pub(crate) fn failed(error: &DataFusionError) -> ReadError {
    let root = error.find_root();
    match root {
        // Found in the middle of a statement, by whichever function was to look for it.
        error if error.to_string().contains("regex parse error") => ReadError::BadRequest(format!(
            "the regex does not compile: {}",
            timberline_proto::grok::drawn_fault(&sentence(error))
        )),
        // Said as an error of a disk, or of memory.
        error if error.to_string().contains(SPILL_LIMIT) => ReadError::Limit {
            what: "the query spills more to disk than all queries may".to_owned(),
            key: "query.spill_bytes_max",
        },
        DataFusionError::ResourcesExhausted(_) => ReadError::Limit {
            what: "the query needs more memory than all queries may take".to_owned(),
            key: "query.memory_bytes_max",
        },
        DataFusionError::External(inner) => match inner.downcast_ref::<ReadError>() {
            Some(error) => error.clone(),
            None => ReadError::Internal(inner.to_string()),
        },
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::NotImplemented(_)
        | DataFusionError::Execution(_)
        | DataFusionError::ArrowError(..) => ReadError::BadRequest(sentence(root)),
        other => ReadError::Internal(other.to_string()),
    }
}

/// What DataFusion says, without its name for the kind of error.
pub(crate) fn sentence(error: &DataFusionError) -> String {
    let text = error.find_root().message().into_owned();
    let text = text.split("\n\nbacktrace:").next().unwrap_or_default();
    // The parser's errors come in the form of a debugging aid.
    let parsed = text
        .trim()
        .strip_prefix("ParserError(\"")
        .or_else(|| text.trim().strip_prefix("TokenizerError(\""));
    match parsed.and_then(|text| text.strip_suffix("\")")) {
        Some(text) => text.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => in_our_types(text.trim()),
    }
}

/// A message with the names that types of columns have here.
fn in_our_types(text: &str) -> String {
    const TYPES: [(&str, &str); 8] = [
        ("LargeUtf8", "text"),
        ("Utf8View", "text"),
        ("Utf8", "text"),
        ("UInt64", "integer"),
        ("Int64", "integer"),
        ("Float64", "number"),
        ("Boolean", "true or false"),
        ("Timestamp(ns, \"+00:00\")", "timestamp"),
    ];
    TYPES
        .iter()
        .fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
}

/// One of our errors on its way through DataFusion.
pub(crate) fn carried(error: ReadError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Whether more memory would have helped.
pub(crate) fn is_out_of_memory(error: &DataFusionError) -> bool {
    let root = error.find_root();
    matches!(root, DataFusionError::ResourcesExhausted(_)) && !root.to_string().contains(SPILL_LIMIT)
}
