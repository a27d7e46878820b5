use timberline_proto::alert::Condition;

use super::super::fields::KINDS;
use super::*;

fn form(kind: &str, texts: &[(&str, &str)]) -> Form {
    Form {
        name: "R".into(),
        enabled: true,
        kind: kind.into(),
        texts: texts
            .iter()
            .map(|(key, text)| ((*key).into(), (*text).into()))
            .collect(),
        ..Form::default()
    }
}

fn rules() -> Vec<Form> {
    vec![
        form(
            "threshold",
            &[
                ("condition.query", "error | stats count() as n, max(ms) as m by host"),
                ("condition.when", ">= 1.5"),
                ("condition.value", "m"),
                ("window", "10m"),
                ("every", "2m"),
                ("for", "4m"),
                ("severity", "critical"),
                ("labels", "team = web\n\nstage=prod"),
                ("annotations", "summary = a = b"),
                ("flapping", "3 in 1h"),
                ("no_data", "keep"),
                ("owner", "ada"),
            ],
        ),
        form(
            "match",
            &[
                ("condition.query", "\"out of memory\""),
                ("condition.by", "host, service"),
            ],
        ),
        form("absence", &[("condition.query", "heartbeat"), ("condition.least", "3")]),
        form(
            "change",
            &[
                ("condition.query", "error"),
                ("condition.measure", "ratio"),
                ("condition.when", "> 2"),
                ("condition.least", "0.5"),
            ],
        ),
        form(
            "silence",
            &[
                ("condition.of", "file"),
                ("condition.paths", "/var/log/*.log"),
                ("condition.causes", "agent_down, file_gone"),
            ],
        ),
        form(
            "pattern",
            &[
                ("condition.query", ""),
                ("condition.change", "vanished"),
                ("condition.lookback", "2d"),
            ],
        ),
        form(
            "deviation",
            &[
                ("condition.query", "error"),
                ("condition.deviations", "3.5"),
                ("condition.weeks", "5"),
            ],
        ),
        form(
            "sequence",
            &[
                ("condition.first", "begin"),
                ("condition.then", "end"),
                ("condition.within", "5m"),
                ("condition.by", "id"),
            ],
        ),
    ]
}

#[test]
fn every_kind_is_filled_in_and_read_back_into_the_same_fields() {
    let forms = rules();
    let kinds: Vec<&str> = forms.iter().map(|form| form.kind.as_str()).collect();
    assert_eq!(kinds, KINDS.map(|(kind, ..)| kind));
    for form in forms {
        let rule = form.rule().unwrap_or_else(|fault| panic!("{}: {fault}", form.kind));
        let kept = KeptRule {
            owner: None,
            owner_gone: false,
            id: "1".into(),
            version: 3,
            created: String::new(),
            updated: String::new(),
            rule: rule.clone(),
        };
        let again = Form::of(&kept);
        assert_eq!(again.rule().unwrap(), rule, "{}", form.kind);
        assert!(!again.is_changed());
        for (key, text) in &form.texts {
            if !text.is_empty() && key != "labels" {
                assert_eq!(again.text(key), text, "{}", form.kind);
            }
        }
    }
}

#[test]
fn what_is_wrong_is_told_at_its_field() {
    let fault = |kind: &str, texts: &[(&str, &str)]| form(kind, texts).rule().unwrap_err();
    let query = ("condition.query", "error");
    for (texts, key) in [
        (vec![query], "condition.when"),
        (vec![query, ("condition.when", "many")], "condition.when"),
        (vec![query, ("condition.when", "> 1"), ("window", "soon")], "window"),
        (vec![query, ("condition.when", "> 1"), ("labels", "team")], "labels"),
        (
            vec![query, ("condition.when", "> 1"), ("flapping", "often")],
            "flapping",
        ),
        (
            vec![("condition.query", "(error"), ("condition.when", "> 1")],
            "condition.query",
        ),
    ] {
        assert_eq!(fault("threshold", &texts).key, key, "{texts:?}");
    }
    assert_eq!(
        fault("absence", &[query, ("condition.least", "x")]).key,
        "condition.least"
    );
    let nameless = Form {
        name: " ".into(),
        ..form("match", &[query])
    };
    assert_eq!(nameless.rule().unwrap_err().key, "name");
}

#[test]
fn a_rule_begins_with_the_kind_and_query_it_is_asked_for_with() {
    let matches = Form::begun("new:match", "sshd | stats count() by host");
    assert_eq!(
        (matches.kind.as_str(), matches.text("condition.query")),
        ("match", "sshd")
    );
    assert!(matches.is_of("new:match", "sshd | stats count() by host"));
    assert!(!matches.is_of("new:match", "sshd") && !matches.is_of("new", "sshd | stats count() by host"));
    let table = Form {
        name: "R".into(),
        ..Form::begun("new", "sshd | stats count() by host")
    };
    assert!(matches!(table.rule().unwrap().condition, Condition::Threshold(_)));
    assert_eq!(table.filter(), "sshd");
    assert_eq!(Form::begun("new:nothing", "").kind, "threshold");
}
