//! `[ID NAME="VALUE" …][…]` or `-` (RFC 5424, 6.3). In values `\"`, `\\` and `\]` stand for `"`, `\`
//! and `]`. A name that comes twice in one element has a list of values.

use std::collections::BTreeMap;

use super::NAME_BYTES_MAX;
use crate::batch::AttributeValue;
use crate::receive::{Said, lossy};

/// Values read of one message at most.
const VALUES_MAX: usize = 256;

/// Puts the values in place; none if this is no structured data, or more of it than is read.
pub(super) fn read(mut rest: &[u8], said: &mut Said) -> Option<()> {
    // A message that ends behind its id is tolerated.
    if rest.is_empty() || rest == b"-" || rest.starts_with(b"- ") {
        return Some(());
    }
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    let whole = loop {
        let Some(element) = rest.strip_prefix(b"[") else {
            break count > 0 && (rest.is_empty() || rest[0] == b' ');
        };
        count += 1;
        match read_element(element, &mut values, &mut count) {
            Some(after) => rest = after,
            None => break false,
        }
    };
    for (name, mut values) in values {
        let value = match values.len() {
            1 => AttributeValue::Text(values.remove(0)),
            _ => AttributeValue::Json(values.into()),
        };
        said.put(name, value);
    }
    whole.then_some(())
}

/// What stands behind `[`; gives what follows the `]`.
fn read_element<'a>(
    element: &'a [u8],
    values: &mut BTreeMap<String, Vec<String>>,
    count: &mut usize,
) -> Option<&'a [u8]> {
    let (id, mut rest) = name(element, b" ]")?;
    let prefix = format!("syslog.structured_data.{}", lossy(id));
    if rest.starts_with(b"]") {
        values.entry(prefix.clone()).or_default().push(String::new());
    }
    loop {
        let blanks = rest.iter().take_while(|b| **b == b' ').count();
        rest = &rest[blanks..];
        if let Some(after) = rest.strip_prefix(b"]") {
            return Some(after);
        }
        *count += 1;
        if *count > VALUES_MAX {
            return None;
        }
        let (key, after) = name(rest, b"=")?;
        let (value, after) = quoted(after.strip_prefix(b"=\"")?)?;
        values
            .entry(format!("{prefix}.{}", lossy(key)))
            .or_default()
            .push(lossy(&value));
        rest = after;
    }
}

/// A name up to one of `ends`, which is not taken.
fn name<'a>(rest: &'a [u8], ends: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let len = rest
        .iter()
        .take(NAME_BYTES_MAX + 1)
        .position(|b| ends.contains(b) || b"=]\" ".contains(b))?;
    (len > 0 && ends.contains(&rest[len])).then(|| rest.split_at(len))
}

/// A value, and what follows its closing quote.
fn quoted(rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match *rest.get(at)? {
            b'"' => return Some((value, &rest[at + 1..])),
            b'\\' if rest.get(at + 1).is_some_and(|b| b"\"\\]".contains(b)) => {
                value.push(rest[at + 1]);
                at += 2;
            }
            byte => {
                value.push(byte);
                at += 1;
            }
        }
    }
}
