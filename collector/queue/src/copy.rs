//! What a backup copies of an open queue: all of it as it is at one moment.
//!
//! Of each partition the ends of generations are taken first and the durable length of its log at the same
//! moment, so they never say more than the log holds. Indexes and recovery points are left out: they are made
//! again. Sealed segments do not change; of the active one so many bytes are copied as are durable now.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ends::ENDS_NAME;
use crate::error::{At, QueueError};
use crate::partition::Partition;
use crate::queue::Queue;
use crate::segment::log_name;
use crate::small_file::frame;

/// As long as this is held, no segment is deleted: the queue may reach its limit meanwhile.
#[derive(Debug)]
pub struct DeletionHold {
    held: Arc<AtomicUsize>,
}

impl DeletionHold {
    pub(crate) fn new(held: &Arc<AtomicUsize>) -> Self {
        held.fetch_add(1, Ordering::SeqCst);
        Self { held: Arc::clone(held) }
    }
}

impl Drop for DeletionHold {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A file of a copy.
#[derive(Clone, Debug)]
pub struct CopiedFile {
    /// Its path within the queue's directory, with `/`.
    pub path: String,
    /// What it holds.
    pub content: CopiedContent,
}

/// What a file of a copy holds.
#[derive(Clone, Debug)]
pub enum CopiedContent {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The first bytes of a file on disk.
    File {
        /// Where it is.
        path: PathBuf,
        /// So many.
        bytes: u64,
        /// Whether it never changes any more.
        sealed: bool,
    },
}

impl Queue {
    /// What the queue holds now. Hold deletions for as long as it is copied.
    ///
    /// # Errors
    /// [`QueueError::Io`]
    pub fn copy(&self) -> Result<Vec<CopiedFile>, QueueError> {
        let mut files = vec![CopiedFile {
            path: "meta".to_owned(),
            content: CopiedContent::Bytes(frame(b"")),
        }];
        let mut topics = Vec::new();
        for partition in self.all_partitions() {
            if !topics.contains(&partition.topic) {
                topics.push(partition.topic.clone());
                let dir = partition.dir.parent().unwrap_or(&partition.dir).to_owned();
                whole(&mut files, &format!("topics/{}", partition.topic), &dir.join("topic"))?;
            }
            of_partition(&mut files, &partition)?;
        }
        Ok(files)
    }
}

fn of_partition(files: &mut Vec<CopiedFile>, partition: &Partition) -> Result<(), QueueError> {
    let at = format!("topics/{}/{}", partition.topic, partition.number);
    let (ends, segments) = {
        let ends = partition.ends.lock();
        let log = partition.log.lock();
        (ends.encode(), log.segments.clone())
    };
    whole(files, &at, &partition.dir.join("partition"))?;
    whole(files, &at, &partition.dir.join("positions"))?;
    files.push(CopiedFile {
        path: format!("{at}/{ENDS_NAME}"),
        content: CopiedContent::Bytes(frame(&ends)),
    });
    let last = segments.len().saturating_sub(1);
    for (number, segment) in segments.iter().enumerate() {
        let name = log_name(segment.base);
        files.push(CopiedFile {
            path: format!("{at}/{name}"),
            content: CopiedContent::File {
                path: partition.dir.join(name),
                bytes: segment.bytes,
                sealed: number < last,
            },
        });
    }
    Ok(())
}

/// A small file as it is, if it is there: it is replaced whole, never written in place.
fn whole(files: &mut Vec<CopiedFile>, within: &str, path: &std::path::Path) -> Result<(), QueueError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match std::fs::read(path) {
        Ok(bytes) => files.push(CopiedFile {
            path: format!("{within}/{name}"),
            content: CopiedContent::Bytes(bytes),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).at(path),
    }
    Ok(())
}
