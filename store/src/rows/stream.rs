//! Streams: records of one origin.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A stream's id: the first 8 bytes of the SHA-256 of its attributes as canonical JSON; the key of
/// its records in the queue is the same, as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct StreamId(pub u64);

/// A stream and its attributes: `host.name`, `service.name`, `log.file.path`, …
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Its id.
    pub id: StreamId,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

impl Stream {
    /// The stream with these attributes.
    pub fn new(attributes: BTreeMap<String, String>) -> Self {
        let id = StreamId(timberline_proto::batch::stream_id(&attributes));
        Self { id, attributes }
    }
}

/// The order in which a split holds streams: by family (`service.name`), then by their attributes.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamRanks(HashMap<StreamId, u32>);

impl StreamRanks {
    /// Ranks of these streams.
    pub(crate) fn new<'a>(streams: impl IntoIterator<Item = &'a Arc<Stream>>) -> Self {
        let by_id: HashMap<StreamId, &Arc<Stream>> = streams.into_iter().map(|stream| (stream.id, stream)).collect();
        let mut streams: Vec<&Arc<Stream>> = by_id.into_values().collect();
        let family = |stream: &Stream| stream.attributes.get("service.name").cloned().unwrap_or_default();
        streams.sort_by_cached_key(|stream| (family(stream), stream.attributes.clone(), stream.id));
        let ranked = streams.into_iter().enumerate();
        Self(ranked.map(|(rank, stream)| (stream.id, rank as u32)).collect())
    }

    /// A stream's rank; one that was not among them comes last.
    pub(crate) fn of(&self, stream: &Stream) -> u32 {
        self.0.get(&stream.id).copied().unwrap_or(u32::MAX)
    }
}
