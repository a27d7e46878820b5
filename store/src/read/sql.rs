//! SQL over the table `logs`.
//!
//! What is ours is put into DataFusion's terms before it plans:
//! - `text MATCHES 'search'` becomes `matches(text, 'search')`.
//! - A name that is no column, alias or table is a field: `"http.status"`, `http.status` and
//!   `status` alike. The table gets a column of text for each.
//! - A field beside a number (`status >= 500`, `bytes / 1024`) or in a function of numbers
//!   (`avg(duration)`) is read as a number: `num(status) >= 500`.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::common::config::Dialect;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, SelectItem, SetExpr,
    TableFactor, Value, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::{Filter, Span};

use super::ReadError;
use super::engine;
use super::lower::Lowering;
use super::row::FIXED;

/// The plan of a query's text.
pub(crate) async fn plan(lowering: &Lowering, text: &str) -> Result<DataFrame, ReadError> {
    bounded(text)?;
    let rewritten = rewrite_matches(text);
    let state = lowering.session.state();
    let mut statement = state
        .sql_to_statement(&rewritten, &Dialect::Generic)
        .map_err(|error| wrong(&error, text))?;
    let fields = rewrite_fields(&mut statement);
    let logs = lowering.logs(Filter::All, &fields)?;
    lowering
        .session
        .register_table("logs", Arc::new(logs))
        .map_err(|error| wrong(&error, text))?;
    let plan = lowering
        .session
        .state()
        .statement_to_plan(statement)
        .await
        .map_err(|error| wrong(&error, text))?;
    let only_reads = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    only_reads.verify_plan(&plan).map_err(|error| wrong(&error, text))?;
    lowering
        .session
        .execute_logical_plan(plan)
        .await
        .map_err(|error| wrong(&error, text))
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
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                | Keyword::SELECT
                | Keyword::JOIN
                | Keyword::CASE
                | Keyword::WHEN
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

/// A mistake in the text; the parser names line and column.
fn wrong(error: &DataFusionError, text: &str) -> ReadError {
    match engine::failed(error) {
        ReadError::BadRequest(message) => {
            let start = place(&message, text).unwrap_or(0);
            let end = match place(&message, text) {
                Some(start) => text[start..]
                    .find(char::is_whitespace)
                    .map_or(text.len(), |length| start + length),
                None => text.len(),
            };
            ReadError::Query(QueryError {
                message,
                span: Span { start, end },
                suggestion: None,
            })
        }
        other => other,
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

/// `x MATCHES 's'` as `matches(x, 's')`, `x NOT MATCHES 's'` as `NOT matches(x, 's')`. Text that
/// cannot be cut into tokens is left to the parser's complaint.
fn rewrite_matches(text: &str) -> String {
    let dialect = GenericDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, text).with_unescape(false).tokenize() else {
        return text.to_owned();
    };
    let is_word = |token: &Token, word: &str| match token {
        Token::Word(w) => w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word),
        _ => false,
    };
    if !tokens.iter().any(|token| is_word(token, "matches")) {
        return text.to_owned();
    }
    let mut out: Vec<String> = Vec::new();
    let mut kept: Vec<&Token> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let next = tokens[at + 1..]
            .iter()
            .position(|t| !matches!(t, Token::Whitespace(_)))
            .map(|n| at + 1 + n);
        let search = next.filter(|&next| matches!(tokens[next], Token::SingleQuotedString(_)));
        if let (true, Some(search)) = (is_word(&tokens[at], "matches"), search) {
            let operand = |kept: &[&Token]| kept.iter().rposition(|t| !matches!(t, Token::Whitespace(_)));
            let mut end = operand(&kept);
            let negated = end.is_some_and(|end| is_word(kept[end], "not"));
            if let (true, Some(not)) = (negated, end) {
                end = operand(&kept[..not]);
            }
            if let Some(end) = end {
                let mut start = end;
                while start >= 2 && *kept[start - 1] == Token::Period {
                    start -= 2;
                }
                let name: String = out[start..=end].concat();
                out.truncate(start);
                kept.truncate(start);
                let not = if negated { "NOT " } else { "" };
                out.push(format!("{not}matches({name}, {})", tokens[search]));
                kept.push(&tokens[search]);
                at = search + 1;
                continue;
            }
        }
        out.push(tokens[at].to_string());
        kept.push(&tokens[at]);
        at += 1;
    }
    out.concat()
}

/// Makes fields of the names that are nothing else; returns them.
fn rewrite_fields(statement: &mut Statement) -> BTreeSet<String> {
    match statement {
        Statement::Statement(statement) => {
            let mut known = Known::default();
            // Neither walk ever breaks off.
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) = Visit::visit(statement.as_ref(), &mut known);
            let mut rewrite = Rewrite {
                known,
                fields: BTreeSet::new(),
            };
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) =
                VisitMut::visit(statement.as_mut(), &mut rewrite);
            rewrite.fields
        }
        Statement::Explain(explain) => rewrite_fields(&mut explain.statement),
        _ => BTreeSet::new(),
    }
}

/// Names that are aliases of columns or names of tables, in lower case.
#[derive(Debug, Default)]
struct Known {
    aliases: BTreeSet<String>,
    relations: BTreeSet<String>,
}

impl Known {
    fn alias(&mut self, name: &Ident) {
        self.aliases.insert(name.value.to_lowercase());
    }

    fn table_alias(&mut self, alias: &ast::TableAlias) {
        self.relations.insert(alias.name.value.to_lowercase());
        alias.columns.iter().for_each(|column| self.alias(&column.name));
    }

    fn projections(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => {
                for item in &select.projection {
                    if let SelectItem::ExprWithAlias { alias, .. } = item {
                        self.alias(alias);
                    }
                }
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.projections(left);
                self.projections(right);
            }
            _ => {}
        }
    }
}

impl Visitor for Known {
    type Break = ();

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            with.cte_tables.iter().for_each(|cte| self.table_alias(&cte.alias));
        }
        self.projections(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                if let Some(ast::ObjectNamePart::Identifier(last)) = name.0.last() {
                    self.relations.insert(last.value.to_lowercase());
                }
                alias.iter().for_each(|alias| self.table_alias(alias));
            }
            TableFactor::Derived { alias, .. } => alias.iter().for_each(|alias| self.table_alias(alias)),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

struct Rewrite {
    known: Known,
    fields: BTreeSet<String>,
}

impl VisitorMut for Rewrite {
    type Break = ();

    /// A column without a name of its own is called what was written, not what it became.
    fn pre_visit_select(&mut self, select: &mut ast::Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item {
                let name = match &*expr {
                    Expr::Identifier(name) if !self.is_field(name) => continue,
                    Expr::Identifier(name) => name.value.clone(),
                    Expr::CompoundIdentifier(parts) if self.is_relation(&parts[0]) => continue,
                    Expr::CompoundIdentifier(parts) => join(parts),
                    other => other.to_string(),
                };
                *item = SelectItem::ExprWithAlias {
                    expr: expr.clone(),
                    alias: Ident::with_quote('"', name),
                };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) if self.is_field(name) => self.field(name),
            Expr::CompoundIdentifier(parts) => self.compound(parts).into_iter().for_each(|name| *expr = name),
            Expr::BinaryOp { left, op, right }
                if is_arithmetic(op) || (is_comparison(op) && (is_number(left) || is_number(right))) =>
            {
                self.number(left);
                self.number(right);
            }
            Expr::Between { expr, low, high, .. } if is_number(low) || is_number(high) => self.number(expr),
            Expr::InList { expr, list, .. } if !list.is_empty() && list.iter().all(is_number) => self.number(expr),
            Expr::Function(function) if is_numeric(function) => {
                if let FunctionArguments::List(list) = &mut function.args {
                    for arg in &mut list.args {
                        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) = arg {
                            self.number(arg);
                        }
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Rewrite {
    fn is_relation(&self, name: &Ident) -> bool {
        self.known.relations.contains(&name.value.to_lowercase())
    }

    fn is_field(&self, name: &Ident) -> bool {
        let lower = name.value.to_lowercase();
        !FIXED.contains(&lower.as_str()) && !self.known.aliases.contains(&lower)
    }

    /// Takes note of a field, and keeps its letters as they were written.
    fn field(&mut self, name: &mut Ident) {
        self.fields.insert(name.value.clone());
        name.quote_style = Some('"');
    }

    /// `http.status` is one field, unless `http` is a table.
    fn compound(&mut self, parts: &mut [Ident]) -> Option<Expr> {
        if self.is_relation(&parts[0]) {
            let (_, rest) = parts.split_first_mut()?;
            let [name] = rest else { return None };
            if self.is_field(name) {
                self.field(name);
            }
            return None;
        }
        let mut name = Ident::new(join(parts));
        self.field(&mut name);
        Some(Expr::Identifier(name))
    }

    /// Reads a field as a number.
    fn number(&mut self, expr: &mut Expr) {
        let is_field = match expr {
            Expr::Identifier(name) => self.is_field(name),
            Expr::CompoundIdentifier(parts) => match self.is_relation(&parts[0]) {
                true => parts.last().is_some_and(|name| self.is_field(name)),
                false => true,
            },
            _ => false,
        };
        if is_field {
            *expr = num(expr.clone());
        }
    }
}

fn join(parts: &[Ident]) -> String {
    parts
        .iter()
        .map(|part| part.value.as_str())
        .collect::<Vec<_>>()
        .join(".")
}

fn num(expr: Expr) -> Expr {
    Expr::Function(Function {
        name: vec![Ident::new("num")].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn is_arithmetic(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Divide, Minus, Modulo, Multiply, Plus};
    matches!(op, Plus | Minus | Multiply | Divide | Modulo)
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Gt | GtEq | Lt | LtEq)
}

/// Whether an expression is made of numbers as written.
fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) => is_number(expr),
        Expr::BinaryOp { left, op, right } => is_arithmetic(op) && is_number(left) && is_number(right),
        _ => false,
    }
}

/// Whether a function takes numbers.
fn is_numeric(function: &Function) -> bool {
    const NUMERIC: [&str; 24] = [
        "sum",
        "avg",
        "mean",
        "min",
        "max",
        "median",
        "approx_median",
        "approx_percentile_cont",
        "percentile_cont",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "var",
        "var_pop",
        "var_samp",
        "corr",
        "abs",
        "ceil",
        "floor",
        "round",
        "sqrt",
        "ln",
        "log10",
        "power",
    ];
    NUMERIC.contains(&function.name.to_string().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(rewrite_matches(text), expected);
    }

    #[test]
    fn matches_becomes_a_function() {
        check("SELECT 1", "SELECT 1");
        check(
            "SELECT * FROM logs WHERE body MATCHES 'it''s'",
            "SELECT * FROM logs WHERE matches(body, 'it''s')",
        );
        check(
            "x WHERE l.body not matches 'a' AND 1",
            "x WHERE NOT matches(l.body, 'a') AND 1",
        );
        check(
            "SELECT 'a MATCHES b', matches FROM t",
            "SELECT 'a MATCHES b', matches FROM t",
        );
        check("MATCHES 'a'", "MATCHES 'a'");
    }

    #[track_caller]
    fn check_fields(text: &str, expected: &str, names: &[&str]) {
        let session = datafusion::prelude::SessionContext::new();
        let mut statement = session.state().sql_to_statement(text, &Dialect::Generic).unwrap();
        let fields = rewrite_fields(&mut statement);
        assert_eq!(statement.to_string(), expected);
        assert_eq!(fields.into_iter().collect::<Vec<_>>(), names);
    }

    #[test]
    fn names_that_are_nothing_else_are_fields() {
        check_fields(
            "SELECT host, count(*) AS n FROM logs WHERE http.status >= 500 GROUP BY host ORDER BY n",
            "SELECT host, count(*) AS n FROM logs WHERE num(\"http.status\") >= 500 GROUP BY host ORDER BY n",
            &["http.status"],
        );
        check_fields(
            "SELECT l.userId, avg(dur) FROM logs l WHERE l.userId = '5' GROUP BY 1",
            "SELECT l.\"userId\", avg(num(\"dur\")) AS \"avg(dur)\" FROM logs l WHERE l.\"userId\" = '5' GROUP BY 1",
            &["dur", "userId"],
        );
    }

    #[test]
    fn the_place_of_a_mistake_is_found() {
        assert_eq!(place("Expected: x at Line: 2, Column: 3", "ab\ncdef"), Some(5));
        assert_eq!(place("no place", "ab"), None);
    }
}
