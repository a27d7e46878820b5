//! What takes the room of the store.

use serde_json::{Value, json};

use super::{answer, count, list, object, operation, parameter, reference, string};

pub(super) fn paths() -> Value {
    json!({
        "/api/v1/store/room": { "get": operation("What takes the room of the store: by part of its files, topic, merges, stream, pattern and field. Bytes of streams and patterns are estimates within each page, whose sums are exact; fields are those of a sample of pages", &[
            parameter("rows", "query", "integer", false, "Streams, patterns and fields each that are named; 50 unless said, at most query.room_rows_max"),
            parameter("query_id", "query", "string", false, "A name of your choice, by which it is cancelled")
        ], None, answer("RoomAnswer")) }
    })
}

pub(super) fn schemas() -> Value {
    let sums = |more: Value| {
        let mut properties = json!({
            "records": count("Records"), "raw_bytes": count("Bytes of their lines"), "file_bytes": count("Bytes on disk")
        });
        if let (Value::Object(all), Value::Object(more)) = (&mut properties, more) {
            all.extend(more);
        }
        object(&["records", "raw_bytes", "file_bytes"], properties)
    };
    json!({
        "RoomAnswer": object(&["splits", "total", "unread", "parts", "topics", "levels", "streams", "streams_others", "patterns", "patterns_others",
            "shared_file_bytes", "fields", "elapsed_ms"], json!({
            "splits": count("Splits"), "total": reference("RoomSums"), "unread": reference("RoomSums"),
            "parts": list(object(&["name", "file_bytes"], json!({
                "name": { "type": "string", "enum": ["templates", "core", "text", "provenance", "attributes", "index", "summary", "footer"] },
                "file_bytes": count("Bytes on disk")
            }))),
            "topics": list(sums(json!({
                "name": string("Its name"), "splits": count("Splits"), "oldest": string("RFC 3339"), "newest": string("RFC 3339")
            }))),
            "levels": list(sums(json!({ "level": count("Merges behind the splits"), "splits": count("Splits") }))),
            "merges": sums(json!({ "merges": count("Merges that wait to be made"), "splits": count("Splits that they join") })),
            "streams": list(sums(json!({
                "topic": string("The topic"), "attributes": { "type": "object", "additionalProperties": { "type": "string" } }
            }))),
            "streams_others": reference("RoomSums"),
            "patterns": list(sums(json!({ "template": string("The template's id, hexadecimal"), "pattern": string("Its text, with <*> for what differs") }))),
            "patterns_others": reference("RoomSums"),
            "shared_file_bytes": count("On disk, of no stream and no pattern: templates, indexes, summaries, footers"),
            "fields": object(&["pages_read", "pages", "exact", "fields", "others_bytes", "outside_bytes"], json!({
                "pages_read": count("Pages that were read"), "pages": count("Of so many"),
                "exact": { "type": "boolean", "description": "Whether every line was looked at; else the numbers are scaled from the sample" },
                "fields": list(object(&["name", "records", "name_bytes", "value_bytes"], json!({
                    "name": string("Its name"), "records": count("Lines that have it"),
                    "name_bytes": count("Of its name in them"), "value_bytes": count("Of its values, without escapes")
                }))),
                "others_bytes": count("Of fields that are not named"), "outside_bytes": count("Of lines, in no field")
            })),
            "partial": list(string("What could not be read")),
            "elapsed_ms": { "type": "number", "description": "0 if it was known from before" }
        })),
        "RoomSums": sums(json!({}))
    })
}
