//! How long the questions take.

use std::time::{Duration, Instant};

use crate::corpus::number;
use crate::queries::Question;
use crate::roles::{Roles, rows};

/// A slow question is asked no longer than this.
const TIME_MAX: Duration = Duration::from_secs(10);
/// But so often at least.
const RUNS_MIN: usize = 5;

/// Times of one question.
pub(crate) struct Times {
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) runs: usize,
    pub(crate) rows: u64,
}

/// Each question as the first one after a restart, milliseconds.
pub(crate) fn cold(roles: &mut Roles, questions: &[Question]) -> Vec<f64> {
    let once = |question: &Question| {
        roles.restart_store();
        let begin = Instant::now();
        roles.ask(&question.query, question.limit);
        begin.elapsed().as_secs_f64() * 1000.0
    };
    questions.iter().map(once).collect()
}

/// Each question as the first of its kind in a process that has answered all others, milliseconds:
/// files are open, and nothing of this answer is kept.
pub(crate) fn first(roles: &mut Roles, questions: &[Question]) -> Vec<f64> {
    let once = |(at, question): (usize, &Question)| {
        roles.restart_store();
        let others = questions.iter().enumerate().filter(|&(other, _)| other != at);
        for (_, other) in others {
            roles.ask(&other.query, other.limit);
        }
        let begin = Instant::now();
        roles.ask(&question.query, question.limit);
        begin.elapsed().as_secs_f64() * 1000.0
    };
    questions.iter().enumerate().map(once).collect()
}

/// Each question again and again.
pub(crate) fn warm(roles: &mut Roles, questions: &[Question]) -> Vec<Times> {
    let time = |question: &Question| repeat(|| roles.ask(&question.query, question.limit), rows);
    questions.iter().map(time).collect()
}

/// Asks once unmeasured, then as often as `BENCH_RUNS` says; `rows` counts those of an answer.
pub(crate) fn repeat(mut ask: impl FnMut() -> Vec<u8>, rows: impl Fn(&[u8]) -> u64) -> Times {
    let runs_max = number("BENCH_RUNS", 101) as usize;
    let found = rows(&ask());
    let all = Instant::now();
    let mut times = Vec::new();
    while times.len() < runs_max && (times.len() < RUNS_MIN || all.elapsed() < TIME_MAX) {
        let begin = Instant::now();
        let answer = ask();
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(rows(&answer), found, "the same question, another answer");
    }
    times.sort_by(f64::total_cmp);
    Times {
        median_ms: times[times.len() / 2],
        p99_ms: times[times.len() * 99 / 100],
        runs: times.len(),
        rows: found,
    }
}
