//! Batches of a size, whose bytes do not compress.

use bytes::Bytes;
use timberline_proto::batch::{BatchBuilder, BatchMeta, NewRecord};
use timberline_proto::id::GenerationId;
use timberline_queue::Append;

/// A batch of about so many bytes, without identity.
pub(crate) fn anonymous(bytes: usize, seed: u64) -> Append {
    Append {
        batch: encode(
            bytes,
            seed,
            &BatchMeta {
                eol_bytes: 1,
                ..BatchMeta::default()
            },
        ),
        origin: None,
        key: Bytes::from_static(b"key"),
    }
}

/// Batch `n` of a file of which each batch covers so many bytes.
pub(crate) fn of_a_file(bytes: usize, n: u64) -> Append {
    let generation = GenerationId([7; 16]);
    let range = (n * bytes as u64, (n + 1) * bytes as u64);
    let meta = BatchMeta {
        generation: Some(generation),
        range,
        eol_bytes: 1,
        ..BatchMeta::default()
    };
    Append {
        batch: encode(bytes, n % 64, &meta),
        origin: Some((generation, range.0, range.1)),
        key: Bytes::copy_from_slice(&generation.0),
    }
}

/// A record for every 200 bytes.
fn encode(bytes: usize, seed: u64, meta: &BatchMeta) -> Bytes {
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut builder = BatchBuilder::new();
    let mut line = [0; 200];
    for n in 0..(bytes / line.len()).max(1) as u64 {
        for byte in &mut line {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state as u8;
        }
        let place = meta.generation.map(|_| (meta.range.0 + n * 200, 200));
        builder.push(&NewRecord {
            line: &line[..199],
            place,
            time_parsed: true,
            ..NewRecord::default()
        });
    }
    builder.finish(meta, 1)
}
