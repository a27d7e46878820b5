//! Whether the one box holds SQL or a search.
//!
//! | text begins with | it is SQL |
//! |---|---|
//! | `SELECT`, `WITH`, `SHOW`, `DESCRIBE` in capitals and white space | always |
//! | the same in other letters | if it goes on as SQL does: `select … from …`, `with x as (`, `show tables`, `describe x` and no more |
//! | `EXPLAIN [ANALYZE] [VERBOSE]` in any letters | if what follows is SQL by the two rules above; else it explains a search |
//!
//! A search for such a word escapes it (`\SELECT`) or quotes it.

use super::ast::Explain;

/// Whether `text` is SQL.
pub fn is_sql(text: &str) -> bool {
    let text = text.trim_start();
    begins_sql(text) || after_explain(text).is_some_and(|(_, rest)| begins_sql(skip_option(rest)))
}

/// What a leading `explain` or `explain analyze` of a search asks for, and the bytes it takes.
pub(super) fn explain_prefix(text: &str) -> (Explain, usize) {
    match after_explain(text) {
        Some((explain, rest)) => (explain, text.len() - rest.len()),
        None => (Explain::No, 0),
    }
}

fn after_explain(text: &str) -> Option<(Explain, &str)> {
    let (word, rest) = first_word(text.trim_start());
    // `explain` alone, or before a pipe, is a word to search for.
    if !word.eq_ignore_ascii_case("explain") || rest.is_empty() || rest.starts_with('|') {
        return None;
    }
    let (second, after) = first_word(rest);
    if second.eq_ignore_ascii_case("analyze") && !after.is_empty() {
        return Some((Explain::Analyze, after));
    }
    Some((Explain::Plan, rest))
}

fn skip_option(text: &str) -> &str {
    match first_word(text) {
        (word, rest) if word.eq_ignore_ascii_case("verbose") => rest,
        _ => text,
    }
}

/// The first run without white space, and what follows the white space after it.
fn first_word(text: &str) -> (&str, &str) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn begins_sql(text: &str) -> bool {
    let (word, rest) = first_word(text);
    if rest.is_empty() {
        return false;
    }
    match word {
        "SELECT" | "WITH" | "SHOW" | "DESCRIBE" => return true,
        _ => {}
    }
    let words = || rest.split_whitespace();
    match word.to_ascii_lowercase().as_str() {
        "select" => words().any(|w| w.eq_ignore_ascii_case("from")),
        "with" => words().nth(1).is_some_and(|w| {
            let lower = w.to_ascii_lowercase();
            lower.starts_with("as(") || (lower == "as" && words().nth(2).is_some_and(|w| w.starts_with('(')))
        }),
        "show" => {
            const SHOWN: [&str; 5] = ["tables", "columns", "functions", "all", "create"];
            words()
                .next()
                .is_some_and(|w| SHOWN.contains(&w.to_ascii_lowercase().as_str()))
        }
        "describe" => words().count() == 1 && !rest.contains('|'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_is_told_from_a_search() {
        for text in [
            "SELECT 1",
            "  SELECT\n*\nFROM logs",
            "select host from logs",
            "WITH x AS (SELECT 1) SELECT * FROM x",
            "with x as (select 1) select * from x",
            "EXPLAIN SELECT 1",
            "explain analyze select a from logs",
            "EXPLAIN ANALYZE VERBOSE SELECT 1",
            "SHOW TABLES",
            "show tables",
            "DESCRIBE logs",
            "describe logs",
        ] {
            assert!(is_sql(text), "{text}");
        }
        for text in [
            "",
            "SELECT",
            "SELECTED x",
            "select failed",
            "with timeout",
            "show error | head 5",
            "describe error message",
            "explain error",
            "explain analyze error",
            "\\SELECT 1",
            "\"SELECT 1\"",
            "SELECT:x",
        ] {
            assert!(!is_sql(text), "{text}");
        }
    }

    #[test]
    fn explain_before_a_search_is_a_prefix() {
        assert_eq!(explain_prefix("explain error"), (Explain::Plan, 8));
        assert_eq!(explain_prefix(" EXPLAIN  ANALYZE  error"), (Explain::Analyze, 19));
        assert_eq!(explain_prefix("explain"), (Explain::No, 0));
        assert_eq!(explain_prefix("explain | head"), (Explain::No, 0));
        assert_eq!(explain_prefix("explain analyze"), (Explain::Plan, 8));
    }
}
