//! What a pattern can match, whatever it looks like.

use std::path::Path;

use globset::GlobBuilder;
use regex_automata::hybrid::dfa::DFA;
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::globs::absolute;

/// Whether a pattern matches this directory or anything that may lie below it: `/pro[c]/*/x` and `/**` do
/// of `/proc`. Where that cannot be told, it does. A pattern that cannot be read matches nothing.
pub fn glob_reaches(pattern: &str, dir: &Path) -> bool {
    let Ok(glob) = GlobBuilder::new(&absolute(pattern)).literal_separator(true).build() else {
        return false;
    };
    glob.compile_matcher().is_match(dir) || goes_on_below(glob.regex(), dir).unwrap_or(true)
}

/// Whether the regex can match what begins with the directory and a slash: whether its automaton is alive
/// behind them. None if it grows too large to tell.
fn goes_on_below(regex: &str, dir: &Path) -> Option<bool> {
    let bytes = syntax::Config::new().unicode(false).utf8(false);
    let automaton = DFA::builder()
        .syntax(bytes)
        .thompson(thompson::Config::new().utf8(false))
        .build(regex)
        .ok()?;
    let mut cache = automaton.create_cache();
    let begin = Input::new("").anchored(Anchored::Yes);
    let mut state = automaton.start_state_forward(&mut cache, &begin).ok()?;
    for byte in dir.as_os_str().as_encoded_bytes().iter().chain(b"/") {
        state = automaton.next_state(&mut cache, state, *byte).ok()?;
    }
    Some(!state.is_dead())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_can_match_decides_and_not_how_it_is_written() {
        let reaches = |pattern: &str| glob_reaches(pattern, Path::new("/proc"));
        for pattern in [
            "/proc/self/environ",
            "/proc",
            "/pro[c]/1/x",
            "/pro[a-z]/**",
            "/{proc,srv}/*/x.log",
            "/{srv,proc/1}/x.log",
            "/????/*.log",
            "/*/*.log",
            "/**/*.log",
            "/\\p\\roc/x",
            "/p*c/x",
            "/*",
            "/[!a]roc/**",
        ] {
            assert!(reaches(pattern), "{pattern}");
        }
        for pattern in [
            "/var/log/**/*.log",
            "/procs/*.log",
            "/srv/proc/*.log",
            "/pro[d]/x",
            "/{var,srv}/**",
            "/[",
        ] {
            assert!(!reaches(pattern), "{pattern}");
        }
    }
}
