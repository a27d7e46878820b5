//! Who may use the HTTP port: every route, with every kind of credential, asked of the real program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use support::accounts::{PASSWORD, ask, by_cookie, cookie_of, key, log_in, up_with_account, with};
use support::{Program, run, scratch, up_config, wait_for};
use timberline_collector::access::{GRPC_METHODS, Limits, Need, ROUTES, Route};

/// A path whose places are filled with what is not there.
fn filled(path: &str) -> String {
    let mut filled = path.to_owned();
    for (place, value) in [
        ("{id}", "none"),
        ("{name}", "nobody"),
        ("{topic}", "none"),
        ("{partition}", "0"),
        ("{generation}", "00000000000000000000000000000000"),
    ] {
        filled = filled.replace(place, value);
    }
    filled
}

#[test]
fn every_route_that_is_served_is_in_the_table_and_every_one_in_the_table_is_served() {
    let listed: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned()))
        .collect();
    assert_eq!(listed.len(), ROUTES.len(), "a route is listed twice");
    let mut served = BTreeSet::new();
    for dir in ["collector/src", "store/src", "src"] {
        served.extend(routes_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)));
    }
    let unlisted: Vec<_> = served.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&served).collect();
    assert!(
        unlisted.is_empty() && gone.is_empty(),
        "not in collector/src/access/routes.rs: {unlisted:?}; in it, and served nowhere: {gone:?}"
    );
}

/// Every `.route("PATH", get(…).post(…))` of the sources, but for tests'.
fn routes_below(dir: &Path) -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes.extend(routes_below(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            routes.extend(text.split(".route(").skip(1).filter_map(route_of).flatten());
        }
    }
    routes
}

fn route_of(text: &str) -> Option<Vec<(String, String)>> {
    let (path, rest) = text.trim_start().strip_prefix('"')?.split_once('"')?;
    let mut depth = 1;
    let end = rest.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    })?;
    let methods = ["get", "post", "put", "delete", "patch"].into_iter().filter(|method| {
        let call = format!("{method}(");
        rest[..end].match_indices(&call).any(|(at, _)| {
            let before = rest[..at].chars().last();
            before.is_none_or(|c| ".,:".contains(c) || c.is_whitespace())
        })
    });
    Some(methods.map(|method| (method.to_uppercase(), path.to_owned())).collect())
}

#[test]
fn every_method_of_grpc_is_in_the_table() {
    let generated = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/src/wire/generated.rs"));
    let generated = generated.unwrap();
    let served: BTreeSet<&str> = generated
        .split('"')
        .filter(|text| text.starts_with("/timberline."))
        .collect();
    let listed: BTreeSet<&str> = GRPC_METHODS.iter().map(|(method, _)| *method).collect();
    assert_eq!(served, listed);
}

#[test]
fn every_route_refuses_who_is_not_known_expired_revoked_and_without_the_permission() {
    let dir = scratch();
    let (program, cookie) = up_with_account(dir.path(), "");
    let (expired, _) = key(
        &program,
        &cookie,
        &json!({ "name": "e", "roles": ["admin"], "ttl_s": 1 }),
    );
    let (revoked, id) = key(&program, &cookie, &json!({ "name": "r", "roles": ["admin"] }));
    assert_eq!(with(&program, &revoked, "GET", "/api/v1/status", None).status, 200);
    let gone = by_cookie(&program, &cookie, "DELETE", &format!("/api/v1/keys/{id}"), None);
    assert_eq!(gone.status, 200, "{gone:?}");
    wait_for("the key's end", || {
        (with(&program, &expired, "GET", "/api/v1/status", None).status == 401).then_some(())
    });
    let (admin, _) = key(&program, &cookie, &json!({ "name": "a", "roles": ["admin"] }));
    // A key that may do all but one thing.
    let all: BTreeSet<&str> = permissions();
    let mut lacking = Vec::new();
    for permission in &all {
        let scopes: Vec<&str> = all.iter().copied().filter(|other| other != permission).collect();
        let new = json!({ "name": "l", "roles": ["admin"], "scopes": scopes });
        lacking.push((*permission, key(&program, &cookie, &new).0));
    }
    let forged = format!("{}x", &admin[..admin.len() - 1]);
    for route in ROUTES {
        check_route(
            &program,
            route,
            (&admin, &lacking),
            &[&expired, &revoked, &forged, "tlk_nonsense"],
        );
    }
}

fn permissions() -> BTreeSet<&'static str> {
    timberline_proto::api::access::Permission::ALL
        .iter()
        .map(|permission| permission.name())
        .collect()
}

fn check_route(program: &Program, route: &Route, (admin, lacking): (&str, &[(&str, String)]), wrong: &[&str]) {
    let path = filled(route.path);
    let what = format!("{} {}", route.method, route.path);
    let body = json!({});
    let body = matches!(route.method, "POST" | "PUT").then_some(&body);
    let nobody = ask(program, route.method, &path, &[], body);
    if route.need == Need::Open {
        assert!(nobody.status != 401 || path.ends_with("/login"), "{what}: {nobody:?}");
        return;
    }
    assert_eq!(nobody.status, 401, "{what} without a credential: {nobody:?}");
    for key in wrong {
        let answer = with(program, key, route.method, &path, body);
        assert_eq!(answer.status, 401, "{what} with {key}: {answer:?}");
    }
    let needed: Vec<&str> = match route.need {
        Need::May(permission) => vec![permission.name()],
        _ => Vec::new(),
    };
    for (permission, key) in lacking.iter().filter(|(permission, _)| needed.contains(permission)) {
        let answer = with(program, key, route.method, &path, body);
        assert_eq!(answer.status, 403, "{what} without {permission}: {answer:?}");
        assert!(
            answer.body["message"].as_str().unwrap().contains(permission),
            "{answer:?}"
        );
    }
    let answer = with(program, admin, route.method, &path, body);
    assert!(!matches!(answer.status, 401 | 500), "{what} as admin: {answer:?}");
    let says = answer.body["message"].as_str().unwrap_or_default().to_owned();
    assert!(
        answer.status != 403 || says.contains("only an account"),
        "{what} as admin: {answer:?}"
    );
}

#[test]
fn whoever_is_limited_is_refused_by_what_cannot_hold_to_limits() {
    let dir = scratch();
    let (program, cookie) = up_with_account(dir.path(), "");
    let role = json!({ "permissions": permissions(), "streams": "service.name:web", "hidden_fields": ["card"] });
    let made = by_cookie(&program, &cookie, "PUT", "/api/v1/roles/web", Some(&role));
    assert_eq!(made.status, 200, "{made:?}");
    for bad in ["SELECT 1", "a | head 1", "explain a", "a) OR (b"] {
        let role = json!({ "permissions": [], "streams": bad });
        let refused = by_cookie(&program, &cookie, "PUT", "/api/v1/roles/bad", Some(&role));
        assert_eq!(refused.status, 400, "{bad}: {refused:?}");
    }
    let (limited, _) = key(&program, &cookie, &json!({ "name": "w", "roles": ["web"] }));
    for route in ROUTES.iter().filter(|route| route.need != Need::Open) {
        let body = matches!(route.method, "POST" | "PUT").then(|| json!({}));
        let answer = with(&program, &limited, route.method, &filled(route.path), body.as_ref());
        let refused = answer.status == 403 && answer.body["message"].as_str().unwrap().contains("only some records");
        assert_eq!(
            refused,
            route.limits == Limits::Refused,
            "{} {}: {answer:?}",
            route.method,
            route.path
        );
    }
}

#[test]
fn a_fresh_server_on_loopback_is_open_to_its_machine_until_the_link_makes_an_account() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none.log"]));
    let who = ask(&program, "GET", "/api/v1/whoami", &[], None).body;
    assert_eq!(
        (&who["actor"], &who["open"], &who["no_account"]),
        (&json!("local"), &json!(true), &json!(true))
    );
    assert_eq!(program.count("*"), 0);
    // Nobody but who has the link makes an account, though everything else is open.
    let new = json!({ "name": "mallory", "password": PASSWORD, "roles": ["admin"] });
    assert_eq!(ask(&program, "POST", "/api/v1/users", &[], Some(&new)).status, 403);
    let wrong = json!({ "token": "x", "name": "mallory", "password": PASSWORD });
    assert_eq!(ask(&program, "POST", "/api/v1/setup", &[], Some(&wrong)).status, 403);
    for header in ["x-forwarded-for", "via", "forwarded"] {
        let answer = ask(&program, "GET", "/api/v1/status", &[(header, "10.0.0.1")], None);
        assert_eq!(answer.status, 401, "{header}: {answer:?}");
    }
    drop(program);
    let (program, cookie) = up_with_account(dir.path(), "");
    assert_eq!(ask(&program, "GET", "/api/v1/status", &[], None).status, 401);
    assert_eq!(by_cookie(&program, &cookie, "GET", "/api/v1/status", None).status, 200);
    // Sessions and accounts outlive the process, and no second link is printed.
    program.kill();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none.log"]));
    assert_eq!(by_cookie(&program, &cookie, "GET", "/api/v1/status", None).status, 200);
    assert_eq!(ask(&program, "GET", "/api/v1/status", &[], None).status, 401);
}

#[test]
fn beyond_loopback_a_server_starts_by_tls_or_by_a_key_that_says_what_it_gives_up() {
    let dir = scratch();
    let beyond = up_config(dir.path(), &["none.log"]).replace("http = \"127.0.0.1:0\"", "http = \"0.0.0.0:0\"");
    let refused = Program::try_start(dir.path(), "up", &beyond).err().unwrap();
    for way in [
        "server.http_tls.mode",
        "server.allow_login_without_tls",
        "server.allow_anyone_without_login",
    ] {
        assert!(refused.contains(way), "{refused}");
    }
    let set = |key: &str| beyond.replacen("[server]\n", &format!("[server]\n{key} = true\n"), 1);
    let at_loopback = |program: &Program| {
        let port = program.page().rsplit_once(':').unwrap().1.to_owned();
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        write!(
            stream,
            "GET /api/v1/status HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text[9..12].parse::<u16>().unwrap()
    };
    let closed = Program::start(dir.path(), "up", &set("allow_login_without_tls"));
    assert_eq!(at_loopback(&closed), 401);
    assert!(closed.announced("account").contains("/login#setup="));
    closed.kill();
    let open = Program::start(dir.path(), "up", &set("allow_anyone_without_login"));
    assert_eq!(at_loopback(&open), 200);
    assert!(open.log().contains("allow_anyone_without_login"), "{}", open.log());
}

#[test]
fn x04_a_session_serves_its_own_page_alone() {
    let dir = scratch();
    let (program, cookie) = up_with_account(dir.path(), "");
    let saved = json!({ "name": "x", "query": "error" });
    let post = |headers: &[(&str, &str)]| {
        let mut all = vec![("cookie", cookie.as_str())];
        all.extend(headers);
        ask(&program, "POST", "/api/v1/saved", &all, Some(&saved)).status
    };
    let own = program.page().to_owned();
    assert_ne!(post(&[("sec-fetch-site", "same-origin")]), 403);
    assert_ne!(post(&[("origin", &own)]), 403);
    assert_eq!(post(&[]), 403);
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(post(&[("sec-fetch-site", site)]), 403, "{site}");
    }
    assert_eq!(post(&[("origin", "http://127.0.0.1:1")]), 403);
    let read = |site: &str| {
        ask(
            &program,
            "GET",
            "/api/v1/status",
            &[("cookie", &cookie), ("sec-fetch-site", site)],
            None,
        )
        .status
    };
    assert_eq!((read("none"), read("same-origin"), read("cross-site")), (200, 200, 403));
}

#[test]
fn x05_a_session_is_new_at_each_login_and_over_at_logout_password_role_and_shutting_out() {
    let dir = scratch();
    let (program, admin) = up_with_account(dir.path(), "");
    let new = json!({ "name": "bert", "password": PASSWORD, "roles": ["viewer"] });
    assert_eq!(
        by_cookie(&program, &admin, "POST", "/api/v1/users", Some(&new)).status,
        201
    );
    let is_in = |cookie: &str| by_cookie(&program, cookie, "GET", "/api/v1/status", None).status == 200;
    let enter = |password: &str| cookie_of(&log_in(&program, "bert", password));
    let (one, other) = (enter(PASSWORD), enter(PASSWORD));
    assert_ne!(one, other);
    assert!(is_in(&one) && is_in(&other));
    let sessions = by_cookie(&program, &one, "GET", "/api/v1/sessions", None).body;
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2, "{sessions}");
    assert_eq!(by_cookie(&program, &one, "POST", "/api/v1/logout", None).status, 204);
    assert!(!is_in(&one) && is_in(&other));
    let third = enter(PASSWORD);
    let change = json!({ "old": PASSWORD, "new": "another horse battery" });
    assert_eq!(
        by_cookie(&program, &third, "POST", "/api/v1/account/password", Some(&change)).status,
        204
    );
    assert!(is_in(&third) && !is_in(&other), "all other sessions end");
    assert_eq!(log_in(&program, "bert", PASSWORD).status, 401);
    let put = |body: Value| by_cookie(&program, &admin, "PUT", "/api/v1/users/bert", Some(&body)).status;
    assert_eq!(put(json!({ "roles": ["analyst"] })), 200);
    assert!(!is_in(&third));
    let fourth = enter("another horse battery");
    assert_eq!(put(json!({ "disabled": true })), 200);
    assert!(!is_in(&fourth));
    let shut_out = log_in(&program, "bert", "another horse battery");
    let unknown = log_in(&program, "nobody", "another horse battery");
    assert_eq!((shut_out.status, &shut_out.body), (unknown.status, &unknown.body));
    // Nobody shuts the last admin out.
    let last = by_cookie(
        &program,
        &admin,
        "PUT",
        "/api/v1/users/anna",
        Some(&json!({ "disabled": true })),
    );
    assert_eq!(last.status, 409, "{last:?}");
}

#[test]
fn x17_guesses_lock_an_account_for_a_while_and_are_answered_alike() {
    let dir = scratch();
    let (program, admin) = up_with_account(
        dir.path(),
        "[access]\naccount_failures_max = 3\nfailures_window = \"3s\"\n",
    );
    let new = json!({ "name": "bert", "password": PASSWORD, "roles": ["viewer"] });
    assert_eq!(
        by_cookie(&program, &admin, "POST", "/api/v1/users", Some(&new)).status,
        201
    );
    let wrong = log_in(&program, "bert", "a wrong password").body;
    for _ in 0..2 {
        assert_eq!(log_in(&program, "bert", "a wrong password").body, wrong);
    }
    let locked = log_in(&program, "bert", PASSWORD);
    assert_eq!((locked.status, &locked.body), (401, &wrong));
    let audit = by_cookie(&program, &admin, "GET", "/api/v1/access/audit", None).body;
    let acts = audit["acts"].as_array().unwrap();
    assert!(
        acts.iter()
            .any(|act| act["action"] == "user.lock" && act["object"] == "user:bert"),
        "{audit}"
    );
    assert!(
        audit["refusals"]
            .as_array()
            .unwrap()
            .iter()
            .any(|refused| refused["why"] == "failed login" && refused["count"] == 4),
        "{audit}"
    );
    wait_for("the end of the lock", || {
        (log_in(&program, "bert", PASSWORD).status == 200).then_some(())
    });
}

#[test]
fn x20_a_live_tail_ends_with_the_key_and_the_session_that_asked_for_it() {
    let dir = scratch();
    let (program, cookie) = up_with_account(dir.path(), "");
    let (key, id) = key(&program, &cookie, &json!({ "name": "t", "roles": ["viewer"] }));
    let mut by_key = tail(&program, &format!("authorization: Bearer {key}"));
    let second = cookie_of(&log_in(&program, "anna", PASSWORD));
    let mut by_session = tail(&program, &format!("cookie: {second}"));
    assert_eq!(
        by_cookie(&program, &cookie, "DELETE", &format!("/api/v1/keys/{id}"), None).status,
        200
    );
    by_key.read_to_end(&mut Vec::new()).ok();
    assert_eq!(by_cookie(&program, &second, "POST", "/api/v1/logout", None).status, 204);
    by_session.read_to_end(&mut Vec::new()).ok();
}

/// A live tail that has begun; reading it fails, if it does not end in time.
fn tail(program: &Program, header: &str) -> BufReader<TcpStream> {
    let address = program.page().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "GET /api/v1/tail HTTP/1.1\r\nhost: {address}\r\n{header}\r\n\r\n"
    )
    .unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("200"), "{line}");
    reader
}

#[test]
fn what_is_done_is_on_record_with_who_did_it_and_is_searched_as_records_are() {
    let dir = scratch();
    let (program, cookie) = up_with_account(dir.path(), "");
    let (key, id) = key(&program, &cookie, &json!({ "name": "t", "roles": ["analyst"] }));
    let made = with(
        &program,
        &key,
        "POST",
        "/api/v1/saved",
        Some(&json!({ "name": "mine", "query": "error" })),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let asked = |query: &str| {
        let body = json!({ "query": query, "limit": 100 });
        let headers = [
            ("cookie", cookie.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("accept", "application/json"),
        ];
        ask(&program, "POST", "/api/v1/query", &headers, Some(&body)).body
    };
    for (action, actor) in [
        ("user.create", "setup"),
        ("login", "user:anna"),
        ("key.create", "user:anna"),
        ("search.create", &format!("key:{id}")),
    ] {
        let found = wait_for(action, || {
            let answer = asked(&format!("topic:timberline.audit action:{action}"));
            answer["records"]
                .as_array()
                .filter(|records| records.len() == 1)
                .cloned()
        });
        let line: Value = serde_json::from_str(found[0]["body"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&line["actor"], &line["origin"]),
            (&json!(actor), &json!("127.0.0.1")),
            "{line}"
        );
    }
    // No secret is in what is kept.
    let secret = key.splitn(3, '_').nth(2).unwrap();
    for planted in [secret, PASSWORD, cookie.splitn(3, '_').nth(2).unwrap()] {
        let grep = std::process::Command::new("grep")
            .args(["-rlaF", "--", planted])
            .arg(dir.path())
            .output()
            .unwrap();
        assert!(grep.stdout.is_empty(), "{}", String::from_utf8_lossy(&grep.stdout));
    }
}

#[test]
fn the_command_line_makes_the_first_account_offline_and_works_by_key() {
    let dir = scratch();
    let config = up_config(dir.path(), &["none.log"]);
    let program = Program::start(dir.path(), "up", &config);
    assert_eq!(program.stop(), 0);
    let data = dir.path().join("data").display().to_string();
    let password = dir.path().join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let password = password.display().to_string();
    let said = |arguments: &[&str]| {
        let output = run(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let add = [
        "user",
        "add",
        "anna",
        "--role",
        "admin",
        "--offline",
        "--data",
        &data,
        "--password-file",
        &password,
    ];
    assert_eq!(said(&add).0, Some(0), "{:?}", said(&add));
    let file = dir.path().join("key").display().to_string();
    let create = [
        "key",
        "create",
        "cli",
        "--role",
        "admin",
        "--offline",
        "--data",
        &data,
        "--out",
        &file,
    ];
    let (code, text) = said(&create);
    assert_eq!(code, Some(0), "{text}");
    let program = Program::start(dir.path(), "up", &config);
    let page = program.page().to_owned();
    let (code, text) = said(&["query", "*", "--server", &page]);
    assert!(code == Some(1) && text.contains("say who you are"), "{text}");
    for arguments in [
        vec!["query", "*"],
        vec!["user", "list"],
        vec!["role", "list"],
        vec!["user", "add", "bert", "--role", "viewer", "--password-file", &password],
        vec!["user", "disable", "bert"],
        vec!["user", "remove", "bert"],
        vec![
            "role",
            "put",
            "web",
            "--permission",
            "logs.search",
            "--streams",
            "service.name:web",
        ],
        vec!["key", "list"],
    ] {
        let mut arguments = arguments;
        arguments.extend(["--server", &page, "--key-file", &file]);
        let (code, text) = said(&arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {text}");
    }
    let refused = said(&add);
    assert!(refused.1.contains("is in use"), "{refused:?}");
    assert_eq!(log_in(&program, "anna", PASSWORD).status, 200);
}

#[test]
fn tls_from_files_is_taken_anew_without_a_restart_when_the_files_change() {
    let dir = scratch();
    let (certificate, private) = (dir.path().join("c.pem"), dir.path().join("k.pem"));
    let issue = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        std::fs::write(&private, made.signing_key.serialize_pem()).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        made.cert.pem()
    };
    let first = issue();
    let tls = format!("[server.http_tls]\nmode = \"files\"\ncertificate = {certificate:?}\nkey = {private:?}\n");
    let program = Program::start(
        dir.path(),
        "up",
        &format!("{}{tls}", up_config(dir.path(), &["none.log"])),
    );
    assert!(program.page().starts_with("https://"), "{}", program.page());
    let alive = |pem: &str| {
        let roots: Vec<_> = ureq::tls::parse_pem(pem.as_bytes())
            .filter_map(|item| match item {
                Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        let roots = ureq::tls::RootCerts::new_with_certs(&roots);
        let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
        let agent: ureq::Agent = ureq::Agent::config_builder().tls_config(tls).build().into();
        agent.get(format!("{}/livez", program.page())).call().is_ok()
    };
    assert!(alive(&first));
    let second = issue();
    wait_for("the new certificate", || alive(&second).then_some(()));
    assert!(!alive(&first));
}
