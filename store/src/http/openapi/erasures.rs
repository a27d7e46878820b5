//! Erasures.

use serde_json::{Value, json};

use super::{answer, count, error, list, object, operation, parameter, reference, string};

pub(super) fn paths() -> Value {
    let id = || parameter("id", "path", "string", true, "The request's id");
    let mut asked = operation(
        "Ask for an erasure: it runs at once, or once somebody else has approved it",
        &[],
        Some("NewErasure"),
        answer("ErasureStatus"),
    );
    asked["responses"] =
        json!({ "201": { "description": "On record.", "content": answer("ErasureStatus") }, "default": error() });
    let decide =
        |what: &str| json!({ "post": operation(what, &[id()], Some("ErasureDecision"), answer("ErasureStatus")) });
    json!({
        "/api/v1/erasures": {
            "get": operation("Requests to erase, the newest first", &[], None, answer("ErasuresAnswer")),
            "post": asked
        },
        "/api/v1/erasures/preview": { "post": operation("What would be erased now, and what keeps some of it. Nothing is changed", &[], Some("NewErasure"), answer("ErasurePreview")) },
        "/api/v1/erasures/{id}": { "get": operation("One request, and how far it is", &[id()], None, answer("ErasureStatus")) },
        "/api/v1/erasures/{id}/receipt": { "get": operation("The signed receipt; 409 until all is done", &[id()], None, answer("ErasureReceipt")) },
        "/api/v1/erasures/{id}/approve": decide("Let a request run that somebody else asked for"),
        "/api/v1/erasures/{id}/refuse": decide("Say that a request does not run"),
        "/api/v1/erasures/{id}/cancel": decide("Take a request back that did not begin")
    })
}

pub(super) fn schemas() -> Value {
    let closed = |mut object: Value| {
        object["additionalProperties"] = json!(false);
        object
    };
    let flag = |description: &str| json!({ "type": "boolean", "description": description });
    let kind = || json!({ "type": "string", "enum": ["erase", "redact"], "description": "redact: records stay, values in them are replaced" });
    let blocked = || list(reference("ErasureBlocker"));
    json!({
        "NewErasure": closed(object(&[], json!({
            "kind": kind(), "query": string("Records that this filter keeps; this or subject"),
            "subject": string("Records in which this word or phrase stands, or, as field:value, in this field"),
            "from": string("RFC 3339, or a day; open if absent"), "to": string("RFC 3339, or a day; open if absent"),
            "reason": string("Why, without the subject's name"), "case": string("The number of the case"),
            "fields": list(string("Of a redaction: fields whose values are replaced")),
            "patterns": list(string("Of a redaction: regexes whose matches are replaced"))
        }))),
        "ErasureDecision": closed(object(&[], json!({ "note": string("Why") }))),
        "ErasureBlocker": object(&["by", "splits", "records"], json!({
            "by": string("The hold or the minimum retention"), "splits": count("Splits that it keeps"), "records": count("Records in them that would go")
        })),
        "ErasurePreview": object(&["records", "splits", "queue_records", "topics", "blocked", "left", "approval"], json!({
            "records": count("Records in splits and memory"), "splits": count("Splits that hold some"), "queue_records": count("Records still in the queue"),
            "oldest": string("RFC 3339"), "newest": string("RFC 3339"),
            "topics": list(json!({ "type": "array", "description": "Topic, and its records" })),
            "blocked": blocked(), "left": list(string("What people keep that has the text in it, and is left as it is")),
            "approval": flag("Whether somebody else has to approve it")
        })),
        "ErasureStatus": object(&["id", "kind", "state", "hash", "is_subject", "reason", "case", "asked_by", "asked_at"], json!({
            "id": string("Its id"), "kind": kind(),
            "state": { "type": "string", "enum": ["waiting", "queued", "running", "blocked", "sealing", "final", "refused", "cancelled"] },
            "hash": string("Query or subject as a keyed hash"), "is_subject": flag("Whether it names a subject"),
            "from": string("RFC 3339"), "to": string("RFC 3339"), "reason": string("Why"), "case": string("The number of the case"),
            "asked_by": string("Who"), "asked_at": string("RFC 3339"), "decided_by": string("Who approved, refused or cancelled it"), "decided_at": string("RFC 3339"),
            "step": string("What it is at"), "splits_done": count("Splits looked at"), "splits_all": count("Of so many"),
            "partitions_done": count("Partitions of the queue gone through"), "partitions_all": count("Of so many"),
            "records": count("Records erased or changed in splits so far"), "blocked": blocked(),
            "problem": string("What went wrong last; it is tried again"), "final_at": string("RFC 3339")
        })),
        "ErasuresAnswer": object(&["erasures"], json!({ "erasures": list(reference("ErasureStatus")) })),
        "ErasureReceipt": object(&["version", "store", "id", "kind", "hash", "is_subject", "reason", "case", "asked_by", "asked_at", "final_at", "records", "splits", "queue", "catalog", "cleared", "backups", "not_covered", "log_entries"], json!({
            "version": count("1"), "store": string("The store's id"), "id": string("The request's id"), "kind": kind(),
            "hash": string("Query or subject as a keyed hash"), "is_subject": flag("Whether it named a subject"),
            "from": string("RFC 3339"), "to": string("RFC 3339"), "reason": string("Why"), "case": string("The number of the case"),
            "asked_by": string("Who"), "asked_at": string("RFC 3339"), "approved_by": string("Who"), "approved_at": string("RFC 3339"), "final_at": string("RFC 3339"),
            "records": count("Records erased from splits, or changed in them"),
            "splits": list(object(&["topic", "before", "records"], json!({ "topic": string("Its topic"), "before": string("The split that held them"), "after": string("The one in its place"), "records": count("How many"), "redacted": flag("Whether they were changed, and stay") }))),
            "queue": list(object(&["topic", "partition", "records", "to"], json!({ "topic": string("Topic"), "partition": count("Partition"), "records": count("How many"), "to": count("Every record below was looked at") }))),
            "catalog": list(object(&["table", "rows"], json!({ "table": string("The table"), "rows": count("Rows in which the name was replaced") }))),
            "cleared": list(string("What else was cleared")),
            "backups": list(object(&["directory", "name", "at"], json!({ "directory": string("Where it is"), "name": string("Its name"), "at": string("RFC 3339") }))),
            "not_covered": list(string("What an erasure does not reach")),
            "log_entries": count("The log of trees has its entries among the first so many"), "log_root": string("Their root, base64"),
            "key": string("By which it is signed"), "signature": string("Ed25519, base64")
        }))
    })
}
