//! `name in (a, b)`: one of several values, as users of SQL write it. The same as `name:(=a OR =b)`.

use super::{Parser, Result};
use crate::query::ast::{CompareOp, Field, Filter, Leaf, Span, Test};
use crate::query::error::QueryError;

impl Parser<'_> {
    /// What `name` is asked for, if a list follows it. In a search, where it might be three words, only
    /// a comma tells a list.
    pub(super) fn one_of(&mut self, name: &str, span: Span) -> Result<Option<Filter>> {
        let rest = self.lexer.rest();
        let (negated, after) = match keyword(rest, "in") {
            Some(after) => (false, after),
            None => match keyword(rest, "not").and_then(|after| keyword(after, "in")) {
                Some(after) => (true, after),
                None => return Ok(None),
            },
        };
        let Some(list) = after.trim_start().strip_prefix('(') else {
            return Ok(None);
        };
        let is_list = list.split(')').next().is_some_and(|inner| inner.contains(','));
        if !is_list && !self.in_where {
            return Ok(None);
        }
        self.lexer.at = self.lexer.text.len() - list.len();
        let field = Field {
            name: name.to_owned(),
            span,
        };
        let mut any = Vec::new();
        loop {
            any.push(self.list_value(&field)?);
            self.lexer.skip_white_space();
            let at = self.lexer.at;
            if self.lexer.take(",") {
                continue;
            }
            if self.lexer.take(")") {
                break;
            }
            let message = format!(
                "values of `{name} in (…)` stand between commas and end with `)`; put what holds white space in quotes"
            );
            return Err(QueryError::new(Span { start: at, end: at }, message).suggest(")"));
        }
        let any = Filter::or(any);
        Ok(Some(if negated { Filter::Not(Box::new(any)) } else { any }))
    }

    fn list_value(&mut self, field: &Field) -> Result<Filter> {
        self.lexer.skip_white_space();
        let start = self.lexer.at;
        let at = Span { start, end: start };
        let literal = self.literal_until(|c| c == ',')?;
        if literal.text.is_empty() && literal.span.start == literal.span.end {
            return Err(QueryError::new(at, "a value is missing in the list"));
        }
        self.count_leaf(literal.span)?;
        Ok(Filter::Leaf(Leaf {
            field: Some(field.clone()),
            span: Span {
                start: field.span.start,
                end: literal.span.end,
            },
            test: Test::Compare(CompareOp::Eq, literal),
        }))
    }
}

/// What follows `word`, in any case, after white space.
fn keyword<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let trimmed = text.trim_start();
    let (found, after) = trimmed.split_at_checked(word.len())?;
    let is_word = trimmed.len() < text.len() && found.eq_ignore_ascii_case(word);
    (is_word && after.starts_with(|c: char| c.is_whitespace() || c == '(')).then_some(after)
}

#[cfg(test)]
mod tests {
    use crate::query::ast::Query;
    use crate::query::parse;

    #[track_caller]
    fn check(text: &str, same: &str) {
        let shown = |text: &str| match parse(text) {
            Ok(Query::Search(search)) => search.to_string(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(shown(text), shown(same), "{text}");
    }

    #[test]
    fn a_list_is_one_of_its_values() {
        check("status in (200, 204)", "status:=200 OR status:=204");
        check("status IN (200,204) error", "(status:=200 OR status:=204) error");
        check("NOT status in (200, 204)", "NOT (status:=200 OR status:=204)");
        check("status not in (200, 204)", "NOT (status:=200 OR status:=204)");
        check(
            "* | where host in (\"a b\", web-1)",
            "* | where host:=\"a b\" OR host:=web-1",
        );
        check("* | where host in (a)", "* | where host:=a");
    }

    #[test]
    fn words_stay_words() {
        check("failed in (main)", "failed \\in main");
        check("put in place, now", "put \\in place, now");
        check("status \\in (200 OR 204,)", "status (\\in) (200 OR 204,)");
    }

    #[test]
    fn a_list_that_is_none_is_pointed_at() {
        for text in [
            "a in (1, 2",
            "a in (1,, 2)",
            "a in (1 2, 3)",
            "* | where a in ()",
            "a in (1,)",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
