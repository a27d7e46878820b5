//! A Parquet file as a table: read in batches as they are asked for, only the columns that a query
//! needs, and no more rows than its limit.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::read::ReadError;
use crate::read::engine::BATCH_ROWS_MAX;

/// Batches that wait for who computes on them; beyond it the file waits.
const BATCHES_WAITING_MAX: usize = 2;

/// The file, with the schema it had when the query began.
#[derive(Debug)]
pub(super) struct ParquetFile {
    path: PathBuf,
    schema: SchemaRef,
}

impl ParquetFile {
    pub(super) fn open(path: &Path) -> std::result::Result<Self, ReadError> {
        let bad = |error: String| ReadError::BadRequest(error);
        let file = File::open(path).map_err(|error| bad(error.to_string()))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            path: path.to_owned(),
            schema: Arc::clone(reader.schema()),
        })
    }
}

#[async_trait::async_trait]
impl TableProvider for ParquetFile {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns: Vec<usize> = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let schema = Arc::new(self.schema.project(&columns)?);
        let rows = Rows {
            path: self.path.clone(),
            schema: Arc::clone(&schema),
            columns,
            limit,
        };
        let exec = StreamingTableExec::try_new(schema, vec![Arc::new(rows)], None, Vec::new(), false, limit)?;
        Ok(Arc::new(exec))
    }
}

/// The rows of some columns.
#[derive(Debug)]
struct Rows {
    path: PathBuf,
    schema: SchemaRef,
    columns: Vec<usize>,
    limit: Option<usize>,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), BATCHES_WAITING_MAX);
        let sender = stream.tx();
        let (path, columns, limit, schema) = (
            self.path.clone(),
            self.columns.clone(),
            self.limit,
            Arc::clone(&self.schema),
        );
        stream.spawn_blocking(move || {
            let file = File::open(&path).map_err(DataFusionError::from)?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| external(&error))?;
            let mask = ProjectionMask::roots(reader.parquet_schema(), columns.iter().copied());
            let mut reader = reader.with_projection(mask).with_batch_size(BATCH_ROWS_MAX);
            if let Some(limit) = limit {
                reader = reader.with_limit(limit);
            }
            // The reader gives columns in the order of the file.
            for batch in reader.build().map_err(|error| external(&error))? {
                let batch = batch?;
                let names = schema
                    .fields()
                    .iter()
                    .map(|field| batch.schema().index_of(field.name()));
                let order = names.collect::<std::result::Result<Vec<_>, _>>()?;
                if sender.blocking_send(Ok(batch.project(&order)?)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        stream.build()
    }
}

fn external(error: &parquet::errors::ParquetError) -> DataFusionError {
    DataFusionError::Execution(format!("the Parquet file: {error}"))
}
