//! DataFusion, set up within our limits, and its errors in our words.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

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

/// A session for one query.
pub(crate) fn session(runtime: &Arc<RuntimeEnv>, options: &ReadOptions) -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(options.threads.max(1))
        .with_batch_size(BATCH_ROWS_MAX)
        .with_information_schema(false)
        .set_str("datafusion.explain.format", "indent");
    let session = SessionContext::new_with_config_rt(config, Arc::clone(runtime));
    functions::all()
        .into_iter()
        .for_each(|function| session.register_udf(function));
    session
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
