//! What a role hides stays hidden: a value that nobody else has is looked for by every route and every pipe.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Value, json};
use support::accounts::{Answer, by_cookie, key, up_with_account, with};
use support::{DEADLINE, Program, append, scratch, wait_for};
use timberline_collector::access::{Limits, Need, ROUTES};

const CANARY: &str = "4111Canary7788";

/// Lines that say it in every way that a field is said.
fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    for n in 0..20 {
        lines.push(format!(
            r#"{{"level":"info","n":{n},"card":"{CANARY}","user":{{"mail":"{CANARY}@example.org","id":{n}}},"msg":"paid {n} by {CANARY}"}}"#
        ));
        lines.push(format!(
            "level=warn n={n} card={CANARY} msg=\"refund of {}\"",
            CANARY.to_uppercase()
        ));
        lines.push(format!("payment {n} card: {CANARY}, accepted"));
        lines.push(format!("nothing of interest {n}"));
    }
    lines
}

fn says(text: &str) -> bool {
    text.to_lowercase().contains(&CANARY.to_lowercase())
}

fn ask(program: &Program, key: &str, query: &str) -> Answer {
    with(program, key, "POST", "/api/v1/query", Some(&json!({ "query": query })))
}

/// The answer's frames, one JSON each.
fn frames(answer: &Answer) -> Vec<Value> {
    match &answer.body {
        Value::String(text) => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        one => vec![one.clone()],
    }
}

fn records(answer: &Answer) -> Vec<Value> {
    let frames = frames(answer);
    let records = frames.iter().filter_map(|frame| frame["records"].as_array());
    records.flatten().cloned().collect()
}

fn rows(answer: &Answer) -> Vec<Value> {
    let frames = frames(answer);
    let rows = frames.iter().filter_map(|frame| frame["rows"].as_array());
    rows.flatten().cloned().collect()
}

/// Searches that would show the value, or tell by their number that it is there.
fn queries() -> Vec<String> {
    let mut queries: Vec<String> = [
        "*",
        "",
        "paid",
        "card:*",
        "user.mail:*",
        "level:info",
        "NOT nothing",
        "refund OR accepted",
        "explain paid",
        "explain analyze paid | stats count() by card",
    ]
    .map(str::to_owned)
    .into();
    for pipe in [
        "where card:*",
        "stats count() by card",
        "stats count(card), dc(card), min(card), max(card), first(card), last(card), first(body), approx_distinct(card)",
        "stats min(body), max(fields), first(fields)",
        "timechart count() by card",
        "timechart span=1h limit=3 count() by user.mail",
        "top 5 card",
        "top 5 msg",
        "rare card, user.mail",
        "sort card",
        "sort -user.mail | fields card, user.mail, body, fields, msg",
        "head 5",
        "tail 5",
        "dedup card",
        "dedup 2 keep=first msg",
        "fields card",
        "fields - body",
        "rename card as harmless",
        "rename fields as f | fields f",
        "extend x = card, y = upper(body), z = concat(card, \"-\")",
        "extend j = fields | json card from j",
        "json card, user.mail as m from body",
        "json from body",
        "parse /card[=: ]+(?<c>\\S+)/",
        "parse /by (?<c>\\S+)\"/",
        "parse body grok \"card: %{NOTSPACE:c},\"",
        "parse msg /(?<c>4111\\w*)/",
        "patterns",
        "patterns 50 merge=off points=5",
        "stats count() as n by template | sort -n",
        "stats count() by msg | where msg:*",
    ] {
        queries.push(format!("* | {pipe}"));
    }
    for sql in [
        "SELECT * FROM logs",
        "SELECT card, \"user.mail\", body, fields, msg FROM logs ORDER BY card",
        "SELECT card, count(*) FROM logs GROUP BY card",
        "SELECT a.body, b.card FROM logs a JOIN logs b ON a.n = b.n",
        "SELECT upper(body) FROM logs WHERE body LIKE '%canary%'",
        "SELECT body FROM logs WHERE body MATCHES 'paid'",
        "SELECT max(card), string_agg(body, ',') FROM logs",
        "SELECT * FROM fields",
        "WITH x AS (SELECT * FROM logs) SELECT x.fields FROM x",
        "EXPLAIN SELECT card FROM logs WHERE card = '1'",
        "SHOW TABLES",
    ] {
        queries.push(sql.to_owned());
    }
    queries
}

/// Searches for the value: each finds what the same search for a value finds that nobody has.
fn searches(value: &str) -> Vec<String> {
    let part: String = value.chars().take(7).collect();
    let rest: String = value.chars().skip(4).collect();
    [
        value.to_owned(),
        value.to_lowercase(),
        format!("\"{value}\""),
        format!("NOT {value}"),
        format!("{part}*"),
        format!("*{rest}"),
        format!("*{}*", &rest[..5]),
        format!("/{part}/"),
        format!("card:{value}"),
        format!("card:={value}"),
        format!("card:{part}*"),
        format!("NOT card:{value}"),
        format!("card:>{}", &value[..3]),
        format!("user.mail:{value}*"),
        format!("body:*{rest}*"),
        format!("msg:*{part}*"),
        format!("* | where card:=\"{value}\""),
        format!("* | stats count() by msg | where msg:*{part}*"),
        format!("SELECT body FROM logs WHERE card = '{value}'"),
        format!("SELECT body FROM logs WHERE body LIKE '%{value}%'"),
        format!("SELECT body FROM logs WHERE fields LIKE '%{part}%' ORDER BY card"),
        format!("SELECT body FROM logs WHERE body MATCHES '{value}'"),
    ]
    .into()
}

/// `flush`: after how long live rows become splits.
fn started(dir: &Path, flush: &str) -> (Program, String) {
    let (program, cookie) = up_with_account(dir, "");
    // The configuration that was written is that of every later start.
    drop(program);
    let config = support::up_config(dir, &["shop.log", "other.log"])
        .replace("flush_interval = \"1s\"", &format!("flush_interval = {flush:?}"));
    let program = Program::start(dir, "up", &config);
    append(&dir.join("shop.log"), format!("{}\n", lines().join("\n")));
    append(&dir.join("other.log"), "of another file 1\nof another file 2\n");
    let total = lines().len() as u64 + 2;
    wait_for("all lines", || {
        let counted = by_cookie(
            &program,
            &cookie,
            "POST",
            "/api/v1/query",
            Some(&json!({ "query": "* | stats count()" })),
        );
        (rows(&counted).first()?[0].as_u64()? == total).then_some(())
    });
    (program, cookie)
}

fn role(program: &Program, cookie: &str, name: &str, role: &Value) -> String {
    let path = format!("/api/v1/roles/{name}");
    let made = by_cookie(program, cookie, "PUT", &path, Some(role));
    assert_eq!(made.status, 200, "{made:?}");
    key(program, cookie, &json!({ "name": name, "roles": [name] })).0
}

fn permissions() -> Value {
    json!([
        "logs.search",
        "logs.export",
        "logs.ingest",
        "queue.read",
        "status.read",
        "store.manage",
        "fleet.manage",
        "documents.write",
        "alerts.read",
        "alerts.write",
        "audit.read",
        "access.manage"
    ])
}

#[test]
fn a_hidden_value_comes_out_by_no_route_and_no_pipe_live_or_stored() {
    for flush in ["10m", "100ms"] {
        let dir = scratch();
        let (program, cookie) = started(dir.path(), flush);
        if flush == "100ms" {
            wait_for("a split", || {
                let splits = by_cookie(&program, &cookie, "GET", "/api/v1/splits", None);
                (!splits.body["splits"].as_array()?.is_empty()).then_some(())
            });
        }
        let all = role(&program, &cookie, "all", &json!({ "permissions": permissions() }));
        let limits = json!({ "permissions": permissions(), "hidden_fields": ["card", "user.mail"] });
        let hidden = role(&program, &cookie, "hidden", &limits);

        let (mut would, mut wrong) = (0, Vec::new());
        for query in queries() {
            let (whole, seen) = (ask(&program, &all, &query), ask(&program, &hidden, &query));
            if whole.status != 200 {
                wrong.push((query, whole));
                continue;
            }
            assert_eq!(seen.status, 200, "{query}: {seen:?}");
            would += usize::from(says(&whole.body.to_string()));
            assert!(!says(&seen.body.to_string()), "{flush}, {query}: {}", seen.body);
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(would > 30, "only {would} of these would show it");
        for (real, other) in searches(CANARY).iter().zip(searches("9222Absent3344")) {
            let count = |query: &str| {
                let seen = ask(&program, &hidden, query);
                assert_eq!(seen.status, 200, "{query}: {seen:?}");
                records(&seen).len() + rows(&seen).len()
            };
            assert_eq!(count(real), count(&other), "{flush}, {real}");
        }
        other_routes(&program, &all, &hidden);
        tail(&program, dir.path(), &hidden);
    }
}

fn other_routes(program: &Program, all: &str, hidden: &str) {
    let first = records(&ask(program, all, "paid 7"));
    let id = first[0]["id"].as_str().unwrap().replace('/', "%2F");
    let get = |path: &str| with(program, hidden, "GET", path, None);
    let post = |path: &str, body: Value| with(program, hidden, "POST", path, Some(&body));
    let wide = json!({ "query": "*" });
    let mut answers = vec![
        get(&format!("/api/v1/record/{id}")),
        get(&format!("/api/v1/context?id={id}&before=50&after=50")),
        get(&format!("/api/v1/context?id={id}&edge=first&after=50")),
        get(&format!("/api/v1/context?id={id}&edge=last&before=50")),
        get(&format!("/api/v1/context/find?id={id}&text=paid&direction=after")),
        post("/api/v1/histogram", wide.clone()),
        post("/api/v1/fields", wide),
        post("/api/v1/fields", json!({ "query": "*", "field": "card" })),
        post("/api/v1/fields", json!({ "query": "*", "field": "msg", "values": 100 })),
        post("/api/v1/fields", json!({ "query": "*", "field": "user.mail" })),
    ];
    for format in ["csv", "ndjson", "raw"] {
        for query in ["*", "*%20%7C%20fields%20card,body,fields", "SELECT%20*%20FROM%20logs"] {
            answers.push(get(&format!("/api/v1/export?format={format}&query={query}")));
        }
    }
    for answer in &answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!says(&answer.body.to_string()), "{answer:?}");
        assert!(!answer.body.to_string().is_empty());
    }
    let names: Vec<&str> = answers[6].body["fields"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|field| field["name"].as_str())
        .collect();
    assert!(
        names.contains(&"msg") && !names.contains(&"card") && !names.contains(&"user.mail"),
        "{names:?}"
    );
    // A look through the file is a search, too.
    let find = |text: &str| get(&format!("/api/v1/context/find?id={id}&text={text}&direction=before"));
    assert_eq!(find(CANARY).body["record"], Value::Null);
    assert_eq!(find("%2F4111%2F").body["record"], Value::Null);
    assert_ne!(find("interest").body["record"], Value::Null);
    // Why a search found nothing is told of what is seen: neither a value nor a name of what is hidden.
    for query in [
        format!("card:{CANARY}"),
        format!("paid {CANARY}"),
        "carx:1 paid".to_owned(),
    ] {
        let why = post("/api/v1/explain", json!({ "query": query }));
        assert_eq!(why.status, 200, "{why:?}");
        let why = why.body.to_string().replace(&query, "").replace(CANARY, "");
        assert!(!says(&why) && !why.contains("did you mean `card`"), "{query}: {why}");
    }
    // Whatever else there is refuses, or says nothing of records.
    for route in ROUTES
        .iter()
        .filter(|route| route.need != Need::Open && route.method == "GET")
    {
        if route.path.ends_with("/tail") {
            continue;
        }
        let answer = get(&route
            .path
            .replace("{id}", "none")
            .replace("{topic}/{partition}", "logs/0"));
        assert!(!says(&answer.body.to_string()), "{}: {answer:?}", route.path);
        assert!(
            route.limits != Limits::Refused || answer.status == 403,
            "{}: {answer:?}",
            route.path
        );
    }
}

/// What arrives is masked before anybody listens to it.
fn tail(program: &Program, dir: &Path, hidden: &str) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(DEADLINE))
        .build()
        .into();
    let response = agent
        .get(format!("{}/api/v1/tail?query=card%20OR%20tailed", program.page()))
        .header("authorization", format!("Bearer {hidden}"))
        .call()
        .unwrap();
    append(
        &dir.join("shop.log"),
        format!("{{\"card\":\"{CANARY}\",\"msg\":\"tailed {CANARY}\"}}\n"),
    );
    let mut lines = BufReader::new(response.into_body().into_reader()).lines();
    let event = lines
        .find_map(|line| line.unwrap().strip_prefix("data:").map(str::to_owned))
        .unwrap();
    assert!(event.contains("tailed ***") && !says(&event), "{event}");
}

#[test]
fn who_sees_some_streams_alone_sees_them_by_every_way_and_no_other() {
    let dir = scratch();
    let (program, cookie) = started(dir.path(), "100ms");
    let limits = json!({ "permissions": ["logs.search", "logs.export"], "streams": "file:*other.log" });
    let other = role(&program, &cookie, "other", &limits);
    for (query, found) in [
        ("*", 2),
        ("NOT nothing", 2),
        ("paid", 0),
        ("file:*shop.log", 0),
        ("another", 2),
    ] {
        let seen = ask(&program, &other, query);
        assert_eq!(records(&seen).len(), found, "{query}: {seen:?}");
        let counted = ask(&program, &other, &format!("{query} | stats count()"));
        assert_eq!(rows(&counted)[0][0], json!(found), "{query}: {counted:?}");
    }
    for query in [
        "SELECT count(*) FROM logs",
        "SELECT count(body) FROM logs WHERE 1 = 1 OR body MATCHES 'paid'",
    ] {
        assert_eq!(rows(&ask(&program, &other, query))[0][0], json!(2), "{query}");
    }
    for table in ["splits", "streams", "agents", "audit"] {
        let refused = ask(&program, &other, &format!("SELECT * FROM {table}"));
        assert_eq!(refused.status, 403, "{table}: {refused:?}");
    }
    let all = by_cookie(
        &program,
        &cookie,
        "POST",
        "/api/v1/query",
        Some(&json!({ "query": "paid" })),
    );
    let id = records(&all)[0]["id"].as_str().unwrap().replace('/', "%2F");
    for path in [
        format!("/api/v1/record/{id}"),
        format!("/api/v1/context?id={id}"),
        format!("/api/v1/context/find?id={id}&text=paid"),
    ] {
        let answer = with(&program, &other, "GET", &path, None);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    let exported = with(&program, &other, "GET", "/api/v1/export?format=raw&query=*", None);
    assert_eq!(exported.body, json!("of another file 1\nof another file 2\n"));
}

#[test]
fn an_auditor_reads_the_record_of_acts_and_no_line_and_a_viewer_the_reverse() {
    let dir = scratch();
    let (program, cookie) = started(dir.path(), "100ms");
    let (auditor, _) = key(&program, &cookie, &json!({ "name": "a", "roles": ["auditor"] }));
    let (viewer, _) = key(&program, &cookie, &json!({ "name": "v", "roles": ["viewer"] }));
    let acts = wait_for("an act on record", || {
        let acts = records(&ask(&program, &auditor, "*"));
        (!acts.is_empty()).then_some(acts)
    });
    assert!(
        acts.iter()
            .all(|act| act["id"].as_str().unwrap().starts_with("timberline.audit")),
        "{acts:?}"
    );
    assert!(records(&ask(&program, &auditor, "paid")).is_empty());
    for query in ["topic:timberline.audit", "SELECT * FROM audit"] {
        let refused = ask(&program, &viewer, query);
        assert_eq!(refused.status, 403, "{query}: {refused:?}");
        assert!(refused.body.to_string().contains("audit.read"), "{refused:?}");
    }
    assert!(!records(&ask(&program, &viewer, "paid")).is_empty());
}

#[test]
fn a_search_is_on_record_before_it_is_answered_and_once_where_a_page_asks_again() {
    let dir = scratch();
    let (program, cookie) = started(dir.path(), "100ms");
    let (key, id) = key(&program, &cookie, &json!({ "name": "reader", "roles": ["viewer"] }));
    let query = json!({ "query": "paid 7", "from": "2020-01-01T00:00:00Z" });
    for _ in 0..3 {
        for route in ["query", "histogram", "fields", "explain"] {
            let answer = with(&program, &key, "POST", &format!("/api/v1/{route}"), Some(&query));
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
    let first = records(&ask(&program, &key, "paid 8"));
    let record = first[0]["id"].as_str().unwrap();
    let path = format!("/api/v1/record/{}", record.replace('/', "%2F"));
    assert_eq!(with(&program, &key, "GET", &path, None).status, 200);
    // Killed at once: what was answered is on record.
    program.kill();
    let program = Program::start(dir.path(), "up", &support::up_config(dir.path(), &["none.log"]));
    let searches = || {
        let asked = json!({ "query": format!("topic:timberline.audit action:search actor:\"key:{id}\"") });
        records(&by_cookie(&program, &cookie, "POST", "/api/v1/query", Some(&asked)))
    };
    let found = wait_for("three searches on record", || {
        let found = searches();
        (found.len() >= 3).then_some(found)
    });
    let said: Vec<String> = found.iter().map(|act| act["fields"].to_string()).collect();
    assert_eq!(found.len(), 3, "{said:#?}");
    for (object, text) in [("query", "paid 7"), ("query", "paid 8"), ("record", record)] {
        let is_it = |act: &&String| act.contains(text) && act.contains(&format!("\"object\":\"{object}\""));
        assert_eq!(said.iter().filter(is_it).count(), 1, "{object} {text}: {said:#?}");
    }
    assert!(said.iter().all(|act| act.contains("127.0.0.1")), "{said:#?}");
}
