//! Agent, collector and store as processes of their own, one of them or all killed (kill -9) at random
//! moments, also amid their start, while lines are written and files rotated: none lost, none twice.
//!
//! `TIMBERLINE_KILLS_MINUTES=60` makes it last an hour with a kill every few seconds;
//! `TIMBERLINE_KILLS_SECONDS` sets the time of the hurried run that is the default, in which files are
//! rotated every second or so; `TIMBERLINE_KILLS_SEED` repeats a run's choices.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![allow(clippy::print_stdout, reason = "whoever looks at a test's output is to see its seed")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::load::{Load, Plan, Random, check, seed};
use support::{Program, port, scratch};

/// What a run is like.
struct Pace {
    time: Duration,
    /// Milliseconds from one kill to the next, and those that the killed is down at most.
    between: (u64, u64),
    down_max: u64,
    plan: Plan,
}

impl Pace {
    fn chosen() -> Self {
        let plan = Plan {
            files: 6,
            lines_per_second: 1000,
            rotate_lines: 2500,
            keep: 12,
        };
        match std::env::var("TIMBERLINE_KILLS_MINUTES") {
            Ok(minutes) => Self {
                time: Duration::from_secs_f64(60.0 * minutes.parse::<f64>().expect("a number of minutes")),
                between: (2000, 10_000),
                down_max: 3000,
                plan,
            },
            Err(_) => Self {
                time: Duration::from_secs(
                    std::env::var("TIMBERLINE_KILLS_SECONDS").map_or(12, |text| text.parse().expect("a number")),
                ),
                between: (300, 1500),
                down_max: 400,
                plan: Plan {
                    rotate_lines: 200,
                    keep: 60,
                    ..plan
                },
            },
        }
    }
}

const ROLES: [&str; 3] = ["collector", "store", "agent"];

struct Roles {
    dir: PathBuf,
    configs: BTreeMap<&'static str, String>,
    running: BTreeMap<&'static str, Program>,
    kills: BTreeMap<String, u64>,
}

impl Roles {
    fn start(dir: &Path) -> Self {
        let grpc = format!("127.0.0.1:{}", port());
        let head = |role: &str| {
            format!(
                "data = {:?}\nhost = \"test-host\"\nzone = \"UTC\"\n[server]\nhttp = \"127.0.0.1:0\"\n",
                dir.join(role)
            )
        };
        let collector = format!(
            "{}grpc = {grpc:?}\n[queue]\nsegment_bytes_max = \"256KiB\"\nretention_bytes = \"1MiB\"\nretention_interval = \"1s\"\n",
            head("c")
        );
        let store = format!(
            "{}[store]\ncollector = \"http://{grpc}\"\nflush_interval = \"1s\"\njanitor_interval = \"1s\"\n",
            head("s")
        );
        let agent = format!(
            "{}[agent]\ncollector = \"http://{grpc}\"\ntail = [{:?}]\nrotate_wait = \"2s\"\nbackoff_max = \"500ms\"\n",
            head("a"),
            dir.join("logs/*.log*")
        );
        let mut roles = Self {
            dir: dir.to_owned(),
            configs: BTreeMap::from([("collector", collector), ("store", store), ("agent", agent)]),
            running: BTreeMap::new(),
            kills: BTreeMap::new(),
        };
        ROLES.iter().for_each(|role| roles.run(role));
        roles
    }

    fn run(&mut self, role: &'static str) {
        let program = Program::start(&self.dir, role, &self.configs[role]);
        self.running.insert(role, program);
    }

    fn count(&mut self, what: String) {
        *self.kills.entry(what).or_default() += 1;
    }

    /// Kills what chance names, and starts it again, perhaps after a while and another kill amid its start.
    fn kill(&mut self, random: &mut Random, down_max: u64) {
        let victims = match random.below(8) {
            0 => ROLES.to_vec(),
            _ => vec![ROLES[random.below(3) as usize]],
        };
        for role in &victims {
            self.running.remove(role).expect("each runs between kills").kill();
            self.count((*role).to_owned());
        }
        if random.one_in(2) {
            std::thread::sleep(random.millis(0, down_max));
        }
        for role in victims {
            while random.one_in(3) {
                Program::kill_amid_start(&self.dir, role, &self.configs[role], random.millis(0, 400));
                self.count(format!("{role} amid its start"));
            }
            self.run(role);
        }
    }

    fn store(&self) -> &Program {
        &self.running["store"]
    }
}

#[test]
fn a37_q09_s19_nothing_is_lost_or_doubled_while_each_role_is_killed_at_random() {
    let pace = Pace::chosen();
    let seed = seed("TIMBERLINE_KILLS_SEED");
    let mut random = Random::new(seed);
    let dir = scratch();
    let mut roles = Roles::start(dir.path());
    let load = Load::start(&dir.path().join("logs"), pace.plan, seed);
    let (begin, mut told) = (Instant::now(), 0);
    while begin.elapsed() < pace.time {
        let (from, to) = pace.between;
        let wait = match random.below(5) {
            0 => random.millis(10, from), // before what the last kill left is put in order
            _ => random.millis(from, to),
        };
        std::thread::sleep(wait); // the kill's moment is meant to be arbitrary
        roles.kill(&mut random, pace.down_max);
        let minutes = begin.elapsed().as_secs() / 60;
        if minutes > told {
            told = minutes;
            let written: u64 = load.written().iter().sum();
            println!("minute {minutes}: {written} lines written, killed {:?}", roles.kills);
        }
    }
    let written = load.stop();
    let found = check(roles.store(), &written, Duration::from_secs(120) + pace.time);
    println!(
        "{} lines written; {found:?}; killed {:?}",
        written.iter().sum::<u64>(),
        roles.kills
    );
    for role in ["agent", "store", "collector"] {
        let program = roles.running.remove(role).expect("all run");
        assert_eq!(program.stop(), 0, "{role}");
    }
}
