//! Backups.

use serde_json::{Value, json};

use super::{answer, count, list, object, operation, reference, string};

pub(super) fn paths() -> Value {
    json!({
        "/api/v1/backups": {
            "get": operation("The backups that are there, and how the one that is being made goes", &[], None, answer("BackupsAnswer")),
            "post": operation("Make a backup now, on a thread of its own", &[], None, answer("BackupsAnswer"))
        }
    })
}

pub(super) fn schemas() -> Value {
    json!({
        "BackupsAnswer": object(&["backups"], json!({
            "directory": string("Where they are, on the server"),
            "backups": list(object(&["name", "begun_at", "ended_at", "files", "bytes"], json!({
                "name": string("Its name"), "begun_at": string("RFC 3339"), "ended_at": string("RFC 3339"),
                "files": count("Its files"), "bytes": count("Their bytes; what backups share is there once"),
                "error": string("Why its manifest cannot be read")
            }))),
            "running": reference("RunningBackup"), "failed": string("Why the last one was not made, if it was not")
        })),
        "RunningBackup": object(&["begun_at", "files", "bytes"], json!({
            "begun_at": string("RFC 3339; empty if it is about to begin"), "files": count("Files so far"), "bytes": count("Their bytes")
        }))
    })
}
