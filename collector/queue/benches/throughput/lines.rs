//! Appends and reads the same lines with several producers: MB of lines per second of CPU and of time.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use timberline_proto::batch::{BatchBuilder, BatchMeta, LogBatch, NewRecord};
use timberline_proto::id::GenerationId;
use timberline_queue::{Append, Queue, QueueOptions};

use crate::process::cpu_seconds;

const PRODUCERS: u8 = 4;
const BATCHES: u64 = 64;
const LINES: u64 = 4000;
const TOPIC: &str = "bench";
const UNPACKED_MAX: u64 = 64 << 20;

pub(crate) fn run(dir: &Path) {
    let options = QueueOptions {
        partitions: 2,
        ..QueueOptions::default()
    };
    let queue = Queue::open(dir, options).expect("an empty directory opens");
    let batches: Vec<Vec<Append>> = measure("encode", || {
        let batches: Vec<_> = (0..PRODUCERS).map(encode).collect();
        (batches, line_bytes())
    });
    measure("append", || {
        std::thread::scope(|scope| {
            for appends in batches {
                let queue = &queue;
                scope.spawn(move || appends.into_iter().for_each(|append| drop(queue.append(TOPIC, append))));
            }
        });
        ((), line_bytes())
    });
    measure("read", || ((), read_all(&queue, |batch| batch.len() as u64)));
    measure("read and walk", || {
        let walked = read_all(&queue, |batch| {
            let batch = LogBatch::parse(batch, UNPACKED_MAX).expect("what was appended is a batch");
            batch.records().map(|record| record.line.len() as u64).sum()
        });
        ((), walked)
    });
}

fn line(i: u64) -> String {
    let id = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "2026-01-02T03:04:{:02}.{:03}Z INFO order {id:016x} paid by user {} in {} ms",
        i / 1000 % 60,
        i % 1000,
        id % 5000,
        id % 97
    )
}

fn line_bytes() -> u64 {
    (0..BATCHES * LINES).map(|i| line(i).len() as u64).sum::<u64>() * u64::from(PRODUCERS)
}

fn encode(producer: u8) -> Vec<Append> {
    let generation = GenerationId([producer; 16]);
    let mut builder = BatchBuilder::new();
    let mut at = 0;
    let batch = |i| {
        let start = at;
        for k in i * LINES..(i + 1) * LINES {
            let line = line(k);
            let place = Some((at, line.len() as u32 + 1));
            builder.push(&NewRecord {
                line: line.as_bytes(),
                place,
                time_parsed: true,
                ..NewRecord::default()
            });
            at += line.len() as u64 + 1;
        }
        let range = (start, at);
        let meta = BatchMeta {
            generation: Some(generation),
            range,
            eol_bytes: 1,
            ..BatchMeta::default()
        };
        let batch = builder.finish(&meta, 3);
        Append {
            batch,
            origin: Some((generation, start, at)),
            key: Bytes::copy_from_slice(&generation.0),
        }
    };
    (0..BATCHES).map(batch).collect()
}

fn read_all(queue: &Queue, mut each: impl FnMut(&Bytes) -> u64) -> u64 {
    let mut sum = 0;
    for info in queue.partitions() {
        let mut offset = info.start_offset;
        while offset < info.end_offset {
            let fetched = queue
                .read(TOPIC, info.partition, offset, 4 << 20)
                .expect("the log is readable");
            sum += fetched.batches.iter().map(&mut each).sum::<u64>();
            offset = fetched.next_offset;
        }
    }
    sum
}

fn measure<T>(name: &str, work: impl FnOnce() -> (T, u64)) -> T {
    let (start, start_cpu) = (Instant::now(), cpu_seconds());
    let (result, bytes) = work();
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - start_cpu);
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{name:>14}: {megabytes:.0} MB, {:.0} MB per CPU second, {:.0} MB/s",
        megabytes / cpu.max(0.01),
        megabytes / seconds
    );
    result
}
