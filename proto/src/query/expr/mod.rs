//! Expressions: what `extend` computes and what conditions ask.
//!
//! ```text
//! expr       = and { OR and }
//! and        = not { AND not }
//! not        = NOT not | comparison
//! comparison = sum [ (= | == | != | < | <= | > | >=) sum | IN "(" expr { "," expr } ")" ]
//! sum        = product { (+ | -) product }
//! product    = unary { (* | / | %) unary }
//! unary      = - unary | primary
//! primary    = number | duration | "text" | 'text' | true | false | null
//!            | name | `name` | name "(" [ expr { "," expr } ] ")" | "(" expr ")"
//! ```
//!
//! # Types
//! A value is a number, a text, a boolean or a time. A field of a record is a text; where an
//! operator or function takes a number, a text that reads as one is that number, and any other is
//! null. A duration (`5m`) is the number of its seconds. Arithmetic is on numbers; a time plus or
//! minus a number moves it by seconds, and a time minus a time is the seconds between.
//!
//! Comparing: a time with a time, or with a text that is read as one; otherwise as numbers if both
//! sides read as numbers, else as texts without regard to case. A comparison with null is null,
//! which a condition takes for false.
//!
//! A name may hold dots and dashes (`user-agent`), so a minus between names needs white space
//! around it. A name with other characters stands in backticks.

mod display;
mod functions;
mod parse;

use super::ast::{Field, Span};

pub use functions::{SCALARS, ScalarInfo};

/// A computed value.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// A number; never negative, which is `-` before it.
    Number(f64),
    /// A duration in nanoseconds; its value is the number of seconds.
    Duration(i64),
    /// A text.
    Text(String),
    /// A field or column.
    Field(Field),
    /// `-x`
    Negate(Box<Expr>),
    /// `NOT x`
    Not(Box<Expr>),
    /// `a + b`
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `name(a, b)`: the name as in [`SCALARS`].
    Call(&'static str, Vec<Expr>),
}

/// What stands between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `OR`
    Or,
    /// `AND`
    And,
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

impl BinaryOp {
    /// How tightly it binds; [`NOT_BINDS`] stands between `And` and the comparisons.
    fn binds(self) -> u8 {
        use BinaryOp::{Add, And, Divide, Eq, Ge, Gt, Le, Lt, Modulo, Multiply, Ne, Or, Subtract};
        match self {
            Or => 1,
            And => 2,
            Eq | Ne | Lt | Le | Gt | Ge => 4,
            Add | Subtract => 5,
            Multiply | Divide | Modulo => 6,
        }
    }
}

/// How tightly `NOT` binds.
const NOT_BINDS: u8 = 3;
/// How tightly `-` before an expression binds.
const NEGATE_BINDS: u8 = 7;

impl Expr {
    /// Calls `visit` with every field, left to right.
    pub fn for_each_field<'a>(&'a self, visit: &mut dyn FnMut(&'a Field)) {
        match &self.kind {
            ExprKind::Field(field) => visit(field),
            ExprKind::Negate(inner) | ExprKind::Not(inner) => inner.for_each_field(visit),
            ExprKind::Binary(_, left, right) => {
                left.for_each_field(visit);
                right.for_each_field(visit);
            }
            ExprKind::Call(_, arguments) => arguments.iter().for_each(|argument| argument.for_each_field(visit)),
            ExprKind::Null | ExprKind::Boolean(_) | ExprKind::Number(_) | ExprKind::Duration(_) | ExprKind::Text(_) => {
            }
        }
    }
}
