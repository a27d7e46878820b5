//! What would be deleted at a moment, and what is held back. Nothing is touched.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use timberline_proto::api::retention::{Keeper, RemovalCause};

use super::disk::DiskUse;
use super::rules::{Keeping, Rules, nanos};
use crate::catalog::{CatalogSplit, Streams};

/// A split that a policy removes.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Which.
    pub split: Arc<CatalogSplit>,
    /// The policy's number.
    pub policy: usize,
    /// Why.
    pub cause: RemovalCause,
    /// The same as a sentence.
    pub reason: String,
}

/// A split that a policy would remove, and what forbids it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Which.
    pub split: Arc<CatalogSplit>,
    /// What forbids it.
    pub keeping: Keeping,
}

/// What would be deleted.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In the order in which they go.
    pub removals: Vec<Planned>,
    /// What is held back; each split once.
    pub held_back: Vec<Kept>,
    /// Why the file system stays too full, if it does.
    pub stuck: Option<String>,
}

/// What `rules` would delete of `splits` now. Without `disk` nothing goes for want of room.
pub fn plan(
    rules: &Rules,
    splits: &[Arc<CatalogSplit>],
    streams: &Streams,
    now_nanos: i64,
    disk: Option<DiskUse>,
) -> Plan {
    let mut planner = Planner {
        rules,
        streams,
        now_nanos,
        plan: Plan::default(),
        gone: HashSet::new(),
        kept: HashSet::new(),
    };
    let mut classes = BTreeMap::<usize, Vec<&Arc<CatalogSplit>>>::new();
    let mut mixed = Vec::new();
    for split in splits {
        let policies = rules.policies_of(split, streams);
        match policies.len() {
            1 => classes
                .entry(*policies.first().expect("it has one"))
                .or_default()
                .push(split),
            _ => mixed.push((split, policies)),
        }
    }
    for of_class in classes.values_mut() {
        of_class.sort_by_key(|split| (split.newest_nanos(), split.meta.id.clone()));
    }
    for (number, of_class) in &classes {
        planner.by_age(*number, of_class);
        planner.by_bytes(*number, of_class, disk);
    }
    for (split, policies) in mixed {
        planner.mixed_by_age(split, policies.into_iter());
    }
    planner.by_disk(&classes, disk);
    planner.plan
}

struct Planner<'a> {
    rules: &'a Rules,
    streams: &'a Streams,
    now_nanos: i64,
    plan: Plan,
    /// Ids of what is removed …
    gone: HashSet<String>,
    /// … and of what is held back.
    kept: HashSet<String>,
}

impl Planner<'_> {
    /// Removes a split, or says what forbids it. Whether it is removed.
    fn take(&mut self, split: &Arc<CatalogSplit>, policy: usize, cause: RemovalCause, reason: &str) -> bool {
        if self.gone.contains(&split.meta.id) || self.kept.contains(&split.meta.id) {
            return false;
        }
        if let Some(keeping) = self.rules.keeper(split, self.streams, self.now_nanos) {
            self.keep(split, keeping);
            return false;
        }
        self.gone.insert(split.meta.id.clone());
        self.plan.removals.push(Planned {
            split: Arc::clone(split),
            policy,
            cause,
            reason: reason.to_owned(),
        });
        true
    }

    fn keep(&mut self, split: &Arc<CatalogSplit>, keeping: Keeping) {
        if self.kept.insert(split.meta.id.clone()) {
            let split = Arc::clone(split);
            self.plan.held_back.push(Kept { split, keeping });
        }
    }

    fn is_expired(&self, split: &CatalogSplit, age_seconds: u64) -> bool {
        split.newest_nanos() < self.now_nanos.saturating_sub(nanos(age_seconds))
    }

    fn by_age(&mut self, policy: usize, oldest_first: &[&Arc<CatalogSplit>]) {
        let Some(age) = self.rules.policies()[policy].age_seconds else {
            return;
        };
        let reason = format!(
            "policy {}: every row is older than {:?}",
            self.name(policy),
            Duration::from_secs(age)
        );
        for split in oldest_first {
            if self.is_expired(split, age) {
                self.take(split, policy, RemovalCause::Age, &reason);
            }
        }
    }

    /// The oldest beyond what the class may hold.
    fn by_bytes(&mut self, policy: usize, oldest_first: &[&Arc<CatalogSplit>], disk: Option<DiskUse>) {
        let limits = &self.rules.policies()[policy];
        let share = limits
            .disk_percent
            .zip(disk)
            .map(|(percent, disk)| part(disk.bytes, percent));
        let Some(bytes_max) = limits.bytes.into_iter().chain(share).min() else {
            return;
        };
        let reason = match (share == Some(bytes_max), limits.disk_percent) {
            (true, Some(percent)) => format!(
                "policy {}: its splits held more than {percent} % of the file system, {bytes_max} bytes",
                self.name(policy)
            ),
            _ => format!("policy {}: splits held more than {bytes_max} bytes", self.name(policy)),
        };
        let mut bytes = 0_u64;
        let mut beyond = Vec::new();
        for split in oldest_first.iter().rev() {
            if self.gone.contains(&split.meta.id) {
                continue;
            }
            bytes = bytes.saturating_add(split.meta.file_bytes);
            if bytes > bytes_max {
                beyond.push(*split);
            }
        }
        for split in beyond.into_iter().rev() {
            self.take(split, policy, RemovalCause::Bytes, &reason);
        }
    }

    /// A split of several classes goes when the longest of their ages is over.
    fn mixed_by_age(&mut self, split: &Arc<CatalogSplit>, policies: impl Iterator<Item = usize>) {
        let ages: Vec<(usize, Option<u64>)> = policies
            .map(|policy| (policy, self.rules.policies()[policy].age_seconds))
            .collect();
        let is_over = |age: Option<u64>| age.is_some_and(|age| self.is_expired(split, age));
        if !ages.iter().any(|(_, age)| is_over(*age)) {
            return;
        }
        match ages.iter().find(|(_, age)| !is_over(*age)) {
            Some((longer, _)) => {
                let name = self.name(*longer).to_owned();
                let mixed = Keeping {
                    by: Keeper::Mixed,
                    name,
                    until: None,
                };
                let stronger = self.rules.keeper(split, self.streams, self.now_nanos);
                self.keep(split, stronger.unwrap_or(mixed));
            }
            None => {
                let (policy, age) = ages.iter().max_by_key(|(_, age)| *age).expect("a split has a class");
                let age = Duration::from_secs(age.unwrap_or(0));
                let reason = format!(
                    "policy {}, the longest of those whose streams it holds: every row is older than {age:?}",
                    self.name(*policy)
                );
                self.take(split, *policy, RemovalCause::Age, &reason);
            }
        }
    }

    /// The oldest of the last policy first, until the file system is no fuller than it may be.
    fn by_disk(&mut self, classes: &BTreeMap<usize, Vec<&Arc<CatalogSplit>>>, disk: Option<DiskUse>) {
        let Some((percent, disk)) = self.rules.set().disk_used_percent_max.zip(disk) else {
            return;
        };
        let limit = part(disk.bytes, percent);
        let freed: u64 = self.plan.removals.iter().map(|one| one.split.meta.file_bytes).sum();
        let mut used = disk.used_bytes.saturating_sub(freed);
        let held_before = self.plan.held_back.len();
        for (number, oldest_first) in classes.iter().rev() {
            let reason = format!(
                "policy {}: the file system was fuller than {percent} %",
                self.name(*number)
            );
            for split in oldest_first {
                if used <= limit {
                    return;
                }
                if self.take(split, *number, RemovalCause::Disk, &reason) {
                    used = used.saturating_sub(split.meta.file_bytes);
                }
            }
        }
        if used > limit {
            self.plan.stuck = Some(self.stuck(percent, held_before));
        }
    }

    fn stuck(&self, percent: u8, held_before: usize) -> String {
        let mut why = format!(
            "the file system is fuller than retention.disk_used_percent_max = {percent}, and nothing more may be deleted"
        );
        let mut keepers = BTreeMap::<String, u64>::new();
        let (before, after) = self.plan.held_back.split_at(held_before);
        for kept in before.iter().chain(after) {
            *keepers.entry(kept.keeping.to_string()).or_default() += kept.split.meta.file_bytes;
        }
        let mut largest: Vec<_> = keepers.into_iter().collect();
        largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        for (what, bytes) in largest.iter().take(3) {
            why += &format!("; {bytes} bytes are {what}");
        }
        if largest.is_empty() {
            why += ": the store holds no split; other files fill it";
        }
        why
    }

    fn name(&self, policy: usize) -> &str {
        &self.rules.policies()[policy].name
    }
}

fn part(bytes: u64, percent: u8) -> u64 {
    (u128::from(bytes) * u128::from(percent) / 100) as u64
}
