//! Functions of numbers.

use std::sync::Arc;

use datafusion::arrow::array::{BooleanArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;

use super::{call, number_of_numbers};

/// The numeric function `name` over numbers, if there is one.
pub(crate) fn function(name: &str, mut arguments: Vec<Expr>) -> Option<Expr> {
    let unary: fn(f64) -> f64 = match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "sqrt" => f64::sqrt,
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log10" => f64::log10,
        "round" => {
            return Some(number_of_numbers("round", arguments, |n| {
                round(n[0], n.get(1).copied())
            }));
        }
        "pow" => return Some(number_of_numbers("pow", arguments, |n| n[0].powf(n[1]))),
        _ => return None,
    };
    let name = ["abs", "ceil", "floor", "sqrt", "exp", "ln", "log10"]
        .into_iter()
        .find(|known| *known == name)?;
    let argument = arguments.pop()?;
    Some(number_of_numbers(name, vec![argument], move |n| unary(n[0])))
}

fn round(number: f64, digits: Option<f64>) -> f64 {
    /// More digits than a number has.
    const DIGITS_MAX: f64 = 15.0;
    let scale = 10_f64.powf(digits.unwrap_or(0.0).trunc().clamp(-DIGITS_MAX, DIGITS_MAX));
    let rounded = (number * scale).round() / scale;
    if rounded.is_finite() { rounded } else { number }
}

/// `a / b`, and null for a division by zero.
pub(crate) fn divide(left: Expr, right: Expr) -> Expr {
    number_of_numbers("divide", vec![left, right], |n| n[0] / n[1])
}

/// `a % b`, with the sign of `a`, and null for a division by zero.
pub(crate) fn modulo(left: Expr, right: Expr) -> Expr {
    number_of_numbers("modulo", vec![left, right], |n| n[0] % n[1])
}

/// The smallest or largest of some numbers; null counts as nothing.
pub(crate) fn extreme(largest: bool, arguments: Vec<Expr>) -> Expr {
    let name = if largest { "greatest" } else { "least" };
    call(name, String::new(), DataType::Float64, arguments, move |args| {
        let columns = (0..args.len())
            .map(|at| args.numbers(at))
            .collect::<datafusion::common::Result<Vec<_>>>()?;
        let choose = |a: f64, b: f64| if largest { a.max(b) } else { a.min(b) };
        let of_row = |row| {
            columns
                .iter()
                .filter_map(|column| super::IterValue::iter_value(column, row))
                .reduce(choose)
        };
        let chosen: datafusion::arrow::array::Float64Array = (0..args.rows).map(of_row).collect();
        Ok(Arc::new(chosen))
    })
}

/// A number as people write it: whole ones without a fraction.
pub(crate) fn text(number: Expr) -> Expr {
    call("number_text", String::new(), DataType::Utf8, vec![number], |args| {
        let numbers = args.numbers(0)?;
        Ok(Arc::new(
            numbers
                .iter()
                .map(|n| n.map(|n| n.to_string()))
                .collect::<StringArray>(),
        ))
    })
}

/// Whether a number is another than 0.
pub(crate) fn truth(number: Expr) -> Expr {
    call("number_truth", String::new(), DataType::Boolean, vec![number], |args| {
        let numbers = args.numbers(0)?;
        Ok(Arc::new(
            numbers.iter().map(|n| n.map(|n| n != 0.0)).collect::<BooleanArray>(),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn rounding_is_half_away_from_zero_and_bounded() {
        assert_eq!(round(2.5, None), 3.0);
        assert_eq!(round(-2.5, None), -3.0);
        assert_eq!(round(6.54321, Some(2.0)), 6.54);
        assert_eq!(round(1234.0, Some(-2.0)), 1200.0);
        assert_eq!(round(1.5, Some(1e9)), 1.5);
        assert_eq!(round(1e300, Some(15.0)), 1e300);
    }
}
