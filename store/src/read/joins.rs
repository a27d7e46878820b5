//! Joins that can be stopped.
//!
//! A join of large tables may look at pairs of rows for hours between two batches of its answer, and in
//! that time nobody can take its thread away: work is ended where it yields. So a join yields after each
//! batch that it gives, and asks before each batch of pairs that it tests whether anybody still waits.

use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
};

use super::running::Running;

/// Makes the joins of one query such.
#[derive(Debug)]
pub(crate) struct StoppableJoins {
    running: Arc<Running>,
}

impl StoppableJoins {
    pub(crate) fn new(running: &Arc<Running>) -> Self {
        Self {
            running: Arc::clone(running),
        }
    }

    fn asking(&self, filter: &JoinFilter) -> JoinFilter {
        let expression = WhileWaitedFor {
            test: Arc::clone(filter.expression()),
            running: Arc::clone(&self.running),
        };
        let columns = filter.column_indices().to_vec();
        JoinFilter::new(Arc::new(expression), columns, Arc::clone(filter.schema()))
    }

    /// The same join; `None` if it is none.
    fn of(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            let filter = join.filter().map(|filter| self.asking(filter));
            let join = NestedLoopJoinExecBuilder::from(join).with_filter(filter).build()?;
            return Ok(Some(Arc::new(join)));
        }
        if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            return match join.filter() {
                Some(filter) => join
                    .builder()
                    .with_filter(Some(self.asking(filter)))
                    .build_exec()
                    .map(Some),
                None => Ok(Some(Arc::clone(plan))),
            };
        }
        let is_other =
            plan.downcast_ref::<CrossJoinExec>().is_some() || plan.downcast_ref::<SortMergeJoinExec>().is_some();
        Ok(is_other.then(|| Arc::clone(plan)))
    }
}

impl PhysicalOptimizerRule for StoppableJoins {
    fn name(&self) -> &str {
        "stoppable_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let done = plan.transform_up(|plan| match self.of(&plan)? {
            Some(join) => Ok(Transformed::yes(
                Arc::new(CooperativeExec::new(join)) as Arc<dyn ExecutionPlan>
            )),
            None => Ok(Transformed::no(plan)),
        });
        done.map(|done| done.data)
    }
}

/// A test of pairs of rows that fails once nobody waits for the answer.
#[derive(Debug)]
struct WhileWaitedFor {
    test: Arc<dyn PhysicalExpr>,
    running: Arc<Running>,
}

impl Display for WhileWaitedFor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.test, f)
    }
}

impl PartialEq for WhileWaitedFor {
    fn eq(&self, other: &Self) -> bool {
        self.test.as_ref() == other.test.as_ref() && Arc::ptr_eq(&self.running, &other.running)
    }
}

impl Eq for WhileWaitedFor {}

impl Hash for WhileWaitedFor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.test.hash(state);
    }
}

impl PhysicalExpr for WhileWaitedFor {
    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.test.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.running
            .check()
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        self.test.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.test]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self {
            test: children.swap_remove(0),
            running: Arc::clone(&self.running),
        }))
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.test.fmt_sql(f)
    }
}
