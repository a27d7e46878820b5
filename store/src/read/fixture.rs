//! A small store for tests: rows first live, then flushed into splits, merged, and opened again.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use timberline_proto::batch::AttributeValue;
use timberline_proto::id::{AgentId, GenerationId, IncarnationId};
use timberline_proto::line::{Severity, severity};
use tokio::sync::broadcast;

use crate::catalog::{Catalog, CatalogSplit, Taken};
use crate::live::{LiveBlock, LiveRows};
use crate::rows::{Place, Row, RowBlock, Stream, StreamId};
use crate::split::{Columns, Split, SplitError, SplitMeta, SplitOptions, write_split};

use super::{NoSources, ReadOptions, Reader, Splits};

pub(crate) const TOPIC: &str = "logs";

/// A row as a test says it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TestRow {
    pub(crate) time: i64,
    pub(crate) partition: u32,
    pub(crate) host: u8,
    pub(crate) line: Vec<u8>,
    pub(crate) attributes: Vec<(String, AttributeValue)>,
}

impl TestRow {
    pub(crate) fn new(time: i64, line: &str) -> Self {
        Self {
            time,
            partition: 0,
            host: 1,
            line: line.as_bytes().to_vec(),
            attributes: Vec::new(),
        }
    }
}

pub(crate) fn stream(host: u8) -> Arc<Stream> {
    let attributes = BTreeMap::from([
        ("host.name".to_owned(), format!("web-{host}")),
        (
            "service.name".to_owned(),
            if host.is_multiple_of(2) { "checkout" } else { "cart" }.to_owned(),
        ),
        ("log.file.path".to_owned(), format!("/var/log/app{host}.log")),
    ]);
    Arc::new(Stream {
        id: StreamId(u64::from(host) + 1),
        attributes,
    })
}

/// Rows of one partition as a block, with offsets from `first` on.
pub(crate) fn block(rows: &[&TestRow], first: u64) -> RowBlock {
    let mut block = RowBlock::new();
    // Where it stands in its file follows from its offset, so that every block goes on where the last ended.
    let mut start = first << 20;
    for (at, row) in rows.iter().enumerate() {
        let stream = stream(row.host);
        let source_bytes = row.line.len() as u32 + 1;
        block.push(&Row {
            time_nanos: row.time,
            time_parsed: true,
            observed_nanos: row.time.saturating_add(1_000),
            partition: row.partition,
            offset: first + at as u64,
            severity: severity(&row.line),
            template: 0,
            stream: &stream,
            line: &row.line,
            place: Some(Place {
                agent: AgentId([1; 16]),
                generation: GenerationId([row.host + 16 * row.partition as u8; 16]),
                start,
                source_bytes,
            }),
            part: None,
            attributes: &row.attributes,
        });
        start += u64::from(source_bytes);
    }
    block
}

#[derive(Debug)]
pub(crate) struct TestLive {
    blocks: Mutex<Vec<LiveBlock>>,
    tail: broadcast::Sender<LiveBlock>,
}

impl LiveRows for TestLive {
    fn blocks(&self) -> Vec<LiveBlock> {
        self.blocks.lock().clone()
    }
    fn subscribe(&self) -> broadcast::Receiver<LiveBlock> {
        self.tail.subscribe()
    }
    fn queued_records(&self) -> u64 {
        7
    }
}

#[derive(Debug)]
pub(crate) struct Files {
    dir: PathBuf,
    open: Mutex<HashMap<String, Arc<Split>>>,
}

impl Files {
    /// Lets go of every split; what others hold of them can still be told.
    pub(crate) fn close(&self) -> Vec<Weak<Split>> {
        self.open
            .lock()
            .drain()
            .map(|(_, split)| Arc::downgrade(&split))
            .collect()
    }
}

impl Splits for Files {
    fn split(&self, split: &CatalogSplit) -> Result<Arc<Split>, SplitError> {
        let mut open = self.open.lock();
        if let Some(split) = open.get(&split.meta.id) {
            return Ok(Arc::clone(split));
        }
        let opened = Arc::new(Split::open(&self.dir.join(format!("{}.split", split.meta.id)))?);
        open.insert(split.meta.id.clone(), Arc::clone(&opened));
        Ok(opened)
    }
    fn check(&self, split: &CatalogSplit) -> Result<(), SplitError> {
        self.open.lock().remove(&split.meta.id);
        Split::open(&self.dir.join(format!("{}.split", split.meta.id)))?.verify()
    }
}

/// A store in a temporary directory.
pub(crate) struct Fixture {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) catalog: Catalog,
    pub(crate) live: Arc<TestLive>,
    pub(crate) reader: Reader,
    published: BTreeMap<u32, u64>,
    pub(crate) files: Arc<Files>,
    /// Rows of a page at most.
    pub(crate) page_rows_max: usize,
}

pub(crate) const INCARNATION: IncarnationId = IncarnationId([9; 16]);

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(ReadOptions::default())
    }

    pub(crate) fn with(options: ReadOptions) -> Self {
        Self::open(tempfile::tempdir().unwrap(), options)
    }

    fn open(dir: tempfile::TempDir, options: ReadOptions) -> Self {
        let catalog = Catalog::open(&dir.path().join("catalog.db")).unwrap();
        let live = Arc::new(TestLive {
            blocks: Mutex::default(),
            tail: broadcast::channel(16).0,
        });
        let splits = Arc::new(Files {
            dir: dir.path().to_owned(),
            open: Mutex::default(),
        });
        let rows: Arc<dyn LiveRows> = live.clone();
        let files = Arc::clone(&splits);
        let reader = Reader::new(catalog.clone(), rows, splits, Arc::new(NoSources), options).unwrap();
        Self {
            dir,
            catalog,
            live,
            reader,
            published: BTreeMap::new(),
            files,
            page_rows_max: 8,
        }
    }

    /// The next query opens the files as they are then.
    pub(crate) fn forget_open_splits(&self) {
        self.files.open.lock().clear();
    }

    /// Adds live rows; a partition's offsets go on where they ended.
    pub(crate) fn append(&self, rows: &[TestRow]) {
        for partition in 0..3 {
            let of_it: Vec<_> = rows.iter().filter(|row| row.partition == partition).collect();
            if of_it.is_empty() {
                continue;
            }
            let mut blocks = self.live.blocks.lock();
            let held = blocks
                .iter()
                .filter(|b| b.partition == partition)
                .filter_map(|b| b.rows.offsets().last());
            let next = held.max().map_or(0, |last| last + 1);
            let next = next.max(self.published.get(&partition).copied().unwrap_or(0));
            let block = LiveBlock {
                topic: TOPIC.to_owned(),
                partition,
                rows: Arc::new(block(&of_it, next)),
            };
            // Nobody may listen.
            _ = self.live.tail.send(block.clone());
            blocks.push(block);
        }
    }

    /// Adds rows as they are; they must go on where the partition's offsets ended.
    pub(crate) fn append_block(&self, partition: u32, rows: RowBlock) {
        self.live.blocks.lock().push(LiveBlock {
            topic: TOPIC.to_owned(),
            partition,
            rows: Arc::new(rows),
        });
    }

    /// Publishes all live rows, one split per block. Rows that were published stay live if `keep`,
    /// as they do for a moment in the store.
    pub(crate) fn flush(&mut self, keep: bool) {
        let blocks = self.live.blocks.lock().clone();
        for block in &blocks {
            let from = self.published.get(&block.partition).copied().unwrap_or(0);
            let Some(to) = block.rows.offsets().last().map(|last| last + 1).filter(|&to| to > from) else {
                continue;
            };
            let meta = self.write(&block.rows, 0);
            let taken = Taken {
                topic: TOPIC.to_owned(),
                partition: block.partition,
                incarnation: INCARNATION,
                from,
                to,
            };
            self.catalog.publish(&taken, &[meta], block.rows.streams()).unwrap();
            self.published.insert(block.partition, to);
        }
        if !keep {
            self.live.blocks.lock().clear();
        }
    }

    /// Joins all splits to one.
    pub(crate) fn merge(&self) {
        let snapshot = self.catalog.snapshot();
        let mut all = RowBlock::new();
        for split in &snapshot.splits {
            let open = Split::open(&self.dir.path().join(format!("{}.split", split.meta.id))).unwrap();
            for page in 0..open.pages().len() as u32 {
                let everything = Columns {
                    line: true,
                    provenance: true,
                    attributes: true,
                };
                open.read_page(page, everything)
                    .unwrap()
                    .rows()
                    .for_each(|row| all.push(&row));
            }
        }
        if all.is_empty() {
            return;
        }
        let removed: Vec<_> = snapshot.splits.iter().map(|split| split.meta.id.clone()).collect();
        let merged = self.write(&all, 1);
        self.catalog.replace(TOPIC, &removed, &[merged]).unwrap();
    }

    /// As after a new start of the process; live rows are gone.
    pub(crate) fn restart(self) -> Self {
        let options = self.reader.options().clone();
        let (published, page_rows_max) = (self.published, self.page_rows_max);
        drop((self.reader, self.catalog, self.live));
        let mut opened = Self::open(self.dir, options);
        opened.published = published;
        opened.page_rows_max = page_rows_max;
        opened
    }

    fn write(&self, rows: &RowBlock, level: u32) -> SplitMeta {
        let options = SplitOptions {
            page_rows_max: self.page_rows_max,
            stripe_rows_max: self.page_rows_max * 4,
            zstd_level: 1,
        };
        write_split(self.dir.path(), rows, &options, level).unwrap()
    }
}

/// All severities by name.
pub(crate) fn severity_name(line: &[u8]) -> Option<&'static str> {
    let severity = severity(line);
    (severity != Severity::None).then(|| severity.name())
}

/// Checks the same rows live, live and published, published (the second time from what was kept),
/// merged, and after a restart.
pub(crate) async fn in_every_state(rows: &[TestRow], cut: usize, check: impl AsyncFn(&Fixture)) {
    let mut fixture = Fixture::new();
    let cut = cut.min(rows.len());
    fixture.append(&rows[..cut]);
    fixture.append(&rows[cut..]);
    check(&fixture).await;
    fixture.flush(true);
    check(&fixture).await;
    fixture.flush(false);
    check(&fixture).await;
    fixture.merge();
    check(&fixture).await;
    check(&fixture.restart()).await;
}
