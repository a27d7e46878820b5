//! Queries over what is stored and what is live.
//!
//! | module | what it does |
//! |---|---|
//! | [`reader`] | the door: questions in, answers out, within the limits |
//! | [`turns`] | how many run at once |
//! | [`sources`], [`settled`], [`completeness`] | what is known of files, up to when they are complete in what can be read, and what answers say of it |
//! | [`view`] | what one query sees: live rows, then a catalog snapshot |
//! | [`prune`], [`literals`] | from a filter to what the indexes are asked |
//! | [`decide`] | which rows match, decided on template, stream and severity |
//! | [`counts`] | counts by what rows have in common, without reading lines |
//! | [`cache`] | what is kept of splits between queries |
//! | [`open_page`], [`matching`] | a page read part by part, and its rows that match |
//! | [`leaf`] | fields of JSON and logfmt lines, read from the columns that hold them |
//! | [`test`], [`row`] | the exact test of a row, and a row's values by name |
//! | [`scan`] | pages and live rows, read and counted |
//! | [`search`] | records in total order, early stop, cursors |
//! | [`limits`] | what somebody may see: only some records, without some fields |
//! | [`lower`], [`sql`] | pipes and SQL as DataFusion plans |
//! | [`tables`] | tables besides `logs`: the catalog's, and files that the operator allows |
//! | [`scalar`], [`aggregates`], [`bins`] | what pipes compute beyond DataFusion's functions |
//! | [`provider`], [`exec`], [`pushdown`], [`columns`], [`functions`] | the table `logs` for DataFusion |
//! | [`leaf_exec`] | the node of a plan that reads |
//! | [`patterns`] | kinds of lines, counted by template |
//! | [`per_split`] | what each split answers by itself, joined and kept |
//! | [`sending`], [`table`], [`cells`], [`records`], [`frames`] | answers on their way out |
//! | [`explain`] | why a search found nothing |
//! | [`export`] | whole results as files, streamed |
//! | [`files`] | a record's surroundings, the files that are held, their original bytes |
//! | [`room`] | what takes the room, by part, stream, pattern and field |
//! | [`meant`] | which rows a request to erase means |
//! | [`stored`], [`histogram`], [`summaries`], [`lookup`], [`tail`] | how much there is, counts over time, fields, records by id, records as they arrive |
//! | [`alerting`] | what alert rules are evaluated on |
//! | [`agents`], [`ledger`], [`cursor`] | how each agent is, what became of every byte of every file, pages of lists |
//! | [`bounds`], [`joins`] | functions of SQL that could make too much, and joins that could take too long |
//! | [`running`], [`options`], [`engine`], [`memory`], [`workers`] | limits, cancellation, memory |

mod agents;
mod aggregates;
mod alerting;
mod base64;
mod bins;
#[cfg(test)]
mod bound_tests;
mod bounds;
mod cache;
mod cells;
mod columns;
mod completeness;
#[cfg(test)]
mod count_tests;
mod counts;
mod cursor;
#[cfg(test)]
mod damage_tests;
mod decide;
mod engine;
mod error;
mod exec;
mod explain;
mod export;
mod files;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod fragment_tests;
mod frames;
#[cfg(test)]
mod function_tests;
mod functions;
mod histogram;
mod joins;
#[cfg(test)]
mod language_tests;
mod leaf;
mod leaf_exec;
mod ledger;
mod limits;
mod literals;
mod lookup;
mod lower;
mod matching;
mod meant;
mod memory;
#[cfg(test)]
mod memory_tests;
mod open_page;
mod options;
mod patterns;
mod per_split;
mod provider;
mod prune;
mod pushdown;
mod reader;
mod records;
mod room;
mod row;
mod running;
mod scalar;
mod scan;
mod search;
mod sending;
mod settled;
mod sources;
mod sql;
mod stored;
mod summaries;
mod table;
mod tables;
mod tail;
mod test;
#[cfg(test)]
mod tests;
mod time;
mod topics;
#[cfg(test)]
mod turn_tests;
mod turns;
mod view;
mod workers;

pub use agents::AgentsRequest;
pub use cache::CacheStats;
pub use error::ReadError;
pub use export::{Export, ExportRequest, Format};
pub(crate) use export::{Formulas, csv_cell, csv_value};
pub use files::{FileBytes, FileRequest, FindDirection};
pub use frames::Frames;
pub use ledger::LedgerRequest;
pub use limits::For;
pub(crate) use limits::Limits;
pub(crate) use meant::Meant;
pub use options::{FileTables, ReadOptions};
pub use reader::Reader;
pub use room::RoomRequest;
pub(crate) use row::{FIXED, RowView, attribute_text, column_name, stream_attribute};
pub use sources::{AgentFile, NoSources, Sources};
pub use stored::Stored;
pub use tail::Tail;
pub(crate) use test::{TableRow, Tester};
pub(crate) use time::TimeRange;
pub(crate) use topics::Topics;
pub use view::Splits;
