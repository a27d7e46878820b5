//! `timberline ledger`: what became of every byte of every file, as a table for people or as JSON.

use std::collections::BTreeMap;
use std::io::Write;

use timberline_proto::api::{ApiError, LedgerAnswer, LedgerSource, LedgerTotal, QueueGap};
use timberline_proto::gap::{GapClass, explained};

use crate::cli::LedgerArgs;
use crate::client::Client;
use crate::exit::Exit;

/// Sources asked for at once.
const PAGE_SOURCES: usize = 500;
/// Sources printed unless more are asked for.
const LIMIT_DEFAULT: usize = 200;

pub(super) fn run(args: &LedgerArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server.server);
    let mut ledger = Ledger::new(&client, args);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut printed = 0;
    let limit = args.limit.unwrap_or(if args.json { usize::MAX } else { LIMIT_DEFAULT });
    let mut losses = Losses::default();
    let mut more = false;
    let last = loop {
        let page = ledger.next()?;
        for source in &page.sources {
            if printed >= limit {
                more = true;
                break;
            }
            if args.json {
                writeln!(out, "{}", serde_json::to_string(source)?)?;
            } else {
                if printed == 0 {
                    writeln!(out, "{HEAD}")?;
                }
                writeln!(out, "{}", row(source))?;
            }
            losses.add(source);
            printed += 1;
        }
        if more || page.cursor.is_none() {
            break page;
        }
    };
    if args.json {
        writeln!(
            out,
            "{}",
            serde_json::json!({ "total": last.total, "queue_gaps": last.queue_gaps })
        )?;
    } else {
        writeln!(out, "{}", total_row(&last.total))?;
        losses.print(&mut out)?;
        queue_gaps(&mut out, &last.queue_gaps)?;
    }
    out.flush()?;
    if more {
        eprintln!("timberline: there are more sources; name a host, a source or a --limit, or ask for --only-loss");
    }
    verdict(&last)
}

/// Pages of the ledger.
struct Ledger<'a> {
    client: &'a Client,
    given: Vec<(&'a str, String)>,
    cursor: Option<String>,
}

impl<'a> Ledger<'a> {
    fn new(client: &'a Client, args: &'a LedgerArgs) -> Self {
        let optional = [
            ("source", &args.source),
            ("host", &args.host),
            ("agent", &args.agent),
            ("generation", &args.generation),
            ("from", &args.from),
            ("to", &args.to),
        ];
        let given = optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)));
        let mut given: Vec<_> = given.collect();
        let page = args
            .limit
            .map_or(PAGE_SOURCES, |limit| limit.saturating_add(1).min(PAGE_SOURCES));
        given.push(("limit", page.to_string()));
        given.push(("gaps", args.gaps.to_string()));
        if args.only_loss {
            given.push(("only", "loss".to_owned()));
        }
        Self {
            client,
            given,
            cursor: None,
        }
    }

    fn next(&mut self) -> anyhow::Result<LedgerAnswer> {
        let mut query: Vec<(&str, &str)> = self.given.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if let Some(cursor) = &self.cursor {
            query.push(("cursor", cursor));
        }
        let (answer, _) = self.client.read("/api/v1/ledger", &query).map_err(usage)?;
        let answer: LedgerAnswer = serde_json::from_reader(answer)?;
        self.cursor.clone_from(&answer.cursor);
        Ok(answer)
    }
}

/// What the caller asked for wrongly ends with the code for that.
fn usage(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<ApiError>() {
        Ok(error) if error.code == "bad_request" => Exit::usage(error.message).into(),
        Ok(error) => error.into(),
        Err(error) => error,
    }
}

const HEAD: &str = "       read       acked    in queue     indexed     removed        held      policy        lost  unexplained  source";

fn row(source: &LedgerSource) -> String {
    columns(
        [
            source.read,
            source.acked,
            source.in_queue,
            source.indexed,
            source.removed,
            source.held,
            source.policy + source.empty,
            source.lost,
        ],
        source.unexplained,
        // Control characters of a path cannot move the cursor.
        &format!(
            "{}:{}  {}{}{}",
            source.host.escape_debug(),
            source.path.escape_debug(),
            source.generation,
            noted(source.damaged, "damaged"),
            noted(source.doubled, "doubled")
        ),
    )
}

fn total_row(total: &LedgerTotal) -> String {
    let of = |class: GapClass| {
        let gaps = total.gaps.iter().filter(|gap| gap.class == class);
        gaps.map(|gap| gap.bytes).sum::<u64>()
    };
    columns(
        [
            total.read,
            total.acked,
            total.in_queue,
            total.indexed,
            total.removed,
            total.held,
            of(GapClass::Policy) + of(GapClass::Empty),
            total.lost,
        ],
        total.unexplained,
        &format!(
            "bytes of {} sources{}{}",
            total.sources,
            noted(total.damaged, "damaged"),
            noted(total.doubled, "doubled")
        ),
    )
}

fn columns(bytes: [u64; 8], unexplained: i64, source: &str) -> String {
    let columns: String = bytes.iter().map(|bytes| format!("{bytes:>11} ")).collect();
    format!("{columns}{unexplained:>12}  {source}")
}

fn noted(bytes: u64, what: &str) -> String {
    match bytes {
        0 => String::new(),
        bytes => format!("  {bytes} {what}"),
    }
}

/// The gaps that should not be, and what is to be done, by reason.
#[derive(Default)]
struct Losses(BTreeMap<String, Vec<String>>);

impl Losses {
    fn add(&mut self, source: &LedgerSource) {
        let path = source.path.escape_debug();
        for gap in source.gaps.iter().filter(|gap| gap.class == GapClass::Loss) {
            let range = match (gap.from, gap.to) {
                (Some(from), Some(to)) => format!("bytes {from}..{to}"),
                _ => "several ranges".to_owned(),
            };
            let at = gap.at.escape_debug();
            let line = format!(
                "  {} bytes  {range}  {at}  {}:{path}",
                gap.bytes,
                source.host.escape_debug()
            );
            self.0.entry(gap.reason.clone()).or_default().push(line);
        }
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        for (reason, lines) in &self.0 {
            let (what, way_out) = explained(reason);
            writeln!(out, "\n{}: {what}", reason.escape_debug())?;
            if !way_out.is_empty() {
                writeln!(out, "  to do: {way_out}")?;
            }
            for line in lines {
                writeln!(out, "{line}")?;
            }
        }
        Ok(())
    }
}

fn queue_gaps(out: &mut impl Write, gaps: &[QueueGap]) -> std::io::Result<()> {
    if gaps.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nrecords that the queue could not give:")?;
    for gap in gaps {
        writeln!(
            out,
            "  offsets {}..{} of {}-{}: {}",
            gap.from,
            gap.to,
            gap.topic.escape_debug(),
            gap.partition,
            gap.reason.escape_debug()
        )?;
    }
    Ok(())
}

/// Code 5 if something is not where it should be, with the worst of it.
fn verdict(answer: &LedgerAnswer) -> anyhow::Result<()> {
    let total = &answer.total;
    let mut faults = Vec::new();
    if total.lost > 0 {
        faults.push(format!("{} bytes are lost", total.lost));
    }
    if total.damaged > 0 {
        faults.push(format!(
            "{} bytes are in damaged splits (`timberline split check` takes them back once their files are restored)",
            total.damaged
        ));
    }
    if total.doubled > 0 {
        faults.push(format!("{} bytes were taken twice", total.doubled));
    }
    if total.unexplained != 0 {
        faults.push(format!(
            "{} bytes cannot be explained: the program or a disk is at fault, please report it",
            total.unexplained
        ));
    }
    if !answer.queue_gaps.is_empty() {
        faults.push(format!(
            "the queue could not give {} ranges of offsets",
            answer.queue_gaps.len()
        ));
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Exit::loss(faults.join("; ")).into())
}
