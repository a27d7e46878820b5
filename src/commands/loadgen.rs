//! `timberline loadgen`: makes logs and writes them to files, or sends them to a collector.
//!
//! The same seed, shapes, number of files and start give the same bytes.

mod files;
mod grpc;
mod http;
mod plan;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context;
use timberline_proto::tls::{Credentials, MachineFiles};
use tokio_util::sync::CancellationToken;

use crate::cli::{LoadgenArgs, RoleArgs};
use crate::config::Config;
use crate::corpus::Lines;
use crate::exit::Exit;
use crate::shutdown;
use plan::{Plan, Until};

/// How long lines gather before they are written or sent.
const TICK: Duration = Duration::from_millis(20);
/// Lines made between two looks at the clock.
const BURST_LINES: u64 = 500;

/// Where lines go.
trait Sink {
    /// Takes a record of a stream: its text without the last line end, and its time.
    ///
    /// # Errors
    /// If it cannot be written or was refused for good.
    fn push(&mut self, stream: usize, text: &str, unix_ms: u64) -> anyhow::Result<()>;
    /// Writes or sends what has gathered.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    fn flush(&mut self) -> anyhow::Result<()>;
    /// What it did beside that, in words; empty if nothing.
    fn did(&self) -> String {
        String::new()
    }
}

pub(super) fn run(args: &LoadgenArgs) -> anyhow::Result<()> {
    let plan = Plan::new(args)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let stop = {
        let _entered = runtime.enter();
        shutdown::token()?
    };
    let mut sink: Box<dyn Sink> = match (&args.dir, &args.http, &args.grpc) {
        (Some(dir), None, None) => Box::new(files::Files::create(dir, &plan, args)?),
        (None, Some(url), None) => Box::new(http::Http::new(url, &plan, stop.clone())),
        (None, None, Some(url)) => {
            let credentials = credentials(args)?;
            let runtime = runtime.handle().clone();
            Box::new(grpc::Grpc::connect(url, &credentials, &plan, runtime, stop.clone())?)
        }
        _ => return Err(Exit::usage("say where to: one of --dir DIR, --http URL and --grpc URL").into()),
    };
    let made = generate(&plan, &mut *sink, &stop)?;
    let seconds = made.took.as_secs_f64().max(1e-9);
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} records, {} bytes in {seconds:.1} s: {:.0} records/s, {:.1} MB/s{}",
        made.records,
        made.bytes,
        made.records as f64 / seconds,
        made.bytes as f64 / seconds / 1e6,
        sink.did()
    )?;
    Ok(())
}

/// By what the agent of this machine knows its collector, and is known.
fn credentials(args: &LoadgenArgs) -> anyhow::Result<Credentials> {
    let config = Config::for_role(&RoleArgs {
        config: args.config.clone(),
        data: args.data.clone(),
        ..RoleArgs::default()
    })?;
    let files = MachineFiles::new(config.data.join("agent/pki"));
    Ok(Credentials::new(files, config.agent.tls_ca))
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Made {
    records: u64,
    bytes: u64,
    took: Duration,
}

/// Makes lines, stream by stream in turn, no faster than the plan says, until it is done or told to stop.
fn generate(plan: &Plan, sink: &mut dyn Sink, stop: &CancellationToken) -> anyhow::Result<Made> {
    let begin = Instant::now();
    let mut streams: Vec<Lines> = plan
        .streams
        .iter()
        .enumerate()
        .map(|(n, stream)| Lines::new(stream.service, plan.seed.wrapping_add(n as u64)))
        .collect();
    let mut made = Made::default();
    let is_done = |made: &Made, elapsed: Duration| match plan.until {
        Until::Stopped => false,
        Until::Bytes(bytes) => made.bytes >= bytes,
        Until::Records(records) => made.records >= records,
        Until::Time(time) => elapsed >= time,
    };
    while !stop.is_cancelled() && !is_done(&made, begin.elapsed()) {
        let mut burst = 0;
        while burst < BURST_LINES && plan.rate.is_due(&made, begin.elapsed()) {
            let stream = (made.records % streams.len() as u64) as usize;
            let unix_ms = plan.time_of(&made, begin.elapsed());
            let line = streams[stream].next(unix_ms);
            sink.push(stream, &line.text, unix_ms)?;
            made.records += 1;
            made.bytes += line.text.len() as u64 + 1;
            burst += 1;
            if is_done(&made, Duration::ZERO) {
                break;
            }
        }
        if burst < BURST_LINES {
            sink.flush()?;
            std::thread::sleep(TICK);
        }
    }
    sink.flush()?;
    made.took = begin.elapsed();
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::Rate;

    #[derive(Default)]
    struct Kept(Vec<(usize, String)>);

    impl Sink for Kept {
        fn push(&mut self, stream: usize, text: &str, _unix_ms: u64) -> anyhow::Result<()> {
            self.0.push((stream, text.to_owned()));
            Ok(())
        }
        fn flush(&mut self) -> anyhow::Result<()> {
            Ok(())
        }
    }

    fn made(args: &LoadgenArgs) -> (Made, Vec<(usize, String)>) {
        let mut kept = Kept::default();
        let made = generate(&Plan::new(args).unwrap(), &mut kept, &CancellationToken::new()).unwrap();
        (made, kept.0)
    }

    fn args(seed: u64, rate: Option<&str>) -> LoadgenArgs {
        LoadgenArgs {
            seed,
            rate: rate.map(str::to_owned),
            lines: Some(300),
            start: Some("2026-11-01T00:00:00Z".to_owned()),
            ..LoadgenArgs::default()
        }
    }

    #[test]
    fn a_seed_gives_the_same_lines_at_any_rate_and_another_one_others() {
        let (made_once, once) = made(&args(5, Some("20000")));
        let (_, again) = made(&args(5, Some("20000")));
        assert_eq!((made_once.records, once.len()), (300, 300));
        assert_eq!(once, again);
        assert_ne!(once, made(&args(6, Some("20000"))).1);
        let streams: std::collections::BTreeSet<usize> = once.iter().map(|(stream, _)| *stream).collect();
        assert_eq!(streams.len(), 7, "one stream of each shape unless said");
    }

    #[test]
    fn a_rate_is_kept() {
        let (made, _) = made(&LoadgenArgs {
            lines: Some(100),
            ..args(1, Some("1000"))
        });
        assert!(made.took >= Duration::from_millis(80), "{:?}", made.took);
        assert!(Rate::parse("2MiB").is_ok_and(|rate| rate == Rate::Bytes(2_097_152.0)));
        assert!(Rate::parse("fast").is_err() && Rate::parse("0").is_err());
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_758, "2026-11-01"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            let line = Lines::new("web", 1).next(days * 86_400_000 + 1);
            assert_eq!(line.time, format!("{expected}T00:00:00.001Z"));
        }
    }

    #[test]
    fn some_records_of_java_have_a_stack_trace() {
        let mut lines = Lines::new("billing", 1);
        let traces = (0..200)
            .filter(|n| lines.next(n * 1000).text.contains("\n\tat "))
            .count();
        assert!((5..100).contains(&traces), "{traces} of 200");
    }
}
