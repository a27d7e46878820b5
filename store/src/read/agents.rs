//! The agents: those that report, and those of which only their lines are known.

use std::collections::BTreeMap;
use std::str::FromStr;

use timberline_collector::fleet::files_most_behind;
use timberline_proto::api::{AgentAnswer, AgentFile, AgentHealth, AgentState, AgentsAnswer, HealthCounts};
use timberline_proto::id::AgentId;

use super::cursor::{cursor, place};
use super::reader::blocking;
use super::time::{now_nanos, rfc3339};
use super::{ReadError, Reader};

/// Agents that have not reported and are known by their lines, at most.
const TRACES_MAX: usize = 10_000;
/// Files named as most behind.
const BEHIND_MAX: usize = 10;

/// Which agents are asked for. What is absent is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentsRequest {
    /// Of this health.
    pub health: Option<AgentHealth>,
    /// Of this host.
    pub host: Option<String>,
    /// At most so many.
    pub limit: usize,
    /// Behind this place.
    pub cursor: Option<String>,
}

impl Reader {
    /// The agents by host and id, a page of them.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn agents_page(&self, request: AgentsRequest) -> Result<AgentsAnswer, ReadError> {
        let after: Option<(String, String)> = request.cursor.as_deref().map(place).transpose()?;
        let _task = self.begin(None).await?;
        let reader = self.clone();
        blocking(move || {
            let mut all = reader.agent_states()?;
            all.retain(|agent| request.host.as_ref().is_none_or(|host| agent.host == *host));
            let health = counted(&all);
            all.retain(|agent| request.health.is_none_or(|health| agent.health == health));
            let key = |agent: &AgentState| (agent.host.clone(), agent.agent.clone());
            all.sort_by_cached_key(key);
            let total = all.len() as u64;
            all.retain(|agent| after.as_ref().is_none_or(|after| key(agent) > *after));
            let has_more = all.len() > request.limit;
            all.truncate(request.limit);
            Ok(AgentsAnswer {
                cursor: all.last().filter(|_| has_more).map(|last| cursor(&key(last))),
                agents: all,
                total,
                health,
            })
        })
        .await
    }

    /// One agent with a page of its files, in the order of their paths.
    ///
    /// # Errors
    /// [`ReadError::NotFound`]
    pub async fn agent(&self, id: &str, limit: usize, after: Option<&str>) -> Result<AgentAnswer, ReadError> {
        let not_found =
            |id: &str| ReadError::NotFound(format!("there is no agent {id}: GET /api/v1/agents lists them"));
        let agent = AgentId::from_str(id).map_err(|_| not_found(id))?;
        let after: Option<(String, Option<String>)> = after.map(place).transpose()?;
        let _task = self.begin(None).await?;
        let (reader, id) = (self.clone(), id.to_owned());
        blocking(move || {
            let tolerance = reader.options().lag_tolerance;
            let reported = reader
                .inner
                .sources
                .fleet()
                .and_then(|fleet| fleet.agent_files(agent, tolerance));
            let Some(reported) = reported else {
                let mut traces = reader.traces()?;
                let state = traces.remove(&agent).ok_or_else(|| not_found(&id))?;
                return Ok(AgentAnswer {
                    agent: state,
                    ..AgentAnswer::default()
                });
            };
            let most_behind = files_most_behind(&reported.files, BEHIND_MAX);
            let key = |file: &AgentFile| (file.path.clone(), file.generation.clone());
            let mut files = reported.files;
            files.retain(|file| after.as_ref().is_none_or(|after| key(file) > *after));
            files.sort_by_cached_key(key);
            let has_more = files.len() > limit;
            files.truncate(limit);
            Ok(AgentAnswer {
                agent: reported.state,
                most_behind,
                cursor: files.last().filter(|_| has_more).map(|last| cursor(&key(last))),
                file_list: files,
                left_out: reported.left_out,
            })
        })
        .await
    }

    /// How many agents are how.
    pub(crate) fn agent_health(&self) -> Result<HealthCounts, ReadError> {
        Ok(counted(&self.agent_states()?))
    }

    /// All agents, in no order. Blocks on the disk.
    fn agent_states(&self) -> Result<Vec<AgentState>, ReadError> {
        let Some(fleet) = self.inner.sources.fleet() else {
            return Ok(Vec::new());
        };
        let mut all = fleet.states(self.options().lag_tolerance);
        let mut traces = self.traces()?;
        for agent in &all {
            if let Ok(id) = agent.agent.parse::<AgentId>() {
                traces.remove(&id);
            }
        }
        all.extend(traces.into_values());
        Ok(all)
    }

    /// The agents of which lines were published within the time after which one is forgotten. Those
    /// that still report are among them.
    fn traces(&self) -> Result<BTreeMap<AgentId, AgentState>, ReadError> {
        let Some(fleet) = self.inner.sources.fleet() else {
            return Ok(BTreeMap::new());
        };
        let forgotten = i64::try_from(fleet.forget_after().as_nanos()).unwrap_or(i64::MAX);
        let since = now_nanos().saturating_sub(forgotten);
        let failed = |error: crate::catalog::CatalogError| ReadError::Internal(error.to_string());
        let view = self.inner.catalog.ledger().map_err(failed)?;
        let traces = view.agents_since(since, TRACES_MAX).map_err(failed)?;
        let states = traces.into_iter().map(|trace| {
            let state = AgentState {
                agent: trace.agent.to_string(),
                host: trace.host,
                health: AgentHealth::Silent,
                reason: Some(
                    "no report since this collector was started; its last lines were published then".to_owned(),
                ),
                last_seen: rfc3339(trace.last_at_nanos),
                ..AgentState::default()
            };
            (trace.agent, state)
        });
        Ok(states.collect())
    }
}

fn counted(agents: &[AgentState]) -> HealthCounts {
    let mut counts = HealthCounts::default();
    for agent in agents {
        *match agent.health {
            AgentHealth::Ok => &mut counts.ok,
            AgentHealth::Lagging => &mut counts.lagging,
            AgentHealth::Error => &mut counts.error,
            AgentHealth::Silent => &mut counts.silent,
        } += 1;
    }
    counts
}
