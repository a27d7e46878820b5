//! Bodies packed with gzip or zstd. What comes out is bounded, whatever went in.

use std::io::Read;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use timberline_proto::api::ApiError;

/// zstd's window at most, as a power of two: what a body may make us hold beside its output.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    /// What the headers say.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(encoding) = headers.get(header::CONTENT_ENCODING) else {
            return Ok(Self::None);
        };
        match encoding.as_bytes().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Ok(Self::None),
            b"gzip" | b"x-gzip" => Ok(Self::Gzip),
            b"zstd" => Ok(Self::Zstd),
            _ => Err(error(
                "bad_request",
                format!("Content-Encoding {encoding:?} is not taken: send gzip, zstd, or the lines as they are"),
            )),
        }
    }

    /// The body unpacked, at most `bytes_max` of it.
    pub(super) fn unpack(self, body: Bytes, bytes_max: usize) -> Result<Bytes, ApiError> {
        let unpacked = match self {
            Self::None => return Ok(body),
            Self::Gzip => bounded(flate2::read::MultiGzDecoder::new(&body[..]), bytes_max),
            Self::Zstd => zstd::stream::read::Decoder::new(&body[..]).and_then(|mut decoder| {
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                bounded(decoder, bytes_max)
            }),
        };
        let unpacked = unpacked.map_err(|what| error("bad_request", format!("the body cannot be unpacked: {what}")))?;
        if unpacked.len() > bytes_max {
            return Err(error(
                "too_large",
                format!("the body unpacks to more than server.ingest_body_bytes_max = {bytes_max}: send smaller ones"),
            ));
        }
        Ok(unpacked.into())
    }
}

/// One byte beyond the bound is enough to know that it is passed.
fn bounded(from: impl Read, bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    from.take(bytes_max as u64 + 1).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

fn error(code: &str, message: String) -> ApiError {
    ApiError {
        code: code.to_owned(),
        message,
        ..ApiError::default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap().into()
    }

    fn zstd(bytes: &[u8]) -> Bytes {
        zstd::bulk::compress(bytes, 1).unwrap().into()
    }

    #[test]
    fn packed_bodies_come_out_as_they_went_in() {
        let lines = b"one\ntwo\n".repeat(1000);
        assert_eq!(Packing::Gzip.unpack(gzip(&lines), 10_000).unwrap(), lines);
        assert_eq!(Packing::Zstd.unpack(zstd(&lines), 10_000).unwrap(), lines);
        let twice = [gzip(b"one\n"), gzip(b"two\n")].concat();
        assert_eq!(Packing::Gzip.unpack(twice.into(), 100).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn x06_a_body_that_unpacks_to_more_than_the_limit_is_refused() {
        let zeros = vec![0; 50 << 20];
        for (packing, body) in [(Packing::Gzip, gzip(&zeros)), (Packing::Zstd, zstd(&zeros))] {
            assert!(body.len() < 1 << 20);
            assert_eq!(packing.unpack(body, 1 << 20).unwrap_err().code, "too_large");
        }
    }

    #[test]
    fn rubbish_and_bodies_cut_short_are_errors() {
        for packing in [Packing::Gzip, Packing::Zstd] {
            assert_eq!(
                packing.unpack(Bytes::from_static(b"rubbish"), 100).unwrap_err().code,
                "bad_request"
            );
        }
        let cut = gzip(&b"line\n".repeat(1000));
        assert!(Packing::Gzip.unpack(cut.slice(..cut.len() - 9), 10_000).is_err());
    }

    proptest::proptest! {
        #[test]
        fn fuzz_any_bytes_and_any_change_of_a_packed_body_are_unpacked_within_the_bound_or_refused(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            at in proptest::prelude::any::<proptest::sample::Index>(),
            byte in proptest::prelude::any::<u8>(),
        ) {
            for (packing, body) in [(Packing::Gzip, gzip(&bytes)), (Packing::Zstd, zstd(&bytes))] {
                let mut changed = body.to_vec();
                *at.get_mut(&mut changed) = byte;
                for body in [bytes.clone(), changed] {
                    if let Ok(unpacked) = packing.unpack(body.into(), 250) {
                        proptest::prop_assert!(unpacked.len() <= 250);
                    }
                }
            }
        }
    }

    #[test]
    fn other_packings_are_named() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, value.parse().unwrap());
            Packing::of(&headers)
        };
        assert_eq!(of("GZIP").unwrap(), Packing::Gzip);
        assert_eq!(of("identity").unwrap(), Packing::None);
        assert!(of("br").unwrap_err().message.contains("gzip, zstd"));
    }
}
