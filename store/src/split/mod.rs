//! A split: one immutable searchable file of the store.
//!
//! `header | per stripe: per page: core, text, provenance, attributes; templates | index | footer |
//! trailer`, described byte for byte in ARCHITECTURE.md. Every byte is covered by a
//! CRC-32C that is checked before the byte is believed; what does not match is
//! [`SplitError::Damaged`], and nothing panics. A reader allocates no more than the file's length,
//! its checked footer, and what zstd can unpack from that.
//!
//! | module | holds |
//! |---|---|
//! | `write`, `read` | the two ways through |
//! | `footer` | header, footer, trailer |
//! | `stripe`, `template`, `time` | lines cut into templates, variables and the record's own time |
//! | `page` | a page's four blocks |
//! | `block`, `column`, `wire` | sinks, encodings, numbers |
//! | `hash`, `slots` | what tables of values are made of |
//! | `index`, `token_regex` | which pages hold a term |
//! | `integrity` | the trees of its records |
//! | `summary` | what can be counted without reading a page |

mod block;
mod column;
mod footer;
pub(crate) mod hash;
mod index;
mod integrity;
mod one_line;
mod page;
mod read;
mod slots;
mod stream_set;
mod stripe;
pub(crate) mod summary;
mod template;
mod time;
mod token_regex;
pub(crate) mod wire;
mod write;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod parts_tests;
#[cfg(test)]
mod stripe_tests;
#[cfg(test)]
mod summary_tests;
#[cfg(test)]
mod tests;

pub(crate) use column::put_decimal;
pub use column::{Entries, SlotView, Texts};
pub(crate) use footer::{FORMAT_VERSION, FORMAT_VERSION_MIN};
pub use index::{HeldRange, OffsetRange};
pub use integrity::{Integrity, Removed, Run, SplitTree};
pub(crate) use one_line::{CutLine, LineCutter, is_shape, pattern_of_template, template_id, template_of_row};
pub use page::{PageCore, PageText};
pub use read::Split;
pub use stream_set::StreamSet;
pub use stripe::Templates;
pub(crate) use template::Pieces;
pub use template::{LeafField, Shape};
pub use token_regex::TokenRegex;
pub(crate) use write::SplitStream;
pub use write::write_split;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::rows::StreamId;

/// How a split is written.
#[derive(Clone, Debug)]
pub struct SplitOptions {
    /// Rows of a page at most, the unit that the index points at.
    pub page_rows_max: usize,
    /// Rows of a stripe at most, stored by column.
    pub stripe_rows_max: usize,
    /// zstd level of the columns.
    pub zstd_level: i32,
}

/// What the catalog keeps of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitMeta {
    /// 32 hexadecimal digits; the file is `ID.split`.
    pub id: String,
    /// Version of the file's format.
    pub format_version: u32,
    /// Rows.
    pub rows: u64,
    /// Bytes of the lines.
    pub raw_bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Time of the earliest row, nanoseconds.
    pub time_min: i64,
    /// Time of the latest row, nanoseconds.
    pub time_max: i64,
    /// Pages.
    pub pages: u32,
    /// The streams of its rows.
    pub streams: Vec<StreamId>,
    /// Rows per severity rank 0–6.
    pub severity_rows: [u64; 7],
    /// Per partition of the queue, the first and last offset of its rows.
    pub offsets: Vec<(u32, u64, u64)>,
    /// CRC-32C of the footer, which holds the checksums of everything else.
    pub footer_crc: u32,
    /// Merges behind it; 0 for one written from the queue.
    pub level: u32,
}

/// What a search can ask of a split's index. Answers may name too many pages, never too few.
#[derive(Clone, Debug, PartialEq)]
pub enum PageQuery {
    /// Every page.
    All,
    /// No page.
    None,
    /// Pages in all of them.
    And(Vec<PageQuery>),
    /// Pages in any of them.
    Or(Vec<PageQuery>),
    /// This token (lower case).
    Token(String),
    /// A token that begins so (lower case).
    TokenPrefix(String),
    /// A token that matches the pieces with `*` between them (lower case); ends without star are
    /// written as non-empty first or last pieces.
    TokenWildcard(Vec<String>),
    /// A token that a regex matches somewhere in.
    TokenRegex(TokenRegex),
    /// `field = value`, the value in lower case as text.
    FieldEquals(String, String),
    /// The field is there.
    FieldExists(String),
    /// The field is there, in the line or as an attribute of the record, not of its stream.
    FieldOfRows(String),
    /// A template's stable id.
    Template(u64),
    /// Times that overlap `start..=end`, nanoseconds.
    Time(i64, i64),
    /// One of these streams.
    Streams(StreamSet),
    /// A severity of at least and at most these ranks.
    Severity(u8, u8),
}

/// Which columns of a page to read; the others are left at their defaults in the [`RowBlock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The line.
    pub line: bool,
    /// Place, observed time, part.
    pub provenance: bool,
    /// Attributes that are not in the line.
    pub attributes: bool,
}

impl Columns {
    /// All that is stored of a row.
    pub const ALL: Self = Self {
        line: true,
        provenance: true,
        attributes: true,
    };
}

/// What is known of a page without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageInfo {
    /// Rows.
    pub rows: u32,
    /// Earliest, nanoseconds.
    pub time_min: i64,
    /// Latest, nanoseconds.
    pub time_max: i64,
}

/// Why a split cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// Bytes are not what was written: quarantine the split, answer without it.
    #[error("{path}: damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how.
        what: String,
    },
    /// A newer program wrote it.
    #[error(
        "{path} has split format version {found}, this program reads up to {supported}: install the newer program again"
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        supported: u32,
    },
    /// A program wrote it that was never released.
    #[error(
        "{path} has split format version {found}, which no release wrote and this program does not read: \
         remove the data directory's `store` and start again, or go back to the program that wrote it"
    )]
    OlderFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The disk said no: try again when it says yes.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// Who asked does not wait any more: what it was asked for says why.
    #[error("the query was stopped")]
    Stopped,
}
