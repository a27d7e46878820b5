//! `timberline canary`: writes numbered lines, reads them back by query, and counts what is missing,
//! what came twice and how long it took. It sees what users see, and trusts nothing that the parts
//! between say of themselves.

mod export;
mod tally;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;
use timberline_proto::api::{Frame, QueryRequest};

use crate::cli::CanaryArgs;
use crate::client::Client;
use crate::exit::Exit;
use crate::shutdown;
use tally::Tally;

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Looks at everything that is remembered, for what came twice late.
const RECOUNT_INTERVAL: Duration = Duration::from_secs(60);
/// How far clocks may be apart.
const CLOCKS_APART: Duration = Duration::from_secs(60);
/// Lines of `--once`.
const ONCE_LINES: u64 = 10;
const ONCE_INTERVAL: Duration = Duration::from_millis(100);

pub(super) fn run(args: &CanaryArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let stop = {
        let _entered = runtime.enter();
        shutdown::token()?
    };
    let mut canary = Canary::new(args)?;
    canary.text.set(canary.tally.metrics(&canary.run));
    if let Some(address) = &args.metrics {
        let served = export::serve(&runtime, address, canary.text.clone())?;
        println_out(&format!("metrics http://{served}/metrics"))?;
    }
    let begin = Instant::now();
    let (mut next_line, mut next_look, mut next_recount) = (begin, begin + LOOK_INTERVAL, begin + RECOUNT_INTERVAL);
    loop {
        let now = Instant::now();
        let is_over = stop.is_cancelled()
            || args
                .duration
                .is_some_and(|time| begin.elapsed() >= Duration::from(time))
            || args.once && canary.tally.sent() >= ONCE_LINES;
        if is_over {
            break;
        }
        if now >= next_line {
            canary.write()?;
            next_line = (next_line + canary.interval).max(now);
        }
        if now >= next_look {
            canary.look(now >= next_recount);
            if now >= next_recount {
                next_recount = now + RECOUNT_INTERVAL;
            }
            next_look = Instant::now() + LOOK_INTERVAL;
        }
        let next = next_line.min(next_look).saturating_duration_since(Instant::now());
        std::thread::sleep(next.min(LOOK_INTERVAL));
    }
    // What was written last is given its time; a second signal ends at once.
    while canary.tally.waits() && !canary.is_hopeless() {
        std::thread::sleep(LOOK_INTERVAL);
        canary.look(false);
    }
    canary.look(true);
    let report = if args.once {
        canary.tally.metrics(&canary.run)
    } else {
        canary.tally.report(&canary.run)
    };
    println_out(&report)?;
    match canary.tally.faults() {
        None => Ok(()),
        Some(faults) => Err(Exit::loss(faults).into()),
    }
}

fn println_out(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    out.flush()
}

struct Canary<'a> {
    run: String,
    client: Client,
    file: Option<&'a Path>,
    interval: Duration,
    tally: Tally,
    text: export::Text,
    /// Since when no question was answered.
    deaf_since: Option<Instant>,
    wait: Duration,
}

impl<'a> Canary<'a> {
    fn new(args: &'a CanaryArgs) -> anyhow::Result<Self> {
        let interval = if args.once { ONCE_INTERVAL } else { args.interval.into() };
        if interval.is_zero() {
            return Err(Exit::usage("--interval 0s would write without a pause; write it as 100ms").into());
        }
        let wait = args.wait.into();
        let run = format!(
            "r{:016x}",
            std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id())
        );
        Ok(Self {
            client: Client::new(&args.server.server),
            file: args.file.as_deref(),
            interval,
            tally: Tally::new(wait),
            text: export::Text::default(),
            deaf_since: None,
            wait,
            run,
        })
    }

    /// Writes the next line. One that could not be sent was not written.
    fn write(&mut self) -> anyhow::Result<()> {
        let sequence = self.tally.sent();
        let now = now_nanos();
        let time = jiff::Timestamp::from_nanosecond(now.into()).context("the clock is beyond the calendar")?;
        let line = format!(
            "ts={time:.9} level=info msg=\"timberline canary\" canary_run={} canary_seq={sequence}\n",
            self.run
        );
        match self.file {
            Some(path) => {
                let written = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(path)
                    .and_then(|mut file| file.write_all(line.as_bytes()));
                written.with_context(|| format!("{} cannot be written", path.display()))?;
            }
            None => {
                if let Err(error) = self.client.ingest("canary", line.as_bytes()) {
                    say(&error);
                    return Ok(());
                }
            }
        }
        self.tally.wrote(sequence, now);
        Ok(())
    }

    /// Asks for the lines that are still out, or for all that are remembered.
    fn look(&mut self, all: bool) {
        let asked_at = now_nanos();
        let oldest = if all {
            self.tally.oldest()
        } else {
            self.tally.oldest_out()
        };
        let Some(oldest) = oldest else {
            self.text.set(self.tally.metrics(&self.run));
            return;
        };
        let from = oldest.saturating_sub(CLOCKS_APART.as_nanos() as i64);
        match self.counts(from) {
            Ok(counts) => {
                self.deaf_since = None;
                self.tally.found(&counts, now_nanos());
                self.tally.give_up(asked_at);
            }
            Err(error) => {
                if self.deaf_since.is_none() {
                    say(&error);
                }
                self.deaf_since.get_or_insert_with(Instant::now);
                self.tally.question_failed();
            }
        }
        self.text.set(self.tally.metrics(&self.run));
    }

    /// Whether nobody answers any more, so that what is out cannot be told.
    fn is_hopeless(&self) -> bool {
        self.deaf_since.is_some_and(|since| since.elapsed() > self.wait)
    }

    /// How often each line of the run is found.
    fn counts(&self, from_nanos: i64) -> anyhow::Result<Vec<(u64, u64)>> {
        let request = QueryRequest {
            query: format!("canary_run:{} | stats count() as n by canary_seq", self.run),
            from: Some(from_nanos.to_string()),
            limit: Some(tally::REMEMBERED_MAX as u64),
            ..QueryRequest::default()
        };
        let (mut sequence_at, mut n_at, mut counts) = (None, None, Vec::new());
        for line in self.client.post("/api/v1/query", &request)? {
            match serde_json::from_str::<Frame>(&line?)? {
                Frame::Schema { columns } => {
                    let at = |name: &str| columns.iter().position(|column| column.name == name);
                    (sequence_at, n_at) = (at("canary_seq"), at("n"));
                }
                Frame::Rows { rows } => {
                    let (Some(sequence_at), Some(n_at)) = (sequence_at, n_at) else {
                        anyhow::bail!("the answer lacks the columns canary_seq and n");
                    };
                    counts.extend(
                        rows.iter()
                            .filter_map(|row| Some((number(&row[sequence_at])?, number(&row[n_at])?))),
                    );
                }
                Frame::End(_) => return Ok(counts),
                Frame::Error(error) => return Err(error.into()),
                _ => {}
            }
        }
        anyhow::bail!("the answer ended before its end")
    }
}

/// A number, or a text that is one.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn say(error: &anyhow::Error) {
    eprintln!("timberline: {error:#}; trying again");
}

fn now_nanos() -> i64 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}
