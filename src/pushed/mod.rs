//! Runs an agent with what its collector pushes to it.
//!
//! The agent asks every `agent.pull_interval`. What it is given is checked (signature, machine, age,
//! contents), kept as a trial, and the agent is run anew with it: lines wait in their files meanwhile,
//! and checkpoints hold. If it then reaches its collector, the trial is what it runs from now on. If it
//! cannot within `agent.pushed_deadline`, or does not start, or ends three times amid the trial, it goes
//! back to what it ran before, and says so to the collector.

mod kept;
#[cfg(test)]
mod tests;

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use timberline_agent::{Agent, AgentStatus};
use timberline_proto::id::AgentId;
use timberline_proto::tls::pushed::{PushedDocument, verify};
use timberline_proto::tls::{CollectorUrl, Credentials};
use timberline_proto::wire::v1::configuration_client::ConfigurationClient;
use timberline_proto::wire::v1::{PullRequest, PullResponse};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::data_dir::DataDir;
use kept::{Kept, Signed};

/// One question to the collector.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A trial during which the program ended so often is given up.
const STARTS_MAX: u32 = 3;

/// What is to happen with the running agent.
enum Next {
    Try(Signed),
    Own(PushedDocument),
    GiveUp(String),
}

/// Runs the agent until `stop`. `endpoint` is its collector, by TLS; `announce` is called once the
/// agent is open for the first time.
///
/// # Errors
/// What ends the agent with the machine's own configuration.
pub(crate) async fn run(
    config: &Config,
    data: &DataDir,
    endpoint: &str,
    announce: impl FnOnce(&[String], &Agent) -> std::io::Result<()>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let url: CollectorUrl = endpoint.parse().map_err(anyhow::Error::msg)?;
    let mut kept = Kept::open(data.role("agent").join("pushed"))?;
    let mut announce = Some(announce);
    loop {
        let chosen = choose(config, &mut kept)?;
        let agent_config = chosen.config.agent_config(endpoint, data.role("agent"));
        let credentials = agent_config.credentials();
        let tails = agent_config.tail.clone();
        let agent = match Agent::open(agent_config) {
            Ok(agent) => agent,
            Err(error) if chosen.trial => {
                kept.give_up(error.to_string())?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(announce) = announce.take() {
            announce(&tails, &agent)?;
        }
        let caller = Caller {
            url: &url,
            credentials: &credentials,
            id: agent.id(),
        };
        let status = agent.status();
        let run_stop = stop.child_token();
        let mut running = pin!(agent.run(run_stop.clone()));
        let next = {
            let watching = watch(config, &mut kept, &caller, &chosen, status);
            tokio::select! {
                outcome = &mut running => match outcome {
                    Err(error) if chosen.trial && !stop.is_cancelled() => Next::GiveUp(error.to_string()),
                    outcome => return Ok(outcome?),
                },
                next = watching => {
                    run_stop.cancel();
                    running.await?;
                    next?
                }
            }
        };
        match next {
            Next::Try(signed) => kept.begin(signed)?,
            Next::Own(document) => kept.clear(&document)?,
            Next::GiveUp(why) => kept.give_up(why)?,
        }
    }
}

/// What is run now.
struct Chosen {
    config: Config,
    version: u64,
    /// Whether it has yet to prove itself.
    trial: bool,
}

/// The trial, else what proved itself, else the machine's own.
fn choose(config: &Config, kept: &mut Kept) -> anyhow::Result<Chosen> {
    if let Some(trial) = kept.trial() {
        if kept.starts() >= STARTS_MAX {
            kept.give_up(format!("the program ended {STARTS_MAX} times while it was tried"))?;
        } else {
            match config.with_pushed(&trial.toml) {
                Ok(config) => {
                    kept.count_start()?;
                    tracing::info!(
                        version = trial.version,
                        group = trial.group,
                        "trying a pushed configuration"
                    );
                    return Ok(Chosen {
                        config,
                        version: trial.version,
                        trial: true,
                    });
                }
                Err(why) => kept.give_up(why)?,
            }
        }
    }
    if let Some(good) = kept.good() {
        match config.with_pushed(&good.toml) {
            Ok(config) => {
                tracing::info!(
                    version = good.version,
                    group = good.group,
                    "a pushed configuration is in force"
                );
                return Ok(Chosen {
                    config,
                    version: good.version,
                    trial: false,
                });
            }
            // The machine's own file changed since.
            Err(why) => tracing::error!(
                why,
                "the pushed configuration does not fit the machine's own any more, which is used alone"
            ),
        }
    }
    Ok(Chosen {
        config: config.clone(),
        version: kept.own_version(),
        trial: false,
    })
}

struct Caller<'a> {
    url: &'a CollectorUrl,
    credentials: &'a Credentials,
    id: AgentId,
}

/// Asks the collector again and again, until something is to change.
async fn watch(
    config: &Config,
    kept: &mut Kept,
    caller: &Caller<'_>,
    chosen: &Chosen,
    status: watch::Receiver<std::sync::Arc<AgentStatus>>,
) -> anyhow::Result<Next> {
    let deadline = Instant::now() + config.agent.pushed_deadline.get();
    let mut proved = !chosen.trial;
    loop {
        match pull(caller, chosen.version, kept.failed()).await {
            Ok(answer) => {
                let connected = status.borrow().connected;
                if !proved && connected {
                    kept.prove()?;
                    proved = true;
                    tracing::info!(version = chosen.version, "the pushed configuration is kept");
                }
                let known_bad = kept.failed().is_some_and(|(version, _)| version == answer.version);
                if answer.version != chosen.version && !known_bad {
                    match judge(config, kept, caller.id, &answer) {
                        Ok(next) => return Ok(next),
                        Err(why) => {
                            tracing::warn!(version = answer.version, why, "a pushed configuration is not taken");
                            kept.refuse(answer.version, why)?;
                        }
                    }
                }
            }
            Err(error) => tracing::debug!(error, "the collector does not say what to run"),
        }
        if !proved && Instant::now() >= deadline {
            let seconds = config.agent.pushed_deadline.get().as_secs();
            return Ok(Next::GiveUp(format!(
                "with it the collector was not reached within {seconds} s"
            )));
        }
        tokio::time::sleep(config.agent.pull_interval.get()).await;
    }
}

/// Whether what was pushed may be tried.
fn judge(config: &Config, kept: &Kept, id: AgentId, answer: &PullResponse) -> Result<Next, String> {
    let signed = Signed {
        document: String::from_utf8(answer.document.to_vec()).map_err(|_| "it is no text".to_owned())?,
        signature: answer.signature.to_vec(),
    };
    let key = kept
        .key()
        .ok_or("this machine enrolled before its collector signed configurations: enroll it again")?;
    let document = verify(&key, signed.document.as_bytes(), &signed.signature)?;
    if document.agent != id || document.version != answer.version {
        return Err("it is for another machine".into());
    }
    if document.signed_nanos <= kept.signed_nanos() {
        return Err("it is older than what this machine was given before".into());
    }
    if document.toml.is_empty() {
        return Ok(Next::Own(document));
    }
    config.with_pushed(&document.toml)?;
    Ok(Next::Try(signed))
}

async fn pull(caller: &Caller<'_>, version: u64, failed: Option<(u64, String)>) -> Result<PullResponse, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let endpoint = caller
        .url
        .endpoint()
        .map_err(|error| text(&error))?
        .connect_timeout(CALL_TIMEOUT);
    let channel = caller
        .url
        .connect(&endpoint, caller.credentials)
        .await
        .map_err(|error| text(&error))?;
    let (failed_version, failed_why) = failed.unwrap_or_default();
    let mut request = tonic::Request::new(PullRequest {
        agent_id: Bytes::copy_from_slice(&caller.id.0),
        version,
        failed_version,
        failed_why,
    });
    request.set_timeout(CALL_TIMEOUT);
    let answer = ConfigurationClient::new(channel).pull(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| status.message().to_owned())
}
