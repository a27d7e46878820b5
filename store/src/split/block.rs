//! A block: what one part of one page (or a stripe's templates) is stored as.
//!
//! Encoders append to five *sinks* of bytes with like statistics, so that each compresses by its
//! own tables; decoders take from the five in the same order. A block is, per sink, `raw length,
//! stored length` as varints, then the five sinks one after another: each a zstd frame, or the
//! raw bytes where stored length = raw length.

use std::cell::RefCell;

use super::wire::{Corrupt, Reader, put_varint};

/// Sinks of a block.
const SINKS: usize = 5;

/// Shorter sinks are stored as they are.
const COMPRESSED_BYTES_MIN: usize = 16;

/// zstd writes at least 4 bytes for every 128 KiB that it stands for.
const ZSTD_RATIO_MAX: u64 = 32 << 10;

/// Neither written nor believed beyond it. A page's lines are 8 MiB at most, and a stripe's templates
/// 32 MiB.
const RAW_BYTES_MAX: u64 = 1 << 30;

#[derive(Debug, Default)]
pub(crate) struct Sinks {
    /// Encodings and parameters of columns.
    pub(crate) meta: Vec<u8>,
    /// One byte per value: numbers of dictionary entries.
    pub(crate) index: Vec<u8>,
    /// Varints: deltas, runs, lengths.
    pub(crate) delta: Vec<u8>,
    /// Packed bits.
    pub(crate) bits: Vec<u8>,
    /// Text.
    pub(crate) text: Vec<u8>,
}

impl Sinks {
    fn all(&self) -> [&Vec<u8>; SINKS] {
        [&self.meta, &self.index, &self.delta, &self.bits, &self.text]
    }

    pub(crate) fn clear(&mut self) {
        for sink in [
            &mut self.meta,
            &mut self.index,
            &mut self.delta,
            &mut self.bits,
            &mut self.text,
        ] {
            sink.clear();
        }
    }

    /// The block's bytes. Nothing at all if every sink is empty.
    pub(crate) fn pack(&self, compressor: &mut zstd::bulk::Compressor<'_>) -> std::io::Result<Vec<u8>> {
        let mut block = Vec::new();
        if self.all().iter().all(|sink| sink.is_empty()) {
            return Ok(block);
        }
        let mut stored = Vec::new();
        for sink in self.all() {
            let start = stored.len();
            let mut length = sink.len();
            if length as u64 > RAW_BYTES_MAX {
                return Err(std::io::Error::other(format!("{length} bytes in one sink of a block")));
            }
            if length >= COMPRESSED_BYTES_MIN {
                stored.resize(start + zstd::zstd_safe::compress_bound(length), 0);
                length = compressor.compress_to_buffer(sink, &mut stored[start..])?;
                stored.truncate(start + length);
            }
            if length >= sink.len() {
                stored.truncate(start);
                stored.extend_from_slice(sink);
            }
            put_varint(&mut block, sink.len() as u64);
            put_varint(&mut block, (stored.len() - start) as u64);
        }
        block.extend_from_slice(&stored);
        Ok(block)
    }
}

/// A block's sinks again, decompressed.
#[derive(Debug, Default)]
pub(crate) struct Unpacked([Vec<u8>; SINKS]);

impl Unpacked {
    pub(crate) fn new(block: &[u8]) -> Result<Self, Corrupt> {
        let mut sinks = Self::default();
        if block.is_empty() {
            return Ok(sinks);
        }
        let mut reader = Reader::new(block);
        let mut lengths = [(0, 0); SINKS];
        for length in &mut lengths {
            *length = (reader.varint()?, reader.varint()?);
        }
        for (sink, (raw, stored)) in sinks.0.iter_mut().zip(lengths) {
            let stored_bytes = reader.take(usize::try_from(stored).unwrap_or(usize::MAX))?;
            *sink = if raw == stored {
                stored_bytes.to_vec()
            } else {
                decompress(stored_bytes, raw)?
            };
        }
        reader.end()?;
        Ok(sinks)
    }

    pub(crate) fn sources(&self) -> Sources<'_> {
        let [meta, index, delta, bits, text] = &self.0;
        Sources {
            meta: Reader::new(meta),
            index: Reader::new(index),
            delta: Reader::new(delta),
            bits: Reader::new(bits),
            text: Reader::new(text),
        }
    }
}

impl Unpacked {
    /// The bytes that spans of the `text` sink stand in.
    pub(crate) fn text(&self) -> &[u8] {
        &self.0[4]
    }
}

thread_local! {
    /// Making one takes longer than most frames do.
    static DECOMPRESSOR: RefCell<zstd::bulk::Decompressor<'static>> =
        RefCell::new(zstd::bulk::Decompressor::new().expect("it takes memory only"));
}

/// Decompresses one frame of known length. Memory for it is taken only if the frame says the same
/// length, zstd could reach it, and it is below the limit.
pub(crate) fn decompress(frame: &[u8], raw: u64) -> Result<Vec<u8>, Corrupt> {
    if raw > (frame.len() as u64).saturating_mul(ZSTD_RATIO_MAX).min(RAW_BYTES_MAX) {
        return Err(Corrupt("length beyond what its bytes can hold"));
    }
    match zstd::zstd_safe::get_frame_content_size(frame) {
        Ok(said) if said.is_none_or(|said| said == raw) => {}
        Ok(_) => return Err(Corrupt("length is not what its frame says")),
        Err(_) => return Err(Corrupt("does not decompress")),
    }
    let unpacked = DECOMPRESSOR.with_borrow_mut(|decompressor| decompressor.decompress(frame, raw as usize));
    let bytes = unpacked.map_err(|_| Corrupt("does not decompress"))?;
    if bytes.len() as u64 == raw {
        Ok(bytes)
    } else {
        Err(Corrupt("decompresses to another length"))
    }
}

/// Where decoders take from.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    pub(crate) meta: Reader<'a>,
    pub(crate) index: Reader<'a>,
    pub(crate) delta: Reader<'a>,
    pub(crate) bits: Reader<'a>,
    pub(crate) text: Reader<'a>,
}

impl Sources<'_> {
    /// Everything was taken.
    pub(crate) fn end(&self) -> Result<(), Corrupt> {
        [&self.meta, &self.index, &self.delta, &self.bits, &self.text]
            .iter()
            .try_for_each(|source| source.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_taken_only_for_a_length_that_frame_and_limits_allow() {
        let zeros = vec![0_u8; 1 << 20];
        let frame = zstd::bulk::compress(&zeros, 3).unwrap();
        assert_eq!(decompress(&frame, 1 << 20).unwrap(), zeros);
        let refused = |frame: &[u8], raw: u64| decompress(frame, raw).unwrap_err().0;
        assert_eq!(refused(&frame, (1 << 20) - 1), "length is not what its frame says");
        assert_eq!(refused(&frame, 1 << 24), "length beyond what its bytes can hold");
        // A frame that says as much as the block does, and could hold it by its own length.
        let mut crafted = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
        crafted.extend_from_slice(&(1_u64 << 40).to_le_bytes());
        crafted.resize(64 << 20, 0);
        assert_eq!(refused(&crafted, 1 << 40), "length beyond what its bytes can hold");
    }
}
