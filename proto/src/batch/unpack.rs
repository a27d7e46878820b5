//! Bounded decompression.

use std::cell::RefCell;
use std::io::Read;

use zstd::bulk::Decompressor;

use super::BatchError;

/// A frame may ask for a window of at least so many bits (RFC 8878 recommends 8 MiB).
const WINDOW_LOG_MIN: u32 = 23;
const WINDOW_LOG_MAX: u32 = 27;

thread_local! {
    /// One context per thread: making one costs more than unpacking a small batch.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Unpacks zstd frames into at most `unpacked_bytes_max` bytes. What is set aside beforehand is
/// bounded by that, whatever the frame says of its size.
pub(super) fn unpack_zstd(packed: &[u8], unpacked_bytes_max: u64) -> Result<Vec<u8>, BatchError> {
    let stated = zstd::zstd_safe::get_frame_content_size(packed)
        .map_err(|_| BatchError::Malformed("its records are not zstd"))?;
    if let Some(stated) = stated {
        if stated > unpacked_bytes_max {
            return Err(BatchError::TooLarge {
                max: unpacked_bytes_max,
            });
        }
        if let Some(unpacked) = unpack_at_once(packed, stated as usize) {
            return Ok(unpacked);
        }
    }
    // Frames of unknown size, and several frames, take the slower way.
    unpack_streaming(packed, unpacked_bytes_max)
}

fn unpack_at_once(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Decompressor::new().ok();
        }
        slot.as_mut()?.decompress(packed, size).ok()
    })
}

fn unpack_streaming(packed: &[u8], unpacked_bytes_max: u64) -> Result<Vec<u8>, BatchError> {
    let malformed = |_| BatchError::Malformed("its records are not zstd");
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(malformed)?;
    let window_log = (u64::BITS - unpacked_bytes_max.leading_zeros()).clamp(WINDOW_LOG_MIN, WINDOW_LOG_MAX);
    decoder.window_log_max(window_log).map_err(malformed)?;
    let mut unpacked = Vec::new();
    decoder
        .take(unpacked_bytes_max.saturating_add(1))
        .read_to_end(&mut unpacked)
        .map_err(malformed)?;
    if unpacked.len() as u64 > unpacked_bytes_max {
        return Err(BatchError::TooLarge {
            max: unpacked_bytes_max,
        });
    }
    Ok(unpacked)
}
