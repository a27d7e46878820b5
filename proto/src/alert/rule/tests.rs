use super::*;

fn rule(condition: &str) -> Result<Rule, String> {
    let text = format!("{{\"name\": \"a\", \"condition\": {condition}}}");
    let rule: Rule = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    rule.check().map(|()| rule).map_err(|fault| fault.to_string())
}

#[track_caller]
fn refused(condition: &str, words: &str) {
    let error = rule(condition).unwrap_err();
    assert!(error.contains(words), "{error}");
}

#[test]
fn every_kind_is_read_written_and_read_back() {
    for condition in [
        r#"{"kind": "threshold", "query": "error", "when": "> 100"}"#,
        r#"{"kind": "threshold", "query": "error | where a:1 | stats avg(ms) as m, count() by host", "value": "m", "when": ">= 1.5"}"#,
        r#"{"kind": "match", "query": "panic", "by": ["host"]}"#,
        r#"{"kind": "absence", "query": "heartbeat", "by": ["host"], "remember": "2d"}"#,
        r#"{"kind": "change", "query": "error", "when": "> 50", "against": "1h", "measure": "ratio"}"#,
        r#"{"kind": "silence", "of": "host", "hosts": ["web-*"], "expect": ["db-1"], "causes": ["agent_down"]}"#,
        r#"{"kind": "pattern", "query": "*", "change": "new"}"#,
        r#"{"kind": "deviation", "query": "service:checkout | stats count() by host", "weeks": 5}"#,
        r#"{"kind": "sequence", "first": "order placed", "then": "order paid", "within": "10m", "by": ["order"]}"#,
    ] {
        let read = rule(condition).unwrap();
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Rule>(&written).unwrap(), read, "{written}");
        assert!(condition.contains(&format!("\"{}\"", read.condition.kind())));
    }
}

#[test]
fn a_fault_names_its_key_and_the_way_out() {
    refused(r#"{"kind": "threshold", "query": "error", "when": "100"}"#, "write >");
    refused(
        r#"{"kind": "threshold", "query": "a | head 5", "when": "> 1"}"#,
        "condition.query: its last pipe",
    );
    refused(
        r#"{"kind": "threshold", "query": "a | stats count(), sum(b)", "when": "> 1"}"#,
        r#"condition.value: the query computes several columns: name the one that is compared ("count()", "sum(b)")"#,
    );
    refused(
        r#"{"kind": "threshold", "query": "SELECT 1", "when": "> 1"}"#,
        "not SQL",
    );
    refused(
        r#"{"kind": "threshold", "query": "a", "when": "> 1", "whne": 1}"#,
        "whne",
    );
    refused(
        r#"{"kind": "threshold", "query": "a | stats count() by bin(5m)", "when": "> 1"}"#,
        "leave `bin` out",
    );
    refused(r#"{"kind": "match", "query": "a | stats count()"}"#, "without pipes");
    refused(r#"{"kind": "deviation", "query": "a | stats avg(b)"}"#, "add up");
    refused(r#"{"kind": "nothing"}"#, "unknown variant `nothing`");
    refused(r#"{"kind": "absence", "query": "(a", "by": []}"#, "condition.query");
    let bad = |key: &str, value: &str| {
        let text = format!(r#"{{"name": "a", "{key}": {value}, "condition": {{"kind": "match", "query": "a"}}}}"#);
        let rule: Result<Rule, _> = serde_json::from_str(&text);
        match rule {
            Err(error) => error.to_string(),
            Ok(rule) => rule.check().unwrap_err().to_string(),
        }
    };
    assert!(bad("every", "\"7s\"").starts_with("every: the window (5m) is no multiple of 7s"));
    assert!(bad("every", "\"10m\"").starts_with("every: 10m is not from 1s to the window (5m)"));
    assert!(
        bad("window", "\"2d\"").contains("make `every` longer"),
        "{}",
        bad("window", "\"2d\"")
    );
    assert!(bad("window", "\"5 minutes\"").contains("write a number with a unit"));
    assert!(bad("labels", r#"{"severity": "x"}"#).contains("given by the rule itself"));
    assert!(bad("unknown", "1").contains("unknown field `unknown`"));
}

#[test]
fn what_is_kept_up_row_by_row_is_told_from_what_must_be_asked() {
    let kept = |query: &str| Measured::of("q", query, None).unwrap().rows.is_some();
    assert!(kept("error"));
    assert!(kept("error | where a:1 | stats avg(ms) by host, path"));
    assert!(!kept("error | stats p99(ms) by host"));
    assert!(!kept("error | extend b = a * 2 | stats sum(b)"));
    assert!(!kept("error | stats count(if status >= 500)"));
}

#[test]
fn a_change_from_nothing_is_without_measure() {
    assert_eq!(ChangeMeasure::Percent.of(3.0, 2.0), Some(50.0));
    assert_eq!(ChangeMeasure::Percent.of(0.0, 2.0), Some(-100.0));
    assert_eq!(ChangeMeasure::Ratio.of(0.0, 0.0), None);
    assert_eq!(ChangeMeasure::Ratio.of(1.0, 0.0), Some(f64::INFINITY));
}

#[test]
fn comparisons_are_written_as_they_are_read() {
    for text in ["> 100", ">= 1.5", "< 0", "<= -3", "= 2", "!= 7"] {
        assert_eq!(text.parse::<Comparison>().unwrap().to_string(), text);
    }
    assert_eq!(">1_000".parse::<Comparison>().unwrap().number, 1000.0);
    for text in ["", "100", "> x", "=> 1", "> inf", "> NaN"] {
        assert!(text.parse::<Comparison>().is_err(), "{text}");
    }
}
