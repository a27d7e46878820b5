//! How values of mixed types stand to each other.
//!
//! Two values that both read as numbers compare as numbers, exactly if they are whole; otherwise
//! both compare as texts without regard to case. What is larger or smaller than a number is one: beside a
//! number a text that reads as none has no order. For sorting, every number comes before every text.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::Int8Array;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use timberline_proto::query::matcher::number;

/// -1, 0 or 1 as the left text stands to the right one; null beside null.
pub(crate) fn compared(left: Expr, right: Expr) -> Expr {
    super::call("compare", String::new(), DataType::Int8, vec![left, right], |args| {
        let (left, right) = (args.text(0)?, args.text(1)?);
        let pairs = left.iter().zip(right.iter());
        let compared = pairs.map(|(a, b)| Some(order(a?, b?) as i8));
        Ok(Arc::new(compared.collect::<Int8Array>()))
    })
}

/// The same where only numbers are meant: null beside a text that is none.
pub(crate) fn compared_as_numbers(left: Expr, right: Expr) -> Expr {
    let name = "compare_numbers";
    super::call(name, String::new(), DataType::Int8, vec![left, right], |args| {
        let (left, right) = (args.text(0)?, args.text(1)?);
        let pairs = left.iter().zip(right.iter());
        let compared = pairs.map(|(a, b)| {
            let (a, b) = (a?, b?);
            (is_number(a) && is_number(b)).then(|| order(a, b) as i8)
        });
        Ok(Arc::new(compared.collect::<Int8Array>()))
    })
}

/// As the module says.
pub(crate) fn order(left: &str, right: &str) -> Ordering {
    match (number(left.trim().as_bytes()), number(right.trim().as_bytes())) {
        (Some(a), Some(b)) => numbers(left, a, right, b),
        _ => texts(left, right),
    }
}

/// The order in which mixed values are sorted, and by which `min` and `max` choose: the numbers
/// first, then the texts. `Ordering::Less` comes first.
pub(crate) fn mixed(left: &str, right: &str) -> Ordering {
    match (number(left.trim().as_bytes()), number(right.trim().as_bytes())) {
        (Some(a), Some(b)) => numbers(left, a, right, b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// Whether a text reads as a number.
pub(crate) fn is_number(text: &str) -> bool {
    number(text.trim().as_bytes()).is_some()
}

fn numbers(left: &str, a: f64, right: &str, b: f64) -> Ordering {
    match (left.trim().parse::<i128>(), right.trim().parse::<i128>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.total_cmp(&b),
    }
}

fn texts(left: &str, right: &str) -> Ordering {
    let folded = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    match left == right {
        true => Ordering::Equal,
        false => folded(left).cmp(&folded(right)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_as_numbers_and_before_texts() {
        assert_eq!(order("9", "10"), Ordering::Less);
        assert_eq!(order("9007199254740993", "9007199254740992"), Ordering::Greater);
        assert_eq!(order("1.0", "1"), Ordering::Equal);
        assert_eq!(order("GET", "get"), Ordering::Equal);
        assert_eq!(order("9", "a"), Ordering::Less);
        assert_eq!(mixed("9", "10"), Ordering::Less);
        assert_eq!(mixed("10", ""), Ordering::Less);
        assert_eq!(mixed("a", "-1"), Ordering::Greater);
        assert_eq!(mixed("10", "inf"), Ordering::Less);
    }
}
