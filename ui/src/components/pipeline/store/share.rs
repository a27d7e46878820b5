//! What tables of the room have in common: sums of records, and a bar for the share.

use leptos::prelude::*;
use timberline_proto::api::room::RoomSums;

use crate::{components::sorted::Key, text::number};

/// Lines, their bytes, bytes on disk with a bar, and how well they are packed: four cells.
pub(super) fn cells(sums: RoomSums, all_file_bytes: u64) -> impl IntoView {
    view! {
        <td class="number">{number::grouped(sums.records)}</td>
        <td class="number" title=exactly(sums.raw_bytes)>{number::bytes(sums.raw_bytes)}</td>
        {bar(sums.file_bytes, all_file_bytes)}
        <td class="number room-packed">{number::share(sums.file_bytes, sums.raw_bytes)}</td>
    }
}

/// Bytes over a bar that says which part of all they are.
pub(super) fn bar(bytes: u64, all: u64) -> impl IntoView {
    let width = format!("{:.1}%", bytes as f64 * 100.0 / all.max(1) as f64);
    let share = number::share(bytes, all);
    view! {
        <td class="number room-bar" title=format!("{}, {share} of all", exactly(bytes))>
            <i style:width=width></i>
            <b>{number::bytes(bytes)}</b>
            <span>{share.clone()}</span>
        </td>
    }
}

/// By what the columns of [`cells`] are sorted; 0 is the first of them.
pub(super) fn key(sums: &RoomSums, column: usize) -> Key {
    Key::Number(match column {
        0 => sums.records as f64,
        1 => sums.raw_bytes as f64,
        2 => sums.file_bytes as f64,
        _ => sums.file_bytes as f64 / sums.raw_bytes.max(1) as f64,
    })
}

/// The last row: what is not named.
pub(super) fn others(
    word: &'static str,
    sums: RoomSums,
    all_file_bytes: u64,
    columns_before: u32,
) -> Option<impl IntoView> {
    (sums.file_bytes > 0).then(|| {
        view! { <tr class="room-others"><td colspan=columns_before.to_string()>{word}</td>{cells(sums, all_file_bytes)}</tr> }
    })
}

/// What of the files is of all rows together.
pub(super) fn shared(bytes: u64, all_file_bytes: u64) -> Option<impl IntoView> {
    (bytes > 0).then(|| {
        view! {
            <tr class="room-others">
                <td colspan="3">"Of all together: templates, indexes, summaries, footers"</td>
                {bar(bytes, all_file_bytes)}
                <td class="room-packed"></td>
            </tr>
        }
    })
}

pub(super) fn exactly(bytes: u64) -> String {
    format!("{} bytes", number::grouped(bytes))
}
