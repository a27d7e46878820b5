//! Records in the order of their file, and the file's bytes made again from them.
//!
//! A record knows its generation and byte range, so that everything here follows from the records:
//! what stands around one, which generations are held and which of their bytes, and the bytes
//! themselves. Nothing is guessed: a byte that no record and no known hole covers is missing, and
//! is named.
//!
//! | module | what it does |
//! |---|---|
//! | [`pieces`] | where the rows of a generation (or of a stream without files) are |
//! | [`around`] | the lines next to a place, nearest first |
//! | [`find`] | the next line that holds a text |
//! | [`lines`] | parts of a long line joined |
//! | [`neighbours`] | the generation before or after one at the same path |
//! | [`spans`] | sets of byte ranges |
//! | [`list`] | the generations that are held |
//! | [`rebuild`] | the original bytes |

mod around;
mod find;
mod lines;
mod list;
mod neighbours;
mod pieces;
mod reader;
mod rebuild;
mod spans;
#[cfg(test)]
mod tests;

pub use reader::{FileRequest, FindDirection};
pub use rebuild::FileBytes;
