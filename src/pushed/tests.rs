use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SigningKey};
use timberline_proto::tls::identity::hex;
use timberline_proto::tls::pushed::{PushedDocument, signed_bytes};

use super::*;

const ID: AgentId = AgentId([1; 16]);

/// A machine that enrolled with a collector whose key this is.
struct Bench {
    dir: tempfile::TempDir,
    key: KeyPair,
    config: Config,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let pki = dir.path().join("pki");
        std::fs::create_dir(&pki).unwrap();
        let enrolled = serde_json::json!({
            "format": 1, "collector": "https://c:1", "configuration_key": hex(key.der_bytes()),
        });
        std::fs::write(pki.join("enrolled.json"), enrolled.to_string()).unwrap();
        std::fs::write(pki.join("identity.pem"), "").unwrap();
        Self {
            dir,
            key,
            config: Config::default(),
        }
    }

    fn kept(&self) -> Kept {
        Kept::open(self.dir.path().join("pushed")).unwrap()
    }

    fn answer(&self, key: &KeyPair, change: impl FnOnce(&mut PushedDocument)) -> PullResponse {
        let mut document = PushedDocument {
            agent: ID,
            version: 7,
            signed_nanos: 100,
            group: "role=web".into(),
            toml: "[agent]\ntail = [\"/srv/*.log\"]\n".into(),
        };
        change(&mut document);
        let bytes = serde_json::to_vec(&document).unwrap();
        PullResponse {
            version: 7,
            signature: key.sign(&signed_bytes(&bytes)).unwrap().into(),
            document: bytes.into(),
        }
    }

    fn judged(&self, kept: &Kept, answer: &PullResponse) -> Result<Pushed, Why> {
        judge(&self.config, kept, ID, answer)
    }

    fn begin(&self, kept: &mut Kept) {
        let answer = self.answer(&self.key, |_| {});
        match self.judged(kept, &answer) {
            Ok(Pushed::Try(signed)) => assert!(kept.begin(signed)),
            _ => panic!("it is to be tried"),
        }
    }
}

#[test]
fn only_what_the_own_collector_signed_for_this_machine_and_lately_is_tried() {
    let bench = Bench::new();
    let mut kept = bench.kept();
    let foreign = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let refused = |kept: &Kept, answer: &PullResponse, word: &str| match bench.judged(kept, answer) {
        Err(why) => assert!(why.text().contains(word), "{why:?}"),
        Ok(_) => panic!("{word}"),
    };
    refused(&kept, &bench.answer(&foreign, |_| {}), "not signed");
    refused(
        &kept,
        &bench.answer(&bench.key, |document| document.agent = AgentId([2; 16])),
        "another machine",
    );
    refused(
        &kept,
        &bench.answer(&bench.key, |document| document.version = 8),
        "another machine",
    );
    let elsewhere = "[agent]\ncollector = \"https://elsewhere:1\"\n";
    refused(
        &kept,
        &bench.answer(&bench.key, |document| document.toml = elsewhere.into()),
        "unknown field",
    );
    bench.begin(&mut kept);
    refused(&kept, &bench.answer(&bench.key, |_| {}), "older");
    // What was taken is known after a restart.
    refused(&bench.kept(), &bench.answer(&bench.key, |_| {}), "older");
    let own = bench.answer(&bench.key, |document| {
        document.toml.clear();
        document.signed_nanos = 101;
    });
    let Ok(Pushed::Own(document)) = bench.judged(&kept, &own) else {
        panic!("the machine is left to its own")
    };
    kept.clear(&document);
    // It runs this version now, which is nothing of its own.
    let chosen = choose(&bench.config, &mut bench.kept());
    assert_eq!((chosen.version, chosen.config.agent.tail.len()), (7, 0));
}

#[test]
fn a_trial_amid_which_the_program_ends_three_times_is_given_up_for_what_was_before() {
    let bench = Bench::new();
    bench.begin(&mut bench.kept());
    for _ in 0..3 {
        let chosen = choose(&bench.config, &mut bench.kept());
        assert!(chosen.trial && chosen.version == 7);
        assert_eq!(chosen.config.agent.tail, ["/srv/*.log"]);
    }
    let chosen = choose(&bench.config, &mut bench.kept());
    assert!(!chosen.trial && chosen.version == 0);
    let failed = bench.kept().failed().unwrap();
    assert!(failed.version == 7 && !failed.why.is_passing(), "{failed:?}");
    assert!(failed.why.text().contains("3 times"), "{failed:?}");
}

#[test]
fn what_proved_itself_stays_and_one_that_was_changed_on_disk_is_not_used() {
    let bench = Bench::new();
    let mut kept = bench.kept();
    bench.begin(&mut kept);
    kept.prove();
    let chosen = choose(&bench.config, &mut bench.kept());
    assert!(!chosen.trial && chosen.version == 7);
    let path = bench.dir.path().join("pushed/pushed.json");
    let text = std::fs::read_to_string(&path).unwrap().replace("/srv/", "/etc/");
    std::fs::write(&path, text).unwrap();
    assert_eq!(choose(&bench.config, &mut bench.kept()).version, 0);
}

#[test]
fn what_was_put_off_for_a_cause_that_may_pass_is_tried_again_and_what_is_bad_is_not() {
    let bench = Bench::new();
    let mut kept = bench.kept();
    let answer = |signed_nanos, toml: &str| {
        bench.answer(&bench.key, |document| {
            document.signed_nanos = signed_nanos;
            document.toml = toml.into();
        })
    };
    let good = "[agent]\ntail = [\"/srv/*.log\"]\n";
    assert!(take(&bench.config, &mut kept, ID, &answer(100, good)));
    kept.give_up(Why::Passing("the collector was not reached".into()));
    // Known after a restart as what it is, and left alone for longer each time.
    let mut kept = bench.kept();
    assert!(kept.failed().is_some_and(|failed| failed.why.is_passing()));
    assert_eq!(kept.put_off(), 1);
    assert_eq!(
        [0, 1, 2, 99].map(retry_after).map(|wait| wait.as_secs()),
        [0, 15, 30, 600]
    );
    // An answer of before the last one says nothing of the version.
    assert!(!take(&bench.config, &mut kept, ID, &answer(100, good)));
    assert!(kept.failed().is_some_and(|failed| failed.why.is_passing()));
    assert!(take(&bench.config, &mut kept, ID, &answer(101, good)));
    kept.prove();
    assert_eq!((kept.failed(), kept.put_off()), (None, 0));
    assert!(!take(&bench.config, &mut kept, ID, &answer(102, "[agent]\nfoo = 1\n")));
    assert!(kept.failed().is_some_and(|failed| !failed.why.is_passing()));
}

#[test]
fn a_trial_that_cannot_be_written_does_not_begin_and_is_put_off() {
    let bench = Bench::new();
    let mut kept = bench.kept();
    // A directory of the file's name: nothing can be written there, by root neither.
    let temporary = bench.dir.path().join("pushed/pushed.json.tmp");
    std::fs::create_dir(&temporary).unwrap();
    let answer = bench.answer(&bench.key, |_| {});
    assert!(!take(&bench.config, &mut kept, ID, &answer));
    assert!(kept.trial().is_none() && kept.failed().is_some_and(|failed| failed.why.is_passing()));
    std::fs::remove_dir(&temporary).unwrap();
    assert!(take(&bench.config, &mut kept, ID, &answer));
}
