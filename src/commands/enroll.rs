//! `timberline enroll URL --token TOKEN`

use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use timberline_proto::id::AgentId;
use timberline_proto::tls::{
    CertificateFacts, CollectorUrl, Credentials, EnrollToken, MachineFiles, Peer, Role, enroll,
};

use crate::cli::{EnrollArgs, RoleArgs};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit::Exit;

/// What a token file may hold.
const TOKEN_BYTES_MAX: u64 = 4096;

pub(super) fn run(args: &EnrollArgs) -> anyhow::Result<()> {
    let config = Config::for_role(&RoleArgs {
        config: args.config.clone(),
        data: args.data.clone(),
        ..RoleArgs::default()
    })?;
    let url: CollectorUrl = args.url.parse().map_err(Exit::usage)?;
    let token: EnrollToken = token_text(args)?
        .parse()
        .map_err(|error| Exit::usage(format!("{error}")))?;
    let data = DataDir::open(&config.data, &[])?;
    let files = MachineFiles::new(data.role(token.role.name()).join("pki"));
    let mut out = std::io::stdout().lock();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    if !args.again
        && let Some(held) = enrolled_there(&files, &url, &token)
    {
        if held.not_after_s > now_s() {
            writeln!(
                out,
                "this machine is enrolled at {url} already, until {}; nothing was sent (--again enrolls anew)",
                time_text(held.not_after_s)
            )?;
            return Ok(());
        }
        // One that ran out can be renewed for a while, which takes nothing of the token.
        let credentials = Credentials::new(files.clone(), None);
        if let Ok(facts) = runtime.block_on(enroll::renew(&url, &credentials)) {
            writeln!(
                out,
                "this machine's certificate for {url} had run out and was renewed, until {}",
                time_text(facts.not_after_s)
            )?;
            return Ok(());
        }
    }
    let peer = Peer {
        role: token.role,
        id: own_id(token.role, &data, &files)?,
    };
    let facts = runtime.block_on(enroll::enroll(&url, &token, &files, peer, &config.host_name()))?;
    writeln!(
        out,
        "enrolled {peer} at {url}; its certificate lasts until {} and renews itself",
        time_text(facts.not_after_s)
    )?;
    writeln!(
        out,
        "its key is in {} and has not left this machine",
        files.dir().display()
    )?;
    writeln!(out, "{}", what_next(&config, token.role, &url, args.config.as_deref()))?;
    Ok(())
}

fn token_text(args: &EnrollArgs) -> anyhow::Result<String> {
    let mut text = String::new();
    match (&args.token, &args.token_file) {
        (_, Some(path)) if path == Path::new("-") => {
            std::io::stdin().take(TOKEN_BYTES_MAX).read_to_string(&mut text)?;
        }
        (_, Some(path)) => {
            let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            file.take(TOKEN_BYTES_MAX)
                .read_to_string(&mut text)
                .with_context(|| format!("cannot read {}", path.display()))?;
        }
        (Some(token), None) => text.clone_from(token),
        (None, None) => {}
    }
    Ok(text)
}

/// The certificate, over or not, if this machine has one of the token's authority.
fn enrolled_there(files: &MachineFiles, url: &CollectorUrl, token: &EnrollToken) -> Option<CertificateFacts> {
    let held = files.identity().ok()?.facts;
    let enrolled = files.enrolled()?;
    let known = files.authorities().ok()?.iter().any(|authority| token.pins(authority));
    (known && enrolled.collector == url.to_string()).then_some(held)
}

fn own_id(role: Role, data: &DataDir, files: &MachineFiles) -> anyhow::Result<AgentId> {
    match role {
        #[cfg(feature = "agent")]
        Role::Agent => Ok(timberline_agent::own_id(&data.role("agent"))?),
        _ => {
            let _ = data;
            files
                .own_id()
                .with_context(|| format!("cannot write {}", files.dir().display()))
        }
    }
}

/// Whether the configuration sends the machine there, and what to change if not.
fn what_next(config: &Config, role: Role, url: &CollectorUrl, file: Option<&Path>) -> String {
    let set = match role {
        Role::Agent => &config.agent.collector,
        Role::Store => &config.store.collector,
    };
    let same = set.parse::<CollectorUrl>().is_ok_and(|set| set == *url);
    if set.is_empty() || same {
        return format!("nothing else is needed: `timberline {role}` connects there");
    }
    let file = file.map_or_else(|| "the configuration".to_owned(), |file| file.display().to_string());
    format!("now set `{role}.collector = \"{url}\"` in {file}, where it is {set:?}")
}

fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

fn time_text(seconds: i64) -> String {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}
