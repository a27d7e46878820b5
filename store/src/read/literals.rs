//! What a regular expression requires of every text that it matches, as tokens.

use regex_syntax::hir::{Class, Hir, HirKind};

use regex_syntax::hir::ClassUnicode;
use timberline_proto::token::is_token_char;

use crate::split::{PageQuery, TokenRegex};

use super::prune::{and, fragment, lower, or};
use super::test::REGEX_BYTES_MAX;

/// Alternatives looked into at most; beyond them nothing is required.
const ALTERNATIVES_MAX: usize = 64;

/// Characters of a class that are looked at at most.
const CLASS_CHARS_MAX: u32 = 4096;

/// Shorter matches stand in most tokens: their terms are not worth a walk.
const TERM_MATCH_BYTES_MIN: usize = 3;

/// Pages that may hold a text that the pattern matches, unanchored.
pub(crate) fn required(pattern: &str) -> PageQuery {
    let Ok(hir) = regex_syntax::Parser::new().parse(pattern) else {
        return PageQuery::All;
    };
    // Flags within could tell upper from lower case, and terms are in lower case.
    let has_flags = pattern.replace("(?:", "").contains("(?");
    let is_long = hir.properties().minimum_len() >= Some(TERM_MATCH_BYTES_MIN);
    if is_long
        && !has_flags
        && is_of_token(&hir)
        && let Some(regex) = TokenRegex::new(pattern, runs(pattern), REGEX_BYTES_MAX)
    {
        return PageQuery::TokenRegex(regex);
    }
    of(&hir)
}

/// Whether whatever the pattern matches stands within one token, so that a text holds a match if one
/// of its tokens does.
pub(crate) fn is_within_token(pattern: &str) -> bool {
    let hir = regex_syntax::Parser::new().parse(pattern);
    hir.is_ok_and(|hir| hir.properties().minimum_len() >= Some(1) && is_of_token(&hir))
}

/// Whether the pattern names nothing but characters of tokens.
fn is_of_token(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Look(_) => false,
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).is_ok_and(|text| text.chars().all(is_token_char)),
        HirKind::Class(Class::Unicode(class)) => is_class_of_token(class),
        HirKind::Class(Class::Bytes(_)) => false,
        HirKind::Capture(capture) => is_of_token(&capture.sub),
        HirKind::Repetition(repetition) => is_of_token(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(is_of_token),
    }
}

fn is_class_of_token(class: &ClassUnicode) -> bool {
    let chars: u32 = class.iter().map(|r| r.end() as u32 - r.start() as u32 + 1).sum();
    chars <= CLASS_CHARS_MAX && class.iter().all(|r| (r.start()..=r.end()).all(is_token_char))
}

/// Pieces of text that the pattern requires, in lower case, each in one stretch.
pub(crate) fn runs(pattern: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(hir) = regex_syntax::Parser::new().parse(pattern) {
        runs_of(&hir, &mut found);
    }
    found.iter().map(|run| lower(run)).collect()
}

fn runs_of(hir: &Hir, found: &mut Vec<String>) {
    match hir.kind() {
        HirKind::Capture(capture) => runs_of(&capture.sub, found),
        HirKind::Repetition(repetition) if repetition.min > 0 => runs_of(&repetition.sub, found),
        HirKind::Concat(parts) => {
            let mut run = String::new();
            for part in parts {
                match text(part) {
                    Some(text) => run.push_str(&text),
                    None => {
                        found.extend(Some(std::mem::take(&mut run)).filter(|run| !run.is_empty()));
                        runs_of(part, found);
                    }
                }
            }
            found.extend(Some(run).filter(|run| !run.is_empty()));
        }
        _ => found.extend(text(hir)),
    }
}

fn of(hir: &Hir) -> PageQuery {
    match hir.kind() {
        HirKind::Concat(parts) => concat(parts),
        HirKind::Alternation(parts) if parts.len() <= ALTERNATIVES_MAX => or(parts.iter().map(of)),
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub),
        HirKind::Literal(_) | HirKind::Class(_) => concat(std::slice::from_ref(hir)),
        _ => PageQuery::All,
    }
}

/// Neighbouring characters make one text; its ends may continue in what stands beside it.
fn concat(parts: &[Hir]) -> PageQuery {
    let mut all = Vec::new();
    let mut run = String::new();
    for part in parts {
        match text(part) {
            Some(text) => run.push_str(&text),
            None => {
                all.push(fragment(&std::mem::take(&mut run), true, true));
                all.push(of_compound(part));
            }
        }
    }
    all.push(fragment(&run, true, true));
    and(all)
}

/// What has a text of its own was taken as such: only what is made of parts is looked into.
fn of_compound(hir: &Hir) -> PageQuery {
    match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => PageQuery::All,
        _ => of(hir),
    }
}

/// The one text that a part stands for, without regard to case.
fn text(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok(),
        HirKind::Class(Class::Unicode(class)) => one_letter(class.iter().flat_map(|r| [r.start(), r.end()])),
        HirKind::Capture(capture) => text(&capture.sub),
        _ => None,
    }
    .filter(|_| !is_wide(hir))
}

/// Whether a class holds more than the ends of its ranges.
fn is_wide(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => class.iter().any(|r| (r.end() as u32) - (r.start() as u32) > 1),
        _ => false,
    }
}

/// The letter that all of these are in lower case.
fn one_letter(chars: impl Iterator<Item = char>) -> Option<String> {
    let mut folded = chars.map(timberline_proto::token::fold_char);
    let first = folded.next()?;
    folded.all(|c| c == first).then(|| first.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use PageQuery::{All, And, Or, Token, TokenPrefix, TokenWildcard};

    #[track_caller]
    fn check(pattern: &str, expected: &PageQuery) {
        assert_eq!(required(pattern), *expected, "{pattern}");
    }

    fn inner(text: &str) -> PageQuery {
        TokenWildcard(vec![String::new(), text.into(), String::new()])
    }

    #[test]
    fn what_stands_in_one_stretch_is_found() {
        assert_eq!(runs("a B(c d)+[0-9]X.y?z"), ["a b", "c d", "x", "z"]);
        assert!(runs("a|b").is_empty());
    }

    #[test]
    fn literals_between_separators_are_whole_tokens() {
        check(
            "user connection reset",
            &And(vec![
                TokenWildcard(vec!["".into(), "user".into()]),
                Token("connection".into()),
                TokenPrefix("reset".into()),
            ]),
        );
        check("adm.n", &And(vec![inner("adm"), inner("n")]));
        check("(foo|bar)+ ", &Or(vec![inner("foo"), inner("bar")]));
        check("(?i:Warn)", &inner("warn"));
        check(".*", &All);
        check("a?", &All);
        check("[a-z]+", &All);
        check("(unclosed", &All);
        check(r"\bfoo\b", &inner("foo"));
    }

    #[test]
    fn what_stands_within_a_token_is_asked_of_terms() {
        for (pattern, runs) in [
            ("u4[0-9]*7", vec!["u4", "7"]),
            ("(?:Foo|bar)[a-f]", vec![]),
            (r"blk_\d{5}", vec!["blk_"]),
        ] {
            let PageQuery::TokenRegex(regex) = required(pattern) else {
                panic!("{pattern}");
            };
            assert_eq!(regex.runs(), runs);
        }
        for pattern in ["u4.7", "u4 7", r"u4\b", "^u44", "u-47", "[a-z]+", "(?-i)Foo", r"\w{4}"] {
            assert!(!matches!(required(pattern), PageQuery::TokenRegex(_)), "{pattern}");
        }
        assert!(is_within_token("[a-z]+") && is_within_token("(?-i)Foo"));
        assert!(!is_within_token("a?") && !is_within_token("a-b") && !is_within_token("a$"));
    }
}
