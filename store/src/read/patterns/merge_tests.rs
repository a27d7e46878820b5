//! What is one pattern, and what is not.

use std::fmt::Write;
use std::time::Instant;

use proptest::prelude::*;

use super::merge::{Merged, merge};

fn merged(patterns: &[&str]) -> Merged {
    merge(patterns, |_| true)
}

/// All of them are one, of this text.
#[track_caller]
fn one(patterns: &[&str], text: &str) {
    let merged = merged(patterns);
    assert_eq!(merged.patterns, [text]);
}

/// None of them is joined with another.
#[track_caller]
fn apart(patterns: &[&str]) {
    let merged = merged(patterns);
    assert_eq!(merged.patterns, patterns);
}

#[test]
fn names_behind_what_introduces_them_are_taken_out() {
    one(
        &["session opened for user alice", "session opened for user bob"],
        "session opened for user <*>",
    );
    one(
        &["Failed password for root", "Failed password for <*>"],
        "Failed password for <*>",
    );
    one(&["login user=alice ok", "login user=bob ok"], "login user=<*> ok");
    one(
        &["seen rhost=a.example.com", "seen rhost=<*>.example.org"],
        "seen rhost=<*>",
    );
    one(&["mail from \"ann\"", "mail from \"ben\""], "mail from \"<*>\"");
    // Two at once, no two lines alike in one of them.
    one(
        &[
            "bad user ann from west.example",
            "bad user ben from east.example",
            "bad user cid from south.example",
        ],
        "bad user <*> from <*>",
    );
}

#[test]
fn many_words_at_one_place_are_taken_out() {
    one(
        &[
            "picked red apple",
            "picked green apple",
            "picked yellow apple",
            "picked brown apple",
        ],
        "picked <*> apple",
    );
    apart(&["picked red apple", "picked green apple", "picked yellow apple"]);
}

#[test]
fn what_tells_kinds_of_lines_apart_stays() {
    // The word that begins a message, and names of programs.
    apart(&["opened by <*>", "closed by <*>", "locked by <*>", "sealed by <*>"]);
    apart(&[
        "<*> started well",
        "<*> stopped well",
        "<*> failed well",
        "<*> paused well",
    ]);
    apart(&[
        "x sshd[<*>]: ready",
        "x crond[<*>]: ready",
        "x named[<*>]: ready",
        "x ntpd[<*>]: ready",
    ]);
    apart(&["x: opened it", "x: closed it", "x: locked it", "x: sealed it"]);
    // States, levels, and plain words behind an introducer.
    apart(&["job status=failed", "job status=done"]);
    apart(&["at a/b state: up now", "at a/b state: down now"]);
    apart(&["it is INFO now", "it is WARN now", "it is ERROR now", "it is DEBUG now"]);
    apart(&["asked for help", "asked for more", "help came", "more came"]);
    apart(&["tap action=ACTION_UP", "tap action=ACTION_DOWN"]);
    // Another skeleton.
    apart(&["user alice, in", "user bob in"]);
}

#[test]
fn shapes_stay_as_they_are() {
    let patterns = ["{\"user\":\"<*>\"} for ann", "{\"user\":\"<*>\"} for ben"];
    assert_eq!(merge(&patterns, |_| false).patterns, patterns);
}

#[test]
fn what_it_takes_grows_with_the_templates_alone() {
    let mut all = String::new();
    for n in 0..20_000_u32 {
        let letters = |n: u32| -> String {
            (0..5)
                .map(|at| char::from(b'a' + (n / 26_u32.pow(at) % 26) as u8))
                .collect()
        };
        let (name, other) = (letters(n), letters(n / 7));
        writeln!(
            all,
            "{other} said: user {name} came from {name}.example port <*> in {other}"
        )
        .unwrap();
    }
    let patterns: Vec<&str> = all.lines().collect();
    let time = |patterns: &[&str]| {
        let begin = Instant::now();
        let merged = merged(patterns);
        (begin.elapsed(), merged.patterns.len())
    };
    let (small, _) = time(&patterns[..2_000]);
    let (large, kinds) = time(&patterns);
    assert!(kinds < 6_000, "{kinds}");
    // Ten times as many: a square would be a hundred times as long.
    assert!(large < 40 * small, "{small:?} {large:?}");
}

proptest! {
    #[test]
    fn each_belongs_to_one_pattern_and_what_is_joined_has_one_skeleton(
        patterns in prop::collection::vec("[a-c]{0,2}( user | for |=|: |-|\\[|  )([a-d]{1,3}|<\\*>)( from [a-d<*>]{1,3})?", 0..30)
    ) {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let merged = merged(&patterns);
        prop_assert_eq!(merged.group.len(), patterns.len());
        for group in 0..merged.patterns.len() {
            let of: Vec<&str> = (0..patterns.len()).filter(|&at| merged.group[at] == group).map(|at| patterns[at]).collect();
            prop_assert!(!of.is_empty());
            let first = super::merge::Words::of(of[0]);
            prop_assert!(of.iter().all(|one| super::merge::Words::of(one).same_skeleton(&first)));
            // Alone it stays as it is.
            prop_assert!(of.len() > 1 || merged.patterns[group] == of[0]);
        }
    }
}
