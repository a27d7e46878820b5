//! List, then watch from where the list ended (Kubernetes API concepts, "Efficient detection of
//! changes"): a watch that ends is begun again from the last version that it told; one that is too old
//! (410 Gone, as an answer or as an event) is begun with another list.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::client::{AskError, Client};
use super::config::KubernetesConfig;
use super::object::{Pod, PodList, WatchEvent};
use super::pods::Pods;

/// Pods of one answer; a node has hundreds at most.
const PAGE_PODS: usize = 250;
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// An event is one object, of which etcd takes no more than about this.
const EVENT_BYTES_MAX: usize = 4 << 20;
/// The API ends a watch itself after so long.
const WATCH_SECONDS: u64 = 300;
/// It says something at least so often, if only where it is; else the connection is dead.
const SILENCE_MAX: Duration = Duration::from_secs(WATCH_SECONDS + 30);
const WAIT_MIN: Duration = Duration::from_millis(200);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Follows the pods of this node until `stop`. Where there is no API, this ends at once.
pub(crate) async fn follow(config: KubernetesConfig, pods: Arc<Pods>, stop: CancellationToken) {
    let api = match config.api(|name| std::env::var(name).ok()) {
        Ok(Some(api)) => api,
        Ok(None) => return,
        Err(missing) => {
            tracing::error!(missing, "the Kubernetes API is not asked; paths say what they can");
            return;
        }
    };
    let follower = Follower {
        client: Client::new(api, config),
        pods,
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = follower.run() => {}
    }
}

/// Whether there is an API to be asked.
///
/// # Errors
/// What is missing where it is to be asked.
pub(crate) fn is_asked(config: &KubernetesConfig) -> Result<bool, String> {
    Ok(config.api(|name| std::env::var(name).ok())?.is_some())
}

struct Follower {
    client: Client,
    pods: Arc<Pods>,
}

impl Follower {
    async fn run(&self) {
        let (mut from, mut wait, mut said) = (None, WAIT_MIN, String::new());
        loop {
            let before: Option<String> = from.clone();
            let why = self.follow_from(&mut from).await;
            if from != before {
                // It has told something, so whatever was wrong is over.
                wait = WAIT_MIN;
                said.clear();
            }
            match why {
                // As it is agreed; and the API is asked at once.
                Ok(()) if from != before => continue,
                Ok(()) => {}
                Err(AskError::Gone) => {
                    tracing::debug!("what was watched from is too old; the pods are listed anew");
                    from = None;
                }
                Err(error) => {
                    // It told nothing new: what it was asked from may be what is wrong.
                    if from == before {
                        from = None;
                    }
                    let text = error.to_string();
                    if text != said {
                        tracing::warn!(
                            error = text,
                            "the Kubernetes API tells nothing of this node's pods; tried again, and paths say what they can"
                        );
                        said = text;
                    }
                }
            }
            tokio::time::sleep(wait.mul_f64(rand::random_range(0.5..=1.0))).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    /// Lists if there is no version to go on from, then watches until the watch ends.
    async fn follow_from(&self, from: &mut Option<String>) -> Result<(), AskError> {
        let version = match from {
            Some(version) => version.clone(),
            None => {
                let version = self.list().await?;
                from.insert(version).clone()
            }
        };
        let node = encoded(self.client.node());
        let path = format!(
            "/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3D{node}&resourceVersion={}&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}",
            encoded(&version)
        );
        let mut answer = self.client.get(&path).await?;
        let mut buffer: Vec<u8> = Vec::new();
        loop {
            let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "a watch without a word");
            let Some(bytes) = tokio::time::timeout(SILENCE_MAX, answer.next())
                .await
                .map_err(silent)??
            else {
                return Ok(());
            };
            buffer.extend_from_slice(&bytes);
            let mut at = 0;
            while let Some(end) = memchr::memchr(b'\n', &buffer[at..]) {
                self.event(&buffer[at..at + end], from)?;
                at += end + 1;
            }
            buffer.drain(..at);
            if buffer.len() > EVENT_BYTES_MAX {
                return Err(io::Error::other(format!("an event of more than {EVENT_BYTES_MAX} bytes")).into());
            }
        }
    }

    /// All pods of the node, in pages; gives the version to watch from.
    async fn list(&self) -> Result<String, AskError> {
        let node = encoded(self.client.node());
        let (mut pods, mut rest) = (Vec::new(), String::new());
        loop {
            let path = format!(
                "/api/v1/pods?fieldSelector=spec.nodeName%3D{node}&limit={PAGE_PODS}&continue={}",
                encoded(&rest)
            );
            let mut answer = self.client.get(&path).await?;
            let bytes = tokio::time::timeout(SILENCE_MAX, answer.whole(ANSWER_BYTES_MAX))
                .await
                .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "a list that does not end"))??;
            let page: PodList = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
            pods.extend(page.items);
            if page.metadata.rest.is_empty() {
                self.pods.all(&pods);
                tracing::debug!(pods = pods.len(), "the pods of this node are known");
                return Ok(page.metadata.resource_version);
            }
            rest = page.metadata.rest;
        }
    }

    fn event(&self, line: &[u8], from: &mut Option<String>) -> Result<(), AskError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let event: WatchEvent = serde_json::from_slice(line).map_err(io::Error::other)?;
        if event.kind == "ERROR" {
            let code = event.object["code"].as_u64().unwrap_or(0);
            let text = event.object["message"].as_str().unwrap_or_default().to_owned();
            return Err(match code {
                410 => AskError::Gone,
                code => AskError::Refused {
                    status: u16::try_from(code).unwrap_or(0),
                    text,
                },
            });
        }
        let pod: Pod = serde_json::from_value(event.object).map_err(io::Error::other)?;
        match event.kind.as_str() {
            "ADDED" | "MODIFIED" => self.pods.put(&pod),
            "DELETED" => self.pods.gone(&pod.metadata.uid),
            // A bookmark says only where the watch is.
            _ => {}
        }
        if !pod.metadata.resource_version.is_empty() {
            *from = Some(pod.metadata.resource_version);
        }
        Ok(())
    }
}

/// As a value in a query.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let bytes = text.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    bytes.collect()
}
