//! What the queue holds: topics, and the messages of one partition.

use leptos::prelude::*;
use timberline_proto::api::topics::{MessagesAnswer, TopicsAnswer};
use web_sys::AbortSignal;

use super::{pipeline::Pipeline, view::encode};
use crate::api::{self, Failure};

/// Messages of a page.
pub(crate) const PAGE_MESSAGES: u64 = 50;

impl Pipeline {
    /// Asks for the topics and, of the opened partition, for messages from `at` on: an offset or a time.
    pub(super) async fn receive_topics(
        self,
        partition: Option<String>,
        at: Option<String>,
        abort: &AbortSignal,
    ) -> Result<(), Failure> {
        let answer: TopicsAnswer = match api::get("/api/v1/topics", abort).await {
            Ok(answer) => answer,
            // A store by itself has no such address.
            Err(Failure::Refused(error)) if error.code == "not_found" => {
                self.no_topics.set(true);
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        self.no_topics.set(false);
        let end = partition.as_deref().and_then(|partition| end_of(&answer, partition));
        self.topics.set(Some(answer));
        let (Some(partition), Some(end)) = (partition, end) else {
            self.messages.set(None);
            return Ok(());
        };
        let from = match at.as_deref().map(str::trim) {
            None => format!("from={}", end.saturating_sub(PAGE_MESSAGES)),
            Some(at) if at.bytes().all(|byte| byte.is_ascii_digit()) => format!("from={}", encode(at)),
            Some(at) => format!("at={}", encode(at)),
        };
        let (topic, number) = partition.rsplit_once('/').unwrap_or((&partition, "0"));
        let address = format!(
            "/api/v1/topics/{}/{}/messages?limit={PAGE_MESSAGES}&{from}",
            encode(topic),
            encode(number)
        );
        match api::get::<MessagesAnswer>(&address, abort).await {
            Ok(answer) => {
                self.messages_error.set(None);
                self.messages.set(Some(answer));
            }
            Err(failure) => self.messages_error.set(failure.into_error()),
        }
        Ok(())
    }
}

/// One past the last offset of the partition that the address names.
fn end_of(answer: &TopicsAnswer, partition: &str) -> Option<u64> {
    let (topic, number) = partition.rsplit_once('/')?;
    let number: u32 = number.parse().ok()?;
    let topic = answer.topics.iter().find(|known| known.name == topic)?;
    let state = topic.partitions.iter().find(|state| state.partition == number)?;
    Some(state.end_offset)
}
