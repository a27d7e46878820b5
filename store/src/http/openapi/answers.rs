//! What is made of whole answers, files, and of empty ones, explanations.

use serde_json::{Value, json};

use super::{answer, count, list, object, operation, parameter, reference, string};

pub(super) fn paths() -> Value {
    json!({
        "/api/v1/explain": { "post": operation("Why a search found nothing: the causes, the likeliest first", &[], Some("ExplainRequest"), answer("ExplainAnswer")) },
        "/api/v1/export": { "get": operation("A whole result as a file, streamed, without a limit of rows. What goes wrong on the way breaks the connection off", &[
            parameter("query", "query", "string", false, "As in POST /api/v1/query; empty asks for every record"),
            parameter("from", "query", "string", false, "As there"),
            parameter("to", "query", "string", false, "As there"),
            parameter("format", "query", "string", true, "csv (RFC 4180), ndjson, parquet, or raw: the lines' own bytes"),
            parameter("limit", "query", "integer", false, "At most so many rows; all unless said"),
            parameter("direction", "query", "string", false, "forward (unless said): the oldest record first; backward: the newest. Tables come in their own order"),
            parameter("formulas", "query", "string", false, "csv alone: quote (unless said) puts an apostrophe before texts that a spreadsheet would compute; keep leaves them"),
            parameter("partial", "query", "string", false, "error (unless said): the export breaks off where something stored cannot be read; skip: it goes on without"),
            parameter("id", "query", "string", false, "A name of the caller's choice: GET /api/v1/export/{id} tells its progress, DELETE /api/v1/query/{id} cancels it")
        ], None, json!({
            "text/csv": { "schema": { "type": "string" } },
            "application/x-ndjson": { "schema": { "type": "string" } },
            "application/vnd.apache.parquet": { "schema": { "type": "string", "format": "binary" } },
            "application/octet-stream": { "schema": { "type": "string", "format": "binary" } }
        })) },
        "/api/v1/export/{id}": { "get": operation("How far an export is, or how it ended; the last 64 are known", &[
            parameter("id", "path", "string", true, "The id of the request")
        ], None, answer("ExportAnswer")) }
    })
}

pub(super) fn schemas() -> Value {
    json!({
        "ExplainRequest": object(&[], json!({
            "query": string("A search that found nothing"), "from": string("As in QueryRequest"), "to": string("As there")
        })),
        "ExplainAnswer": object(&["causes", "complete", "elapsed_ms"], json!({
            "causes": list(reference("Cause")),
            "complete": { "type": "boolean", "description": "Whether all was looked at that could be a cause" },
            "elapsed_ms": { "type": "number" }
        })),
        "Cause": object(&["code", "message"], json!({
            "code": { "type": "string", "enum": ["clock_skew", "outside_range", "word_cut", "phrase_apart", "no_such_field", "one_term", "expired",
                "damaged", "queued", "agent_offline", "file_unread", "unshipped", "dead_letters", "dropped_by_rule", "lost", "nothing_stored"] },
            "message": string("A sentence for a person"), "records": count("How many it is about, where they were counted"),
            "way": reference("Way")
        })),
        "Way": object(&["label"], json!({
            "label": string("What it does"), "query": string("The query to ask; the same if absent"),
            "range": object(&[], json!({ "from": string("RFC 3339; open if absent"), "to": string("RFC 3339; open if absent") })),
            "page": string("Where to look instead: pipeline, ledger or store")
        })),
        "ExportAnswer": object(&["id", "state", "rows", "bytes", "elapsed_ms"], json!({
            "id": string("The export's id"), "state": { "type": "string", "enum": ["running", "done", "cancelled", "failed"] },
            "rows": count("Rows written so far"), "bytes": count("Bytes taken so far"),
            "elapsed_ms": { "type": "number", "description": "Since it began, until it ended" },
            "error": reference("ApiError")
        }))
    })
}
