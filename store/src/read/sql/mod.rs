//! SQL over the table `logs`, the store's own tables and the files that the operator allows.
//!
//! What is ours is put into DataFusion's terms before it plans:
//! - `text MATCHES 'search'` becomes `matches(text, 'search')`.
//! - A name that is no column of another table, no alias and no table is a field of `logs`:
//!   `"http.status"`, `http.status` and `status` alike. `logs` gets a column of text for each.
//! - A field beside a number (`status >= 500`, `bytes / 1024`) or in a function of numbers
//!   (`avg(duration)`) is read as a number: `num(status) >= 500`.
//! - Rows that are ordered by a field are ordered as `sort` orders them: values that read as numbers
//!   come first, as numbers, then texts; see `order`.

mod errors;
mod matches;
mod names;
mod order;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::config::Dialect;
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SQLOptions;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::{Filter, Span};

use super::lower::Lowering;
use super::{ReadError, Reader, tables};
use errors::wrong;

pub(crate) use errors::refuse_writes;

/// The plan of a query's text.
pub(crate) async fn plan(reader: &Reader, lowering: &Lowering, text: &str) -> Result<DataFrame, ReadError> {
    bounded(text)?;
    refuse_writes(text)?;
    let rewritten = matches::rewrite_matches(text);
    let state = lowering.session.state();
    let mut statement = state
        .sql_to_statement(&rewritten, &Dialect::Generic)
        .map_err(|error| wrong(&error, text, &[]))?;
    if names::shows_tables(&statement) {
        return tables::all(lowering);
    }
    let mut others: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
    let named = names::relations(&statement);
    for name in named.iter().filter(|name| *name != "logs") {
        if let Some(table) = tables::named(lowering, reader, name).await? {
            others.insert(name.clone(), table);
        }
    }
    let fields = if named.contains("logs") {
        names::rewrite_fields(&mut statement, &columns_of(&others))
    } else {
        names::quote_columns(&mut statement, &columns_of(&others));
        BTreeSet::new()
    };
    let logs = lowering.logs(Filter::All, &fields)?;
    others.insert("logs".to_owned(), Arc::new(logs));
    for (name, table) in others {
        let registered = lowering.session.register_table(name.as_str(), table);
        registered.map_err(|error| wrong(&error, text, &[]))?;
    }
    let tables = tables::names(lowering);
    let plan = lowering
        .session
        .state()
        .statement_to_plan(statement)
        .await
        .map_err(|error| wrong(&error, text, &tables))?;
    let only_reads = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    only_reads
        .verify_plan(&plan)
        .map_err(|error| wrong(&error, text, &tables))?;
    let plan = order::as_people_count(plan).map_err(|error| wrong(&error, text, &tables))?;
    lowering
        .session
        .execute_logical_plan(plan)
        .await
        .map_err(|error| wrong(&error, text, &tables))
}

/// The columns of each table.
fn columns_of(tables: &BTreeMap<String, Arc<dyn TableProvider>>) -> names::Columns {
    let columns = |table: &Arc<dyn TableProvider>| {
        let schema = table.schema();
        schema.fields().iter().map(|field| field.name().clone()).collect()
    };
    tables
        .iter()
        .map(|(name, table)| (name.clone(), columns(table)))
        .collect()
}

/// Operators of a statement at most. A chain such as `a = 1 OR a = 2 OR …` becomes a tree as deep
/// as it is long, and planning walks it by recursion: without a bound, one query could use up a
/// thread's stack and end the process. Lists (`IN (…)`) are not meant, and are not counted.
const OPERATORS_MAX: usize = 500;

fn bounded(text: &str) -> Result<(), ReadError> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().unwrap_or_default(); // the parser says what is wrong
    let operators = tokens.iter().filter(|token| is_operator(token)).count();
    if operators <= OPERATORS_MAX {
        return Ok(());
    }
    Err(ReadError::Query(QueryError {
        message: format!(
            "the statement has {operators} operators, and {OPERATORS_MAX} are allowed: write lists of values as IN (…)"
        ),
        span: Span {
            start: 0,
            end: text.len(),
        },
        suggestion: None,
    }))
}

/// Whatever can nest or chain, but parentheses around and commas between values.
fn is_operator(token: &Token) -> bool {
    match token {
        // Most keywords can chain (IS, LIKE, XOR, UNION …); these only stand in lists.
        Token::Word(word) => !matches!(
            word.keyword,
            Keyword::NoKeyword
                | Keyword::AS
                | Keyword::ASC
                | Keyword::DATE
                | Keyword::DESC
                | Keyword::FALSE
                | Keyword::NULL
                | Keyword::TIMESTAMP
                | Keyword::TRUE
        ),
        Token::Whitespace(_)
        | Token::Comma
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::RParen
        | Token::Period
        | Token::SemiColon
        | Token::EOF => false,
        _ => true,
    }
}
