//! Carrying a request out. Every step can be cut short by a crash, and is taken again at the next start.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use timberline_proto::api::access::Actor;
use timberline_proto::api::erasure::{ErasureBlocker, ErasurePreview, ErasureState};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::error::ErasureError;
use super::names::Names;
use super::redact::Redactor;
use super::request::Request;
use super::service::Shared;
use super::work::{QueueWork, SplitWork, ranges_of};
use crate::catalog::{CatalogError, CatalogSplit, Guard, is_own_topic};
use crate::crash::{CrashPoint, reached};
use crate::integrity::Removal;
use crate::read::{Meant, Topics};
use crate::rows::Row;
use crate::split::Columns;
use crate::store::StoreError;
use crate::write::{Changed, FlushError, QueueRange, Rewrite, RewriteFor};

/// How often it is looked whether what is waited for is there.
const LOOK: Duration = Duration::from_millis(50);
/// The store itself.
const STORE: &str = "store";

/// What is looked for.
struct Job<'a> {
    meant: &'a Meant,
    /// What is replaced in them; none if they go.
    redactor: Option<&'a Redactor>,
    names: &'a Names,
    /// What is covered: everything published before, and offsets below these.
    since_nanos: i64,
    ends: BTreeMap<(String, u32), u64>,
}

impl Job<'_> {
    /// Whether anything is to be done with a row.
    fn takes(&self, topic: &str, row: &Row<'_>) -> bool {
        self.meant.takes(topic, row) && self.redactor.is_none_or(|redactor| redactor.changed(row).is_some())
    }

    fn covers(&self, split: &CatalogSplit, row: &Row<'_>) -> bool {
        let end = || self.ends.get(&(split.topic.clone(), row.partition));
        split.published_at_nanos < self.since_nanos || end().is_none_or(|end| row.offset < *end)
    }
}

/// Splits that something keeps: why, and how many records of each are meant.
type Kept = BTreeMap<String, (String, u64)>;

fn blockers(kept: &Kept) -> Vec<ErasureBlocker> {
    let mut by: BTreeMap<&str, ErasureBlocker> = BTreeMap::new();
    for (why, records) in kept.values() {
        let blocker = by.entry(why).or_insert_with(|| ErasureBlocker {
            by: why.clone(),
            ..ErasureBlocker::default()
        });
        blocker.splits += 1;
        blocker.records += records;
    }
    by.into_values().collect()
}

impl Shared {
    /// Does all that can be done of a request, and leaves it in the state that this comes to.
    pub(super) fn carry_out(&self, request: &mut Request) -> Result<(), ErasureError> {
        if request.state != ErasureState::Sealing {
            self.enter(request, ErasureState::Running)?;
            self.erase_all(request)?;
            if request.state == ErasureState::Blocked {
                return Ok(());
            }
        }
        self.seal(request)
    }

    /// Puts the request in another state. Durable on return.
    pub(super) fn enter(&self, request: &mut Request, to: ErasureState) -> Result<(), ErasureError> {
        let from = std::mem::replace(&mut request.state, to);
        let changed = self.catalog().change_erasure(&request.stored(), from.word(), None)?;
        match changed {
            true => Ok(()),
            false => Err(ErasureError::Later("it was decided otherwise meanwhile".to_owned())),
        }
    }

    fn erase_all(&self, request: &mut Request) -> Result<(), ErasureError> {
        let Some(what) = request.what.clone() else {
            return Err(ErasureError::Later("its text is not there any more".to_owned()));
        };
        let meant = what.meant(request.about.range())?;
        let redactor = what.redactor(request.about.kind)?;
        let names = what.names(&request.about.hash);
        self.note(|progress| progress.step = "names in the store's own records".to_owned());
        self.catalog()
            .replace_texts(&request.id, &|text| names.replaced(text))?;
        // From here on nothing that the store tells of itself has the name in it, but for what was taken before.
        let context = self.store.context();
        let fixed = context.queue_ranges()?;
        self.wait_published(&fixed)?;
        let ends = fixed
            .iter()
            .map(|range| ((range.topic.clone(), range.partition), range.to));
        let job = Job {
            meant: &meant,
            redactor: redactor.as_ref(),
            names: &names,
            since_nanos: self.clock.now_unix_nanos(),
            ends: ends.collect(),
        };
        let kept = self.erase_splits(request, &job)?;
        self.erase_queue(request, &job, &fixed)?;
        while self.catalog().forget_streams(&context.live_streams())? > 0 {}
        self.let_go(request)?;
        self.search_again(&job, &fixed, &kept)?;
        request.about.blocked = blockers(&kept);
        request.about.problem = None;
        match kept.is_empty() {
            true => {
                request.what = None;
                request.about.final_at_nanos = Some(self.clock.now_unix_nanos());
                self.enter(request, ErasureState::Sealing)?;
                reached(CrashPoint::ErasureWiped);
                Ok(())
            }
            false => {
                self.scrub()?;
                self.enter(request, ErasureState::Blocked)
            }
        }
    }

    /// Waits until everything that the queue holds now is in splits.
    pub(super) fn wait_published(&self, fixed: &[QueueRange]) -> Result<(), ErasureError> {
        self.note(|progress| progress.step = "what the queue holds becomes splits".to_owned());
        let context = self.store.context();
        let until = Instant::now() + self.options.wait_max;
        loop {
            context.flush_all().map_err(StoreError::from)?;
            if context.has_published(fixed) {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(ErasureError::Later(
                    "the store is not through with what the queue holds: see its status".to_owned(),
                ));
            }
            self.pause(LOOK);
            self.go_on()?;
        }
    }

    /// Goes through all splits until none is left that was not looked at; those that something keeps.
    fn erase_splits(&self, request: &Request, job: &Job<'_>) -> Result<Kept, ErasureError> {
        self.note(|progress| progress.step = "splits".to_owned());
        let removal = Removal {
            reason: format!("case {}: {}", request.about.case, request.about.reason),
            policy: Some(format!("erasure {}", request.id)),
            actor: request.about.asked_by.clone(),
        };
        let mut done: HashSet<String> = HashSet::new();
        let mut kept = Kept::new();
        loop {
            let snapshot = self.catalog().snapshot();
            let is_new = |split: &&Arc<CatalogSplit>| {
                !done.contains(&split.meta.id)
                    && !kept.contains_key(&split.meta.id)
                    && (is_own_topic(&split.topic)
                        || job.meant.may_be_between(split.meta.time_min, split.meta.time_max))
            };
            let splits: Vec<Arc<CatalogSplit>> = snapshot.splits.iter().filter(is_new).cloned().collect();
            drop(snapshot);
            if splits.is_empty() {
                return Ok(kept);
            }
            self.note(|progress| progress.splits_all += splits.len() as u64);
            for split in splits {
                self.go_on()?;
                self.note(|progress| progress.splits_done += 1);
                let id = split.meta.id.clone();
                if let Some(reason) = &split.quarantined {
                    kept.insert(
                        id,
                        (
                            format!("damaged, so it cannot be looked through: {reason}"),
                            split.meta.rows,
                        ),
                    );
                    continue;
                }
                let rewrite = self.find(&split, job)?;
                let records = (rewrite.gone.len() + rewrite.changed.len()) as u64;
                if records == 0 {
                    done.insert(id);
                    continue;
                }
                let is_redacted = !rewrite.changed.is_empty();
                let work = |after: Option<&str>| {
                    SplitWork {
                        topic: split.topic.clone(),
                        before: split.meta.id.clone(),
                        after: after.map(str::to_owned),
                        records,
                        redacted: is_redacted,
                        ranges: ranges_of(rewrite.gone.iter().chain(rewrite.changed.keys()).copied()),
                    }
                    .noted()
                };
                let why = RewriteFor {
                    removal: &removal,
                    guard: match is_own_topic(&split.topic) {
                        true => Guard::Holds,
                        false => Guard::HoldsAndMinimums,
                    },
                    request: Some((&request.id, &work)),
                };
                match self.store.context().rewrite_rows(&split, &rewrite, &why) {
                    Ok(fresh) => {
                        self.note(|progress| progress.records += records);
                        done.extend(fresh.map(|meta| meta.id));
                    }
                    Err(FlushError::Catalog(CatalogError::Kept { why, .. })) => {
                        kept.insert(id, (why, records));
                    }
                    // It was merged or deleted meanwhile: the next round sees what stands in its place.
                    Err(FlushError::Catalog(CatalogError::NotThere { .. })) => {}
                    Err(error) => return Err(StoreError::from(error).into()),
                }
            }
        }
    }

    /// What is to be done with a split's rows.
    fn find(&self, split: &Arc<CatalogSplit>, job: &Job<'_>) -> Result<Rewrite, ErasureError> {
        let mut rewrite = Rewrite::default();
        let open = self.store.split(split)?;
        if is_own_topic(&split.topic) {
            for page in 0..open.pages().len() as u32 {
                let rows = open.read_page(page, Columns::ALL)?;
                open.forget_templates();
                for row in rows.rows() {
                    let Ok(line) = std::str::from_utf8(row.line) else {
                        continue;
                    };
                    if let Some(line) = job.names.replaced(line) {
                        let to = Changed {
                            line: line.into_bytes(),
                            attributes: row.attributes.to_vec(),
                        };
                        rewrite.changed.insert((row.partition, row.offset), to);
                    }
                }
            }
            return Ok(rewrite);
        }
        let streams = self.catalog().snapshot().streams.clone();
        for page in job.meant.pages(&open, &streams)? {
            let rows = open.read_page(page, Columns::ALL)?;
            open.forget_templates();
            let meant = rows
                .rows()
                .filter(|row| job.meant.takes(&split.topic, row) && job.covers(split, row));
            for row in meant {
                let place = (row.partition, row.offset);
                match job.redactor {
                    None => {
                        rewrite.gone.insert(place);
                    }
                    Some(redactor) => rewrite
                        .changed
                        .extend(redactor.changed(&row).map(|changed| (place, changed))),
                }
            }
        }
        Ok(rewrite)
    }

    fn erase_queue(&self, request: &Request, job: &Job<'_>, fixed: &[QueueRange]) -> Result<(), ErasureError> {
        let ranges: Vec<&QueueRange> = fixed.iter().filter(|range| !is_own_topic(&range.topic)).collect();
        self.note(|progress| {
            progress.step = "the queue".to_owned();
            progress.partitions_all = ranges.len() as u64;
        });
        let context = self.store.context();
        for range in ranges {
            self.go_on()?;
            let found = context.find_in_queue(range, &mut |topic, row| job.takes(topic, row))?;
            if !found.is_empty() {
                let work = QueueWork {
                    topic: range.topic.clone(),
                    partition: range.partition,
                    incarnation: range.incarnation.to_string(),
                    to: range.to,
                    ranges: crate::integrity::ranges_of(found.iter().copied()),
                };
                self.catalog().add_erasure_work(&request.id, &work.noted())?;
                reached(CrashPoint::ErasureQueueNoted);
                context.erase_in_queue(range, &found)?;
                reached(CrashPoint::ErasureQueueDone);
            }
            self.note(|progress| progress.partitions_done += 1);
        }
        Ok(())
    }

    /// Waits until no file and no memory has what was replaced.
    fn let_go(&self, request: &Request) -> Result<(), ErasureError> {
        let work = self.catalog().erasure_work(&request.id)?;
        let before: Vec<String> = SplitWork::of(&work).map(|split| split.before).collect();
        let context = self.store.context();
        self.wait_swept(&|_| !before.iter().any(|id| context.split_path(id).exists()))
    }

    /// Removes files that nobody reads any more until `are_gone`, which is told whether none is left.
    pub(super) fn wait_swept(&self, are_gone: &dyn Fn(bool) -> bool) -> Result<(), ErasureError> {
        self.note(|progress| progress.step = "files that queries still read".to_owned());
        // Looking at what is there now lets the cache forget all else.
        drop(self.reader.view_of(&Topics::All));
        let context = self.store.context();
        let until = Instant::now() + self.options.wait_max;
        loop {
            let is_none_left = context.sweep_files();
            if are_gone(is_none_left) {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(ErasureError::Later(
                    "queries or a backup still read files with what is erased".to_owned(),
                ));
            }
            self.pause(LOOK);
            self.go_on()?;
        }
    }

    /// A last search over everything that is covered.
    fn search_again(&self, job: &Job<'_>, fixed: &[QueueRange], kept: &Kept) -> Result<(), ErasureError> {
        self.note(|progress| progress.step = "a last search".to_owned());
        let again = |place: String| Err(ErasureError::Later(format!("a last search found more in {place}")));
        let splits = self.catalog().snapshot().splits.clone();
        for split in &splits {
            self.go_on()?;
            if kept.contains_key(&split.meta.id) || split.quarantined.is_some() {
                continue;
            }
            let rewrite = match self.find(split, job) {
                // Merged or deleted meanwhile.
                Err(ErasureError::Split(_)) if self.catalog().snapshot().split(&split.meta.id).is_none() => continue,
                found => found?,
            };
            if !rewrite.gone.is_empty() || !rewrite.changed.is_empty() {
                return again(format!("split {}", split.meta.id));
            }
        }
        let context = self.store.context();
        for range in fixed.iter().filter(|range| !is_own_topic(&range.topic)) {
            self.go_on()?;
            let found = context.find_in_queue(range, &mut |topic, row| job.takes(topic, row))?;
            if !found.is_empty() {
                return again(format!("{}-{} of the queue", range.topic, range.partition));
            }
        }
        Ok(())
    }

    /// Clears freed pages of the catalog, and its log.
    pub(super) fn scrub(&self) -> Result<(), ErasureError> {
        self.note(|progress| progress.step = "freed pages of the catalog".to_owned());
        let until = Instant::now() + self.options.wait_max;
        while !self.catalog().scrub()? {
            if Instant::now() >= until {
                return Err(ErasureError::Later(
                    "somebody reads the catalog and keeps its log".to_owned(),
                ));
            }
            self.pause(LOOK);
            self.go_on()?;
        }
        Ok(())
    }

    /// What is left once the text is forgotten: freed pages, the receipt, the order for restores.
    fn seal(&self, request: &mut Request) -> Result<(), ErasureError> {
        self.scrub()?;
        reached(CrashPoint::ErasureScrubbed);
        self.note(|progress| progress.step = "the receipt".to_owned());
        self.store.context().sign_log();
        let order = self.write_order(request)?;
        let receipt = self.make_receipt(request, &order)?;
        let records = receipt.records;
        request.about.receipt = Some(receipt);
        request.about.problem = None;
        request.state = ErasureState::Final;
        let act = self.act(
            request,
            "erasure.final",
            &Actor::new(STORE, None),
            json!({ "records": records }),
        );
        self.catalog()
            .change_erasure(&request.stored(), ErasureState::Sealing.word(), Some(&act))?;
        Ok(())
    }

    pub(super) fn preview(&self, request: &Request) -> Result<ErasurePreview, ErasureError> {
        let what = request.what.clone().unwrap_or_default();
        let meant = what.meant(request.about.range())?;
        let redactor = what.redactor(request.about.kind)?;
        let names = what.names(&request.about.hash);
        let job = Job {
            meant: &meant,
            redactor: redactor.as_ref(),
            names: &names,
            since_nanos: i64::MAX,
            ends: BTreeMap::new(),
        };
        let mut preview = ErasurePreview {
            approval: self.options.approval,
            left: self.catalog().documents_with(&|text| names.is_in(text))?,
            ..ErasurePreview::default()
        };
        let (mut topics, mut kept) = (BTreeMap::<String, u64>::new(), Kept::new());
        let mut times: Option<(i64, i64)> = None;
        let snapshot = self.catalog().snapshot();
        let now = self.clock.now_unix_nanos();
        let blocks = self.store.live().blocks();
        for split in snapshot.splits.iter().filter(|split| !is_own_topic(&split.topic)) {
            self.go_on()?;
            if split.quarantined.is_some() || !meant.may_be_between(split.meta.time_min, split.meta.time_max) {
                continue;
            }
            let found = self.find(split, &job)?;
            let records = (found.gone.len() + found.changed.len()) as u64;
            if records == 0 {
                continue;
            }
            preview.splits += 1;
            preview.records += records;
            *topics.entry(split.topic.clone()).or_default() += records;
            let (first, last) = times.unwrap_or((i64::MAX, i64::MIN));
            times = Some((first.min(split.meta.time_min), last.max(split.meta.time_max)));
            if let Some(why) = Guard::HoldsAndMinimums.of(&snapshot, split, now) {
                kept.insert(split.meta.id.clone(), (why, records));
            }
        }
        for block in blocks.iter().filter(|block| !is_own_topic(&block.topic)) {
            let position = snapshot.positions.get(&(block.topic.clone(), block.partition));
            let from = position.map_or(0, |position| position.next_offset);
            let rows = block
                .rows
                .rows()
                .filter(|row| row.offset >= from && job.takes(&block.topic, row));
            for row in rows {
                preview.records += 1;
                *topics.entry(block.topic.clone()).or_default() += 1;
                let (first, last) = times.unwrap_or((i64::MAX, i64::MIN));
                times = Some((first.min(row.time_nanos), last.max(row.time_nanos)));
            }
        }
        let context = self.store.context();
        for range in context.queue_ranges()? {
            if is_own_topic(&range.topic) {
                continue;
            }
            let found: BTreeSet<u64> = context.find_in_queue(&range, &mut |topic, row| job.takes(topic, row))?;
            preview.queue_records += found.len() as u64;
        }
        preview.oldest = times.map(|(first, _)| format_rfc3339_nanos(first));
        preview.newest = times.map(|(_, last)| format_rfc3339_nanos(last));
        preview.topics = topics.into_iter().collect();
        preview.blocked = blockers(&kept);
        Ok(preview)
    }
}
