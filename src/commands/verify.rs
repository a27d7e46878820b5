//! `timberline verify store|range|agent|record|consistency`: offline, on copied files, with public keys.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use timberline_proto::id::GenerationId;
use timberline_proto::integrity::NoteKey;
use timberline_store::erase::verify_receipt;
use timberline_store::integrity::verify::{
    AgentHead, AgentOptions, InputError, Report, Verdict, VerifyOptions, read_keys, verify_agent, verify_consistency,
    verify_record, verify_store,
};

use crate::cli::{GivenArgs, VerifyAction, VerifyArgs};
use crate::exit::Exit;

/// A proof that is larger is none.
const PROOF_BYTES_MAX: u64 = 256 << 20;

pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    match &args.action {
        VerifyAction::Store { given } => print(&verify_store(&options(given)), given.json),
        VerifyAction::Range { from, to, given } => {
            let mut options = options(given);
            options.range = Some((nanos("--from", from)?, nanos("--to", to)?));
            print(&verify_store(&options), given.json)
        }
        VerifyAction::Agent {
            who,
            generation,
            agent_data,
            so_far,
            given,
        } => {
            let agent = AgentOptions {
                who: who.clone(),
                generation: generation.as_deref().map(generation_of).transpose()?,
                heads: heads_of(agent_data)?,
                so_far: *so_far,
            };
            print(&verify_agent(&options(given), &agent), given.json)
        }
        VerifyAction::Record { proof, keys, json } => {
            let keys = read_keys(&keys.keys).map_err(|error| failed(&error))?;
            print(&verify_record(&read(proof)?, &keys), *json)
        }
        VerifyAction::Erasure { receipt, keys, json } => {
            let keys = read_keys(&keys.keys).map_err(|error| failed(&error))?;
            erasure(&read(receipt)?, &keys, *json)
        }
        VerifyAction::Consistency {
            old,
            new,
            proof,
            data,
            keys,
            json,
        } => {
            let keys = read_keys(&keys.keys).map_err(|error| failed(&error))?;
            let proof = proof.as_deref().map(read).transpose()?;
            let report = verify_consistency(old, new, &keys, proof.as_deref(), data.as_deref());
            print(&report, *json)
        }
    }
}

fn options(given: &GivenArgs) -> VerifyOptions {
    VerifyOptions {
        data: given.data.clone(),
        keys: given.keys.clone(),
        checkpoints: given.checkpoints.clone(),
        range: None,
    }
}

fn generation_of(text: &str) -> anyhow::Result<GenerationId> {
    let generation = text.parse();
    generation.map_err(|error| Exit::code(64, format!("--generation: {error}")).into())
}

/// What agents' own checkpoints say.
#[cfg(feature = "agent")]
fn heads_of(directories: &[PathBuf]) -> anyhow::Result<Vec<AgentHead>> {
    let mut heads = Vec::new();
    for dir in directories {
        let checkpoints = timberline_agent::checkpoints_in(dir)
            .map_err(|error| Exit::code(Verdict::Incomplete.code(), format!("{}: {error}", dir.display())))?;
        heads.extend(checkpoints.into_iter().map(|checkpoint| AgentHead {
            generation: checkpoint.generation,
            start: checkpoint.start,
            acked: checkpoint.acked,
            value: checkpoint.chain.value,
            path: checkpoint.path.display().to_string(),
        }));
    }
    Ok(heads)
}

#[cfg(not(feature = "agent"))]
fn heads_of(directories: &[PathBuf]) -> anyhow::Result<Vec<AgentHead>> {
    match directories {
        [] => Ok(Vec::new()),
        _ => Err(Exit::code(64, "--agent-data: this program was built without the agent").into()),
    }
}

fn nanos(flag: &str, time: &str) -> anyhow::Result<i64> {
    let time: jiff::Timestamp = time
        .parse()
        .map_err(|error| Exit::code(64, format!("{flag}: {error}; such as 2026-01-31T12:00:00Z")))?;
    Ok(i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(PROOF_BYTES_MAX).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(PROOF_BYTES_MAX).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Exit::code(Verdict::Incomplete.code(), format!("{}: {error}", path.display())).into()),
    }
}

/// Whether a receipt is what one of these keys signed, and what it says.
fn erasure(text: &[u8], keys: &[NoteKey], json: bool) -> anyhow::Result<()> {
    let receipt = match verify_receipt(text, keys) {
        Ok(receipt) => receipt,
        Err((verdict, what)) => {
            if json {
                println(&serde_json::json!({ "verdict": verdict.word(), "what": what }).to_string())?;
            }
            return Err(Exit::code(verdict.code(), format!("verify: {}: {what}", verdict.word())).into());
        }
    };
    if json {
        return println(&serde_json::json!({ "verdict": "intact", "receipt": receipt }).to_string());
    }
    let mut text = format!(
        "verdict: intact\n{} {}, case {}: {} records in {} splits, {} in the queue; done {}\n",
        receipt.kind.word(),
        receipt.id,
        receipt.case,
        receipt.records,
        receipt.splits.len(),
        receipt.queue.iter().map(|queue| queue.records).sum::<u64>(),
        receipt.final_at
    );
    for backup in &receipt.backups {
        text += &format!(
            "  a backup still held it: {} in {}, of {}\n",
            backup.name, backup.directory, backup.at
        );
    }
    text += &format!("  signed by {}", receipt.key.as_deref().unwrap_or("nobody"));
    // What is said in it comes from outside, and must not drive a terminal.
    let plain = text
        .chars()
        .map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c });
    println(&plain.collect::<String>())
}

fn println(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// Prints what was found; ends with the verdict's code.
fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", report.json())?;
    } else {
        write!(out, "{report}")?;
    }
    out.flush()?;
    match report.verdict() {
        Verdict::Intact => Ok(()),
        verdict => Err(Exit::code(verdict.code(), format!("verify: {}", verdict.word())).into()),
    }
}

/// What is needed could not be read.
pub(super) fn failed(error: &InputError) -> anyhow::Error {
    Exit::code(error.verdict.code(), error.what.clone()).into()
}
