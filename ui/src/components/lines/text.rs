//! A line's text in pieces: what repeats is quiet, what changes is bright, what the query found is
//! marked, what a program coloured is coloured. Every piece is a text node.

use leptos::prelude::*;

use crate::{
    lang::Hits,
    model::window::Line,
    text::{
        ansi::Ansi,
        number,
        printable::{Layout, printable},
        segment::{segments, words},
        time,
    },
};

/// Bytes of a line that its row draws; the opened line shows all.
pub(crate) const ROW_BYTES_MAX: usize = 2_000;

/// The text of a row; `word` is that which the keyboard is on.
pub(crate) fn row_text(line: &Line, hits: &Hits, word: Option<usize>) -> Vec<AnyView> {
    let body = cut(&line.record.body);
    let chosen = word.and_then(|word| words(body).get(word).cloned());
    let found = hits.find(body);
    let ansi = Ansi::of(body);
    let marked = found.iter().chain(&chosen).map(|range| range.start).min();
    // What is marked stays as it is.
    let stamp = Some(time::stamp_bytes(body)).filter(|&end| end > 0 && marked.is_none_or(|start| start >= end));
    let stamp = stamp.unwrap_or(0);
    let head = (stamp > 0).then(|| view! { <span class="stamp">{body[..stamp].to_owned()}</span> }.into_any());
    let mut pieces: Vec<AnyView> = head
        .into_iter()
        .chain(
            segments(body, &found, chosen.as_ref(), &ansi)
                .into_iter()
                .filter(|segment| segment.range.end > stamp)
                .map(|segment| {
                    let range = segment.range.start.max(stamp)..segment.range.end;
                    let piece = printable(&body[range], Layout::Row).into_owned();
                    let chosen = segment.chosen;
                    let style = segment.style.classes();
                    match (segment.hit, segment.variable || chosen || !style.is_empty()) {
                        (false, false) => piece.into_any(),
                        (false, true) => {
                            view! { <span class=format!("v{style}") class:word=chosen>{piece}</span> }.into_any()
                        }
                        (true, _) => view! { <mark class:word=chosen>{piece}</mark> }.into_any(),
                    }
                }),
        )
        .collect();
    if body.len() < line.record.body.len() {
        let rest = number::bytes((line.record.body.len() - body.len()) as u64);
        pieces.push(view! { <span class="row-more">{format!(" … {rest} more")}</span> }.into_any());
    }
    pieces
}

/// The whole text, with its colours and with what was found in it.
pub(crate) fn block_text(text: &str, hits: &Hits) -> Vec<AnyView> {
    let found = hits.find(text);
    let mut pieces: Vec<(String, bool, String)> = Vec::new();
    for segment in segments(text, &found, None, &Ansi::of(text)) {
        let piece = printable(&text[segment.range.clone()], Layout::Block);
        let style = segment.style.classes();
        match pieces.last_mut() {
            Some(last) if (last.1, &last.2) == (segment.hit, &style) => last.0.push_str(&piece),
            _ => pieces.push((piece.into_owned(), segment.hit, style)),
        }
    }
    let drawn = |(piece, hit, style): (String, bool, String)| match (hit, style.is_empty()) {
        (true, _) => view! { <mark>{piece}</mark> }.into_any(),
        (false, true) => piece.into_any(),
        (false, false) => view! { <span class=style>{piece}</span> }.into_any(),
    };
    pieces.into_iter().map(drawn).collect()
}

/// What a row shows of a line's text.
pub(crate) fn cut(body: &str) -> &str {
    &body[..body.floor_char_boundary(ROW_BYTES_MAX)]
}
