//! Runs an agent with what its collector pushes to it.
//!
//! The agent asks every `agent.pull_interval`. What it is given is checked (signature, machine, age,
//! contents), kept as a trial, and the agent is run anew with it: lines wait in their files meanwhile,
//! and checkpoints hold. If it then reaches its collector, the trial is what it runs from now on. If it
//! cannot within `agent.pushed_deadline`, or does not start, or ends three times amid the trial, it goes
//! back to what it ran before, and says so to the collector. What may be no fault of the configuration (a
//! collector that answers nothing, a full disk) puts it off: it is tried again after a while.

mod kept;
#[cfg(test)]
mod tests;

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use timberline_agent::{Agent, AgentError, AgentStatus};
use timberline_proto::id::AgentId;
use timberline_proto::tls::pushed::{PushedDocument, verify};
use timberline_proto::tls::{CollectorUrl, Credentials};
use timberline_proto::wire::v1::configuration_client::ConfigurationClient;
use timberline_proto::wire::v1::{PullRequest, PullResponse};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::data_dir::DataDir;
use kept::{Failed, Kept, Signed, Why};

/// One question to the collector.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A trial during which the program ended so often is given up.
const STARTS_MAX: u32 = 3;
/// How long a version that was put off is left alone: twice as long each time.
const RETRY_MIN: Duration = Duration::from_secs(15);
const RETRY_MAX: Duration = Duration::from_secs(600);

/// What a collector has for this machine.
enum Pushed {
    Try(Signed),
    Own(PushedDocument),
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
        let chosen = choose(config, &mut kept);
        let agent_config = chosen.config.agent_config(endpoint, data.role("agent"));
        let credentials = agent_config.credentials();
        let tails = agent_config.tail.clone();
        let agent = match Agent::open(agent_config) {
            Ok(agent) => agent,
            Err(error) if chosen.trial => {
                kept.give_up(why(&error));
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
        let failed = {
            let watching = watch(config, &mut kept, &caller, &chosen, status);
            tokio::select! {
                outcome = &mut running => match outcome {
                    Err(error) if chosen.trial && !stop.is_cancelled() => Some(error),
                    outcome => return Ok(outcome?),
                },
                () = watching => {
                    run_stop.cancel();
                    running.await?;
                    None
                }
            }
        };
        if let Some(error) = failed {
            kept.give_up(why(&error));
        }
    }
}

/// Whether an agent that does not run blames its configuration.
fn why(error: &AgentError) -> Why {
    match error {
        AgentError::Config { .. } | AgentError::Ended(_) => Why::Bad(error.to_string()),
        _ => Why::Passing(error.to_string()),
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
fn choose(config: &Config, kept: &mut Kept) -> Chosen {
    if kept.trial().is_some() && kept.starts() >= STARTS_MAX {
        let ended = format!("the program ended {STARTS_MAX} times while it was tried");
        kept.give_up(Why::Bad(ended));
    }
    if kept.trial().is_some() && !kept.count_start() {
        kept.give_up(Why::Passing("there is no room to note that it is tried".to_owned()));
    }
    for trial in [true, false] {
        let Some(pushed) = (if trial { kept.trial() } else { kept.good() }) else {
            continue;
        };
        match config.with_pushed(&pushed.toml) {
            Ok(config) => {
                let (version, group) = (pushed.version, pushed.group);
                let what = if trial {
                    "trying a pushed configuration"
                } else {
                    "a pushed configuration is in force"
                };
                tracing::info!(version, group, "{what}");
                return Chosen { config, version, trial };
            }
            Err(why) if trial => kept.give_up(Why::Bad(why)),
            // The machine's own file changed since.
            Err(why) => tracing::error!(
                why,
                "the pushed configuration does not fit the machine's own any more, which is used alone"
            ),
        }
    }
    Chosen {
        config: config.clone(),
        version: kept.own_version(),
        trial: false,
    }
}

struct Caller<'a> {
    url: &'a CollectorUrl,
    credentials: &'a Credentials,
    id: AgentId,
}

/// Asks the collector again and again, until the agent is to be run anew.
async fn watch(
    config: &Config,
    kept: &mut Kept,
    caller: &Caller<'_>,
    chosen: &Chosen,
    status: watch::Receiver<std::sync::Arc<AgentStatus>>,
) {
    let begin = Instant::now();
    let deadline = config.agent.pushed_deadline.get();
    let mut proved = !chosen.trial;
    let mut retry_at = begin + retry_after(kept.put_off());
    loop {
        let unreached = match pull(caller, chosen.version, kept.failed()).await {
            Ok(answer) => {
                if !proved && status.borrow().connected {
                    kept.prove();
                    proved = true;
                    tracing::info!(version = chosen.version, "the pushed configuration is kept");
                }
                let failed = kept.failed().filter(|failed| failed.version == answer.version);
                let due = failed.is_none_or(|failed| failed.why.is_passing() && Instant::now() >= retry_at);
                if answer.version != chosen.version && due {
                    if take(config, kept, caller.id, &answer) {
                        return;
                    }
                    retry_at = Instant::now() + retry_after(kept.put_off());
                }
                None
            }
            Err(error) => {
                tracing::debug!(error, "the collector does not say what to run");
                Some(error)
            }
        };
        if !proved && begin.elapsed() >= deadline {
            let seconds = deadline.as_secs();
            kept.give_up(match unreached {
                None => Why::Bad(format!(
                    "with it the agent did not connect to its collector within {seconds} s"
                )),
                Some(error) => Why::Passing(format!("the collector was not reached within {seconds} s: {error}")),
            });
            return;
        }
        tokio::time::sleep(config.agent.pull_interval.get()).await;
    }
}

/// How long a version that was put off so often in a row is left alone.
fn retry_after(put_off: u32) -> Duration {
    match put_off {
        0 => Duration::ZERO,
        times => RETRY_MIN.saturating_mul(1 << (times - 1).min(16)).min(RETRY_MAX),
    }
}

/// Takes what was pushed, if it may be tried; whether the agent is to be run anew with it.
fn take(config: &Config, kept: &mut Kept, id: AgentId, answer: &PullResponse) -> bool {
    match judge(config, kept, id, answer) {
        Ok(Pushed::Try(signed)) => kept.begin(signed),
        Ok(Pushed::Own(document)) => {
            kept.clear(&document);
            true
        }
        Err(why) => {
            kept.refuse(answer.version, why);
            false
        }
    }
}

/// Whether what was pushed may be tried. That an answer is not for this machine or too old says nothing
/// of the configuration in it.
fn judge(config: &Config, kept: &Kept, id: AgentId, answer: &PullResponse) -> Result<Pushed, Why> {
    let not_taken = |why: &str| Why::Passing(why.to_owned());
    let signed = Signed {
        document: String::from_utf8(answer.document.to_vec()).map_err(|_| not_taken("it is no text"))?,
        signature: answer.signature.to_vec(),
    };
    let key = kept.key().ok_or_else(|| {
        not_taken("this machine enrolled before its collector signed configurations: enroll it again")
    })?;
    let document = verify(&key, signed.document.as_bytes(), &signed.signature).map_err(Why::Passing)?;
    if document.agent != id || document.version != answer.version {
        return Err(not_taken("it is for another machine"));
    }
    if document.signed_nanos <= kept.signed_nanos() {
        return Err(not_taken("it is older than what this machine was given before"));
    }
    if document.toml.is_empty() {
        return Ok(Pushed::Own(document));
    }
    config.with_pushed(&document.toml).map_err(Why::Bad)?;
    Ok(Pushed::Try(signed))
}

async fn pull(caller: &Caller<'_>, version: u64, failed: Option<Failed>) -> Result<PullResponse, String> {
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
    let mut request = tonic::Request::new(PullRequest {
        agent_id: Bytes::copy_from_slice(&caller.id.0),
        version,
        failed_version: failed.as_ref().map_or(0, |failed| failed.version),
        failed_passing: failed.as_ref().is_some_and(|failed| failed.why.is_passing()),
        failed_why: failed.map(|failed| failed.why.text().to_owned()).unwrap_or_default(),
    });
    request.set_timeout(CALL_TIMEOUT);
    let answer = ConfigurationClient::new(channel).pull(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| status.message().to_owned())
}
