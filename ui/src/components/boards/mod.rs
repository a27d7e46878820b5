//! Dashboards.
//!
//! | module | what it shows |
//! |---|---|
//! | `page` | the list, or the opened dashboard |
//! | `list` | all dashboards: find, make, import, duplicate, delete |
//! | `board` | one of them: its head, its panels on their grid |
//! | `conflict` | somebody else saved it meanwhile |
//! | `variables` | the values of variables, and changing what they are |
//! | `panel` | one panel: its menu, its chart or rows, moving and sizing it |
//! | `editor` | what a panel asks and how it is drawn |
//! | `add` | from a table of the search to a panel |

mod add;
mod board;
mod conflict;
mod editor;
mod list;
mod page;
mod panel;
mod variables;

pub(crate) use add::AddToBoard;
pub(crate) use board::toggle_wall;
pub(crate) use page::BoardsPage;
