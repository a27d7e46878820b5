//! Parsers of what comes from outside, given anything: none panics, and what is read comes back as it was written.
//! Others stand beside their parsers; `.ci/run` gives all of them, whose names begin with `fuzz_`, more cases.

#![cfg(all(feature = "integrity", feature = "batch", feature = "grok"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use proptest::prelude::*;
use timberline_proto::alert::Rule;
use timberline_proto::alert::notify::Matcher;
use timberline_proto::id::{AgentId, GenerationId, RecordId};
use timberline_proto::integrity::tree::{includes, is_consistent};
use timberline_proto::integrity::{Checkpoint, Frontier, Hash, Note, NoteKey, Salts};

proptest! {
    #[test]
    fn fuzz_any_bytes_are_read_as_a_note_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert!(note.verify(&[]).is_err());
        }
    }

    #[test]
    fn fuzz_what_looks_like_a_note_is_read_or_refused(
        text in "([a-z./]{0,12}\n([0-9]{1,22}|-1)\n[A-Za-z0-9+/=]{0,50}\n([a-z]{0,5} ?.{0,8}\n)?)?\n?(— [a-z]{0,5} [A-Za-z0-9+/]{0,100}={0,2}\n?){0,3}"
    ) {
        if let Ok(note) = Note::parse(text.as_bytes()) {
            drop(note.verify(&[]));
        }
        drop(Checkpoint::parse(&text));
        drop(text.parse::<NoteKey>());
        _ = text.parse::<Hash>();
    }

    #[test]
    fn fuzz_a_proof_of_any_hashes_proves_nothing(
        (index, size, old) in (any::<u64>(), any::<u64>(), any::<u64>()),
        path in prop::collection::vec(any::<[u8; 32]>(), 0..70),
        root in any::<[u8; 32]>(),
        leaf in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let path: Vec<Hash> = path.iter().map(|bytes| Hash::of(bytes)).collect();
        let (leaf, root) = (Hash::leaf(&leaf), Hash::of(&root));
        prop_assert!(!includes(leaf, index, size, &path, &root));
        let consistent = is_consistent(old, &root, size, &root, &path);
        prop_assert!(!consistent || old == size || old == 0);
    }

    #[test]
    fn fuzz_any_bytes_are_peaks_or_refused(size in any::<u64>(), peaks in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(tree) = Frontier::from_peaks(size, &peaks) {
            prop_assert_eq!(tree.peaks(), peaks);
            tree.root();
        }
        drop(Salts::from_nodes(size, Vec::new()));
    }

    #[test]
    fn fuzz_any_text_is_an_id_or_refused(text in "\\PC{0,40}|[a-z.]{1,8}[-:][0-9]{1,22}([-:][0-9]{1,22})?|[0-9a-fA-F]{30,34}") {
        if let Ok(id) = text.parse::<RecordId>() {
            prop_assert_eq!(id.to_string().parse::<RecordId>().unwrap(), id);
        }
        drop(text.parse::<AgentId>());
        drop(text.parse::<GenerationId>());
    }

    #[test]
    fn fuzz_any_text_is_a_matcher_or_refused(text in "\\PC{0,30}|[a-z]{0,4}(=|!=|=~|!~)\"?[a-z(|)*\\\\\"]{0,12}\"?") {
        drop(text.parse::<Matcher>());
    }

    #[test]
    fn fuzz_any_json_is_a_rule_or_refused(
        query in "\\PC{0,20}",
        kind in "(match|threshold|absence|silence|pattern|sequence|deviation|change|x)",
        more in "\\PC{0,10}",
        span in "-?[0-9]{0,20}[smhdwy]{0,2}",
    ) {
        let rule = serde_json::json!({
            "name": more, "window": span, "every": span,
            "condition": { "kind": kind, "query": query, "when": more, "first": query, "then": query }
        });
        if let Ok(rule) = serde_json::from_value::<Rule>(rule) {
            drop(rule.check());
        }
    }
}
