//! Patterns that differ in a few words, joined: `user alice` and `user bob` are `user <*>`.
//!
//! Templates take out only words with a digit, so names make a template of every person. Here
//! patterns of the same skeleton (as many words, the same characters between them) become one where
//! nothing differs but words that stand for something: what [`INTRODUCERS`] introduce, if there are
//! two different ones, or any word, if [`OPEN_WORDS_MIN`] different ones stand at one place with all
//! else equal. Joining what means different things is worse than joining too little, so some words
//! are never taken out: names of what follows (`sshd[`, `rhost=`, `error:`), the word that begins a
//! message, levels, what [`STATES`] name (`status=failed`), and after an introducer words that stand
//! elsewhere as plain words (`from user`).
//!
//! What it takes is in proportion to the words of all patterns, times [`ROUNDS_MAX`] at most.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

/// What stands for a variable.
pub(crate) const SLOT: &str = "<*>";
/// Different words at one place, all else equal, from which on they are a variable.
const OPEN_WORDS_MIN: usize = 4;
/// The same where an introducer stands before.
const INTRODUCED_WORDS_MIN: usize = 2;
/// Patterns of more words stay as they are.
const WORDS_MAX: usize = 64;
/// Times that all places are looked at.
const ROUNDS_MAX: usize = 4;

/// Words before a name. Before `=` and, of these, `:` stands the name's own name.
const INTRODUCERS: [&str; 20] = [
    "user", "users", "username", "login", "account", "uid", "for", "from", "by", "host", "hostname", "server",
    "client", "name", "named", "id", "ruser", "rhost", "logname", "domain",
];
/// Names of what tells one kind of line from another: their values stay.
const STATES: [&str; 22] = [
    "state",
    "status",
    "result",
    "action",
    "type",
    "kind",
    "level",
    "severity",
    "lvl",
    "reason",
    "method",
    "outcome",
    "error",
    "err",
    "event",
    "phase",
    "mode",
    "success",
    "op",
    "operation",
    "cause",
    "msg",
];
/// Words that are never what varies.
const LEVELS: [&str; 20] = [
    "trace",
    "debug",
    "info",
    "information",
    "notice",
    "warn",
    "warning",
    "error",
    "err",
    "crit",
    "critical",
    "alert",
    "emerg",
    "fatal",
    "severe",
    "true",
    "false",
    "null",
    "none",
    "not",
];

/// Which pattern each belongs to, by number from 0 on, and the text of each of those.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Merged {
    pub(crate) group: Vec<usize>,
    pub(crate) patterns: Vec<String>,
}

/// A pattern taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    pub(crate) words: Vec<&'a str>,
    /// What stands before each word, and behind the last.
    between: Vec<&'a str>,
}

/// Without more than one of the spaces that stand together: numbers are filled up with them.
fn spaced(between: &str) -> Cow<'_, str> {
    match between.contains("  ") {
        true => between
            .split(' ')
            .filter(|piece| !piece.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
            .into(),
        false => between.trim_matches(' ').into(),
    }
}

/// A word: letters, digits, slots, and what stands within names, paths and addresses.
fn is_inner(c: char) -> bool {
    c.is_alphanumeric() || "_./-@<>*%+$~\\&#?".contains(c)
}

/// What a word neither begins nor ends with.
const EDGES: [char; 6] = ['.', '-', '?', '+', '#', '&'];

impl<'a> Words<'a> {
    pub(crate) fn of(pattern: &'a str) -> Self {
        let (mut words, mut between) = (Vec::new(), Vec::new());
        let mut separated_from = 0;
        let mut rest = 0;
        while let Some(start) = pattern[rest..].find(is_inner).map(|at| rest + at) {
            let end = pattern[start..]
                .find(|c| !is_inner(c))
                .map_or(pattern.len(), |at| start + at);
            rest = end;
            let run = &pattern[start..end];
            let word = run.trim_matches(EDGES);
            if word.is_empty() {
                continue;
            }
            let start = start + run.find(word).unwrap_or(0);
            between.push(&pattern[separated_from..start]);
            words.push(word);
            separated_from = start + word.len();
        }
        between.push(&pattern[separated_from..]);
        Self { words, between }
    }

    /// Whether patterns of these may be the same but for words.
    pub(crate) fn same_skeleton(&self, other: &Self) -> bool {
        let same = |(a, b): (&&str, &&str)| spaced(a) == spaced(b);
        self.between.len() == other.between.len() && self.between.iter().zip(&other.between).all(same)
    }

    /// The text, with a slot in place of the words at `holes`.
    pub(crate) fn text(&self, is_hole: impl Fn(usize) -> bool) -> String {
        let mut text = String::new();
        for (at, word) in self.words.iter().enumerate() {
            text.push_str(self.between[at]);
            text.push_str(if is_hole(at) { SLOT } else { word });
        }
        text.push_str(self.between[self.words.len()]);
        text
    }

    /// Whether the word may ever be taken out.
    fn is_open(&self, at: usize) -> bool {
        let (before, after) = (self.between[at], self.between[at + 1]);
        let names_what_follows = after.starts_with([':', '=', '[', '(']) && !after.starts_with(": ")
            || after.starts_with(": ") && !self.is_introduced(at);
        let word = self.words[at];
        !names_what_follows
            && !self.begins(at)
            && !self.is_state(at)
            && !is_one_of(&LEVELS, word)
            && !is_introducer(word)
            && (word.contains(SLOT) || word.chars().any(char::is_alphabetic))
            && !before.ends_with('(')
    }

    /// Whether a message begins with the word.
    fn begins(&self, at: usize) -> bool {
        let is_first = self.words[..at].iter().all(|word| *word == SLOT);
        let begins = |ends: &str| self.between[at].trim_end().ends_with(ends) && self.between[at] != ends;
        is_first || (begins(":") && !self.is_introduced(at)) || begins(".") || begins("]")
    }

    /// Whether it is the value of what tells kinds of lines apart.
    fn is_state(&self, at: usize) -> bool {
        let is_value = self.between[at]
            .trim_end_matches(['"', '\''])
            .trim()
            .ends_with(['=', ':']);
        is_value && at > 0 && is_one_of(&STATES, self.words[at - 1])
    }

    fn is_introduced(&self, at: usize) -> bool {
        let before = self.between[at];
        let Some(last) = at.checked_sub(1).map(|last| self.words[last]) else {
            return false;
        };
        let bare = before.trim_end_matches(['"', '\'', '`', '<', '[']);
        match bare.trim() {
            // Of other names only what looks like a name: most values are one of a few words.
            "=" => is_introducer(last) || self.words[at].contains(SLOT) || self.words[at].contains(['.', '/', '@']),
            "" | ":" => is_introducer(last) && (before != bare || bare.ends_with([' ', ':'])),
            _ => false,
        }
    }
}

fn is_one_of(known: &[&str], word: &str) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn is_introducer(word: &str) -> bool {
    is_one_of(&INTRODUCERS, word)
}

/// A word's number, or that it is taken out.
type WordId = u32;
const HOLE: WordId = 0;

struct State<'a> {
    words: Vec<Words<'a>>,
    ids: Vec<Vec<WordId>>,
    /// Of skeleton and words; a place's word is taken out by subtracting its part.
    sums: Vec<u64>,
    hasher: RandomState,
}

impl State<'_> {
    fn part(&self, at: usize, id: WordId) -> u64 {
        self.hasher.hash_one((at, id))
    }

    fn take_out(&mut self, one: usize, at: usize) {
        let id = std::mem::replace(&mut self.ids[one][at], HOLE);
        let (old, new) = (self.part(at, id), self.part(at, HOLE));
        self.sums[one] = self.sums[one].wrapping_sub(old).wrapping_add(new);
    }
}

/// Joins patterns. Those that `may` says no to stay as they are.
pub(crate) fn merge(patterns: &[&str], may: impl Fn(usize) -> bool) -> Merged {
    let mut state = prepared(patterns);
    let few = |state: &State<'_>, one: usize| state.words[one].words.len() <= WORDS_MAX;
    let all: Vec<usize> = (0..patterns.len())
        .filter(|&one| may(one) && few(&state, one))
        .collect();
    introduced(&mut state, &all);
    for _ in 0..ROUNDS_MAX {
        if !open(&mut state, &all) {
            break;
        }
    }
    grouped(&state, &all)
}

fn prepared<'a>(patterns: &[&'a str]) -> State<'a> {
    let hasher = RandomState::new();
    let mut known: HashMap<&str, WordId> = HashMap::new();
    let words: Vec<Words<'_>> = patterns.iter().map(|pattern| Words::of(pattern)).collect();
    let ids: Vec<Vec<WordId>> = words
        .iter()
        .map(|words| {
            let id = |word: &&'a str| {
                let next = known.len() as WordId + 1;
                *known.entry(word).or_insert(next)
            };
            words.words.iter().map(id).collect()
        })
        .collect();
    let mut state = State {
        sums: vec![0; patterns.len()],
        words,
        ids,
        hasher,
    };
    for one in 0..patterns.len() {
        let between = state.words[one].between.iter().map(|text| spaced(text));
        let skeleton = state.hasher.hash_one(between.collect::<Vec<_>>());
        let parts = state.ids[one].iter().enumerate();
        let sum = parts.fold(skeleton, |sum, (at, &id)| sum.wrapping_add(state.part(at, id)));
        state.sums[one] = sum;
    }
    state
}

/// Takes out names behind introducers, at all places of a pattern at once: in logs of strangers each
/// line has another user and another host.
fn introduced(state: &mut State<'_>, all: &[usize]) {
    let plain = plain_words(state, all);
    let mut places: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut same: HashMap<u64, Vec<usize>> = HashMap::new();
    for &one in all {
        let words = &state.words[one];
        let is_name = |at: usize| words.words[at].contains(SLOT) || !plain.contains(&state.ids[one][at]);
        let names: Vec<usize> = (1..words.words.len())
            .filter(|&at| words.is_introduced(at) && words.is_open(at) && is_name(at))
            .collect();
        if names.is_empty() {
            continue;
        }
        let sum = names.iter().fold(state.sums[one], |sum, &at| {
            sum.wrapping_sub(state.part(at, state.ids[one][at]))
                .wrapping_add(state.part(at, HOLE))
        });
        same.entry(sum).or_default().push(one);
        places.insert(one, names);
    }
    for together in same.into_values().filter(|together| together.len() > 1) {
        let first = &places[&together[0]];
        if !together.iter().all(|one| places[one] == *first) {
            continue;
        }
        for &at in first {
            let different: HashSet<WordId> = together.iter().map(|&one| state.ids[one][at]).collect();
            if different.len() >= INTRODUCED_WORDS_MIN {
                together.iter().for_each(|&one| state.take_out(one, at));
            }
        }
    }
}

/// Words that stand somewhere without an introducer.
fn plain_words(state: &State<'_>, all: &[usize]) -> HashSet<WordId> {
    let of = |&one: &usize| {
        let words = &state.words[one];
        let places = (0..words.words.len()).filter(|&at| !words.is_introduced(at));
        places.map(|at| state.ids[one][at]).collect::<Vec<_>>()
    };
    all.iter().flat_map(of).collect()
}

/// Takes out words where many different ones stand at one place and all else is equal; whether any.
fn open(state: &mut State<'_>, all: &[usize]) -> bool {
    let most = all.iter().map(|&one| state.words[one].words.len()).max().unwrap_or(0);
    let mut changed = false;
    for at in 1..most {
        let mut same: HashMap<u64, Vec<usize>> = HashMap::new();
        for &one in all {
            let here = state.ids[one].get(at).copied();
            let Some(id) = here.filter(|&id| id == HOLE || state.words[one].is_open(at)) else {
                continue;
            };
            let sum = state.sums[one].wrapping_sub(state.part(at, id));
            same.entry(sum).or_default().push(one);
        }
        for together in same.into_values() {
            let different: HashSet<WordId> = together.iter().map(|&one| state.ids[one][at]).collect();
            let is_hole_already = different.contains(&HOLE);
            if different.len() < OPEN_WORDS_MIN && !(is_hole_already && different.len() > 1) {
                continue;
            }
            for &one in together
                .iter()
                .filter(|&&one| state.ids[one][at] != HOLE)
                .collect::<Vec<_>>()
            {
                state.take_out(one, at);
                changed = true;
            }
        }
    }
    changed
}

fn grouped(state: &State<'_>, all: &[usize]) -> Merged {
    let joined: HashSet<usize> = all.iter().copied().collect();
    let mut numbers: HashMap<(u64, bool, usize), usize> = HashMap::new();
    let mut merged = Merged {
        group: Vec::with_capacity(state.words.len()),
        patterns: Vec::new(),
    };
    for (one, words) in state.words.iter().enumerate() {
        let has_holes = joined.contains(&one) && state.ids[one].contains(&HOLE);
        // What nothing was taken out of is a pattern by itself, whatever its text.
        let key = (state.sums[one], has_holes, if has_holes { 0 } else { one });
        let number = *numbers.entry(key).or_insert_with(|| {
            merged.patterns.push(words.text(|at| state.ids[one][at] == HOLE));
            merged.patterns.len() - 1
        });
        merged.group.push(number);
    }
    merged
}
