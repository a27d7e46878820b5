//! Streams: records of one origin.

use std::collections::BTreeMap;

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
