//! Dashboards and saved searches.

use serde_json::{Value, json};
use timberline_proto::api::dashboards::{COLUMNS, ChartKind, PANEL_ROWS_MAX, REFRESH_SECONDS, Reduce};

use super::{answer, count, error, list, object, operation, parameter, reference, string};

pub(super) fn paths() -> Value {
    json!({
        "/api/v1/dashboards": {
            "get": operation("The dashboards by name", &[], None, answer("DashboardsAnswer")),
            "post": created("Keep a dashboard, such as one that was exported", "Dashboard", "KeptDashboard")
        },
        "/api/v1/dashboards/{id}": {
            "get": operation("A dashboard", &[id("dashboard")], None, answer("KeptDashboard")),
            "put": operation("Change a dashboard; 409 if somebody changed it since `version`", &[id("dashboard")], Some("DashboardChange"), answer("KeptDashboard")),
            "delete": deleted("Delete a dashboard", "dashboard")
        },
        "/api/v1/saved": {
            "get": operation("The saved searches by name", &[], None, answer("SavedAnswer")),
            "post": created("Keep a search", "SavedSearch", "KeptSearch")
        },
        "/api/v1/saved/{id}": {
            "get": operation("A saved search", &[id("saved search")], None, answer("KeptSearch")),
            "put": operation("Change a saved search; 409 if somebody changed it since `version`", &[id("saved search")], Some("SearchChange"), answer("KeptSearch")),
            "delete": deleted("Delete a saved search", "saved search")
        }
    })
}

fn id(what: &str) -> Value {
    parameter("id", "path", "string", true, &format!("The {what}'s id"))
}

fn created(summary: &str, body: &str, made: &str) -> Value {
    let mut operation = operation(summary, &[], Some(body), answer(made));
    operation["responses"] = json!({ "201": { "description": "Kept.", "content": answer(made) }, "default": error() });
    operation
}

fn deleted(summary: &str, what: &str) -> Value {
    json!({
        "summary": summary,
        "parameters": [id(what), parameter("version", "query", "integer", false, "Only this version; 409 if another is kept")],
        "responses": { "204": { "description": "Deleted." }, "404": error(), "409": error(), "default": error() }
    })
}

pub(super) fn schemas() -> Value {
    let words =
        |words: &[&str], description: &str| json!({ "type": "string", "enum": words, "description": description });
    let closed = |mut object: Value| {
        object["additionalProperties"] = json!(false);
        object
    };
    let chart = words(&ChartKind::ALL.map(ChartKind::word), "How a table is drawn");
    let place = |min: u32, max: u32, description: &str| json!({ "type": "integer", "minimum": min, "maximum": max, "description": description });
    json!({
        "Dashboard": closed(object(&["timberline_dashboard", "name"], json!({
            "timberline_dashboard": { "type": "integer", "enum": [1], "description": "The form's version" },
            "name": string("What people call it"), "description": string("What it is for"),
            "from": string("-1h or RFC 3339; empty: no lower end"), "to": string("RFC 3339; empty: now"),
            "refresh_seconds": { "type": "integer", "enum": REFRESH_SECONDS, "description": "0: not by itself" },
            "variables": list(reference("DashboardVariable")), "panels": list(reference("DashboardPanel"))
        }))),
        "DashboardVariable": closed(object(&["name", "kind"], json!({
            "name": string("`$name` and `${name}` in queries stand for its value"),
            "kind": words(&["text", "list", "field", "query"], "From where its values are"),
            "source": string("The field, or the query whose first column gives the values"),
            "values": list(string("Of a list")), "value": string("Chosen at first; empty: any")
        }))),
        "DashboardPanel": closed(object(&["id", "query", "x", "y", "w", "h"], json!({
            "id": count("Its number within the dashboard"), "title": string("What stands above it"),
            "query": string("A search with pipes, or SQL"), "chart": chart,
            "reduce": words(&Reduce::ALL.map(Reduce::word), "What one number is made of many"),
            "x": place(0, COLUMNS - 1, "The first column"), "y": json!({ "type": "integer", "minimum": 0, "description": "The first row" }),
            "w": place(1, COLUMNS, "Columns"), "h": place(1, PANEL_ROWS_MAX, "Rows")
        }))),
        "KeptDashboard": object(&["id", "version", "created", "updated", "dashboard"], json!({
            "id": string("Its id"), "version": count("Grows with each change"), "created": string("RFC 3339"),
            "updated": string("RFC 3339"), "dashboard": reference("Dashboard")
        })),
        "DashboardChange": closed(object(&["version", "dashboard"], json!({
            "version": count("The version that was changed"), "dashboard": reference("Dashboard")
        }))),
        "DashboardsAnswer": object(&["dashboards"], json!({ "dashboards": list(object(&["id", "name", "panels", "version", "updated"], json!({
            "id": string("Its id"), "name": string("Its name"), "description": string("What it is for"),
            "panels": count("How many it has"), "version": count("Its version"), "updated": string("RFC 3339")
        }))) })),
        "SavedSearch": closed(object(&["name"], json!({
            "name": string("What people call it"), "query": string("The query"),
            "from": string("-1h or RFC 3339; empty: no lower end"), "to": string("RFC 3339; empty: now"),
            "columns": list(json!({ "oneOf": [
                string("A field"),
                object(&["name"], json!({ "name": string("A field"), "width_px": count("How wide it is, in pixels") }))
            ] })), "chart": chart
        }))),
        "KeptSearch": object(&["id", "version", "updated", "search"], json!({
            "id": string("Its id"), "version": count("Grows with each change"), "updated": string("RFC 3339"),
            "search": reference("SavedSearch")
        })),
        "SearchChange": closed(object(&["version", "search"], json!({
            "version": count("The version that was changed"), "search": reference("SavedSearch")
        }))),
        "SavedAnswer": object(&["searches"], json!({ "searches": list(reference("KeptSearch")) }))
    })
}
