//! An embedded log-structured queue with Kafka's model: topics, partitions, segments, offsets,
//! consumer groups, retention. Its unit on disk is Kafka's record batch v2.
//!
//! ```text
//! DIR/queue.lock                     flock; the holder's pid
//! DIR/meta                           format version
//! DIR/clean                          only between a clean end and the next start
//! DIR/topics/TOPIC/topic             number of partitions
//! DIR/topics/TOPIC/N/partition       incarnation id
//!                    OFFSET.log      a segment: header, record batches
//!                    OFFSET.index    its sparse index; can be made again
//!                    synced          recovery point: what is known to be on disk
//!                    ends            to where each generation is held
//!                    positions       how far each consumer group is
//! ```
//!
//! ARCHITECTURE.md has every byte. What holds at any moment, whatever crashes:
//! - an answered append is on disk, and readers see nothing that is not;
//! - an offset once answered never means another record;
//! - a batch of a generation is held once, and no gap in a generation is ever closed;
//! - a bad batch below the recovery point is damage (skipped, counted, never cut off), above it a
//!   torn tail (cut off);
//! - nothing is deleted that a required group has not taken;
//! - what was erased is in no file of its partition, and its offset is still taken.
//!
//! Blocking calls and plain threads: one writer per partition. Async callers come in through
//! `spawn_blocking` or [`Queue::append_then`].

mod append;
mod copy;
mod disk;
mod ends;
mod erase;
mod error;
mod inbox;
mod index;
mod info;
mod options;
mod partition;
mod positions;
mod queue;
mod read;
#[cfg(feature = "receive")]
pub mod receive;
mod recover;
mod retention;
mod segment;
mod small_file;
mod synced;
mod topic;
mod usage;
mod walk;
mod writer;

#[cfg(test)]
mod tests;

pub use append::{Append, AppendError, Appended};
pub use copy::{CopiedContent, CopiedFile, DeletionHold};
pub use erase::{EraseError, Erased};
pub use error::QueueError;
pub use info::{Fetched, PartitionInfo, SegmentInfo};
pub use options::QueueOptions;
pub use queue::Queue;
pub use topic::is_topic_name;
