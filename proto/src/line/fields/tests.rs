//! What fields a line has.

use super::*;

fn all(line: &[u8]) -> Vec<(String, String, char)> {
    let mut found = Vec::new();
    fields(line, &mut |name, value| {
        let kind = match value {
            FieldValue::Text(_) => 't',
            FieldValue::Number(_) => 'n',
            FieldValue::Bool(_) => 'b',
            FieldValue::Null => '0',
        };
        found.push((name.to_owned(), value.as_text().to_owned(), kind));
        true
    });
    found
}

#[track_caller]
fn check(line: &str, expected: &[(&str, &str, char)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(n, v, k)| ((*n).to_owned(), (*v).to_owned(), *k))
        .collect();
    assert_eq!(all(line.as_bytes()), expected, "{line}");
}

#[test]
fn json_members_are_dotted_and_array_elements_share_the_name() {
    check(
        r#"{"a":1,"http":{"status":502,"path":"/x"},"tags":["p","q",{"k":true}],"n":null,"e":{},"l":[]}"#,
        &[
            ("a", "1", 'n'),
            ("http.status", "502", 'n'),
            ("http.path", "/x", 't'),
            ("tags", "p", 't'),
            ("tags", "q", 't'),
            ("tags.k", "true", 'b'),
            ("n", "null", '0'),
        ],
    );
}

#[test]
fn json_text_is_unescaped_only_where_needed_and_pairs_of_surrogates_join() {
    check(
        r#" { "a b" : "x\n\"\u00e9\ud83d\ude00" , "k\u0041":"\ud83d!" } "#,
        &[("a b", "x\n\"é😀", 't'), ("kA", "\u{fffd}!", 't')],
    );
    let line = br#"{"a":"plain"}"#;
    fields(line, &mut |_, value| {
        assert!(matches!(value, FieldValue::Text(Cow::Borrowed("plain"))));
        true
    });
}

#[test]
fn duplicate_keys_are_both_given_and_huge_numbers_keep_their_text() {
    check(
        r#"{"a":1,"a":"x","n":123456789012345678901234567890.5e-3}"#,
        &[
            ("a", "1", 'n'),
            ("a", "x", 't'),
            ("n", "123456789012345678901234567890.5e-3", 'n'),
        ],
    );
    assert_eq!(FieldValue::Number("1e999").as_number(), None);
}

#[test]
fn a_fault_gives_the_fields_before_it() {
    check(r#"{"a":1,"b":tru"#, &[("a", "1", 'n')]);
    check(r#"{"a":1 "b":2}"#, &[("a", "1", 'n')]);
    check(r#"{"a":1,"b":01}"#, &[("a", "1", 'n')]);
    check(r#"{"a":"cut o"#, &[]);
    check(r#"{"a":1,"b":"\x"}"#, &[("a", "1", 'n')]);
    check("{a:1}", &[]);
    check("[1,2]", &[]);
}

#[test]
fn an_object_after_a_prefix_counts_if_it_ends_the_line() {
    let line = br#"2026-11-01 10:00:00 web[1]: {"a":1} "#;
    assert_eq!(structure(line), Structure::Json { start: 28 });
    check(r#"app: {"a":{"b":2}}"#, &[("a.b", "2", 'n')]);
    assert_eq!(structure(br#"app: {"a":1} done"#), Structure::Plain);
    assert_eq!(
        structure(b"token=Token{a64f992 ActivityRecord{de9231d}}"),
        Structure::Plain
    );
}

#[test]
fn invalid_utf8_becomes_the_replacement_character() {
    assert_eq!(
        all(b"{\"a\":\"x\xff\"}"),
        [("a".to_owned(), "x\u{fffd}".to_owned(), 't')]
    );
    assert_eq!(all(b"a=x\xff b=1")[0].1, "x\u{fffd}");
}

#[test]
fn logfmt_pairs_are_read_until_rubbish() {
    check(
        r#"level=info msg="a \"b\"\n" n=1.5 ok=true empty= k.v-w=x/y stop here=1"#,
        &[
            ("level", "info", 't'),
            ("msg", "a \"b\"\n", 't'),
            ("n", "1.5", 'n'),
            ("ok", "true", 'b'),
            ("empty", "", 't'),
            ("k.v-w", "x/y", 't'),
        ],
    );
    check("a=1", &[]);
    check("only a=1", &[]);
    check(r#"a=1 b="2" c="cut"#, &[("a", "1", 'n'), ("b", "2", 't')]);
}

#[test]
fn logfmt_pairs_behind_text_are_read_if_they_go_on_to_the_end() {
    let found = &[("uid", "0", 'n'), ("user", "root", 't')];
    check(
        "Nov 24 10:00:00 web sshd[7]: authentication failure; uid=0 user=root",
        found,
    );
    check("2026-11-24T10:00:00Z\tuid=0 user=root ", found);
    check("x=1 then uid=0 user=root", found);
    check("text uid=0 user=root and more", &[]);
    check("GET /a?uid=0&user=1 b=2", &[]);
    check("x a=b,c d=e,f=g then [uid=0 user=root", &[]);
    // So many places are tried.
    check("w=1 . w=1 . w=1 . uid=0 user=root", found);
    check("w=1 . w=1 . w=1 . w=1 . uid=0 user=root", &[]);
}

#[test]
fn depth_count_and_names_are_bounded() {
    let deep = format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500));
    check(&deep, &[]);
    let shallow = format!("{{\"x\":{deep},\"y\":2}}");
    check(&shallow, &[("y", "2", 'n')]);
    let many = format!("{{\"a\":[{}1]}}", "1,".repeat(40_000));
    assert_eq!(all(many.as_bytes()).len(), FIELDS_MAX);
    let long = format!("{{\"{}\":1,\"b\":2}}", "k".repeat(NAME_BYTES_MAX + 1));
    check(&long, &[("b", "2", 'n')]);
}

#[test]
fn the_walk_stops_when_told() {
    let mut seen = 0;
    fields(br#"{"a":1,"b":2,"c":3}"#, &mut |_, _| {
        seen += 1;
        seen < 2
    });
    assert_eq!(seen, 2);
}
