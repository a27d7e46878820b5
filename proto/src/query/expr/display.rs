//! Expression to text that reads back as the same tree.

use std::fmt::{self, Display, Formatter};

use super::{BinaryOp, Expr, ExprKind, NEGATE_BINDS, NOT_BINDS};
use crate::query::duration::format_duration;
use crate::query::lexer::is_identifier;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.within(f, 0)
    }
}

impl Expr {
    /// In parentheses if it binds no more tightly than what is around it.
    fn within(&self, f: &mut Formatter<'_>, around: u8) -> fmt::Result {
        if self.binds() > around {
            return self.bare(f);
        }
        f.write_str("(")?;
        self.bare(f)?;
        f.write_str(")")
    }

    fn binds(&self) -> u8 {
        match &self.kind {
            ExprKind::Binary(op, ..) => op.binds(),
            ExprKind::Not(_) => NOT_BINDS,
            ExprKind::Negate(_) => NEGATE_BINDS,
            _ => u8::MAX,
        }
    }

    fn bare(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Null => f.write_str("null"),
            ExprKind::Boolean(value) => write!(f, "{value}"),
            ExprKind::Number(number) => write!(f, "{number}"),
            ExprKind::Duration(nanos) => f.write_str(&format_duration(*nanos)),
            ExprKind::Text(text) => f.write_str(&quoted(text, '"')),
            ExprKind::Field(field) => f.write_str(&name(&field.name)),
            ExprKind::Negate(inner) => {
                f.write_str("-")?;
                inner.within(f, NEGATE_BINDS - 1)
            }
            ExprKind::Not(inner) => {
                f.write_str("NOT ")?;
                inner.within(f, NOT_BINDS - 1)
            }
            ExprKind::Binary(op, left, right) => {
                // NOT on the left would take the operator into itself.
                let left_around = match (&left.kind, op.binds() == BinaryOp::Eq.binds()) {
                    (_, true) => op.binds(),
                    (_, false) => op.binds() - 1,
                };
                left.within(f, left_around)?;
                write!(f, " {op} ")?;
                right.within(f, op.binds())
            }
            ExprKind::Call(name, arguments) => {
                write!(f, "{name}(")?;
                for (at, argument) in arguments.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { ", " })?;
                    argument.fmt(f)?;
                }
                f.write_str(")")
            }
        }
    }
}

impl Display for BinaryOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BinaryOp::Or => "OR",
            BinaryOp::And => "AND",
            BinaryOp::Eq => "=",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::Ge => ">=",
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Modulo => "%",
        })
    }
}

/// A field's name where an expression stands.
fn name(name: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "null", "and", "or", "not", "in", "as", "by"];
    let is_word = WORDS.iter().any(|word| word.eq_ignore_ascii_case(name));
    // `if` would be taken for the condition of an aggregate, a name before `(` for a call.
    if is_identifier(name) && !is_word && !name.eq_ignore_ascii_case("if") {
        name.to_owned()
    } else {
        quoted(name, '`')
    }
}

fn quoted(text: &str, quote: char) -> String {
    let mut out = String::from(quote);
    for c in text.chars() {
        if c == quote || c == '\\' {
            out.push('\\');
        }
        out.push(c);
    }
    out.push(quote);
    out
}
