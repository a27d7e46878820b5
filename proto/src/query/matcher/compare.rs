//! Comparing a value with what a query says.

use std::cmp::Ordering;

use super::filter::FieldRef;
use crate::query::ast::{Bound, CompareOp, Literal};
use crate::query::error::QueryError;
use crate::query::fields::{is_severity_field, is_time_field, severity_rank};
use crate::query::time_range::{parse_period, parse_time};
use crate::token::{char_at, fold_char};

/// The right side of a comparison.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Number { number: f64, whole: Option<i128> },
    Rank(u8),
    Nanos(i64),
    Text(Box<[char]>),
}

/// The whole number that `text` is, which is compared exactly however large.
fn whole(text: &[u8]) -> Option<i128> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// The number that `text` is, whole but for white space around it: `-1.5e3`, and neither `inf` nor `nan`.
pub fn number(text: &[u8]) -> Option<f64> {
    // Only what begins like a number is looked at as text: nearly all that is asked does not.
    let text = match text.first()? {
        b'0'..=b'9' | b'-' | b'+' | b'.' if text.last().is_some_and(u8::is_ascii_digit) => text,
        _ => std::str::from_utf8(text).ok()?.trim().as_bytes(),
    };
    let unsigned = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text);
    let first = unsigned.strip_prefix(b".").unwrap_or(unsigned).first()?;
    if !first.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

impl Operand {
    /// `literal` as it is compared with values of `field`.
    pub(super) fn new(literal: &Literal, field: Option<&str>, now_nanos: i64) -> Result<Self, QueryError> {
        if field.is_some_and(is_time_field) {
            return parse_time(&literal.text, now_nanos)
                .map(Operand::Nanos)
                .map_err(|error| QueryError::new(literal.span, error.to_string()));
        }
        if field.is_some_and(is_severity_field)
            && let Some(rank) = severity_rank(literal.text.as_bytes())
        {
            return Ok(Operand::Rank(rank));
        }
        Ok(match literal.number() {
            Some(number) => Operand::Number {
                number,
                whole: whole(literal.text.as_bytes()),
            },
            None => Operand::Text(literal.text.chars().map(fold_char).collect()),
        })
    }

    /// How `value` stands to it; `None` if they cannot be compared.
    fn order(&self, value: &FieldRef<'_>) -> Option<Ordering> {
        match self {
            Operand::Number {
                number: right,
                whole: whole_right,
            } => {
                if let Some(right) = whole_right
                    && let Some(left) = whole(value.text)
                {
                    return Some(left.cmp(right));
                }
                value.number.or_else(|| number(value.text))?.partial_cmp(right)
            }
            Operand::Rank(rank) => Some(severity_rank(value.text)?.cmp(rank)),
            Operand::Nanos(nanos) => Some(nanos_of(value)?.cmp(nanos)),
            Operand::Text(text) => Some(order_folded(value.text, text)),
        }
    }
}

fn nanos_of(value: &FieldRef<'_>) -> Option<i64> {
    value.nanos.or_else(|| {
        let text = std::str::from_utf8(value.text).ok()?;
        // A value is an instant of its own: `now` is none.
        if text.starts_with(['n', '-', '+']) {
            None
        } else {
            parse_time(text, 0).ok()
        }
    })
}

/// Character by character; a byte that is no character is above all of them.
fn order_folded(value: &[u8], folded: &[char]) -> Ordering {
    let mut at = 0;
    for right in folded {
        if at == value.len() {
            return Ordering::Less;
        }
        let Some(left) = char_at(value, at) else {
            return Ordering::Greater;
        };
        let order = fold_char(left).cmp(right);
        if order.is_ne() {
            return order;
        }
        at += left.len_utf8();
    }
    if at < value.len() {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

/// A comparison, a range, a severity or a period of time.
#[derive(Clone, Debug)]
pub(super) enum Comparison {
    One(CompareOp, Operand),
    Between(End, End),
    /// From the first on, and before the second.
    Period(i64, i64),
}

/// An end of a range; the flag says whether the end belongs to it.
pub(super) type End = Option<(Operand, bool)>;

impl Comparison {
    pub(super) fn between(low: &Bound, high: &Bound, field: Option<&str>, now_nanos: i64) -> Result<Self, QueryError> {
        let end = |bound: &Bound| match bound {
            Bound::Open => Ok(None),
            Bound::Included(literal) => Operand::new(literal, field, now_nanos).map(|operand| Some((operand, true))),
            Bound::Excluded(literal) => Operand::new(literal, field, now_nanos).map(|operand| Some((operand, false))),
        };
        Ok(Comparison::Between(end(low)?, end(high)?))
    }

    /// The day, minute, … that a word for a time means; `None` if it is no time.
    pub(super) fn period(text: &str, now_nanos: i64) -> Option<Self> {
        let (start, end) = parse_period(text, now_nanos).ok()?;
        Some(Comparison::Period(start, end))
    }

    pub(super) fn holds(&self, value: &FieldRef<'_>) -> bool {
        match self {
            Comparison::One(op, operand) => operand.order(value).is_some_and(|order| match op {
                CompareOp::Eq => order.is_eq(),
                CompareOp::Gt => order.is_gt(),
                CompareOp::Ge => order.is_ge(),
                CompareOp::Lt => order.is_lt(),
                CompareOp::Le => order.is_le(),
            }),
            Comparison::Between(low, high) => {
                let within = |end: &End, beyond: Ordering| match end {
                    None => true,
                    Some((operand, included)) => operand
                        .order(value)
                        .is_some_and(|order| order == beyond || (*included && order.is_eq())),
                };
                within(low, Ordering::Greater) && within(high, Ordering::Less)
            }
            Comparison::Period(start, end) => nanos_of(value).is_some_and(|nanos| (*start..*end).contains(&nanos)),
        }
    }
}
