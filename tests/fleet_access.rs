//! Who is let in and who is not, over restarts, ends of certificates and collectors that are away: the
//! real program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use support::fleet::{
    Machine, agents, collector, collector_again, errors, get, group, machine, push, sent_by, succeeded, token, url,
    uses_left,
};
use support::{DEADLINE, append, run, scratch, wait_for};

#[test]
fn the_own_agent_of_up_that_was_revoked_stays_so_over_restarts_until_it_is_allowed() {
    let dir = scratch();
    let first = collector(dir.path(), "");
    append(&dir.path().join("own.log"), "before\n");
    wait_for("the first line", || {
        (sent_by(&first, "test-host") == ["before"]).then_some(())
    });
    let own = get(&first, "/api/v1/agents/enrolled")["machines"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    agents(&first, &["revoke", &own]);
    first.kill();
    append(&dir.path().join("own.log"), "after\n");
    let second = collector(dir.path(), "");
    wait_for("the word of it", || {
        second.log().contains("own agent ships nothing").then_some(())
    });
    wait_for("the refusal", || second.log().contains("was revoked;").then_some(()));
    assert_eq!(machine(&second, &own)["state"], "revoked");
    assert_eq!(sent_by(&second, "test-host"), ["before"]);
    agents(&second, &["allow", &own]);
    assert_eq!(machine(&second, &own)["state"], "allowed");
    second.kill();
    let third = collector(dir.path(), "");
    wait_for("the line", || {
        (sent_by(&third, "test-host") == ["after", "before"]).then_some(())
    });
}

#[test]
fn a_machine_whose_certificate_ran_out_beyond_renewal_keeps_its_id_and_comes_back_when_it_is_allowed() {
    let dir = scratch();
    let collector = collector(
        dir.path(),
        "agent_certificate_ttl = \"4s\"\nagent_certificate_grace = \"1s\"\n",
    );
    let several = token(&collector, &["--uses", "9"]);
    let web = Machine::new(dir.path(), "web");
    succeeded(&web.enroll(&collector, &several));
    web.write("before\n");
    let agent = web.agent("");
    wait_for("the line", || {
        (sent_by(&collector, "remote") == ["before"]).then_some(())
    });
    agent.kill();
    web.write("meanwhile\n");
    let ends: jiff::Timestamp = machine(&collector, &web.id())["expires"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    wait_for("the end of the time to renew", || {
        (jiff::Timestamp::now().as_second() > ends.as_second() + 2).then_some(())
    });
    assert_eq!(machine(&collector, &web.id())["state"], "expired");
    let agent = web.agent("");
    let refused = web.enroll(&collector, &several);
    assert!(
        errors(&refused).contains("is enrolled already with another key"),
        "{}",
        errors(&refused)
    );
    // Nor does another machine get its id.
    let thief = Machine::new(dir.path(), "thief");
    std::fs::create_dir_all(thief.pki()).unwrap();
    let id = std::fs::read(web.data().join("agent/agent-id")).unwrap();
    std::fs::write(thief.data().join("agent/agent-id"), id).unwrap();
    let refused = thief.enroll(&collector, &several);
    assert!(errors(&refused).contains("agents allow"), "{}", errors(&refused));
    agents(&collector, &["allow", &web.id()]);
    succeeded(&web.enroll(&collector, &several));
    wait_for("both lines, each once", || {
        (sent_by(&collector, "remote") == ["before", "meanwhile"]).then_some(())
    });
    let refusals = agents(&collector, &["audit"]);
    assert!(
        refusals.contains("refused  127.0.0.1  another machine's id"),
        "{refusals}"
    );
    drop(agent);
}

#[test]
fn enrolling_a_machine_whose_certificate_ran_out_lately_renews_it_and_takes_no_use_of_a_token() {
    let dir = scratch();
    let collector = collector(dir.path(), "agent_certificate_ttl = \"4s\"\n");
    let once = token(&collector, &[]);
    let web = Machine::new(dir.path(), "web");
    succeeded(&web.enroll(&collector, &once));
    wait_for("the certificate's end", || {
        (machine(&collector, &web.id())["state"] == "expired").then_some(())
    });
    let said = succeeded(&web.enroll(&collector, &once));
    assert!(said.contains("was renewed"), "{said}");
    assert_eq!(
        (uses_left(&collector), machine(&collector, &web.id())["state"].as_str()),
        (0, Some("valid"))
    );
}

#[test]
fn a_trial_during_which_the_collector_is_away_is_put_off_and_succeeds_later() {
    let dir = scratch();
    let first = collector(dir.path(), "");
    let address = first.announced("agents").to_owned();
    let web = Machine::new(dir.path(), "web");
    succeeded(&web.enroll(&first, &token(&first, &["--label", "role=web"])));
    let more = "pull_interval = \"200ms\"\nreport_interval = \"200ms\"\npushed_deadline = \"2s\"\n";
    let mut agent = web
        .agent_with(more, &[("TIMBERLINE_CRASH_AT", "pushed-trial-kept")])
        .unwrap();
    wait_for("a trial to begin", || {
        let pushed = push(dir.path(), &first, "1s", "[agent]\nattributes = { pushed = \"yes\" }\n");
        pushed.status.success().then_some(())
    });
    // It dies with the trial kept and not begun, and finds no collector when it is back.
    wait_for("the agent's end", || agent.has_ended().then_some(()));
    first.kill();
    let agent = web.agent(more);
    wait_for("the trial to be put off", || {
        agent.log().contains("was put off").then_some(())
    });
    assert!(
        agent.log().contains("the collector was not reached within 2 s"),
        "{}",
        agent.log()
    );
    let second = collector_again(dir.path(), "", &address);
    web.write("by the pushed configuration\n");
    wait_for("the trial's end", || {
        group(&second)["last"].as_str().unwrap().contains("runs").then_some(())
    });
    assert!(
        agent.log().contains("the pushed configuration is kept"),
        "{}",
        agent.log()
    );
    wait_for("the line", || {
        (second.count("\"by the pushed configuration\"") == 1).then_some(())
    });
}

#[test]
fn a_pushed_configuration_leaves_the_machines_own_redaction_and_excludes_in_force() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let web = Machine::new(dir.path(), "web");
    succeeded(&web.enroll(&collector, &token(&collector, &["--label", "role=web"])));
    let secret = web.dir.join("secret.log");
    append(&secret, "never read\n");
    let more = format!(
        "pull_interval = \"200ms\"\nreport_interval = \"200ms\"\nexclude = [{secret:?}]\n\
         [[agent.rules]]\nname = \"cards\"\nredact = {{ detect = [\"card\"] }}\n"
    );
    let agent = web.agent(&more);
    let text = format!(
        "[agent]\ntail = [{:?}]\nexclude = []\n[[agent.rules]]\nname = \"mark\"\nadd = {{ pushed = \"yes\" }}\n",
        web.dir.join("*.log")
    );
    wait_for("a trial to begin", || {
        push(dir.path(), &collector, "1s", &text).status.success().then_some(())
    });
    wait_for("the pushed configuration", || {
        agent.log().contains("the pushed configuration is kept").then_some(())
    });
    web.write("paid with 4111 1111 1111 1111\n");
    let line = wait_for("the line", || {
        sent_by(&collector, "remote")
            .into_iter()
            .find(|line| line.contains("paid"))
    });
    assert!(!line.contains("4111"), "{line}");
    assert_eq!(collector.count("pushed:yes paid"), 1);
    assert_eq!(collector.count("\"never read\""), 0);
}

#[test]
fn loadgen_sends_by_tls_as_the_agent_that_enrolled_on_its_machine() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let web = Machine::new(dir.path(), "web");
    let to = url(&collector);
    let data = web.data().display().to_string();
    let arguments = [
        "loadgen", "--grpc", &to, "--data", &data, "--lines", "300", "--shape", "logfmt",
    ];
    let refused = run(&arguments);
    assert!(errors(&refused).contains("not enrolled"), "{}", errors(&refused));
    succeeded(&web.enroll(&collector, &token(&collector, &[])));
    succeeded(&run(&arguments));
    wait_for("the lines", || {
        (collector.count("host.name:loadgen-1") == 300).then_some(())
    });
}

#[test]
fn connections_beyond_an_addresss_share_are_closed_and_enrolled_machines_go_on() {
    let dir = scratch();
    let config = support::up_config(dir.path(), &["own.log"]).replacen(
        "[server]\n",
        "[server]\ngrpc_connections_per_address_max = 8\nheader_timeout = \"2s\"\n",
        1,
    );
    let program = support::Program::start(dir.path(), "up", &config);
    let mut silent: Vec<TcpStream> = Vec::new();
    // Its own agent has one, so at most seven of these stay.
    for _ in 0..12 {
        silent.push(TcpStream::connect(program.announced("agents")).unwrap());
    }
    let mut closed = 0;
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        closed += usize::from(matches!(stream.read(&mut [0; 1]), Ok(0)));
    }
    assert!(closed >= 4, "{closed} of 12");
    append(&dir.path().join("own.log"), "the agent goes on\n");
    wait_for("its line", || (program.count("*") == 1).then_some(()));
    // Those that stayed say nothing, and are closed after `header_timeout`.
    for stream in &mut silent {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        if let Err(error) = stream.read_to_end(&mut Vec::new()) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
    assert_eq!(program.stop(), 0);
}

#[test]
fn a_host_that_was_revoked_is_called_silent_no_more_until_it_is_allowed_again() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let once = token(&collector, &[]);
    let web = Machine::new(dir.path(), "web");
    succeeded(&web.enroll(&collector, &once));
    web.write("hello\n");
    let agent = web.agent("report_interval = \"200ms\"\n");
    wait_for("the line", || {
        (sent_by(&collector, "remote") == ["hello"]).then_some(())
    });
    let rule = json!({
        "name": "Silent hosts", "severity": "critical", "window": "4s", "every": "2s", "allowed_lateness": "1s",
        "condition": { "kind": "silence", "of": "host", "hosts": ["remote"], "causes": ["agent_down"] }
    });
    collector.post("/api/v1/alerts/rules", &rule).unwrap();
    let wait_until = |state: &str| {
        wait_for(&format!("the rule to be {state}"), || {
            let history = get(&collector, "/api/v1/alerts/history");
            (history["entries"][0]["transition"]["to"] == state).then_some(())
        });
    };
    drop(agent);
    wait_until("firing");
    agents(&collector, &["revoke", &web.id()]);
    wait_until("resolved");
    agents(&collector, &["allow", &web.id()]);
    wait_until("firing");
}
