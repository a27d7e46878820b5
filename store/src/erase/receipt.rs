//! The receipt: what was removed from where, signed by the key that signs the log of trees.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use timberline_proto::api::erasure::{ErasureReceipt, ReceiptQueue, ReceiptSplit, ReceiptTable};
use timberline_proto::integrity::NoteKey;
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::error::ErasureError;
use super::order::{ErasedRanges, ErasureOrder, ORDER_VERSION};
use super::request::Request;
use super::service::Shared;
use super::work::{QueueWork, SplitWork, TableWork};
use crate::backup::{Directory, backups_holding};
use crate::catalog::is_own_topic;
use crate::integrity::verify::Verdict;

/// What the signature is over: this, then the receipt without it.
const CONTEXT: &[u8] = b"timberline erasure receipt 1\0";
const VERSION: u32 = 1;

/// What an erasure does not reach.
const NOT_COVERED: [&str; 6] = [
    "the files that agents read, and what agents keep of what they did not ship yet or could not ship",
    "results, files and reports that people took out or were sent",
    "copies that were passed on: notifications, syslog, webhooks",
    "what people keep and own: dashboards, saved searches, alert rules, silences, holds (a preview names them)",
    "who did something, as the record of acts and the list of accounts name people",
    "blocks that the file system freed, and snapshots and copies that were made of it",
];

impl Shared {
    /// What was erased by place: beside the data, and beside backups. Durable on return.
    pub(super) fn write_order(&self, request: &Request) -> Result<ErasureOrder, ErasureError> {
        let work = self.catalog().erasure_work(&request.id)?;
        let mut order = ErasureOrder {
            version: ORDER_VERSION,
            store: self.catalog().store_id().to_owned(),
            id: request.id.clone(),
            at_unix_nanos: request
                .about
                .final_at_nanos
                .unwrap_or_else(|| self.clock.now_unix_nanos()),
            erased: erased(&work),
            splits: SplitWork::of(&work).map(|split| split.before).collect(),
            key: self.catalog().signing_key(),
            signature: None,
        };
        order.signature = self.catalog().signature(&order.signed_bytes());
        let places = std::iter::once(self.store.data_dir()).chain(self.options.backups.as_deref());
        for dir in places.filter(|dir| dir.is_dir()) {
            order.write(dir).map_err(|source| ErasureError::Io {
                path: ErasureOrder::path(dir, &order.id),
                source,
            })?;
        }
        Ok(order)
    }

    pub(super) fn make_receipt(&self, request: &Request, order: &ErasureOrder) -> Result<ErasureReceipt, ErasureError> {
        let backups = match &self.options.backups {
            None => Vec::new(),
            Some(path) => backups_holding(&Directory::new(path), order)?,
        };
        let about = &request.about;
        let work = self.catalog().erasure_work(&request.id)?;
        let splits: Vec<ReceiptSplit> = SplitWork::of(&work)
            .map(|split| ReceiptSplit {
                topic: split.topic,
                before: split.before,
                after: split.after,
                records: split.records,
                redacted: split.redacted,
            })
            .collect();
        let head = self.catalog().log_head()?;
        let mut receipt = ErasureReceipt {
            version: VERSION,
            store: self.catalog().store_id().to_owned(),
            id: request.id.clone(),
            kind: about.kind,
            hash: about.hash.clone(),
            is_subject: about.is_subject,
            from: about.first.map(format_rfc3339_nanos),
            to: about.last.map(format_rfc3339_nanos),
            reason: about.reason.clone(),
            case: about.case.clone(),
            asked_by: about.asked_by.clone(),
            asked_at: format_rfc3339_nanos(about.asked_at_nanos),
            approved_by: about.decided_by.clone().filter(|_| about.approval),
            approved_at: about
                .decided_at_nanos
                .filter(|_| about.approval)
                .map(format_rfc3339_nanos),
            final_at: format_rfc3339_nanos(about.final_at_nanos.unwrap_or_else(|| self.clock.now_unix_nanos())),
            records: splits.iter().map(|split| split.records).sum(),
            splits,
            queue: queue(&work),
            catalog: tables(&work),
            cleared: vec![
                "rows in memory were written to splits first, and are gone with them".to_owned(),
                "what queries kept of the former splits".to_owned(),
                "freed pages of the catalog, and its log".to_owned(),
            ],
            backups,
            not_covered: NOT_COVERED.map(str::to_owned).to_vec(),
            log_entries: head.as_ref().map_or(0, |head| head.size()),
            log_root: head.map(|head| STANDARD.encode(head.root().0)),
            key: None,
            signature: None,
        };
        receipt.key = self.catalog().signing_key();
        receipt.signature = self.catalog().signature(&signed_bytes(&receipt));
        Ok(receipt)
    }
}

/// What went from splits and from the queue, per partition. Records of the store's own topics were changed,
/// not taken away: in what is restored they are found by their text alone.
fn erased(work: &[crate::catalog::ErasureWork]) -> Vec<ErasedRanges> {
    let mut by: BTreeMap<(String, u32), BTreeSet<(u64, u64)>> = BTreeMap::new();
    for split in SplitWork::of(work).filter(|split| !is_own_topic(&split.topic)) {
        for (partition, first, last) in split.ranges {
            by.entry((split.topic.clone(), partition))
                .or_default()
                .insert((first, last));
        }
    }
    let mut incarnations: BTreeMap<(String, u32), String> = BTreeMap::new();
    for queue in QueueWork::of(work) {
        let of = (queue.topic, queue.partition);
        incarnations.insert(of.clone(), queue.incarnation);
        by.entry(of).or_default().extend(queue.ranges);
    }
    let of = |((topic, partition), ranges): ((String, u32), BTreeSet<(u64, u64)>)| ErasedRanges {
        incarnation: incarnations.get(&(topic.clone(), partition)).cloned(),
        topic,
        partition,
        ranges: ranges.into_iter().collect(),
    };
    by.into_iter().map(of).collect()
}

/// Topic, partition and incarnation.
type Life = (String, u32, String);
/// Up to where it was looked at, and first and last offsets of what went.
type Gone = (u64, Vec<(u64, u64)>);

/// A partition may have been gone through more than once.
fn queue(work: &[crate::catalog::ErasureWork]) -> Vec<ReceiptQueue> {
    let mut by: BTreeMap<Life, Gone> = BTreeMap::new();
    for one in QueueWork::of(work) {
        let known = by.entry((one.topic, one.partition, one.incarnation)).or_default();
        known.0 = known.0.max(one.to);
        known.1.extend(one.ranges);
    }
    let of = |((topic, partition, _), (to, ranges)): (Life, Gone)| {
        let mut offsets: Vec<u64> = ranges.into_iter().flat_map(|(first, last)| first..=last).collect();
        offsets.sort_unstable();
        offsets.dedup();
        ReceiptQueue {
            topic,
            partition,
            records: offsets.len() as u64,
            to,
        }
    };
    by.into_iter().map(of).collect()
}

fn tables(work: &[crate::catalog::ErasureWork]) -> Vec<ReceiptTable> {
    let mut by: BTreeMap<String, u64> = BTreeMap::new();
    for one in TableWork::of(work) {
        *by.entry(one.table).or_default() += one.rows;
    }
    let of = |(table, rows)| ReceiptTable { table, rows };
    by.into_iter().map(of).collect()
}

fn signed_bytes(receipt: &ErasureReceipt) -> Vec<u8> {
    let unsigned = ErasureReceipt {
        signature: None,
        ..receipt.clone()
    };
    let text = serde_json::to_string(&unsigned).expect("numbers and text are JSON");
    [CONTEXT, text.as_bytes()].concat()
}

/// What is wrong with a receipt, if anything is: whether it is what one of these keys signed.
///
/// # Errors
/// The verdict, and a sentence.
pub fn verify_receipt(text: &[u8], keys: &[NoteKey]) -> Result<ErasureReceipt, (Verdict, String)> {
    let receipt: ErasureReceipt = serde_json::from_slice(text)
        .map_err(|error| (Verdict::Altered, format!("this is no receipt of an erasure: {error}")))?;
    if receipt.version != VERSION {
        return Err((
            Verdict::Incomplete,
            format!(
                "a receipt of version {}: check it with a newer program",
                receipt.version
            ),
        ));
    }
    let Some(signature) = &receipt.signature else {
        return Err((
            Verdict::Incomplete,
            "the receipt is not signed: integrity was off when it was made".to_owned(),
        ));
    };
    let named = keys.iter().find(|key| Some(key.to_string()) == receipt.key);
    let Some(key) = named else {
        return Err((
            Verdict::UnknownKey,
            format!(
                "it is signed by {}, which is not among the keys given",
                receipt.key.as_deref().unwrap_or("no key")
            ),
        ));
    };
    let is_signed = STANDARD
        .decode(signature)
        .is_ok_and(|signature| key.verifies(&signed_bytes(&receipt), &signature));
    match is_signed {
        true => Ok(receipt),
        false => Err((Verdict::Altered, "it is not what was signed".to_owned())),
    }
}
