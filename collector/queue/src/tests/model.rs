//! The queue against a list: appends, crashes, full disks, retention, in any order.
//!
//! A run is a number; see `seeds.rs`.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use timberline_proto::batch::LogBatch;

use super::seeds;
use super::support::*;
use crate::disk::memory::Faults;
use crate::{AppendError, Appended, Queue};

#[derive(Clone, Debug)]
enum Action {
    /// Generation, how far from the expected start, length.
    Append(u8, i64, u64),
    Anonymous(u16),
    /// Power goes, with a write in flight that is not synced.
    CutPower(u64, bool),
    Kill,
    Close,
    Full(u64),
    Take(u64),
    Retain,
    /// So many records from so far behind the start, and each how manyeth.
    Erase(u64, u64, u64),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => (1..4u8, prop_oneof![6 => Just(0i64), 1 => -60..60i64], 1..120u64)
            .prop_map(|(generation, shift, len)| Action::Append(generation, shift, len)),
        3 => (1..400u16).prop_map(Action::Anonymous),
        1 => (any::<u64>(), any::<bool>()).prop_map(|(seed, in_flight)| Action::CutPower(seed, in_flight)),
        1 => Just(Action::Kill),
        1 => Just(Action::Close),
        1 => (0..200u64).prop_map(Action::Full),
        1 => (0..30u64).prop_map(Action::Take),
        1 => Just(Action::Retain),
        2 => (0..200u64, 1..60u64, 1..7u64).prop_map(|(from, records, each)| Action::Erase(from, records, each)),
    ]
}

/// What must be held.
#[derive(Default)]
struct Model {
    ends: BTreeMap<u8, u64>,
    /// Offset and range of acked batches of generations.
    acked: Vec<(u64, u8, (u64, u64))>,
    next_offset: u64,
    taken: u64,
    start: u64,
    erased: BTreeSet<u64>,
}

impl Model {
    fn append(&mut self, queue: &Queue, i: u8, shift: i64, len: u64) {
        let expected = self.ends.get(&i).copied();
        let start = (expected.unwrap_or(100) as i64 + shift).max(0) as u64;
        let end = start + len;
        let answer = queue.append(TOPIC, piece(i, start, end)).unwrap();
        match (expected, answer) {
            (Some(held), Appended::Duplicate { end: said }) => assert!(end <= held && said == held),
            (Some(held), Appended::Refused { end: said }) => assert!(end > held && start != held && said == held),
            (held, Appended::At { base_offset, .. }) => {
                assert!(held.is_none_or(|held| held == start && end > held));
                self.hold(base_offset, i, (start, end));
            }
            (None, other) => panic!("{other:?} for a new generation"),
        }
    }

    fn hold(&mut self, base_offset: u64, i: u8, range: (u64, u64)) {
        assert!(base_offset >= self.next_offset, "offset {base_offset} used again");
        self.next_offset = base_offset + (range.1 - range.0).div_ceil(4).max(1);
        self.acked.push((base_offset, i, range));
        if i > 0 {
            self.ends.insert(i, range.1);
        }
    }

    fn anonymous(&mut self, queue: &Queue, len: u16) {
        let base = append(queue, bulky(len.into(), len.into()));
        self.hold(base, 0, (0, 0));
    }

    /// After a start: all acked is there, in order; what was in flight may be, whole.
    fn check(&mut self, queue: &Queue) {
        let Some(info) = queue.partitions().pop() else {
            return assert!(self.acked.is_empty());
        };
        assert!(info.start_offset <= self.taken.max(self.start));
        self.start = info.start_offset;
        let held = held(queue);
        let expected: Vec<_> = self
            .acked
            .iter()
            .filter(|acked| acked.0 >= info.start_offset)
            .copied()
            .collect();
        assert_eq!(
            &held[..expected.len().min(held.len())],
            &expected[..],
            "acked and not there"
        );
        for (base, i, range) in held.into_iter().skip(expected.len()) {
            self.hold(base, i, range); // was in flight, and survived
        }
        for (i, end) in &self.ends {
            assert_eq!(queue.generation_end(TOPIC, generation(*i)), Some(*end));
        }
        for (_, batch) in read_from(queue, info.start_offset) {
            for record in LogBatch::parse(&batch, UNPACKED_MAX).unwrap().records() {
                assert_eq!(record.erased, self.erased.contains(&record.offset), "{}", record.offset);
            }
        }
    }
}

fn act(bench: &Bench, queue: &mut Option<Queue>, model: &mut Model, action: &Action) {
    let open = queue.take().expect("put back below");
    let mut restart = false;
    match *action {
        Action::Append(i, shift, len) => model.append(&open, i, shift, len),
        Action::Anonymous(len) => model.anonymous(&open, len),
        Action::CutPower(seed, in_flight) => {
            if in_flight && !model.acked.is_empty() {
                bench.disk.set_faults(Faults {
                    sync_of: Some(".log"),
                    ..Faults::default()
                });
                let start = model.ends.get(&1).copied().unwrap_or(100);
                assert!(matches!(
                    open.append(TOPIC, piece(1, start, start + 90)),
                    Err(AppendError::Failed(_))
                ));
            }
            bench.disk.cut_power(seed);
            restart = true;
        }
        Action::Kill => {
            bench.disk.kill();
            restart = true;
        }
        Action::Close => {
            open.close().unwrap();
            restart = true;
        }
        Action::Full(space) => {
            bench.disk.set_faults(Faults {
                space_bytes: Some(space),
                ..Faults::default()
            });
            match open.append(TOPIC, bulky(150, 7)) {
                Ok(Appended::At { base_offset, .. }) => model.hold(base_offset, 0, (0, 0)),
                answer => assert!(matches!(answer, Err(AppendError::Full(_))), "{answer:?}"),
            }
            bench.disk.set_faults(Faults::default());
        }
        Action::Take(more) => {
            if let Some(info) = open.partitions().pop() {
                model.taken = (model.taken + more).min(info.end_offset);
                open.commit("store", TOPIC, 0, info.incarnation, model.taken).unwrap();
            }
        }
        Action::Retain => {
            open.enforce_retention(bench.now()).unwrap();
        }
        Action::Erase(from, records, each) => {
            if let Some(info) = open.partitions().pop() {
                let from = info.start_offset + from;
                let gone: BTreeSet<u64> = (from..from + records).step_by(each as usize).collect();
                let erased = open.erase(TOPIC, 0, info.incarnation, &gone).unwrap();
                let held = gone.range(..info.end_offset.max(from)).copied();
                model.erased.extend(held);
                let all = erased.records + erased.already + erased.missing;
                assert_eq!(all, gone.len() as u64, "{erased:?}");
            }
        }
    }
    *queue = Some(open);
    if restart {
        drop(queue.take());
        let open = bench.open();
        if let Some(info) = open.partitions().pop() {
            assert_eq!(open.position("store", TOPIC, 0).unwrap_or(0), model.taken);
            assert!(info.end_offset >= model.next_offset);
        }
        model.check(&open);
        *queue = Some(open);
    }
}

#[test]
fn the_queue_holds_what_it_acked_whatever_happens() {
    let actions = || proptest::collection::vec(action(), 1..60);
    seeds::each(100, actions, |actions| {
        let bench = Bench::new(options());
        let mut queue = Some(bench.open());
        let mut model = Model::default();
        for action in &actions {
            act(&bench, &mut queue, &mut model, action);
        }
        model.check(queue.as_ref().expect("open between actions"));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever a file holds, a start ends in an error or in a queue whose batches are those sent.
    #[test]
    fn fuzz_any_bytes_in_any_file_are_refused_or_passed_over(
        which in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
        clean in any::<bool>(),
    ) {
        let bench = Bench::new(options());
        let sent: Vec<_> = (0..30).map(|i| bulky(90, i)).collect();
        let queue = bench.open();
        sent.iter().for_each(|one| { append(&queue, one.clone()); });
        if clean {
            queue.close().unwrap();
        }
        bench.disk.kill();
        drop(queue);
        let files: Vec<_> =
            bench.disk.files().into_iter().filter(|path| !bench.disk.bytes_of(path).unwrap().is_empty()).collect();
        let file: &std::path::PathBuf = which.get(&files);
        bench.disk.edit(file, |bytes| {
            edits.iter().for_each(|(at, byte)| { let at = at.index(bytes.len()); bytes[at] = *byte; });
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
        });
        if let Ok(queue) = bench.try_open() {
            let before = read_from(&queue, 0);
            for (base, batch) in &before {
                prop_assert!(batch[16..] == sent[*base as usize].batch[16..]);
            }
            // A segment's bytes may be lost, whole or from a place on; other files cost nothing.
            let is_log = file.extension().is_some_and(|end| end == "log");
            prop_assert!(is_log || before.len() == 30, "{:?} {}", file, before.len());
            let next = append(&queue, bulky(90, 99));
            prop_assert!(next >= 30, "{} of {:?}", next, file);
        }
    }
}
