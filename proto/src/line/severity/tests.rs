//! Which severity lines name.

use super::Severity::*;
use super::*;

#[track_caller]
fn check(cases: &[(&str, Severity)]) {
    for (line, expected) in cases {
        assert_eq!(severity(line.as_bytes()), *expected, "{line}");
    }
}

#[test]
fn json_names_it_in_a_level_member() {
    check(&[
        (r#"{"level":"warn","msg":"ERROR in text"}"#, Warn),
        (r#"{"msg":"x","severity":"CRITICAL"}"#, Fatal),
        (r#"{"level":30,"msg":"pino"}"#, Info),
        (r#"{"severity":3}"#, Error),
        (r#"{"PRIORITY":"4"}"#, Warn),
        (r#"{"log":{"level":"debug"}}"#, Debug),
        (r#"{"log.level":"error"}"#, Error),
        (r#"{"severity_number":17}"#, Error),
        (r#"{"t":{"$date":"2026-11-01T10:00:00Z"},"s":"W","c":"NET"}"#, Warn),
        (r#"{"level":null,"lvl":"e"}"#, Error),
        (r#"{"msg":"ERROR"}"#, None),
        (r#"web | ERROR {"msg":"x"}"#, Error),
        (r#"{"level":"info","cut"#, Info),
    ]);
}

#[test]
fn logfmt_names_it_under_a_level_key() {
    check(&[
        ("ts=1 level=error msg=x", Error),
        (r#"time="2026-11-01" lvl="warning" msg="INFO""#, Warn),
        ("a=1 severity=6", Info),
        ("sublevel=error b=2", None),
        ("level=high b=2", None),
        ("[lvl=2] x", None),
        ("lvl=50 b=2", Error),
    ]);
}

#[test]
fn letters_count_at_their_place() {
    check(&[
        ("I1101 10:00:00.123456   1 main.go:7] x", Info),
        ("E1101 10:00:00.123456   1 main.go:7] x", Error),
        ("11-01 10:00:00.123  1702  2395 D Tag: ERROR", Debug),
        ("11-01 10:00:00.123  1702  2395 V Tag: x", Trace),
        ("W/Tag(  123): x", Warn),
        ("11-01 10:00:00.123 E/Tag(  123): x", None),
        ("E1101 is a road", None),
    ]);
}

#[test]
fn words_count_when_they_stand_free() {
    check(&[
        ("2026-11-01 10:00:00,123 - INFO  [main] x", Info),
        ("26/11/01 10:00:00 WARN a.B: x", Warn),
        ("ERROR: relation does not exist", Error),
        ("ERROR", Error),
        ("[2026-11-01T10:00:00Z DEBUG my_crate] x", Debug),
        ("2026-11-01 10:00:00 [ERR] x", Error),
        ("10:00AM WRN x", Warn),
        ("Error connecting to host", Error),
        ("Critical mass", None),
        ("Warning: x", Warn),
        ("FATAL:  password authentication failed", Fatal),
        ("LOG:  checkpoint", Info),
        ("LOG of things", None),
        ("see ERROR_CODE and /var/ERROR and x.ERROR", None),
        ("state=ERROR", None),
        ("Überwarn INFO", Info),
        ("the SEVERE INFO order", Error),
    ]);
}

#[test]
fn lower_case_words_need_brackets_or_a_colon() {
    check(&[
        ("[Sun Nov 01 10:00:00 2026] [error] x", Error),
        ("[Sun Nov 01 10:00:00 2026] [ssl:warn] [pid 1] x", Warn),
        ("Nov  1 10:00:00 h sshd[1]: error: PAM: x", Error),
        ("Nov  1 10:00:00 h sshd[1]: fatal: x", Fatal),
        ("Nov  1 10:00:00 h sshd[1]: Failed password for root", None),
        ("Nov  1 10:00:00 h sshd[1]: x [preauth]", None),
        ("an error occurred", None),
        ("std::error::Error", None),
        ("2026-11-01T10:00:00.000Z\tinfo\tmain.go:1\tx", Info),
        ("info: Microsoft.Hosting[0]", Info),
    ]);
}

#[test]
fn access_logs_are_judged_by_their_status() {
    let line = |status: &str| {
        format!(r#"192.0.2.1 - - [01/Nov/2026:10:00:00 +0000] "GET /ERROR?q=\"a HTTP/1.1" {status} 5 "-""#)
    };
    for (status, expected) in [("200", Info), ("301", Info), ("404", Warn), ("502", Error)] {
        assert_eq!(severity(line(status).as_bytes()), expected, "{status}");
    }
    check(&[(r#"h - - [01/Nov/2026:10:00:00 +0000] "-" 408 -"#, Warn)]);
}

#[test]
fn a_syslog_priority_counts_where_nothing_else_does() {
    check(&[
        ("<11>Nov  1 10:00:00 h app: x", Error),
        ("<14>Nov  1 10:00:00 h app: WARN x", Warn),
        ("<165>1 2026-11-01T10:00:00Z h app - - - x", Info),
        ("<999>x", None),
        ("<>x", None),
        ("", None),
    ]);
}

#[test]
fn ranks_and_words_agree_with_names() {
    for rank in 1..=6 {
        let severity = Severity::from_rank(rank).expect("a rank");
        assert_eq!(Severity::from_word(severity.name()), Some(severity));
    }
    assert_eq!(Severity::from_rank(7), Option::None);
    assert_eq!(Severity::from_word(" Err "), Some(Error));
    assert_eq!(Severity::from_word("informationally"), Option::None);
    assert_eq!(Severity::from_word(""), Option::None);
}
