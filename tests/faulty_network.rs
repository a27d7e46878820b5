//! A network that drops, delays and half-opens connections, between an agent, a collector and a store
//! that are processes of their own, while files are rotated: nothing lost, nothing doubled.
//!
//! `TIMBERLINE_NETWORK_SEED` repeats a run's faults, `TIMBERLINE_NETWORK_SECONDS` makes it longer.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![allow(clippy::print_stdout, reason = "whoever looks at a test's output is to see its seed")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::load::{Load, Plan, Random, check, seed};
use support::proxy::Proxy;
use support::{DEADLINE, Program, append, program, run, scratch, wait_at_most, wait_for};

const PLAN: Plan = Plan {
    files: 4,
    lines_per_second: 1000,
    rotate_lines: 300,
    keep: 60,
};

/// A dead connection is given up after twice this.
const KEEPALIVE: Duration = Duration::from_secs(1);

fn collector(dir: &Path, more: &str) -> Program {
    let data = dir.join("c");
    let config = format!(
        "data = {data:?}\n[server]\nhttp = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\n[queue]\nsegment_bytes_max = \"256KiB\"\nretention_bytes = \"1MiB\"\n{more}"
    );
    Program::start(dir, "collector", &config)
}

/// Through these networks, plain or by certificate.
fn store(dir: &Path, collector: &str) -> Program {
    let data = dir.join("s");
    let config = format!(
        "data = {data:?}\n[server]\nhttp = \"127.0.0.1:0\"\n[store]\ncollector = {collector:?}\nflush_interval = \"1s\"\n"
    );
    Program::start(dir, "store", &config)
}

fn agent(dir: &Path, collector: &str) -> Program {
    let (data, glob) = (dir.join("a"), dir.join("logs/*.log*"));
    let config = format!(
        "data = {data:?}\nhost = \"edge\"\nzone = \"UTC\"\n[agent]\ncollector = {collector:?}\ntail = [{glob:?}]\n\
         rotate_wait = \"2s\"\nbackoff_max = \"300ms\"\nkeepalive_interval = \"{}ms\"\n",
        KEEPALIVE.as_millis()
    );
    Program::start(dir, "agent", &config)
}

/// Lines through both networks while they fail, then until all is there.
fn run_through(dir: &Path, agent: &Program, store: &Program, networks: [&Proxy; 2], seed: u64) {
    let seconds = std::env::var("TIMBERLINE_NETWORK_SECONDS").map_or(12, |text| text.parse().expect("a number"));
    let load = Load::start(&dir.join("logs"), PLAN, seed);
    networks.iter().for_each(|network| network.set_faulty(true));
    let begin = Instant::now();
    let mut random = Random::new(seed);
    while begin.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(random.millis(500, 3000)); // the fault's moment is meant to be arbitrary
        // What lasts would otherwise see no fault.
        match random.below(4) {
            0 | 1 => networks[1].cut(),
            2 => networks[1].stall(),
            _ => networks[0].stall(),
        }
    }
    networks.iter().for_each(|network| network.set_faulty(false));
    let written = load.stop();
    let found = check(store, &written, DEADLINE + Duration::from_secs(seconds));
    println!(
        "{} lines; agent's connections: {:?}; store's: {:?}",
        found.lines,
        networks[0].tally(),
        networks[1].tally()
    );
    assert!(!agent.log().contains("panicked"), "{}", agent.log());
}

#[test]
fn a34_a36_nothing_is_lost_or_doubled_over_a_network_that_drops_delays_and_half_opens() {
    let seed = seed("TIMBERLINE_NETWORK_SEED");
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let grpc = collector.announced("agents");
    let networks = [Proxy::start(grpc, seed), Proxy::start(grpc, seed + 1)];
    let store = store(dir.path(), &format!("http://{}", networks[1].address()));
    let agent = agent(dir.path(), &format!("http://{}", networks[0].address()));
    run_through(dir.path(), &agent, &store, [&networks[0], &networks[1]], seed);
    assert_eq!((agent.stop(), store.stop(), collector.stop()), (0, 0, 0));
}

#[test]
fn a34_a36_nor_by_certificate() {
    let seed = seed("TIMBERLINE_NETWORK_SEED");
    let dir = scratch();
    let collector = collector(dir.path(), "[server.grpc_tls]\nmode = \"mutual\"\n");
    let grpc = collector.announced("agents");
    let networks = [Proxy::start(grpc, seed), Proxy::start(grpc, seed + 1)];
    let server = collector.announced("ingest").trim_end_matches("/api/v1/ingest");
    for (role, data, network) in [("agent", "a", &networks[0]), ("store", "s", &networks[1])] {
        let token = run(&["agents", "token", "create", "--role", role, "--server", server]);
        let token = String::from_utf8(token.stdout).unwrap();
        let data = dir.path().join(data);
        let url = format!("https://{}", network.address());
        let enrolled = run(&[
            "enroll",
            &url,
            "--token",
            token.trim(),
            "--data",
            data.to_str().unwrap(),
        ]);
        assert!(
            enrolled.status.success(),
            "{}",
            String::from_utf8_lossy(&enrolled.stderr)
        );
    }
    let store = store(dir.path(), &format!("https://{}", networks[1].address()));
    let agent = agent(dir.path(), &format!("https://{}", networks[0].address()));
    run_through(dir.path(), &agent, &store, [&networks[0], &networks[1]], seed);
    assert_eq!((agent.stop(), store.stop(), collector.stop()), (0, 0, 0));
}

#[test]
fn a34_a_connection_that_is_half_open_is_given_up_in_time() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let network = Proxy::start(collector.announced("agents"), 0);
    let store = store(dir.path(), &format!("http://{}", collector.announced("agents")));
    let log = dir.path().join("logs/app.log");
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    append(&log, "before\n");
    let agent = agent(dir.path(), &format!("http://{}", network.address()));
    wait_for("the first line", || (store.count("*") == 1).then_some(()));
    // While a batch waits for its verdict, and while nothing is under way but reports.
    for is_busy in [true, false] {
        let stalled = Instant::now();
        network.stall();
        if is_busy {
            append(&log, "amid\n");
        }
        let limit = 2 * KEEPALIVE + Duration::from_secs(3);
        let noticed = wait_at_most(limit, "another connection", || {
            network.last_accepted().filter(|accepted| *accepted > stalled)
        });
        println!(
            "busy: {is_busy}; noticed after {:.1} s",
            (noticed - stalled).as_secs_f64()
        );
        wait_for("the line", || (store.count("*") == 2).then_some(()));
    }
    assert_eq!((agent.stop(), store.stop(), collector.stop()), (0, 0, 0));
}

#[test]
fn a_client_that_ships_made_logs_does_not_wait_for_ever_on_a_half_open_connection() {
    let dir = scratch();
    let collector = collector(dir.path(), "");
    let network = Proxy::start(collector.announced("agents"), 0);
    let url = format!("http://{}", network.address());
    let mut loadgen = Command::new(program())
        .args(["loadgen", "--grpc", &url, "--rate", "2000", "--seed", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("its connection", || network.last_accepted());
    std::thread::sleep(Duration::from_millis(500)); // it ships
    network.stall();
    let ended = wait_at_most(Duration::from_secs(15), "its end", || loadgen.try_wait().unwrap());
    assert!(!ended.success(), "what was not acked is no success");
}
