//! The next line of a file that holds a text, as `/` finds it in `less`: onward from a line, in the
//! file and in those before (after) it at the same path.

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use super::super::ReadError;
use super::super::limits::Limits;
use super::super::running::Running;
use super::super::view::View;
use super::around::{Side, from_the_end, nearest};
use super::neighbours::neighbour;
use super::pieces::{Found, Member};
use super::reader::center_of;

/// Lines read at once.
const CHUNK_LINES: usize = 16_384;
/// Files that are looked through at most.
const FILES_MAX: usize = 64;
/// Of a text that is looked for.
const NEEDLE_BYTES_MAX: usize = 1_024;
/// Of a compiled expression.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// What is looked for: a text, or between slashes a regular expression. Without a capital letter
/// it stands for capitals too. Tested on each part of a line that was cut for its length.
pub(super) fn needle(text: &str) -> Result<Regex, ReadError> {
    if text.is_empty() || text.len() > NEEDLE_BYTES_MAX {
        return Err(ReadError::BadRequest(format!(
            "what is looked for has {} bytes: give 1 to {NEEDLE_BYTES_MAX}",
            text.len()
        )));
    }
    let pattern = match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some(pattern) if !pattern.is_empty() => pattern.to_owned(),
        _ => regex::escape(text),
    };
    RegexBuilder::new(&pattern)
        .case_insensitive(!text.chars().any(char::is_uppercase))
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| {
            let fault = timberline_proto::grok::regex_fault(&error);
            ReadError::BadRequest(format!("{text} is no regular expression: {fault}"))
        })
}

/// The nearest row on one side of `center` that holds the needle, and how many were passed.
pub(super) fn find(
    view: &View,
    topic: &Arc<str>,
    center: Found,
    needle: &Regex,
    limits: &Limits,
    side: Side,
    running: &Running,
) -> Result<(Option<Found>, u64), ReadError> {
    let mut member = Member::of(topic, &center.row());
    let mut seen: Vec<_> = match member {
        Member::Generation(generation) => vec![generation],
        Member::Stream { .. } => Vec::new(),
    };
    let mut edge = center;
    let mut passed = 0;
    loop {
        let mut rows = match member.key(&edge.row()) {
            Some(key) => {
                let place = center_of(topic, &edge);
                nearest(view, &member, &place, key, CHUNK_LINES, side, running)?
            }
            None => Vec::new(),
        };
        if rows.is_empty() {
            // The file ends here.
            if seen.is_empty() || seen.len() >= FILES_MAX {
                return Ok((None, passed));
            }
            let Some((next, scope)) = neighbour(view, topic, &edge, &seen, side, running)? else {
                return Ok((None, passed));
            };
            seen.push(next);
            member = Member::Generation(next);
            rows = from_the_end(view, &member, &scope, CHUNK_LINES, side, running)?;
            if rows.is_empty() {
                return Ok((None, passed));
            }
        }
        if side == Side::Before {
            rows.reverse();
        }
        for found in &rows {
            running.check()?;
            // What is not seen is not there, and what is hidden of a line is not in it.
            let Some(seen) = limits.row(&found.row(), topic) else {
                continue;
            };
            if needle.is_match(seen.row(&found.row()).line) {
                return Ok((Some(found.clone()), passed));
            }
            passed += 1;
        }
        if let Some(last) = rows.pop() {
            edge = last;
        }
    }
}
