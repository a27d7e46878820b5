//! What takes the room, over HTTP.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_room_is_told_with_as_many_rows_as_asked_for() {
    let fixture = sample();
    let app = app(&fixture);
    let answer = json_of(send(&app, Request::get("/api/v1/store/room?rows=1"), &Value::Null).await).await;
    assert_eq!((&answer["splits"], &answer["total"]["records"]), (&json!(1), &json!(2)));
    assert_eq!(answer["patterns"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["streams"][0]["attributes"]["host.name"], "web-1");
    assert_eq!(answer["patterns_others"]["records"], 1);
    assert_eq!(answer["topics"][0]["file_bytes"], answer["total"]["file_bytes"]);
    assert_eq!(answer["merges"], Value::Null);
    let refused = send(&app, Request::get("/api/v1/store/room?rows=many"), &Value::Null).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_search_keeps_widths_and_reads_columns_that_have_none() {
    let fixture = sample();
    let app = app(&fixture);
    let columns = json!(["host", { "name": "took", "width_px": 90 }]);
    let search = json!({ "name": "Wide", "columns": columns });
    let made = json_of(send(&app, Request::post("/api/v1/saved"), &search).await).await;
    assert_eq!(made["search"]["columns"], columns);
    let listed = json_of(send(&app, Request::get("/api/v1/saved"), &Value::Null).await).await;
    assert_eq!(listed["searches"][0]["search"]["columns"], columns);
}
