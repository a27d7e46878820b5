//! The only place that speaks to the server.

use js_sys::Uint8Array;
use serde::{Serialize, de::DeserializeOwned};
use timberline_proto::api::{
    ApiError, ExplainAnswer, ExplainRequest, ExportAnswer, FieldsAnswer, FieldsRequest, Frame, HistogramAnswer,
    HistogramRequest, QueryRequest, access::WhoAmI,
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, ReadableStreamDefaultReader, RequestInit, Response};

use crate::model::{reach, view::encode};

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// We no longer want it.
    Cancelled,
    /// No answer came: the server cannot be reached.
    Lost(String),
    /// What came is not an answer.
    Unreachable(String),
    /// The server says what is wrong.
    Refused(ApiError),
}

impl Failure {
    /// As an error to show; `None` if there is nothing to show.
    pub(crate) fn into_error(self) -> Option<ApiError> {
        match self {
            Failure::Cancelled => None,
            Failure::Refused(error) => Some(error),
            Failure::Lost(message) => Some(ApiError {
                code: reach::OFFLINE.into(),
                message,
                ..ApiError::default()
            }),
            Failure::Unreachable(message) => Some(ApiError {
                code: "unreachable".into(),
                message,
                ..ApiError::default()
            }),
        }
    }
}

/// Asks and hands over every frame as it comes; returns after the last.
///
/// # Errors
/// [`Failure`]; a frame [`Frame::Error`] becomes [`Failure::Refused`].
pub(crate) async fn query(
    request: &QueryRequest,
    abort: &AbortSignal,
    mut on_frame: impl FnMut(Frame),
) -> Result<(), Failure> {
    let response = post("/api/v1/query", request, "application/x-ndjson", abort).await?;
    let mut frames = Lines::of(&response)?;
    let mut ended = false;
    while let Some(line) = frames.next(abort).await? {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(Frame::Error(error)) => return Err(Failure::Refused(error)),
            Ok(frame) => {
                ended |= matches!(frame, Frame::End(_));
                on_frame(frame);
            }
            Err(error) => return Err(not_an_answer(&error)),
        }
    }
    if ended {
        Ok(())
    } else {
        Err(Failure::Unreachable(
            "The answer broke off. Is the server still running? Run the query again.".into(),
        ))
    }
}

/// Counts over time.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn histogram(request: &HistogramRequest, abort: &AbortSignal) -> Result<HistogramAnswer, Failure> {
    whole("/api/v1/histogram", request, abort).await
}

/// The fields and their top values.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn fields(request: &FieldsRequest, abort: &AbortSignal) -> Result<FieldsAnswer, Failure> {
    whole("/api/v1/fields", request, abort).await
}

/// Why a search found nothing.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn explain(request: &ExplainRequest, abort: &AbortSignal) -> Result<ExplainAnswer, Failure> {
    whole("/api/v1/explain", request, abort).await
}

/// Where a whole result is to be had as a file.
pub(crate) fn export_address(
    query: &str,
    from: Option<&str>,
    to: Option<&str>,
    format: &str,
    newest_first: bool,
) -> String {
    let mut address = format!("/api/v1/export?query={}&format={format}", encode(query));
    for (name, end) in [("from", from), ("to", to)] {
        if let Some(end) = end {
            address.push_str(&format!("&{name}={}", encode(end)));
        }
    }
    if newest_first {
        address.push_str("&direction=backward");
    }
    address
}

/// How far an export is.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn export_state(id: &str, abort: &AbortSignal) -> Result<ExportAnswer, Failure> {
    get(&format!("/api/v1/export/{}", encode(id)), abort).await
}

/// What stands at an address, as text.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn get_text(address: &str, abort: &AbortSignal) -> Result<String, Failure> {
    let init = RequestInit::new();
    init.set_signal(Some(abort));
    text(&fetch(address, &init, abort).await?, abort).await
}

/// What stands at an address that only reads.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn get<A: DeserializeOwned>(address: &str, abort: &AbortSignal) -> Result<A, Failure> {
    let init = RequestInit::new();
    init.set_signal(Some(abort));
    read(&fetch(address, &init, abort).await?, abort).await
}

/// Keeps something new.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn create<Q: Serialize, A: DeserializeOwned>(
    address: &str,
    body: &Q,
    abort: &AbortSignal,
) -> Result<A, Failure> {
    whole(address, body, abort).await
}

/// Keeps what a text says, as it stands: the server says where it is wrong.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn create_of_text<A: DeserializeOwned>(
    address: &str,
    text: &str,
    abort: &AbortSignal,
) -> Result<A, Failure> {
    read(&send("POST", address, text, "application/json", abort).await?, abort).await
}

/// Puts something in the place of what is kept.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn replace<Q: Serialize, A: DeserializeOwned>(
    address: &str,
    body: &Q,
    abort: &AbortSignal,
) -> Result<A, Failure> {
    let body = serde_json::to_string(body).map_err(|error| not_an_answer(&error))?;
    read(&send("PUT", address, &body, "application/json", abort).await?, abort).await
}

/// Tells the server something that it answers with no more than yes.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn tell<Q: Serialize>(
    method: &str,
    address: &str,
    body: &Q,
    abort: &AbortSignal,
) -> Result<(), Failure> {
    let body = serde_json::to_string(body).map_err(|error| not_an_answer(&error))?;
    send(method, address, &body, "application/json", abort)
        .await
        .map(|_| ())
}

/// Deletes what is kept.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn delete(address: &str, abort: &AbortSignal) -> Result<(), Failure> {
    let init = RequestInit::new();
    init.set_method("DELETE");
    init.set_signal(Some(abort));
    fetch(address, &init, abort).await.map(|_| ())
}

/// Tells the server that nobody waits any more. Whether it heard does not matter to us.
pub(crate) fn cancel(query_id: &str) {
    let init = RequestInit::new();
    init.set_method("DELETE");
    let promise =
        leptos::prelude::window().fetch_with_str_and_init(&format!("/api/v1/query/{}", encode(query_id)), &init);
    leptos::task::spawn_local(async move { drop(JsFuture::from(promise).await) });
}

/// The address of the live tail.
pub(crate) fn tail_address(query: &str) -> String {
    format!("/api/v1/tail?query={}", encode(query))
}

async fn whole<Q: Serialize, A: DeserializeOwned>(path: &str, request: &Q, abort: &AbortSignal) -> Result<A, Failure> {
    let response = post(path, request, "application/json", abort).await?;
    read(&response, abort).await
}

async fn read<A: DeserializeOwned>(response: &Response, abort: &AbortSignal) -> Result<A, Failure> {
    let text = text(response, abort).await?;
    serde_json::from_str(&text).map_err(|error| not_an_answer(&error))
}

async fn post<Q: Serialize>(path: &str, request: &Q, accept: &str, abort: &AbortSignal) -> Result<Response, Failure> {
    let body = serde_json::to_string(request).map_err(|error| not_an_answer(&error))?;
    send("POST", path, &body, accept, abort).await
}

async fn send(method: &str, path: &str, body: &str, accept: &str, abort: &AbortSignal) -> Result<Response, Failure> {
    let headers = Headers::new().map_err(|error| failure(&error, abort))?;
    for (name, value) in [("content-type", "application/json"), ("accept", accept)] {
        headers.set(name, value).map_err(|error| failure(&error, abort))?;
    }
    let init = RequestInit::new();
    init.set_method(method);
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(body));
    init.set_signal(Some(abort));
    fetch(path, &init, abort).await
}

async fn fetch(address: &str, init: &RequestInit, abort: &AbortSignal) -> Result<Response, Failure> {
    let response: Response = JsFuture::from(leptos::prelude::window().fetch_with_str_and_init(address, init))
        .await
        .and_then(JsCast::dyn_into)
        .map_err(|error| failure(&error, abort))?;
    if !is_of_a_gateway(&response) {
        reach::heard();
    }
    if response.ok() {
        Ok(response)
    } else {
        Err(refusal(&response, abort).await)
    }
}

/// Whether a proxy says that the server does not answer: the server itself says what is wrong as JSON.
fn is_of_a_gateway(response: &Response) -> bool {
    let kind = response.headers().get("content-type").ok().flatten();
    matches!(response.status(), 502..=504) && !kind.is_some_and(|kind| kind.starts_with("application/json"))
}

/// Whether the server answers.
pub(crate) async fn is_there() -> bool {
    let promise = leptos::prelude::window().fetch_with_str("/livez");
    let response = JsFuture::from(promise).await.and_then(JsCast::dyn_into::<Response>);
    response.is_ok_and(|response| !is_of_a_gateway(&response))
}

async fn refusal(response: &Response, abort: &AbortSignal) -> Failure {
    let status = response.status();
    if is_of_a_gateway(response) {
        reach::lost();
        return Failure::Lost(format!("A proxy before the server answered with status {status}."));
    }
    if status == 401 {
        log_in();
    }
    let text = match text(response, abort).await {
        Ok(text) => text,
        Err(failure) => return failure,
    };
    Failure::Refused(serde_json::from_str(&text).unwrap_or_else(|_| ApiError {
        code: format!("http_{status}"),
        message: if text.trim().is_empty() || text.len() > 500 {
            format!("The server answered with status {status} and no explanation.")
        } else {
            text
        },
        ..ApiError::default()
    }))
}

/// Asks who this is where an answer ended without saying why; whoever nobody knows is led to the login.
pub(crate) fn ask_whether_known() {
    leptos::task::spawn_local(async {
        let Ok(abort) = web_sys::AbortController::new() else {
            return;
        };
        let who: Result<WhoAmI, Failure> = get("/api/v1/whoami", &abort.signal()).await;
        if who.is_ok_and(|who| who.actor.is_none() && !who.open) {
            log_in();
        }
    });
}

/// Nobody is known any more: there is a page for that, which leads back to where one was.
pub(crate) fn log_in() {
    let location = leptos::prelude::window().location();
    let at = location.pathname().unwrap_or_default() + &location.search().unwrap_or_default();
    let address = match at.as_str() {
        "/" | "" => "/login".to_owned(),
        at => format!("/login?back={}", encode(at)),
    };
    // Of several answers only the first leads there: the address is that of the page until it has gone.
    let gone = location.set_href(&address).is_ok();
    debug_assert!(gone);
}

async fn text(response: &Response, abort: &AbortSignal) -> Result<String, Failure> {
    let promise = response.text().map_err(|error| failure(&error, abort))?;
    let text = JsFuture::from(promise).await.map_err(|error| failure(&error, abort))?;
    Ok(text.as_string().unwrap_or_default())
}

fn failure(error: &JsValue, abort: &AbortSignal) -> Failure {
    if abort.aborted() {
        return Failure::Cancelled;
    }
    let reason = error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .unwrap_or_default();
    reach::lost();
    Failure::Lost(format!(
        "The server cannot be reached ({reason}). It is tried again by itself; check that timberline is running."
    ))
}

fn not_an_answer(error: &serde_json::Error) -> Failure {
    Failure::Unreachable(format!(
        "The server's answer cannot be read ({error}). Reload the page: its version may differ from the server's."
    ))
}

/// A streamed body, line by line.
struct Lines {
    reader: ReadableStreamDefaultReader,
    buffer: Vec<u8>,
    /// Up to here the buffer holds no line end.
    searched: usize,
    done: bool,
}

impl Lines {
    fn of(response: &Response) -> Result<Lines, Failure> {
        let body = response
            .body()
            .ok_or_else(|| Failure::Unreachable("The server sent no answer.".into()))?;
        Ok(Lines {
            reader: body.get_reader().unchecked_into(),
            buffer: Vec::new(),
            searched: 0,
            done: false,
        })
    }

    async fn next(&mut self, abort: &AbortSignal) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(at) = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n') {
                let rest = self.buffer.split_off(self.searched + at + 1);
                self.searched = 0;
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            self.searched = self.buffer.len();
            if self.done {
                self.searched = 0;
                return Ok(Some(std::mem::take(&mut self.buffer)).filter(|line| !line.is_empty()));
            }
            let chunk = JsFuture::from(self.reader.read())
                .await
                .map_err(|error| failure(&error, abort))?;
            self.done = js_sys::Reflect::get(&chunk, &"done".into()).is_ok_and(|done| done.is_truthy());
            if let Ok(value) = js_sys::Reflect::get(&chunk, &"value".into())
                && let Ok(bytes) = value.dyn_into::<Uint8Array>()
            {
                let start = self.buffer.len();
                self.buffer.resize(start + bytes.length() as usize, 0);
                bytes.copy_to(&mut self.buffer[start..]);
            }
        }
    }
}
