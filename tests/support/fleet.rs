//! Machines that enroll at a collector, each below a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::{Program, append, bodies, program, run, up_config, wait_for};

/// `up` that asks everybody for a certificate, its own agent too.
pub fn collector(dir: &Path, more: &str) -> Program {
    Program::start(dir, "up", &collector_config(dir, more))
}

/// The same collector again, where it was.
pub fn collector_again(dir: &Path, more: &str, agents: &str) -> Program {
    let config = collector_config(dir, more);
    let config = config.replacen("grpc = \"127.0.0.1:0\"", &format!("grpc = {agents:?}"), 1);
    Program::start(dir, "up", &config)
}

fn collector_config(dir: &Path, more: &str) -> String {
    let config = up_config(dir, &["own.log"]).replacen("[server]\n", "[server]\nagent_timeout = \"10s\"\n", 1);
    format!("{config}[server.grpc_tls]\nmode = \"mutual\"\n{more}")
}

/// A machine with an agent of its own, below `dir`.
pub struct Machine {
    pub dir: PathBuf,
}

impl Machine {
    pub fn new(dir: &Path, name: &str) -> Self {
        let dir = dir.join(name);
        fs::create_dir_all(&dir).unwrap();
        Self { dir }
    }

    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub fn pki(&self) -> PathBuf {
        self.data().join("agent/pki")
    }

    pub fn enroll(&self, collector: &Program, token: &str) -> Output {
        self.enroll_at(&url(collector), token, None)
    }

    pub fn enroll_at(&self, url: &str, token: &str, crash_at: Option<&str>) -> Output {
        let mut command = Command::new(program());
        command
            .args(["enroll", url, "--token", token, "--data"])
            .arg(self.data());
        if let Some(point) = crash_at {
            command.env("TIMBERLINE_CRASH_AT", point);
        }
        command.output().unwrap()
    }

    /// Starts the agent; it finds its collector in what enrolling left.
    pub fn agent(&self, more: &str) -> Program {
        self.agent_with(more, &[])
            .unwrap_or_else(|log| panic!("the agent did not start:\n{log}"))
    }

    /// The same with variables of the environment; what it logged if it ended instead.
    pub fn agent_with(&self, more: &str, variables: &[(&str, &str)]) -> Result<Program, String> {
        let config = format!(
            "data = {:?}\nhost = \"remote\"\nzone = \"UTC\"\n[agent]\ntail = [{:?}]\nbackoff_max = \"1s\"\n{more}",
            self.data(),
            self.dir.join("app.log")
        );
        Program::try_start_with(&self.dir, "agent", &config, variables)
    }

    pub fn write(&self, lines: &str) {
        append(&self.dir.join("app.log"), lines);
    }

    pub fn enroll_again(&self, collector: &Program, token: &str) -> Output {
        let mut command = Command::new(program());
        command
            .args(["enroll", &url(collector), "--again", "--token", token, "--data"])
            .arg(self.data());
        command.output().unwrap()
    }

    pub fn id(&self) -> String {
        let path = self.pki().join("id");
        fs::read_to_string(path).unwrap().trim().to_owned()
    }
}

pub fn url(collector: &Program) -> String {
    format!("https://{}", collector.announced("agents"))
}

/// What `timberline agents …` prints.
#[track_caller]
pub fn agents(collector: &Program, arguments: &[&str]) -> String {
    let server = ["--server", collector.page()];
    let output = run(&[&["agents"], arguments, &server].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub fn token(collector: &Program, arguments: &[&str]) -> String {
    agents(collector, &[&["token", "create"], arguments].concat())
        .trim()
        .to_owned()
}

pub fn get(collector: &Program, path: &str) -> Value {
    let (status, body) = collector.get(path);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

pub fn uses_left(collector: &Program) -> u64 {
    get(collector, "/api/v1/agents/tokens")["tokens"][0]["uses_left"]
        .as_u64()
        .unwrap()
}

pub fn machine(collector: &Program, id: &str) -> Value {
    let list = get(collector, "/api/v1/agents/enrolled");
    let machines = list["machines"].as_array().unwrap();
    machines
        .iter()
        .find(|machine| machine["id"] == id)
        .cloned()
        .unwrap_or_else(|| panic!("no {id} in {list}"))
}

pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
pub fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", errors(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn sent_by(collector: &Program, host: &str) -> Vec<String> {
    bodies(&collector.records(&format!("host.name:{host}")))
}

/// What a group runs and how its trial goes.
pub fn group(collector: &Program) -> Value {
    get(collector, "/api/v1/agents/config")["groups"][0].clone()
}

/// Pushes `text` to the machines with `role=web`.
pub fn push(dir: &Path, collector: &Program, wait: &str, text: &str) -> Output {
    let file = dir.join("pushed.toml");
    fs::write(&file, text).unwrap();
    let server = ["--server", collector.page()];
    let arguments = [
        "agents",
        "config",
        "set",
        "--group",
        "role=web",
        "--wait",
        wait,
        file.to_str().unwrap(),
    ];
    run(&[&arguments[..], &server].concat())
}

/// Two machines with the label `role=web`, running.
pub fn two(dir: &Path, collector: &Program) -> [(Machine, Program); 2] {
    let several = token(collector, &["--uses", "2", "--label", "role=web"]);
    ["web-1", "web-2"].map(|name| {
        let machine = Machine::new(dir, name);
        succeeded(&machine.enroll(collector, &several));
        let agent =
            machine.agent("pull_interval = \"200ms\"\nreport_interval = \"200ms\"\npushed_deadline = \"20s\"\n");
        let id = machine.id();
        wait_for("the agent's report", || {
            let answer = collector.post(
                "/api/v1/query",
                &serde_json::json!({"query": "SELECT agent FROM agents"}),
            );
            answer.ok()?.to_string().contains(&id).then_some(())
        });
        (machine, agent)
    })
}
