//! What an operator asks for: tokens, who is enrolled, who is refused.

use std::collections::{BTreeMap, BTreeSet};

use timberline_proto::api::access::Actor;
use timberline_proto::api::enrollment::{
    CreatedToken, EnrollmentAct, EnrollmentAudit, EnrollmentRefusals, GroupInfo, MachineInfo, MachineList, NewToken,
    TokenInfo, TokenList,
};
use timberline_proto::id::AgentId;
use timberline_proto::tls::identity::hex;
use timberline_proto::tls::{EnrollToken, Peer, Role};

use super::state::{Act, Machine, State, TOKENS_MAX, TTL_MAX_S, Token, USES_MAX, secret_hash};
use super::{Trust, TrustError, now_s};

/// Labels of one token at most, and the bytes of a name or value.
const LABELS_MAX: usize = 32;
const LABEL_BYTES_MAX: usize = 128;

/// Why an operator's wish is not granted.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// Correct the request.
    #[error("{0}")]
    Bad(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Nothing was changed.
    #[error(transparent)]
    Failed(#[from] TrustError),
}

impl Trust {
    /// Makes a token. When this returns, it is durable; its text is not kept. Blocks.
    ///
    /// # Errors
    /// [`ManageError`]
    pub fn create_token(&self, wanted: &NewToken, actor: &Actor) -> Result<CreatedToken, ManageError> {
        let role = check(wanted)?;
        let now_s = now_s();
        let token = EnrollToken {
            role,
            id: rand::random(),
            secret: rand::random(),
            pin: self.inner.shown.root().1,
        };
        let kept = Token {
            id: hex(&token.id),
            role,
            secret_sha256: hex(&secret_hash(&token.secret)),
            uses_max: wanted.uses,
            uses: Vec::new(),
            labels: wanted.labels.clone(),
            created_s: now_s,
            expires_s: now_s.saturating_add(i64::try_from(wanted.ttl_s).unwrap_or(i64::MAX)),
            revoked_s: None,
        };
        let info = token_info(&kept, now_s);
        self.change(|state| {
            if state.tokens.len() >= TOKENS_MAX {
                return Err(ManageError::Bad(format!(
                    "there are {TOKENS_MAX} tokens already; those that are over go by themselves within a week"
                )));
            }
            note(state, "token.create", format!("token {}", kept.id), actor);
            state.tokens.push(kept);
            Ok(())
        })?;
        Ok(CreatedToken {
            token: token.to_string(),
            info,
        })
    }

    /// Every token, the newest first.
    pub fn tokens(&self) -> TokenList {
        let now_s = now_s();
        let state = self.state();
        TokenList {
            tokens: state
                .tokens
                .iter()
                .rev()
                .map(|token| token_info(token, now_s))
                .collect(),
        }
    }

    /// Nobody enrolls with this token any more. When this returns, that is durable. Blocks.
    ///
    /// # Errors
    /// [`ManageError`]
    pub fn revoke_token(&self, id: &str, actor: &Actor) -> Result<TokenInfo, ManageError> {
        let now_s = now_s();
        self.change(|state| {
            let token = state.token_mut(id).ok_or_else(|| {
                ManageError::NotFound(format!(
                    "there is no token {id}; `timberline agents token list` shows them"
                ))
            })?;
            token.revoked_s.get_or_insert(now_s);
            let info = token_info(token, now_s);
            note(state, "token.revoke", format!("token {id}"), actor);
            Ok(info)
        })
    }

    /// Every machine that enrolled.
    pub fn machines(&self) -> MachineList {
        let now_s = now_s();
        let state = self.state();
        MachineList {
            machines: state
                .machines
                .values()
                .map(|machine| self.machine_info(machine, now_s))
                .collect(),
        }
    }

    /// Refuses a machine. When this returns, that is durable and its connections are being cut. Blocks.
    ///
    /// # Errors
    /// [`ManageError`]
    pub fn revoke(&self, id: AgentId, actor: &Actor) -> Result<MachineInfo, ManageError> {
        let now_s = now_s();
        let info = self.act_on(id, "machine.revoke", actor, |state, peer| {
            state.revoke(peer, now_s);
            Ok(())
        })?;
        let role = info.role.parse().map_err(ManageError::Bad)?;
        let cut = self.inner.live.cut(Peer { role, id });
        tracing::warn!(machine = %id, host = info.host, connections = cut, "a machine was revoked");
        Ok(info)
    }

    /// Lets a machine enroll with a new key, once; every certificate that it has is refused from now on.
    /// When this returns, that is durable. Blocks.
    ///
    /// # Errors
    /// [`ManageError`]
    pub fn allow(&self, id: AgentId, actor: &Actor) -> Result<MachineInfo, ManageError> {
        let info = self.act_on(id, "machine.allow", actor, |state, peer| {
            state.allow(peer);
            Ok(())
        })?;
        let role = info.role.parse().map_err(ManageError::Bad)?;
        self.inner.live.cut(Peer { role, id });
        Ok(info)
    }

    /// Changes what is known of a machine; a label without a value goes. When this returns, that is
    /// durable. Blocks.
    ///
    /// # Errors
    /// [`ManageError`]
    pub fn set_labels(
        &self,
        id: AgentId,
        labels: &BTreeMap<String, String>,
        actor: &Actor,
    ) -> Result<MachineInfo, ManageError> {
        self.act_on(id, "machine.label", actor, |state, peer| {
            let machine = state.machines.get_mut(&peer.urn()).expect("act_on found it");
            machine.labels.extend(labels.clone());
            machine.labels.retain(|_, value| !value.is_empty());
            check_labels(&machine.labels)
        })
    }

    /// The labels of every agent that may connect.
    pub(crate) fn labels(&self) -> BTreeMap<AgentId, BTreeMap<String, String>> {
        let state = self.state();
        let agents = state
            .machines
            .values()
            .filter(|machine| machine.role == Role::Agent && machine.revoked_s.is_none());
        agents.map(|machine| (machine.id, machine.labels.clone())).collect()
    }

    /// The agents that were revoked.
    pub(crate) fn revoked(&self) -> BTreeSet<AgentId> {
        let state = self.state();
        let revoked = state
            .machines
            .values()
            .filter(|machine| machine.role == Role::Agent && machine.revoked_s.is_some());
        revoked.map(|machine| machine.id).collect()
    }

    /// The labels of one agent.
    pub(crate) fn labels_of(&self, id: AgentId) -> BTreeMap<String, String> {
        let peer = Peer { role: Role::Agent, id };
        self.state()
            .machines
            .get(&peer.urn())
            .map(|machine| machine.labels.clone())
            .unwrap_or_default()
    }

    /// Puts on record that a configuration was pushed.
    pub(crate) fn note_push(&self, info: &GroupInfo, actor: &Actor) -> Result<(), TrustError> {
        self.change(|state| {
            let version = info.trial_version.unwrap_or(info.version);
            note(
                state,
                "config.set",
                format!("group {} version {version}", info.group),
                actor,
            );
            Ok(())
        })
    }

    /// The last acts, and who was refused, the newest first.
    pub fn audit(&self) -> EnrollmentAudit {
        let state = self.state();
        let acts = state.acts.iter().rev().map(|act| EnrollmentAct {
            at: time_text(act.at_s),
            actor: act.actor.clone(),
            origin: act.origin.clone(),
            action: act.action.clone(),
            object: act.object.clone(),
            outcome: act.outcome.clone(),
        });
        let mut refusals = self.inner.refused.lock().entries.clone();
        refusals.sort_by_key(|refused| std::cmp::Reverse(refused.last_s));
        let refusals = refusals.into_iter().map(|refused| EnrollmentRefusals {
            origin: refused.origin,
            why: refused.why,
            count: refused.count,
            first: time_text(refused.first_s),
            last: time_text(refused.last_s),
        });
        EnrollmentAudit {
            acts: acts.collect(),
            refusals: refusals.collect(),
        }
    }

    /// The names and addresses under which the listener's certificate lets itself be reached.
    pub fn names(&self) -> Vec<String> {
        self.inner.shown.names()
    }

    fn act_on(
        &self,
        id: AgentId,
        action: &str,
        actor: &Actor,
        act: impl FnOnce(&mut State, Peer) -> Result<(), ManageError>,
    ) -> Result<MachineInfo, ManageError> {
        self.change(|state| {
            let found = state.machines.values().find(|machine| machine.id == id);
            let peer = found.map(Machine::peer).ok_or_else(|| {
                ManageError::NotFound(format!(
                    "no machine {id} has enrolled; `timberline agents list` shows those that have"
                ))
            })?;
            act(state, peer)?;
            note(state, action, peer.to_string(), actor);
            Ok(self.machine_info(&state.machines[&peer.urn()], now_s()))
        })
    }

    fn machine_info(&self, machine: &Machine, now_s: i64) -> MachineInfo {
        let newest = machine.certificates.last();
        MachineInfo {
            id: machine.id.to_string(),
            role: machine.role.to_string(),
            state: machine.state(now_s).to_owned(),
            host: machine.host.clone(),
            labels: machine.labels.clone(),
            enrolled: time_text(machine.enrolled_s),
            expires: newest.map(|issued| time_text(issued.expires_s)).unwrap_or_default(),
            serial: newest.map(|issued| issued.serial.clone()).unwrap_or_default(),
            connections: u32::try_from(self.inner.live.count(machine.peer())).unwrap_or(u32::MAX),
        }
    }
}

fn check(wanted: &NewToken) -> Result<Role, ManageError> {
    let role = wanted.role.parse().map_err(ManageError::Bad)?;
    if !(1..=USES_MAX).contains(&wanted.uses) {
        return Err(ManageError::Bad(format!(
            "uses = {} is not within 1 to {USES_MAX}",
            wanted.uses
        )));
    }
    if !(1..=TTL_MAX_S).contains(&wanted.ttl_s) {
        return Err(ManageError::Bad(format!(
            "a token lives at least a second and at most {} days",
            TTL_MAX_S / 86_400
        )));
    }
    check_labels(&wanted.labels)?;
    Ok(role)
}

pub(crate) fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), ManageError> {
    // They stand as `name=value,name=value` where a group is named.
    let unfit = |text: &String| {
        text.is_empty()
            || text.len() > LABEL_BYTES_MAX
            || text.contains(|c: char| c == '=' || c == ',' || c.is_control())
    };
    if labels.len() > LABELS_MAX || labels.iter().any(|(name, value)| unfit(name) || unfit(value)) {
        return Err(ManageError::Bad(format!(
            "at most {LABELS_MAX} labels, names and values of 1 to {LABEL_BYTES_MAX} bytes without `=` and `,`"
        )));
    }
    Ok(())
}

fn note(state: &mut State, action: &str, object: String, actor: &Actor) {
    state.note(Act {
        at_s: now_s(),
        actor: actor.name.clone(),
        origin: actor.origin.clone(),
        action: action.into(),
        object,
        outcome: "ok".into(),
    });
}

fn token_info(token: &Token, now_s: i64) -> TokenInfo {
    TokenInfo {
        id: token.id.clone(),
        role: token.role.to_string(),
        state: token.state(now_s).to_owned(),
        uses_left: token.uses_left(),
        uses: token.uses_max,
        created: time_text(token.created_s),
        expires: time_text(token.expires_s),
        labels: token.labels.clone(),
    }
}

fn time_text(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|time| time.to_string())
        .unwrap_or_default()
}
