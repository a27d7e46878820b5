//! Who is there, and may they? Asked of every request before its route sees it, by the one table of routes
//! ([`ROUTES`](crate::access::ROUTES)); what is not in the table is refused. An answer that goes on (a live
//! tail, an export) ends with the session or key that asked for it.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use timberline_proto::api::ApiError;

use super::PeerAddress;
use crate::access::identify::Unknown;
use crate::access::{Access, Asked, Caller, Limits, Need, need_of};

/// Middleware: 401 where nobody is known who is asked to be, 403 where somebody may not.
pub async fn authorize(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let from = request.extensions().get::<PeerAddress>();
    let from = from.map(|PeerAddress(address)| address.ip());
    let asked = Asked {
        method: request.method(),
        headers: request.headers(),
        from,
    };
    let caller = access.identify(asked);
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let verdict = judge(request.method(), path, caller);
    match verdict {
        Ok(None) => next.run(request).await,
        Ok(Some(caller)) => {
            let (ended, lasts) = (caller.ended.clone(), caller.lasts);
            request.extensions_mut().insert(caller);
            until_ended(next.run(request).await, ended, lasts)
        }
        Err(refusal) => {
            access.refuse(from, refusal.why());
            refusal.into_response()
        }
    }
}

/// Why a request is not let in.
enum Refusal {
    Unknown(Unknown),
    NotListed,
    MayNot(String),
    Limited,
}

/// The caller, if one is known; none is asked for by open routes and the page's files.
fn judge(method: &Method, path: Option<&str>, caller: Result<Caller, Unknown>) -> Result<Option<Caller>, Refusal> {
    let Some(path) = path else {
        // No route of ours: one of the page's files, or nothing.
        return match *method {
            Method::GET | Method::HEAD => Ok(None),
            _ => caller.map(Some).map_err(Refusal::Unknown),
        };
    };
    let Some(route) = need_of(method, path) else {
        return Err(caller.map_or_else(Refusal::Unknown, |_| Refusal::NotListed));
    };
    if route.need == Need::Open {
        return Ok(caller.ok());
    }
    let caller = caller.map_err(Refusal::Unknown)?;
    let may = match route.need {
        Need::Open | Need::Known => true,
        Need::May(permission) => caller.may(permission),
        Need::Either(one, other) => caller.may(one) || caller.may(other),
    };
    if !may {
        let needed = match route.need {
            Need::May(permission) => permission.name().to_owned(),
            Need::Either(one, other) => format!("{one}` or `{other}"),
            Need::Open | Need::Known => String::new(),
        };
        return Err(Refusal::MayNot(needed));
    }
    if route.limits == Limits::Refused && !caller.scope.is_everything() {
        return Err(Refusal::Limited);
    }
    Ok(Some(caller))
}

impl Refusal {
    /// In few words: refusals are counted by them.
    fn why(&self) -> &'static str {
        match self {
            Self::Unknown(Unknown::Nothing) => "no credential",
            Self::Unknown(Unknown::Wrong) => "wrong, expired or revoked credential",
            Self::Unknown(Unknown::Foreign) => "a session's cookie sent by a foreign page",
            Self::NotListed => "a route that is not listed",
            Self::MayNot(_) => "no permission",
            Self::Limited => "a route beyond a role's limits",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Unknown(Unknown::Nothing) => (
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "say who you are: log in on the page, or send a key (`Authorization: Bearer …`; `timberline` takes one by --key-file or TIMBERLINE_KEY)".to_owned(),
            ),
            Self::Unknown(Unknown::Wrong) => (
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "this session or key is not known, over, or revoked: log in again, or ask for a new key".to_owned(),
            ),
            Self::Unknown(Unknown::Foreign) => (
                StatusCode::FORBIDDEN,
                "forbidden",
                "a session is used by its own page alone (no Origin or Sec-Fetch-Site says so): programs use keys".to_owned(),
            ),
            Self::NotListed => (
                StatusCode::FORBIDDEN,
                "forbidden",
                "nobody may do this".to_owned(),
            ),
            Self::MayNot(permission) => (
                StatusCode::FORBIDDEN,
                "forbidden",
                format!("this takes the permission `{permission}`, which none of your roles gives"),
            ),
            Self::Limited => (
                StatusCode::FORBIDDEN,
                "forbidden",
                "your role shows only some records or fields, to which this cannot be held".to_owned(),
            ),
        };
        let error = ApiError {
            code: code.into(),
            message,
            ..ApiError::default()
        };
        let mut response = (status, Json(error)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2. No `Basic`: browsers would ask for a password by a window of their own.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// An answer of unknown length breaks off, so that nobody takes it for whole, when its caller may not have it
/// any more.
fn until_ended(response: Response, ended: tokio_util::sync::CancellationToken, lasts: Option<Duration>) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let over = async move {
        match lasts {
            Some(lasts) => tokio::select! {
                () = ended.cancelled() => {}
                () = tokio::time::sleep(lasts) => {}
            },
            None => ended.cancelled().await,
        }
    };
    let end = futures::stream::once(async move {
        over.await;
        Err(axum::Error::new("the session or key that asked for this has ended"))
    });
    response.map(|body| {
        let whole = body.into_data_stream().map(Some).chain(futures::stream::iter([None]));
        // Whichever comes first: the end of the body, or of whoever asked.
        let both = futures::stream::select(whole, end.map(Some));
        Body::from_stream(
            both.take_while(|chunk| std::future::ready(chunk.is_some()))
                .filter_map(std::future::ready),
        )
    })
}
