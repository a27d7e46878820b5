//! The search part: boolean structure and tests.
//!
//! ```text
//! query  = [explain [analyze]] or { "|" pipe }
//! or     = and { OR and }
//! and    = unary { [AND] unary }
//! unary  = (NOT | - | !) unary | + unary | "(" or ")" | [field] value | field "(" or ")" | name [NOT] IN "(" literal {, literal} ")"
//! value  = word | "phrase" | /regex/ | op literal | "[" bound TO bound "]"
//! ```

mod list;
mod value;

pub(super) use value::open_quote;

use super::ast::{Explain, Field, Filter, Leaf, Pipe, Query, Search, Span, Test};
use super::error::QueryError;
use super::lexer::{Lexer, Position, SearchToken, is_identifier, loose_comparison};
use super::{pipes, sql};

/// A query's text has at most so many bytes.
pub const QUERY_BYTES_MAX: usize = 64 * 1024;
/// Parentheses and NOTs stand in each other at most so deep.
pub const DEPTH_MAX: usize = 64;
/// A query has at most so many tests.
pub const LEAVES_MAX: usize = 4096;
/// The expressions of a query have at most so many values, since a chain of them is a tree as deep.
pub const VALUES_MAX: usize = 400;
/// A query has at most so many pipes.
pub const PIPES_MAX: usize = 64;

pub(super) type Result<T> = std::result::Result<T, QueryError>;

/// The tree of a query's text.
///
/// # Errors
/// [`QueryError`] with the bytes concerned and, where there is one, what could stand there instead.
pub fn parse(text: &str) -> Result<Query> {
    if text.len() > QUERY_BYTES_MAX {
        let span = Span {
            start: text.floor_char_boundary(QUERY_BYTES_MAX),
            end: text.len(),
        };
        let message = format!("the query has {} bytes; at most {QUERY_BYTES_MAX} are read", text.len());
        return Err(QueryError::new(span, message));
    }
    if sql::is_sql(text) {
        return Ok(Query::Sql(text.trim().to_owned()));
    }
    let (explain, start) = sql::explain_prefix(text);
    Parser::new(text, start).search(explain).map(Query::Search)
}

/// Reads one text from left to right.
pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    depth: usize,
    leaves: usize,
    values: usize,
    /// Within `where`, where people write `n > 5` for `n:>5`.
    pub(super) in_where: bool,
}

/// What tests are within: nothing, or `field:( … )`.
#[derive(Clone, Copy)]
struct Scope<'s> {
    field: Option<&'s Field>,
}

impl Scope<'_> {
    fn position(self) -> Position {
        if self.field.is_some() {
            Position::Group
        } else {
            Position::Start
        }
    }
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, start: usize) -> Self {
        Self::at(Lexer::new(text, start))
    }

    /// From a place on.
    pub(super) fn at(lexer: Lexer<'a>) -> Self {
        Parser {
            lexer,
            depth: 0,
            leaves: 0,
            values: 0,
            in_where: false,
        }
    }

    fn search(&mut self, explain: Explain) -> Result<Search> {
        let filter = self.filter()?.unwrap_or(Filter::All);
        let mut pipes: Vec<Pipe> = Vec::new();
        loop {
            let (token, span) = self.lexer.search(Position::Start);
            match token {
                SearchToken::Pipe => {}
                SearchToken::Or => {
                    return Err(QueryError::new(span, "between pipes stands one `|`").suggest("|"));
                }
                _ => break,
            }
            if pipes.len() == PIPES_MAX {
                return Err(QueryError::new(span, format!("a query has at most {PIPES_MAX} pipes")));
            }
            pipes.push(pipes::parse(self)?);
        }
        Ok(Search { explain, filter, pipes })
    }

    /// A filter up to a pipe or the end; `None` if nothing stands there.
    pub(super) fn filter(&mut self) -> Result<Option<Filter>> {
        let scope = Scope { field: None };
        if let SearchToken::End | SearchToken::Pipe = self.peek(scope).0 {
            return Ok(None);
        }
        let filter = self.or(scope)?;
        match self.peek(scope) {
            (SearchToken::Close, span) => Err(QueryError::new(span, "`)` without a `(` before it").suggest("")),
            _ => Ok(Some(filter)),
        }
    }

    fn next(&mut self, scope: Scope<'_>) -> (SearchToken, Span) {
        self.lexer.search(scope.position())
    }

    fn peek(&self, scope: Scope<'_>) -> (SearchToken, Span) {
        self.lexer.clone().search(scope.position())
    }

    fn or(&mut self, scope: Scope<'_>) -> Result<Filter> {
        let mut any = vec![self.and(scope, None)?];
        while let (SearchToken::Or, _) = self.peek(scope) {
            let (_, operator) = self.next(scope);
            any.push(self.and(scope, Some(operator))?);
        }
        Ok(Filter::or(any))
    }

    /// `after` is the operator that stood before.
    fn and(&mut self, scope: Scope<'_>, after: Option<Span>) -> Result<Filter> {
        let mut all = vec![self.unary(scope, after)?];
        loop {
            match self.peek(scope).0 {
                SearchToken::End | SearchToken::Pipe | SearchToken::Or | SearchToken::Close => break,
                SearchToken::And => {
                    let (_, operator) = self.next(scope);
                    all.push(self.unary(scope, Some(operator))?);
                }
                _ => all.push(self.unary(scope, None)?),
            }
        }
        Ok(Filter::and(all))
    }

    fn unary(&mut self, scope: Scope<'_>, after: Option<Span>) -> Result<Filter> {
        let (token, span) = self.next(scope);
        match token {
            SearchToken::Not | SearchToken::Minus => {
                let inner = self.nested(span, |parser| parser.unary(scope, Some(span)))?;
                Ok(Filter::Not(Box::new(inner)))
            }
            SearchToken::Plus => self.nested(span, |parser| parser.unary(scope, Some(span))),
            SearchToken::Open => self.parentheses(scope, span),
            SearchToken::Field(name) => self.field(&Field { name, span }),
            SearchToken::End | SearchToken::Pipe | SearchToken::And | SearchToken::Or | SearchToken::Close => {
                Err(self.missing_operand(&token, span, after))
            }
            token => {
                if let (SearchToken::Word(pieces), None) = (&token, scope.field)
                    && let [name] = pieces.as_slice()
                    && is_identifier(name)
                    && let Some(list) = self.one_of(name, span)?
                {
                    return Ok(list);
                }
                self.leaf(scope.field, token, span)
            }
        }
    }

    /// What follows a field's colon.
    fn field(&mut self, field: &Field) -> Result<Filter> {
        let (token, span) = self.lexer.search(Position::Value);
        match token {
            SearchToken::Open => {
                let scope = Scope { field: Some(field) };
                self.parentheses(scope, span)
            }
            SearchToken::End | SearchToken::Pipe | SearchToken::Or | SearchToken::And | SearchToken::Close => {
                Err(self.missing_value(field, span.start))
            }
            SearchToken::Word(pieces) if pieces.iter().all(String::is_empty) && pieces.len() == 1 => {
                Err(self.missing_value(field, span.start))
            }
            token => self.leaf(Some(field), token, span),
        }
    }

    fn parentheses(&mut self, scope: Scope<'_>, open: Span) -> Result<Filter> {
        if let (SearchToken::Close, close) = self.peek(scope) {
            let span = Span {
                start: open.start,
                end: close.end,
            };
            let message = "nothing stands between the parentheses; to search for them, put them in quotes";
            return Err(QueryError::new(span, message).suggest("\"()\""));
        }
        if let (SearchToken::End | SearchToken::Pipe, _) = self.peek(scope) {
            let message = "nothing stands after `(`: write what to search for and close it with `)`; to search for the sign, put it in quotes";
            return Err(QueryError::new(open, message).suggest("\"(\""));
        }
        let filter = self.nested(open, |parser| parser.or(scope))?;
        match self.next(scope) {
            (SearchToken::Close, _) => Ok(filter),
            (_, span) => {
                let span = Span {
                    start: span.start,
                    end: span.start,
                };
                let message = format!("`)` is missing for the `(` at byte {}", open.start);
                Err(QueryError::new(span, message).suggest(")"))
            }
        }
    }

    /// Takes note of one more value of an expression.
    pub(super) fn count_value(&mut self) -> Result<()> {
        self.values += 1;
        if self.values <= VALUES_MAX {
            return Ok(());
        }
        let at = self.lexer.at;
        let message =
            format!("the query's expressions have more than {VALUES_MAX} values; shorten lists, or ask twice");
        Err(QueryError::new(Span { start: at, end: at }, message))
    }

    pub(super) fn nested<T>(&mut self, span: Span, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == DEPTH_MAX {
            let message = format!("parentheses and NOT stand in each other more than {DEPTH_MAX} deep");
            return Err(QueryError::new(span, message));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Takes note of one more test.
    fn count_leaf(&mut self, span: Span) -> Result<()> {
        self.leaves += 1;
        if self.leaves <= LEAVES_MAX {
            return Ok(());
        }
        let message = format!("the query has more than {LEAVES_MAX} tests; ask for them in several queries");
        Err(QueryError::new(span, message))
    }

    fn leaf(&mut self, field: Option<&Field>, token: SearchToken, span: Span) -> Result<Filter> {
        self.count_leaf(span)?;
        if field.is_none() {
            self.refuse_loose_comparison(span)?;
        }
        let Some((test, negated)) = self.test(field, token, span)? else {
            return Ok(Filter::All);
        };
        let leaf = Filter::Leaf(Leaf {
            field: field.cloned(),
            test,
            span: Span {
                start: field.map_or(span.start, |f| f.span.start.min(span.start)),
                end: self.lexer.at,
            },
        });
        Ok(if negated { Filter::Not(Box::new(leaf)) } else { leaf })
    }

    /// The test that begins with `token`, and whether it is negated (`!=`); `None` is a lone `*`.
    fn test(&mut self, field: Option<&Field>, token: SearchToken, span: Span) -> Result<Option<(Test, bool)>> {
        let test = match token {
            SearchToken::Word(mut pieces) => match (pieces.len(), field) {
                (1, _) => Test::Text {
                    text: pieces.remove(0),
                    quoted: false,
                },
                _ if pieces.iter().all(String::is_empty) => match field {
                    Some(_) => Test::Exists,
                    None => return Ok(None),
                },
                _ => Test::Wildcard(value::normal_pieces(pieces)),
            },
            SearchToken::Quoted { closed: false, .. } => return Err(value::open_quote(span)),
            SearchToken::Quoted { text, .. } if text.is_empty() && field.is_none() => {
                let message = "an empty phrase finds nothing; `*` finds every record";
                return Err(QueryError::new(span, message).suggest("*"));
            }
            SearchToken::Quoted { text, .. } => Test::Text { text, quoted: true },
            SearchToken::Regex(pattern) => Test::Regex(pattern),
            SearchToken::Compare(op) => {
                let literal = self.literal(span)?;
                let test = Test::Compare(op.unwrap_or(super::ast::CompareOp::Eq), literal);
                return Ok(Some((test, op.is_none())));
            }
            SearchToken::RangeOpen { included } => self.range(included, span)?,
            other => unreachable_operand(&other, span)?,
        };
        Ok(Some((test, false)))
    }

    fn missing_operand(&self, token: &SearchToken, span: Span, after: Option<Span>) -> QueryError {
        match (token, after) {
            (_, Some(operator)) => {
                let word = &self.lexer.text[operator.start..operator.end];
                let message = format!("nothing stands after `{word}`: write what it is to go on with, or take it out");
                QueryError::new(operator, message).suggest("")
            }
            (SearchToken::Close, None) => QueryError::new(span, "`)` without a `(` before it").suggest(""),
            (_, None) => {
                let operator = &self.lexer.text[span.start..span.end];
                let message = format!("nothing stands before `{operator}`; to search for the word, put it in quotes");
                QueryError::new(span, message).suggest(format!("\"{operator}\""))
            }
        }
    }

    fn missing_value(&self, field: &Field, at: usize) -> QueryError {
        let text = self.lexer.text;
        let written = &text[field.span.start..field.span.end];
        let rest = &text[at..];
        let after = rest.trim_start();
        let value_follows = !matches!(after.chars().next(), None | Some('|' | ')' | '&'));
        if value_follows && after.len() < rest.len() {
            let span = Span {
                start: field.span.start,
                end: text.len() - after.len(),
            };
            let message =
                format!("a value must follow `{written}:` without a space; to search for the text, put it in quotes");
            return QueryError::new(span, message).suggest(format!("{written}:"));
        }
        let span = Span {
            start: field.span.start,
            end: at,
        };
        let message = format!("a value is missing after `{written}:`; `{written}:*` finds every record with the field");
        QueryError::new(span, message).suggest(format!("{written}:*"))
    }

    /// In `where`, `n > 5` and `n>5` are surely meant as comparisons and not as words.
    fn refuse_loose_comparison(&self, span: Span) -> Result<()> {
        if !self.in_where {
            return Ok(());
        }
        let word = &self.lexer.text[span.start..span.end];
        let Some((name, sign)) = loose_comparison(word) else {
            return Ok(());
        };
        let message = "a field is compared as `field:>5`, `field:=text`; to search for the text, put it in quotes";
        let error = QueryError::new(span, message);
        if name == 0 {
            return Err(error);
        }
        let operator = word[name..name + sign].replace("==", "=");
        Err(error.suggest(format!("{}:{operator}{}", &word[..name], &word[name + sign..])))
    }
}

/// Operators and ends are taken by the caller of [`Parser::test`]; if one comes, it is an error
/// of the query and not of the program.
fn unreachable_operand(token: &SearchToken, span: Span) -> Result<Test> {
    debug_assert!(false, "{token:?} is no operand");
    Err(QueryError::new(span, "a word, a phrase or a field is expected here"))
}

#[cfg(test)]
pub(super) mod tests;
