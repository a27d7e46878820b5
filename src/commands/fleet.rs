//! `timberline agents …`: who may connect to a collector.
//!
//! A collector that runs is asked over its API; the data of one that does not run is worked on by
//! itself (`--offline`), by the same code.

mod config;

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;
use timberline_collector::Trust;
use timberline_proto::api::enrollment::{
    CreatedToken, EnrollmentAudit, EnrollmentRefusals, MachineInfo, MachineList, NewToken, TokenInfo, TokenList,
};

use crate::cli::{AgentsAction, AgentsArgs, CollectorArgs, ListArgs, OneArgs, RoleArgs, TokenAction};
use crate::client::Client;
use crate::config::{Config, GrpcTls};
use crate::data_dir::DataDir;
use crate::exit::Exit;

pub(super) fn run(args: &AgentsArgs) -> anyhow::Result<()> {
    match &args.action {
        AgentsAction::List(ListArgs { json, to }) => {
            let list = Collector::of(to)?.machines()?;
            print(&list.machines, *json, machine_line, "no machine has enrolled")
        }
        AgentsAction::Revoke(OneArgs { id, to }) => {
            let done = Collector::of(to)?.revoke(id)?;
            say(&format!("{} {} is refused from now on", done.role, done.id))
        }
        AgentsAction::Allow(OneArgs { id, to }) => {
            let done = Collector::of(to)?.allow(id)?;
            say(&format!(
                "{} {} may enroll with a new key, once; what it had is refused",
                done.role, done.id
            ))
        }
        AgentsAction::Audit(ListArgs { json, to }) => {
            let audit = Collector::of(to)?.audit()?;
            let line = |act: &timberline_proto::api::enrollment::EnrollmentAct| {
                let origin = act.origin.as_deref().unwrap_or("-");
                format!(
                    "{}  {}  {origin}  {}  {}  {}",
                    act.at, act.actor, act.action, act.object, act.outcome
                )
            };
            print(&audit.acts, *json, line, "nothing was done")?;
            let line = |refused: &EnrollmentRefusals| {
                format!(
                    "{}  refused  {}  {}  {} time(s) since {}",
                    refused.last, refused.origin, refused.why, refused.count, refused.first
                )
            };
            print(&audit.refusals, *json, line, "nobody was refused")
        }
        AgentsAction::Label { id, labels: texts, to } => {
            let done = Collector::of(to)?.label(id, &labels(texts)?)?;
            say(&machine_line(&done))
        }
        AgentsAction::Config { action } => config::run(action),
        AgentsAction::Token { action } => token(action),
    }
}

fn token(action: &TokenAction) -> anyhow::Result<()> {
    match action {
        TokenAction::Create {
            uses,
            ttl,
            role,
            label,
            to,
        } => {
            let wanted = NewToken {
                role: role.clone(),
                uses: *uses,
                ttl_s: ttl.as_secs(),
                labels: labels(label)?,
            };
            let created = Collector::of(to)?.create_token(&wanted)?;
            // The token alone on standard output, for `$(…)`.
            eprintln!(
                "token {} for {} {}(s), until {}; on the machine: timberline enroll https://HOST:PORT --token TOKEN",
                created.info.id, created.info.uses, created.info.role, created.info.expires
            );
            say(&created.token)
        }
        TokenAction::List(ListArgs { json, to }) => {
            let list = Collector::of(to)?.tokens()?;
            print(&list.tokens, *json, token_line, "there are no tokens")
        }
        TokenAction::Revoke(OneArgs { id, to }) => {
            let done = Collector::of(to)?.revoke_token(id)?;
            say(&format!("token {} is revoked", done.id))
        }
    }
}

fn labels(texts: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
        Some((name.to_owned(), value.to_owned()))
    };
    texts
        .iter()
        .map(|text| pair(text).ok_or_else(|| Exit::usage(format!("--label {text:?} is not NAME=VALUE")).into()))
        .collect()
}

/// The collector that is asked, or its data.
enum Collector {
    Running(Client),
    /// Locked as long as this lives.
    Offline {
        trust: Box<Trust>,
        _lock: DataDir,
    },
}

impl Collector {
    fn of(args: &CollectorArgs) -> anyhow::Result<Self> {
        if !args.offline.offline {
            return Ok(Self::Running(Client::new(&args.server.server)));
        }
        let mut config = Config::for_role(&RoleArgs {
            config: args.offline.config.clone(),
            data: args.offline.data.clone(),
            ..RoleArgs::default()
        })?;
        if config.server.grpc_tls.mode == GrpcTls::Off {
            config.server.grpc_tls.mode = GrpcTls::Mutual; // which of the two makes no difference here
        }
        let data = DataDir::open(&config.data, &["queue"])?;
        let options = config.trust_options(data.role("collector")).expect("it is not off");
        Ok(Self::Offline {
            trust: Box::new(Trust::open(options)?),
            _lock: data,
        })
    }

    fn machines(&self) -> anyhow::Result<MachineList> {
        match self {
            Self::Running(client) => get(client, "/api/v1/agents/enrolled"),
            Self::Offline { trust, .. } => Ok(trust.machines()),
        }
    }

    fn tokens(&self) -> anyhow::Result<TokenList> {
        match self {
            Self::Running(client) => get(client, "/api/v1/agents/tokens"),
            Self::Offline { trust, .. } => Ok(trust.tokens()),
        }
    }

    fn audit(&self) -> anyhow::Result<EnrollmentAudit> {
        match self {
            Self::Running(client) => get(client, "/api/v1/agents/audit"),
            Self::Offline { trust, .. } => Ok(trust.audit()),
        }
    }

    fn create_token(&self, wanted: &NewToken) -> anyhow::Result<CreatedToken> {
        match self {
            Self::Running(client) => Ok(serde_json::from_reader(
                client.post_json("/api/v1/agents/tokens", wanted)?,
            )?),
            Self::Offline { trust, .. } => Ok(trust.create_token(wanted, &operator())?),
        }
    }

    fn revoke_token(&self, id: &str) -> anyhow::Result<TokenInfo> {
        match self {
            Self::Running(client) => post(client, &format!("/api/v1/agents/tokens/{}/revoke", sound(id)?)),
            Self::Offline { trust, .. } => Ok(trust.revoke_token(id, &operator())?),
        }
    }

    fn revoke(&self, id: &str) -> anyhow::Result<MachineInfo> {
        match self {
            Self::Running(client) => post(client, &format!("/api/v1/agents/{}/revoke", sound(id)?)),
            Self::Offline { trust, .. } => Ok(trust.revoke(id.parse()?, &operator())?),
        }
    }

    fn label(&self, id: &str, labels: &BTreeMap<String, String>) -> anyhow::Result<MachineInfo> {
        match self {
            Self::Running(client) => {
                let answer = client.post_json(&format!("/api/v1/agents/{}/labels", sound(id)?), labels)?;
                Ok(serde_json::from_reader(answer)?)
            }
            Self::Offline { trust, .. } => Ok(trust.set_labels(id.parse()?, labels, &operator())?),
        }
    }

    fn allow(&self, id: &str) -> anyhow::Result<MachineInfo> {
        match self {
            Self::Running(client) => post(client, &format!("/api/v1/agents/{}/allow", sound(id)?)),
            Self::Offline { trust, .. } => Ok(trust.allow(id.parse()?, &operator())?),
        }
    }
}

/// An id that may stand in a path.
fn sound(id: &str) -> anyhow::Result<&str> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(id);
    }
    Err(Exit::usage(format!("{id:?} is no id: hexadecimal digits, as the lists show them")).into())
}

fn get<T: DeserializeOwned>(client: &Client, path: &str) -> anyhow::Result<T> {
    Ok(serde_json::from_reader(client.read(path, &[])?.0)?)
}

fn post<T: DeserializeOwned>(client: &Client, path: &str) -> anyhow::Result<T> {
    Ok(serde_json::from_reader(client.post_empty(path)?)?)
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

fn print<T: Serialize>(rows: &[T], json: bool, line: impl Fn(&T) -> String, none: &str) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for row in rows {
        if json {
            writeln!(out, "{}", serde_json::to_string(row)?)?;
        } else {
            // A host's name comes from outside, and must not drive a terminal.
            let text = line(row);
            let plain: String = text
                .chars()
                .map(|c| if c.is_control() { '\u{fffd}' } else { c })
                .collect();
            writeln!(out, "{plain}")?;
        }
    }
    if rows.is_empty() && !json {
        writeln!(out, "{none}")?;
    }
    Ok(out.flush()?)
}

fn machine_line(machine: &MachineInfo) -> String {
    format!(
        "{}  {}  {}  {}  until {}  {} connection(s){}",
        machine.id,
        machine.role,
        machine.state,
        machine.host,
        machine.expires,
        machine.connections,
        labels_text(&machine.labels)
    )
}

fn token_line(token: &TokenInfo) -> String {
    format!(
        "{}  {}  {}  {} of {} use(s) left  until {}{}",
        token.id,
        token.role,
        token.state,
        token.uses_left,
        token.uses,
        token.expires,
        labels_text(&token.labels)
    )
}

fn labels_text(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(name, value)| format!("  {name}={value}")).collect()
}

/// Whoever works on the data directory itself.
fn operator() -> timberline_proto::api::access::Actor {
    timberline_proto::api::access::Actor::new("operator", None)
}
