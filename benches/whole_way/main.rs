//! From files to answers, by the real program: `cargo bench --bench whole_way [-- FILE…]`.
//!
//! Agent, collector and store run as processes of their own. It prints, per role, MB of log per
//! CPU second and resident memory; bytes on disk by part, before and after merging; the time to
//! searchable; and the time of twelve queries: cold (the first after a restart), first (in a process that has
//! answered the others) and again.
//!
//! | variable | |
//! |---|---|
//! | `BENCH_MB` | size of the corpus that is made where no files are named; 100 |
//! | `BENCH_SERVICES` | which services it has, such as `api,shop,edge` for JSON lines only; all eight |
//! | `BENCH_DIR` | where to work; below the target directory |
//! | `BENCH_JSON` | a file for the results |
//! | `BENCH_WORDS` | a JSON file with the words of the queries for a corpus of one's own (`queries.rs`) |
//! | `BENCH_RUNS` | warm runs of a query; 101 |
//! | `BENCH_CONFIG` | TOML added to every role's configuration, such as `[query]` and keys |
//! | `BENCH_STORE` | keys added to the `[store]` of the store |
//! | `TIMBERLINE_PROGRAM` | another build of the program to measure |
//! | `BENCH_VICTORIA` | path of a `victoria-logs`, measured after with the same records |
//! | `BENCH_NDJSON` | those records as JSON lines, where files are named |
//!
//! Machines differ and are shared: compare ratios of one run, not figures of two.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod corpus;
mod http;
#[allow(dead_code, reason = "shared with other benchmarks")]
mod measure;
mod queries;
mod report;
mod roles;
mod timing;
mod victoria;

use std::path::{Path, PathBuf};

use queries::{Words, questions};
use report::Report;
use roles::Roles;

fn main() {
    let parent = std::env::var("BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(parent).unwrap();
    let ndjson = std::env::var_os("BENCH_NDJSON").map(PathBuf::from);
    let with_ndjson = std::env::var_os("BENCH_VICTORIA").is_some();
    let corpus = corpus::named_or_made(dir.path(), 100, ndjson, with_ndjson);
    let mut report = Report::new(&corpus);
    let questions = questions(&Words::from_env());

    let mut roles = Roles::start(dir.path(), &corpus);
    roles.ingest(&corpus, &mut report);
    roles.merge(&mut report);
    report.visible(&roles.visible(&dir.path().join("probe.log")));
    let cold = timing::cold(&mut roles, &questions);
    let first = timing::first(&mut roles, &questions);
    let warm = timing::warm(&mut roles, &questions);
    report.queries(&questions, &cold, &first, &warm);
    drop(roles);
    if let Some(program) = std::env::var_os("BENCH_VICTORIA") {
        victoria::run(Path::new(&program), dir.path(), &corpus, &questions, &mut report);
    }
    report.end();
}
