//! Text to expression.

use super::functions::ELSEWHERE;
use super::{BinaryOp, Expr, ExprKind, NOT_BINDS, SCALARS, ScalarInfo};
use crate::query::ast::{Field, Span};
use crate::query::duration::{UNIT_NAMES, parse_duration};
use crate::query::error::QueryError;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result, open_quote};
use crate::query::suggest::nearest;

impl Parser<'_> {
    /// An expression, as far as it goes.
    pub(in crate::query) fn expression(&mut self) -> Result<Expr> {
        self.binding(0)
    }

    /// An expression of operators that bind more tightly than `loosest`.
    fn binding(&mut self, loosest: u8) -> Result<Expr> {
        let mut left = self.prefix()?;
        loop {
            let before = self.lexer.clone();
            if loosest < BinaryOp::Eq.binds() && self.keyword("in") {
                left = self.in_list(left)?;
                continue;
            }
            let Some(op) = self.binary_op().filter(|op| op.binds() > loosest) else {
                self.lexer = before;
                return Ok(left);
            };
            // Comparisons do not chain: `a < b < c` is surely not meant as it would be read.
            let right = self.binding(op.binds())?;
            let span = Span {
                start: left.span.start,
                end: right.span.end,
            };
            self.refuse_chain(op, span)?;
            left = Expr {
                kind: ExprKind::Binary(op, Box::new(left), Box::new(right)),
                span,
            };
        }
    }

    fn refuse_chain(&self, op: BinaryOp, span: Span) -> Result<()> {
        let mut after = Parser::at(self.lexer.clone());
        let chained = op.binds() == BinaryOp::Eq.binds()
            && after
                .binary_op()
                .is_some_and(|next| next.binds() == BinaryOp::Eq.binds());
        if !chained {
            return Ok(());
        }
        let message = "comparisons do not chain; join them with AND";
        Err(QueryError::new(span, message))
    }

    fn binary_op(&mut self) -> Option<BinaryOp> {
        use BinaryOp::{Add, And, Divide, Eq, Ge, Gt, Le, Lt, Modulo, Multiply, Ne, Or, Subtract};
        for (word, op) in [("or", Or), ("and", And)] {
            if self.keyword(word) {
                return Some(op);
            }
        }
        self.lexer.skip_white_space();
        [
            ("&&", And),
            ("==", Eq),
            ("!=", Ne),
            ("<>", Ne),
            ("<=", Le),
            (">=", Ge),
            ("<", Lt),
            (">", Gt),
            ("=", Eq),
            ("+", Add),
            ("-", Subtract),
            ("*", Multiply),
            ("/", Divide),
            ("%", Modulo),
        ]
        .into_iter()
        .find(|(sign, _)| self.lexer.take(sign))
        .map(|(_, op)| op)
    }

    fn prefix(&mut self) -> Result<Expr> {
        let (_, at) = self.peek_pipe();
        let not = self.keyword("not") || (self.lexer.rest().trim_start().starts_with('!') && self.take_char('!'));
        if not {
            let inner = self.nested(at, |parser| parser.binding(NOT_BINDS))?;
            return Ok(unary(at, inner, ExprKind::Not));
        }
        if self.take(&PipeToken::Minus) {
            let inner = self.nested(at, Parser::prefix)?;
            return Ok(unary(at, inner, ExprKind::Negate));
        }
        self.primary()
    }

    fn take_char(&mut self, c: char) -> bool {
        self.lexer.skip_white_space();
        self.lexer.take(c.encode_utf8(&mut [0; 4]))
    }

    fn primary(&mut self) -> Result<Expr> {
        self.count_value()?;
        let (token, span) = self.lexer.pipe();
        let kind = match token {
            PipeToken::Number(text) => number(text, span)?,
            PipeToken::Quoted { text, closed: true } | PipeToken::Text { text, closed: true } => ExprKind::Text(text),
            PipeToken::Ticked { text, closed: true } => ExprKind::Field(Field { name: text, span }),
            PipeToken::Quoted { .. } => return Err(open_quote(span)),
            PipeToken::Text { .. } => return Err(open(span, "'")),
            PipeToken::Ticked { .. } => return Err(open(span, "`")),
            PipeToken::Open => return self.parenthesis(span),
            PipeToken::Name(name) if self.peek_pipe().0 == PipeToken::Open => return self.call(name, span),
            PipeToken::Name(name) => match name.to_ascii_lowercase().as_str() {
                "true" => ExprKind::Boolean(true),
                "false" => ExprKind::Boolean(false),
                "null" => ExprKind::Null,
                "and" | "or" | "not" | "in" | "as" | "by" => {
                    return Err(self.unexpected(
                        span,
                        "a value is expected here; a field of that name stands in backticks",
                    ));
                }
                _ => ExprKind::Field(Field {
                    name: name.to_owned(),
                    span,
                }),
            },
            _ => return Err(self.unexpected(span, "a value, a field or a function is expected here")),
        };
        Ok(Expr { kind, span })
    }

    fn parenthesis(&mut self, open: Span) -> Result<Expr> {
        let mut inner = self.nested(open, Parser::expression)?;
        self.expect(&PipeToken::Close, ")")?;
        inner.span = Span {
            start: open.start,
            end: self.lexer.at,
        };
        Ok(inner)
    }

    fn call(&mut self, name: &str, span: Span) -> Result<Expr> {
        let info = find(name, span)?;
        let (_, open) = self.lexer.pipe();
        let arguments = self.arguments(open)?;
        let span = Span {
            start: span.start,
            end: self.lexer.at,
        };
        if arguments.len() < info.arguments_min || arguments.len() > info.arguments_max {
            let message = format!("`{}` is called as `{}`", info.name, info.syntax);
            return Err(QueryError::new(span, message));
        }
        Ok(Expr {
            kind: ExprKind::Call(info.name, arguments),
            span,
        })
    }

    /// What stands between the parentheses of a call, and the closing one.
    fn arguments(&mut self, open: Span) -> Result<Vec<Expr>> {
        if self.take(&PipeToken::Close) {
            return Ok(Vec::new());
        }
        let arguments = self.nested(open, |parser| parser.list(Parser::expression))?;
        self.expect(&PipeToken::Close, ")")?;
        Ok(arguments)
    }

    /// `in (a, b)` after its first side.
    fn in_list(&mut self, left: Expr) -> Result<Expr> {
        let (_, open) = self.peek_pipe();
        self.expect(&PipeToken::Open, "(")?;
        let start = left.span.start;
        let mut arguments = vec![left];
        arguments.extend(self.arguments(open)?);
        let span = Span {
            start,
            end: self.lexer.at,
        };
        let most = find("in", span)?.arguments_max;
        if arguments.len() < 2 || arguments.len() > most {
            return Err(QueryError::new(span, format!("`in` takes 1 to {} values", most - 1)));
        }
        Ok(Expr {
            kind: ExprKind::Call("in", arguments),
            span,
        })
    }
}

fn unary(at: Span, inner: Expr, kind: impl FnOnce(Box<Expr>) -> ExprKind) -> Expr {
    let span = Span {
        start: at.start,
        end: inner.span.end,
    };
    Expr {
        kind: kind(Box::new(inner)),
        span,
    }
}

fn number(text: &str, span: Span) -> Result<ExprKind> {
    if let Some(number) = text.parse::<f64>().ok().filter(|n| n.is_finite()) {
        return Ok(ExprKind::Number(number));
    }
    if let Some(nanos) = parse_duration(text) {
        return Ok(ExprKind::Duration(nanos));
    }
    let message = format!("`{text}` is neither a number nor a duration with a unit: {UNIT_NAMES}");
    Err(QueryError::new(span, message))
}

fn open(span: Span, quote: &str) -> QueryError {
    let at = Span {
        start: span.end,
        end: span.end,
    };
    let message = format!("the closing `{quote}` is missing for the quote at byte {}", span.start);
    QueryError::new(at, message).suggest(quote)
}

fn find(name: &str, span: Span) -> Result<&'static ScalarInfo> {
    let lower = name.to_ascii_lowercase();
    if let Some(info) = SCALARS.iter().find(|info| info.name == lower) {
        return Ok(info);
    }
    let elsewhere = ELSEWHERE
        .iter()
        .find(|(other, _)| *other == lower)
        .map(|(_, ours)| *ours);
    let near = elsewhere.or_else(|| nearest(name, SCALARS.iter().map(|info| info.name)));
    Err(match near {
        Some(near) => {
            QueryError::new(span, format!("there is no function `{name}`; did you mean `{near}`?")).suggest(near)
        }
        None => QueryError::new(span, format!("there is no function `{name}`")),
    })
}

#[cfg(test)]
mod tests {
    use crate::query::pipes::tests::{canonical, fails};

    #[track_caller]
    fn check(text: &str, expected: &str) {
        canonical(&format!("extend x = {text}"), &format!("extend x = {expected}"));
    }

    #[test]
    fn operators_bind_as_people_expect() {
        check("1+2*3", "1 + 2 * 3");
        check("(1+2)*3", "(1 + 2) * 3");
        check("a - (b - c)", "a - (b - c)");
        check("(a - b) - c", "a - b - c");
        check("not a = 1 and b or c", "NOT a = 1 AND b OR c");
        check("not (a and b)", "NOT (a AND b)");
        check("-a * -2", "-a * -2");
        check("a == 'x' && b <> \"y\"", "a = \"x\" AND b != \"y\"");
        check("user-agent", "user-agent");
        check("`odd name` + 1", "`odd name` + 1");
        check("5m / 1h30m", "5m / 1h30m");
        check("level in ('a', \"b\")", "in(level, \"a\", \"b\")");
        check("NOT level in (1)", "NOT in(level, 1)");
        check("IF(TRUE, Null, case(a > 1, 2, 3))", "if(true, null, case(a > 1, 2, 3))");
        check("!exists(a)", "NOT exists(a)");
    }

    #[test]
    fn what_is_wrong_in_an_expression_is_pointed_at() {
        fails("extend x = ", "", None);
        fails("extend x = 1 +", "", None);
        fails("extend x = lenght(a)", "lenght", Some("length"));
        fails("extend x = strlen(a)", "strlen", Some("length"));
        fails("extend x = zebra(a)", "zebra", None);
        fails("extend x = round()", "round()", None);
        fails("extend x = (1", "", Some(")"));
        fails("extend x = 'a", "", Some("'"));
        fails("extend x = `a", "", Some("`"));
        fails("extend x = 5q", "5q", None);
        fails("extend x = 1 < 2 < 3", "1 < 2", None);
        fails("extend x = a b", "b", None);
        fails("extend x = and", "and", None);
    }

    #[test]
    fn an_expression_is_bounded_in_depth_and_size() {
        let deep = format!("extend x = {}1{}", "(".repeat(1000), ")".repeat(1000));
        assert!(crate::query::parse(&format!("* | {deep}")).is_err());
        let minus = format!("* | extend x = {}1", "-".repeat(10_000));
        assert!(crate::query::parse(&minus).is_err());
        let long = format!("* | extend x = 1{}", " + 1".repeat(10_000));
        assert!(crate::query::parse(&long).is_err());
    }
}
