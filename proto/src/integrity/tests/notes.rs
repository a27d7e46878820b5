//! Notes, keys and checkpoints against the formats' known values.

use std::slice::from_ref;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use crate::integrity::checkpoint::Checkpoint;
use crate::integrity::hash::Hash;
use crate::integrity::note::{Note, NoteError, NoteKey, NoteSigner};

// The note, the key and the signature by which implementations of the format are compared.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const LINE: &str =
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn known() -> (NoteKey, NoteSigner) {
    let secret = STANDARD.decode(SECRET).unwrap();
    let signer = NoteSigner::from_seed("PeterNeumann", &secret[1..]).unwrap();
    (KEY.parse().unwrap(), signer)
}

#[test]
fn the_known_note_verifies_and_is_signed_alike() {
    let (key, signer) = known();
    assert_eq!(key.to_string(), KEY);
    assert_eq!(signer.key(), &key);
    assert_eq!(signer.line(TEXT), LINE);
    let note = Note::parse(format!("{TEXT}\n{LINE}").as_bytes()).unwrap();
    assert_eq!(note.text, TEXT);
    assert_eq!(note.verify(from_ref(&key)), Ok(&key));
}

#[test]
fn other_texts_keys_and_signatures_are_not_believed() {
    let (key, signer) = known();
    let other = NoteSigner::from_seed("PeterNeumann", &[3; 32]).unwrap();
    let parse = |note: String| Note::parse(note.as_bytes()).unwrap();
    let changed = parse(format!("{}\n{LINE}", TEXT.replace("answer", "ANSWER")));
    assert!(matches!(
        changed.verify(from_ref(&key)),
        Err(NoteError::BadSignature(_))
    ));
    let foreign = parse(Note::sign(TEXT, &[&other]));
    assert!(matches!(foreign.verify(from_ref(&key)), Err(NoteError::UnknownKey(_))));
    let both = parse(Note::sign(TEXT, &[&other, &signer]));
    assert_eq!(both.verify(from_ref(&key)), Ok(&key));
    let keys = [other.key().clone(), key];
    assert_eq!(both.verify(&keys), Ok(other.key()));
}

#[test]
fn keys_with_another_name_or_id_are_refused() {
    for bad in [
        "",
        "name",
        "name+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AR",
    ] {
        assert!(matches!(bad.parse::<NoteKey>(), Err(NoteError::BadKey(_))), "{bad}");
    }
    assert!(NoteSigner::from_seed("two words", &[3; 32]).is_err());
}

#[test]
fn a_checkpoint_reads_back_what_it_says() {
    let checkpoint = Checkpoint {
        origin: "timberline/0123".into(),
        size: 42,
        root: Hash([9; 32]),
        number: 3,
        time: "2026-01-31T12:00:00Z".into(),
        previous: Some(Hash([8; 32])),
    };
    let text = checkpoint.text();
    assert!(text.starts_with("timberline/0123\n42\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n"));
    assert_eq!(Checkpoint::parse(&text), Ok(checkpoint.clone()));
    let first = Checkpoint {
        previous: None,
        ..checkpoint
    };
    assert_eq!(Checkpoint::parse(&first.text()), Ok(first));
    for bad in [
        "",
        "o\n",
        "o\n01\nAAAA\n",
        "o\n-1\n",
        "o\n+1\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n",
    ] {
        assert!(Checkpoint::parse(bad).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn no_byte_of_a_signed_checkpoint_may_change(at in 0_usize..400, flip in 1_u8..=255) {
        let (key, signer) = known();
        let note = Note::sign(TEXT, &[&signer]);
        let mut changed = note.clone().into_bytes();
        let at = at % changed.len();
        changed[at] ^= flip;
        let believed = Note::parse(&changed).is_ok_and(|note| note.verify(from_ref(&key)).is_ok() && note.text == TEXT);
        prop_assert!(!believed || changed == note.into_bytes());
    }

    #[test]
    fn whatever_is_given_for_a_note_is_answered(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,80}") {
        let (key, _) = known();
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert!(note.verify(from_ref(&key)).is_err());
        }
        Checkpoint::parse(&text).ok();
        prop_assert!(text.parse::<NoteKey>().is_err());
    }
}
