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

/// The whole text, with its colours.
pub(crate) fn block_text(text: &str) -> Vec<AnyView> {
    let ansi = Ansi::of(text);
    let mut cuts: Vec<usize> = ansi.cuts().chain([0, text.len()]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let pieces = cuts.windows(2).filter(|pair| !ansi.is_sequence(pair[0])).map(|pair| {
        let piece = printable(&text[pair[0]..pair[1]], Layout::Block).into_owned();
        match ansi.style(pair[0]).classes() {
            plain if plain.is_empty() => piece.into_any(),
            style => view! { <span class=style>{piece}</span> }.into_any(),
        }
    });
    pieces.collect()
}

/// What a row shows of a line's text.
pub(crate) fn cut(body: &str) -> &str {
    &body[..body.floor_char_boundary(ROW_BYTES_MAX)]
}
