//! Machines that enroll, ship by certificate, renew, and are refused: the real program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use timberline_proto::crash::Point;

use support::fleet::{
    Machine, agents, collector, errors, get, group, machine, push, sent_by, succeeded, token, two, url, uses_left,
};
use support::{Program, append, program, run, scratch, up_config, wait_at_most, wait_for};

#[test]
fn one_token_makes_a_machine_known_and_its_lines_come_by_mutual_tls() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    append(&dir.path().join("own.log"), "from the collector's own agent\n");
    let web = Machine::new(dir.path(), "web");
    let token = token(&collector, &["--label", "site=berlin"]);
    let said = succeeded(&web.enroll(&collector, &token));
    assert!(
        said.contains("enrolled agent") && said.contains("nothing else is needed"),
        "{said}"
    );
    for path in [
        web.pki().join("identity.pem"),
        dir.path().join("data/collector/pki/ca.key"),
    ] {
        let mode = fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    web.write("one\ntwo\n");
    let agent = web.agent("");
    wait_for("the lines of both agents", || {
        (sent_by(&collector, "remote") == ["one", "two"] && sent_by(&collector, "test-host").len() == 1).then_some(())
    });
    let listed = machine(&collector, &web.id());
    assert_eq!(
        (&listed["state"], &listed["labels"]["site"]),
        (&"valid".into(), &"berlin".into())
    );
    assert_eq!(listed["connections"], 1);
    let acts = get(&collector, "/api/v1/agents/audit");
    let acts: Vec<_> = acts["acts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|act| act["action"].as_str().unwrap())
        .collect();
    assert_eq!(acts, ["machine.enroll", "token.create", "machine.enroll"]);
    // Again: nothing is sent, no use is taken, and the agent goes on.
    let again = succeeded(&web.enroll(&collector, &token));
    assert!(again.contains("already"), "{again}");
    assert_eq!((agent.stop(), collector.stop()), (0, 0));
}

#[test]
fn a_token_is_shown_to_no_other_collector_than_the_one_that_made_it() {
    let dir = scratch();
    let (ours, other) = (dir.path().join("ours"), dir.path().join("other"));
    fs::create_dir_all(&ours).unwrap();
    fs::create_dir_all(&other).unwrap();
    let (ours, other) = (collector(&ours, ""), collector(&other, ""));
    let web = Machine::new(dir.path(), "web");
    let token = token(&ours, &[]);
    let refused = web.enroll(&other, &token);
    let why = errors(&refused);
    assert!(
        !refused.status.success() && why.contains("not the collector that made this token"),
        "{why}"
    );
    // The other one never saw a wrong token: it would have said so.
    assert!(!other.log().contains("was not enrolled"), "{}", other.log());
    let plain = web.enroll_at(&url(&ours).replace("https", "http"), &token, None);
    assert!(errors(&plain).contains("https://"), "{}", errors(&plain));
    succeeded(&web.enroll(&ours, &token));
}

#[test]
fn tokens_that_are_used_up_expired_revoked_or_wrong_are_refused_in_words_of_their_own() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let mut n = 0;
    let mut refusal = |token: &str| {
        n += 1;
        let output = Machine::new(dir.path(), &format!("m{n}")).enroll(&collector, token);
        assert!(!output.status.success());
        errors(&output)
    };
    let once = token(&collector, &["--uses", "1"]);
    succeeded(&Machine::new(dir.path(), "first").enroll(&collector, &once));
    assert!(refusal(&once).contains("used up"));
    let short = token(&collector, &["--ttl", "1s"]);
    wait_for("the token's end", || {
        let list = get(&collector, "/api/v1/agents/tokens");
        (list["tokens"][0]["state"] == "expired").then_some(())
    });
    assert!(refusal(&short).contains("has expired"));
    let revoked = token(&collector, &[]);
    let id = get(&collector, "/api/v1/agents/tokens")["tokens"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    agents(&collector, &["token", "revoke", &id]);
    assert!(refusal(&revoked).contains("was revoked"));
    let mut parts: Vec<String> = token(&collector, &[]).split('.').map(str::to_owned).collect();
    parts[2] = "A".repeat(43);
    assert!(refusal(&parts.join(".")).contains("is not known here"));
    assert!(refusal("tbl-agent-1.short").contains("no enrolment token"));
}

#[test]
fn whoever_shows_no_certificate_is_refused_and_so_is_who_speaks_as_another() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let authority = dir.path().join("data/collector/pki/ca.crt");
    let stranger = Machine::new(dir.path(), "stranger");
    stranger.write("never\n");
    let more = format!("collector = {:?}\ntls_ca = {authority:?}\n", url(&collector));
    let agent = stranger.agent(&more);
    wait_for("the refusal", || {
        agent
            .log()
            .contains("takes nothing without a certificate")
            .then_some(())
    });
    agent.kill();

    let mallory = Machine::new(dir.path(), "mallory");
    succeeded(&mallory.enroll(&collector, &token(&collector, &[])));
    mallory.write("never\n");
    fs::write(
        mallory.data().join("agent/agent-id"),
        "0123456789abcdef0123456789abcdef\n",
    )
    .unwrap();
    let agent = mallory.agent("");
    wait_for("the refusal", || agent.log().contains("may not speak as").then_some(()));
    assert_eq!(sent_by(&collector, "remote"), Vec::<String>::new());
}

#[test]
fn an_agents_certificate_does_not_read_the_queue_and_a_stores_does() {
    let dir = scratch();
    let path = dir.path();
    let collector = Program::start(
        path,
        "collector",
        &format!(
            "data = {:?}\n[server]\nhttp = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\n[server.grpc_tls]\nmode = \"mutual\"\n",
            path.join("c")
        ),
    );
    let server = collector
        .announced("ingest")
        .trim_end_matches("/api/v1/ingest")
        .to_owned();
    let create = |arguments: &[&str]| {
        let output = run(&[&["agents", "token", "create", "--server", &server], arguments].concat());
        succeeded(&output).trim().to_owned()
    };
    let web = Machine::new(path, "web");
    succeeded(&web.enroll(&collector, &create(&[])));
    web.write("alpha\n");
    let agent = web.agent("");
    // A store that shows an agent's certificate.
    let store_data = path.join("s");
    fs::create_dir_all(store_data.join("store")).unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(web.pki())
        .arg(store_data.join("store/pki"))
        .status()
        .unwrap();
    assert!(copied.success());
    let config = format!("data = {store_data:?}\n[server]\nhttp = \"127.0.0.1:0\"\n[store]\nflush_interval = \"1s\"\n");
    let (status, log) = match Program::try_start(path, "store", &config) {
        Ok(thief) => {
            let refused = || thief.log().contains("may not do what stores do").then(|| thief.log());
            ("running", wait_for("the refusal", refused))
        }
        Err(log) => ("ended", log),
    };
    assert!(log.contains("may not do what stores do"), "{status}: {log}");
    fs::remove_dir_all(store_data.join("store/pki")).unwrap();
    let output = Command::new(program())
        .args([
            "enroll",
            &url(&collector),
            "--token",
            &create(&["--role", "store"]),
            "--data",
        ])
        .arg(&store_data)
        .output()
        .unwrap();
    succeeded(&output);
    let store = Program::start(path, "store", &config);
    wait_for("the line", || (store.count("*") == 1).then_some(()));
    assert_eq!((agent.stop(), store.stop(), collector.stop()), (0, 0, 0));
}

#[test]
fn revoking_cuts_a_running_agent_and_allowing_lets_it_enroll_anew_without_a_line_lost() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let web = Machine::new(dir.path(), "web");
    let several = token(&collector, &["--uses", "5"]);
    succeeded(&web.enroll(&collector, &several));
    web.write("before\n");
    let agent = web.agent("");
    wait_for("the first line", || {
        (sent_by(&collector, "remote") == ["before"]).then_some(())
    });
    agents(&collector, &["revoke", &web.id()]);
    wait_at_most(Duration::from_secs(1), "the connection's end", || {
        (machine(&collector, &web.id())["connections"] == 0).then_some(())
    });
    web.write("while revoked\n");
    wait_for("the agent to hear of it", || {
        agent.log().contains("was revoked").then_some(())
    });
    assert_eq!(sent_by(&collector, "remote"), ["before"]);
    let refused = errors(&web.enroll_again(&collector, &several));
    assert!(
        refused.contains("was revoked") && refused.contains("agents allow"),
        "{refused}"
    );
    agents(&collector, &["allow", &web.id()]);
    succeeded(&web.enroll_again(&collector, &several));
    web.write("after\n");
    wait_for("all lines, each once", || {
        (sent_by(&collector, "remote") == ["after", "before", "while revoked"]).then_some(())
    });
}

#[test]
fn certificates_renew_themselves_and_one_that_ran_out_while_the_agent_was_off_is_renewed() {
    let dir = scratch();
    let collector = collector(dir.path(), "agent_certificate_ttl = \"4s\"\n");
    let web = Machine::new(dir.path(), "web");
    succeeded(&web.enroll(&collector, &token(&collector, &[])));
    let serial = || machine(&collector, &web.id())["serial"].as_str().unwrap().to_owned();
    let agent = web.agent("");
    let mut lines = Vec::new();
    let mut held = serial();
    for turn in 0..3 {
        web.write(&format!("line {turn}\n"));
        lines.push(format!("line {turn}"));
        held = wait_for("a newer certificate", || Some(serial()).filter(|now| *now != held));
    }
    wait_for("the lines", || (sent_by(&collector, "remote") == lines).then_some(()));
    agent.kill();
    wait_for("the certificate's end", || {
        (machine(&collector, &web.id())["state"] == "expired").then_some(())
    });
    web.write("line 3\n");
    lines.push("line 3".to_owned());
    let _agent = web.agent("");
    wait_for("what was written meanwhile", || {
        (sent_by(&collector, "remote") == lines).then_some(())
    });
    assert_ne!(serial(), held);
}

#[test]
fn a_machine_killed_at_any_step_of_enrolling_enrolls_with_the_same_token_of_one_use() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let points: Vec<&str> = Point::ALL
        .iter()
        .map(|point| point.name())
        .filter(|name| name.starts_with("enroll-"))
        .collect();
    assert_eq!(points.len(), 6);
    for point in points {
        let machine = Machine::new(dir.path(), point);
        let token = token(&collector, &["--uses", "1"]);
        let killed = machine.enroll_at(&url(&collector), &token, Some(point));
        assert_eq!(killed.status.signal(), Some(9), "{point}: {}", errors(&killed));
        succeeded(&machine.enroll(&collector, &token));
        assert_eq!(uses_left(&collector), 0, "{point}");
        assert!(machine.pki().join("identity.pem").exists(), "{point}");
        let other = Machine::new(dir.path(), "other").enroll(&collector, &token);
        assert!(errors(&other).contains("used up"), "{point}: {}", errors(&other));
    }
}

#[test]
fn tokens_are_made_offline_too_and_a_collector_killed_at_once_knows_what_it_answered() {
    let dir = scratch();
    let data = dir.path().join("data");
    let output = run(&[
        "agents",
        "token",
        "create",
        "--offline",
        "--data",
        data.to_str().unwrap(),
    ]);
    let token = succeeded(&output).trim().to_owned();
    let first = collector(dir.path(), "");
    let busy = run(&["agents", "list", "--offline", "--data", data.to_str().unwrap()]);
    assert!(
        !busy.status.success() && errors(&busy).contains("is in use"),
        "{}",
        errors(&busy)
    );
    let web = Machine::new(dir.path(), "web");
    succeeded(&web.enroll(&first, &token));
    first.kill();
    let again = collector(dir.path(), "");
    assert_eq!(machine(&again, &web.id())["state"], "valid");
    assert_eq!(uses_left(&again), 0);
}

#[test]
fn plain_text_stays_the_default_on_loopback_and_a_collector_without_tls_enrolls_nobody() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["own.log"]));
    append(&dir.path().join("own.log"), "plain\n");
    wait_for("the line", || (program.count("*") == 1).then_some(()));
    let output = run(&["agents", "token", "create", "--server", program.page()]);
    assert!(errors(&output).contains("server.grpc_tls.mode"), "{}", errors(&output));
    assert!(!dir.path().join("data/collector").exists());
}

#[test]
fn a_pushed_configuration_is_tried_on_one_then_given_to_all_and_outlives_a_restart() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let [(first, one), (second, two)] = two(dir.path(), &collector);
    let more = dir.path().join("more-*.log");
    succeeded(&push(
        dir.path(),
        &collector,
        "1s",
        &format!("[agent]\ntail = [{more:?}]\nattributes = {{ pushed = \"yes\" }}\n"),
    ));
    assert!(group(&collector)["trial"].as_str().unwrap().starts_with("the first"));
    let version = wait_for("the group to run it", || {
        group(&collector)["version"].as_u64().filter(|version| *version > 0)
    });
    assert!(
        group(&collector)["last"].as_str().unwrap().contains("runs"),
        "{}",
        group(&collector)
    );
    append(&dir.path().join("more-1.log"), "by the pushed pattern\n");
    wait_for("the line, once of each machine", || {
        (collector.count("pushed:yes \"by the pushed pattern\"") == 2).then_some(())
    });
    // After a kill it is still in force, without asking.
    one.kill();
    let one = first.agent("pull_interval = \"200ms\"\n");
    wait_for("the pushed configuration", || {
        one.log().contains("is in force").then_some(())
    });
    append(&dir.path().join("more-1.log"), "after the restart\n");
    wait_for("the line of each", || {
        (collector.count("\"after the restart\"") == 2).then_some(())
    });
    // And their own comes back.
    let output = run(&[
        "agents",
        "config",
        "unset",
        "--group",
        "role=web",
        "--wait",
        "1s",
        "--server",
        collector.page(),
    ]);
    succeeded(&output);
    wait_for("a newer version", || {
        group(&collector)["version"].as_u64().filter(|now| *now > version)
    });
    second.write("their own again\n");
    wait_for("the line", || {
        (collector.count("\"their own again\"") == 1).then_some(())
    });
    assert_eq!((one.stop(), two.stop()), (0, 0));
}

#[test]
fn a_configuration_that_silences_the_first_machine_is_rolled_back_and_the_others_never_had_it() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let machines = two(dir.path(), &collector);
    let refused = push(
        dir.path(),
        &collector,
        "1s",
        "[agent]\ncollector = \"https://elsewhere:1\"\n",
    );
    assert!(
        errors(&refused).contains("unknown field `collector`"),
        "{}",
        errors(&refused)
    );
    succeeded(&push(
        dir.path(),
        &collector,
        "20s",
        "[agent]\nattributes = { pushed = \"yes\" }\n",
    ));
    wait_for("one to run it", || {
        group(&collector)["trial"].as_str()?.contains("1 of 1").then_some(())
    });
    let trying = machines
        .iter()
        .position(|(_, agent)| agent.log().contains("trying a pushed"))
        .unwrap();
    let (silent, other) = (&machines[trying], &machines[1 - trying]);
    // Stopped, not killed: it holds its connection and says nothing.
    let stopped = Command::new("kill")
        .args(["-STOP", &silent.1.pid().to_string()])
        .status()
        .unwrap();
    assert!(stopped.success());
    let last = wait_for("the verdict", || {
        let last = group(&collector)["last"].as_str()?.to_owned();
        (!last.is_empty()).then_some(last)
    });
    assert!(last.contains("rolled back") && last.contains("silent"), "{last}");
    assert!(!other.1.log().contains("trying a pushed"), "{}", other.1.log());
    let awake = Command::new("kill")
        .args(["-CONT", &silent.1.pid().to_string()])
        .status()
        .unwrap();
    assert!(awake.success());
    wait_for("the machine to go back", || {
        silent
            .1
            .log()
            .contains("own configuration is in force again")
            .then_some(())
    });
    silent.0.write("by its own\n");
    wait_for("its line", || (collector.count("\"by its own\"") == 1).then_some(()));
    assert_eq!(collector.count("pushed:yes"), 0);
}
