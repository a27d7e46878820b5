//! Which group of machines runs what, and whether a trial goes well: the rules, without clock and disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use timberline_proto::id::AgentId;

/// Groups at most, those that were unset among them.
pub(super) const GROUPS_MAX: usize = 100;
/// Failures of one group that are remembered with their words. All are counted.
const FAILURES_MAX: usize = 100;
/// Machines named in a verdict.
const NAMED_MAX: usize = 3;
/// How long a machine may take to fetch what it is to try, and to try again what it put off.
const TAKE_MAX_S: i64 = 120;
/// How often a machine may put a trial off.
const PUT_OFF_MAX: u32 = 9;
/// Unacked bytes beyond twice those before are lag only if they are at least so many.
const LAG_BYTES_MIN: u64 = 16 << 20;

/// Labels with their values.
pub(super) type Labels = BTreeMap<String, String>;

/// Everything that is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) last_version: u64,
    /// Everything that was signed has a time before this, nanoseconds since the epoch.
    #[serde(default)]
    pub(super) signed_before_nanos: u64,
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
    /// What some machines said of versions that they gave up or put off.
    pub(super) failures: BTreeMap<AgentId, Failure>,
}

/// A configuration, of which an empty text leaves machines to their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) version: u64,
    pub(super) toml: String,
    pub(super) set_s: i64,
}

/// Why a machine does not run a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) version: u64,
    pub(crate) why: String,
    /// Whether the cause may go by itself, and the machine tries again.
    #[serde(default)]
    pub(crate) passing: bool,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tried {
    /// Since when it runs the new version.
    pub(super) since_s: Option<i64>,
    /// Whether it gave it up for good.
    #[serde(default)]
    pub(super) gave_up: bool,
    /// How often it put it off.
    #[serde(default)]
    pub(super) put_off: u32,
    /// How it was before.
    pub(super) before: Health,
}

impl Tried {
    fn new(before: Health) -> Self {
        Self {
            since_s: None,
            gave_up: false,
            put_off: 0,
            before,
        }
    }

    /// What it is once the machine said that it runs `running`, and gave up or put off what `failure`
    /// says. A machine repeats that until something changes; that it changes its mind is news only so
    /// often.
    fn after(mut self, version: u64, running: u64, failure: Option<&Failure>, now_s: i64) -> Self {
        if self.gave_up {
            return self;
        }
        match failure.filter(|failure| failure.version == version) {
            Some(failure) if !failure.passing => self.gave_up = true,
            _ if running == version => self.since_s = self.since_s.or(Some(now_s)),
            Some(_) if self.put_off == 0 || self.since_s.is_some() => {
                self.put_off += 1;
                self.since_s = None;
                self.gave_up = self.put_off > PUT_OFF_MAX;
            }
            _ => {}
        }
        self
    }
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
        let tried = self.trial.as_ref().and_then(|trial| {
            let tried = *trial.machines.get(&id)?;
            Some((tried, tried.after(trial.document.version, running, failure, 0)))
        });
        tried.is_some_and(|(before, after)| before != after) || self.is_example(id, failure)
    }

    /// Whether a failure is to be kept with its words: the first of what is on trial, and the last one.
    fn is_example(&self, id: AgentId, failure: Option<&Failure>) -> bool {
        let on_trial = self.trial.as_ref().map(|trial| trial.document.version);
        let Some(failure) = failure.filter(|failure| Some(failure.version) == on_trial) else {
            return false;
        };
        match self.failures.get(&id) {
            None => self.failures.len() < FAILURES_MAX,
            Some(known) => known.version != failure.version || known.passing && !failure.passing,
        }
    }

    /// Notes what a machine runs, and what it gave up. Each machine of the trial is counted, whether or
    /// not there is room for its words.
    pub(super) fn heard(&mut self, id: AgentId, running: u64, failure: Option<Failure>, now_s: i64) {
        if let Some(trial) = &mut self.trial
            && let Some(tried) = trial.machines.get_mut(&id)
        {
            *tried = tried.after(trial.document.version, running, failure.as_ref(), now_s);
        }
        if self.is_example(id, failure.as_ref())
            && let Some(failure) = failure
        {
            self.failures.insert(id, failure);
        }
    }

    /// Looks at the machines of the trial. `health` is none of a machine that is silent.
    pub(super) fn judge(&self, now_s: i64, health: impl Fn(AgentId) -> Option<Health>) -> Option<Verdict> {
        let trial = self.trial.as_ref()?;
        let settled = now_s >= trial.settled_s(trial.wait_s);
        let (mut bad, mut named) = (0, Vec::new());
        for (id, tried) in &trial.machines {
            let Some(why) = self.trouble(trial, *id, tried, health(*id), settled, now_s) else {
                continue;
            };
            bad += 1;
            if named.len() < NAMED_MAX {
                named.push(format!("{id}: {why}"));
            }
        }
        let bearable = match trial.stage {
            Stage::Few => 0,
            Stage::All => trial.machines.len() / 10,
        };
        if bad > bearable {
            if bad > named.len() {
                named.push(format!("and {} more", bad - named.len()));
            }
            return Some(Verdict::Back(named.join("; ")));
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
        let words = self
            .failures
            .get(&id)
            .filter(|failure| failure.version == trial.document.version)
            .map(|failure| failure.why.as_str());
        if tried.gave_up {
            return Some(words.unwrap_or("it gave the configuration up").to_owned());
        }
        let Some(health) = health else {
            return Some("it fell silent".into());
        };
        if tried.since_s.is_some() {
            return health.worse_than(tried.before, settled).map(str::to_owned);
        }
        // Who put it off has as long again for each time.
        let times = i64::from(tried.put_off) + 1;
        let late = trial.stage == Stage::Few && now_s >= trial.began_s + times * TAKE_MAX_S;
        late.then(|| match words {
            Some(why) => format!("it did not take the configuration: {why}"),
            None => "it did not take the configuration".to_owned(),
        })
    }

    /// Enters a verdict on the trial of `version`; nothing, if that is over and another one may have
    /// begun. `others` are the machines of the group that are there, with their health. Whether it was
    /// entered.
    pub(super) fn enter(
        &mut self,
        version: u64,
        verdict: &Verdict,
        others: BTreeMap<AgentId, Health>,
        now_s: i64,
    ) -> bool {
        let Some(mut trial) = self.trial.take_if(|trial| trial.document.version == version) else {
            return false;
        };
        match verdict {
            Verdict::Spread => {
                trial.stage = Stage::All;
                trial.began_s = now_s;
                for (id, before) in others {
                    trial.machines.entry(id).or_insert(Tried::new(before));
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
        true
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
        let tried = |(id, before)| (id, Tried::new(before));
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
