//! Members of a JSON text.

use std::sync::Arc;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use serde_json::Value;
use timberline_proto::line::{FieldValue, fields};

/// The member at `path` of a text, as text; null if there is none or the text is no JSON.
pub(crate) fn member(text: Expr, path: Expr) -> Expr {
    super::call("json", String::new(), DataType::Utf8, vec![text, path], |args| {
        let (texts, paths) = (args.text(0)?, args.text(1)?);
        let pairs = texts.iter().zip(paths.iter());
        Ok(Arc::new(
            pairs.map(|(text, path)| find(text?, path?)).collect::<StringArray>(),
        ))
    })
}

/// A value as it stands in the text; what holds others as JSON.
pub(crate) fn find(text: &str, path: &str) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let mut found = None;
    fields(text.as_bytes(), &mut |name, value| {
        if name == path {
            found = Some((value != FieldValue::Null).then(|| value.as_text().to_owned()));
        }
        found.is_none()
    });
    match found {
        Some(value) => value,
        None => match walk(&serde_json::from_str(text).ok()?, path)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            value => Some(value.to_string()),
        },
    }
}

/// A name may hold dots itself, so every cut is tried, the longest name first.
fn walk<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let inner = |name: &str| match value {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    };
    if let Some(found) = inner(path) {
        return Some(found);
    }
    path.rmatch_indices('.')
        .find_map(|(at, _)| walk(inner(&path[..at])?, &path[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::find;

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        let text = r#"{"a":{"b":1.50,"c":"x\ny"},"d.e":true,"f":[1,{"g":null}],"h":12345678901234567890123}"#;
        assert_eq!(find(text, path).as_deref(), expected, "{path}");
    }

    #[test]
    fn members_are_found_as_they_stand() {
        check("a.b", Some("1.50"));
        check("a.c", Some("x\ny"));
        check("d.e", Some("true"));
        check("a", Some(r#"{"b":1.5,"c":"x\ny"}"#));
        check("f.0", Some("1"));
        check("f.1.g", None);
        check("h", Some("12345678901234567890123"));
        check("z", None);
        assert_eq!(find("no json", "a"), None);
        assert_eq!(find("{broken", "a"), None);
    }
}
