//! `timberline erase preview`

use timberline_proto::api::erasure::ErasurePreview;

use super::{PATH, blocked, new_of, print_json, say};
use crate::cli::{MeantArgs, ServerArgs};
use crate::client::Client;

pub(super) fn run(meant: &MeantArgs, json: bool, server: &ServerArgs) -> anyhow::Result<()> {
    let answer = Client::new(&server.server).post_json(&format!("{PATH}/preview"), &new_of(meant, "", ""))?;
    let preview: ErasurePreview = serde_json::from_reader(answer)?;
    if json {
        return print_json(&preview);
    }
    let mut text = format!(
        "would take {} records, in {} splits and in memory; the queue still has {}\n",
        preview.records, preview.splits, preview.queue_records
    );
    if let (Some(oldest), Some(newest)) = (&preview.oldest, &preview.newest) {
        text += &format!("  between {oldest} and {newest}\n");
    }
    for (topic, records) in &preview.topics {
        text += &format!("  topic {topic}: {records}\n");
    }
    text += &blocked(&preview.blocked);
    for left in &preview.left {
        text += &format!("  left as it is: {left}\n");
    }
    if preview.approval {
        text += "somebody else has to approve it\n";
    }
    say(&text)
}
