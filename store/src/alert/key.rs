//! What names a verdict: the same for the same verdict, however often it is reached.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use timberline_proto::alert::AlertState;

use super::sample::Group;

/// Bytes of a hash that are enough.
const KEY_BYTES: usize = 16;

/// Of the verdict of a group's window.
pub(crate) fn of_window(rule: &str, group: &Group, end: i64, to: AlertState) -> String {
    hashed(&format!("{rule}\n{}\n{end}\n{to:?}", group.to_json()))
}

/// Of what late lines made of it, of those that the verdict of a later window counts.
pub(crate) fn of_late(rule: &str, group: &Group, end: i64, verdict: i64) -> String {
    hashed(&format!("{rule}\n{}\n{end}\nlate {verdict}", group.to_json()))
}

/// Of a line that is told by itself.
pub(crate) fn of_line(rule: &str, line: &str) -> String {
    hashed(&format!("{rule}\nline\n{line}"))
}

fn hashed(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(KEY_BYTES).fold(String::new(), |mut key, byte| {
        // Writing to a String cannot fail.
        _ = write!(key, "{byte:02x}");
        key
    })
}
