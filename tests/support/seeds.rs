//! Runs of a model, each of them a number: what happens in it follows from its seed.
//!
//! `TIMBERLINE_MODEL_SEED=N` repeats one, `TIMBERLINE_MODEL_SEEDS=1000` makes so many, from
//! `TIMBERLINE_MODEL_FIRST` on, else from a number of the clock's. One that fails says its number, and
//! the least that fails as well.

#![allow(
    clippy::print_stdout,
    reason = "whoever looks at a test's output is to see its seeds"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Runs under way at once.
const RUNS_AT_ONCE: usize = 2;

/// Runs the model with what the strategy makes of each seed, `seeds_default` of them if nothing else
/// is asked for.
pub(crate) fn each<S: Strategy>(seeds_default: u64, strategy: impl Fn() -> S + Sync, run: impl Fn(S::Value) + Sync) {
    let one = |seed: u64| run_seed(seed, &strategy(), &run);
    if let Some(seed) = number("TIMBERLINE_MODEL_SEED") {
        return one(seed);
    }
    let of_the_clock = || UNIX_EPOCH.elapsed().map_or(0, |now| now.as_micros() as u64);
    let first = number("TIMBERLINE_MODEL_FIRST").unwrap_or_else(of_the_clock);
    let seeds = number("TIMBERLINE_MODEL_SEEDS").unwrap_or(seeds_default);
    println!("seeds {first} to {}", first + seeds.saturating_sub(1));
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..RUNS_AT_ONCE {
            scope.spawn(|| {
                while let Some(n) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < seeds) {
                    one(first + n);
                }
            });
        }
    });
}

fn run_seed<S: Strategy>(seed: u64, strategy: &S, run: &impl Fn(S::Value)) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tree = strategy.new_tree(&mut runner).expect("no strategy here rejects");
    let result = runner.run_one(tree, |value| {
        run(value);
        Ok(())
    });
    if let Err(error) = result {
        panic!("TIMBERLINE_MODEL_SEED={seed} fails: {error}");
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
    )
}
