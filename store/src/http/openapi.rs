//! The API's description, OpenAPI 3.1. Written by hand beside the messages of `proto::api`; a test
//! holds it against the routes.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the parts of the document are made where they are passed"
)]

mod access;
mod alerts;
mod answers;
mod backups;
mod documents;
mod erasures;
mod ledger;
mod notify;
mod retention;
mod room;
mod topics;

use serde_json::{Value, json};

/// The whole document.
pub fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Timberline",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Search, tables, live tail and state of the logs kept by Timberline."
        },
        "paths": joined([paths(), ledger::paths(), answers::paths(), documents::paths(), topics::paths(), notify::paths(), alerts::paths(), room::paths(), backups::paths(), erasures::paths(), retention::paths(), access::paths()]),
        "components": { "schemas": schemas(), "responses": { "Error": {
            "description": "What went wrong, whose fault it is (by the status) and the way out.",
            "content": { "application/json": { "schema": reference("ApiError") } }
        } } }
    })
}

fn paths() -> Value {
    json!({
        "/api/v1/query": { "post": operation("Answer a search, a search with pipes, or SQL", &[], Some("QueryRequest"), json!({
            "application/x-ndjson": { "schema": reference("Frame") },
            "application/json": { "schema": reference("Answer") },
            "text/csv": { "schema": { "type": "string" } }
        })) },
        "/api/v1/query/{id}": { "delete": {
            "summary": "Cancel the running queries with this query_id",
            "parameters": [parameter("id", "path", "string", true, "The query_id of the request")],
            "responses": { "204": { "description": "Cancelled." }, "404": error(), "default": error() }
        } },
        "/api/v1/histogram": { "post": operation("Count records over time by severity", &[], Some("HistogramRequest"), answer("HistogramAnswer")) },
        "/api/v1/fields": { "post": operation("Summarise the fields of the matching records", &[], Some("FieldsRequest"), answer("FieldsAnswer")) },
        "/api/v1/tail": { "get": operation("Matching records as they arrive: events `record` (a Record) and `skipped`",
            &[parameter("query", "query", "string", false, "A search; its pipes are left out")], None,
            json!({ "text/event-stream": { "schema": { "type": "string" } } })) },
        "/api/v1/context": { "get": operation("The records around one, in the order of its file, itself among them", &[
            parameter("id", "query", "string", true, "topic-partition-offset"),
            parameter("before", "query", "integer", false, "How many before it; 10 unless said, at most 1000"),
            parameter("after", "query", "integer", false, "How many after it; 10 unless said, at most 1000"),
            parameter("edge", "query", "string", false, "first: instead, the first `after` records of its file; last: the last `before`")
        ], None, answer("ContextAnswer")) },
        "/api/v1/context/find": { "get": operation("The next line of a record's file, and of those before or after it at the same path, that holds a text", &[
            parameter("id", "query", "string", true, "topic-partition-offset"),
            parameter("text", "query", "string", true, "The text; between slashes a regular expression. Without a capital letter it stands for capitals, too"),
            parameter("direction", "query", "string", false, "after (unless said) or before")
        ], None, answer("FindAnswer")) },
        "/api/v1/record/{id}": { "get": operation("A record by its id", &[
            parameter("id", "path", "string", true, "topic-partition-offset")
        ], None, answer("Record")) },
        "/api/v1/files": { "get": operation("The file generations of which something is held", &[
            parameter("host", "query", "string", false, "Of this host"),
            parameter("path", "query", "string", false, "Found under this path"),
            parameter("generation", "query", "string", false, "This one; then its gaps are always named"),
            parameter("limit", "query", "integer", false, "At most so many; 1000 unless said, at most 10,000")
        ], None, answer("FilesAnswer")) },
        "/api/v1/files/{generation}/bytes": { "get": operation("A file's original bytes, made from its records", &[
            parameter("generation", "path", "string", true, "Of GET /api/v1/files"),
            parameter("from", "query", "integer", false, "The first byte; 0 unless said"),
            parameter("to", "query", "integer", false, "One past the last; the end of what is held unless said"),
            parameter("gaps", "query", "string", false, "error (unless said): 409 with the first range that is not held; skip: leave such ranges out and name them in the header timberline-missing")
        ], None, json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } })) },
        "/api/v1/sources": { "get": operation("Every file that an agent follows and to when it is complete, those most behind first", &[
            parameter("limit", "query", "integer", false, "At most so many; 1000 unless said")
        ], None, answer("SourcesAnswer")) },
        "/api/v1/splits": { "get": operation("The splits of the catalog, and why answers go without some", &[], None, answer("SplitsAnswer")) },
        "/api/v1/splits/{id}/check": { "post": operation("Read a split whole and check all of it: quarantine it if it is damaged, take it back if it is sound again", &[
            parameter("id", "path", "string", true, "The split's id")
        ], None, answer("SplitState")) },
        "/api/v1/ingest": { "post": {
            "summary": "Take records, durable when answered: one per line, as JSON objects or plain text",
            "requestBody": { "required": true, "content": {
                "application/x-ndjson": { "schema": { "type": "string" } },
                "text/plain": { "schema": { "type": "string" } }
            } },
            "responses": { "200": { "description": "Durable.", "content": answer("IngestAnswer") }, "default": error() }
        } },
        "/api/v1/agents/tokens": {
            "get": operation("Tokens for enrolling machines; this and all about machines from the collector's own machine only", &[], None, json_object()),
            "post": operation("Make a token; an empty body: for one agent, for an hour", &[], None, json_object())
        },
        "/api/v1/agents/tokens/{id}/revoke": { "post": operation("Nobody enrolls with this token any more", &[
            parameter("id", "path", "string", true, "The token's id")
        ], None, json_object()) },
        "/api/v1/agents/enrolled": { "get": operation("Machines that enrolled", &[], None, json_object()) },
        "/api/v1/agents/{id}/revoke": { "post": operation("Refuse a machine, and cut its connections", &[
            parameter("id", "path", "string", true, "The machine's id")
        ], None, json_object()) },
        "/api/v1/agents/{id}/allow": { "post": operation("Let a machine enroll with a new key", &[
            parameter("id", "path", "string", true, "The machine's id")
        ], None, json_object()) },
        "/api/v1/agents/{id}/labels": { "post": operation("Change what is known of a machine", &[
            parameter("id", "path", "string", true, "The machine's id")
        ], None, json_object()) },
        "/api/v1/agents/config": {
            "get": operation("Groups of machines, what they run, and how trials go", &[], None, json_object()),
            "post": operation("Try a configuration on the first few machines of a group, then give it to all", &[], None, json_object())
        },
        "/api/v1/agents/audit": { "get": operation("Who did what with tokens and machines", &[], None, json_object()) },
        "/api/v1/status": { "get": operation("What is stored and how complete it is", &[], None, answer("Status")) },
        "/api/v1/openapi.json": { "get": operation("This document", &[], None, json_object()) },
        "/livez": { "get": operation("The process answers", &[], None, text()) },
        "/readyz": { "get": operation("The process takes records and questions; 503 and the reason if not", &[], None, text()) },
        "/metrics": { "get": operation("Metrics in Prometheus' text format", &[], None, text()) }
    })
}

/// An object whose fields are not spelled out here.
fn json_object() -> Value {
    json!({ "application/json": { "schema": { "type": "object" } } })
}

fn operation(summary: &str, parameters: &[Value], body: Option<&str>, content: Value) -> Value {
    let mut operation = json!({
        "summary": summary,
        "responses": { "200": { "description": "The answer.", "content": content }, "default": error() }
    });
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if let Some(body) = body {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": reference(body) } }
        });
    }
    operation
}

fn parameter(name: &str, place: &str, kind: &str, required: bool, description: &str) -> Value {
    json!({ "name": name, "in": place, "required": required, "description": description, "schema": { "type": kind } })
}

fn error() -> Value {
    json!({ "$ref": "#/components/responses/Error" })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn answer(name: &str) -> Value {
    json!({ "application/json": { "schema": reference(name) } })
}

fn text() -> Value {
    json!({ "text/plain": { "schema": { "type": "string" } } })
}

/// An object: its properties, and which of them are always there.
fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn list(of: Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn string(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn count(description: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": description })
}

const INSTANT: &str = "RFC 3339, epoch (s, ms, µs or ns by magnitude), now-15m or -15m";

fn schemas() -> Value {
    joined([
        requests(),
        answers(),
        parts(),
        ledger::schemas(),
        answers::schemas(),
        documents::schemas(),
        alerts::schemas(),
        topics::schemas(),
        access::schemas(),
        notify::schemas(),
        room::schemas(),
        backups::schemas(),
        erasures::schemas(),
        retention::schemas(),
    ])
}

fn joined<const N: usize>(parts: [Value; N]) -> Value {
    let mut all = json!({});
    for part in parts {
        if let (Value::Object(all), Value::Object(part)) = (&mut all, part) {
            all.extend(part);
        }
    }
    all
}

fn requests() -> Value {
    let range = |more: Value| {
        let mut properties = json!({
            "query": string("A search with pipes, or SQL; empty asks for every record"),
            "from": string(INSTANT),
            "to": string(INSTANT),
            "query_id": string("A name of your choice, by which the query is cancelled")
        });
        if let (Value::Object(all), Value::Object(more)) = (&mut properties, more) {
            all.extend(more);
        }
        let mut object = object(&[], properties);
        object["additionalProperties"] = json!(false);
        object
    };
    json!({
        "QueryRequest": range(json!({
            "limit": count("At most so many rows"),
            "cursor": string("The cursor of an earlier answer's end: go on there"),
            "direction": { "type": "string", "enum": ["backward", "forward"], "description": "Newest or oldest first" }
        })),
        "HistogramRequest": range(json!({ "bins": count("About how many bins") })),
        "FieldsRequest": range(json!({
            "field": string("Only this field"),
            "values": count("Top values per field; 10 unless said")
        }))
    })
}

fn answers() -> Value {
    let rows = list(list(json!({})));
    json!({
        "Answer": object(&["completeness", "end"], json!({
            "columns": list(reference("Column")), "rows": rows, "records": list(reference("Record")),
            "completeness": reference("Completeness"), "end": reference("End")
        })),
        "Frame": {
            "description": "One line of a streamed answer; the last is of type end or error.",
            "type": "object", "required": ["type"],
            "properties": {
                "type": { "type": "string", "enum": ["schema", "records", "rows", "progress", "completeness", "end", "error"] },
                "columns": list(reference("Column")), "records": list(reference("Record")), "rows": rows
            },
        },
        "HistogramAnswer": object(&["start_ms", "width_ms", "bins", "total", "progress", "completeness"], json!({
            "start_ms": { "type": "integer" }, "width_ms": { "type": "integer" },
            "bins": list(json!({ "type": "array", "minItems": 7, "maxItems": 7, "items": { "type": "integer" },
                "description": "none, trace, debug, info, warn, error, fatal" })),
            "total": count("All bins together"),
            "progress": reference("Progress"), "completeness": reference("Completeness")
        })),
        "FieldsAnswer": object(&["fields", "rows", "exact"], json!({
            "fields": list(reference("FieldSummary")), "rows": count("Matching records looked at: all, or the newest"),
            "exact": { "type": "boolean", "description": "Whether that was all of them" },
            "fields_capped": { "type": "boolean", "description": "Whether there are more fields than these" },
            "partial": list(string("What was left out, and why"))
        })),
        "ContextAnswer": object(&["records"], json!({
            "records": list(reference("Record")), "partial": list(string("What was left out, and why"))
        })),
        "FindAnswer": object(&["passed"], json!({
            "record": reference("Record"), "passed": count("Records passed over"),
            "partial": list(string("What was left out, and why"))
        })),
        "IngestAnswer": object(&["accepted"], json!({ "accepted": count("Records taken") })),
        "Status": object(&["version", "data_dir", "records", "raw_bytes", "disk_bytes", "splits", "completeness"], json!({
            "version": string("The program's version"), "data_dir": string("Where its data is"),
            "records": count("Records stored"), "raw_bytes": count("Bytes of the lines stored"),
            "disk_bytes": count("Bytes of splits on disk"), "splits": count("Splits"),
            "oldest": string("RFC 3339"), "newest": string("RFC 3339"), "not_ready": string("Why it takes no records or questions; what /readyz says"),
            "memory_bytes": count("Memory that the process has"), "disk_free_bytes": count("Free on the disk of the data"),
            "collector": string("Where the collector is from which records are taken, if that is another process"),
            "completeness": reference("Completeness")
        }))
    })
}

fn parts() -> Value {
    json!({
        "ApiError": object(&["code", "message"], json!({
            "code": { "type": "string", "enum": ["bad_query", "bad_request", "not_found", "limit", "too_large", "cancelled",
                "timeout", "forbidden", "unavailable", "incomplete", "conflict", "internal"] },
            "message": string("A sentence that names the thing and the way out"),
            "span": reference("Span"), "suggestion": string("What could stand there instead")
        })),
        "Span": object(&["start", "end"], json!({ "start": count("First byte"), "end": count("One past the last") })),
        "Column": object(&["name", "type"], json!({
            "name": string("Its name"),
            "type": { "type": "string", "enum": ["timestamp", "integer", "number", "boolean", "text", "map"] }
        })),
        "Record": object(&["id", "timestamp", "observed", "body"], json!({
            "id": string("topic-partition-offset"), "timestamp": string("RFC 3339, UTC, nanoseconds"),
            "observed": string("When it was read"), "severity": string("trace, debug, info, warn, error, fatal"),
            "body": string("The line"), "body_base64": string("Its bytes, where they are no UTF-8"),
            "template": string("The template's id, hexadecimal"),
            "stream": { "type": "object", "additionalProperties": { "type": "string" } },
            "fields": { "type": "object", "additionalProperties": true },
            "place": object(&["agent", "generation", "start", "length"], json!({
                "agent": string("The agent"), "generation": string("The file's generation"),
                "start": count("First byte in the file"), "length": count("Bytes, line end included")
            }))
        })),
        "SourceLag": object(&["agent", "host", "path", "bytes", "connected"], json!({
            "agent": string("The agent"), "host": string("The host"), "path": string("The file"),
            "bytes": count("Not yet acked"), "read_to_end_at": string("Complete to here"),
            "lost_bytes": count("Gone before they were read"), "connected": { "type": "boolean" },
            "generation": string("The file's present life"), "error": string("Why it is not read")
        })),
        "SourcesAnswer": object(&["sources", "total"], json!({ "sources": list(reference("SourceLag")), "total": count("Sources known") })),
        "SplitsAnswer": object(&["splits"], json!({ "splits": list(reference("SplitState")) })),
        "SplitState": object(&["id", "topic", "records", "raw_bytes", "file_bytes", "oldest", "newest", "level"], json!({
            "id": string("Its id; the file is ID.split"), "topic": string("The queue's topic"), "records": count("Records"),
            "raw_bytes": count("Bytes of the lines"), "file_bytes": count("Bytes of the file"),
            "oldest": string("RFC 3339"), "newest": string("RFC 3339"), "level": count("Merges behind it"),
            "quarantined": string("Why answers go without it")
        })),
        "FilesAnswer": object(&["files", "truncated"], json!({
            "files": list(reference("FileGeneration")), "truncated": { "type": "boolean" },
            "partial": list(string("What could not be read"))
        })),
        "FileGeneration": object(&["generation", "agent", "topic", "host", "path", "first_byte", "end", "bytes", "records", "oldest", "newest"], json!({
            "generation": string("Its id"), "agent": string("The agent that read it"), "topic": string("The queue's topic"),
            "host": string("The host"), "path": string("The path under which it was first found"),
            "first_byte": count("The first byte held"), "end": count("One past the last byte held"),
            "bytes": count("Bytes held as records"), "records": count("Records"),
            "oldest": string("No record is older"), "newest": string("No record is newer"),
            "gaps": list(object(&["from", "to"], json!({ "from": count("First byte"), "to": count("One past the last") })))
        })),
        "Progress": object(&[], json!({
            "splits_total": count("Splits known"), "splits_skipped": count("Splits ruled out whole"),
            "pages_total": count("Pages of the splits looked at"), "pages_read": count("Pages read"),
            "rows_scanned": count("Rows tested"), "rows_matched": count("Rows found"),
            "elapsed_ms": { "type": "number" }
        })),
        "Completeness": object(&[], json!({
            "summary": string("In one sentence"),
            "complete_to": string("Every source is complete to here"), "sources": count("Sources known"),
            "sources_current": count("Sources complete to about now"), "current_to": string("Those are complete to here"),
            "taken_to": string("What was acked before this is in the answer"), "lag_bytes": count("Bytes in files that are not acked"),
            "lost_bytes": count("Bytes gone before they were read"), "agents_silent": count("Agents that have not reported lately"),
            "queued_records": count("Records the store has not taken yet"),
            "behind": list(reference("SourceLag")),
            "partial": list(string("What could not be read"))
        })),
        "End": object(&["rows", "progress"], json!({
            "rows": count("Rows returned"), "cursor": string("Send it back to go on"), "progress": reference("Progress")
        })),
        "FieldSummary": object(&["name", "types", "type_counts", "count", "distinct", "distinct_capped", "top"], json!({
            "name": string("Its name"), "types": list(string("text, integer, number or boolean; the most frequent first")),
            "type_counts": { "type": "object", "additionalProperties": count("Values of the type") },
            "min": { "type": "number", "description": "The smallest of the values that are or read as numbers" },
            "max": { "type": "number", "description": "The largest of them" },
            "count": count("Records that have it"), "distinct": count("Distinct values"),
            "distinct_capped": { "type": "boolean", "description": "Whether that is an estimate, and top of the values held" },
            "top": list(object(&["value", "count"], json!({ "value": string("As text"), "count": count("Records") })))
        }))
    })
}
