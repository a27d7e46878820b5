use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use timberline_proto::id::GenerationId;

use super::file::slot_path;
use super::*;
use crate::error::AgentError;

fn entry(n: u8) -> Entry {
    Entry {
        generation: GenerationId([n; 16]),
        path: PathBuf::from(format!("/var/log/{n}.log")),
        first_path: PathBuf::from("/var/log/first.log"),
        real_path: PathBuf::new(),
        inode: Inode {
            dev: 1,
            ino: u64::from(n),
        },
        btime: 5,
        prefix: Print::of(b"abc"),
        topic: "logs".into(),
        start: 3,
        acked: 1000 + u64::from(n),
        part: 0,
        marker: Print::of(b"xyz"),
        size: 2000,
        seen: 7,
        truncated: false,
        let_go: false,
        packed_bytes: 0,
        chain: ChainSaved {
            lines: 7,
            value: timberline_proto::integrity::Hash([n; 32]),
        },
    }
}

fn saved(dir: &Path, saves: u8) -> AgentId {
    let mut opened = open(dir).unwrap();
    for n in 0..saves {
        opened.registry.generations.push(entry(n));
        opened.store.save(&opened.registry).unwrap();
    }
    opened.registry.agent
}

#[test]
fn a_registry_reads_back_what_was_saved() {
    use std::os::unix::ffi::OsStringExt;
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(dir.path()).unwrap();
    assert!(opened.first_start);
    let odd = Entry {
        path: PathBuf::from(std::ffi::OsString::from_vec(b"/l/\xff.log".to_vec())),
        ..entry(1)
    };
    opened.registry.generations = vec![odd, entry(2)];
    opened.store.save(&opened.registry).unwrap();
    let expected = opened.registry.clone();
    drop(opened);
    let again = open(dir.path()).unwrap();
    assert!(!again.first_start);
    assert_eq!(again.registry, expected);
}

#[test]
fn a_second_process_is_told_that_the_directory_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(AgentError::Locked { .. })));
}

#[test]
fn a38_every_kind_of_damage_falls_back_to_the_registry_before() {
    for damage in ["torn", "empty", "nul", "missing", "flipped"] {
        let dir = tempfile::tempdir().unwrap();
        let agent = saved(dir.path(), 3);
        let newest = slot_path(dir.path(), 1);
        let mut bytes = fs::read(&newest).unwrap();
        match damage {
            "torn" => fs::write(&newest, &bytes[..bytes.len() / 2]).unwrap(),
            "empty" => fs::write(&newest, b"").unwrap(),
            "nul" => fs::write(&newest, vec![0; bytes.len()]).unwrap(),
            "missing" => fs::remove_file(&newest).unwrap(),
            _ => {
                let last = bytes.len() - 5;
                bytes[last] ^= 1;
                fs::write(&newest, bytes).unwrap();
            }
        }
        let opened = open(dir.path()).unwrap();
        assert_eq!(opened.registry.generations.len(), 2, "{damage}");
        assert_eq!(opened.registry.agent, agent);
        assert!(!opened.first_start);
    }
}

#[test]
fn a38_with_no_registry_left_the_agent_starts_with_its_old_id() {
    let dir = tempfile::tempdir().unwrap();
    let agent = saved(dir.path(), 2);
    fs::write(slot_path(dir.path(), 0), b"x").unwrap();
    fs::write(slot_path(dir.path(), 1), b"").unwrap();
    let opened = open(dir.path()).unwrap();
    assert!(opened.registry.generations.is_empty());
    assert!(!opened.first_start, "a lost registry is no first start");
    assert_eq!(opened.registry.agent, agent);
}

#[test]
fn a_lost_agent_id_comes_back_from_the_registry() {
    let dir = tempfile::tempdir().unwrap();
    let agent = saved(dir.path(), 1);
    fs::write(dir.path().join("agent-id"), b"zz").unwrap();
    assert_eq!(open(dir.path()).unwrap().registry.agent, agent);
}

#[test]
fn a45_a_registry_of_a_newer_format_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    saved(dir.path(), 1);
    let path = slot_path(dir.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 99;
    fs::write(&path, bytes).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, AgentError::RegistryNewer { found: 99, .. }), "{error}");
}

/// Fields may come with a later program of the same format, and must not be missed by an earlier one.
#[test]
fn a45_a_registry_of_the_program_before_or_after_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let agent = saved(dir.path(), 1);
    let path = slot_path(dir.path(), 1);
    let bytes = fs::read(&path).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes[32..]).unwrap();
    let mut later = json.clone();
    later["a field of a later program"] = 7.into();
    later["generations"][0]["another"] = "x".into();
    let mut earlier = json;
    earlier["generations"][0].as_object_mut().unwrap().remove("truncated");
    for changed in [later, earlier] {
        let payload = serde_json::to_vec(&changed).unwrap();
        let mut changed = bytes[..32].to_vec();
        changed[20..28].copy_from_slice(&(payload.len() as u64).to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[12..20]), &payload);
        changed[28..32].copy_from_slice(&crc.to_le_bytes());
        changed.extend(payload);
        fs::write(&path, changed).unwrap();
        let opened = open(dir.path()).unwrap();
        assert_eq!(opened.registry.agent, agent);
        assert_eq!(opened.registry.generations, [entry(0)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a38_any_bytes_in_a_registry_never_panic_and_never_win_over_a_sound_one(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        cut in 0usize..400,
    ) {
        let dir = tempfile::tempdir().unwrap();
        saved(dir.path(), 2);
        let newest = slot_path(dir.path(), 0);
        let mut torn = fs::read(&newest).unwrap();
        let at = cut.min(torn.len() - 1);
        torn.truncate(at);
        if cut % 2 == 0 { torn = bytes; }
        fs::write(&newest, torn).unwrap();
        prop_assert_eq!(open(dir.path()).unwrap().registry.generations.len(), 1);
    }
}
