//! Retention policies and legal holds.

use serde_json::{Value, json};

use super::{answer, count, error, list, object, operation, parameter, reference, string};

pub(super) fn paths() -> Value {
    let mut made = operation("Put a legal hold in force", &[], Some("NewHold"), answer("HoldState"));
    made["responses"] =
        json!({ "201": { "description": "In force.", "content": answer("HoldState") }, "default": error() });
    json!({
        "/api/v1/retention": {
            "get": operation("The retention policies in force, and what is stored of each class", &[], None, answer("RetentionAnswer")),
            "put": operation("Change the policies; 409 if somebody changed them since `version`. Without `set` those of the configuration's file count again", &[], Some("RetentionChange"), answer("RetentionAnswer"))
        },
        "/api/v1/retention/preview": { "post": operation("What would be removed now, by the policies in force or by others, and what is held back", &[], Some("PreviewRequest"), answer("PreviewAnswer")) },
        "/api/v1/retention/versions": { "get": operation("Every set of policies that was in force, the newest first", &[], None, answer("RetentionVersions")) },
        "/api/v1/retention/templates": { "get": operation("Ready-made policies with the texts that they rest on", &[], None, answer("RetentionTemplates")) },
        "/api/v1/holds": {
            "get": operation("Legal holds: those in force first, then those that ended", &[], None, answer("HoldsAnswer")),
            "post": made
        },
        "/api/v1/holds/{id}/release": { "post": operation("End a legal hold, with who and why on record", &[parameter("id", "path", "string", true, "The hold's id")], Some("ReleaseRequest"), answer("HoldState")) }
    })
}

pub(super) fn schemas() -> Value {
    let percent =
        |description: &str| json!({ "type": "integer", "minimum": 1, "maximum": 99, "description": description });
    let closed = |mut object: Value| {
        object["additionalProperties"] = json!(false);
        object
    };
    let source = json!({ "type": "string", "enum": ["file", "set"], "description": "file: the configuration's; set: through page, API or command line" });
    json!({
        "PolicySet": closed(object(&["policies"], json!({
            "policies": list(reference("Policy")),
            "disk_used_percent_max": percent("While the file system is fuller, the oldest splits go, those of the last policy first")
        }))),
        "Policy": closed(object(&["name"], json!({
            "name": string("Its name, and that of its class; `default` is the last"),
            "select": string("A filter over attributes of streams and `topic`; empty in the last policy only"),
            "age_seconds": count("Splits whose every row is older are deleted"),
            "bytes": count("Beyond so many bytes of files the oldest splits of the class are deleted"),
            "disk_percent": percent("As `bytes`, in percent of the file system"),
            "minimum_seconds": count("Nobody deletes anything younger"),
            "note": string("Why it is so")
        }))),
        "Stored": object(&["splits", "records", "raw_bytes", "file_bytes", "streams"], json!({
            "splits": count("Splits"), "records": count("Records in them"), "raw_bytes": count("Bytes of their lines"),
            "file_bytes": count("Bytes on disk"), "streams": count("Streams of which they hold something"),
            "oldest": string("RFC 3339"), "newest": string("RFC 3339")
        })),
        "RetentionAnswer": object(&["version", "source", "since", "set", "classes", "mixed"], json!({
            "version": count("Grows with each change"), "source": source, "since": string("RFC 3339"),
            "set": reference("PolicySet"), "file": reference("PolicySet"),
            "classes": list(object(&["class", "stored"], json!({ "class": string("Its name"), "stored": reference("Stored") }))),
            "mixed": reference("Stored"),
            "disk": object(&["bytes", "used_bytes"], json!({ "bytes": count("Of the file system"), "used_bytes": count("Used of it") })),
            "stuck": string("Why retention cannot make room that is wanted")
        })),
        "RetentionChange": closed(object(&["version"], json!({
            "version": count("The version that is to be replaced"), "set": reference("PolicySet")
        }))),
        "PreviewRequest": closed(object(&[], json!({ "set": reference("PolicySet") }))),
        "PreviewAnswer": object(&["at", "removed", "removals", "held_back", "mixed", "streams"], json!({
            "at": string("RFC 3339"), "removed": reference("Stored"),
            "removals": list(object(&["class", "cause", "reason", "stored"], json!({
                "class": string("The class"), "cause": { "type": "string", "enum": ["age", "bytes", "disk"] },
                "reason": string("The cause as a sentence"), "stored": reference("Stored")
            }))),
            "held_back": list(object(&["by", "name", "reason", "stored"], json!({
                "by": { "type": "string", "enum": ["hold", "minimum", "mixed"] }, "name": string("The case number, or the class"),
                "reason": string("What forbids it"), "stored": reference("Stored"), "until": string("RFC 3339")
            }))),
            "mixed": reference("Stored"), "streams": list(string("Of which something would go; the first"))
        })),
        "RetentionVersions": object(&["versions"], json!({ "versions": list(object(&["version", "since", "source", "set"], json!({
            "version": count("Its number"), "since": string("RFC 3339"), "source": source, "origin": string("From where it was set"),
            "set": reference("PolicySet")
        }))) })),
        "RetentionTemplates": object(&["templates"], json!({ "templates": list(object(&["name", "title", "source", "says", "policy"], json!({
            "name": string("Its name"), "title": string("What it is for"), "source": string("The text that it rests on"),
            "says": string("What that asks"), "policy": reference("Policy")
        }))) })),
        "NewHold": closed(object(&["case", "owner", "reason"], json!({
            "case": string("The number of the case"), "owner": string("Who answers for it"), "reason": string("Why"),
            "select": string("What is held: a filter; empty for all"),
            "from": string("RFC 3339, or a day; open if absent"), "to": string("RFC 3339, or a day; open if absent")
        }))),
        "HoldState": object(&["id", "hold", "created", "stored"], json!({
            "id": string("Its id"), "hold": reference("NewHold"), "created": string("RFC 3339"), "origin": string("From where it was made"),
            "release": object(&["at", "by", "reason"], json!({
                "at": string("RFC 3339"), "by": string("Who"), "reason": string("Why"), "origin": string("From where")
            })),
            "stored": reference("Stored")
        })),
        "HoldsAnswer": object(&["holds"], json!({ "holds": list(reference("HoldState")) })),
        "ReleaseRequest": closed(object(&["by", "reason"], json!({ "by": string("Who releases it"), "reason": string("Why") })))
    })
}
