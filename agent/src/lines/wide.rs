//! UTF-16: a line ends with the character `\n`, of two bytes.

/// The order of a character's two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

impl Endian {
    /// Where the first `\n` begins.
    pub(super) fn newline(self, bytes: &[u8]) -> Option<usize> {
        let newline = self.bytes_of(b'\n');
        memchr::memchr_iter(b'\n', bytes)
            .map(|at| at & !1)
            .find(|at| bytes.get(*at..*at + 2) == Some(&newline))
    }

    /// The end of the last `\n`.
    pub(crate) fn last_newline_end(self, bytes: &[u8]) -> Option<usize> {
        let newline = self.bytes_of(b'\n');
        memchr::memrchr_iter(b'\n', bytes)
            .map(|at| at & !1)
            .find(|at| bytes.get(*at..*at + 2) == Some(&newline))
            .map(|at| at + 2)
    }

    /// A line without the `\r` of its end.
    pub(super) fn without_cr(self, line: &[u8]) -> &[u8] {
        line.strip_suffix(&self.bytes_of(b'\r')).unwrap_or(line)
    }

    /// 2 if `bytes` end amid a surrogate pair, else 0.
    pub(super) fn half_pair_bytes(self, bytes: &[u8]) -> usize {
        let high = match (self, bytes) {
            (Self::Little, [.., high]) | (Self::Big, [.., high, _]) => *high,
            _ => return 0,
        };
        if (0xd8..0xdc).contains(&high) { 2 } else { 0 }
    }

    fn bytes_of(self, ascii: u8) -> [u8; 2] {
        match self {
            Self::Little => [ascii, 0],
            Self::Big => [0, ascii],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newline_is_a_whole_character_and_not_half_of_two() {
        // U+0A00 and U+010A hold the byte of `\n`, too.
        let text = "a\u{a00}\u{10a}b\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (endian, bytes) in [(Endian::Little, little), (Endian::Big, big)] {
            assert_eq!(endian.newline(&bytes), Some(8), "{endian:?}");
            assert_eq!(endian.last_newline_end(&bytes), Some(10), "{endian:?}");
            assert_eq!(endian.newline(&bytes[..8]), None, "{endian:?}");
        }
    }
}
