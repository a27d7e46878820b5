//! What is wrong with a statement, in our words and with its place.

use datafusion::common::SchemaError;
use datafusion::common::config::Dialect;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use timberline_proto::query::ast::Span;
use timberline_proto::query::{QUERY_BYTES_MAX, QueryError, nearest};

use crate::read::ReadError;
use crate::read::engine;

/// First words of statements that change something.
const WRITES: [&str; 11] = [
    "insert", "update", "delete", "drop", "create", "alter", "truncate", "merge", "replace", "grant", "revoke",
];

/// Refuses a text that is a statement which would change something. Such words begin searches too
/// (`update failed`), so the whole text must be one. A text beyond the bounds of statements is not
/// parsed for this: it can be no statement, and as a search it has bounds of its own.
///
/// # Errors
/// [`ReadError::Query`] over the whole text.
pub(crate) fn refuse_writes(text: &str) -> Result<(), ReadError> {
    let first = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if !WRITES.contains(&first.as_str()) {
        return Ok(());
    }
    if text.len() > QUERY_BYTES_MAX || super::bounded(text).is_err() {
        return Ok(());
    }
    let parsed = SessionContext::new().state().sql_to_statement(text, &Dialect::Generic);
    let writes = match &parsed {
        Ok(Statement::Statement(statement)) => match statement.as_ref() {
            // `truncate file` is a search that the parser would take.
            ast::Statement::Truncate { .. } => text.to_ascii_lowercase().contains("table"),
            _ => true,
        },
        Ok(_) => true,
        Err(_) => false,
    };
    if !writes {
        return Ok(());
    }
    Err(ReadError::Query(QueryError {
        message: format!(
            "Timberline only reads: {} is refused; to search for the words, put them in quotes",
            first.to_uppercase()
        ),
        span: Span {
            start: 0,
            end: text.len(),
        },
        suggestion: Some(format!(
            "\"{}\"",
            text.trim().replace('\\', "\\\\").replace('"', "\\\"")
        )),
    }))
}

/// A mistake in a statement. `tables` are those that there are.
pub(super) fn wrong(error: &DataFusionError, text: &str, tables: &[String]) -> ReadError {
    if let Some(error) = unknown_column(error, text) {
        return error;
    }
    match engine::failed(error) {
        ReadError::BadRequest(message) => ReadError::Query(
            unknown_function(&message, text)
                .or_else(|| unknown_table(&message, text, tables))
                .or_else(|| not_grouped(&message, text))
                .or_else(|| not_expected(&message, text))
                .unwrap_or_else(|| in_place(message, text)),
        ),
        other => other,
    }
}

fn unknown_column(error: &DataFusionError, text: &str) -> Option<ReadError> {
    let DataFusionError::SchemaError(schema, _) = error.find_root() else {
        return None;
    };
    let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref() else {
        return None;
    };
    let mut known: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    let near = nearest(&field.name, known.iter().copied());
    let hint = match near {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("there are {}", known.join(", ")),
    };
    Some(ReadError::Query(QueryError {
        message: format!("there is no column {:?} here; {hint}", field.name),
        span: word(text, &field.name),
        suggestion: near.map(quoted),
    }))
}

/// A name as SQL takes it.
fn quoted(name: &str) -> String {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}

/// `Invalid function 'foo'.\nDid you mean 'floor'?`
fn unknown_function(message: &str, text: &str) -> Option<QueryError> {
    let rest = message.split_once("Invalid function '")?.1;
    let (name, rest) = rest.split_once('\'')?;
    let near = rest
        .split_once("Did you mean '")
        .and_then(|(_, rest)| rest.split_once('\''));
    let near = near
        .map(|(near, _)| near)
        .filter(|near| nearest(name, [*near]).is_some());
    let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    Some(QueryError {
        message: format!("there is no function `{name}`{hint}"),
        span: word(text, name),
        suggestion: near.map(str::to_owned),
    })
}

/// `table 'datafusion.public.foo' not found`
fn unknown_table(message: &str, text: &str, tables: &[String]) -> Option<QueryError> {
    let rest = message.split_once("table '")?.1;
    let (path, rest) = rest.split_once('\'')?;
    if !rest.trim_start().starts_with("not found") {
        return None;
    }
    let name = path.rsplit('.').next().unwrap_or(path);
    let near = nearest(name, tables.iter().map(String::as_str));
    Some(QueryError {
        message: format!("there is no table {name:?}; there are {}", tables.join(", ")),
        span: word(text, name),
        suggestion: near.map(str::to_owned),
    })
}

/// `Column in SELECT must be in GROUP BY or an aggregate function: … column "logs.severity" must appear …`
fn not_grouped(message: &str, text: &str) -> Option<QueryError> {
    if !message.contains("must be in GROUP BY") && !message.contains("must appear in the GROUP BY") {
        return None;
    }
    let (path, _) = message.split_once("column \"")?.1.split_once('"')?;
    let name = path.rsplit('.').next().unwrap_or(path);
    let name = quoted(name);
    Some(QueryError {
        message: format!(
            "`{name}` stands beside an aggregate: add GROUP BY {name}, or take one of its values, such as max({name})"
        ),
        span: word(text, &name),
        suggestion: None,
    })
}

/// Words that a mistyped one most likely was meant as.
const KEYWORDS: [&str; 22] = [
    "SELECT", "FROM", "WHERE", "GROUP", "ORDER", "BY", "HAVING", "LIMIT", "OFFSET", "JOIN", "LEFT", "INNER", "ON",
    "AS", "AND", "OR", "NOT", "BETWEEN", "LIKE", "DESC", "ASC", "DISTINCT",
];

/// `Expected: an expression, found: FRM at Line: 1, Column: 10`
fn not_expected(message: &str, text: &str) -> Option<QueryError> {
    let (wanted, rest) = message.split_once("Expected: ")?.1.split_once(", found: ")?;
    let found = rest.split(" at Line:").next().unwrap_or(rest).trim();
    if found == "EOF" {
        let end = text.trim_end().len();
        return Some(QueryError {
            message: format!("the statement ends where {wanted} is expected"),
            span: Span { start: end, end },
            suggestion: None,
        });
    }
    let start = place(message, text)?;
    let end = start + found.len();
    if text.get(start..end) != Some(found) {
        return None;
    }
    let near = nearest(found, KEYWORDS);
    let hint = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
    Some(QueryError {
        message: format!("`{found}` stands where {wanted} is expected{hint}"),
        span: Span { start, end },
        suggestion: near.map(str::to_owned),
    })
}

/// Any other mistake; the parser names line and column.
fn in_place(message: String, text: &str) -> QueryError {
    let start = place(&message, text);
    let end = match start {
        Some(start) => text[start..]
            .find(char::is_whitespace)
            .map_or(text.len(), |length| start + length),
        None => text.len(),
    };
    QueryError {
        message,
        span: Span {
            start: start.unwrap_or(0),
            end,
        },
        suggestion: None,
    }
}

/// Where a name stands in the text as a whole word, outside texts in single quotes; the whole text
/// if it stands nowhere.
fn word(text: &str, name: &str) -> Span {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let lower = text.to_ascii_lowercase();
    let sought = name.to_ascii_lowercase();
    let found = lower.match_indices(&sought).find(|(at, _)| {
        let before = text[..*at].chars().next_back();
        let after = text[*at + sought.len()..].chars().next();
        let in_text = text[..*at].matches('\'').count() % 2 == 1;
        !in_text && !before.is_some_and(is_part) && !after.is_some_and(is_part)
    });
    match found {
        Some((start, _)) if !sought.is_empty() => Span {
            start,
            end: start + sought.len(),
        },
        _ => Span {
            start: 0,
            end: text.len(),
        },
    }
}

/// The byte of `Line: 1, Column: 8` in a parser's message.
fn place(message: &str, text: &str) -> Option<usize> {
    let number = |after: &str| {
        let rest = &message[message.find(after)? + after.len()..];
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<usize>().ok()
    };
    let (line, column) = (number("Line:")?, number("Column:")?);
    let start: usize = text
        .split_inclusive('\n')
        .take(line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let within = text.get(start..)?.char_indices().nth(column.checked_sub(1)?);
    Some(within.map_or(text.len(), |(at, _)| start + at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_mistake_is_found() {
        assert_eq!(place("Expected: x at Line: 2, Column: 3", "ab\ncdef"), Some(5));
        assert_eq!(place("no place", "ab"), None);
    }

    #[test]
    fn statements_that_write_are_told_from_searches() {
        for text in [
            "DROP TABLE logs",
            "drop table logs",
            "INSERT INTO logs VALUES (1)",
            "delete from logs where host = 'a'",
            "UPDATE logs SET host = 'b'",
            "CREATE TABLE x AS SELECT 1",
            "ALTER TABLE logs ADD COLUMN x INT",
            "TRUNCATE TABLE logs",
        ] {
            let error = refuse_writes(text).unwrap_err();
            assert!(error.to_string().contains("only reads"), "{text}: {error}");
        }
        for text in [
            "update failed",
            "delete",
            "drop packet",
            "create user failed | head 5",
            "truncate file",
            "insert coin",
            "SELECT 1",
            "error",
            "merge conflict",
        ] {
            refuse_writes(text).unwrap();
        }
    }

    #[test]
    fn a_name_is_found_as_a_whole_word() {
        assert_eq!(word("SELECT hosts, host FROM x", "host"), Span { start: 14, end: 18 });
        assert_eq!(word("SELECT 'host', HOST", "host"), Span { start: 15, end: 19 });
        assert_eq!(word("SELECT 1", "host"), Span { start: 0, end: 8 });
    }
}
