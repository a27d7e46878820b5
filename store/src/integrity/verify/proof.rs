//! Proofs that stand alone: of one record, and that one checkpoint goes on where another stood.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use timberline_proto::batch::AttributeValue;
use timberline_proto::id::{AgentId, GenerationId, RecordId};
use timberline_proto::integrity::{Checkpoint, Context, Hash, Leaf, Note, NoteError, NoteKey, RecordPlace, tree};

use super::history::{History, time};
use super::input::{Files, InputError, ListedSplit, notes_in};
use super::report::{Report, Verdict};
use crate::integrity::entry::Entry;
use crate::integrity::recompute::{Recomputed, recompute};
use crate::split::{Columns, Split};

const FORMAT: &str = "timberline record proof 1";
const CONSISTENCY_FORMAT: &str = "timberline consistency proof 1";

/// Everything by which one record is known to be what was sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordProof {
    /// `timberline record proof 1`
    pub format: String,
    /// The record.
    pub record: ProofRecord,
    /// Its leaf's salt, 32 hexadecimal digits.
    pub salt: String,
    /// Which leaf of its tree.
    pub leaf: u64,
    /// From the leaf to the tree's root.
    pub path: Vec<Hash>,
    /// The entry of the log that names the root, as it stands there.
    pub entry: String,
    /// The number of this entry.
    pub seq: u64,
    /// From the entry to the log's root.
    pub log_path: Vec<Hash>,
    /// The note that signs that.
    pub checkpoint: String,
}

/// A record with all that makes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProofRecord {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// Its stream's id, 16 hexadecimal digits.
    pub stream_id: String,
    /// Its stream's attributes.
    pub stream: BTreeMap<String, String>,
    /// Its time, nanoseconds.
    pub time_nanos: i64,
    /// Whether that was found in the line.
    pub time_parsed: bool,
    /// When it was read, nanoseconds.
    pub observed_nanos: i64,
    /// Severity rank.
    pub severity: u8,
    /// The agent and the file it comes from, its first byte there, its bytes there.
    pub place: Option<(AgentId, GenerationId, u64, u32)>,
    /// Index and last, of a part of a long line.
    pub part: Option<(u32, bool)>,
    /// The line, base64.
    pub line: String,
    /// Name, type as in a split, value: text, or of type `f` the number's bits in hexadecimal.
    pub attributes: Vec<(String, char, String)>,
}

/// That one log is the beginning of another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConsistencyProof {
    /// `timberline consistency proof 1`
    pub format: String,
    /// Entries of the older log.
    pub old: u64,
    /// Entries of the newer one.
    pub new: u64,
    /// RFC 9162, 2.1.4.
    pub path: Vec<Hash>,
}

/// The proof of one record, from a data directory.
///
/// # Errors
/// [`InputError`] if there is no such record, or no checkpoint signs it yet.
pub fn prove_record(data: &Path, id: &RecordId) -> Result<RecordProof, InputError> {
    let files = Files::open(data)?;
    let history = History::of(&files.log()?, &mut Report::default());
    for listed in files.splits()? {
        if !may_hold(&listed, id) {
            continue;
        }
        let path = files.split_path(&listed.id);
        let split = Split::open(&path).map_err(|error| InputError::new(Verdict::Altered, error.to_string()))?;
        let recomputed = recompute(&split, &listed.topic);
        let recomputed = recomputed.map_err(|error| InputError::new(Verdict::Altered, error.to_string()))?;
        if recomputed.uncovered.binary_search(&(id.partition, id.offset)).is_ok() {
            return Err(InputError::new(
                Verdict::Incomplete,
                format!("record {id} was published without integrity: there is no proof of it"),
            ));
        }
        if let Some((tree, leaf)) = recomputed.find(id.partition, id.offset) {
            return prove(&files, &history, id, &split, &recomputed, tree, leaf);
        }
    }
    Err(InputError::new(Verdict::Missing, not_found(&history, id)))
}

fn may_hold(listed: &ListedSplit, id: &RecordId) -> bool {
    let Some(meta) = listed.meta.as_ref().filter(|_| listed.topic == id.topic) else {
        return false;
    };
    // An erased record may have been the first or the last one.
    meta.offsets.iter().any(|(partition, ..)| *partition == id.partition)
}

fn not_found(history: &History, id: &RecordId) -> String {
    let holds = |ranges: &[(u32, u64, u64)]| {
        ranges
            .iter()
            .any(|(partition, first, last)| *partition == id.partition && (*first..=*last).contains(&id.offset))
    };
    let buried = history
        .deletions
        .iter()
        .find(|(_, entry)| entry.topic == id.topic && holds(&entry.ranges));
    match buried {
        Some((_, entry)) => format!(
            "record {id} is not there; a split that may have held it was deleted on {} by {}: {}",
            time(entry.at),
            entry.removal.policy.as_ref().unwrap_or(&entry.removal.actor),
            entry.removal.reason
        ),
        None => format!("record {id} is in no split"),
    }
}

fn prove(
    files: &Files,
    history: &History,
    id: &RecordId,
    split: &Split,
    recomputed: &Recomputed,
    tree: usize,
    leaf: usize,
) -> Result<RecordProof, InputError> {
    let of = &recomputed.integrity.trees[tree];
    let name = of.id_text();
    if of.removed.iter().any(|removed| removed.leaf == leaf as u64) {
        let mut erasures = history.erasures.iter();
        let by = erasures.find(|(_, erasure)| {
            erasure.tree == name && erasure.leaves.iter().any(|(a, b)| (*a..=*b).contains(&(leaf as u64)))
        });
        let by = by.map_or_else(String::new, |(_, entry)| {
            format!(
                " on {} by {}: {}",
                time(entry.at),
                entry.removal.actor,
                entry.removal.reason
            )
        });
        return Err(InputError::new(Verdict::Missing, format!("record {id} was erased{by}")));
    }
    let altered = |what: &str| InputError::new(Verdict::Altered, format!("record {id}: {what}"));
    let (seq, entry) = history
        .trees
        .get(&name)
        .ok_or_else(|| altered("its tree is not in the log"))?;
    if recomputed.trees[tree].root != entry.root {
        return Err(altered(
            "its split is not what was sealed; run `timberline verify store`",
        ));
    }
    let salt = of
        .salts
        .get(leaf as u64)
        .ok_or_else(|| altered("its salt is not there"))?;
    let record = record_of(split, &entry.topic, id)?.ok_or_else(|| altered("it cannot be read"))?;
    let own = files.own_notes()?;
    let mut checkpoints = own.iter().rev().filter_map(|note| note.note.as_ref().ok());
    let signed =
        checkpoints.find(|(_, checkpoint)| checkpoint.size > *seq && checkpoint.size <= history.leaves.len() as u64);
    let Some((_, checkpoint)) = signed else {
        return Err(InputError::new(
            Verdict::Incomplete,
            format!("no checkpoint signs record {id} yet: try again when the store has signed one, or stop it"),
        ));
    };
    let note = own
        .iter()
        .rev()
        .find(|note| note.note.as_ref().is_ok_and(|(_, of)| of == checkpoint));
    let log = &history.leaves[..checkpoint.size as usize];
    Ok(RecordProof {
        format: FORMAT.to_owned(),
        record,
        salt: salt.iter().map(|byte| format!("{byte:02x}")).collect(),
        leaf: leaf as u64,
        path: tree::inclusion(&recomputed.trees[tree].leaves, leaf).unwrap_or_default(),
        entry: history.texts[*seq as usize].clone(),
        seq: *seq,
        log_path: tree::inclusion(log, *seq as usize).unwrap_or_default(),
        checkpoint: note.map(|note| note.text.clone()).unwrap_or_default(),
    })
}

fn record_of(split: &Split, topic: &str, id: &RecordId) -> Result<Option<ProofRecord>, InputError> {
    let damaged = |error: crate::split::SplitError| InputError::new(Verdict::Altered, error.to_string());
    for page in 0..split.pages().len() as u32 {
        let core = split.page_core(page).map_err(damaged)?;
        let mut places = core.partitions().iter().zip(core.offsets());
        if !places.any(|(&partition, &offset)| (partition, offset) == (id.partition, id.offset)) {
            continue;
        }
        let rows = split.read_page(page, Columns::ALL).map_err(damaged)?;
        let row = rows
            .rows()
            .find(|row| (row.partition, row.offset) == (id.partition, id.offset));
        let Some(row) = row else { continue };
        let place = row.place.map(|p| (p.agent, p.generation, p.start, p.source_bytes));
        return Ok(Some(ProofRecord {
            topic: topic.to_owned(),
            partition: row.partition,
            offset: row.offset,
            stream_id: format!("{:016x}", row.stream.id.0),
            stream: row.stream.attributes.clone(),
            time_nanos: row.time_nanos,
            time_parsed: row.time_parsed,
            observed_nanos: row.observed_nanos,
            severity: row.severity as u8,
            place,
            part: row.part,
            line: STANDARD.encode(row.line),
            attributes: row.attributes.iter().map(attribute_text).collect(),
        }));
    }
    Ok(None)
}

fn attribute_text((name, value): &(String, AttributeValue)) -> (String, char, String) {
    let (kind, text) = match value {
        AttributeValue::Text(text) => ('s', text.clone()),
        AttributeValue::Integer(number) => ('i', number.to_string()),
        AttributeValue::Number(number) => ('f', format!("{:016x}", number.to_bits())),
        AttributeValue::Bool(truth) => ('b', truth.to_string()),
        AttributeValue::Json(value) => ('j', value.to_string()),
    };
    (name.clone(), kind, text)
}

fn attribute_of((name, kind, text): &(String, char, String)) -> Option<(String, AttributeValue)> {
    let value = match kind {
        's' => AttributeValue::Text(text.clone()),
        'i' => AttributeValue::Integer(text.parse().ok()?),
        'f' => AttributeValue::Number(f64::from_bits(u64::from_str_radix(text, 16).ok()?)),
        'b' => AttributeValue::Bool(text.parse().ok()?),
        'j' => AttributeValue::Json(serde_json::from_str(text).ok()?),
        _ => return None,
    };
    Some((name.clone(), value))
}

impl ProofRecord {
    fn leaf(&self, salt: &str) -> Option<Hash> {
        let salt = u128::from_str_radix(salt, 16).ok().filter(|_| salt.len() == 32)?;
        let stream_id = u64::from_str_radix(&self.stream_id, 16).ok()?;
        let file = self.place.map(|(agent, generation, ..)| (agent, generation));
        let line = STANDARD.decode(&self.line).ok()?;
        let attributes: Vec<_> = self.attributes.iter().map(attribute_of).collect::<Option<_>>()?;
        let leaf = Leaf {
            context: Context::new(&self.topic, stream_id, &self.stream, file),
            partition: self.partition,
            offset: self.offset,
            time_nanos: self.time_nanos,
            time_parsed: self.time_parsed,
            observed_nanos: self.observed_nanos,
            severity: self.severity,
            place: self
                .place
                .map(|(.., start, source_bytes)| RecordPlace { start, source_bytes }),
            part: self.part,
            line: &line,
            attributes: &attributes,
        };
        Some(leaf.hash(&salt.to_be_bytes(), &mut Vec::new()))
    }
}

/// Checks the proof of a record, with public keys alone.
pub fn verify_record(proof: &[u8], keys: &[NoteKey]) -> Report {
    let mut report = Report::default();
    if let Err((verdict, what)) = check_record(proof, keys, &mut report) {
        report.find(verdict, what);
    }
    report
}

fn check_record(proof: &[u8], keys: &[NoteKey], report: &mut Report) -> Result<(), (Verdict, String)> {
    let incomplete = |what: &str| (Verdict::Incomplete, what.to_owned());
    let altered = |what: &str| (Verdict::Altered, what.to_owned());
    let proof: RecordProof =
        serde_json::from_slice(proof).map_err(|error| (Verdict::Incomplete, format!("this is no proof: {error}")))?;
    if proof.format != FORMAT {
        return Err(incomplete("this is no proof of a record that this program knows"));
    }
    let checkpoint = signed(&proof.checkpoint, keys)?;
    let entry = Hash::leaf(proof.entry.as_bytes());
    if !tree::includes(entry, proof.seq, checkpoint.size, &proof.log_path, &checkpoint.root) {
        return Err(altered("its tree is not in the log that the checkpoint signs"));
    }
    let Some(Entry::Tree(tree)) = Entry::parse(&proof.entry) else {
        return Err(altered("the entry of the log names no tree"));
    };
    if tree.topic != proof.record.topic {
        return Err(altered("its topic is not that of its tree"));
    }
    let leaf = proof
        .record
        .leaf(&proof.salt)
        .ok_or_else(|| incomplete("the record cannot be read"))?;
    if !tree::includes(leaf, proof.leaf, tree.leaves, &proof.path, &tree.root) {
        return Err(altered("the record is not what was sealed"));
    }
    report.counts.records = 1;
    report.counts.trees = 1;
    report.remark(format!(
        "record {}-{}-{} was sealed on {} (by the store's clock) as this, byte for byte",
        proof.record.topic,
        proof.record.partition,
        proof.record.offset,
        time(tree.at)
    ));
    report.proven_to = Some(format!(
        "checkpoint {} of {}, {} entries",
        checkpoint.number, checkpoint.time, checkpoint.size
    ));
    Ok(())
}

/// What a note says, if a known key signed it.
fn signed(note: &str, keys: &[NoteKey]) -> Result<Checkpoint, (Verdict, String)> {
    let read = Note::parse(note.as_bytes()).and_then(|note| {
        note.verify(keys)?;
        Checkpoint::parse(&note.text)
    });
    read.map_err(|error| match error {
        NoteError::UnknownKey(_) => (Verdict::UnknownKey, format!("the checkpoint is {error}")),
        error => (Verdict::Altered, format!("the checkpoint: {error}")),
    })
}

/// The last checkpoint of a file.
fn checkpoint_of(path: &Path, keys: &[NoteKey]) -> Result<Checkpoint, InputError> {
    let notes = notes_in(path)?;
    let Some(last) = notes.last() else {
        return Err(InputError::new(
            Verdict::Incomplete,
            format!("{} holds no checkpoint", path.display()),
        ));
    };
    signed(&last.text, keys).map_err(|(verdict, what)| InputError::new(verdict, format!("{}: {what}", path.display())))
}

/// The proof that the log of the checkpoint in `new` goes on where that of `old` stood.
///
/// # Errors
/// [`InputError`] if the log in `data` is not that long.
pub fn prove_consistency(data: &Path, old: u64, new: u64) -> Result<ConsistencyProof, InputError> {
    let files = Files::open(data)?;
    let history = History::of(&files.log()?, &mut Report::default());
    let log = history.leaves.get(..new as usize).ok_or_else(|| {
        InputError::new(
            Verdict::CutShort,
            format!("the log has {} entries, not {new}", history.leaves.len()),
        )
    })?;
    let path = tree::consistency(log, old as usize).ok_or_else(|| {
        InputError::new(
            Verdict::Incomplete,
            format!("there is no proof from {old} to {new} entries: name the older checkpoint first"),
        )
    })?;
    Ok(ConsistencyProof {
        format: CONSISTENCY_FORMAT.to_owned(),
        old,
        new,
        path,
    })
}

/// Checks that the log of the last checkpoint in `new` goes on where that of the last in `old` stood,
/// by a proof as it was printed, or by the log of a data directory.
pub fn verify_consistency(
    old: &Path,
    new: &Path,
    keys: &[NoteKey],
    proof: Option<&[u8]>,
    data: Option<&Path>,
) -> Report {
    let mut report = Report::default();
    if let Err(error) = check_consistency(old, new, keys, proof, data, &mut report) {
        report.find(error.verdict, error.what);
    }
    report
}

fn check_consistency(
    old: &Path,
    new: &Path,
    keys: &[NoteKey],
    proof: Option<&[u8]>,
    data: Option<&Path>,
    report: &mut Report,
) -> Result<(), InputError> {
    let (old, new) = (checkpoint_of(old, keys)?, checkpoint_of(new, keys)?);
    report.counts.outside_checkpoints = 2;
    if old.origin != new.origin {
        return Err(InputError::new(Verdict::Incomplete, "the checkpoints are of two logs"));
    }
    let proof = match (proof, data) {
        (Some(proof), _) => serde_json::from_slice(proof)
            .map_err(|error| InputError::new(Verdict::Incomplete, format!("this is no proof: {error}")))?,
        (None, Some(data)) => prove_consistency(data, old.size, new.size)?,
        (None, None) if old.size == new.size => ConsistencyProof {
            format: CONSISTENCY_FORMAT.to_owned(),
            old: old.size,
            new: new.size,
            path: Vec::new(),
        },
        (None, None) => {
            return Err(InputError::new(
                Verdict::Incomplete,
                "neither a proof nor a data directory was given",
            ));
        }
    };
    if (proof.old, proof.new) != (old.size, new.size) || proof.format != CONSISTENCY_FORMAT {
        return Err(InputError::new(
            Verdict::Incomplete,
            "the proof is of other checkpoints than these",
        ));
    }
    if !tree::is_consistent(old.size, &old.root, new.size, &new.root, &proof.path) {
        return Err(InputError::new(
            Verdict::Forked,
            format!(
                "checkpoint {} does not go on where checkpoint {} stood",
                new.number, old.number
            ),
        ));
    }
    report.proven_to = Some(format!(
        "checkpoint {} of {} goes on where checkpoint {} of {} stood",
        new.number, new.time, old.number, old.time
    ));
    Ok(())
}
