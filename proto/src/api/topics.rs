//! The queue's topics: where they are, how fast they grow, who has taken how much, what is in them.

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/v1/topics`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicsAnswer {
    /// The queue as a whole.
    pub queue: QueueState,
    /// By name.
    pub topics: Vec<TopicState>,
}

/// The queue as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueState {
    /// Bytes of all segments.
    pub bytes: u64,
    /// At this size senders are refused.
    pub bytes_max: u64,
    /// From this part of it on, in percent, they are slowed.
    pub high_water_percent: u64,
    /// Taken segments beyond this sum are deleted.
    pub retention_bytes: u64,
    /// Taken segments older than this, in seconds, are deleted.
    pub retention_seconds: u64,
    /// A segment is sealed at this size.
    pub segment_bytes_max: u64,
    /// Groups that deleting waits for.
    pub required_groups: Vec<String>,
    /// Why senders are slowed, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pressure: Option<String>,
    /// Why records are not taken, if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_ready: Option<String>,
    /// Bytes free where the queue lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_free_bytes: Option<u64>,
}

/// One topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicState {
    /// Its name.
    pub name: String,
    /// Its partitions, from 0.
    pub partitions: Vec<PartitionState>,
}

/// One partition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartitionState {
    /// Its number.
    pub partition: u32,
    /// This life of its directory.
    pub incarnation: String,
    /// The first offset held.
    pub start_offset: u64,
    /// One past the last.
    pub end_offset: u64,
    /// Bytes of its segments.
    pub bytes: u64,
    /// How many there are.
    pub segments: u64,
    /// The newest of them, oldest first.
    pub newest_segments: Vec<SegmentState>,
    /// Records that came a second, over the last half minute.
    pub records_per_second: f64,
    /// Bytes that came a second, packed as they are kept.
    pub bytes_per_second: f64,
    /// Records a second over the last minutes, one number per `course_seconds`, oldest first.
    pub course: Vec<f64>,
    /// The seconds that one number of it is of.
    pub course_seconds: u64,
    /// Who reads it, and how far they are.
    pub groups: Vec<GroupState>,
    /// Damaged batches met since the start.
    pub damaged_batches: u64,
    /// Why it takes no more, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// One segment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SegmentState {
    /// Its first offset.
    pub base_offset: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Whether it is written to.
    pub active: bool,
}

/// One consumer group at one partition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupState {
    /// Its name.
    pub group: String,
    /// Everything before this offset it has made durable of its own; absent if it has taken nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Everything before this offset it has read; absent if it has not asked since the queue was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    /// Records held that it has not read. Where it has not asked since the queue was opened, those that
    /// it has not taken.
    pub lag: u64,
    /// Records held that it has read and not made durable yet: they are kept for it, and read again if it
    /// is started anew.
    #[serde(default)]
    pub untaken: u64,
    /// Whether deleting waits for it.
    pub required: bool,
}

/// The answer of `GET /api/v1/topics/{topic}/{partition}/messages`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessagesAnswer {
    /// The first offset held.
    pub start_offset: u64,
    /// One past the last.
    pub end_offset: u64,
    /// Where this page begins.
    pub from: u64,
    /// Where the next one does.
    pub next: u64,
    /// The messages, in order.
    pub messages: Vec<Message>,
}

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its offset.
    pub offset: u64,
    /// Its time (RFC 3339).
    pub timestamp: String,
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Shown>,
    /// Its value; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Shown>,
    /// Its headers.
    pub headers: Vec<MessageHeader>,
}

/// One header of a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageHeader {
    /// Its name; bytes that are not UTF-8 are shown as U+FFFD.
    pub name: String,
    /// Its value.
    pub value: Shown,
}

/// Bytes to be looked at: as text if they are one, else as hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// As text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// As hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// How many bytes there are; fewer are shown if it is cut.
    pub bytes: u64,
    /// Whether it is cut.
    #[serde(default)]
    pub cut: bool,
}

impl Shown {
    /// Of bytes, the first `bytes_max` of them.
    pub fn of(bytes: &[u8], bytes_max: usize) -> Self {
        let cut = bytes.len() > bytes_max;
        let shown = &bytes[..bytes.len().min(bytes_max)];
        let text = match std::str::from_utf8(shown) {
            Ok(text) => Some(text),
            // A character that the cut goes through is left out.
            Err(error) if cut && error.error_len().is_none() => std::str::from_utf8(&shown[..error.valid_up_to()]).ok(),
            Err(_) => None,
        };
        let hex = text
            .is_none()
            .then(|| shown.iter().map(|byte| format!("{byte:02x}")).collect());
        Self {
            text: text.map(str::to_owned),
            hex,
            bytes: bytes.len() as u64,
            cut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn text_is_shown_as_text_and_what_is_none_as_digits() {
        assert_eq!(Shown::of("grün".as_bytes(), 9).text.as_deref(), Some("grün"));
        assert_eq!(Shown::of(&[0xff, 0], 9).hex.as_deref(), Some("ff00"));
        let cut = Shown::of("grün".as_bytes(), 3);
        assert_eq!((cut.text.as_deref(), cut.bytes, cut.cut), (Some("gr"), 5, true));
        assert_eq!(Shown::of(&[b'a', 0xff, b'b'], 2).hex.as_deref(), Some("61ff"));
    }
}
