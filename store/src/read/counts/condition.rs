//! Conditions of SQL over `logs` that counting decides itself, exactly as SQL would.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use timberline_proto::query::ast::{Field, Filter, Leaf, Span, Test};

use crate::read::functions::search_filter;
use crate::read::pushdown::time;
use crate::read::time::TimeRange;

/// What one condition asks.
#[derive(Debug)]
pub(super) enum Condition {
    /// The time lies within.
    Range(TimeRange),
    /// The line matches.
    Filter(Filter),
    /// A column has a value.
    Present(String),
}

/// A condition, if it is one of these.
pub(super) fn condition(expr: &Expr) -> Option<Condition> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value, _)) if column.name == "timestamp" => range(*op, value),
            (Expr::Literal(value, _), Expr::Column(column)) if column.name == "timestamp" => range(op.swap()?, value),
            _ => None,
        },
        Expr::Between(Between {
            expr,
            negated: false,
            low,
            high,
        }) => match (expr.as_ref(), low.as_ref(), high.as_ref()) {
            (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) if column.name == "timestamp" => {
                let (Condition::Range(low), Condition::Range(high)) =
                    (range(Operator::GtEq, low)?, range(Operator::LtEq, high)?)
                else {
                    return None;
                };
                Some(Condition::Range(low.intersect(&high)))
            }
            _ => None,
        },
        Expr::IsNotNull(inner) => match inner.as_ref() {
            Expr::Column(column) => Some(Condition::Present(column.name.clone())),
            _ => None,
        },
        Expr::ScalarFunction(call) if call.func.name() == "matches" => match call.args.as_slice() {
            [Expr::Column(column), Expr::Literal(ScalarValue::Utf8(Some(search)), _)] if column.name == "body" => {
                of_body(search_filter(search).ok()?).map(Condition::Filter)
            }
            _ => None,
        },
        _ => None,
    }
}

fn range(op: Operator, value: &ScalarValue) -> Option<Condition> {
    let ScalarValue::TimestampNanosecond(Some(at), _) = value else {
        return None;
    };
    let is_range = matches!(
        op,
        Operator::Eq | Operator::Gt | Operator::GtEq | Operator::Lt | Operator::LtEq
    );
    is_range.then(|| Condition::Range(time(op, *at).range))
}

/// The filter with every test asked of the line alone, as `matches(body, …)` asks it; `None` if it
/// asks for fields, or for bytes that are no text, which the column shows otherwise.
fn of_body(filter: Filter) -> Option<Filter> {
    let all = |filters: Vec<Filter>| filters.into_iter().map(of_body).collect::<Option<Vec<_>>>();
    Some(match filter {
        Filter::All => Filter::All,
        Filter::And(filters) => Filter::And(all(filters)?),
        Filter::Or(filters) => Filter::Or(all(filters)?),
        Filter::Not(inner) => Filter::Not(Box::new(of_body(*inner)?)),
        Filter::Leaf(leaf) => {
            let is_plain = match &leaf.test {
                Test::Text { text, .. } => !text.is_empty() && !text.contains(char::REPLACEMENT_CHARACTER),
                Test::Wildcard(pieces) => !pieces.iter().any(|piece| piece.contains(char::REPLACEMENT_CHARACTER)),
                _ => false,
            };
            if leaf.field.is_some() || !is_plain {
                return None;
            }
            let field = Field {
                name: "body".to_owned(),
                span: Span::default(),
            };
            Filter::Leaf(Leaf {
                field: Some(field),
                ..leaf
            })
        }
    })
}
