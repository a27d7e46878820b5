//! The page: asks the store and shows what it answers.
//!
//! | module | what it holds |
//! |---|---|
//! | `text` | numbers, times and lines as people read them |
//! | `lang` | the query language as the page uses it |
//! | `api` | the only place that speaks to the server |
//! | `model` | the state: view, question, answer, live tail, choices |
//! | `keys` | what each key does |
//! | `components` | what is drawn, one part per file |
//!
//! A line's text becomes a text node, never markup.

mod api;
mod components;
mod keys;
mod lang;
mod model;
mod text;
#[cfg(test)]
mod tokens_test;

fn main() {
    leptos::mount::mount_to_body(components::Shell);
}
