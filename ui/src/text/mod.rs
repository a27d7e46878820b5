//! Text for people: numbers, times, lines. Nothing here touches the browser's document.

pub(crate) mod ansi;
pub(crate) mod instants;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod printable;
pub(crate) mod segment;
pub(crate) mod time;
