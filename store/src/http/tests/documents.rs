//! Dashboards and saved searches over HTTP.

use super::*;

fn board(name: &str) -> Value {
    json!({ "timberline_dashboard": 1, "name": name, "panels": [
        { "id": 1, "query": "| stats count()", "chart": "stat", "x": 0, "y": 0, "w": 3, "h": 2 }
    ] })
}

async fn ask(app: &Router, request: axum::http::request::Builder, body: &Value) -> (StatusCode, Value) {
    let response = send(app, request, body).await;
    let status = response.status();
    let text = text(response).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_is_kept_changed_by_version_and_deleted() {
    let fixture = sample();
    let app = app(&fixture);
    let (status, made) = ask(&app, Request::post("/api/v1/dashboards"), &board("Errors")).await;
    assert_eq!((status, &made["version"]), (StatusCode::CREATED, &json!(1)));
    let path = format!("/api/v1/dashboards/{}", made["id"].as_str().unwrap());
    // What was left out is as it is by itself; all else is what was given.
    let (given, kept) = (board("Errors"), &made["dashboard"]);
    for (name, value) in given["panels"][0].as_object().unwrap() {
        assert_eq!(&kept["panels"][0][name], value, "{name}");
    }
    let change = |version: u64, name: &str| json!({ "version": version, "dashboard": board(name) });
    let (status, changed) = ask(&app, Request::put(&path), &change(1, "Mine")).await;
    assert_eq!((status, &changed["version"]), (StatusCode::OK, &json!(2)));
    let (status, refused) = ask(&app, Request::put(&path), &change(1, "Theirs")).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    assert!(refused["message"].as_str().unwrap().contains("\"Mine\""), "{refused}");
    let (_, listed) = ask(&app, Request::get("/api/v1/dashboards"), &Value::Null).await;
    assert_eq!(
        (&listed["dashboards"][0]["name"], &listed["dashboards"][0]["panels"]),
        (&json!("Mine"), &json!(1))
    );
    let (status, _) = ask(&app, Request::delete(format!("{path}?version=1")), &Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, _) = ask(&app, Request::delete(&path), &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = ask(&app, Request::get(&path), &Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_dashboard_is_refused_with_its_place_and_there_are_no_more_than_allowed() {
    let fixture = sample();
    let app = app(&fixture);
    let refused = async |board: Value| {
        let (status, error) = ask(&app, Request::post("/api/v1/dashboards"), &board).await;
        (status, error["message"].as_str().unwrap_or_default().to_owned())
    };
    let mut wide = board("x");
    wide["panels"][0]["w"] = json!(13);
    let (status, message) = refused(wide).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(message.starts_with("panels[0].w:"), "{message}");
    let mut misspelt = board("x");
    misspelt["panels"][0]["quary"] = json!("x");
    let (_, message) = refused(misspelt).await;
    assert!(
        message.contains("panels[0]") && message.contains("quary") && message.contains("line 1"),
        "{message}"
    );
    let mut newer = board("x");
    newer["timberline_dashboard"] = json!(9);
    assert!(refused(newer).await.1.contains("timberline_dashboard"));
    let mut large = board("x");
    large["panels"] = (1..60)
        .map(|id| json!({ "id": id, "query": "x".repeat(8_000), "x": 0, "y": id, "w": 1, "h": 1 }))
        .collect();
    assert_eq!(refused(large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    for name in ["a", "b"] {
        assert_eq!(refused(board(name)).await.0, StatusCode::CREATED);
    }
    let (status, message) = refused(board("c")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(message.contains("store.dashboards_max"), "{message}");
    let foreign = Request::post("/api/v1/dashboards").header(header::ORIGIN, "http://evil.example");
    assert_eq!(send(&app, foreign, &board("d")).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_search_is_kept_whole() {
    let fixture = sample();
    let app = app(&fixture);
    let search =
        json!({ "name": "Slow", "query": "took:>1000", "from": "-6h", "to": "", "columns": ["took"], "chart": "line" });
    let (status, made) = ask(&app, Request::post("/api/v1/saved"), &search).await;
    assert_eq!((status, &made["search"]), (StatusCode::CREATED, &search));
    let path = format!("/api/v1/saved/{}", made["id"].as_str().unwrap());
    let mut renamed = search.clone();
    renamed["name"] = json!("Slower");
    let change = json!({ "version": 1, "search": renamed });
    assert_eq!(ask(&app, Request::put(&path), &change).await.0, StatusCode::OK);
    assert_eq!(ask(&app, Request::put(&path), &change).await.0, StatusCode::CONFLICT);
    let (_, listed) = ask(&app, Request::get("/api/v1/saved"), &Value::Null).await;
    assert_eq!(listed["searches"][0]["search"], renamed);
    assert_eq!(
        ask(&app, Request::delete(&path), &Value::Null).await.0,
        StatusCode::NO_CONTENT
    );
    let nameless = json!({ "name": "", "query": "x" });
    assert_eq!(
        ask(&app, Request::post("/api/v1/saved"), &nameless).await.0,
        StatusCode::BAD_REQUEST
    );
}
