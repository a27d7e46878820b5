//! `$name` and `${name}` in a query's text, and values in their places.
//!
//! A value is data wherever it lands: what it holds never becomes an operator, a pipe or SQL.
//!
//! | where | a value becomes | any value |
//! |---|---|---|
//! | a whole word of a search | the quoted phrase; after `field:` as short as it can be | `*` |
//! | a part of a word | its characters, escaped | `*` |
//! | an argument of a pipe | a number or duration as it is, else a quoted text or name | `"*"` |
//! | within quotes | its characters, escaped | nothing |
//! | SQL | a text in single quotes | `'%'` |
//!
//! In regexes and in comments of SQL nothing is placed, and a name without a value stays as it is.

use super::display::quote as quote_text;
use super::highlight::{Painter, TokenClass};
use super::sql;

/// What is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed<'a> {
    /// This value.
    Value(&'a str),
    /// Whatever value there is.
    Any,
}

/// Letters, digits and `_`, not a digit first.
pub fn is_placeholder_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `query` with values in the places of the names that `value_of` knows.
pub fn place_values<'v>(query: &str, value_of: impl Fn(&str) -> Option<Placed<'v>>) -> String {
    let found = placeholders(query);
    if found.iter().all(|(.., name)| value_of(name).is_none()) {
        return query.to_owned();
    }
    let surroundings = match sql::is_sql(query) {
        true => Surroundings::Sql(quoted_parts(query)),
        false => Surroundings::Search(parts(query)),
    };
    let mut out = String::with_capacity(query.len());
    let mut done = 0;
    for (start, end, name) in found {
        let Some(placed) = value_of(name) else { continue };
        let Some(text) = surroundings.text(query, start, end, placed) else {
            continue;
        };
        out.push_str(&query[done..start]);
        out.push_str(&text);
        done = end;
    }
    out.push_str(&query[done..]);
    out
}

/// The names that stand in `query`, once each, in their order.
pub fn placeholder_names(query: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (.., name) in placeholders(query) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Start, end and name of each.
fn placeholders(query: &str) -> Vec<(usize, usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = query[at..].find('$') {
        let start = at + next;
        let rest = &query[start + 1..];
        let (braces, inner) = match rest.strip_prefix('{') {
            Some(inner) => (2, inner),
            None => (0, rest),
        };
        let length = inner
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(inner.len());
        let name = &inner[..length];
        let closed = braces == 0 || inner[length..].starts_with('}');
        at = start + 1;
        if closed && is_placeholder_name(name) {
            at = start + 1 + braces + length;
            found.push((start, at, name));
        }
    }
    found
}

/// A part of a query that is no SQL.
struct Part {
    start: usize,
    end: usize,
    class: TokenClass,
    /// Whether it is an argument of a pipe other than `where`, which takes a search.
    is_argument: bool,
}

fn parts(query: &str) -> Vec<Part> {
    let painted = Painter::paint(query).parts;
    let mut is_argument = false;
    let parts = painted.into_iter().map(|(span, class)| {
        match (class, &query[span.start..span.end]) {
            (TokenClass::Punctuation, "|") => is_argument = true,
            (TokenClass::Pipe, name) => is_argument = !name.eq_ignore_ascii_case("where"),
            _ => {}
        }
        Part {
            start: span.start,
            end: span.end,
            class,
            is_argument,
        }
    });
    parts.collect()
}

/// What a place is within.
enum Surroundings {
    Sql(Vec<(usize, usize, char)>),
    Search(Vec<Part>),
}

impl Surroundings {
    /// What stands in the place of `query[start..end]`; `None`: it stays.
    fn text(&self, query: &str, start: usize, end: usize, placed: Placed<'_>) -> Option<String> {
        match self {
            Self::Sql(quotes) => match (within(quotes, start), placed) {
                (None, Placed::Value(value)) => Some(format!("'{}'", value.replace('\'', "''"))),
                (None, Placed::Any) => Some("'%'".to_owned()),
                (Some(quote @ ('\'' | '"')), Placed::Value(value)) => {
                    Some(value.replace(quote, &format!("{quote}{quote}")))
                }
                (Some('\'' | '"'), Placed::Any) => Some(String::new()),
                (Some(_), _) => None,
            },
            Self::Search(parts) => {
                let number = parts.iter().position(|part| (part.start..part.end).contains(&start))?;
                let part = &parts[number];
                let quote = query[part.start..].chars().next().filter(|first| match first {
                    '"' => true,
                    '\'' | '`' => part.is_argument,
                    _ => false,
                });
                match (quote, placed) {
                    (Some(quote), Placed::Value(value)) => Some(escaped(value, |c| c == quote || c == '\\')),
                    (Some(_), Placed::Any) => Some(String::new()),
                    (None, Placed::Any) if part.is_argument => Some(quote_text("*")),
                    (None, Placed::Value(value)) if part.is_argument && is_quantity(value) => Some(value.to_owned()),
                    (None, Placed::Value(value)) if part.is_argument => Some(quote_text(value)),
                    _ if part.class == TokenClass::Regex => None,
                    (None, Placed::Any) => Some("*".to_owned()),
                    (None, Placed::Value(value)) if (part.start, part.end) == (start, end) => {
                        let is_value = number.checked_sub(1).is_some_and(|before| {
                            let before = &parts[before];
                            before.class == TokenClass::Operator || &query[before.start..before.end] == ":"
                        });
                        Some(if is_value && is_plain(value) {
                            value.to_owned()
                        } else {
                            quote_text(value)
                        })
                    }
                    (None, Placed::Value(value)) => Some(escaped(value, |c| !c.is_alphanumeric() && c != '_')),
                }
            }
        }
    }
}

fn within(quotes: &[(usize, usize, char)], at: usize) -> Option<char> {
    quotes
        .iter()
        .find(|(start, end, _)| (*start..*end).contains(&at))
        .map(|(.., quote)| *quote)
}

fn escaped(value: &str, is_special: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if is_special(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// What reads as itself after `field:`.
fn is_plain(value: &str) -> bool {
    value.starts_with(char::is_alphanumeric)
        && value != "TO"
        && value
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// `10`, `0.5`, `5m`: what pipes take without quotes.
fn is_quantity(value: &str) -> bool {
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_number = || value.parse::<f64>().is_ok() && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    value.starts_with(|c: char| c.is_ascii_digit())
        && (matches!(unit, "ms" | "s" | "m" | "h" | "d" | "w") || (is_number() && !value.ends_with('.')))
}

/// Quoted parts of SQL with their quote, and its comments as `-` and `/`. A doubled quote reads as the
/// end of one text and the beginning of the next.
fn quoted_parts(text: &str) -> Vec<(usize, usize, char)> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match c {
            '\'' | '"' | '`' => rest[1..].find(c).map_or(rest.len(), |end| end + 2),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ => {
                at += c.len_utf8();
                continue;
            }
        };
        parts.push((at, at + length, c));
        at += length;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::ast::{Leaf, Query, Test};
    use crate::query::parse;

    fn placed(query: &str, value: &str) -> String {
        place_values(query, |name| (name == "v").then_some(Placed::Value(value)))
    }

    #[test]
    fn a_value_takes_the_form_of_its_place() {
        for (query, expected) in [
            ("host:$v", "host:web-1"),
            ("host:=${v} up", "host:=web-1 up"),
            ("$v", "\"web-1\""),
            ("x${v}y*", "xweb\\-1y*"),
            ("\"on $v\"", "\"on web-1\""),
            ("/a$v/", "/a$v/"),
            ("a | where host:$v | head", "a | where host:web-1 | head"),
            ("a | extend same = host = $v", "a | extend same = host = \"web-1\""),
            ("a | extend x = '$v'", "a | extend x = 'web-1'"),
            ("a | stats count() by $v", "a | stats count() by \"web-1\""),
            (
                "SELECT * FROM logs WHERE host = $v",
                "SELECT * FROM logs WHERE host = 'web-1'",
            ),
            ("SELECT 1 -- $v", "SELECT 1 -- $v"),
            ("SELECT 1 /* $v */", "SELECT 1 /* $v */"),
            ("cost:$5 $other ${v $", "cost:$5 $other ${v $"),
        ] {
            assert_eq!(placed(query, "web-1"), expected, "{query}");
        }
        assert_eq!(placed("| head $v", "5"), "| head 5");
        assert_eq!(placed("| timechart 5m count()", "5"), "| timechart 5m count()");
        assert_eq!(placed("SELECT 'it''s $v'", "o'clock"), "SELECT 'it''s o''clock'");
        assert_eq!(placed("SELECT \"$v\"", "a\"b"), "SELECT \"a\"\"b\"");
    }

    #[test]
    fn any_value_asks_for_all() {
        let any = |query: &str| place_values(query, |_| Some(Placed::Any));
        assert_eq!(any("host:$v web-$v"), "host:* web-*");
        assert_eq!(any("SELECT 1 WHERE a LIKE $v"), "SELECT 1 WHERE a LIKE '%'");
    }

    #[test]
    fn names_are_found_once_each() {
        assert_eq!(placeholder_names("$a ${b} $a $1 ${} $_c"), ["a", "b", "_c"]);
    }

    fn leaves(query: &str) -> Vec<Leaf> {
        let Ok(Query::Search(search)) = parse(query) else {
            panic!("{query} does not parse")
        };
        let mut leaves = Vec::new();
        search.filter.for_each_leaf(&mut |leaf, _| leaves.push(leaf.clone()));
        leaves
    }

    proptest! {
        #[test]
        fn whatever_a_value_holds_it_stays_one_value(value in "\\PC{1,12}|[\"'`\\\\|() :*$-]{1,6}|AND|TO|a b") {
            // A whole value.
            let found = leaves(&placed("a host:$v b", &value));
            prop_assert_eq!(found.len(), 3);
            let text = match &found[1].test {
                Test::Text { text, .. } => text.clone(),
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert_eq!(&text, &value);
            // A phrase, and within one.
            prop_assert_eq!(leaves(&placed("a $v b", &value)).len(), 3);
            prop_assert_eq!(leaves(&placed("a \"x $v y\" b", &value)).len(), 3);
            // A part of a word.
            prop_assert_eq!(leaves(&placed("a x${v}y b", &value)).len(), 3);
            // In a pipe.
            for query in ["a | where x:$v", "a | where x:'${v}'", "a | extend x = $v", "a | extend x = '$v'", "a | extend x = \"$v\"", "a | stats count() by $v"] {
                // A name may be one that is not allowed; a second pipe it never is.
                match parse(&placed(query, &value)) {
                    Ok(Query::Search(search)) => prop_assert_eq!(search.pipes.len(), 1, "{}", placed(query, &value)),
                    Ok(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
                    Err(error) => prop_assert!(query.ends_with("by $v"), "{}: {}", placed(query, &value), error.message),
                }
            }
            // In SQL the quotes are those of one text.
            let sql = placed("SELECT $v", &value);
            let inner = sql.strip_prefix("SELECT '").and_then(|rest| rest.strip_suffix('\'')).unwrap();
            prop_assert_eq!(inner.replace("''", "'"), value);
        }

        #[test]
        fn fuzz_any_text_is_taken(query in "\\PC{0,24}", value in "\\PC{0,8}") {
            prop_assert!(!placed(&query, &value).is_empty() || query.is_empty() || value.is_empty());
        }
    }
}
