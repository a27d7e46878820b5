//! Kinds of lines as a table for DataFusion.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::found::{Found, Kinds, Parts, Place, TEMPLATE_BYTES};
use super::shown::{Shown, batch, joined, of_templates, schema, sort};
use crate::read::engine::{BATCH_ROWS_MAX, carried};
use crate::read::leaf_exec::{LeafExec, Output, Reading};
use crate::read::open_page::OpenPage;
use crate::read::per_split::of_all;
use crate::read::provider::Source;
use crate::read::running::{Running, add};
use crate::read::scan::Selection;
use crate::read::view::View;
use crate::split::{is_shape, pattern_of_template, template_of_row};

/// What is asked of kinds of lines.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The most frequent so many.
    pub(crate) limit: Option<u64>,
    /// Templates that are joined where they are one pattern, at most; none if `None`.
    pub(crate) merge_max: Option<usize>,
    /// Of what rows are also counted.
    pub(crate) parts: Option<Parts>,
    /// The same search at another time, to compare with.
    pub(crate) before: Option<Selection>,
}

/// The table: a row per kind of the rows that match, the most frequent first.
#[derive(Clone, Debug)]
pub(crate) struct PatternsTable {
    source: Source,
    asked: Asked,
    schema: SchemaRef,
}

impl PatternsTable {
    pub(crate) fn new(source: Source, asked: Asked) -> Self {
        Self {
            schema: schema(asked.merge_max.is_some(), asked.parts.is_some(), asked.before.is_some()),
            source,
            asked,
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

/// What of a page is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Template,
    Line,
}

impl Reading for PatternsReading {
    const NAME: &'static str = "PatternsExec";

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = &self.table.source;
        let splits = source.view.snapshot.splits.len();
        write!(f, "filter=[{}], splits={splits}", source.selection.filter)
    }

    fn run(&self, to: &Output) -> Result<()> {
        let PatternsTable { source, asked, schema } = &self.table;
        let running = &source.running;
        let find = |selection, parts| of_all(&Kinds { selection, parts }, source.means()).map_err(carried);
        let now = find(&source.selection, asked.parts)?;
        let before = match &asked.before {
            Some(selection) => find(selection, None)?,
            None => Found::new(),
        };
        let memory = MemoryConsumer::new("patterns").register(to.context.memory_pool());
        memory.try_grow(2 * (now.len() + before.len()) * TEMPLATE_BYTES)?;
        for (name, count) in running.costs() {
            to.counter(name).add(count);
        }
        let total: u64 = now.values().map(|template| template.rows).sum();
        let mut shown = of_templates(&now, &before);
        drop((now, before));
        sort(&mut shown);
        let limit = asked
            .limit
            .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let timer = to.timer("examples");
        let timer = timer.timer();
        if let Some(most) = asked.merge_max {
            let most = most.min(shown.len());
            read(&source.view, running, &mut shown[..most], Part::Template)?;
            memory.try_grow(2 * shown.iter().map(|one| one.pattern.len()).sum::<usize>())?;
            shown = joined(shown, most);
        }
        shown.truncate(limit);
        let needs_lines = self.projection.as_ref().is_none_or(|columns| {
            columns
                .iter()
                .any(|&at| matches!(schema.field(at).name().as_str(), "pattern" | "example"))
        });
        if needs_lines {
            read(&source.view, running, &mut shown, Part::Line)?;
        }
        drop(timer);
        for portion in shown.chunks(BATCH_ROWS_MAX) {
            let batch = batch(schema, portion, total)?;
            let batch = match &self.projection {
                Some(projection) => batch.project(projection)?,
                None => batch,
            };
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

/// Reads the template or the line of the last row of each, page by page. A pattern that is known stays.
fn read(view: &View, running: &Arc<Running>, shown: &mut [Shown], part: Part) -> Result<()> {
    let mut by_page: BTreeMap<PageOfSplit, Vec<(usize, u32)>> = BTreeMap::new();
    for (at, one) in shown.iter_mut().enumerate() {
        match one.place.clone() {
            Some(Place::Page { split, page, row }) => by_page.entry((split, page)).or_default().push((at, row)),
            Some(Place::Live { block, row }) => {
                let row = block.row(row);
                take_template(one, &template_of_row(&row));
                if part == Part::Line {
                    one.example = String::from_utf8_lossy(row.line).into_owned();
                }
            }
            None => {}
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
        let opened = OpenPage::open(&topic, &open, page).and_then(|open| {
            if part == Part::Line {
                open.text()?;
            }
            Ok(open)
        });
        let open = match opened {
            Ok(open) => open,
            Err(error) => {
                view.failed(&split, rows.len() as u64, &error, running);
                continue;
            }
        };
        for (at, row) in rows {
            take_template(&mut shown[at], open.template_bytes(open.template(row as usize)));
            if part == Part::Line
                && let Ok(text) = open.text()
            {
                line.clear();
                text.line_into(row as usize, &mut line);
                add(&running.meter.bytes_read, line.len());
                shown[at].example = String::from_utf8_lossy(&line).into_owned();
            }
        }
    }
    Ok(())
}

fn take_template(one: &mut Shown, template: &[u8]) {
    if one.pattern.is_empty() {
        one.pattern = pattern_of_template(template);
        one.may_join = !is_shape(template);
    }
}
