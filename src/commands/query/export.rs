//! `timberline query … --limit all`, and Parquet: whole results, as the store streams them.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::explained;
use crate::cli::{QueryArgs, QueryOutput, RowLimit};
use crate::client::Client;
use crate::exit::Exit;

/// Bytes that are copied at once.
const COPIED_BYTES: usize = 64 << 10;

pub(super) fn run(args: &QueryArgs) -> anyhow::Result<()> {
    let format = match args.output {
        QueryOutput::Table => {
            return Err(Exit::usage("a table for people has a limit: choose -o csv, ndjson, raw or parquet").into());
        }
        QueryOutput::Json => "ndjson",
        QueryOutput::Raw => "raw",
        QueryOutput::Csv => "csv",
        QueryOutput::Parquet => "parquet",
    };
    if args.out.is_none() && format == "parquet" && io::stdout().is_terminal() {
        return Err(
            Exit::usage("Parquet is nothing for a terminal: name a file with --out FILE, or pipe it on").into(),
        );
    }
    let limit = match args.limit {
        Some(RowLimit::Rows(rows)) => Some(rows.to_string()),
        Some(RowLimit::All) | None => None,
    };
    let mut given = vec![
        ("query", args.query.as_str()),
        ("format", format),
        // As the other forms print them.
        ("direction", "backward"),
    ];
    let optional = [("from", &args.from), ("to", &args.to), ("limit", &limit)];
    given.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?))),
    );
    if args.keep_formulas {
        given.push(("formulas", "keep"));
    }
    if args.skip_unreadable {
        given.push(("partial", "skip"));
    }
    let client = Client::new(&args.server.server);
    let (mut body, _) = client
        .read("/api/v1/export", &given)
        .map_err(|error| explained(&args.query, error))?;
    match &args.out {
        None => copy(&mut body, &mut BufWriter::new(io::stdout().lock())),
        Some(path) => to_file(&mut body, path),
    }
}

/// Under another name until it is whole, so that half a file is never taken for one.
fn to_file(body: &mut impl Read, path: &Path) -> anyhow::Result<()> {
    let part = part_of(path);
    let written = File::create(&part)
        .with_context(|| format!("{} cannot be made", part.display()))
        .and_then(|file| {
            let mut out = BufWriter::new(file);
            copy(body, &mut out)?;
            out.get_ref().sync_all()?;
            std::fs::rename(&part, path).with_context(|| format!("{} cannot be written", path.display()))
        });
    if written.is_err() {
        // What is left of it helps nobody; why there is no file is what is told.
        drop(std::fs::remove_file(&part));
    }
    written
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn copy(body: &mut impl Read, out: &mut impl Write) -> anyhow::Result<()> {
    let mut buffer = vec![0; COPIED_BYTES];
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                out.flush()?;
                anyhow::bail!(
                    "the export broke off before its end ({error}): what was written is not whole; the table audit and the store's log say why"
                );
            }
        };
        out.write_all(&buffer[..read])?;
    }
    out.flush()?;
    Ok(())
}
