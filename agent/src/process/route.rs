//! Another topic for a file.
//!
//! The queue keeps the records of a generation in order and each once because they lie in one
//! partition of one topic: it refuses a range that would leave a gap. Records of one file in two
//! topics would leave gaps in both. So a topic holds whole files: a rule that routes selects by host,
//! service and file, not by what a record says. A generation keeps the topic with which it began, in
//! the registry, also when the rules change: else what one topic holds could come to another as well.

use super::config::RouteConfig;

#[derive(Debug)]
pub(super) struct Route {
    pub(super) topic: String,
}

impl Route {
    pub(super) fn new(config: &RouteConfig, filter: &str) -> Result<Self, String> {
        if !filter.trim().is_empty() {
            return Err(
                "route: a topic holds whole files; select them by host, service or file, not by `where`".into(),
            );
        }
        let is_known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let topic = &config.topic;
        if topic.is_empty() || topic.len() > 127 || topic == "." || topic == ".." || !topic.bytes().all(is_known) {
            return Err(format!(
                "route: {topic:?} is no topic; use 1 to 127 letters, digits, dots, underscores and hyphens"
            ));
        }
        Ok(Self { topic: topic.clone() })
    }
}
