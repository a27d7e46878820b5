//! The queue's topics, which the collector beside the store serves.

use serde_json::{Value, json};

use super::{answer, count, list, object, operation, parameter, reference, string};

pub(super) fn paths() -> Value {
    json!({
        "/api/v1/topics": { "get": operation("Topics, their partitions, how fast they grow and who has taken how much; where a collector is beside", &[], None, answer("TopicsAnswer")) },
        "/api/v1/topics/{topic}/{partition}/messages": { "get": operation("What is in a partition; of a collector by itself only to its own machine", &[
            parameter("topic", "path", "string", true, "The topic"),
            parameter("partition", "path", "integer", true, "The partition"),
            parameter("from", "query", "integer", false, "From this offset on; the first one held unless said"),
            parameter("at", "query", "string", false, "From about this time on (RFC 3339, epoch, now-15m), instead of `from`"),
            parameter("limit", "query", "integer", false, "At most so many; 50 unless said, at most queue.browse_messages_max")
        ], None, answer("MessagesAnswer")) }
    })
}

pub(super) fn schemas() -> Value {
    let number = |description: &str| json!({ "type": "number", "description": description });
    json!({
        "TopicsAnswer": object(&["queue", "topics"], json!({
            "queue": reference("QueueState"),
            "topics": list(object(&["name", "partitions"], json!({ "name": string("Its name"), "partitions": list(reference("PartitionState")) })))
        })),
        "QueueState": object(&["bytes", "bytes_max", "high_water_percent", "retention_bytes", "retention_seconds", "segment_bytes_max", "required_groups"], json!({
            "bytes": count("Of all segments"), "bytes_max": count("At this size senders are refused"),
            "high_water_percent": count("From this part of it on they are slowed"),
            "retention_bytes": count("Taken segments beyond this sum are deleted"),
            "retention_seconds": count("Taken segments older than this are deleted"),
            "segment_bytes_max": count("A segment is sealed at this size"),
            "required_groups": list(string("A group that deleting waits for")),
            "pressure": string("Why senders are slowed"), "not_ready": string("Why records are not taken"),
            "disk_free_bytes": count("Free where the queue lies")
        })),
        "PartitionState": object(&["partition", "incarnation", "start_offset", "end_offset", "bytes", "segments", "groups"], json!({
            "partition": count("Its number"), "incarnation": string("This life of its directory"),
            "start_offset": count("The first offset held"), "end_offset": count("One past the last"),
            "bytes": count("Of its segments"), "segments": count("How many"),
            "newest_segments": list(object(&["base_offset", "bytes", "active"], json!({
                "base_offset": count("Its first offset"), "bytes": count("Its bytes"), "active": { "type": "boolean", "description": "Whether it is written to" }
            }))),
            "records_per_second": number("Over the last half minute"), "bytes_per_second": number("Packed, over the last half minute"),
            "course": list(number("Records a second")), "course_seconds": count("One number of the course is of so many seconds"),
            "groups": list(object(&["group", "lag", "required"], json!({
                "group": string("Its name"), "position": count("Everything before it is durable of its own"),
                "read": count("Everything before it was read, since the queue was opened"),
                "lag": count("Records held that it has not read"), "untaken": count("Records held that it has read and not made durable yet"), "required": { "type": "boolean", "description": "Whether deleting waits for it" }
            }))),
            "damaged_batches": count("Met since the start"), "failed": string("Why it takes no more")
        })),
        "MessagesAnswer": object(&["start_offset", "end_offset", "from", "next", "messages"], json!({
            "start_offset": count("The first offset held"), "end_offset": count("One past the last"),
            "from": count("Where this page begins"), "next": count("Where the next one does"),
            "messages": list(object(&["offset", "timestamp", "headers"], json!({
                "offset": count("Its offset"), "timestamp": string("RFC 3339"), "key": reference("Shown"), "value": reference("Shown"),
                "headers": list(object(&["name", "value"], json!({ "name": string("Its name"), "value": reference("Shown") })))
            })))
        })),
        "Shown": object(&["bytes"], json!({
            "text": string("As text, if it is one"), "hex": string("Else as hexadecimal digits"),
            "bytes": count("How many there are"), "cut": { "type": "boolean", "description": "Whether fewer are shown" }
        }))
    })
}
