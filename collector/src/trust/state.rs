//! Tokens, machines and what was done with them: the rules, without clock and disk.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use timberline_proto::id::AgentId;
use timberline_proto::tls::identity::hex;
use timberline_proto::tls::{Peer, Role};

use super::refusal::Refusal;
use super::refusals::Refusals;

/// Tokens remembered at most, those that are over among them.
pub(super) const TOKENS_MAX: usize = 1000;
/// Machines of one token at most.
pub const USES_MAX: u32 = 10_000;
/// The longest life of a token: 30 days.
pub const TTL_MAX_S: u64 = 30 * 86_400;
/// Certificates of one machine that hold at once, at most.
pub(super) const CERTIFICATES_MAX: usize = 16;
/// Acts of operators remembered, and as many of machines.
pub(super) const ACTS_MAX: usize = 1000;
/// Tokens that are over are listed for so long.
const OVER_S: i64 = 7 * 86_400;

/// Everything that is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) tokens: Vec<Token>,
    /// By their URN.
    pub(super) machines: BTreeMap<String, Machine>,
    pub(super) acts: VecDeque<Act>,
    /// Who was refused.
    #[serde(default)]
    pub(super) refused: Refusals,
}

/// A token, of whose secret only the hash is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) id: String,
    pub(super) role: Role,
    pub(super) secret_sha256: String,
    pub(super) uses_max: u32,
    pub(super) uses: Vec<Use>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) created_s: i64,
    pub(super) expires_s: i64,
    pub(super) revoked_s: Option<i64>,
}

/// One machine that enrolled with a token: the same key again takes nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Use {
    pub(super) id: AgentId,
    pub(super) key_sha256: String,
}

/// A machine that enrolled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) role: Role,
    pub(super) id: AgentId,
    pub(super) host: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) enrolled_s: i64,
    /// The newest last. Those that are over are forgotten, but for the newest, by which it is known
    /// whose the id is.
    pub(super) certificates: Vec<Issued>,
    /// Since when it is refused, whatever it shows.
    pub(super) revoked_s: Option<i64>,
    /// Whether an operator lets it enroll with a new key; once.
    #[serde(default)]
    pub(super) allowed: bool,
}

/// A certificate that was issued.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Issued {
    pub(super) serial: String,
    pub(super) key_sha256: String,
    pub(super) expires_s: i64,
    /// Whether it is refused for good.
    pub(super) refused: bool,
}

/// Something that was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Act {
    pub(super) at_s: i64,
    pub(super) actor: String,
    pub(super) origin: Option<String>,
    pub(super) action: String,
    pub(super) object: String,
    pub(super) outcome: String,
}

/// What asks for a certificate by token.
#[derive(Clone, Debug)]
pub(super) struct Applicant {
    pub(super) token_id: String,
    pub(super) secret_sha256: [u8; 32],
    pub(super) id: AgentId,
    pub(super) key_sha256: String,
    /// Whether the connection's certificate names this very machine.
    pub(super) proven: bool,
}

impl Token {
    pub(super) fn state(&self, now_s: i64) -> &'static str {
        match self.refusal(now_s) {
            Some(Refusal::RevokedToken) => "revoked",
            Some(Refusal::ExpiredToken) => "expired",
            _ if self.uses_left() == 0 => "used up",
            _ => "valid",
        }
    }

    pub(super) fn uses_left(&self) -> u32 {
        self.uses_max
            .saturating_sub(u32::try_from(self.uses.len()).unwrap_or(u32::MAX))
    }

    fn refusal(&self, now_s: i64) -> Option<Refusal> {
        if self.revoked_s.is_some() {
            Some(Refusal::RevokedToken)
        } else if now_s >= self.expires_s {
            Some(Refusal::ExpiredToken)
        } else {
            None
        }
    }
}

impl Machine {
    pub(super) fn peer(&self) -> Peer {
        Peer {
            role: self.role,
            id: self.id,
        }
    }

    pub(super) fn state(&self, now_s: i64) -> &'static str {
        if self.revoked_s.is_some() {
            "revoked"
        } else if self.allowed {
            "allowed"
        } else if self.holding(now_s).next().is_none() {
            "expired"
        } else {
            "valid"
        }
    }

    fn holding(&self, now_s: i64) -> impl Iterator<Item = &Issued> {
        self.certificates
            .iter()
            .filter(move |issued| !issued.refused && issued.expires_s > now_s)
    }

    /// When its newest certificate ends, or ended.
    fn ends_s(&self) -> i64 {
        self.certificates.last().map_or(i64::MIN, |issued| issued.expires_s)
    }

    /// Whether this key may have the id: the one that had it last, any if an operator said so, or one
    /// that comes over a connection by which the machine proves itself. That a certificate ran out frees
    /// no id.
    fn admits(&self, applicant: &Applicant) -> Result<(), Refusal> {
        let of_key = |issued: &&Issued| issued.key_sha256 == applicant.key_sha256;
        if self.revoked_s.is_some() {
            return Err(Refusal::Revoked(self.peer()));
        }
        if self.certificates.iter().filter(of_key).any(|issued| issued.refused) {
            return Err(Refusal::RefusedCertificate(self.peer()));
        }
        let held_last = self.certificates.last().filter(of_key).is_some();
        if held_last || self.allowed || applicant.proven {
            return Ok(());
        }
        Err(Refusal::Enrolled(self.peer()))
    }
}

impl State {
    /// Decides whether an applicant gets a certificate, and takes a use of its token if it needs one.
    /// Gives the token's role and labels.
    pub(super) fn admit(
        &mut self,
        applicant: &Applicant,
        now_s: i64,
    ) -> Result<(Peer, BTreeMap<String, String>), Refusal> {
        let token = self.token_of(applicant)?;
        if let Some(refusal) = token.refusal(now_s) {
            return Err(refusal);
        }
        let peer = Peer {
            role: token.role,
            id: applicant.id,
        };
        let labels = token.labels.clone();
        let again = token
            .uses
            .iter()
            .any(|used| used.id == applicant.id && used.key_sha256 == applicant.key_sha256);
        if !again && token.uses_left() == 0 {
            return Err(Refusal::UsedUp);
        }
        // An id is one machine's in one role: revoking it must not leave another door open.
        let mut machines = self.machines.values();
        if let Some(other) = machines.find(|machine| machine.id == peer.id && machine.role != peer.role) {
            return Err(Refusal::Enrolled(other.peer()));
        }
        if let Some(machine) = self.machines.get(&peer.urn()) {
            machine.admits(applicant)?;
        }
        if !again {
            let used = Use {
                id: applicant.id,
                key_sha256: applicant.key_sha256.clone(),
            };
            self.token_mut(&applicant.token_id)
                .expect("it was found above")
                .uses
                .push(used);
        }
        Ok((peer, labels))
    }

    /// Whether the secret is that of a token, without a word on anything else.
    pub(super) fn check_secret(&self, applicant: &Applicant) -> Result<(), Refusal> {
        self.token_of(applicant).map(|_| ())
    }

    /// The token, if the secret is its own. Takes as long for a token that does not exist.
    fn token_of(&self, applicant: &Applicant) -> Result<&Token, Refusal> {
        let found = self.tokens.iter().find(|token| token.id == applicant.token_id);
        let nobody = "0".repeat(64);
        let expected = found.map_or(nobody.as_str(), |token| token.secret_sha256.as_str());
        let same: bool = expected
            .as_bytes()
            .ct_eq(hex(&applicant.secret_sha256).as_bytes())
            .into();
        found.filter(|_| same).ok_or(Refusal::UnknownToken)
    }

    pub(super) fn token_mut(&mut self, id: &str) -> Option<&mut Token> {
        self.tokens.iter_mut().find(|token| token.id == id)
    }

    /// Whether a certificate may be used now.
    pub(super) fn refusal(&self, peer: Peer, serial: &str) -> Option<Refusal> {
        let machine = self.machines.get(&peer.urn())?;
        if machine.revoked_s.is_some() {
            return Some(Refusal::Revoked(peer));
        }
        let refused = machine
            .certificates
            .iter()
            .any(|issued| issued.refused && issued.serial == serial);
        refused.then_some(Refusal::RefusedCertificate(peer))
    }

    /// Adds a certificate to its machine; the machine's labels.
    pub(super) fn issued(
        &mut self,
        new: Machine,
        issued: Issued,
        machines_max: usize,
        now_s: i64,
        labels: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Refusal> {
        let peer = new.peer();
        let urn = peer.urn();
        let machine = match self.machines.get_mut(&urn) {
            Some(machine) => machine,
            None => {
                self.make_room(machines_max, now_s)?;
                self.machines.entry(urn).or_insert(new)
            }
        };
        if machine.holding(now_s).count() >= CERTIFICATES_MAX {
            return Err(Refusal::TooManyCertificates(peer));
        }
        machine.certificates.push(issued);
        machine.allowed = false;
        // A newer token may say more of the machine; a renewal says nothing.
        if !labels.is_empty() {
            machine.labels = labels;
        }
        Ok(machine.labels.clone())
    }

    /// Machines whose certificates are over are remembered beside those that may connect, as many again;
    /// then the one whose certificate ended first is forgotten, and its id is free.
    fn make_room(&mut self, machines_max: usize, now_s: i64) -> Result<(), Refusal> {
        if self.machines.len() < machines_max {
            return Ok(());
        }
        let over = |machine: &&Machine| machine.revoked_s.is_none() && machine.ends_s() <= now_s;
        let there = self.machines.len() - self.machines.values().filter(over).count();
        if there >= machines_max {
            return Err(Refusal::Full(machines_max));
        }
        if self.machines.len() >= machines_max.saturating_mul(2) {
            let first = self
                .machines
                .values()
                .filter(over)
                .min_by_key(|machine| machine.ends_s());
            let urn = first.expect("more are there than may connect").peer().urn();
            self.machines.remove(&urn);
        }
        Ok(())
    }

    /// Refuses the machine from now on. False if it never enrolled.
    pub(super) fn revoke(&mut self, peer: Peer, now_s: i64) -> bool {
        let Some(machine) = self.machines.get_mut(&peer.urn()) else {
            return false;
        };
        machine.revoked_s.get_or_insert(now_s);
        machine.allowed = false;
        true
    }

    /// Lets the machine enroll with a new key, once; what it had stays refused. False if it never enrolled.
    pub(super) fn allow(&mut self, peer: Peer) -> bool {
        let Some(machine) = self.machines.get_mut(&peer.urn()) else {
            return false;
        };
        machine.revoked_s = None;
        machine.allowed = true;
        machine.certificates.iter_mut().for_each(|issued| issued.refused = true);
        let id = machine.id;
        // A token that it used before must not let the old key in again.
        for token in &mut self.tokens {
            for used in token.uses.iter_mut().filter(|used| used.id == id) {
                used.key_sha256.clear();
            }
        }
        true
    }

    /// Forgets what is over: certificates `grace_s` after their end, but for each machine's newest, and
    /// tokens a week after their end.
    pub(super) fn expire(&mut self, now_s: i64, grace_s: i64) {
        for machine in self.machines.values_mut() {
            let newest = machine.certificates.pop();
            machine
                .certificates
                .retain(|issued| issued.expires_s.saturating_add(grace_s) > now_s);
            machine.certificates.extend(newest);
        }
        self.tokens
            .retain(|token| token.revoked_s.unwrap_or(token.expires_s).min(token.expires_s) + OVER_S > now_s);
    }

    /// Acts push out older ones of their own kind alone: however often machines renew and enroll, what
    /// operators did stays.
    pub(super) fn note(&mut self, act: Act) {
        let like = |other: &Act| is_of_machine(other) == is_of_machine(&act);
        while self.acts.iter().filter(|other| like(other)).count() >= ACTS_MAX {
            let oldest = self.acts.iter().position(like).expect("there are such acts");
            self.acts.remove(oldest);
        }
        self.acts.push_back(act);
    }
}

/// Whether a machine did it, or the collector itself for one: all others are people and their keys.
fn is_of_machine(act: &Act) -> bool {
    act.actor == "collector"
        || [Role::Agent, Role::Store]
            .iter()
            .any(|role| act.actor.starts_with(&format!("{role} ")))
}

/// Of a token's secret.
pub(super) fn secret_hash(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}
