//! Searches on record: who looked for what, when, from where, before an answer shows anything.
//!
//! Entries of one moment are one transaction, so that a search waits for one write of the disk at most, while it
//! runs already. The same search by the same caller is one entry in [`SearchOptions::interval`]: a page asks for
//! lines, counts and fields of it at once, and again and again. What nobody is known for (a server without
//! accounts) is not on record.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use timberline_collector::access::{Caller, Proof};
use tokio::sync::{mpsc, oneshot};

use super::error::HttpError;
use super::state::HttpState;
use crate::catalog::{Catalog, NotedAct};

/// Searches that wait to be on record; further ones wait for them.
const WAITING_MAX: usize = 1024;
/// Entries of one transaction.
const ENTRIES_MAX: usize = 256;
/// Searches that are remembered so as not to be on record twice.
const KNOWN_MAX: usize = 16 << 10;
/// Bytes of a search's text on record.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// What is on record of searches.
#[derive(Clone, Copy, Debug)]
pub struct SearchOptions {
    /// Whether they are: `access.record_searches`.
    pub enabled: bool,
    /// The same search is one entry in it: `access.record_searches_interval`.
    pub interval: Duration,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: Duration::from_secs(300),
        }
    }
}

type Noted = (NotedAct, oneshot::Sender<Result<(), String>>);

/// The record of searches. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Searches(Option<mpsc::Sender<Noted>>);

impl Searches {
    /// Begins to write. Needs a runtime.
    pub fn start(catalog: Catalog, options: SearchOptions) -> Self {
        if !options.enabled {
            return Self(None);
        }
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(write(catalog, options.interval, receiver));
        Self(Some(sender))
    }

    /// Puts a search on record; when it returns, that is durable.
    async fn note(&self, caller: &Caller, object: &str, detail: Value) -> Result<(), HttpError> {
        let Some(sender) = &self.0 else { return Ok(()) };
        if matches!(caller.proof, Proof::Anyone | Proof::Local) {
            return Ok(());
        }
        let act = NotedAct {
            actor: caller.actor.clone(),
            action: "search",
            object: object.to_owned(),
            detail,
        };
        let (done, noted) = oneshot::channel();
        let sent = sender.send((act, done)).await;
        let outcome = match sent {
            Ok(()) => noted.await.unwrap_or_else(|_| Err("the server ends".to_owned())),
            Err(_) => Err("the server ends".to_owned()),
        };
        outcome.map_err(|error| {
            HttpError::new(
                "unavailable",
                format!("the search is not answered, since it cannot be put on record: {error}"),
            )
        })
    }
}

async fn write(catalog: Catalog, interval: Duration, mut receiver: mpsc::Receiver<Noted>) {
    let mut known: HashMap<String, Instant> = HashMap::new();
    let mut waiting = Vec::new();
    while receiver.recv_many(&mut waiting, ENTRIES_MAX).await > 0 {
        let now = Instant::now();
        if known.len() >= KNOWN_MAX {
            known.retain(|_, at| now.duration_since(*at) < interval);
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
        }
        let mut acts: Vec<NotedAct> = Vec::new();
        let mut keys = Vec::new();
        for (act, _) in &waiting {
            let key = format!(
                "{} {:?} {} {}",
                act.actor.name, act.actor.origin, act.object, act.detail
            );
            let is_known = known.get(&key).is_some_and(|at| now.duration_since(*at) < interval);
            if !is_known && !keys.contains(&key) {
                acts.push(act.clone());
                keys.push(key);
            }
        }
        let outcome = match acts.is_empty() {
            true => Ok(()),
            false => {
                let catalog = catalog.clone();
                let noted = tokio::task::spawn_blocking(move || catalog.note_acts(&acts)).await;
                match noted {
                    Ok(noted) => noted.map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                }
            }
        };
        match &outcome {
            Ok(()) => known.extend(keys.into_iter().map(|key| (key, now))),
            Err(error) => tracing::error!(error, "searches cannot be put on record"),
        }
        for (_, done) in waiting.drain(..) {
            // Whoever asked may have gone.
            _ = done.send(outcome.clone());
        }
    }
}

/// Puts searches of a request's caller on record.
#[derive(Clone, Debug)]
pub(super) struct OnRecord {
    searches: Searches,
    caller: Caller,
}

impl OnRecord {
    /// A search for `query` in a range of time.
    ///
    /// # Errors
    /// Why it is not on record, so that it is not to be answered.
    pub(super) async fn search(&self, query: &str, from: Option<&str>, to: Option<&str>) -> Result<(), HttpError> {
        let detail = json!({ "query": cut(query), "from": from, "to": to });
        self.searches.note(&self.caller, "query", detail).await
    }

    /// A look at something of records that `object` names.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub(super) async fn look(&self, object: &str, detail: Value) -> Result<(), HttpError> {
        self.searches.note(&self.caller, object, detail).await
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match end < text.len() {
        true => format!("{}… ({} bytes)", &text[..end], text.len()),
        false => text.to_owned(),
    }
}

impl FromRequestParts<HttpState> for OnRecord {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        Ok(Self {
            searches: state.searches.clone(),
            caller,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(cut("error"), "error");
        let long = cut(&"é".repeat(TEXT_BYTES_MAX));
        assert!(long.len() < TEXT_BYTES_MAX + 40 && long.ends_with(&format!("({} bytes)", 2 * TEXT_BYTES_MAX)));
    }
}
