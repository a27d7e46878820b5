//! Accounts, roles, keys and sessions, without a server.

use std::sync::Mutex;

use axum::http::{HeaderMap, HeaderValue, Method};
use timberline_proto::api::access::{Login, NewKey, NewUser, Permission, Role, UserChange};

use super::*;
use crate::access::state::Key;

const PASSWORD: &str = "correct horse battery";

fn open(dir: &std::path::Path) -> Access {
    Access::open(dir.to_owned(), AccessOptions::default(), None).unwrap()
}

async fn with_admin(dir: &std::path::Path) -> Access {
    let access = open(dir);
    user(&access, "anna", "admin").await.unwrap();
    access
}

async fn user(access: &Access, name: &str, role: &str) -> Result<(), AccessError> {
    let new = NewUser {
        name: name.to_owned(),
        password: PASSWORD.to_owned(),
        roles: [role.to_owned()].into(),
    };
    access.create_user(new, Caller::operator()).await.map(drop)
}

fn key(access: &Access, role: &str, scopes: Option<&[Permission]>) -> String {
    let new = NewKey {
        name: "test".to_owned(),
        roles: [role.to_owned()].into(),
        scopes: scopes.map(|scopes| scopes.iter().copied().collect()),
        ttl_s: None,
    };
    access.create_key(&new, &Caller::operator()).unwrap().key
}

fn known(access: &Access, (name, value): (&'static str, String)) -> Option<Caller> {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::try_from(value).unwrap());
    let asked = Asked {
        method: &Method::GET,
        headers: &headers,
        from: None,
    };
    access.identify(asked).ok()
}

#[tokio::test]
async fn a_key_is_known_in_every_form_that_programs_show_it_in() {
    use base64::Engine;
    let dir = tempfile::tempdir().unwrap();
    let access = with_admin(dir.path()).await;
    let key = key(&access, "ingest", None);
    let base64 = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    for shown in [
        format!("Bearer {key}"),
        format!("bearer {key}"),
        format!("Splunk {key}"),
        format!("ApiKey {key}"),
        format!("ApiKey {}", base64(format!("id:{key}"))),
        format!("Basic {}", base64(format!("anybody:{key}"))),
    ] {
        let caller = known(&access, ("authorization", shown.clone())).unwrap();
        assert!(
            caller.may(Permission::IngestLogs) && !caller.may(Permission::SearchLogs),
            "{shown}"
        );
    }
    for wrong in [
        String::new(),
        "Bearer".into(),
        format!("Digest {key}"),
        format!("Bearer {key}x"),
        "Basic %%%".into(),
    ] {
        assert!(known(&access, ("authorization", wrong.clone())).is_none(), "{wrong}");
    }
}

#[tokio::test]
async fn a_key_gives_no_more_than_its_scopes_and_is_found_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let key = {
        let access = with_admin(dir.path()).await;
        key(&access, "admin", Some(&[Permission::ReadStatus]))
    };
    let access = open(dir.path());
    let caller = known(&access, ("authorization", format!("Bearer {key}"))).unwrap();
    assert_eq!(caller.permissions, [Permission::ReadStatus].into());
}

#[tokio::test]
async fn nobody_gives_away_what_they_may_not_do_or_takes_over_who_may_do_more() {
    let dir = tempfile::tempdir().unwrap();
    let access = with_admin(dir.path()).await;
    let role = Role {
        name: "desk".to_owned(),
        permissions: [Permission::ManageAccess].into(),
        ..Role::default()
    };
    access.put_role(&role, &Caller::operator()).unwrap();
    let desk = known(
        &access,
        ("authorization", format!("Bearer {}", key(&access, "desk", None))),
    )
    .unwrap();
    let greedy = Role {
        name: "more".to_owned(),
        permissions: [Permission::SearchLogs].into(),
        ..Role::default()
    };
    assert!(matches!(
        access.put_role(&greedy, &desk),
        Err(AccessError::Forbidden(_))
    ));
    let change = UserChange {
        disabled: Some(true),
        ..UserChange::default()
    };
    assert!(matches!(
        access.change_user("anna", &change, &desk),
        Err(AccessError::Forbidden(_))
    ));
    let taken = access
        .set_password("anna".into(), "another horse".into(), desk.clone())
        .await;
    assert!(matches!(taken, Err(AccessError::Forbidden(_))));
    assert!(matches!(
        access.delete_user("anna", &desk),
        Err(AccessError::Forbidden(_))
    ));
}

#[test]
fn what_roles_show_adds_up_and_what_one_hides_is_hidden() {
    let mut state = State::default();
    for (name, streams, hidden, permission) in [
        ("web", Some("service.name:web"), "card", Permission::SearchLogs),
        ("shop", Some("service.name:shop"), "mail", Permission::SearchLogs),
        ("all", None, "", Permission::SearchLogs),
        ("send", None, "", Permission::IngestLogs),
    ] {
        let role = Role {
            name: name.to_owned(),
            permissions: [permission].into(),
            streams: streams.map(str::to_owned),
            hidden_fields: Some(hidden.to_owned())
                .filter(|field| !field.is_empty())
                .into_iter()
                .collect(),
            ..Role::default()
        };
        state.roles.insert(name.to_owned(), role);
    }
    let scope = |roles: &[&str]| {
        state
            .rights(&roles.iter().map(|role| (*role).to_owned()).collect())
            .scope
    };
    assert_eq!(scope(&["web"]).streams.as_deref(), Some("service.name:web"));
    assert_eq!(
        scope(&["web", "shop"]).streams.as_deref(),
        Some("(service.name:shop) OR (service.name:web)")
    );
    assert_eq!(scope(&["web", "shop"]).hidden_fields, ["card", "mail"]);
    assert_eq!(scope(&["web", "all"]).streams, None);
    assert_eq!(scope(&["web", "all"]).hidden_fields, ["card"]);
    // A role that reads nothing lifts no limit.
    assert_eq!(scope(&["web", "send"]).streams.as_deref(), Some("service.name:web"));
}

#[tokio::test]
async fn an_authenticators_code_is_asked_for_besides_the_password_and_works_once() {
    let dir = tempfile::tempdir().unwrap();
    let access = with_admin(dir.path()).await;
    let login = |code: Option<&str>| Login {
        name: "Anna".to_owned(),
        password: PASSWORD.to_owned(),
        code: code.map(str::to_owned),
    };
    let first = access.log_in(login(None), LoginFrom::default()).await.unwrap();
    let caller = known(&access, ("cookie", format!("timberline={}", first.cookie))).unwrap();
    let wrong = timberline_proto::api::access::Possession { password: "no".into() };
    assert!(access.offer_totp(wrong, caller.clone(), "x".into()).await.is_err());
    let possession = timberline_proto::api::access::Possession {
        password: PASSWORD.into(),
    };
    let offered = access
        .offer_totp(possession, caller.clone(), "logs".into())
        .await
        .unwrap();
    assert!(
        offered.uri.starts_with("otpauth://totp/Timberline%20logs:anna?secret="),
        "{}",
        offered.uri
    );
    // Until a code was given, nothing is asked for.
    access.log_in(login(None), LoginFrom::default()).await.unwrap();
    let code = totp::code_at(&offered.secret, now_s());
    let asked = timberline_proto::api::access::TotpCode { code: code.clone() };
    let recovery = access.confirm_totp(asked, caller).await.unwrap().codes;
    assert!(matches!(
        access.log_in(login(None), LoginFrom::default()).await,
        Err(AccessError::CodeNeeded)
    ));
    for over in [code.as_str(), "000000", ""] {
        let again = access.log_in(login(Some(over)), LoginFrom::default()).await;
        assert!(again.is_err(), "{over}");
    }
    access
        .log_in(login(Some(&recovery[3])), LoginFrom::default())
        .await
        .unwrap();
    assert!(
        access
            .log_in(login(Some(&recovery[3])), LoginFrom::default())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_password_that_was_hashed_with_less_is_hashed_anew_when_it_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let access = with_admin(dir.path()).await;
    let weak = "$argon2id$v=19$m=4096,t=1,p=1$";
    // As an older program would have left it.
    let older = password::hash_with(PASSWORD, 4096, 1);
    assert!(older.starts_with(weak), "{older}");
    access
        .change(|state| {
            state.users.get_mut("anna").unwrap().password = older.clone();
            Ok(())
        })
        .unwrap();
    let login = Login {
        name: "anna".into(),
        password: PASSWORD.into(),
        code: None,
    };
    access.log_in(login, LoginFrom::default()).await.unwrap();
    assert!(!password::is_outdated(&access.state().users["anna"].password));
}

#[derive(Debug, Default)]
struct Sink {
    taken: Mutex<Vec<u64>>,
    broken: std::sync::atomic::AtomicBool,
}

impl AuditSink for Sink {
    fn take(&self, acts: &[Act]) -> Result<u64, String> {
        if self.broken.load(Ordering::Relaxed) {
            return Err("the disk is full".into());
        }
        let mut taken = self.taken.lock().unwrap();
        let next = taken.last().map_or(0, |last| last + 1);
        taken.extend(acts.iter().map(|act| act.sequence).filter(|sequence| *sequence >= next));
        Ok(taken.last().map_or(0, |last| last + 1))
    }
}

#[tokio::test]
async fn acts_go_to_the_record_each_once_and_where_it_takes_none_nothing_is_done_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Arc::new(Sink::default());
    let open = || Access::open(dir.path().to_owned(), AccessOptions::default(), Some(sink.clone() as _)).unwrap();
    let access = open();
    user(&access, "anna", "admin").await.unwrap();
    sink.broken.store(true, Ordering::Relaxed);
    user(&access, "bert", "viewer").await.unwrap();
    assert_eq!(*sink.taken.lock().unwrap(), [0]);
    // They are handed on after a restart, too.
    drop(access);
    sink.broken.store(false, Ordering::Relaxed);
    let access = open();
    assert_eq!(*sink.taken.lock().unwrap(), [0, 1]);
    sink.broken.store(true, Ordering::Relaxed);
    let outcomes: Vec<bool> = (0..state::ACTS_MAX + 5)
        .map(|_| access.put_role(&role_of(rand::random()), &Caller::operator()).is_ok())
        .take_while(|done| *done)
        .collect();
    assert!(outcomes.len() <= state::ACTS_MAX);
    sink.broken.store(false, Ordering::Relaxed);
    access.refresh().unwrap();
}

fn role_of(number: u32) -> Role {
    Role {
        name: format!("r{}", number % 50),
        description: number.to_string(),
        ..Role::default()
    }
}

#[test]
fn sessions_end_by_rest_and_by_age_and_the_oldest_gives_way() {
    let options = AccessOptions {
        session_idle_timeout: std::time::Duration::from_secs(100),
        session_lifetime: std::time::Duration::from_secs(1000),
        ..AccessOptions::default()
    };
    let session = |id: &str, at_s: i64| state::Session {
        id: id.to_owned(),
        user: "anna".to_owned(),
        began_s: at_s,
        last_used_s: at_s,
        ..state::Session::default()
    };
    let one = session("a", 0);
    assert!(!one.is_over(None, &options, 99) && one.is_over(None, &options, 100));
    assert!(!one.is_over(Some(950), &options, 999) && one.is_over(Some(950), &options, 1000));
    let mut state = State::default();
    for (id, at_s) in [("a", 0), ("b", 1), ("c", 2)] {
        state.begin(session(id, at_s), 2);
    }
    assert_eq!(state.sessions.keys().collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn keys_that_are_over_say_so_and_are_forgotten_in_the_end() {
    let mut state = State::default();
    let key = Key {
        expires_s: Some(100),
        ..Key::default()
    };
    assert_eq!((key.state(99), key.state(100)), ("valid", "expired"));
    state.keys.insert("k".into(), key);
    state.expire(&AccessOptions::default(), 200);
    assert_eq!(state.keys.len(), 1);
    state.expire(&AccessOptions::default(), 100 + 31 * 86_400);
    assert!(state.keys.is_empty());
}

#[test]
fn a_damaged_list_of_accounts_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).put_role(&role_of(1), &Caller::operator()).unwrap();
    let path = dir.path().join(STATE_NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(Access::open(dir.path().to_owned(), AccessOptions::default(), None).is_err());
}

/// Nobody has an account, and nobody is let in.
static CLOSED: std::sync::LazyLock<(tempfile::TempDir, Access)> = std::sync::LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let options = AccessOptions {
        openness: Openness::Closed,
        ..AccessOptions::default()
    };
    let access = Access::open(dir.path().to_owned(), options, None).unwrap();
    (dir, access)
});

proptest::proptest! {
    #[test]
    fn fuzz_whatever_a_request_shows_nobody_is_let_in_by_it(
        authorization in proptest::collection::vec(32_u8..=255, 0..60),
        scheme in "(Bearer |basic |ApiKey |splunk |x )?[A-Za-z0-9+/=._:-]{0,60}",
        cookie in "(timberline|__Host-timberline|x)?=?[A-Za-z0-9._;= -]{0,60}",
        host in "(localhost|127.0.0.1|\\[::1\\]|[a-z.:\\[\\]0-9]{0,12})(:[0-9a-z]{0,6})?",
    ) {
        for authorization in [authorization.as_slice(), scheme.as_bytes()] {
            let mut headers = HeaderMap::new();
            let shown = [("authorization", authorization), ("cookie", cookie.as_bytes()), ("host", host.as_bytes())];
            for (name, value) in shown {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    headers.insert(name, value);
                }
            }
            let asked = Asked { method: &Method::POST, headers: &headers, from: "10.0.0.1".parse().ok() };
            proptest::prop_assert!(!asked.is_local());
            proptest::prop_assert!(CLOSED.1.identify(asked).is_err());
        }
    }
}
