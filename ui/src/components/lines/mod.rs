//! Lines: the list, one row of it, what a row opens to.

mod detail;
mod head;
mod list;
mod place;
mod row;
mod ruler;
mod text;
mod ticks;

pub(crate) use list::Lines;
