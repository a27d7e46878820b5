//! Rows as leaves.

use std::sync::Arc;

use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::integrity::{Context, Hash, Leaf, RecordPlace, Salt};

use crate::rows::{Row, Stream};

type File = Option<(AgentId, GenerationId)>;

/// Hashes rows of one topic, each context once for neighbours.
#[derive(Debug)]
pub(super) struct Hasher<'t> {
    topic: &'t str,
    last: Option<(Arc<Stream>, File, Context)>,
    buffer: Vec<u8>,
}

impl<'t> Hasher<'t> {
    pub(super) fn new(topic: &'t str) -> Self {
        Self {
            topic,
            last: None,
            buffer: Vec::new(),
        }
    }

    pub(super) fn leaf(&mut self, row: &Row<'_>, salt: &Salt) -> Hash {
        let context = self.context(row);
        leaf_of(row, context).hash(salt, &mut self.buffer)
    }

    fn context(&mut self, row: &Row<'_>) -> Context {
        let file = row.place.map(|place| (place.agent, place.generation));
        match &self.last {
            Some((stream, of, context)) if *of == file && Arc::ptr_eq(stream, row.stream) => *context,
            _ => {
                let context = context_of(self.topic, row);
                self.last = Some((Arc::clone(row.stream), file, context));
                context
            }
        }
    }
}

/// What a row shares with its neighbours.
pub(super) fn context_of(topic: &str, row: &Row<'_>) -> Context {
    let file = row.place.map(|place| (place.agent, place.generation));
    Context::new(topic, row.stream.id.0, &row.stream.attributes, file)
}

pub(super) fn leaf_of<'r>(row: &Row<'r>, context: Context) -> Leaf<'r> {
    Leaf {
        context,
        partition: row.partition,
        offset: row.offset,
        time_nanos: row.time_nanos,
        time_parsed: row.time_parsed,
        observed_nanos: row.observed_nanos,
        severity: row.severity as u8,
        place: row.place.map(|place| RecordPlace {
            start: place.start,
            source_bytes: place.source_bytes,
        }),
        part: row.part,
        line: row.line,
        attributes: row.attributes,
    }
}
