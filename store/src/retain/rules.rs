//! Policies, promises and holds of one moment.
//!
//! A promise is what is left of a minimum retention that was lowered, or of a stream that was given to a
//! class with a lower one: the data that was published before keeps the former minimum.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use timberline_proto::api::retention::{DEFAULT_CLASS, Keeper, Policy, PolicySet, PolicySource};

use super::select::{SelectError, Selector, Taken};
use crate::catalog::{CatalogSplit, Streams};
use crate::rows::{Stream, StreamId};

const SECOND_NANOS: i64 = 1_000_000_000;
const DAY_NANOS: i64 = 86_400 * SECOND_NANOS;

/// Seconds as nanoseconds, as many as fit.
pub(crate) fn nanos(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND_NANOS)
}

/// A legal hold in force.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Its id.
    pub id: String,
    /// Its case number.
    pub case: String,
    /// What it holds.
    pub selector: Arc<Selector>,
    /// The first moment, nanoseconds.
    pub first: i64,
    /// The last moment.
    pub last: i64,
}

impl Hold {
    /// Whether it may hold a line of a stream.
    pub fn touches(&self, topic: &str, stream: &Stream) -> bool {
        self.selector.takes(topic, stream) > Taken::No
    }

    /// Whether it may hold a line of a split. A stream that is not known may be any.
    pub fn may_hold(&self, split: &CatalogSplit, streams: &Streams) -> bool {
        let meta = &split.meta;
        let touches = |id: &StreamId| streams.get(id).is_none_or(|stream| self.touches(&split.topic, stream));
        self.first <= meta.time_max && meta.time_min <= self.last && meta.streams.iter().any(touches)
    }
}

/// A minimum that a stream's data of before keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Of data that was published up to then, nanoseconds.
    pub published_to: i64,
    /// The minimum, seconds.
    pub minimum_seconds: u64,
}

impl Promise {
    /// Whether nothing can be younger than the minimum any more. A time in the future counts no further
    /// than a day after its publication.
    pub fn is_over(&self, now_nanos: i64) -> bool {
        let last = self.published_to.saturating_add(DAY_NANOS);
        last.saturating_add(nanos(self.minimum_seconds)) < now_nanos
    }
}

/// The promises, by topic and stream.
pub type Promises = HashMap<(String, StreamId), Vec<Promise>>;

/// What forbids that something is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// What.
    pub by: Keeper,
    /// The hold's case number, or the class whose minimum it is.
    pub name: String,
    /// Up to when at least, nanoseconds; a hold has no such moment.
    pub until: Option<i64>,
}

impl fmt::Display for Keeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by {
            Keeper::Hold => write!(f, "held for case {}", self.name),
            Keeper::Minimum => write!(f, "younger than the minimum retention of {}", self.name),
            Keeper::Mixed => write!(f, "in a split with streams of {}, which stay longer", self.name),
        }
    }
}

/// What is in force at one moment. Shared and never changed.
#[derive(Debug)]
pub struct Rules {
    /// Grows with each change of the policies.
    pub version: u64,
    /// Whose they are.
    pub source: PolicySource,
    /// Since when, nanoseconds.
    pub since_nanos: i64,
    set: PolicySet,
    /// One a policy; the last takes everything.
    selectors: Vec<Arc<Selector>>,
    /// Those in force.
    pub holds: Vec<Hold>,
    /// What was promised.
    pub promises: Arc<Promises>,
    /// Which policy takes which stream, as far as it was asked.
    routed: Mutex<HashMap<(String, StreamId), usize>>,
    /// Which splits a hold may touch, by their ids, as far as it was asked.
    held: Mutex<HashMap<String, bool>>,
}

/// Streams whose answer is remembered at most.
const ROUTED_MAX: usize = 1_000_000;
/// Splits whose answer is remembered at most.
const HELD_MAX: usize = 100_000;

impl Default for Rules {
    fn default() -> Self {
        Self::new(PolicySet::default()).expect("no policy but the last has no selector to be wrong")
    }
}

impl Rules {
    /// Rules of a set alone.
    ///
    /// # Errors
    /// The policy and what is wrong with its selector.
    pub fn new(set: PolicySet) -> Result<Self, (String, SelectError)> {
        let set = set.closed();
        let selectors = set.policies.iter().map(|policy| {
            let selector = Selector::of_streams(&policy.select).map_err(|error| (policy.name.clone(), error))?;
            Ok(Arc::new(selector))
        });
        Ok(Self {
            version: 0,
            source: PolicySource::File,
            since_nanos: 0,
            selectors: selectors.collect::<Result<_, _>>()?,
            set,
            holds: Vec::new(),
            promises: Arc::default(),
            routed: Mutex::default(),
            held: Mutex::default(),
        })
    }

    /// The same policies with other holds.
    #[must_use]
    pub fn with_holds(&self, holds: Vec<Hold>) -> Self {
        Self {
            version: self.version,
            source: self.source,
            since_nanos: self.since_nanos,
            set: self.set.clone(),
            selectors: self.selectors.clone(),
            holds,
            promises: Arc::clone(&self.promises),
            routed: Mutex::new(self.routed.lock().clone()),
            held: Mutex::default(),
        }
    }

    /// Other policies with the holds and promises of these: what would be in force.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_set(&self, set: PolicySet) -> Result<Self, (String, SelectError)> {
        Ok(Self {
            version: self.version,
            source: self.source,
            since_nanos: self.since_nanos,
            holds: self.holds.clone(),
            promises: Arc::clone(&self.promises),
            ..Self::new(set)?
        })
    }

    /// The policies, the last of which takes everything.
    pub fn set(&self) -> &PolicySet {
        &self.set
    }

    /// The policies.
    pub fn policies(&self) -> &[Policy] {
        &self.set.policies
    }

    /// Which policy takes a stream: its number.
    pub fn policy_of(&self, topic: &str, stream: &Stream) -> usize {
        // Without others nothing is asked.
        let last = self.selectors.len() - 1;
        if last == 0 {
            return 0;
        }
        let key = (topic.to_owned(), stream.id);
        if let Some(known) = self.routed.lock().get(&key) {
            return *known;
        }
        let found = self.selectors[..last].iter().position(|one| one.routes(topic, stream));
        let found = found.unwrap_or(last);
        let mut routed = self.routed.lock();
        if routed.len() >= ROUTED_MAX {
            routed.clear();
        }
        routed.insert(key, found);
        found
    }

    /// The policies that take streams of a split. Of a stream that is not known, every one may.
    pub fn policies_of(&self, split: &CatalogSplit, streams: &Streams) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        if self.selectors.len() == 1 {
            found.insert(0);
            return found;
        }
        for id in &split.meta.streams {
            match streams.get(id) {
                Some(stream) => {
                    found.insert(self.policy_of(&split.topic, stream));
                }
                None => return (0..self.policies().len()).collect(),
            }
        }
        if found.is_empty() {
            found.insert(self.policies().len() - 1);
        }
        found
    }

    /// The class of a split, unless its streams are of several.
    pub fn class_of(&self, split: &CatalogSplit, streams: &Streams) -> Option<Arc<str>> {
        let found = self.policies_of(split, streams);
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(policy), None) => Some(Arc::from(self.policies()[policy].name.as_str())),
            _ => None,
        }
    }

    /// The number of a class.
    pub fn number_of(&self, class: &str) -> usize {
        let last = self.policies().len() - 1;
        self.policies()
            .iter()
            .position(|policy| policy.name == class)
            .unwrap_or(last)
    }

    /// What forbids that a split is deleted now, the strongest: a hold that may touch one of its lines, or a
    /// minimum of one of its streams that its newest line has not reached.
    pub fn keeper(&self, split: &CatalogSplit, streams: &Streams, now_nanos: i64) -> Option<Keeping> {
        self.holder(split, streams)
            .or_else(|| self.minimum(split, streams, now_nanos))
    }

    /// Whether a hold may touch a line of a split. Splits never change, so each is asked about once.
    pub fn is_held(&self, split: &CatalogSplit, streams: &Streams) -> bool {
        if self.holds.is_empty() {
            return false;
        }
        if let Some(known) = self.held.lock().get(&split.meta.id) {
            return *known;
        }
        let is_held = self.holder(split, streams).is_some();
        let mut held = self.held.lock();
        if held.len() >= HELD_MAX {
            held.clear();
        }
        held.insert(split.meta.id.clone(), is_held);
        is_held
    }

    /// The hold that may touch a line of a split.
    pub fn holder(&self, split: &CatalogSplit, streams: &Streams) -> Option<Keeping> {
        let hold = self.holds.iter().find(|hold| hold.may_hold(split, streams));
        hold.map(|hold| Keeping {
            by: Keeper::Hold,
            name: hold.case.clone(),
            until: None,
        })
    }

    fn minimum(&self, split: &CatalogSplit, streams: &Streams, now_nanos: i64) -> Option<Keeping> {
        let longest = split.meta.streams.iter().filter_map(|id| match streams.get(id) {
            Some(stream) => self.minimum_of(&split.topic, stream, split.published_first_nanos),
            None => self.longest_minimum(),
        });
        let (seconds, name) = longest.max_by_key(|(seconds, _)| *seconds)?;
        let until = split.newest_nanos().saturating_add(nanos(seconds));
        (until >= now_nanos).then_some(Keeping {
            by: Keeper::Minimum,
            name,
            until: Some(until),
        })
    }

    /// The minimum of a stream's data that was published at `published_nanos`, and the class whose it is.
    pub fn minimum_of(&self, topic: &str, stream: &Stream, published_nanos: i64) -> Option<(u64, String)> {
        let policy = &self.policies()[self.policy_of(topic, stream)];
        let now = policy.minimum_seconds.map(|seconds| (seconds, policy.name.clone()));
        let promises = match self.promises.is_empty() {
            true => None,
            false => self.promises.get(&(topic.to_owned(), stream.id)),
        };
        let promised = promises.into_iter().flatten().filter_map(|promise| {
            let holds = published_nanos <= promise.published_to;
            holds.then(|| (promise.minimum_seconds, format!("{} as it was before", policy.name)))
        });
        promised.chain(now).max_by_key(|(seconds, _)| *seconds)
    }

    fn longest_minimum(&self) -> Option<(u64, String)> {
        let minima = self
            .policies()
            .iter()
            .filter_map(|policy| Some((policy.minimum_seconds?, policy.name.clone())));
        let promised = self.promises.values().flatten();
        let promised = promised.map(|promise| (promise.minimum_seconds, DEFAULT_CLASS.to_owned()));
        minima.chain(promised).max_by_key(|(seconds, _)| *seconds)
    }
}
