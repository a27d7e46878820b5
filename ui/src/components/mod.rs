//! What is drawn, one part per file.

#![allow(clippy::needless_pass_by_value, reason = "a component owns its props")]
#![allow(unreachable_pub, reason = "the component macro declares its props `pub`")]

mod alerts;
mod ask;
mod boards;
mod calendar;
mod chart;
mod complete;
mod empty;
mod export;
mod fields;
mod file;
mod find;
mod full_screen;
mod help;
mod histogram;
mod icon;
mod lines;
mod live;
mod notice;
mod offer;
mod offline;
mod palette;
mod patterns;
mod pipeline;
mod problem;
mod query_box;
mod rail;
mod saved_menu;
mod search;
mod sentence;
mod settings;
mod shell;
mod sorted;
mod summary;
mod table;
mod time_map;
mod time_picker;

pub(crate) use boards::toggle_wall;
pub(crate) use shell::Shell;
