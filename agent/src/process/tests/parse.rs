//! `parse` and `time`.

use super::*;

#[test]
fn parse_regex_and_grok_give_attributes_of_their_types() {
    let line = "took 5 ms for bob";
    let rule = json!([{"parse": {"format": "regex", "pattern": "took (?<ms>\\d+) ms for (?<user>\\w+)"}}]);
    check(rule, line, line, json!({"ms": "5", "user": "bob"}));
    let rule = json!([{"parse": {"format": "grok", "pattern": "took %{INT:ms:int} ms for %{WORD:user}"}}]);
    check(rule, line, line, json!({"ms": 5, "user": "bob"}));
}

#[test]
fn parse_json_and_logfmt_read_what_stands_behind_text_or_in_a_field() {
    let line = r#"got {"a":1,"b":{"c":"x"}} from peer"#;
    check(
        json!([{"parse": {"format": "json"}}]),
        line,
        line,
        json!({"a": 1, "b.c": "x"}),
    );
    let line = "worker: took=1.5 user=bob and slept";
    check(
        json!([{"parse": {"format": "logfmt"}}]),
        line,
        line,
        json!({"took": 1.5, "user": "bob"}),
    );
    let line = r#"{"message":"a=1 b=two"}"#;
    let rule = json!([{"parse": {"format": "logfmt", "from": "message", "into": "m"}}]);
    check(rule, line, line, json!({"m.a": 1, "m.b": "two"}));
    let line = r#"{"a":1}"#;
    check(json!([{"parse": {"format": "json"}}]), line, line, json!({}));
}

#[test]
fn parse_csv_takes_quotes_and_any_delimiter() {
    let rule = json!([{"parse": {"format": "csv", "columns": ["a", "", "c"]}}]);
    check(
        rule.clone(),
        r#"1,x,"y "" z""#,
        r#"1,x,"y "" z""#,
        json!({"a": "1", "c": "y \" z"}),
    );
    check(rule.clone(), "1", "1", json!({"a": "1"}));
    check(rule, "1,2,3,4,5", "1,2,3,4,5", json!({"a": "1", "c": "3"}));
    let rule = json!([{"parse": {"format": "csv", "columns": ["a", "b"], "delimiter": "\t"}}]);
    check(rule, "1\t2", "1\t2", json!({"a": "1", "b": "2"}));
}

#[test]
fn parse_access_reads_common_and_combined_lines_of_nginx_and_apache() {
    let rule = || json!([{"parse": {"format": "access"}}]);
    let line = r#"1.2.3.4 - bob [24/Nov/2026:14:00:00 +0100] "GET /a?b HTTP/1.1" 200 12 "-" "curl/8 \"x\"""#;
    check(
        rule(),
        line,
        line,
        json!({
            "client": "1.2.3.4", "user": "bob", "time": "24/Nov/2026:14:00:00 +0100", "method": "GET",
            "path": "/a?b", "http_version": "1.1", "status": 200, "bytes": 12, "user_agent": "curl/8 \\\"x\\\""
        }),
    );
    let line = r#"::1 - - [24/Nov/2026:14:00:00 +0100] "-" 408 -"#;
    check(
        rule(),
        line,
        line,
        json!({
            "client": "::1", "time": "24/Nov/2026:14:00:00 +0100", "request": "-", "status": 408
        }),
    );
}

#[test]
fn parse_error_logs_of_nginx_and_apache() {
    let line = r#"2026/11/24 14:00:00 [error] 42#7: *3 open() "/x" failed (2: No such file), client: 1.2.3.4, server: a.b, request: "GET /x HTTP/1.1", host: "a.b""#;
    check(
        json!([{"parse": {"format": "nginx_error"}}]),
        line,
        line,
        json!({
            "time": "2026/11/24 14:00:00", "level": "error", "pid": 42, "tid": 7, "connection": 3,
            "message": "open() \"/x\" failed (2: No such file)", "client": "1.2.3.4", "server": "a.b",
            "request": "GET /x HTTP/1.1", "host_header": "a.b"
        }),
    );
    let rule = || json!([{"parse": {"format": "apache_error"}}]);
    let line =
        "[Tue Nov 24 14:00:00.123456 2026] [core:error] [pid 42:tid 7] [client 1.2.3.4:5] AH00037: Symbolic link";
    check(
        rule(),
        line,
        line,
        json!({
            "time": "Tue Nov 24 14:00:00.123456 2026", "module": "core", "level": "error", "pid": 42, "tid": 7,
            "client": "1.2.3.4:5", "code": "AH00037", "message": "Symbolic link"
        }),
    );
    let line = "[Tue Nov 24 14:00:00 2026] [error] [client 1.2.3.4] File does not exist";
    check(
        rule(),
        line,
        line,
        json!({
            "time": "Tue Nov 24 14:00:00 2026", "level": "error", "client": "1.2.3.4", "message": "File does not exist"
        }),
    );
}

#[test]
fn what_cannot_be_parsed_is_kept_and_marked() {
    let rule = json!([{"name": "web", "parse": {"format": "access"}}]);
    check(
        rule,
        "something else",
        "something else",
        json!({"log.parse_error": "web"}),
    );
}

#[test]
fn time_takes_formats_zones_and_epochs() {
    let time = |format: &str, zone: &str, text: &str| {
        let line = json!({"t": text}).to_string();
        let made = made(json!([{"time": {"from": "t", "format": format, "zone": zone}}]), &line);
        made.time.1.then_some(made.time.0 / 1_000_000)
    };
    assert_eq!(
        time("%d.%m.%Y %H:%M:%S", "Europe/Berlin", "24.11.2026 14:00:00"),
        Some(1_795_525_200_000)
    );
    assert_eq!(
        time("%d.%m.%Y %H:%M:%S %z", "Europe/Berlin", "24.11.2026 14:00:00 +0000"),
        Some(1_795_528_800_000)
    );
    assert_eq!(time("%Y%m%d", "", "20261124"), Some(1_795_478_400_000));
    assert_eq!(time("unix", "", "1795525200.25"), Some(1_795_525_200_250));
    assert_eq!(time("unix_ms", "", "1795525200250"), Some(1_795_525_200_250));
    assert_eq!(time("auto", "", "2026-11-24T13:00:00Z"), Some(1_795_525_200_000));
    assert_eq!(time("unix", "", "soon"), None);
    let made = made(json!([{"name": "t", "time": {"from": "nothing"}}]), "x");
    assert_eq!(made.time, (5, false));
    assert_eq!(made.attributes["log.parse_error"], AttributeValue::Text("t".into()));
}
