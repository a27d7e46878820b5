//! DataFusion, set up within our limits, and its errors in our words.

use std::sync::{Arc, LazyLock};

use datafusion::catalog::MemoryCatalogProviderList;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::counts::CountsRule;
use super::functions;
use super::{ReadError, ReadOptions};

/// Rows of a batch at most.
pub(crate) const BATCH_ROWS_MAX: usize = 8192;

/// The memory that all queries share.
pub(crate) fn runtime(options: &ReadOptions) -> Result<Arc<RuntimeEnv>, ReadError> {
    let pool = Arc::new(FairSpillPool::new(options.memory_bytes_max));
    RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .build_arc()
        .map_err(|error| failed(&error))
}

/// Functions whose result is as long as a number in the query says: memory that no pool counts.
const UNBOUNDED: [&str; 3] = ["repeat", "lpad", "rpad"];

/// What all sessions have in common, made once: functions and rules.
static COMMON: LazyLock<SessionState> = LazyLock::new(|| {
    let mut state = SessionStateBuilder::new()
        .with_config(SessionConfig::new().with_create_default_catalog_and_schema(false))
        .with_default_features()
        .with_optimizer_rule(Arc::new(CountsRule))
        .build();
    for name in UNBOUNDED {
        state
            .deregister_udf(name)
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
pub(crate) fn session(runtime: &Arc<RuntimeEnv>, options: &ReadOptions) -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(options.threads.max(1))
        .with_batch_size(BATCH_ROWS_MAX)
        .with_information_schema(false)
        .set_str("datafusion.explain.format", "indent");
    // Tables are a query's own.
    let state = SessionStateBuilder::new_from_existing(COMMON.clone())
        .with_config(config)
        .with_runtime_env(Arc::clone(runtime))
        .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
        .build();
    SessionContext::new_with_state(state)
}

/// An error of DataFusion while a query runs.
pub(crate) fn failed(error: &DataFusionError) -> ReadError {
    let root = error.find_root();
    match root {
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
    text.trim().to_owned()
}

/// One of our errors on its way through DataFusion.
pub(crate) fn carried(error: ReadError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
