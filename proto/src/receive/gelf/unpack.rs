//! Packed messages: gzip (`1f 8b`), zlib (`78`), or as they are.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};

/// Why a message stays packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// It unpacks to more than allowed.
    #[error("gelf, unpacks to more than {max} bytes")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// The packed bytes are damaged.
    #[error("gelf, packed")]
    Damaged,
}

/// The message, at most `bytes_max` of it.
///
/// # Errors
/// [`UnpackError`]
pub fn unpack(message: &[u8], bytes_max: usize) -> Result<Cow<'_, [u8]>, UnpackError> {
    match message {
        [0x1f, 0x8b, ..] => read(GzDecoder::new(message), bytes_max).map(Cow::Owned),
        [first @ 0x78, second, ..] if (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31) => {
            read(ZlibDecoder::new(message), bytes_max).map(Cow::Owned)
        }
        _ => Ok(Cow::Borrowed(message)),
    }
}

fn read(packed: impl Read, bytes_max: usize) -> Result<Vec<u8>, UnpackError> {
    let mut unpacked = Vec::new();
    packed
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|_| UnpackError::Damaged)?;
    if unpacked.len() > bytes_max {
        return Err(UnpackError::TooLarge { max: bytes_max });
    }
    Ok(unpacked)
}
