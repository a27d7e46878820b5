//! The table `logs` as one query sees it: what DataFusion plans over.
//!
//! Filters that DataFusion offers choose pages (`pushdown`); it tests the rows again itself. The
//! search's own filter and the range of time are tested exactly by the scan below.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::split::PageQuery;

use super::columns;
use super::engine::carried;
use super::exec::LogsScan;
use super::per_split::Means;
use super::pushdown::pushdown;
use super::reader::blocking;
use super::running::Running;
use super::scan::{Selection, all_units};
use super::view::View;

/// What a scan reads from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) view: View,
    pub(crate) selection: Selection,
    pub(crate) running: Arc<Running>,
    /// Threads that read at once.
    pub(crate) threads: usize,
}

impl Source {
    pub(crate) fn means(&self) -> Means<'_> {
        Means {
            view: &self.view,
            running: &self.running,
            threads: self.threads,
        }
    }
}

/// The table `logs`.
#[derive(Debug)]
pub(crate) struct Logs {
    schema: SchemaRef,
    source: Source,
}

impl Logs {
    /// What it reads from.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// With the fixed columns and one for each of `fields`.
    pub(crate) fn new(source: Source, fields: &BTreeSet<String>) -> Self {
        Self {
            schema: columns::schema(fields),
            source,
        }
    }
}

#[async_trait::async_trait]
impl TableProvider for Logs {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let streams = &self.source.view.snapshot.streams;
        let support = |filter: &&Expr| match pushdown(filter, streams).is_all() {
            true => TableProviderFilterPushDown::Unsupported,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => Arc::clone(&self.schema),
        };
        let source = self.source.clone();
        let mut queries = vec![source.selection.page_query(&source.view)];
        // The exact test keeps the search's own range; `narrowed` only chooses what to read.
        let mut narrowed = source.selection.range;
        for filter in filters {
            let pushed = pushdown(filter, &source.view.snapshot.streams);
            narrowed = narrowed.intersect(&pushed.range);
            queries.push(source.view.limits.pages(pushed.pages));
        }
        queries.retain(|query| *query != PageQuery::All);
        let index = match queries.len() {
            0 => PageQuery::All,
            1 => queries.remove(0),
            _ => PageQuery::And(queries),
        };
        let scan = blocking(move || {
            let started = Instant::now();
            let units = all_units(&source.view, &index, &narrowed, &source.running)?;
            Ok(LogsScan::node(source, schema, units, (index, started.elapsed()), limit))
        });
        Ok(Arc::new(scan.await.map_err(carried)?))
    }
}
