//! Topics: `topics/NAME/topic` (JSON, the number of partitions, fixed at creation) and a directory
//! per partition. A name is checked before a path is made of it.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::error::{At, QueueError};
use crate::partition::{Common, Partition};
use crate::recover::open_partition;
use crate::segment::TOPIC_BYTES_MAX;
use crate::small_file::{self, Content};

const TOPIC_NAME: &str = "topic";
/// More in a `topic` file is not believed.
const PARTITIONS_MAX: u32 = 4096;

#[derive(Serialize, Deserialize)]
struct TopicFile {
    partitions: u32,
}

#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) partitions: Vec<Arc<Partition>>,
    writers: Mutex<Vec<JoinHandle<Result<(), QueueError>>>>,
}

/// Letters, digits, `.`, `_` and `-`, 1 to 127 of them, and neither `.` nor `..`. Names that begin with
/// `timberline.` are the store's own.
pub fn is_topic_name(name: &str) -> bool {
    (1..=TOPIC_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !name.starts_with("timberline.")
        && name != "."
        && name != ".."
}

impl Topic {
    /// Opens the topic, or creates it with as many partitions as the options say.
    pub(crate) fn open(common: &Common, topics_dir: &Path, name: &str) -> Result<Self, QueueError> {
        let disk = &common.disk;
        let dir = topics_dir.join(name);
        disk.create_dir(&dir).at(&dir)?;
        disk.sync_dir(topics_dir).at(topics_dir)?;
        let saved = match small_file::read(&**disk, &dir.join(TOPIC_NAME))? {
            Content::Payload(payload) => serde_json::from_slice::<TopicFile>(&payload).ok(),
            Content::Missing | Content::Damaged => None,
        };
        let count = match saved {
            Some(file) => file.partitions,
            None => {
                let names = disk.list(&dir).at(&dir)?;
                let there = names
                    .iter()
                    .filter_map(|name| name.parse::<u32>().ok())
                    .map(|number| number + 1)
                    .max();
                let partitions = there.unwrap_or(common.options.partitions.max(1));
                let payload = serde_json::to_vec(&TopicFile { partitions }).expect("a number is always JSON");
                small_file::replace(&**disk, &dir, TOPIC_NAME, &payload)?;
                partitions
            }
        };
        let topic = Self {
            partitions: Vec::new(),
            writers: Mutex::new(Vec::new()),
        };
        topic.start(common, &dir, name, count.min(PARTITIONS_MAX))
    }

    fn start(mut self, common: &Common, dir: &Path, name: &str, count: u32) -> Result<Self, QueueError> {
        for number in 0..count {
            common.disk.create_dir(&dir.join(number.to_string())).at(dir)?;
        }
        common.disk.sync_dir(dir).at(dir)?;
        let mut opened = Vec::new();
        for number in 0..count {
            opened.push(open_partition(
                common.clone(),
                &dir.join(number.to_string()),
                name,
                number,
            )?);
        }
        for (partition, writer) in opened {
            // Counted once all are open: an opening that fails is tried again.
            common.usage.add(partition.info().bytes);
            let thread = thread::Builder::new().name(format!("queue-{}", partition.number));
            self.writers.lock().push(thread.spawn(move || writer.run()).at(dir)?);
            self.partitions.push(partition);
        }
        Ok(self)
    }

    /// The partition for a key. Never changes for a topic: generations stay where they are.
    pub(crate) fn partition_of(&self, key: &[u8]) -> &Arc<Partition> {
        &self.partitions[crc32c::crc32c(key) as usize % self.partitions.len()]
    }

    /// Lets the writers finish what waits and waits for them.
    pub(crate) fn close(&self) -> Result<(), QueueError> {
        self.partitions.iter().for_each(|partition| partition.inbox.close());
        let mut result = Ok(());
        for writer in self.writers.lock().drain(..) {
            if writer.thread().id() == thread::current().id() {
                continue; // the last owner was an append's callback; the thread ends by itself
            }
            match writer.join() {
                Ok(finished) => result = result.and(finished),
                Err(_) => tracing::error!("a writer panicked"),
            }
        }
        result
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, "partition not closed cleanly");
        }
    }
}
