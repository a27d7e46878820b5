//! Kinds of lines as a table for DataFusion.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::found::{Found, Kinds, Place, TEMPLATE_BYTES, Template, join};
use crate::read::columns::UTC;
use crate::read::engine::{BATCH_ROWS_MAX, carried};
use crate::read::leaf_exec::{LeafExec, Output, Reading};
use crate::read::open_page::OpenPage;
use crate::read::per_split::of_all;
use crate::read::provider::Source;
use crate::read::running::add;
use crate::read::scan::Selection;
use crate::split::{pattern_of_row, pattern_of_template};

/// The table: a row per template of the rows that match, the most frequent first.
#[derive(Clone, Debug)]
pub(crate) struct PatternsTable {
    source: Source,
    /// The same search at another time, to compare with.
    before: Option<Selection>,
    limit: usize,
    schema: SchemaRef,
}

impl PatternsTable {
    pub(crate) fn new(source: Source, before: Option<Selection>, limit: Option<u64>) -> Self {
        let time = || DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into()));
        let mut fields = vec![
            Field::new("template", DataType::Utf8, false),
            Field::new("pattern", DataType::Utf8, true),
            Field::new("count", DataType::Int64, false),
            Field::new("share", DataType::Float64, true),
        ];
        if before.is_some() {
            fields.extend([
                Field::new("before", DataType::Int64, false),
                Field::new("change", DataType::Int64, false),
                Field::new("state", DataType::Utf8, true),
            ]);
        }
        fields.extend([
            Field::new("first_seen", time(), false),
            Field::new("last_seen", time(), false),
            Field::new("example", DataType::Utf8, true),
        ]);
        Self {
            source,
            before,
            limit: limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            schema: Arc::new(Schema::new(fields)),
        }
    }
}

#[async_trait::async_trait]
impl TableProvider for PatternsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => Arc::clone(&self.schema),
        };
        let reading = PatternsReading {
            table: self.clone(),
            projection: projection.cloned(),
        };
        Ok(Arc::new(LeafExec::new(reading, schema, 1)))
    }
}

#[derive(Clone, Debug)]
struct PatternsReading {
    table: PatternsTable,
    projection: Option<Vec<usize>>,
}

/// A split's id, and a page of it.
type PageOfSplit = (Arc<str>, u32);

/// A template as it is shown.
struct Shown {
    id: u64,
    count: u64,
    before: u64,
    template: Template,
    pattern: String,
    example: String,
}

impl Reading for PatternsReading {
    const NAME: &'static str = "PatternsExec";

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = &self.table.source;
        let splits = source.view.snapshot.splits.len();
        write!(f, "filter=[{}], splits={splits}", source.selection.filter)
    }

    fn run(&self, to: &Output) -> Result<()> {
        let source = &self.table.source;
        let running = &source.running;
        let find = |selection| of_all(&Kinds { selection }, source.means()).map_err(carried);
        let now = find(&source.selection)?;
        let before = match &self.table.before {
            Some(selection) => find(selection)?,
            None => Found::new(),
        };
        let memory = MemoryConsumer::new("patterns").register(to.context.memory_pool());
        memory.try_grow(2 * (now.len() + before.len()) * TEMPLATE_BYTES)?;
        for (name, count) in running.costs() {
            to.counter(name).add(count);
        }
        let total: u64 = now.values().map(|template| template.rows).sum();
        let mut shown = joined(&now, &before);
        shown.sort_unstable_by_key(|one| (std::cmp::Reverse(one.count), format!("{:016x}", one.id)));
        shown.truncate(self.table.limit);
        let needs_lines = self.projection.as_ref().is_none_or(|columns| {
            columns
                .iter()
                .any(|&at| matches!(self.table.schema.field(at).name().as_str(), "pattern" | "example"))
        });
        if needs_lines {
            let timer = to.timer("examples");
            let _timer = timer.timer();
            self.show(&mut shown)?;
        }
        for portion in shown.chunks(BATCH_ROWS_MAX) {
            let batch = self.batch(portion, total)?;
            if !to.send(batch) {
                break;
            }
        }
        Ok(())
    }

    fn fresh(&self) -> Self {
        self.clone()
    }
}

fn joined(now: &Found, before: &Found) -> Vec<Shown> {
    let mut both = now.clone();
    before.iter().for_each(|(id, template)| join(&mut both, *id, template));
    let rows = |found: &Found, id: u64| found.get(&id).map_or(0, |template| template.rows);
    both.into_iter()
        .map(|(id, template)| Shown {
            id,
            count: rows(now, id),
            before: rows(before, id),
            template,
            pattern: String::new(),
            example: String::new(),
        })
        .collect()
}

impl PatternsReading {
    /// Reads the line of the last row of each, page by page.
    fn show(&self, shown: &mut [Shown]) -> Result<()> {
        let view = &self.table.source.view;
        let running = &self.table.source.running;
        let mut by_page: BTreeMap<PageOfSplit, Vec<(usize, u32)>> = BTreeMap::new();
        for (at, one) in shown.iter_mut().enumerate() {
            match &one.template.place {
                Place::Page { split, page, row } => {
                    by_page.entry((Arc::clone(split), *page)).or_default().push((at, *row));
                }
                Place::Live { block, row } => {
                    let row = block.row(*row);
                    one.pattern = pattern_of_row(&row);
                    one.example = String::from_utf8_lossy(row.line).into_owned();
                }
            }
        }
        let mut line = Vec::new();
        for ((split, page), rows) in by_page {
            running.check().map_err(carried)?;
            let Some(entry) = view.snapshot.split(&split) else {
                continue;
            };
            let Some(open) = view.open(entry, running) else {
                continue;
            };
            let topic: Arc<str> = Arc::from(entry.topic.as_str());
            let read = OpenPage::open(&topic, &open, page).and_then(|open| {
                let text = Arc::clone(open.text()?);
                Ok((open, text))
            });
            let (open, text) = match read {
                Ok(read) => read,
                Err(error) => {
                    view.failed(&split, rows.len() as u64, &error, running);
                    continue;
                }
            };
            for (at, row) in rows {
                line.clear();
                text.line_into(row as usize, &mut line);
                add(&running.meter.bytes_read, line.len());
                shown[at].example = String::from_utf8_lossy(&line).into_owned();
                shown[at].pattern = pattern_of_template(open.template_bytes(open.template(row as usize)));
            }
        }
        Ok(())
    }

    fn batch(&self, shown: &[Shown], total: u64) -> Result<RecordBatch> {
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let counts =
            |of: fn(&Shown) -> u64| Arc::new(Int64Array::from_iter_values(shown.iter().map(|one| count(of(one)))));
        let times = |of: fn(&Shown) -> i64| {
            let times = TimestampNanosecondArray::from_iter_values(shown.iter().map(of));
            Arc::new(times.with_timezone(UTC))
        };
        let share = |one: &Shown| (total > 0).then(|| one.count as f64 * 100.0 / total as f64);
        let state = |one: &Shown| match (one.before, one.count) {
            (0, _) => Some("new"),
            (_, 0) => Some("gone"),
            _ => None,
        };
        let change = shown.iter().map(|one| count(one.count) - count(one.before));
        let column = |name: &str| -> ArrayRef {
            match name {
                "template" => Arc::new(StringArray::from_iter_values(
                    shown.iter().map(|one| format!("{:016x}", one.id)),
                )),
                "pattern" => Arc::new(StringArray::from_iter_values(shown.iter().map(|one| &one.pattern))),
                "count" => counts(|one| one.count),
                "share" => Arc::new(shown.iter().map(share).collect::<Float64Array>()),
                "before" => counts(|one| one.before),
                "change" => Arc::new(Int64Array::from_iter_values(change.clone())),
                "state" => Arc::new(shown.iter().map(state).collect::<StringArray>()),
                "first_seen" => times(|one| one.template.first),
                "last_seen" => times(|one| one.template.last.time),
                _ => Arc::new(StringArray::from_iter_values(shown.iter().map(|one| &one.example))),
            }
        };
        let fields = self.table.schema.fields();
        let columns = fields.iter().map(|field| column(field.name())).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.table.schema), columns)?;
        Ok(match &self.projection {
            Some(projection) => batch.project(projection)?,
            None => batch,
        })
    }
}
