//! What a filter of DataFusion lets us leave unread. Never less than it needs.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use timberline_proto::line::Severity;

use crate::catalog::Streams;
use crate::split::PageQuery;

use super::functions::search_filter;
use super::prune;
use super::row::FIXED;
use super::time::TimeRange;

/// Pages and times that may hold rows for a filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pushdown {
    pub(crate) pages: PageQuery,
    pub(crate) range: TimeRange,
}

impl Pushdown {
    const ALL: Self = Self {
        pages: PageQuery::All,
        range: TimeRange::ALL,
    };

    pub(crate) fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    fn pages(pages: PageQuery) -> Self {
        Self {
            pages,
            range: TimeRange::ALL,
        }
    }

    fn range(first: i64, last: i64) -> Self {
        Self {
            pages: PageQuery::All,
            range: TimeRange { first, last },
        }
    }
}

/// What `filter` needs.
pub(crate) fn pushdown(filter: &Expr, streams: &Streams) -> Pushdown {
    match filter {
        Expr::Alias(alias) => pushdown(&alias.expr, streams),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And => both(pushdown(left, streams), pushdown(right, streams)),
            Operator::Or => either(pushdown(left, streams), pushdown(right, streams)),
            _ => comparison(left, *op, right, streams),
        },
        Expr::Between(Between {
            expr,
            negated: false,
            low,
            high,
        }) => both(
            comparison(expr, Operator::GtEq, low, streams),
            comparison(expr, Operator::LtEq, high, streams),
        ),
        Expr::InList(list) if !list.negated => {
            let each = list
                .list
                .iter()
                .map(|value| comparison(&list.expr, Operator::Eq, value, streams));
            each.reduce(either).unwrap_or(Pushdown::ALL)
        }
        Expr::IsNotNull(inner) => match column(inner) {
            Some(name) if !FIXED.contains(&name) => Pushdown::pages(prune::field_exists(name, streams)),
            _ => Pushdown::ALL,
        },
        Expr::ScalarFunction(call) if call.func.name() == "matches" => match call.args.as_slice() {
            [text, search] if column(text) == Some("body") => {
                let filter = literal(search).and_then(|search| search_filter(&search).ok());
                filter.map_or(Pushdown::ALL, |filter| {
                    Pushdown::pages(prune::page_query(&filter, streams))
                })
            }
            _ => Pushdown::ALL,
        },
        _ => Pushdown::ALL,
    }
}

fn both(a: Pushdown, b: Pushdown) -> Pushdown {
    let pages = match (a.pages, b.pages) {
        (PageQuery::All, other) | (other, PageQuery::All) => other,
        (a, b) => PageQuery::And(vec![a, b]),
    };
    Pushdown {
        pages,
        range: a.range.intersect(&b.range),
    }
}

fn either(a: Pushdown, b: Pushdown) -> Pushdown {
    let pages = match (a.pages, b.pages) {
        (PageQuery::All, _) | (_, PageQuery::All) => PageQuery::All,
        (a, b) => PageQuery::Or(vec![a, b]),
    };
    Pushdown {
        pages,
        range: TimeRange {
            first: a.range.first.min(b.range.first),
            last: a.range.last.max(b.range.last),
        },
    }
}

fn comparison(left: &Expr, op: Operator, right: &Expr, streams: &Streams) -> Pushdown {
    let (name, op, value) = match (column(left), column(right)) {
        (Some(name), None) => (name, op, right),
        (None, Some(name)) => match op.swap() {
            Some(op) => (name, op, left),
            None => return Pushdown::ALL,
        },
        _ => return Pushdown::ALL,
    };
    if name == "timestamp" {
        return instant(value).map_or(Pushdown::ALL, |at| time(op, at));
    }
    match (op, literal(value)) {
        (Operator::Eq, Some(text)) => Pushdown::pages(equals(name, &text, streams)),
        _ => Pushdown::ALL,
    }
}

pub(crate) fn time(op: Operator, at: i64) -> Pushdown {
    match op {
        Operator::Eq => Pushdown::range(at, at),
        Operator::Gt => Pushdown::range(at.saturating_add(1), i64::MAX),
        Operator::GtEq => Pushdown::range(at, i64::MAX),
        Operator::Lt => Pushdown::range(i64::MIN, at.saturating_sub(1)),
        Operator::LtEq => Pushdown::range(i64::MIN, at),
        _ => Pushdown::ALL,
    }
}

fn equals(name: &str, text: &str, streams: &Streams) -> PageQuery {
    match name {
        "severity" => match (0..=6).filter_map(Severity::from_rank).find(|s| s.name() == text) {
            Some(Severity::None) | None => PageQuery::None,
            Some(severity) => PageQuery::Severity(severity as u8, severity as u8),
        },
        // Shows the severity, and the field only where there is none.
        "level" => PageQuery::Or(vec![
            equals("severity", text, streams),
            prune::field_equals(name, text, streams),
        ]),
        "@timestamp" | "_time" => PageQuery::All,
        "template" => u64::from_str_radix(text, 16).map_or(PageQuery::None, PageQuery::Template),
        "host" | "service" | "file" => prune::field_equals(name, text, streams),
        _ if FIXED.contains(&name) => PageQuery::All,
        _ => prune::field_equals(name, text, streams),
    }
}

fn column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text), _) => {
            text.clone()
        }
        _ => None,
    }
}

fn instant(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::TimestampNanosecond(nanos, _), _) => *nanos,
        _ => None,
    }
}
