//! Accounts and keys of the real program, and what is asked with them.

use std::path::Path;

use serde_json::{Value, json};

use super::{DEADLINE, Program, up_config};

pub const PASSWORD: &str = "correct horse battery";

/// A status and what was said.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub cookie: Option<String>,
    pub body: Value,
}

/// Asks with headers.
pub fn ask(program: &Program, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE))
        .build()
        .into();
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", program.page()));
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let text = body.map(Value::to_string).unwrap_or_default();
    let mut response = agent.run(request.body(text).unwrap()).unwrap();
    let cookie = response.headers().get("set-cookie");
    let cookie = cookie.map(|cookie| cookie.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    // A tail never ends by itself.
    let endless = response
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind == "text/event-stream");
    let text = if endless {
        String::new()
    } else {
        response.body_mut().read_to_string().unwrap_or_default()
    };
    Answer {
        status,
        cookie,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    }
}

/// By key.
pub fn with(program: &Program, key: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    ask(
        program,
        method,
        path,
        &[("authorization", &format!("Bearer {key}"))],
        body,
    )
}

/// `up` whose first account, `anna`, is made by the link that it printed; gives her cookie, too.
pub fn up_with_account(dir: &Path, more: &str) -> (Program, String) {
    let program = Program::start(dir, "up", &format!("{}{more}", up_config(dir, &["none.log"])));
    let link = program.announced("account").to_owned();
    let token = link.split_once("#setup=").unwrap().1;
    let setup = json!({ "token": token, "name": "anna", "password": PASSWORD });
    let made = ask(&program, "POST", "/api/v1/setup", &[], Some(&setup));
    assert_eq!(made.status, 200, "{made:?}");
    let again = ask(&program, "POST", "/api/v1/setup", &[], Some(&setup));
    assert_eq!(again.status, 403, "{again:?}");
    let cookie = cookie_of(&made);
    (program, cookie)
}

pub fn cookie_of(answer: &Answer) -> String {
    let cookie = answer.cookie.as_deref().unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

pub fn log_in(program: &Program, name: &str, password: &str) -> Answer {
    let body = json!({ "name": name, "password": password });
    ask(program, "POST", "/api/v1/login", &[], Some(&body))
}

/// As the page asks.
pub fn by_cookie(program: &Program, cookie: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin")];
    ask(program, method, path, &headers, body)
}

pub fn key(program: &Program, cookie: &str, new: &Value) -> (String, String) {
    let made = by_cookie(program, cookie, "POST", "/api/v1/keys", Some(new));
    assert_eq!(made.status, 201, "{made:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made.body["key"]), text(&made.body["info"]["id"]))
}
