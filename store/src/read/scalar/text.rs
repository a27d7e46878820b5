//! Functions of texts. Characters are counted, not bytes.

use std::sync::Arc;

use datafusion::arrow::array::{Array, BooleanArray, Float64Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use regex::Regex;

use super::{IterValue, call, text_of_text, truth_of_texts};

/// Bytes that one function may make of one row's texts; more is null.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// The function `name` of one text, if there is one.
pub(crate) fn unary(name: &str, argument: Expr) -> Option<Expr> {
    Some(match name {
        "lower" => text_of_text("lower", argument, |text| Some(text.to_lowercase())),
        "upper" => text_of_text("upper", argument, |text| Some(text.to_uppercase())),
        "trim" => text_of_text("trim", argument, |text| Some(text.trim().to_owned())),
        "length" => call("length", String::new(), DataType::Float64, vec![argument], |args| {
            let length = |text: Option<&str>| text.map(|text| text.chars().count() as f64);
            Ok(Arc::new(args.text(0)?.iter().map(length).collect::<Float64Array>()))
        }),
        _ => return None,
    })
}

/// The test `name` of two texts, if there is one.
pub(crate) fn test(name: &str, left: Expr, right: Expr) -> Option<Expr> {
    Some(match name {
        "contains" => truth_of_texts("contains", left, right, |a, b| {
            a.to_lowercase().contains(&b.to_lowercase())
        }),
        "starts_with" => truth_of_texts("starts_with", left, right, |a, b| {
            a.to_lowercase().starts_with(&b.to_lowercase())
        }),
        "ends_with" => truth_of_texts("ends_with", left, right, |a, b| {
            a.to_lowercase().ends_with(&b.to_lowercase())
        }),
        _ => return None,
    })
}

/// `concat`: null counts as nothing.
pub(crate) fn concat(arguments: Vec<Expr>) -> Expr {
    call("concat", String::new(), DataType::Utf8, arguments, |args| {
        let columns = (0..args.len()).map(|at| args.text(at)).collect::<Result<Vec<_>>>()?;
        let of_row = |row| {
            let parts = columns
                .iter()
                .filter(|column| column.is_valid(row))
                .map(|column| column.value(row));
            bounded(parts.collect())
        };
        Ok(Arc::new((0..args.rows).map(of_row).collect::<StringArray>()))
    })
}

/// `substr(x, start [, length])`: from 1 on; a start below 1 is 1.
pub(crate) fn substr(text: Expr, numbers: Vec<Expr>) -> Expr {
    let mut arguments = vec![text];
    arguments.extend(numbers);
    call("substr", String::new(), DataType::Utf8, arguments, |args| {
        let texts = args.text(0)?;
        let starts = args.numbers(1)?;
        let lengths = if args.len() > 2 { Some(args.numbers(2)?) } else { None };
        let of_row = |row| {
            let text = texts.is_valid(row).then(|| texts.value(row))?;
            let skip = count(starts.iter_value(row)? - 1.0);
            let take = match &lengths {
                Some(lengths) => count(lengths.iter_value(row)?),
                None => usize::MAX,
            };
            Some(text.chars().skip(skip).take(take).collect::<String>())
        };
        Ok(Arc::new((0..args.rows).map(of_row).collect::<StringArray>()))
    })
}

/// `split(x, separator, n)`: the n-th part from 1 on, null beyond the last.
pub(crate) fn split(text: Expr, separator: Expr, part: Expr) -> Expr {
    call(
        "split",
        String::new(),
        DataType::Utf8,
        vec![text, separator, part],
        |args| {
            let (texts, separators, parts) = (args.text(0)?, args.text(1)?, args.numbers(2)?);
            let of_row = |row| {
                if texts.is_null(row) || separators.is_null(row) || separators.value(row).is_empty() {
                    return None;
                }
                let part = parts.iter_value(row).filter(|part| *part >= 1.0)?;
                texts
                    .value(row)
                    .split(separators.value(row))
                    .nth(count(part - 1.0))
                    .map(str::to_owned)
            };
            Ok(Arc::new((0..args.rows).map(of_row).collect::<StringArray>()))
        },
    )
}

/// `replace(x, from, to)`
pub(crate) fn replace(text: Expr, from: Expr, to: Expr) -> Expr {
    call("replace", String::new(), DataType::Utf8, vec![text, from, to], |args| {
        let (texts, from, to) = (args.text(0)?, args.text(1)?, args.text(2)?);
        let of_row = |row| {
            if texts.is_null(row) || from.is_null(row) || to.is_null(row) {
                return None;
            }
            let (text, from, to) = (texts.value(row), from.value(row), to.value(row));
            let finds = if from.is_empty() { 0 } else { text.matches(from).count() };
            match finds {
                0 => Some(text.to_owned()),
                _ if finds.saturating_mul(to.len()) > TEXT_BYTES_MAX => None,
                _ => bounded(text.replace(from, to)),
            }
        };
        Ok(Arc::new((0..args.rows).map(of_row).collect::<StringArray>()))
    })
}

/// Whether a regex finds something in a text.
pub(crate) fn is_match(text: Expr, regex: Regex) -> Expr {
    call("match", regex.to_string(), DataType::Boolean, vec![text], move |args| {
        let test = |text: Option<&str>| text.map(|text| regex.is_match(text));
        Ok(Arc::new(args.text(0)?.iter().map(test).collect::<BooleanArray>()))
    })
}

/// What a group of a regex finds first in a text; group 0 is the whole.
pub(crate) fn extract(text: Expr, regex: Regex, group: usize) -> Expr {
    let parameters = format!("{group} {regex}");
    call("extract", parameters, DataType::Utf8, vec![text], move |args| {
        let texts = args.text(0)?;
        let find = |text: Option<&str>| {
            let found = regex.captures(text?)?;
            Some(found.get(group)?.as_str().to_owned())
        };
        Ok(Arc::new(texts.iter().map(find).collect::<StringArray>()))
    })
}

/// Every find of a regex by a text, in which `$1` or `${name}` is a group.
pub(crate) fn replace_regex(text: Expr, regex: Regex, with: String) -> Expr {
    let parameters = format!("{regex} {with}");
    call("replace_regex", parameters, DataType::Utf8, vec![text], move |args| {
        let replace = |text: Option<&str>| {
            let text = text?;
            // `$0` repeats what is found, so the result is at most so many times as long.
            let finds = regex.find_iter(text).count();
            let references = with.matches('$').count();
            let most = finds.saturating_mul(with.len() + references.saturating_mul(text.len()));
            (most <= 64 * TEXT_BYTES_MAX).then(|| bounded(regex.replace_all(text, with.as_str()).into_owned()))?
        };
        Ok(Arc::new(args.text(0)?.iter().map(replace).collect::<StringArray>()))
    })
}

/// `true` and `false`, and null for another text.
pub(crate) fn truth(text: Expr) -> Expr {
    call("text_truth", String::new(), DataType::Boolean, vec![text], |args| {
        let truth = |text: Option<&str>| match text?.trim() {
            word if word.eq_ignore_ascii_case("true") => Some(true),
            word if word.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        Ok(Arc::new(args.text(0)?.iter().map(truth).collect::<BooleanArray>()))
    })
}

fn bounded(text: String) -> Option<String> {
    (text.len() <= TEXT_BYTES_MAX).then_some(text)
}

/// A number as a count: below 0 nothing, with its fraction cut off.
fn count(number: f64) -> usize {
    if number.is_nan() || number < 0.0 {
        0
    } else {
        number as usize
    }
}
