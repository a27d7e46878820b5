//! Notifications, by the real program: who is told, that nothing secret is shown, and what people do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::path::Path;

use serde_json::{Value, json};

use support::receivers::{MailServer, Webhook};
use support::{Program, run, scratch, up_config};

fn config(dir: &Path, webhook: &Webhook, mail: &MailServer) -> String {
    std::fs::write(dir.join("secret"), "canary-signing-key\n").unwrap();
    format!(
        "{}\n[alerts]\nallow_private = true\ndefault_targets = [\"hook\", \"ops\"]\ngroup_wait = \"0s\"\n\
         group_interval = \"1s\"\n\
         [alerts.targets.hook.webhook]\nurl = \"{}\"\nsecret = \"${{file:{}}}\"\n\
         [alerts.targets.ops.email]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
         from = \"Timberline <alerts@example.org>\"\nto = [\"ops@example.org\"]\n",
        up_config(dir, &["*.log"]).replace("[server]\n", "[server]\npublic_url = \"https://logs.example.org\"\n"),
        webhook.url(),
        dir.join("secret").display(),
        mail.port,
    )
}

fn ask(program: &Program, path: &str) -> Value {
    let (status, body) = program.get(path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn a_test_message_arrives_at_each_target() {
    let dir = scratch();
    let (webhook, mail) = (Webhook::start(), MailServer::start());
    let program = Program::start(dir.path(), "up", &config(dir.path(), &webhook, &mail));
    for target in ["hook", "ops"] {
        let answer = program
            .post(&format!("/api/v1/alerts/targets/{target}/test"), &Value::Null)
            .unwrap();
        assert_eq!(answer["delivered"], true, "{answer}");
    }
    let request = webhook.got().remove(0);
    assert_eq!(request.body["kind"], "test");
    assert_eq!(request.header("idempotency-key"), request.body["key"].as_str().unwrap());
    assert!(request.header("timberline-signature").starts_with("v1="));
    let mail = mail.mails().remove(0);
    assert!(mail.contains("Subject: [TEST] Timberline: message for ops"), "{mail}");
    let again = program
        .post("/api/v1/alerts/targets/hook/test", &Value::Null)
        .unwrap_err();
    assert!(again.starts_with("400"), "{again}");
    let none = program
        .post("/api/v1/alerts/targets/nobody/test", &Value::Null)
        .unwrap_err();
    assert!(none.starts_with("404"), "{none}");
}

#[test]
fn x11_secrets_of_targets_are_shown_nowhere() {
    let dir = scratch();
    let (webhook, mail) = (Webhook::start(), MailServer::start());
    let text = config(dir.path(), &webhook, &mail);
    let program = Program::start(dir.path(), "up", &text);
    program.post("/api/v1/alerts/targets/hook/test", &Value::Null).unwrap();
    let targets = ask(&program, "/api/v1/alerts/targets");
    assert_eq!(targets["targets"][0]["name"], "hook");
    assert!(
        targets["targets"][0]["address"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:"),
        "{targets}"
    );
    let file = dir.path().join("up.toml").display().to_string();
    let printed = run(&["config", "print", "--config", &file]);
    let shown = format!(
        "{targets}{}{}{}{}",
        String::from_utf8_lossy(&printed.stdout),
        program.get("/metrics").1,
        ask(&program, "/api/v1/alerts/deliveries"),
        program.log()
    );
    assert!(
        printed.status.success() && shown.contains("timberline_notify_waiting{target=\"hook\"} 0"),
        "{shown}"
    );
    assert!(!shown.contains("canary") && !shown.contains("/hook"), "{shown}");
    let wrong = dir.path().join("wrong.toml");
    std::fs::write(&wrong, text.replace("\nsecret = ", "\nsecert = ")).unwrap();
    let refused = run(&["config", "check", &wrong.display().to_string()]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        error.contains("did you mean `secret`?") && !error.contains("canary"),
        "{error}"
    );
}

#[test]
fn silences_are_made_changed_and_deleted_and_survive_a_restart() {
    let dir = scratch();
    let (webhook, mail) = (Webhook::start(), MailServer::start());
    let text = config(dir.path(), &webhook, &mail);
    let program = Program::start(dir.path(), "up", &text);
    let path = "/api/v1/alerts/silences";
    let silence = json!({ "matchers": ["host=\"db-1\""], "starts": "2026-01-01T00:00:00Z", "by": "ann", "comment": "disks",
        "calendar": { "zone": "Europe/Berlin", "from": "22:00", "to": "02:00", "weekdays": ["sat"] } });
    let kept = program.post(path, &silence).unwrap();
    assert_eq!((&kept["version"], &kept["silence"]), (&json!(1), &silence));
    let endless = json!({ "matchers": ["host=\"db-1\""], "starts": "2026-01-01T00:00:00Z", "by": "ann" });
    assert!(program.post(path, &endless).unwrap_err().contains("no end"));
    program.kill();
    let program = Program::start(dir.path(), "up", &text);
    assert_eq!(ask(&program, path)["silences"][0]["id"], kept["id"]);
    let audit = program.post(
        "/api/v1/query",
        &json!({ "query": "SELECT action FROM audit WHERE action LIKE 'silence%'" }),
    );
    assert!(audit.unwrap().to_string().contains("silence.create"));
}

#[test]
fn a_configuration_that_names_no_target_or_nonsense_is_refused_by_its_key() {
    let dir = scratch();
    let check = |text: &str, words: &[&str]| {
        let file = dir.path().join("check.toml");
        std::fs::write(&file, text).unwrap();
        let refused = run(&["config", "check", &file.display().to_string()]);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{text}: {error}");
        assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
    };
    check(
        "[alerts]\ndefault_targets = [\"nobody\"]",
        &["alerts.default_targets", "nobody"],
    );
    check(
        "[alerts.targets.x]\ntimeout = \"1s\"",
        &["alerts.targets.x", "exactly one kind"],
    );
    check(
        "[alerts.targets.x.webhook]\nurl = \"ftp://x\"",
        &["alerts.targets.x", "url"],
    );
    check(
        "[alerts.targets.x]\ntext = \"{{ a\"\nwebhook = { url = \"https://x\" }",
        &["alerts.targets.x", "text"],
    );
    check(
        "[alerts.targets.x.command]\nprogram = \"mail\"",
        &["alerts.targets.x", "absolute"],
    );
    check(
        "[alerts.targets.x.email]\nhost = \"m\"\nfrom = \"a\\r\\nBcc: b@c\"\nto = [\"a@b\"]",
        &["alerts.targets.x", "no mail address"],
    );
    check(
        "[[alerts.routes]]\nmatch = [\"severity\"]",
        &["alerts.routes", "matcher"],
    );
    check("[alerts]\nnetworks_allowed = [\"ten\"]", &["alerts.networks_allowed"]);
    check("[server]\npublic_url = \"logs\"", &["server.public_url"]);
}

/// A line of now.
fn log(dir: &Path, text: &str) {
    let now = jiff_now();
    support::append(&dir.join("app.log"), format!("{now} ERROR {text}\n"));
}

fn jiff_now() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    timberline_proto::query::time_range::format_rfc3339_nanos(i64::try_from(now.as_nanos()).unwrap())
}

fn rule(name: &str, word: &str) -> Value {
    json!({ "name": name, "severity": "critical", "window": "10s", "every": "1s", "allowed_lateness": "0s", "verdict_delay_max": "5s",
        "keep_firing_for": "1h", "annotations": { "summary": "{{ value_text }} times on {{ labels.host }}" },
        "condition": { "kind": "threshold", "query": format!("{word} | stats count() as n by host"), "when": "> 2" } })
}

fn make(program: &Program, rule: &Value) {
    program.post("/api/v1/alerts/rules", rule).unwrap();
}

/// Waits until the webhook got one of this kind about this rule.
#[track_caller]
fn wait_for_message(webhook: &Webhook, kind: &str, rule: &str) -> support::receivers::Request {
    support::wait_for(&format!("{kind} of {rule}"), || {
        let mut got = webhook.got().into_iter();
        got.find(|got| got.body["kind"] == kind && got.body["incidents"][0]["rule"] == rule)
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let two: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(std::str::from_utf8(&two).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// The lines that a link of a message leads to.
fn lines_at(program: &Program, link: &str) -> Vec<String> {
    let part = |name: &str| {
        let found = link
            .split(['?', '&'])
            .find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        decoded(found.unwrap_or_else(|| panic!("no {name} in {link}")))
    };
    let request = json!({ "query": part("q"), "from": part("from"), "to": part("to"), "limit": 100 });
    support::bodies(
        program.post("/api/v1/query", &request).unwrap()["records"]
            .as_array()
            .unwrap(),
    )
}

#[test]
fn a_rule_that_fires_is_told_with_its_lines_and_a_link_to_exactly_those() {
    let dir = scratch();
    let (webhook, mail) = (Webhook::start(), MailServer::start());
    let program = Program::start(dir.path(), "up", &config(dir.path(), &webhook, &mail));
    make(&program, &rule("Disk full", "full"));
    for n in 0..4 {
        log(dir.path(), &format!("disk full {n} <b>{{{{7*7}}}}</b>"));
        log(dir.path(), "something else");
    }
    let told = wait_for_message(&webhook, "firing", "Disk full");
    let incident = &told.body["incidents"][0];
    assert_eq!(incident["group"]["host"], "test-host");
    let lines = incident["lines"].as_array().unwrap();
    assert!(
        !lines.is_empty()
            && lines
                .iter()
                .all(|line| line["body"].as_str().unwrap().contains("{{7*7}}")),
        "{incident}"
    );
    let linked = lines_at(&program, incident["link"].as_str().unwrap());
    assert_eq!(
        linked.len() as u64,
        incident["lines_total"].as_u64().unwrap(),
        "{incident}"
    );
    assert!(linked.iter().all(|line| line.contains("disk full")), "{linked:?}");
    let summary = incident["annotations"]["summary"].as_str().unwrap();
    assert!(summary.ends_with("times on test-host"), "{summary}");
    let mail = support::wait_for("the mail", || {
        mail.mails()
            .into_iter()
            .find(|mail| mail.contains("Subject: [FIRING] Disk full"))
    });
    assert!(
        mail.contains("disk full 0 <b>{{7*7}}</b>") && mail.contains("&lt;b&gt;{{7*7}}") && mail.contains("/?q="),
        "{mail}"
    );
    let deliveries = support::wait_for("the note of it", || {
        let answer = ask(&program, "/api/v1/alerts/deliveries?state=delivered");
        (answer["deliveries"].as_array().unwrap().len() >= 2).then_some(answer)
    });
    assert_eq!(deliveries["deliveries"][0]["tries"][0]["outcome"], "delivered");
}

#[test]
fn killed_between_the_outbox_and_the_answer_it_sends_again_with_the_same_key() {
    let dir = scratch();
    let (webhook, mail) = (Webhook::start(), MailServer::start());
    webhook.answers("");
    let text = config(dir.path(), &webhook, &mail);
    let program = Program::start(dir.path(), "up", &text);
    make(&program, &rule("Disk full", "full"));
    (0..4).for_each(|n| log(dir.path(), &format!("disk full {n}")));
    let first = wait_for_message(&webhook, "firing", "Disk full");
    program.kill();
    webhook.answers("200 OK");
    let program = Program::start(dir.path(), "up", &text);
    let again = support::wait_for("the same message again", || webhook.got().get(1).cloned());
    assert_eq!(again.header("idempotency-key"), first.header("idempotency-key"));
    assert_eq!(again.body, first.body);
    support::wait_for("the note of it", || {
        let answer = ask(&program, "/api/v1/alerts/deliveries?target=hook");
        (answer["deliveries"][0]["state"] == "delivered").then_some(())
    });
    program.kill();
    let program = Program::start(dir.path(), "up", &text);
    // What comes later tells that nothing came between.
    program.post("/api/v1/alerts/targets/hook/test", &Value::Null).unwrap();
    let kinds: Vec<Value> = webhook.got().iter().map(|got| got.body["kind"].clone()).collect();
    assert_eq!(kinds, ["firing", "firing", "test"]);
}

#[test]
fn a_silence_holds_back_and_whoever_takes_it_up_stops_the_escalation() {
    let dir = scratch();
    let (webhook, mail) = (Webhook::start(), MailServer::start());
    let text = config(dir.path(), &webhook, &mail)
        + "[[alerts.routes]]\ntargets = [\"hook\"]\ngroup_by = [\"alertname\"]\n\
           escalation = [{ after = \"20s\", targets = [\"ops\"] }]\n";
    let program = Program::start(dir.path(), "up", &text);
    let silence = json!({ "matchers": ["alertname=\"Quiet\""], "starts": "2020-01-01T00:00:00Z", "ends": "2100-01-01T00:00:00Z", "by": "ann" });
    program.post("/api/v1/alerts/silences", &silence).unwrap();
    make(&program, &rule("Quiet", "full"));
    make(&program, &rule("Loud", "full"));
    make(&program, &rule("Left", "full"));
    (0..4).for_each(|n| log(dir.path(), &format!("disk full {n}")));
    let loud = wait_for_message(&webhook, "firing", "Loud");
    let id = loud.body["incidents"][0]["id"].as_str().unwrap().to_owned();
    let taken = json!({ "action": "acknowledge", "by": "ann" });
    let incident = program.post(&format!("/api/v1/alerts/incidents/{id}"), &taken).unwrap();
    assert_eq!(
        (&incident["acknowledged_by"], &incident["told"]),
        (&json!("ann"), &json!(["hook"]))
    );
    let open = ask(&program, "/api/v1/alerts/incidents?open=true");
    let quiet = open["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .find(|incident| incident["name"] == "Quiet")
        .unwrap()
        .clone();
    assert_eq!(quiet["silenced_by"].as_array().unwrap().len(), 1);
    // The escalation of the one that is left tells that the others' time has come, too.
    support::wait_for("the escalation", || {
        mail.mails()
            .into_iter()
            .find(|mail| mail.contains("[ESCALATED FIRING] Left"))
    });
    assert!(
        !mail
            .mails()
            .iter()
            .any(|mail| mail.contains("Loud") || mail.contains("Quiet"))
    );
    assert!(
        !webhook
            .got()
            .iter()
            .any(|got| got.body["incidents"][0]["rule"] == "Quiet")
    );
}
