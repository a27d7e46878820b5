//! The tokens of SQL, as far as colours need them.

use super::TokenClass;

/// Bytes and class of the token of SQL at the beginning of `rest`.
pub(super) fn sql_token(rest: &str, first: char) -> (usize, TokenClass) {
    const KEYWORDS: [&str; 49] = [
        "all",
        "analyze",
        "and",
        "as",
        "asc",
        "between",
        "by",
        "case",
        "cast",
        "create",
        "cross",
        "current",
        "desc",
        "describe",
        "distinct",
        "else",
        "end",
        "except",
        "exists",
        "explain",
        "false",
        "from",
        "full",
        "group",
        "having",
        "in",
        "inner",
        "intersect",
        "interval",
        "is",
        "join",
        "left",
        "like",
        "limit",
        "matches",
        "not",
        "null",
        "offset",
        "on",
        "or",
        "order",
        "outer",
        "over",
        "partition",
        "right",
        "select",
        "show",
        "then",
        "true",
    ];
    const MORE: [&str; 6] = ["union", "using", "values", "when", "where", "with"];
    let run = |in_run: fn(char) -> bool| rest.find(|c| !in_run(c)).unwrap_or(rest.len());
    match first {
        '\'' | '"' => match rest[1..].find(first) {
            Some(at) if first == '\'' => (at + 2, TokenClass::String),
            Some(at) => (at + 2, TokenClass::Field),
            None => (rest.len(), TokenClass::Error),
        },
        '-' if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), TokenClass::Space),
        c if c.is_ascii_digit() => (run(|c| c.is_ascii_alphanumeric() || c == '.'), TokenClass::Number),
        c if c.is_alphabetic() || c == '_' => {
            let length = run(|c| c.is_alphanumeric() || c == '_');
            let word = rest[..length].to_ascii_lowercase();
            let class = if KEYWORDS.contains(&word.as_str()) || MORE.contains(&word.as_str()) {
                TokenClass::Keyword
            } else if rest[length..].starts_with('(') {
                TokenClass::Function
            } else {
                TokenClass::Field
            };
            (length, class)
        }
        '=' | '<' | '>' | '!' | '+' | '-' | '*' | '/' | '%' | '~' | '|' => (1, TokenClass::Operator),
        c => (c.len_utf8(), TokenClass::Punctuation),
    }
}
