//! Alert rules.

use serde_json::{Value, json};

use super::{answer, count, error, list, object, operation, parameter, reference, string};

pub(super) fn paths() -> Value {
    let id = || parameter("id", "path", "string", true, "The rule's id");
    let mut create = operation(
        "Keep a rule; it is evaluated from then on",
        &[],
        Some("AlertRule"),
        answer("KeptRule"),
    );
    create["responses"] =
        json!({ "201": { "description": "Kept.", "content": answer("KeptRule") }, "default": error() });
    json!({
        "/api/v1/alerts/rules": {
            "get": operation("The rules by name", &[], None, answer("RulesAnswer")),
            "post": create
        },
        "/api/v1/alerts/rules/{id}": {
            "get": operation("A rule", &[id()], None, answer("KeptRule")),
            "put": operation("Change a rule; 409 if somebody changed it since `version`", &[id()], Some("RuleChange"), answer("KeptRule")),
            "delete": {
                "summary": "Delete a rule; what fires by it is resolved",
                "parameters": [id(), parameter("version", "query", "integer", false, "Only this version; 409 if another is kept")],
                "responses": { "204": { "description": "Deleted." }, "404": error(), "409": error(), "default": error() }
            }
        },
        "/api/v1/alerts/rules/{id}/versions": {
            "get": operation("What a rule said, the latest first", &[id()], None, answer("RuleVersions"))
        },
        "/api/v1/alerts/check": {
            "post": operation("Whether a rule can be kept; 400 names the key and the way out", &[], Some("AlertRule"), answer("RuleCheck"))
        },
        "/api/v1/alerts/backtest": {
            "post": operation("What a rule, kept or not, would have said of the past; lines are late there that were late then", &[], Some("BacktestRequest"), answer("BacktestAnswer"))
        },
        "/api/v1/alerts/states": {
            "get": operation("The groups that are not inactive, those that matter most first", &[
                parameter("limit", "query", "integer", false, "At most so many; 500 unless said, at most 10,000")
            ], None, answer("AlertStates"))
        },
        "/api/v1/alerts/history": {
            "get": operation("Changes of state, the latest first, a page of them", &[
                parameter("rule", "query", "string", false, "Of this rule's id"),
                parameter("state", "query", "string", false, "To this state: inactive, pending, firing, resolved, no_data, error"),
                parameter("from", "query", "string", false, "Of windows that end from then on: RFC 3339 or -1d"),
                parameter("to", "query", "string", false, "And before"),
                parameter("late", "query", "boolean", false, "true: only what late lines made of verdicts; false: all but that"),
                parameter("limit", "query", "integer", false, "At most so many; 100 unless said, at most 1000"),
                parameter("cursor", "query", "string", false, "Of an earlier answer")
            ], None, answer("AlertHistory"))
        },
        "/api/v1/alerts/status": {
            "get": operation("Whether the evaluation keeps up: how late and how expensive each rule is, and whom it waits for", &[], None, answer("AlertsStatus"))
        },
        "/api/v1/alerts/decommissioned": {
            "get": operation("Hosts for which no verdict waits and which are never called silent", &[], None, answer("Decommissioned")),
            "post": operation("Put a host on that list, or take it off", &[], Some("Decommission"), answer("Decommissioned"))
        }
    })
}

pub(super) fn schemas() -> Value {
    let words =
        |words: &[&str], description: &str| json!({ "type": "string", "enum": words, "description": description });
    let number = |description: &str| json!({ "type": "number", "description": description });
    let map = |description: &str| json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": description });
    let counts = |description: &str| json!({ "type": "object", "additionalProperties": { "type": "integer" }, "description": description });
    let flag = |description: &str| json!({ "type": "boolean", "description": description });
    let nanos = |description: &str| json!({ "type": "integer", "format": "int64", "description": format!("{description}, nanoseconds since the epoch") });
    let state = |description: &str| {
        words(
            &["inactive", "pending", "firing", "resolved", "no_data", "error"],
            description,
        )
    };
    let severity = || words(&["info", "warning", "critical"], "How much it matters");
    let rule = object(
        &["name", "condition"],
        json!({
            "name": string("What people call it; no two rules share one"), "enabled": flag("Whether it is evaluated"),
            "severity": severity(), "owner": string("Whose it is"),
            "window": string("How much time a verdict looks at: 5m"), "every": string("How far apart windows end; equal to window they tumble"),
            "for": string("The condition must hold for so long"), "keep_firing_for": string("It goes on firing for so long"),
            "allowed_lateness": string("What is read so long after a window's end still counts: 10s"),
            "verdict_delay_max": string("Verdicts wait for sources no longer: 2m"),
            "flapping": object(&["times", "within"], json!({ "times": count("So many times"), "within": string("Within this time") })),
            "no_data": words(&["state", "inactive", "firing", "keep"], "What nothing to measure means"),
            "labels": map("What routes, silences and inhibitions match"), "annotations": map("What people write, templates by name"),
            "condition": json!({ "type": "object", "required": ["kind"], "description": "See docs/alerts.md", "properties": {
                "kind": words(&["threshold", "match", "absence", "change", "silence", "pattern", "deviation", "sequence"], "Which")
            } })
        }),
    );
    json!({
        "AlertRule": rule,
        "KeptRule": object(&["id", "version", "created", "updated", "rule"], json!({
            "id": string("Its id"), "version": count("Grows with each change"), "created": string("RFC 3339"),
            "updated": string("RFC 3339"), "rule": reference("AlertRule")
        })),
        "RulesAnswer": object(&["rules"], json!({ "rules": list(reference("KeptRule")) })),
        "RuleChange": object(&["version", "rule"], json!({ "version": count("The version that was changed"), "rule": reference("AlertRule") })),
        "RuleVersions": object(&["versions"], json!({ "versions": list(object(&["version", "at", "rule"], json!({
            "version": count("Its number"), "at": string("RFC 3339"), "origin": string("From where it was made"), "rule": reference("AlertRule")
        }))) })),
        "RuleCheck": object(&["windows", "kept_up"], json!({
            "windows": string("every 1m over 5m"), "kept_up": flag("Kept up as lines come; else asked of the store at each window's end")
        })),
        "Transition": object(&["key", "rule", "from", "to", "at_nanos", "decided_at_nanos", "reason"], json!({
            "key": string("Names the verdict"), "rule": json!({ "type": "object", "description": "The rule as it was then" }),
            "group": map("The group"), "labels": map("The rule's labels and the group's values"),
            "from": state("The state before"), "to": state("The state from then on"),
            "active_since_nanos": nanos("When the condition began to hold"), "at_nanos": nanos("The window's end"),
            "decided_at_nanos": nanos("When it was decided"), "window": list(json!({ "type": "integer", "format": "int64" })),
            "value": number("What was measured"), "threshold": string("What it was held against"),
            "reason": string("The verdict as a sentence"), "query": string("The search whose lines led to it"),
            "evidence": object(&[], json!({
                "lines": list(json!({ "type": "object" })), "lines_total": count("How many lines there were"),
                "pattern": string("What most of them look like"), "counts": list(number("By even steps up to the window's end"))
            })),
            "missing_sources": list(reference("MissingSource")), "late": flag("What late lines made of a verdict")
        })),
        "MissingSource": object(&["host"], json!({ "host": string("Its host"), "complete_to_nanos": nanos("How far it told") })),
        "AlertStates": object(&["groups", "total", "counts"], json!({
            "groups": list(object(&["rule", "name", "severity", "group", "state"], json!({
                "rule": string("The rule's id"), "name": string("Its name"), "severity": severity(), "group": map("The group"),
                "state": state("How it is"), "last": reference("Transition")
            }))), "total": count("How many there are"), "counts": counts("How many of each state")
        })),
        "AlertHistory": object(&["entries"], json!({
            "entries": list(object(&["sequence", "transition"], json!({ "sequence": count("Grows with each entry"), "transition": reference("Transition") }))),
            "cursor": string("Where the next page begins, if there is one")
        })),
        "AlertsStatus": object(&["rules"], json!({
            "evaluated_at": string("RFC 3339"), "complete_to": string("What the sources delivered up to, RFC 3339"),
            "missing": list(reference("MissingSource")), "cost": number("The share of one core that it takes"),
            "read_again": count("How often lines had to be read again from the store"),
            "rules": list(object(&["id", "name"], json!({
                "id": string("Its id"), "name": string("Its name"), "decided_to": string("RFC 3339"),
                "late_seconds": number("How late its last verdict was"), "cost": number("The share of one core that it takes"),
                "groups": count("Its groups"), "left_out": count("Lines left out because there are too many groups"),
                "slowed": count("Decided at every so many windows"),
                "deferred": flag("It reads its lines when it is decided, since testing each as it comes was too expensive"), "error": string("Why it cannot be evaluated")
            })))
        })),
        "BacktestRequest": object(&["rule", "from"], json!({ "rule": reference("AlertRule"), "from": string("RFC 3339 or -1d"), "to": string("Now unless said") })),
        "BacktestAnswer": object(&["transitions", "counts", "lines", "windows"], json!({
            "transitions": list(reference("Transition")), "counts": counts("How many of each state"), "lines": count("Lines that were looked at"),
            "windows": count("Windows that were decided"), "messages": counts("Messages by whom they are for"), "notes": list(string("What to know"))
        })),
        "Decommission": object(&["host", "decommissioned"], json!({ "host": string("The host"), "decommissioned": flag("Whether it is gone for good") })),
        "Decommissioned": object(&["hosts"], json!({ "hosts": list(string("A host")) }))
    })
}
