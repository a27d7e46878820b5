//! Programs of the configuration.

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use super::*;
use crate::alert::notify::render::tests::{NASTY, message, rendered};

struct Script {
    dir: tempfile::TempDir,
    timeout: Duration,
}

impl Script {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("script");
        std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
        Self {
            dir,
            timeout: Duration::from_secs(10),
        }
    }

    fn send(&self, text: &str) -> Result<String, SendError> {
        let options = CommandOptions {
            program: self.dir.path().join("script"),
            arguments: vec!["fixed".to_owned(), self.dir.path().join("out").display().to_string()],
            environment: vec![("TOKEN".to_owned(), Secret::new("canary-token"))],
        };
        let message = message(text);
        super::super::command::CommandTarget::new(&options, self.timeout, 2_048).send(&message, &rendered(&message))
    }
}

#[test]
fn values_arrive_on_standard_input_and_nowhere_else() {
    let script =
        Script::new("cat > \"$2\"; echo \"$# $1 $TOKEN $HOME $(env | wc -l)\"; [ \"$TIMBERLINE_MESSAGE_KEY\" ]");
    let answer = script.send(NASTY).unwrap();
    assert!(
        answer.starts_with("exit 0: 2 fixed …") && !answer.contains("root"),
        "{answer}"
    );
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(script.dir.path().join("out")).unwrap()).unwrap();
    assert_eq!(json["incidents"][0]["group"]["host"], NASTY);
}

#[test]
fn exit_codes_say_what_is_worth_another_try() {
    assert!(matches!(Script::new("exit 65").send("x"), Err(SendError::Refused(_))));
    assert!(
        matches!(Script::new("echo no >&2; exit 1").send("x"), Err(SendError::Again(why, _)) if why == "exit 1: no")
    );
    assert!(matches!(Script::new("kill -9 $$").send("x"), Err(SendError::Again(why, _)) if why.contains("signal 9")));
}

#[test]
fn a_program_that_does_not_end_is_ended_with_what_it_started() {
    let mut script = Script::new("sleep 600 & echo $! > \"$2\"; sleep 600");
    script.timeout = Duration::from_millis(500);
    let begin = Instant::now();
    let error = script.send("x").unwrap_err();
    assert!(
        error.why().contains("was ended") && begin.elapsed() < Duration::from_secs(5),
        "{error:?}"
    );
    let pid = std::fs::read_to_string(script.dir.path().join("out")).unwrap();
    let stat = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let until = Instant::now() + Duration::from_secs(5);
    while !(stat().is_empty() || stat().contains(") Z ")) {
        assert!(Instant::now() < until, "its child is still there: {}", stat());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn endless_output_is_cut_and_input_that_nobody_reads_holds_nothing_up() {
    let answer = Script::new("head -c 5000000 /dev/zero | tr '\\0' y; exit 0")
        .send(&"x".repeat(300_000))
        .unwrap();
    assert!(answer.len() < 3_000, "{}", answer.len());
}
