use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};
use timberline_proto::api::enrollment::NewToken;
use timberline_proto::tls::files::certificates;
use timberline_proto::tls::identity::hex;
use timberline_proto::tls::{EnrollToken, MachineFiles};

use super::state::{Act, Applicant, Issued, Machine, secret_hash};
use super::*;

const ADDRESS: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9)));

fn options(dir: &std::path::Path) -> TrustOptions {
    TrustOptions {
        dir: dir.to_owned(),
        mode: TlsMode::Mutual,
        certificate: ServerCertificate::Own {
            names: vec!["localhost".into(), "127.0.0.1".into()],
        },
        machine_life: Duration::from_secs(86_400),
        grace: Duration::from_secs(3600),
        machines_max: 100,
        host: "collector-1".into(),
    }
}

fn token(trust: &Trust, uses: u32) -> EnrollToken {
    let wanted = NewToken {
        uses,
        labels: BTreeMap::from([("site".to_owned(), "berlin".to_owned())]),
        ..NewToken::default()
    };
    trust
        .create_token(&wanted, &timberline_proto::api::access::Actor::default())
        .unwrap()
        .token
        .parse()
        .unwrap()
}

fn request(key: &KeyPair) -> Vec<u8> {
    CertificateParams::default()
        .serialize_request(key)
        .unwrap()
        .der()
        .to_vec()
}

fn application(token: &EnrollToken, id: u8, key: &KeyPair) -> Application {
    Application {
        token_id: token.id.to_vec(),
        token_secret: token.secret.to_vec(),
        id: AgentId([id; 16]),
        certificate_request: request(key),
        host: "web-1".into(),
    }
}

fn enroll(trust: &Trust, token: &EnrollToken, id: u8, key: &KeyPair) -> Result<CertificateFacts, Refusal> {
    match trust.enroll(ADDRESS, None, &application(token, id, key)) {
        Ok(issued) => Ok(facts(&issued)),
        Err(IssueError::Refused(refusal)) => Err(refusal),
        Err(IssueError::Failed(error)) => panic!("{error}"),
    }
}

fn facts(issued: &IssuedCertificate) -> CertificateFacts {
    let chain = certificates(issued.certificate_pem.as_bytes()).unwrap();
    CertificateFacts::read(&chain[0]).unwrap()
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn peer(id: u8) -> Peer {
    Peer {
        role: Role::Agent,
        id: AgentId([id; 16]),
    }
}

#[test]
fn a_token_gives_a_certificate_of_the_machines_own_key_and_its_labels() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let (token, key) = (token(&trust, 1), key());
    let issued = trust.enroll(ADDRESS, None, &application(&token, 1, &key)).unwrap();
    let facts = facts(&issued);
    assert_eq!(facts.peer, Some(peer(1)));
    assert_eq!(issued.labels["site"], "berlin");
    let days = (facts.not_after_s - facts.not_before_s) / 3600;
    assert!((23..=25).contains(&days), "{days}");
    assert_eq!(trust.refusal(&facts), None);
}

#[test]
fn a_token_is_good_for_as_many_machines_as_it_says_and_the_same_machine_takes_one_use() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let token = token(&trust, 2);
    let first = key();
    enroll(&trust, &token, 1, &first).unwrap();
    enroll(&trust, &token, 1, &first).unwrap();
    enroll(&trust, &token, 2, &key()).unwrap();
    assert_eq!(enroll(&trust, &token, 3, &key()).unwrap_err(), Refusal::UsedUp);
    // What was cut short may still be asked for again.
    enroll(&trust, &token, 1, &first).unwrap();
    // And all of it is known after a restart.
    drop(trust);
    let trust = Trust::open(options(dir.path())).unwrap();
    assert_eq!(enroll(&trust, &token, 4, &key()).unwrap_err(), Refusal::UsedUp);
    enroll(&trust, &token, 1, &first).unwrap();
}

#[test]
fn machines_that_come_at_once_take_no_more_uses_than_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let token = token(&trust, 3);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (1..=12)
            .map(|id| {
                let (trust, token) = (&trust, &token);
                scope.spawn(move || enroll(trust, token, id, &key()))
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    assert!(
        outcomes
            .iter()
            .flat_map(|outcome| outcome.as_ref().err())
            .all(|refusal| *refusal == Refusal::UsedUp)
    );
    assert_eq!(trust.machines().machines.len(), 3);
}

#[test]
fn a_wrong_secret_and_an_unknown_token_are_answered_alike() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let token = token(&trust, 1);
    let mut wrong = token.clone();
    wrong.secret[31] ^= 1;
    let mut unknown = token.clone();
    unknown.id[0] ^= 1;
    for bad in [wrong, unknown] {
        assert_eq!(enroll(&trust, &bad, 1, &key()).unwrap_err(), Refusal::UnknownToken);
    }
    // Also where the token is over: only its bearer hears that.
    trust
        .revoke_token(&hex(&token.id), &timberline_proto::api::access::Actor::default())
        .unwrap();
    let mut wrong = token.clone();
    wrong.secret[0] ^= 1;
    assert_eq!(enroll(&trust, &wrong, 1, &key()).unwrap_err(), Refusal::UnknownToken);
    assert_eq!(enroll(&trust, &token, 1, &key()).unwrap_err(), Refusal::RevokedToken);
}

#[test]
fn wrong_tokens_without_end_are_counted_and_push_out_no_act() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let token = token(&trust, 1);
    let mut wrong = application(&token, 1, &key());
    wrong.token_secret[0] ^= 1;
    let refusal = |from: IpAddr, application: &Application| match trust.enroll(Some(from), None, application) {
        Err(IssueError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let one: IpAddr = [10, 0, 0, 9].into();
    for _ in 0..10 {
        assert_eq!(refusal(one, &wrong), Refusal::UnknownToken);
    }
    let right = application(&token, 1, &key());
    assert_eq!(refusal(one, &right), Refusal::TooManyAttempts);
    // A network of IPv6 is one address; many networks are many.
    for n in 0..30u16 {
        let seen = refusal([0x2001, 0xdb8, 0, 0, 0, 0, 0, n].into(), &wrong);
        assert_eq!(seen == Refusal::UnknownToken, n < 10, "{n}");
    }
    for n in 0..3000u16 {
        refusal([0x2001, 0xdb8, 1, n, 0, 0, 0, 1].into(), &wrong);
    }
    trust.refresh().unwrap();
    drop(trust);
    let audit = Trust::open(options(dir.path())).unwrap().audit();
    assert_eq!(audit.acts.len(), 1);
    assert_eq!(audit.acts[0].action, "token.create");
    assert!(audit.refusals.len() <= 101, "{}", audit.refusals.len());
    assert_eq!(
        audit.refusals.iter().map(|refused| refused.count).sum::<u64>(),
        11 + 30 + 3000
    );
}

#[test]
fn what_machines_do_pushes_out_nothing_that_an_operator_did() {
    let mut state = State::default();
    let act = |actor: &str, n: i64| Act {
        at_s: n,
        actor: actor.into(),
        origin: None,
        action: "machine.renew".into(),
        object: String::new(),
        outcome: "ok".into(),
    };
    state.note(act("operator", 0));
    for n in 1..5000 {
        state.note(act("agent 1", n));
    }
    assert_eq!(state.acts.len(), 1001);
    assert_eq!((state.acts[0].at_s, state.acts[1].at_s), (0, 4000));
}

#[test]
fn an_application_that_is_printed_shows_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let application = application(&token(&trust, 1), 1, &key());
    let secret = &application.token_secret;
    for text in [format!("{application:?}"), format!("{application:#?}")] {
        assert!(text.contains("web-1"), "{text}");
        let numbers: Vec<_> = text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|n| !n.is_empty())
            .collect();
        let decimal: Vec<_> = secret.iter().map(ToString::to_string).collect();
        let shows = numbers.windows(4).any(|four| decimal.windows(4).any(|of| of == four));
        assert!(!shows && !text.contains(&hex(secret)), "{text}");
    }
}

#[test]
fn the_agent_of_the_collectors_own_process_stays_revoked_until_it_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let files = MachineFiles::new(dir.path().join("agent"));
    let id = AgentId([1; 16]);
    trust.enroll_own(&files, id, "https://127.0.0.1:1").unwrap();
    let held = files.identity().unwrap().facts;
    trust.enroll_own(&files, id, "https://127.0.0.1:1").unwrap();
    assert_eq!(files.identity().unwrap().facts, held, "what holds is kept");
    trust
        .revoke(id, &timberline_proto::api::access::Actor::default())
        .unwrap();
    let refused = trust.enroll_own(&files, id, "https://127.0.0.1:1").unwrap_err();
    assert!(matches!(refused, IssueError::Refused(Refusal::Revoked(_))), "{refused}");
    assert_eq!(files.identity().unwrap().facts, held);
    trust
        .allow(id, &timberline_proto::api::access::Actor::default())
        .unwrap();
    trust.enroll_own(&files, id, "https://127.0.0.1:1").unwrap();
    assert_eq!(trust.refusal(&files.identity().unwrap().facts), None);
}

#[test]
fn no_token_lets_a_machine_take_the_id_of_another_that_is_enrolled() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let token = token(&trust, 5);
    let facts = enroll(&trust, &token, 1, &key()).unwrap();
    let other = key();
    assert_eq!(
        enroll(&trust, &token, 1, &other).unwrap_err(),
        Refusal::Enrolled(peer(1))
    );
    // Whoever shows the certificate is that machine.
    trust
        .enroll(ADDRESS, Some(&facts), &application(&token, 1, &other))
        .unwrap();
    // The certificate of one machine proves nothing of another.
    enroll(&trust, &token, 2, &key()).unwrap();
    let refused = trust
        .enroll(ADDRESS, Some(&facts), &application(&token, 2, &key()))
        .unwrap_err();
    assert!(
        matches!(refused, IssueError::Refused(Refusal::Enrolled(_))),
        "{refused}"
    );
}

#[test]
fn no_id_is_a_machines_in_two_roles() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let of_agents = token(&trust, 5);
    let wanted = NewToken {
        role: "store".into(),
        uses: 5,
        ..NewToken::default()
    };
    let of_stores: EnrollToken = trust
        .create_token(&wanted, &timberline_proto::api::access::Actor::default())
        .unwrap()
        .token
        .parse()
        .unwrap();
    enroll(&trust, &of_agents, 1, &key()).unwrap();
    assert_eq!(
        enroll(&trust, &of_stores, 1, &key()).unwrap_err(),
        Refusal::Enrolled(peer(1)),
        "revoking the one would leave the other"
    );
    enroll(&trust, &of_stores, 2, &key()).unwrap();
}

#[test]
fn a_revoked_machine_is_refused_until_it_is_allowed_and_its_old_key_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let token = token(&trust, 5);
    let stolen = key();
    let facts = enroll(&trust, &token, 1, &stolen).unwrap();
    let live = trust.connected(peer(1));
    trust
        .revoke(AgentId([1; 16]), &timberline_proto::api::access::Actor::default())
        .unwrap();
    assert!(live.cut().is_cancelled());
    assert_eq!(trust.refusal(&facts), Some(Refusal::Revoked(peer(1))));
    assert_eq!(
        enroll(&trust, &token, 1, &key()).unwrap_err(),
        Refusal::Revoked(peer(1))
    );
    let renewal = trust.renew(ADDRESS, &facts, &request(&key())).unwrap_err();
    assert!(matches!(renewal, IssueError::Refused(Refusal::Revoked(_))), "{renewal}");
    // The list is read again after a restart.
    drop(live);
    drop(trust);
    let trust = Trust::open(options(dir.path())).unwrap();
    assert_eq!(trust.refusal(&facts), Some(Refusal::Revoked(peer(1))));
    trust
        .allow(AgentId([1; 16]), &timberline_proto::api::access::Actor::default())
        .unwrap();
    assert_eq!(trust.refusal(&facts), Some(Refusal::RefusedCertificate(peer(1))));
    let fresh = enroll(&trust, &token, 1, &key()).unwrap();
    assert_eq!(trust.refusal(&fresh), None);
    assert_eq!(
        enroll(&trust, &token, 1, &stolen).unwrap_err(),
        Refusal::RefusedCertificate(peer(1))
    );
    assert_eq!(trust.refusal(&facts), Some(Refusal::RefusedCertificate(peer(1))));
}

#[test]
fn a_certificate_is_renewed_for_the_machine_that_it_names() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let token = token(&trust, 1);
    let held = enroll(&trust, &token, 1, &key()).unwrap();
    let renewed = facts(&trust.renew(ADDRESS, &held, &request(&key())).unwrap());
    assert_eq!(renewed.peer, held.peer);
    assert_ne!((&renewed.serial, renewed.key_sha256), (&held.serial, held.key_sha256));
    assert_eq!((trust.refusal(&held), trust.refusal(&renewed)), (None, None));
}

#[test]
fn a_request_that_is_garbage_takes_no_use_of_the_token() {
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::open(options(dir.path())).unwrap();
    let token = token(&trust, 1);
    let mut bad = application(&token, 1, &key());
    bad.certificate_request = b"garbage".to_vec();
    let refused = trust.enroll(ADDRESS, None, &bad).unwrap_err();
    assert!(refused.to_string().contains("PKCS #10"), "{refused}");
    assert_eq!(trust.tokens().tokens[0].uses_left, 1);
}

#[test]
fn the_authority_survives_and_a_key_alone_gets_its_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let first = Trust::open(options(dir.path())).unwrap().inner.shown.root();
    assert_eq!(Trust::open(options(dir.path())).unwrap().inner.shown.root(), first);
    let pki = dir.path().join("pki");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(pki.join("ca.key")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    std::fs::remove_file(pki.join("ca.crt")).unwrap();
    assert_ne!(Trust::open(options(dir.path())).unwrap().inner.shown.root(), first);
    std::fs::remove_file(pki.join("ca.key")).unwrap();
    let error = Trust::open(options(dir.path())).unwrap_err().to_string();
    assert!(error.contains("ca.key") && error.contains("put it back"), "{error}");
}

#[test]
fn a_damaged_list_of_machines_is_an_error_and_not_an_empty_list() {
    let dir = tempfile::tempdir().unwrap();
    token(&Trust::open(options(dir.path())).unwrap(), 1);
    let path = dir.path().join(STATE_NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let error = Trust::open(options(dir.path())).unwrap_err().to_string();
    assert!(error.contains("fleet.state") && error.contains("checksum"), "{error}");
}

fn expiring(expires_s: i64) -> (State, Applicant) {
    let secret = [5; 32];
    let mut state = State::default();
    state.tokens.push(state::Token {
        id: "t".into(),
        role: Role::Agent,
        secret_sha256: hex(&secret_hash(&secret)),
        uses_max: 1,
        uses: Vec::new(),
        labels: BTreeMap::new(),
        created_s: 0,
        expires_s,
        revoked_s: None,
    });
    let applicant = Applicant {
        token_id: "t".into(),
        secret_sha256: secret_hash(&secret),
        id: AgentId([1; 16]),
        key_sha256: "k".into(),
        proven: false,
    };
    (state, applicant)
}

/// Enrolls machine `id` with this key at this time, for a certificate of 100 seconds.
fn enroll_at(state: &mut State, id: u8, key: &str, now_s: i64) -> Result<(), Refusal> {
    let applicant = Applicant {
        token_id: "t".into(),
        secret_sha256: secret_hash(&[5; 32]),
        id: AgentId([id; 16]),
        key_sha256: key.into(),
        proven: false,
    };
    let (of, labels) = state.admit(&applicant, now_s)?;
    let machine = Machine {
        role: of.role,
        id: of.id,
        host: String::new(),
        labels: labels.clone(),
        enrolled_s: now_s,
        certificates: Vec::new(),
        revoked_s: None,
        allowed: false,
    };
    let issued = Issued {
        serial: format!("{key} {now_s}"),
        key_sha256: key.into(),
        expires_s: now_s + 100,
        refused: false,
    };
    state.issued(machine, issued, 3, now_s, labels).map(drop)
}

#[test]
fn an_id_whose_certificate_ran_out_is_given_to_no_other_key_unless_an_operator_allows_it() {
    let (mut state, _) = expiring(1_000_000);
    state.tokens[0].uses_max = 100;
    enroll_at(&mut state, 1, "own", 0).unwrap();
    let of_other = Err(Refusal::Enrolled(peer(1)));
    // While it holds, once it is over, and long after what can be renewed.
    for now_s in [50, 150, 500_000] {
        state.expire(now_s, 100);
        assert_eq!(enroll_at(&mut state, 1, "other", now_s), of_other, "{now_s}");
    }
    // Whoever has the key that it had last is the machine.
    enroll_at(&mut state, 1, "own", 500_000).unwrap();
    state.expire(600_000, 100);
    assert!(state.allow(peer(1)));
    // One new key is let in, and none that was refused.
    assert_eq!(
        enroll_at(&mut state, 1, "own", 600_000),
        Err(Refusal::RefusedCertificate(peer(1)))
    );
    enroll_at(&mut state, 1, "new", 600_000).unwrap();
    assert_eq!(enroll_at(&mut state, 1, "other", 600_000), of_other);
    state.expire(700_000, 100);
    assert_eq!(enroll_at(&mut state, 1, "other", 700_000), of_other);
}

#[test]
fn machines_whose_certificates_are_over_keep_nobody_out_and_are_remembered_within_a_bound() {
    let (mut state, _) = expiring(1_000_000);
    state.tokens[0].uses_max = 100;
    for id in 1..=3 {
        enroll_at(&mut state, id, "own", i64::from(id)).unwrap();
    }
    assert_eq!(enroll_at(&mut state, 4, "own", 50), Err(Refusal::Full(3)));
    for id in 4..=6 {
        enroll_at(&mut state, id, "own", 1000 + i64::from(id)).unwrap();
    }
    assert_eq!(enroll_at(&mut state, 1, "other", 1010), Err(Refusal::Enrolled(peer(1))));
    state.revoke(peer(1), 1010);
    for id in 7..=8 {
        enroll_at(&mut state, id, "own", 2000).unwrap();
    }
    let known: Vec<u8> = state.machines.values().map(|machine| machine.id.0[0]).collect();
    assert_eq!(
        known,
        [1, 4, 5, 6, 7, 8],
        "a revoked one is never forgotten, the oldest are"
    );
}

proptest! {
    #[test]
    fn a_token_is_good_before_its_end_and_never_after(expires_s in 1i64..1_000_000, now_s in 0i64..1_000_000) {
        let (mut state, applicant) = expiring(expires_s);
        let admitted = state.admit(&applicant, now_s);
        if now_s < expires_s {
            prop_assert!(admitted.is_ok());
        } else {
            prop_assert_eq!(admitted, Err(Refusal::ExpiredToken));
            prop_assert_eq!(state.tokens[0].uses_left(), 1);
        }
    }

    #[test]
    fn whatever_is_done_no_machine_is_let_in_that_was_revoked_and_not_allowed(
        acts in proptest::collection::vec((0u8..4, 1u8..4), 0..40),
    ) {
        let (mut state, _) = expiring(1000);
        state.tokens[0].uses_max = 1000;
        let mut revoked = std::collections::BTreeSet::new();
        for (turn, (act, id)) in acts.into_iter().enumerate() {
            let applicant = Applicant {
                token_id: "t".into(),
                secret_sha256: secret_hash(&[5; 32]),
                id: AgentId([id; 16]),
                key_sha256: format!("k{turn}"),
                proven: true,
            };
            match act {
                0 | 1 => {
                    if let Ok((of, labels)) = state.admit(&applicant, 10) {
                        prop_assert!(!revoked.contains(&id));
                        let machine = Machine {
                            role: of.role, id: of.id, host: String::new(), labels: labels.clone(), enrolled_s: 10,
                            certificates: Vec::new(), revoked_s: None, allowed: false,
                        };
                        let issued = Issued {
                            serial: format!("s{turn}"), key_sha256: applicant.key_sha256, expires_s: 100, refused: false,
                        };
                        state.issued(machine, issued, 100, 10, labels).ok();
                    }
                }
                2 => if state.revoke(peer(id), 10) { revoked.insert(id); },
                _ => if state.allow(peer(id)) { revoked.remove(&id); },
            }
            for id in &revoked {
                prop_assert!(state.refusal(peer(*id), "any").is_some());
            }
        }
    }
}
