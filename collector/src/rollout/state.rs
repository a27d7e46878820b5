//! Which group of machines runs what, and whether a trial goes well: the rules, without clock and disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use timberline_proto::id::AgentId;

/// Groups at most, those that were unset among them.
pub(super) const GROUPS_MAX: usize = 100;
/// Failures remembered of one group.
const FAILURES_MAX: usize = 100;
/// How long a machine may take to fetch what it is to try.
const TAKE_MAX_S: i64 = 120;
/// Unacked bytes beyond twice those before are lag only if they are at least so many.
const LAG_BYTES_MIN: u64 = 16 << 20;

/// Labels with their values.
pub(super) type Labels = BTreeMap<String, String>;

/// Everything that is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) last_version: u64,
    /// By their labels' text.
    pub(super) groups: BTreeMap<String, Group>,
}

/// The machines that have certain labels.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) labels: Labels,
    /// What all of them run.
    pub(super) running: Document,
    pub(super) trial: Option<Trial>,
    /// How the last trial ended.
    pub(super) last: String,
    /// What machines said of versions that they gave up.
    pub(super) failures: BTreeMap<AgentId, Failure>,
}

/// A configuration, of which an empty text leaves machines to their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) version: u64,
    pub(super) toml: String,
    pub(super) set_s: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) version: u64,
    pub(super) why: String,
}

/// A configuration on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Trial {
    pub(super) document: Document,
    pub(super) stage: Stage,
    pub(super) machines: BTreeMap<AgentId, Tried>,
    pub(super) began_s: i64,
    /// How long each stage is watched once its machines run it.
    pub(super) wait_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// The first few run it.
    Few,
    /// All of the group run it, and those that were there are still watched.
    All,
}

/// A machine in a trial.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tried {
    /// Since when it runs the new version.
    pub(super) since_s: Option<i64>,
    /// How it was before.
    pub(super) before: Health,
}

/// How a machine is, as it last reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Health {
    /// Files that cannot be read.
    pub(super) errors: u64,
    /// Bytes in files that are not acked.
    pub(super) unacked_bytes: u64,
    /// Bytes known never to have been read.
    pub(super) lost_bytes: u64,
}

/// What became of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The few are well: all get it.
    Spread,
    /// All are well: it is what the group runs.
    Done,
    /// The group runs what it ran before.
    Back(String),
}

impl Health {
    fn worse_than(self, before: Self, settled: bool) -> Option<&'static str> {
        if self.errors > before.errors {
            Some("more of its files cannot be read than before")
        } else if self.lost_bytes > before.lost_bytes {
            Some("it lost bytes")
        } else if settled && self.unacked_bytes > (2 * before.unacked_bytes).max(LAG_BYTES_MIN) {
            Some("it lags behind its files")
        } else {
            None
        }
    }
}

/// The text of labels, which names their group.
pub(super) fn group_name(labels: &Labels) -> String {
    let pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(",")
}

impl Group {
    pub(super) fn holds(&self, labels: &Labels) -> bool {
        self.labels.iter().all(|(name, value)| labels.get(name) == Some(value))
    }

    /// What this machine is to run.
    fn document_for(&self, id: AgentId) -> &Document {
        match &self.trial {
            Some(trial) if trial.stage == Stage::All || trial.machines.contains_key(&id) => &trial.document,
            _ => &self.running,
        }
    }

    /// Whether what a machine runs, and what it gave up, is worth noting.
    pub(super) fn is_news(&self, id: AgentId, running: u64, failure: Option<&Failure>) -> bool {
        let began = self
            .trial
            .as_ref()
            .filter(|trial| trial.document.version == running)
            .and_then(|trial| trial.machines.get(&id))
            .is_some_and(|tried| tried.since_s.is_none());
        let room = self.failures.len() < FAILURES_MAX || self.failures.contains_key(&id);
        began || room && failure.is_some_and(|failure| self.failures.get(&id) != Some(failure))
    }

    /// Notes what a machine runs, and what it gave up.
    pub(super) fn heard(&mut self, id: AgentId, running: u64, failure: Option<Failure>, now_s: i64) {
        if !self.is_news(id, running, failure.as_ref()) {
            return;
        }
        if let Some(tried) = self
            .trial
            .as_mut()
            .filter(|trial| trial.document.version == running)
            .and_then(|trial| trial.machines.get_mut(&id))
        {
            tried.since_s.get_or_insert(now_s);
        }
        if let Some(failure) = failure {
            self.failures.insert(id, failure);
        }
    }

    /// Looks at the machines of the trial. `health` is none of a machine that is silent.
    pub(super) fn judge(&self, now_s: i64, health: impl Fn(AgentId) -> Option<Health>) -> Option<Verdict> {
        let trial = self.trial.as_ref()?;
        let settled = now_s >= trial.settled_s(trial.wait_s);
        let mut bad = Vec::new();
        for (id, tried) in &trial.machines {
            if let Some(why) = self.trouble(trial, *id, tried, health(*id), settled, now_s) {
                bad.push(format!("{id}: {why}"));
            }
        }
        let bearable = match trial.stage {
            Stage::Few => 0,
            Stage::All => trial.machines.len() / 10,
        };
        if bad.len() > bearable {
            bad.truncate(3);
            return Some(Verdict::Back(bad.join("; ")));
        }
        match trial.stage {
            _ if !settled => None,
            Stage::Few => Some(Verdict::Spread),
            Stage::All => Some(Verdict::Done),
        }
    }

    fn trouble(
        &self,
        trial: &Trial,
        id: AgentId,
        tried: &Tried,
        health: Option<Health>,
        settled: bool,
        now_s: i64,
    ) -> Option<String> {
        let failed = self
            .failures
            .get(&id)
            .filter(|failure| failure.version == trial.document.version);
        if let Some(failure) = failed {
            return Some(failure.why.clone());
        }
        let Some(health) = health else {
            return Some("it fell silent".into());
        };
        if tried.since_s.is_some() {
            return health.worse_than(tried.before, settled).map(str::to_owned);
        }
        let late = trial.stage == Stage::Few && now_s >= trial.began_s + TAKE_MAX_S;
        late.then(|| "it did not take the configuration".to_owned())
    }

    /// Enters a verdict. `others` are the machines of the group that are there, with their health.
    pub(super) fn enter(&mut self, verdict: &Verdict, others: BTreeMap<AgentId, Health>, now_s: i64) {
        let Some(mut trial) = self.trial.take() else { return };
        let version = trial.document.version;
        match verdict {
            Verdict::Spread => {
                trial.stage = Stage::All;
                trial.began_s = now_s;
                for (id, before) in others {
                    trial.machines.entry(id).or_insert(Tried { since_s: None, before });
                }
                self.trial = Some(trial);
            }
            Verdict::Done => {
                self.running = trial.document;
                self.last = format!("version {version} runs");
            }
            Verdict::Back(why) => {
                self.last = format!("version {version} was rolled back: {why}");
            }
        }
    }
}

impl Trial {
    /// From when on its machines have run it for `wait_s`; never, while one of the few does not.
    fn settled_s(&self, wait_s: i64) -> i64 {
        let since = self.machines.values().map(|tried| tried.since_s);
        let last = match self.stage {
            Stage::Few => since.map(|since| since.unwrap_or(i64::MAX)).max().unwrap_or(i64::MAX),
            Stage::All => since.flatten().max().unwrap_or(self.began_s).max(self.began_s),
        };
        last.saturating_add(wait_s)
    }
}

impl State {
    /// The group whose configuration a machine gets: of those that it belongs to, the one of most labels.
    pub(super) fn group_of(&self, labels: &Labels) -> Option<&String> {
        let of = self.groups.iter().filter(|(_, group)| group.holds(labels));
        of.max_by_key(|(_, group)| group.labels.len()).map(|(name, _)| name)
    }

    /// What a machine is to run, and of which group; none: its own configuration.
    pub(super) fn document_for(&self, id: AgentId, labels: &Labels) -> Option<(&String, &Document)> {
        let name = self.group_of(labels)?;
        Some((name, self.groups[name].document_for(id)))
    }

    /// Begins a trial; one that is under way gives way to it. Its version.
    pub(super) fn begin(
        &mut self,
        labels: Labels,
        toml: String,
        first: BTreeMap<AgentId, Health>,
        wait_s: i64,
        now_s: i64,
    ) -> u64 {
        // Greater than any before, also if the list was lost.
        let version = (self.last_version + 1).max(u64::try_from(now_s).unwrap_or(0));
        self.last_version = version;
        let group = self.groups.entry(group_name(&labels)).or_insert_with(|| Group {
            labels,
            running: Document::default(),
            trial: None,
            last: String::new(),
            failures: BTreeMap::new(),
        });
        group.failures.clear();
        let tried = |(id, before)| (id, Tried { since_s: None, before });
        group.trial = Some(Trial {
            document: Document {
                version,
                toml,
                set_s: now_s,
            },
            stage: Stage::Few,
            machines: first.into_iter().map(tried).collect(),
            began_s: now_s,
            wait_s,
        });
        version
    }
}
