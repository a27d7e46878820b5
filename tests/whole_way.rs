//! From a line in a file to an answer, by the real program.

mod support;

use std::fs;

use serde_json::json;
use support::{Program, append, bodies, run, scratch, up_config, wait_for};

#[test]
fn a_line_written_to_a_file_is_found() {
    let dir = scratch();
    append(
        &dir.path().join("app.log"),
        "2026-11-01T10:00:00Z ERROR connection reset by 10.1.2.3\n",
    );
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    let found = wait_for("the line", || {
        Some(program.records("10.1.2.3")).filter(|found| !found.is_empty())
    });
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0]["body"],
        "2026-11-01T10:00:00Z ERROR connection reset by 10.1.2.3"
    );
    assert_eq!(found[0]["timestamp"], "2026-11-01T10:00:00.000000000Z");
    assert_eq!(found[0]["severity"], "error");
    assert_eq!(found[0]["stream"]["host.name"], "test-host");
    assert_eq!(found[0]["stream"]["service.name"], "app");
    assert_eq!(found[0]["place"]["start"], 0);
    assert_eq!(program.stop(), 0);
}

#[test]
fn a25_bytes_that_are_no_text_are_kept_as_they_are() {
    let dir = scratch();
    append(&dir.path().join("app.log"), b"before\nbin \xff\xfe\x80 ary\nafter\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("three lines", || (program.count("*") == 3).then_some(()));
    let found = program.records("bin");
    assert_eq!(found[0]["body_base64"], "YmluIP/+gCBhcnk=");
}

#[test]
fn what_was_taken_is_found_again_after_a_restart() {
    let dir = scratch();
    let file = dir.path().join("app.log");
    append(&file, "one\ntwo\n");
    let config = up_config(dir.path(), &["*.log"]);
    let program = Program::start(dir.path(), "up", &config);
    wait_for("two lines", || (program.count("*") == 2).then_some(()));
    assert_eq!(program.stop(), 0);
    append(&file, "three\n");
    let program = Program::start(dir.path(), "up", &config);
    wait_for("three lines", || (program.count("*") == 3).then_some(()));
    assert_eq!(bodies(&program.records("*")), ["one", "three", "two"]);
}

#[test]
fn roles_run_as_processes_of_their_own() {
    let dir = scratch();
    let path = dir.path();
    append(&path.join("app.log"), "alpha\nbeta\n");
    let collector = Program::start(
        path,
        "collector",
        &format!(
            "data = {:?}\n[server]\nhttp = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\n",
            path.join("c")
        ),
    );
    let grpc = collector.announced("agents").to_owned();
    let store_config = format!(
        "data = {:?}\n[server]\nhttp = \"127.0.0.1:0\"\n[store]\ncollector = \"http://{grpc}\"\nflush_interval = \"1s\"\n",
        path.join("s")
    );
    let agent_config = format!(
        "data = {:?}\n[agent]\ncollector = \"http://{grpc}\"\ntail = [{:?}]\n",
        path.join("a"),
        path.join("app.log")
    );
    let store = Program::start(path, "store", &store_config);
    let agent = Program::start(path, "agent", &agent_config);
    wait_for("two lines", || (store.count("*") == 2).then_some(()));

    // Each is killed in turn; the others go on, and what is written meanwhile arrives.
    agent.kill();
    append(&path.join("app.log"), "gamma\n");
    let agent = Program::start(path, "agent", &agent_config);
    wait_for("the third line", || (store.count("*") == 3).then_some(()));
    store.kill();
    append(&path.join("app.log"), "delta\n");
    let store = Program::start(path, "store", &store_config);
    wait_for("the fourth line", || (store.count("*") == 4).then_some(()));
    assert_eq!(bodies(&store.records("*")), ["alpha", "beta", "delta", "gamma"]);
    assert_eq!((agent.stop(), store.stop(), collector.stop()), (0, 0, 0));
}

#[test]
fn q21_a_second_process_on_the_same_data_is_refused() {
    let dir = scratch();
    let config = up_config(dir.path(), &["*.log"]);
    let program = Program::start(dir.path(), "up", &config);
    let log = Program::try_start(dir.path(), "up", &config)
        .err()
        .expect("the second is refused");
    assert!(
        log.contains("is in use") && log.contains(&program.pid().to_string()),
        "{log}"
    );
}

#[test]
fn a_port_in_use_is_an_error_that_names_the_key() {
    let dir = scratch();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config =
        up_config(dir.path(), &["*.log"]).replacen("http = \"127.0.0.1:0\"", &format!("http = \"{address}\""), 1);
    let log = Program::try_start(dir.path(), "up", &config)
        .err()
        .expect("the port is taken");
    assert!(log.contains(&address) && log.contains("server.http"), "{log}");
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    let dir = scratch();
    let file = dir.path().join("bad.toml");
    fs::write(&file, "[agent]\ntial = []\n").unwrap();
    let output = run(&["config", "check", file.to_str().unwrap()]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        message.contains("tial") && message.contains("did you mean `tail`"),
        "{message}"
    );
}

#[test]
fn a_data_directory_of_a_newer_format_is_refused() {
    let dir = scratch();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(dir.path().join("data/VERSION"), "timberline data 99\n").unwrap();
    let log = Program::try_start(dir.path(), "up", &up_config(dir.path(), &["*.log"]))
        .err()
        .expect("it is refused");
    assert!(log.contains("format 99") && log.contains("newer"), "{log}");
}

#[test]
fn a_query_that_does_not_parse_says_where() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    let error = program
        .post("/api/v1/query", &json!({"query": "error | stast count()"}))
        .unwrap_err();
    assert!(
        error.starts_with("400") && error.contains("\"suggestion\":\"stats\"") && error.contains("\"start\":8"),
        "{error}"
    );
    let output = run(&["query", "error | stast count()", "--server", program.page()]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("        ^^^^^"), "{message}");
}

#[test]
fn the_command_line_prints_lines_as_they_were() {
    let dir = scratch();
    append(&dir.path().join("app.log"), b"one \xff\ntwo\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("two lines", || (program.count("*") == 2).then_some(()));
    let output = run(&["query", "one", "-o", "raw", "--server", program.page()]);
    assert_eq!(output.stdout, b"one \xff\n");
    let output = run(&[
        "query",
        "* | stats count() as n",
        "-o",
        "csv",
        "--server",
        program.page(),
    ]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "n\n2\n");
}

#[test]
fn posted_lines_are_found() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none"]));
    let answer = program
        .post(
            "/api/v1/ingest?service=shop",
            &json!({"level": "warn", "message": "low stock"}),
        )
        .unwrap();
    assert_eq!(answer["accepted"], 1);
    let found = wait_for("the record", || program.records("level:warn service:shop").pop());
    assert_eq!(found["severity"], "warn");
    assert_eq!(found["fields"]["message"], "low stock");
}

#[test]
fn an_unreadable_file_is_named_and_the_others_are_read() {
    let dir = scratch();
    // A directory that a glob takes for a file cannot be read, not even by root.
    fs::create_dir(dir.path().join("bad.log")).unwrap();
    append(&dir.path().join("good.log"), "here\n");
    append(&dir.path().join("empty.log"), "");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("the line", || (program.count("here") == 1).then_some(()));
}

#[test]
fn s10_a_statement_too_deep_to_plan_is_refused_and_the_process_goes_on() {
    let dir = scratch();
    append(&dir.path().join("app.log"), "one\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("the line", || (program.count("*") == 1).then_some(()));
    let chain = |terms: usize| {
        let terms: Vec<_> = (0..terms).map(|n| format!("body = '{n}'")).collect();
        json!({"query": format!("SELECT count(*) AS n FROM logs WHERE {}", terms.join(" OR "))})
    };
    let answer = program.post("/api/v1/query", &chain(200)).unwrap();
    assert_eq!(answer["rows"][0][0], 0);
    let error = program.post("/api/v1/query", &chain(1000)).unwrap_err();
    assert!(error.starts_with("400") && error.contains("IN ("), "{error}");
    for chained in [" IS NULL", " LIKE 'a'", " IS TRUE", " XOR a"] {
        let statement = format!("SELECT 1 FROM logs WHERE a{}", chained.repeat(8000));
        let error = program.post("/api/v1/query", &json!({"query": statement})).unwrap_err();
        assert!(error.starts_with("400"), "{error}");
    }
    assert_eq!(program.count("*"), 1);
}

#[test]
fn a_chart_spans_the_records_found_and_not_all_that_is_stored() {
    let dir = scratch();
    append(
        &dir.path().join("app.log"),
        "2020-01-01T00:00:00Z old\n2026-11-01T10:00:00Z new\n2026-11-01T10:20:00Z new\n",
    );
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("three lines", || (program.count("*") == 3).then_some(()));
    let answer = program
        .post("/api/v1/query", &json!({"query": "new | timechart span=10m count()"}))
        .unwrap();
    let counts: Vec<_> = answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[1].clone())
        .collect();
    assert_eq!(counts, [1, 0, 1]);
}

#[test]
fn a_packed_body_is_unpacked_and_one_packed_otherwise_is_refused() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none"]));
    let address = format!("{}/api/v1/ingest", program.page());
    let post = |packing: &str, body: &[u8]| ureq::post(&address).header("content-encoding", packing).send(body);
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\x48\x4c\xce\x4e\x4d\x51\xc8\xcf\x4b\xe5\x2a\x80\x30\x4b\xca\xf3\xb9\x00\x76\x88\xc3\x56\x16\x00\x00\x00";
    post("gzip", gzip).unwrap();
    wait_for("both lines", || (program.count("packed") == 2).then_some(()));
    assert!(post("gzip", b"\x1f\x8b").unwrap_err().to_string().contains("400"));
    assert!(post("br", b"x").unwrap_err().to_string().contains("415"));
    assert_eq!(program.count("*"), 2);
}

#[test]
fn q17_what_the_queue_lost_is_said_in_every_answer() {
    let dir = scratch();
    append(&dir.path().join("app.log"), "one\ntwo\n");
    let config = up_config(dir.path(), &["*.log"]);
    let program = Program::start(dir.path(), "up", &config);
    wait_for("two lines", || (program.count("*") == 2).then_some(()));
    assert_eq!(program.stop(), 0);
    // The store is to be built anew from a queue in which the one batch is damaged.
    fs::remove_dir_all(dir.path().join("data/store")).unwrap();
    let segments = dir.path().join("data/queue/topics/logs/0");
    let segment = fs::read_dir(&segments)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "log"))
        .unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 0x55;
    fs::write(&segment, bytes).unwrap();
    append(&dir.path().join("app.log"), "three\n");
    let program = Program::start(dir.path(), "up", &config);
    wait_for("the third line", || (program.count("three") == 1).then_some(()));
    let answer = program.post("/api/v1/query", &json!({"query": "*"})).unwrap();
    assert_eq!(answer["records"].as_array().unwrap().len(), 1, "{answer}");
    assert!(
        answer["completeness"]["partial"][0]
            .as_str()
            .unwrap()
            .contains("missing"),
        "{answer}"
    );
}

#[test]
fn s17_a_query_that_computes_without_end_is_ended_and_holds_up_nothing_else() {
    let dir = scratch();
    let lines: String = (0..2000).map(|n| format!("line {n}\n")).collect();
    append(&dir.path().join("app.log"), lines);
    let config = up_config(dir.path(), &["*.log"]) + "[query]\ntime_limit = \"2s\"\nthreads = 2\n";
    let program = Program::start(dir.path(), "up", &config);
    wait_for("the lines", || (program.count("*") == 2000).then_some(()));
    let endless = json!({"query": "SELECT count(*) FROM logs a, logs b, logs c, logs d"});
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| program.post("/api/v1/query", &endless)))
            .collect();
        while asked.iter().any(|asked| !asked.is_finished()) {
            assert_eq!(program.get("/livez").0, 200);
        }
        for asked in asked {
            let error = asked.join().unwrap().unwrap_err();
            assert!(error.contains("query.time_limit"), "{error}");
        }
    });
    assert_eq!(program.records("line").len(), 2000);
    let counted = || program.post("/api/v1/query", &json!({"query": "* | stats count() as n"}));
    let counted = wait_for("plans to be computed again", || counted().ok());
    assert_eq!(counted["rows"][0][0], 2000);
    let error = program
        .post(
            "/api/v1/query",
            &json!({"query": "SELECT repeat('a', 1000000000) FROM logs"}),
        )
        .unwrap_err();
    assert!(error.starts_with("4") || error.starts_with("5"), "{error}");
}
