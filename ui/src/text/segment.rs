//! A line cut into what is drawn alike: fixed or variable, hit or not, under the token cursor or
//! not, in which style.

use std::ops::Range;

use timberline_proto::token::tokens;

use super::ansi::{Ansi, Style};

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Its bytes.
    pub range: Range<usize>,
    /// Whether it is a variable of the line's template: a token with a digit.
    pub variable: bool,
    /// Whether the query matched it.
    pub hit: bool,
    /// Whether the token cursor is on it.
    pub chosen: bool,
    /// How the program that wrote the line wanted it to look.
    pub style: Style,
}

/// Cuts `text`; `hits` are sorted and do not overlap. Adjacent equal pieces are joined; sequences
/// that only say how text looks are left out.
pub(crate) fn segments(text: &str, hits: &[Range<usize>], chosen: Option<&Range<usize>>, ansi: &Ansi) -> Vec<Segment> {
    let variables: Vec<Range<usize>> = tokens(text.as_bytes())
        .filter(|token| token.has_digit)
        .map(|token| token.start..token.end)
        .collect();
    let mut cuts: Vec<usize> = vec![0, text.len()];
    for range in variables.iter().chain(hits).chain(chosen) {
        cuts.extend([range.start.min(text.len()), range.end.min(text.len())]);
    }
    cuts.extend(ansi.cuts());
    cuts.retain(|&at| text.is_char_boundary(at));
    cuts.sort_unstable();
    cuts.dedup();

    let mut out: Vec<Segment> = Vec::new();
    let (mut variable_at, mut hit_at) = (0, 0);
    for pair in cuts.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        if ansi.is_sequence(start) {
            continue;
        }
        let segment = Segment {
            range: start..end,
            variable: covers(&variables, &mut variable_at, start),
            hit: covers(hits, &mut hit_at, start),
            chosen: chosen.is_some_and(|range| range.contains(&start)),
            style: ansi.style(start),
        };
        match out.last_mut() {
            Some(last)
                if last.range.end == start
                    && (last.variable, last.hit, last.chosen, last.style)
                        == (segment.variable, segment.hit, segment.chosen, segment.style) =>
            {
                last.range.end = end;
            }
            _ => out.push(segment),
        }
    }
    out
}

fn covers(ranges: &[Range<usize>], at: &mut usize, position: usize) -> bool {
    while ranges.get(*at).is_some_and(|range| range.end <= position) {
        *at += 1;
    }
    ranges.get(*at).is_some_and(|range| range.start <= position)
}

/// The words that the token cursor stops at: runs without white space, quotes, brackets and
/// `=`, without the punctuation around them. What only says how text looks belongs to none.
pub(crate) fn words(text: &str) -> Vec<Range<usize>> {
    let ansi = Ansi::of(text);
    let mut out = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if separates(c) || ansi.is_sequence(at) {
            if let Some(begin) = start.take() {
                push_trimmed(text, begin..at, &mut out);
            }
        } else if start.is_none() {
            start = Some(at);
        }
    }
    out
}

fn separates(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '=' | ',' | ';' | '|'
        )
}

fn push_trimmed(text: &str, range: Range<usize>, out: &mut Vec<Range<usize>>) {
    let part = &text[range.clone()];
    let edge = |c: char| !c.is_alphanumeric() && c != '_' && c != '/' && c != '-';
    let left = part.len() - part.trim_start_matches(edge).len();
    let right = part.trim_end_matches(|c: char| edge(c) || c == '-').len();
    if left < right && part[left..right].chars().any(char::is_alphanumeric) {
        out.push(range.start + left..range.start + right);
    }
}

/// The word of [`words`] that covers `position`.
#[cfg(test)]
fn word_texts(text: &str) -> Vec<&str> {
    words(text).into_iter().map(|range| &text[range]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_with_digits_are_variables() {
        let text = "size 67108864 from /10.251.39.242";
        let variables: Vec<&str> = segments(text, &[], None, &Ansi::default())
            .into_iter()
            .filter(|s| s.variable)
            .map(|s| &text[s.range])
            .collect();
        assert_eq!(variables, ["67108864", "10", "251", "39", "242"]);
    }

    #[test]
    fn segments_cover_the_line_once_and_in_order() {
        let text = "ünï 5 hit5more, end";
        #[expect(clippy::single_range_in_vec_init, reason = "one hit is meant")]
        let hits = [8..11];
        let found = segments(text, &hits, Some(&(0..5)), &Ansi::default());
        let joined: String = found.iter().map(|s| &text[s.range.clone()]).collect();
        assert_eq!(joined, text);
        assert!(
            found.iter().any(|s| s.hit && &text[s.range.clone()] == "hit"),
            "{found:?}"
        );
    }

    #[test]
    fn what_only_colours_is_left_out() {
        let text = "a \u{1b}[31mred\u{1b}[0m b";
        let found = segments(text, &[], None, &Ansi::of(text));
        let joined: String = found.iter().map(|s| &text[s.range.clone()]).collect();
        assert_eq!(joined, "a red b");
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn a_word_begins_behind_what_colours_it() {
        assert_eq!(
            word_texts("\u{1b}[1;31mERROR\u{1b}[0m: no \u{1b}[Kway"),
            ["ERROR", "no", "way"]
        );
    }

    #[test]
    fn an_empty_line_has_no_segment() {
        assert!(segments("", &[], None, &Ansi::default()).is_empty());
    }

    #[test]
    fn words_are_what_one_would_filter_for() {
        assert_eq!(
            word_texts(r#"Failed password for root from 183.62.140.253 port=50348, "GET /api/v1" [sshd]: --"#),
            [
                "Failed",
                "password",
                "for",
                "root",
                "from",
                "183.62.140.253",
                "port",
                "50348",
                "GET",
                "/api/v1",
                "sshd"
            ]
        );
    }
}
