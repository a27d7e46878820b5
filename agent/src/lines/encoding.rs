//! Text of other encodings becomes UTF-8 (WHATWG Encoding Standard, by `encoding_rs`).

use std::borrow::Cow;

use super::wide::Endian;

/// How a file's bytes are text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8, or UTF-16 if the file begins with that byte order mark.
    #[default]
    Auto,
    /// UTF-8; any other bytes are kept as they are, too.
    Utf8,
    /// UTF-16; a byte order mark says which, and little-endian it is without.
    Utf16,
    /// UTF-16 in this order.
    Wide(Endian),
    /// Any other, in which `\n` is one byte.
    Other(&'static encoding_rs::Encoding),
}

/// The byte order marks of UTF-16.
const MARKS: [([u8; 2], Endian); 2] = [([0xff, 0xfe], Endian::Little), ([0xfe, 0xff], Endian::Big)];

impl Encoding {
    /// The encoding of a name, such as `utf-16le`, `latin1`, `windows-1252`, `shift_jis`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if name.is_empty() || name.eq_ignore_ascii_case("auto") {
            return Some(Self::Auto);
        }
        if name.eq_ignore_ascii_case("utf-16") || name.eq_ignore_ascii_case("utf16") {
            return Some(Self::Utf16);
        }
        let found = encoding_rs::Encoding::for_label(name.as_bytes())?;
        match found {
            _ if found == encoding_rs::UTF_8 => Some(Self::Utf8),
            _ if found == encoding_rs::UTF_16LE => Some(Self::Wide(Endian::Little)),
            _ if found == encoding_rs::UTF_16BE => Some(Self::Wide(Endian::Big)),
            _ if found == encoding_rs::REPLACEMENT => None,
            _ => Some(Self::Other(found)),
        }
    }

    /// What it is for a file that begins with `prefix`. `None` while that is too short to tell.
    pub(crate) fn of_file(self, prefix: &[u8]) -> Option<Self> {
        let otherwise = match self {
            Self::Auto => Self::Utf8,
            Self::Utf16 => Self::Wide(Endian::Little),
            known => return Some(known),
        };
        let mark = MARKS.iter().find(|(mark, _)| prefix.starts_with(mark));
        match mark {
            Some((_, endian)) => Some(Self::Wide(*endian)),
            None if prefix.len() < 2 => None,
            None => Some(otherwise),
        }
    }

    /// The order of bytes, if a character has two.
    pub(crate) fn wide(self) -> Option<Endian> {
        match self {
            Self::Wide(endian) => Some(endian),
            _ => None,
        }
    }

    /// Whether lines are kept byte for byte.
    pub(crate) fn is_plain(self) -> bool {
        matches!(self, Self::Auto | Self::Utf8)
    }

    /// The name of the attribute that says what a stored line was made from; none for UTF-8.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Auto | Self::Utf8 => None,
            Self::Utf16 => Some("utf-16"),
            Self::Wide(Endian::Little) => Some("utf-16le"),
            Self::Wide(Endian::Big) => Some("utf-16be"),
            Self::Other(encoding) => Some(encoding.name()),
        }
    }

    /// A line's text. `first`: the line begins the file, so a byte order mark is none of its text.
    pub(super) fn decode(self, line: &[u8], first: bool) -> Cow<'_, [u8]> {
        let (encoding, line) = match self {
            Self::Auto | Self::Utf8 | Self::Utf16 => return Cow::Borrowed(line),
            Self::Other(encoding) => (encoding, line),
            Self::Wide(endian) => {
                let (mark, encoding) = match endian {
                    Endian::Little => (MARKS[0].0, encoding_rs::UTF_16LE),
                    Endian::Big => (MARKS[1].0, encoding_rs::UTF_16BE),
                };
                let unmarked = line.strip_prefix(&mark).filter(|_| first);
                (encoding, unmarked.unwrap_or(line))
            }
        };
        match encoding.decode_without_bom_handling(line).0 {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_standard_and_what_cannot_be_read_is_none() {
        assert_eq!(Encoding::named(""), Some(Encoding::Auto));
        assert_eq!(Encoding::named("UTF-8"), Some(Encoding::Utf8));
        assert_eq!(Encoding::named("utf-16be"), Some(Encoding::Wide(Endian::Big)));
        assert_eq!(
            Encoding::named("Latin1"),
            Some(Encoding::Other(encoding_rs::WINDOWS_1252))
        );
        assert_eq!(Encoding::named("hz-gb-2312"), None, "it has no decoder");
        assert_eq!(Encoding::named("klingon"), None);
    }

    #[test]
    fn a_byte_order_mark_says_which_utf_16_it_is() {
        let of = |encoding: Encoding, prefix: &[u8]| encoding.of_file(prefix).map(|encoding| encoding.wide());
        assert_eq!(of(Encoding::Auto, b"\xff\xfea\0"), Some(Some(Endian::Little)));
        assert_eq!(of(Encoding::Auto, b"\xfe\xff\0a"), Some(Some(Endian::Big)));
        assert_eq!(of(Encoding::Auto, b"ab"), Some(None));
        assert_eq!(of(Encoding::Auto, b"\xff"), None, "too short to tell");
        assert_eq!(of(Encoding::Utf16, b"a\0"), Some(Some(Endian::Little)));
        assert_eq!(of(Encoding::Utf8, b"\xff\xfe"), Some(None));
    }
}
