//! What is in a partition, page by page: by offset or by time.

use leptos::prelude::*;
use timberline_proto::api::topics::{Message, Shown};

use super::ago;
use crate::{
    model::{app::App, reach::OFFLINE, topics::PAGE_MESSAGES},
    text::{
        number,
        printable::{Layout, printable},
    },
};

/// The opened partition's messages.
#[component]
pub(super) fn Messages() -> impl IntoView {
    let app = App::get();
    let messages = app.pipeline.messages;
    let opened = RwSignal::new(None::<u64>);
    let go = move |at: String| {
        opened.set(None);
        app.ask(|view| view.at = Some(at));
    };
    let ends = move || {
        messages.with(|answer| {
            answer
                .as_ref()
                .map(|answer| (answer.start_offset, answer.from, answer.next, answer.end_offset))
        })
    };
    let older = move |_| {
        if let Some((start, from, ..)) = untrack(ends) {
            go(from.saturating_sub(PAGE_MESSAGES).max(start).to_string());
        }
    };
    let newer = move |_| {
        if let Some((.., next, _)) = untrack(ends) {
            go(next.to_string());
        }
    };
    let newest = move |_| {
        if let Some((start, .., end)) = untrack(ends) {
            go(end.saturating_sub(PAGE_MESSAGES).max(start).to_string());
        }
    };
    let at_start = move || ends().is_none_or(|(start, from, ..)| from <= start);
    let at_end = move || ends().is_none_or(|(.., next, end)| next >= end);
    let say = move || {
        let (_, from, next, end) = ends()?;
        Some(if from == next {
            format!("no message from {} on", number::grouped(from))
        } else {
            format!(
                "{} – {} of up to {}",
                number::grouped(from),
                number::grouped(next - 1),
                number::grouped(end.saturating_sub(1))
            )
        })
    };
    view! {
        <section class="messages" aria-label="Messages">
            <div class="tools">
                <h2>{move || app.view.with(|view| view.item.clone().map(|item| format!("Messages of {}", item.replace('/', "-"))))}</h2>
                <button class="button small" disabled=at_start on:click=older>"Older"</button>
                <button class="button small" disabled=at_end on:click=newer>"Newer"</button>
                <button class="button small" on:click=newest>"Newest"</button>
                <input
                    class="input tools-find message-from" placeholder="From offset, or time: -15m" aria-label="From offset or time" spellcheck="false"
                    on:change=move |event| { let at = event_target_value(&event); if !at.trim().is_empty() { go(at.trim().replace(',', "")) } }
                />
                <span class="tools-say" role="status">{say}</span>
            </div>
            {move || app.pipeline.messages_error.get().filter(|error| error.code != OFFLINE).map(|error| view! { <p class="bad" role="alert">{error.message}</p> })}
            <table class="rows wide">
                <thead><tr>
                    <th scope="col" class="number"><span class="table-head">"Offset"</span></th>
                    <th scope="col"><span class="table-head">"Time"</span></th>
                    <th scope="col"><span class="table-head">"Key"</span></th>
                    <th scope="col"><span class="table-head">"Value"</span></th>
                </tr></thead>
                <tbody>
                    {move || {
                        let opened_now = opened.get();
                        messages.with(|answer| answer.as_ref().map(|answer| {
                            answer.messages.iter().map(|message| row(app, message, opened, opened_now == Some(message.offset))).collect_view()
                        }))
                    }}
                </tbody>
            </table>
        </section>
    }
}

fn row(app: App, message: &Message, opened: RwSignal<Option<u64>>, is_open: bool) -> impl IntoView + use<> {
    let offset = message.offset;
    let details = is_open.then(|| details(message));
    view! {
        <tr class="opens" class:current=is_open>
            <td class="number"><button class="link" aria-expanded=is_open.to_string() on:click=move |_| opened.set((!is_open).then_some(offset))>{number::grouped(offset)}</button></td>
            <td>{ago(app, &message.timestamp)}</td>
            <td class="mono">{message.key.as_ref().map(|key| one_line(key, 24))}</td>
            <td class="mono message-value">{message.value.as_ref().map_or_else(|| "– no value".to_owned(), |value| one_line(value, 400))}</td>
        </tr>
        {details.map(|details| view! { <tr class="opened-below"><td colspan="4">{details}</td></tr> })}
    }
}

fn details(message: &Message) -> impl IntoView + use<> {
    let headers = message
        .headers
        .iter()
        .map(|header| {
            let name = printable(&header.name, Layout::Row).into_owned();
            view! { <tr><th scope="row">{name}</th><td class="mono">{whole(&header.value)}</td></tr> }
        })
        .collect_view();
    let value = message.value.as_ref().map(|value| {
        let size = number::bytes(value.bytes);
        let note = match (value.hex.is_some(), value.cut) {
            (false, false) => size,
            (true, false) => format!("{size}, no text: as hexadecimal digits"),
            (false, true) => format!("the beginning of {size}"),
            (true, true) => format!("the beginning of {size}, no text: as hexadecimal digits"),
        };
        view! { <p class="table-rest">{note}</p><pre class="message-whole">{whole(value)}</pre> }
    });
    let key = message
        .key
        .as_ref()
        .map(|key| view! { <tr><th scope="row">"key"</th><td class="mono">{whole(key)}</td></tr> });
    view! {
        <table class="plain detail-fields"><tbody>
            <tr><th scope="row">"time"</th><td>{message.timestamp.clone()}</td></tr>
            {key}
            {headers}
        </tbody></table>
        {value}
    }
}

/// The beginning, on one line.
fn one_line(shown: &Shown, chars: usize) -> String {
    let text = match (&shown.text, &shown.hex) {
        (Some(text), _) => printable(text, Layout::Row).into_owned(),
        (None, hex) => format!("0x{}", hex.as_deref().unwrap_or_default()),
    };
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None if shown.cut => format!("{text}…"),
        None => text,
    }
}

/// All that is known of it; digits in groups of bytes.
fn whole(shown: &Shown) -> String {
    match (&shown.text, &shown.hex) {
        (Some(text), _) => printable(text, Layout::Block).into_owned(),
        (None, Some(hex)) => hex
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).into_owned())
            .collect::<Vec<_>>()
            .join(" "),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_shown_as_digits_and_what_is_hostile_harmlessly() {
        assert_eq!(one_line(&Shown::of(&[0xff, 0x00, 0x41], 9), 99), "0xff0041");
        assert_eq!(whole(&Shown::of(&[0xff, 0x00, 0x41], 9)), "ff 00 41");
        assert_eq!(one_line(&Shown::of("a\u{1b}[31m\nb".as_bytes(), 99), 99), "a␛[31m␊b");
        assert_eq!(one_line(&Shown::of("grün".as_bytes(), 99), 3), "grü…");
        assert_eq!(one_line(&Shown::of(b"abc", 2), 9), "ab…");
    }
}
