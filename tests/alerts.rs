//! Alert rules of the real program: made by API and by file, fed by an agent, decided once though it is
//! killed, and fair to who is late, idle or gone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use support::{Program, append, run, scratch, up_config, wait_for};

/// A quick rule: windows of 4 s that end every 2 s.
fn rule(name: &str, condition: &Value) -> Value {
    json!({
        "name": name, "severity": "critical", "window": "4s", "every": "2s", "allowed_lateness": "1s",
        "verdict_delay_max": "20s", "labels": { "team": "shop" }, "condition": condition
    })
}

fn made(program: &Program, rule: &Value) -> String {
    let kept = program.post("/api/v1/alerts/rules", rule).unwrap();
    assert_eq!(kept["version"], 1, "{kept}");
    kept["id"].as_str().unwrap().to_owned()
}

fn answer(program: &Program, path: &str) -> Value {
    let (status, body) = program.get(path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Changes of state of a rule, the first one first.
fn history(program: &Program, rule: &str) -> Vec<Value> {
    let answer = answer(program, &format!("/api/v1/alerts/history?rule={rule}&limit=1000"));
    let mut entries: Vec<Value> = answer["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["transition"].clone())
        .collect();
    entries.reverse();
    entries
}

fn states(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|one| one["to"].as_str().unwrap()).collect()
}

fn wait_for_state(program: &Program, rule: &str, state: &str) -> Value {
    wait_for(&format!("the rule to be {state}"), || {
        history(program, rule).into_iter().find(|one| one["to"] == state)
    })
}

#[test]
fn a_rule_fires_on_what_an_agent_ships_with_its_lines_and_resolves() {
    let dir = scratch();
    let log = dir.path().join("shop.log");
    append(&log, "a line of before\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    let condition =
        json!({ "kind": "threshold", "query": "payment refused | stats count() as n by file", "when": "> 2" });
    let id = made(&program, &rule("Payments fail", &condition));
    for n in 0..5 {
        append(&log, format!("payment refused for order {n}\n"));
    }
    let firing = wait_for_state(&program, &id, "firing");
    assert_eq!(firing["labels"]["team"], "shop", "{firing}");
    assert_eq!(firing["labels"]["alertname"], "Payments fail");
    assert_eq!(firing["threshold"], "> 2");
    assert!(firing["value"].as_f64().unwrap() > 2.0, "{firing}");
    assert_eq!(firing["group"]["file"], log.display().to_string());
    let lines = firing["evidence"]["lines"].as_array().unwrap();
    assert!(
        lines
            .iter()
            .all(|line| line["body"].as_str().unwrap().starts_with("payment refused for order")),
        "{firing}"
    );
    assert!(!lines.is_empty(), "{firing}");
    assert_eq!(
        firing["evidence"]["pattern"], "payment refused for order <*>",
        "{firing}"
    );
    // The search that it names finds those lines.
    let query = firing["query"].as_str().unwrap();
    assert_eq!(program.count(query), 5, "{query}");
    let open = wait_for("the state", || {
        let states = answer(&program, "/api/v1/alerts/states");
        (states["counts"]["firing"] == 1).then_some(states)
    });
    assert_eq!(open["groups"][0]["name"], "Payments fail", "{open}");
    assert_eq!(open["groups"][0]["last"]["key"], firing["key"], "{open}");
    let resolved = wait_for_state(&program, &id, "resolved");
    assert_eq!(resolved["active_since_nanos"], firing["active_since_nanos"]);
    assert_eq!(states(&history(&program, &id)), ["firing", "resolved"]);
    let status = answer(&program, "/api/v1/alerts/status");
    assert_eq!(status["rules"][0]["slowed"], 1, "{status}");
    assert!(status["rules"][0]["decided_to"].is_string(), "{status}");
    let metrics = program.get("/metrics").1;
    assert!(metrics.contains("timberline_alert_rules 1\n"), "{metrics}");
    // The same rule over the same time says the same.
    let request = json!({ "rule": rule("Payments fail", &condition), "from": "-1h" });
    let tested = wait_for("the back-test to reach as far", || {
        let tested = program.post("/api/v1/alerts/backtest", &request).unwrap();
        (tested["counts"]["resolved"] == 1).then_some(tested)
    });
    let of = |entries: &[Value]| -> Vec<(String, i64)> {
        entries
            .iter()
            .map(|one| {
                (
                    one["to"].as_str().unwrap().to_owned(),
                    one["at_nanos"].as_i64().unwrap(),
                )
            })
            .collect()
    };
    assert_eq!(
        of(tested["transitions"].as_array().unwrap()),
        of(&history(&program, &id)),
        "{tested}"
    );
}

#[test]
fn a_new_kind_of_line_is_told_with_a_search_that_finds_its_lines_and_no_others() {
    let dir = scratch();
    let log = dir.path().join("shop.log");
    append(&log, "payment taken for order 1\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("the first line", || (program.count("payment") == 1).then_some(()));
    let condition = json!({ "kind": "pattern", "query": "payment OR parcel", "change": "new", "lookback": "1h" });
    let id = made(&program, &rule("New kinds", &condition));
    for n in 0..3 {
        append(
            &log,
            format!("payment taken for order {n}\nparcel {n} lost near dock {n}\n"),
        );
    }
    let told = wait_for_state(&program, &id, "firing");
    let bodies: Vec<&str> = told["evidence"]["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["body"].as_str().unwrap())
        .collect();
    assert!(!bodies.is_empty(), "{told}");
    assert!(bodies.iter().all(|body| body.starts_with("parcel")), "{told}");
    let query = told["query"].as_str().unwrap();
    assert_eq!(program.count("parcel"), 3);
    assert_eq!(program.count(query), 3, "{query}");
    assert_eq!(program.count(&format!("({query}) AND payment")), 0, "{query}");
}

#[test]
fn a_number_that_is_beyond_its_limit_is_told_before_its_window_ends() {
    let dir = scratch();
    let log = dir.path().join("shop.log");
    append(&log, "{\"ms\": 12}\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    let condition = json!({ "kind": "threshold", "query": "ms:* | stats max(ms) as slowest", "when": "> 1000" });
    let mut rule = rule("Slow", &condition);
    rule["window"] = json!("6h");
    rule["every"] = json!("6h");
    let id = made(&program, &rule);
    for ms in [40, 2500, 70] {
        append(&log, format!("{{\"ms\": {ms}}}\n"));
    }
    let told = wait_for_state(&program, &id, "firing");
    assert_eq!(told["value"], 2500.0, "{told}");
}

#[test]
fn a_verdict_is_on_record_once_though_the_program_is_killed() {
    let dir = scratch();
    let log = dir.path().join("a.log");
    append(&log, "begin\n");
    let config = up_config(dir.path(), &["*.log"]);
    let program = Program::start(dir.path(), "up", &config);
    let threshold = made(
        &program,
        &rule("Many", &json!({ "kind": "threshold", "query": "boom", "when": ">= 3" })),
    );
    let each = made(&program, &rule("Each", &json!({ "kind": "match", "query": "boom" })));
    for n in 0..3 {
        append(&log, format!("boom {n}\n"));
    }
    wait_for_state(&program, &threshold, "firing");
    wait_for("each line to be told", || {
        (history(&program, &each).len() >= 3).then_some(())
    });
    program.kill();
    append(&log, "boom while nobody looked\n");
    let program = Program::start(dir.path(), "up", &config);
    wait_for_state(&program, &threshold, "resolved");
    wait_for_state(&program, &each, "resolved");
    assert_eq!(states(&history(&program, &threshold)), ["firing", "resolved"]);
    let told = history(&program, &each);
    let lines: Vec<&str> = told
        .iter()
        .filter(|one| one["to"] == "firing")
        .map(|one| one["evidence"]["lines"][0]["body"].as_str().unwrap())
        .collect();
    assert_eq!(
        lines,
        ["boom 0", "boom 1", "boom 2", "boom while nobody looked"],
        "{told:?}"
    );
    // Keys name verdicts: none is there twice.
    let mut keys: Vec<&str> = told.iter().map(|one| one["key"].as_str().unwrap()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), told.len());
}

#[test]
fn files_say_what_the_rules_are_and_saying_it_again_changes_nothing() {
    let dir = scratch();
    append(&dir.path().join("a.log"), "begin\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    let file = dir.path().join("rules.toml");
    let alerts = |arguments: &[&str]| {
        let server = ["--server", program.page()];
        let output = run(&[&["alerts"], arguments, &server].concat());
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let text = "[[rule]]\nname = \"Errors\"\nwindow = \"10m\"\nfor = \"1m\"\n[rule.labels]\nteam = \"a\"\n\
                [rule.condition]\nkind = \"threshold\"\nquery = \"error | stats count() by host\"\nwhen = \"> 100\"\n\
                [[rule]]\nname = \"Beats\"\n[rule.condition]\nkind = \"absence\"\nquery = \"heartbeat\"\n";
    fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let checked = run(&["alerts", "check", path]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let (code, said) = alerts(&["apply", "--dry-run", path]);
    assert!(code == Some(0) && said.contains("2 would change"), "{said}");
    let (code, said) = alerts(&["apply", path]);
    assert!(
        code == Some(0) && said.contains("create  Errors") && said.contains("2 changed, 0 as they are"),
        "{said}"
    );
    let (_, said) = alerts(&["apply", path]);
    assert_eq!(said, "0 changed, 2 as they are\n");
    fs::write(&file, text.replace("> 100", "> 50")).unwrap();
    let (_, said) = alerts(&["apply", path]);
    assert!(
        said.contains("condition.when: \"> 100\" → \"> 50\"") && said.contains("1 changed, 1 as they are"),
        "{said}"
    );
    // What is exported is what was applied.
    let (_, exported) = alerts(&["export"]);
    let again = dir.path().join("again.toml");
    fs::write(&again, exported).unwrap();
    let (_, said) = alerts(&["apply", again.to_str().unwrap()]);
    assert_eq!(said, "0 changed, 2 as they are\n");
    // What no file has goes only if that is asked for.
    fs::write(
        &again,
        "[[rule]]\nname = \"Beats\"\n[rule.condition]\nkind = \"absence\"\nquery = \"heartbeat\"\n",
    )
    .unwrap();
    let (_, said) = alerts(&["apply", again.to_str().unwrap()]);
    assert_eq!(said, "0 changed, 1 as they are\n");
    let (_, said) = alerts(&["apply", "--prune", again.to_str().unwrap()]);
    assert!(said.contains("delete  Errors"), "{said}");
    // Faults name file, rule, key and the way out.
    fs::write(&file, text.replace("\"> 100\"", "\"100\"")).unwrap();
    let (code, said) = alerts(&["apply", path]);
    assert!(
        code == Some(2) && said.contains("rules.toml") && said.contains("write >"),
        "{said}"
    );
    let (code, said) = alerts(&["test", again.to_str().unwrap(), "--from", "-1h"]);
    assert!(code == Some(0) && said.contains("Beats: "), "{said}");
    let versions = answer(&program, "/api/v1/alerts/rules");
    let id = versions["rules"][0]["id"].as_str().unwrap();
    let versions = answer(&program, &format!("/api/v1/alerts/rules/{id}/versions"));
    assert_eq!(versions["versions"][0]["version"], 1, "{versions}");
}

fn role(dir: &Path, name: &str, more: &str) -> String {
    format!(
        "data = {:?}\nhost = \"{name}\"\nzone = \"UTC\"\n{more}",
        dir.join(format!("data-{name}"))
    )
}

/// A collector with its store, and two agents.
struct Fleet {
    dir: tempfile::TempDir,
    up: Program,
    agents: Vec<Program>,
}

impl Fleet {
    fn start(hosts: &[&str]) -> Self {
        let dir = scratch();
        fs::create_dir(dir.path().join("none")).unwrap();
        let config = up_config(dir.path(), &["none/*.log"]).replace("[server]\n", "[server]\nagent_timeout = \"3s\"\n");
        let up = Program::start(dir.path(), "up", &config);
        let agents = hosts
            .iter()
            .map(|host| {
                let logs = dir.path().join(host);
                fs::create_dir(&logs).unwrap();
                append(&logs.join("app.log"), format!("{host} began\n"));
                Self::agent(dir.path(), &up, host)
            })
            .collect();
        let fleet = Self { dir, up, agents };
        for host in hosts {
            wait_for("the first line of each", || {
                (fleet.up.count(&format!("{host} began")) == 1).then_some(())
            });
            // One that dies before its first report is known only by what is published of it.
            wait_for("the first report of each", || {
                let agents = answer(&fleet.up, "/api/v1/agents");
                let mut agents = agents["agents"].as_array().unwrap().iter();
                agents
                    .any(|agent| agent["host"] == *host && agent["files"] == 1)
                    .then_some(())
            });
        }
        fleet
    }

    fn agent(dir: &Path, up: &Program, host: &str) -> Program {
        let more = format!(
            "[agent]\ncollector = \"http://{}\"\ntail = [{:?}]\nreport_interval = \"500ms\"\n",
            up.announced("agents"),
            dir.join(host).join("*.log")
        );
        let home = dir.join(format!("home-{host}"));
        fs::create_dir_all(&home).unwrap();
        Program::start(&home, "agent", &role(dir, host, &more))
    }

    fn log(&self, host: &str) -> std::path::PathBuf {
        self.dir.path().join(host).join("app.log")
    }
}

#[test]
fn a_host_whose_agent_is_down_is_told_apart_from_one_whose_file_is_idle() {
    let mut fleet = Fleet::start(&["web-1", "web-2"]);
    let condition = json!({ "kind": "silence", "of": "file", "hosts": ["web-*"] });
    let files = made(&fleet.up, &rule("Silent files", &condition));
    let hosts = made(
        &fleet.up,
        &rule(
            "Silent hosts",
            &json!({ "kind": "silence", "of": "host", "hosts": ["web-*"], "causes": ["agent_down"] }),
        ),
    );
    drop(fleet.agents.remove(1));
    let cause = |host: &str| {
        wait_for(&format!("{host} to be called silent"), || {
            let found = history(&fleet.up, &files).into_iter();
            let mut of_host = found.filter(|one| one["group"]["host"] == host && one["to"] == "firing");
            of_host
                .next()
                .map(|one| one["labels"]["cause"].as_str().unwrap().to_owned())
        })
    };
    assert_eq!(cause("web-1"), "file_idle");
    let down = wait_for("the dead host to be told", || {
        let mut found = history(&fleet.up, &hosts).into_iter();
        found.find(|one| one["to"] == "firing")
    });
    assert_eq!(down["group"]["host"], "web-2", "{down}");
    assert_eq!(down["labels"]["cause"], "agent_down", "{down}");
    assert!(
        down["reason"]
            .as_str()
            .unwrap()
            .contains("its agent does not report since"),
        "{down}"
    );
    // The idle one is not among those whose agent is down.
    assert!(
        history(&fleet.up, &hosts)
            .iter()
            .all(|one| one["group"]["host"] == "web-2")
    );
    // Gone for good: nobody waits for it or calls it silent.
    fleet
        .up
        .post(
            "/api/v1/alerts/decommissioned",
            &json!({ "host": "web-2", "decommissioned": true }),
        )
        .unwrap();
    wait_for("the decommissioned host to be let go", || {
        let found = history(&fleet.up, &hosts);
        (found.last().unwrap()["to"] == "resolved").then_some(())
    });
    // A line ends the silence.
    append(&fleet.log("web-1"), "web-1 goes on\n");
    wait_for("the idle file to speak", || {
        let found = history(&fleet.up, &files);
        found
            .iter()
            .any(|one| one["group"]["host"] == "web-1" && one["to"] == "resolved")
            .then_some(())
    });
    // Tried on the past, the file was silent then, too, and is not now.
    let request = json!({ "rule": rule("Silent files", &condition), "from": "-5m" });
    let tested = wait_for("the back-test to reach as far", || {
        let tested = fleet.up.post("/api/v1/alerts/backtest", &request).unwrap();
        (tested["counts"]["resolved"].as_u64() >= Some(1)).then_some(tested)
    });
    let changes = tested["transitions"].as_array().unwrap();
    let of_host: Vec<&Value> = changes.iter().filter(|one| one["group"]["host"] == "web-1").collect();
    let told: Vec<&str> = of_host.iter().map(|one| one["to"].as_str().unwrap()).collect();
    assert!(told.starts_with(&["firing", "resolved"]), "{tested}");
    assert!(
        of_host[0]["reason"].as_str().unwrap().contains("no line for"),
        "{tested}"
    );
    assert!(tested["notes"].to_string().contains("each silence counts"), "{tested}");
    assert!(tested["lines"].as_u64() >= Some(3), "{tested}");
    // Who is gone for good is not waited for in the past either.
    assert!(changes.iter().all(|one| one["group"]["host"] != "web-2"), "{tested}");
    let agents = json!({ "rule": rule("Silent agents", &json!({ "kind": "silence", "of": "agent" })), "from": "-5m" });
    let refused = fleet.up.post("/api/v1/alerts/backtest", &agents).unwrap_err();
    assert!(refused.contains("not kept"), "{refused}");
}

#[test]
fn a_dead_host_is_named_in_a_verdict_that_could_not_wait_for_it_and_mutes_nobody() {
    let mut fleet = Fleet::start(&["web-1", "web-2"]);
    let mut beats = rule("No beats", &json!({ "kind": "absence", "query": "heartbeat" }));
    beats["verdict_delay_max"] = json!("3s");
    drop(fleet.agents.remove(1));
    wait_for("web-2 to be missing", || {
        let status = answer(&fleet.up, "/api/v1/alerts/status");
        (status["missing"][0]["host"] == "web-2").then_some(())
    });
    let beats = made(&fleet.up, &beats);
    let many = made(
        &fleet.up,
        &rule("Many", &json!({ "kind": "threshold", "query": "boom", "when": ">= 3" })),
    );
    // What is sure is told at once, though web-2 says nothing: within the delay of its rule.
    let begin = std::time::Instant::now();
    append(&fleet.log("web-1"), "boom\nboom\nboom\n");
    wait_for_state(&fleet.up, &many, "firing");
    assert!(
        begin.elapsed() < std::time::Duration::from_secs(15),
        "{:?}",
        begin.elapsed()
    );
    let absent = wait_for_state(&fleet.up, &beats, "firing");
    let missing: Vec<&str> = absent["missing_sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["host"].as_str().unwrap())
        .collect();
    assert_eq!(missing, ["web-2"], "{absent}");
    assert!(
        absent["reason"].as_str().unwrap().contains("without all of web-2"),
        "{absent}"
    );
}

#[test]
fn lines_that_come_after_the_verdict_make_an_entry_of_their_own() {
    let dir = scratch();
    let log = dir.path().join("a.log");
    append(&log, "begin\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    let id = made(
        &program,
        &rule("Many", &json!({ "kind": "threshold", "query": "boom", "when": ">= 2" })),
    );
    wait_for("the first windows to be decided", || {
        let status = answer(&program, "/api/v1/alerts/status");
        status["rules"][0]["decided_to"].is_string().then_some(())
    });
    // A line says its own time: a while ago, in a window that was decided.
    let now = instant("now");
    let after = instant("6 seconds");
    wait_for("every window with that time to be decided", || {
        let status = answer(&program, "/api/v1/alerts/status");
        (status["rules"][0]["decided_to"].as_str()? > after.as_str()).then_some(())
    });
    append(&log, format!("{now} boom 1\n{now} boom 2\n"));
    let late = wait_for("the late entry", || {
        history(&program, &id).into_iter().find(|one| one["late"] == true)
    });
    assert_eq!(late["to"], "firing", "{late}");
    // No alert fires for it.
    assert!(history(&program, &id).iter().all(|one| one["late"] == true));
    assert_eq!(answer(&program, "/api/v1/alerts/states")["total"], 0);
}

/// A time from now, as lines and answers write it.
fn instant(when: &str) -> String {
    let output = std::process::Command::new("date")
        .args(["-u", "-d", when, "+%Y-%m-%dT%H:%M:%S.%NZ"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_rule_that_costs_too_much_is_named_and_reads_its_lines_less_often_and_still_fires() {
    let dir = scratch();
    let log = dir.path().join("dear.log");
    append(&log, "begin\n");
    let config = format!(
        "{}\n[alerts.evaluation]\nrule_cost_max = 1e-9\nrule_slowed_max = 2\n",
        up_config(dir.path(), &["*.log"])
    );
    let program = Program::start(dir.path(), "up", &config);
    let condition = json!({ "kind": "threshold", "query": "/fulmar .* gone/ | stats count() as n", "when": "> 6" });
    let dear = made(&program, &rule("Dear", &condition));
    let each = made(
        &program,
        &rule("Each", &json!({ "kind": "match", "query": "/fulmar .* is gone/" })),
    );
    // Enough lines that some are timed; none fits.
    let deferred = wait_for("both to be deferred", || {
        append(&log, "nothing to see\n".repeat(200));
        let status = answer(&program, "/api/v1/alerts/status");
        let rules = status["rules"].as_array()?.clone();
        let all = rules.len() == 2 && rules.iter().all(|rule| rule["deferred"] == true);
        all.then_some(status)
    });
    assert!(deferred["rules"][0]["slowed"].as_u64().unwrap() > 1, "{deferred}");
    for n in 0..8 {
        append(&log, format!("fulmar {n} is gone\n"));
    }
    // Each line is told, once.
    let told = wait_for("the lines to be told", || {
        let told = history(&program, &each);
        (told.len() >= 8).then_some(told)
    });
    let bodies: std::collections::BTreeSet<String> = told
        .iter()
        .map(|one| one["evidence"]["lines"][0]["body"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((told.len(), bodies.len()), (8, 8), "{told:?}");
    let status = answer(&program, "/api/v1/alerts/status");
    assert!(status["rules"][0]["error"].is_null(), "{status}");
    assert!(history(&program, &dear).len() <= 2);
}

#[test]
fn lines_that_were_published_before_they_were_looked_at_are_read_again_each_once() {
    let dir = scratch();
    let log = dir.path().join("quick.log");
    append(&log, "begin\n");
    // What comes is published, and out of memory, long before the next look.
    let config = format!(
        "{}\n[alerts.evaluation]\ninterval = \"6s\"\ntake_interval = \"6s\"\n",
        up_config(dir.path(), &["*.log"])
    );
    let program = Program::start(dir.path(), "up", &config);
    let each = made(&program, &rule("Each", &json!({ "kind": "match", "query": "dunlin" })));
    let status = || answer(&program, "/api/v1/alerts/status");
    wait_for("the rule to be evaluated", || {
        (!status()["rules"][0].is_null()).then_some(())
    });
    let (mut n, mut appended) = (0, std::time::Instant::now());
    wait_for("lines to be read again", || {
        if appended.elapsed() >= std::time::Duration::from_millis(700) {
            append(&log, format!("dunlin {n}\n"));
            (n, appended) = (n + 1, std::time::Instant::now());
        }
        (status()["read_again"].as_u64() >= Some(1)).then_some(())
    });
    let told = wait_for("all lines to be told", || {
        let told = history(&program, &each);
        (told.iter().filter(|one| one["to"] == "firing").count() >= n).then_some(told)
    });
    let bodies: Vec<&str> = told
        .iter()
        .filter(|one| one["to"] == "firing")
        .map(|one| one["evidence"]["lines"][0]["body"].as_str().unwrap())
        .collect();
    let once: std::collections::BTreeSet<&str> = bodies.iter().copied().collect();
    assert_eq!(bodies.len(), once.len(), "{bodies:?}");
}
