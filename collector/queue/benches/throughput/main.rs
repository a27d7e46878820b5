//! What the queue takes and gives, beside what the disk below it does in the same run.
//!
//! `cargo bench -p timberline-queue --bench throughput -- [lines] [sizes] [backlog]`; without a name
//! `lines` and `sizes`. Everything lies below `TIMBERLINE_BENCH_DIR`, else below the target directory,
//! and is removed at the end. `backlog` writes `TIMBERLINE_BENCH_GIB` (20).
#![allow(clippy::print_stdout, reason = "a bench prints its result")]

mod backlog;
mod batches;
mod disk;
mod lines;
mod process;
mod sizes;

use std::path::PathBuf;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    match &asked[..] {
        [role, dir] if role == backlog::READER => return backlog::read(dir.as_ref()),
        [role, dir] if role == backlog::WRITER => return backlog::write(dir.as_ref()),
        _ => {}
    }
    let is_asked = |name: &str| asked.iter().any(|word| word == name) || asked.is_empty() && name != "backlog";
    let dir =
        std::env::var_os("TIMBERLINE_BENCH_DIR").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from);
    let scratch = || tempfile::tempdir_in(&dir).expect("a temporary directory");
    if is_asked("lines") {
        lines::run(scratch().path());
    }
    if is_asked("sizes") {
        sizes::run(scratch().path());
    }
    if is_asked("backlog") {
        backlog::run(scratch().path());
    }
}
