//! From a request's headers to a caller.
//!
//! | shown as | what |
//! |---|---|
//! | cookie | a session; `__Host-timberline` where only TLS reaches us, else `timberline` |
//! | `Authorization: Bearer KEY` | a key |
//! | `Authorization: ApiKey base64(ID:KEY)` | a key, as shippers of Elasticsearch show it |
//! | `Authorization: Splunk KEY` | a key, as the HTTP Event Collector of Splunk takes it |
//! | `Authorization: Basic base64(NAME:KEY)` | a key, for programs that know nothing else; NAME is not looked at |
//!
//! Passwords are taken by `POST /api/v1/login` alone, so that none is hashed with every request.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderMap, Method, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use timberline_proto::api::access::{Actor, Permission};

use super::caller::{Caller, Proof};
use super::secret::{KEY_PREFIX, SESSION_PREFIX, matches, parse};
use super::state::Rights;
use super::{Access, Openness, now_s};

/// What proxies add to what they pass on (RFC 7239; RFC 9110, 7.6.3; and what was usual before).
const PASSED_ON_BY: [&str; 8] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "x-client-ip",
    "via",
];

/// What may be done only by whoever is known by an account or key, or from this machine.
const NOT_BY_ANYONE: [Permission; 4] = [
    Permission::ManageFleet,
    Permission::ManageAccess,
    Permission::EraseLogs,
    Permission::ApproveErasures,
];
/// Whoever started the server makes the first account; others on this machine must not.
const NOT_WITHOUT_ACCOUNT: [Permission; 1] = [Permission::ManageAccess];

/// What a request shows.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// From where it came.
    pub from: Option<IpAddr>,
}

/// Why somebody is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing was shown.
    Nothing,
    /// What was shown is not known, over, or revoked.
    Wrong,
    /// A page of another origin sent the session's cookie.
    Foreign,
}

impl Asked<'_> {
    /// Whether it came from this machine itself, and no proxy passed it on.
    pub fn is_local(&self) -> bool {
        let passed_on = PASSED_ON_BY.iter().any(|name| self.headers.contains_key(*name));
        !passed_on && self.names_this_machine() && self.from.is_some_and(|from| from.to_canonical().is_loopback())
    }

    /// Whether the Host is this machine as it calls itself: who reaches it by another name, is elsewhere.
    fn names_this_machine(&self) -> bool {
        let Some(host) = self.headers.get(header::HOST) else {
            return true;
        };
        let host = host.to_str().unwrap_or_default();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            _ => host,
        };
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }

    fn origin(&self) -> Option<String> {
        self.from.map(|from| from.to_canonical().to_string())
    }

    /// Whether the browser says that a page of ours sends this. Whoever changes something by cookie must
    /// say so; for whoever only reads, it is enough that nothing speaks against it. An Origin that is not ours
    /// was refused before.
    fn is_own_page(&self) -> bool {
        let reads = matches!(*self.method, Method::GET | Method::HEAD);
        match self.headers.get("sec-fetch-site").map(|value| value.as_bytes()) {
            Some(b"same-origin") => true,
            Some(b"none") => reads,
            Some(_) => false,
            None => reads || self.headers.contains_key(header::ORIGIN),
        }
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let values = self.headers.get_all(header::COOKIE).into_iter();
        let pairs = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'));
        let mut found = pairs.filter_map(|pair| pair.trim().split_once('='));
        found.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The key that it shows, if it shows anything.
    fn key(&self) -> Option<String> {
        let value = self.headers.get(header::AUTHORIZATION)?;
        let Some((scheme, rest)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
            return Some(String::new());
        };
        let of_pair = |rest: &str| {
            let bytes = STANDARD.decode(rest.trim()).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            text.split_once(':').map(|(_, key)| key.to_owned())
        };
        let key = match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "splunk" => Some(rest.trim().to_owned()),
            "apikey" => of_pair(rest).or_else(|| Some(rest.trim().to_owned())),
            "basic" => of_pair(rest),
            _ => None,
        };
        Some(key.unwrap_or_default())
    }
}

impl Access {
    /// The name of the session's cookie. The prefix `__Host-` has browsers take it by TLS alone, for this host alone.
    pub fn cookie_name(&self) -> &'static str {
        match self.options().secure_cookies {
            true => "__Host-timberline",
            false => "timberline",
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`Unknown`]
    pub fn identify(&self, asked: Asked<'_>) -> Result<Caller, Unknown> {
        let open = self.openly(asked);
        // While nobody has an account, whatever is shown is of another server.
        if matches!(open, Some(Proof::Local)) {
            return Ok(Caller::open(Proof::Local, asked.origin(), &NOT_WITHOUT_ACCOUNT));
        }
        if let Some(key) = asked.key() {
            return self.of_key(&key, asked).ok_or(Unknown::Wrong);
        }
        let cookie = asked.cookie(self.cookie_name());
        let by_cookie = match cookie.and_then(|cookie| self.of_session(cookie, asked)) {
            Some(caller) if asked.is_own_page() => Ok(caller),
            Some(_) => Err(Unknown::Foreign),
            None if cookie.is_some() => Err(Unknown::Wrong),
            None => Err(Unknown::Nothing),
        };
        match (by_cookie, open) {
            (Err(Unknown::Nothing | Unknown::Wrong), Some(proof)) => {
                let without: &[Permission] = if asked.is_local() {
                    &NOT_WITHOUT_ACCOUNT
                } else {
                    &NOT_BY_ANYONE
                };
                Ok(Caller::open(proof, asked.origin(), without))
            }
            (by_cookie, _) => by_cookie,
        }
    }

    /// As whom somebody is let in who shows nothing.
    fn openly(&self, asked: Asked<'_>) -> Option<Proof> {
        match self.options().openness {
            Openness::Anyone => Some(Proof::Anyone),
            Openness::Loopback if !self.has_account() && asked.is_local() => Some(Proof::Local),
            Openness::Loopback | Openness::Closed => None,
        }
    }

    fn of_key(&self, shown: &str, asked: Asked<'_>) -> Option<Caller> {
        let (id, secret) = parse(KEY_PREFIX, shown)?;
        let state = self.state();
        let now_s = now_s();
        let key = state.keys.get(id);
        let known = matches(secret, key.map_or("", |key| &key.secret_sha256));
        let key = key.filter(|key| known && key.state(now_s) == "valid")?;
        self.used(id, now_s);
        let lasts = key.expires_s.map(|expires_s| duration(expires_s - now_s));
        let proof = Proof::Key { id: id.to_owned() };
        Some(self.caller(format!("key:{id}"), proof, state.rights_of_key(key), lasts, asked))
    }

    fn of_session(&self, shown: &str, asked: Asked<'_>) -> Option<Caller> {
        let (id, secret) = parse(SESSION_PREFIX, shown)?;
        let state = self.state();
        let now_s = now_s();
        let session = state.sessions.get(id);
        let known = matches(secret, session.map_or("", |session| &session.secret_sha256));
        let session = session.filter(|session| known && !self.is_over(session))?;
        let user = state.users.get(&session.user).filter(|user| !user.disabled)?;
        self.used(id, now_s);
        let lasts = Some(duration(session.ends_s(self.options()) - now_s));
        let proof = Proof::Session {
            id: id.to_owned(),
            user: session.user.clone(),
        };
        Some(self.caller(
            format!("user:{}", session.user),
            proof,
            state.rights(&user.roles),
            lasts,
            asked,
        ))
    }

    fn caller(&self, name: String, proof: Proof, rights: Rights, lasts: Option<Duration>, asked: Asked<'_>) -> Caller {
        let ended = match &proof {
            Proof::Session { id, .. } | Proof::Key { id } => {
                let ended = self.live(id);
                // It may have ended, or may do something else, since it was looked at.
                let now = self.state();
                if !now.has_credential(id) || now.rights_of_credential(id).as_ref() != Some(&rights) {
                    ended.cancel();
                }
                ended
            }
            _ => tokio_util::sync::CancellationToken::new(),
        };
        Caller {
            actor: Actor::new(name, asked.origin()),
            proof,
            permissions: rights.permissions,
            scope: rights.scope,
            ended,
            lasts,
        }
    }

    /// Written with the next change, or at the next look: what is used every second is not written every second.
    fn used(&self, id: &str, now_s: i64) {
        self.inner.used.lock().insert(id.to_owned(), now_s);
    }
}

fn duration(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
