//! Acts become offsets of a partition like any, each once.

use timberline_proto::batch::LogBatch;

use super::*;

#[derive(Debug)]
struct NoQueue;

impl Source for NoQueue {
    fn partitions(&self) -> Result<Vec<PartitionInfo>, SourceError> {
        let info = |topic: &str| PartitionInfo {
            topic: topic.to_owned(),
            partition: 0,
            incarnation: IncarnationId([7; 16]),
            start_offset: 0,
            end_offset: 9,
            bytes: 0,
            damaged_batches: 0,
            failed: None,
        };
        Ok(vec![info("logs"), info("timberline.audit")])
    }

    fn fetch(&self, from: &FetchFrom<'_>) -> Result<Batches, SourceError> {
        panic!("{} is asked of the queue", from.topic)
    }

    fn commit(&self, topic: &str, _: u32, _: IncarnationId, _: u64) -> Result<(), SourceError> {
        panic!("{topic} is committed to the queue")
    }

    fn erase(&self, topic: &str, _: u32, _: IncarnationId, _: &BTreeSet<u64>) -> Result<Erased, SourceError> {
        panic!("{topic} is erased from the queue")
    }
}

fn journal(dir: &std::path::Path) -> Journal {
    let catalog = Catalog::open(&dir.join("catalog.sqlite")).unwrap();
    Journal::beside(Arc::new(NoQueue), catalog).unwrap()
}

fn fetched(journal: &Journal, offset: u64) -> (u64, Vec<String>, u64) {
    let from = FetchFrom {
        topic: "timberline.audit",
        partition: 0,
        incarnation: journal.incarnation,
        offset,
        bytes_max: 1 << 20,
        wait: Duration::ZERO,
    };
    let batches = journal.fetch(&from).unwrap();
    let mut lines = Vec::new();
    let mut base = offset;
    for bytes in &batches.batches {
        let batch = LogBatch::parse(bytes, 1 << 20).unwrap();
        base = batch.header.base_offset as u64;
        for record in batch.records() {
            lines.push(String::from_utf8_lossy(record.line).into_owned());
        }
    }
    (base, lines, batches.next_offset)
}

#[test]
fn an_act_is_an_offset_and_is_forgotten_when_it_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let one = journal(dir.path());
    assert_eq!(fetched(&one, 0), (0, Vec::new(), 0));
    one.catalog.note_retention(Some(1), None).unwrap();
    one.catalog.note_retention(Some(2), None).unwrap();
    let (base, lines, next) = fetched(&one, 0);
    assert_eq!((base, lines.len(), next), (0, 2, 2));
    assert!(lines[1].contains("\"action\":\"retention.configure\"") && lines[1].contains("\"age_seconds\":2"));
    assert_eq!(fetched(&one, 1).1, lines[1..]);
    one.commit("timberline.audit", 0, one.incarnation, 2).unwrap();
    one.catalog.note_retention(Some(3), None).unwrap();
    // Another start goes on where this one was, with the same life and no offset twice.
    let again = journal(dir.path());
    assert_eq!(again.incarnation, one.incarnation);
    let (base, lines, next) = fetched(&again, 2);
    assert_eq!((base, lines.len(), next), (2, 1, 3));
    let own: Vec<_> = again
        .own()
        .unwrap()
        .into_iter()
        .map(|info| (info.topic, info.start_offset, info.end_offset))
        .collect();
    assert_eq!(own[0], ("timberline.audit".to_owned(), 2, 3));
}

#[test]
fn the_queues_topics_stand_beside_ours_and_never_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let journal = journal(dir.path());
    let all = journal.partitions().unwrap();
    let topics: Vec<&str> = all.iter().map(|info| info.topic.as_str()).collect();
    assert_eq!(
        topics,
        ["timberline.audit", "timberline.alerts", "timberline.deliveries", "logs"]
    );
    assert_eq!(all[0].incarnation, journal.incarnation);
}

#[test]
fn storing_what_was_told_of_acts_is_not_told_in_turn() {
    let dir = tempfile::tempdir().unwrap();
    let one = journal(dir.path());
    let taken = |topic: &str| crate::catalog::Taken {
        topic: topic.to_owned(),
        partition: 0,
        incarnation: one.incarnation,
        from: 0,
        to: 1,
    };
    for topic in ["logs", "timberline.audit"] {
        one.catalog.publish(&taken(topic), &[], &[]).unwrap();
    }
    let (_, lines, _) = fetched(&one, 0);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("logs-0"));
}
