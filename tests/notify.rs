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
        up_config(dir, &["*.log"]),
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
