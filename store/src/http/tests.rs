//! The router as clients see it, without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use serde_json::{Value, json};
use timberline_proto::api::Frame;
use tower::ServiceExt;

use super::routes::PATHS;
use super::{Asset, HttpState, KeptLimits, NoMetrics, document, router};

mod documents;
mod room;
use crate::read::fixture::{Fixture, TestRow};

static ASSETS: [Asset; 2] = [
    Asset {
        name: "index.html",
        etag: "\"i1\"",
        raw: b"<!doctype html>",
        br: None,
        gz: None,
    },
    Asset {
        name: "ui-0123.js",
        etag: "\"j1\"",
        raw: b"let raw",
        br: Some(b"brotli"),
        gz: Some(b"gzip"),
    },
];

fn app(fixture: &Fixture) -> Router {
    let state = HttpState {
        backups: None,
        erasures: None,
        reader: fixture.reader.clone(),
        catalog: fixture.catalog.clone(),
        data_dir: "/data".into(),
        assets: &ASSETS,
        host_guard: timberline_collector::http::HostGuard::new(&["logs.example".to_owned()]),
        file_policies: Arc::default(),
        access: timberline_collector::Access::anyone(),
        notifier: None,
        searches: Default::default(),
        kept: KeptLimits {
            dashboards_max: 2,
            ..KeptLimits::default()
        },
        alerts: None,
        collector: None,
        metrics: Arc::new(NoMetrics),
    };
    router(
        state,
        Router::new().route("/api/v1/ingest", axum::routing::post(async || "taken")),
    )
}

fn sample() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.append(&[TestRow::new(1, "first error, \"quoted\""), TestRow::new(2, "second")]);
    fixture.flush(false);
    fixture.append(&[TestRow::new(3, "third error")]);
    fixture
}

async fn send(app: &Router, request: axum::http::request::Builder, body: &Value) -> Response<Body> {
    let body = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    let request = request
        .header(header::HOST, "127.0.0.1:7700")
        .header(header::CONTENT_TYPE, "application/json");
    app.clone().oneshot(request.body(body).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

fn query(accept: &str) -> axum::http::request::Builder {
    Request::post("/api/v1/query").header(header::ACCEPT, accept)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_answers_in_the_form_that_is_accepted() {
    let fixture = sample();
    let app = app(&fixture);
    let answer = json_of(send(&app, query("application/json"), &json!({ "query": "error" })).await).await;
    assert_eq!(answer["records"][0]["body"], "third error");
    assert_eq!(answer["end"]["rows"], 2);
    assert_eq!(answer["completeness"]["queued_records"], 7);

    let lines = text(send(&app, query("application/x-ndjson"), &json!({ "query": "error" })).await).await;
    let frames: Vec<Frame> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(matches!(frames.first(), Some(Frame::Records { .. })), "{frames:?}");
    assert!(
        matches!(frames.last(), Some(Frame::End(end)) if end.rows == 2),
        "{frames:?}"
    );

    let body = json!({ "query": "error | sort timestamp | fields body, id" });
    let csv = text(send(&app, query("text/csv"), &body).await).await;
    assert_eq!(
        csv,
        "body,id\r\n\"first error, \"\"quoted\"\"\",logs-0-0\r\nthird error,logs-0-2\r\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_query_is_answered_with_its_place() {
    let fixture = sample();
    let app = app(&fixture);
    let response = send(
        &app,
        query("application/x-ndjson"),
        &json!({ "query": "x | stat count()" }),
    )
    .await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let error = json_of(response).await;
    assert_eq!(
        (error["code"].as_str(), error["suggestion"].as_str()),
        (Some("bad_query"), Some("stats"))
    );
    assert!(error["span"]["start"].is_u64());
    let response = send(&app, query("*/*"), &json!({ "quarry": "x" })).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(json_of(response).await["code"], "bad_request");
    let response = send(&app, Request::delete("/api/v1/query/none"), &Value::Null).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_hosts_and_pages_are_refused() {
    let fixture = sample();
    let app = app(&fixture);
    let foreign = Request::get("/api/v1/status")
        .header(header::HOST, "evil.example")
        .body(Body::empty())
        .unwrap();
    assert_eq!(
        app.clone().oneshot(foreign).await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    let response = send(
        &app,
        query("*/*").header(header::ORIGIN, "http://evil.example"),
        &json!({}),
    )
    .await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let merged = Request::post("/api/v1/ingest").header(header::ORIGIN, "http://evil.example");
    assert_eq!(send(&app, merged, &Value::Null).await.status(), StatusCode::FORBIDDEN);
    let response = send(
        &app,
        query("*/*").header(header::ORIGIN, "http://127.0.0.1:7700"),
        &json!({}),
    )
    .await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described_and_answers() {
    let fixture = sample();
    let app = app(&fixture);
    let document = document();
    let receivers = timberline_collector::http::PATHS;
    let accounts = timberline_collector::http::ACCESS_PATHS;
    for (path, method) in PATHS.iter().chain(receivers).chain(accounts) {
        assert!(
            document["paths"][path][method].is_object(),
            "{method} {path} is not described"
        );
    }
    let described = document["paths"].as_object().unwrap().len();
    assert_eq!(
        described,
        PATHS.len() + receivers.len() + accounts.len(),
        "a path is described that no route serves"
    );
    check_references(&document, &document);
    for path in [
        "/api/v1/status",
        "/api/v1/openapi.json",
        "/livez",
        "/readyz",
        "/metrics",
        "/api/v1/record/logs-0-1",
        "/api/v1/context?id=logs-0-1&before=1&after=1",
        "/api/v1/tail?query=error",
        "/api/v1/agents",
        "/api/v1/ledger",
        "/api/v1/dashboards",
        "/api/v1/saved",
    ] {
        assert_eq!(
            send(&app, Request::get(path), &Value::Null).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    let status = json_of(send(&app, Request::get("/api/v1/status"), &Value::Null).await).await;
    assert_eq!(
        (status["records"].as_u64(), status["splits"].as_u64()),
        (Some(3), Some(1))
    );
    let histogram = json_of(send(&app, Request::post("/api/v1/histogram"), &json!({ "query": "error" })).await).await;
    assert_eq!(histogram["total"], 2);
    let fields = json_of(send(&app, Request::post("/api/v1/fields"), &json!({})).await).await;
    assert_eq!(fields["rows"], 3);
}

fn check_references(value: &Value, document: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                let pointer = target.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{target} is not there");
            }
            members.values().for_each(|member| check_references(member, document));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(item, document)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_compressed_cached_and_at_its_own_addresses() {
    let fixture = sample();
    let app = app(&fixture);
    for path in ["/", "/search", "/live/errors"] {
        let response = send(&app, Request::get(path), &Value::Null).await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache", "{path}");
        assert_eq!(text(response).await, "<!doctype html>");
    }
    for path in ["/missing.js", "/api/v1/nothing", "/api"] {
        assert_eq!(
            send(&app, Request::get(path), &Value::Null).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let script = || Request::get("/ui-0123.js");
    let response = send(&app, script().header(header::ACCEPT_ENCODING, "gzip, br"), &Value::Null).await;
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "br");
    assert!(
        response.headers()[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    let etag = response.headers()[header::ETAG].clone();
    assert_eq!(text(response).await, "brotli");
    let response = send(
        &app,
        script().header(header::ACCEPT_ENCODING, "gzip, br;q=0"),
        &Value::Null,
    )
    .await;
    assert_eq!(text(response).await, "gzip");
    let again = script()
        .header(header::ACCEPT_ENCODING, "br")
        .header(header::IF_NONE_MATCH, etag);
    assert_eq!(send(&app, again, &Value::Null).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(text(send(&app, script(), &Value::Null).await).await, "let raw");
}

#[tokio::test]
async fn a_catalog_that_is_busy_holds_up_the_status_and_nothing_else() {
    let fixture = sample();
    let app = app(&fixture);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (held, is_held) = tokio::sync::oneshot::channel();
    let catalog = fixture.catalog.clone();
    let holding = std::thread::spawn(move || {
        let _held = catalog.hold();
        held.send(()).unwrap();
        // If the one async thread waits for the catalog, nobody will say so.
        released.recv_timeout(std::time::Duration::from_secs(10)).is_ok()
    });
    is_held.await.unwrap();
    let ask = |path: &'static str| {
        let app = app.clone();
        async move { send(&app, Request::get(path), &Value::Null).await.status() }
    };
    let waiting = [tokio::spawn(ask("/api/v1/status")), tokio::spawn(ask("/metrics"))];
    tokio::task::yield_now().await;
    assert_eq!(ask("/livez").await, StatusCode::OK);
    _ = release.send(());
    assert!(holding.join().unwrap(), "the status held up everything");
    for one in waiting {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }
}
