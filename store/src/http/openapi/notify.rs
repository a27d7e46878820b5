//! Notifications of alerts.

use serde_json::{Value, json};

use super::{answer, count, error, list, object, operation, parameter, reference, string};

pub(super) fn paths() -> Value {
    let id = |what: &str| parameter("id", "path", "string", true, &format!("The {what}'s id"));
    json!({
        "/api/v1/alerts/targets": { "get": operation("Who can be told, and how each target is; without secrets", &[], None, answer("TargetsAnswer")) },
        "/api/v1/alerts/targets/{name}/test": { "post": operation("Send a test message", &[
            parameter("name", "path", "string", true, "The target's name")
        ], None, answer("TargetTestAnswer")) },
        "/api/v1/alerts/silences": {
            "get": operation("Silences and maintenance windows, the newest first", &[], None, answer("SilencesAnswer")),
            "post": {
                "summary": "Make a silence; it holds from its start on",
                "requestBody": { "required": true, "content": { "application/json": { "schema": reference("Silence") } } },
                "responses": { "201": { "description": "Kept.", "content": answer("KeptSilence") }, "default": error() }
            }
        },
        "/api/v1/alerts/silences/{id}": {
            "put": operation("Change a silence; 409 if somebody changed it since `version`", &[id("silence")], Some("SilenceChange"), answer("KeptSilence")),
            "delete": {
                "summary": "Delete a silence",
                "parameters": [id("silence"), parameter("version", "query", "integer", false, "Only this version; 409 if another is kept")],
                "responses": { "204": { "description": "Deleted." }, "404": error(), "409": error(), "default": error() }
            }
        },
        "/api/v1/alerts/incidents": { "get": operation("Incidents, the newest first", &[
            parameter("open", "query", "boolean", false, "Only those that are not resolved"),
            parameter("before", "query", "string", false, "Opened before, RFC 3339"),
            parameter("limit", "query", "integer", false, "At most so many; 100 unless said, at most 1000")
        ], None, answer("IncidentsAnswer")) },
        "/api/v1/alerts/incidents/{id}": {
            "get": operation("An incident, and what people did and said", &[id("incident")], None, answer("Incident")),
            "post": operation("Acknowledge, release, assign or comment on an incident", &[id("incident")], Some("IncidentAction"), answer("Incident"))
        },
        "/api/v1/alerts/deliveries": { "get": operation("Messages and what their receivers answered, the newest first", &[
            parameter("target", "query", "string", false, "To this target"),
            parameter("state", "query", "string", false, "waiting, delivered or failed"),
            parameter("incident", "query", "string", false, "Telling of the incident of this id"),
            parameter("before", "query", "integer", false, "Before this id: `before` of the last answer"),
            parameter("limit", "query", "integer", false, "At most so many; 100 unless said, at most 1000")
        ], None, answer("DeliveriesAnswer")) }
    })
}

pub(super) fn schemas() -> Value {
    let closed = |mut object: Value| {
        object["additionalProperties"] = json!(false);
        object
    };
    let map = |description: &str| json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": description });
    let numbers =
        |description: &str| json!({ "type": "array", "items": { "type": "integer" }, "description": description });
    let words =
        |words: &[&str], description: &str| json!({ "type": "string", "enum": words, "description": description });
    json!({
        "TargetsAnswer": object(&["targets"], json!({ "targets": list(object(&["name", "kind", "address", "waiting", "delivered", "failed"], json!({
            "name": string("Its name"), "kind": string("email, webhook, …"), "address": string("To where, as far as that is no secret"),
            "waiting": count("Messages that wait"), "delivered": count("Taken since the start"), "failed": count("Given up since the start"),
            "failing_since": string("RFC 3339, while each try fails"), "error": string("Why the last try failed")
        }))) })),
        "TargetTestAnswer": object(&["delivered", "answer", "took_ms"], json!({
            "delivered": { "type": "boolean", "description": "Whether the target took it" },
            "answer": string("What it answered, or why it could not be asked"), "took_ms": count("Milliseconds")
        })),
        "Silence": closed(object(&["matchers", "starts", "by"], json!({
            "matchers": list(string("label=\"value\"; !=, =~ and !~ too. All must fit")), "starts": string("RFC 3339"),
            "ends": string("RFC 3339; only what recurs may be without"), "calendar": reference("SilenceCalendar"),
            "by": string("Who makes it"), "comment": string("Why")
        }))),
        "SilenceCalendar": closed(object(&["zone", "from", "to"], json!({
            "zone": string("IANA name"), "from": string("22:00"), "to": string("02:00; on the next day if not after `from`"),
            "weekdays": list(words(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "A day on which a window begins")),
            "days": numbers("Of the month; -1 is the last"), "months": numbers("1 to 12")
        }))),
        "KeptSilence": object(&["id", "version", "created", "updated", "state", "silence"], json!({
            "id": string("Its id"), "version": count("Grows with each change"), "created": string("RFC 3339"), "updated": string("RFC 3339"),
            "state": words(&["waiting", "active", "over"], "How it is now"), "silence": reference("Silence")
        })),
        "SilenceChange": closed(object(&["version", "silence"], json!({
            "version": count("The version that was changed"), "silence": reference("Silence")
        }))),
        "SilencesAnswer": object(&["silences"], json!({ "silences": list(reference("KeptSilence")) })),
        "Incident": object(&["id", "rule", "name", "group", "labels", "state", "reason", "opened", "told"], json!({
            "id": string("Its id"), "rule": string("The rule's id"), "name": string("The rule's name"), "group": map("Values of what the rule groups by"),
            "labels": map("What routes and silences look at"), "state": words(&["firing", "no_data", "error", "resolved"], "How it is"),
            "reason": string("The last verdict as a sentence"), "active_since": string("RFC 3339"), "opened": string("RFC 3339"),
            "closed": string("RFC 3339"), "acknowledged_by": string("Who has taken it up"), "acknowledged": string("RFC 3339"),
            "assigned": string("Who is to look at it"), "silenced_by": list(string("The id of a silence that holds its messages back")),
            "inhibited": { "type": "boolean", "description": "Whether another incident holds its messages back" },
            "told": list(string("A target that was told")),
            "notes": list(object(&["at", "by", "action", "text"], json!({
                "at": string("RFC 3339"), "by": string("Who"), "action": string("acknowledge, release, assign, comment"), "text": string("To whom, or what")
            })))
        })),
        "IncidentsAnswer": object(&["incidents"], json!({ "incidents": list(reference("Incident")) })),
        "IncidentAction": object(&["action", "by"], json!({
            "action": words(&["acknowledge", "release", "assign", "comment"], "What is done"), "by": string("Who"),
            "comment": string("Of acknowledge and release"), "to": string("Of assign; empty: nobody"), "text": string("Of comment")
        })),
        "DeliveriesAnswer": object(&["deliveries"], json!({
            "deliveries": list(object(&["id", "key", "target", "kind", "title", "created", "state", "attempts", "incidents", "tries"], json!({
                "id": count("Its place in the outbox"), "key": string("By which the receiver recognises a repeat"), "target": string("To whom"),
                "kind": string("firing, resolved, repeat, escalation, summary, trouble"), "title": string("In a line"), "created": string("RFC 3339"),
                "state": words(&["waiting", "delivered", "failed"], "What became of it"), "attempts": count("Tries so far"),
                "next_attempt": string("RFC 3339"), "incidents": list(string("An incident's id")),
                "tries": list(object(&["at", "outcome", "answer", "took_ms"], json!({
                    "at": string("RFC 3339"), "outcome": string("delivered, again, refused, given up"), "answer": string("What was answered"), "took_ms": count("Milliseconds")
                })))
            }))),
            "before": count("For the next page")
        }))
    })
}
