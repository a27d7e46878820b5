//! Is this text? Packed and binary files would only become garbage lines.

use crate::lines::HOLE_BYTES_MIN;

/// Why a file that begins with `prefix` is not read, if it is not.
pub(crate) fn refuse_content(prefix: &[u8]) -> Option<&'static str> {
    const MAGICS: &[(&[u8], &str)] = &[
        (b"\x1f\x8b", "gzip; packed files are read only if agent.gzip says so"),
        (b"\xfd7zXZ\0", "xz; packed files are not read"),
        (b"\x28\xb5\x2f\xfd", "zstd; packed files are not read"),
        (b"BZh", "bzip2; packed files are not read"),
        (b"LPKSHHRH", "a systemd journal; not text"),
        (b"\x7fELF", "a program; not text"),
    ];
    if let Some((_, why)) = MAGICS.iter().find(|(magic, _)| prefix.starts_with(magic)) {
        return Some(why);
    }
    // Long runs of NULs are holes; what stands around them decides.
    let runs = prefix.chunk_by(|a, b| (*a == 0) == (*b == 0));
    let (mut bytes, mut control) = (0, 0);
    for run in runs.filter(|run| run[0] != 0 || run.len() < HOLE_BYTES_MIN) {
        bytes += run.len();
        control += run
            .iter()
            .filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127))
            .count();
    }
    (bytes >= 32 && control * 10 > bytes)
        .then_some("more than a tenth of its first bytes are control characters; not text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_and_binary_files_are_refused_and_text_is_not() {
        assert!(refuse_content(b"\x1f\x8b\x08\0").is_some());
        assert!(refuse_content(b"LPKSHHRH\0\0").is_some());
        assert!(refuse_content(&[1; 384]).is_some());
        assert!(refuse_content(b"plain text\n").is_none());
        assert!(refuse_content(b"").is_none());
        assert!(refuse_content("\u{1b}[31mred\u{1b}[0m caf\u{e9} \u{65e5}\u{672c}\n".as_bytes()).is_none());
        assert!(refuse_content(b"one line with \xff\xfe odd bytes and \0 a NUL in it\n").is_none());
    }

    #[test]
    fn a09_zeros_that_a_crash_left_behind_text_are_no_reason() {
        let mut bytes = b"one line\nand the next begu".to_vec();
        bytes.resize(1024, 0);
        assert!(refuse_content(&bytes).is_none());
    }

    #[test]
    fn a08_a_hole_at_the_start_is_no_reason() {
        let mut bytes = vec![0; 900];
        bytes.extend(b"a real line behind the hole that is text\n");
        assert!(refuse_content(&bytes).is_none());
        assert!(refuse_content(&[0; 1024]).is_none());
    }
}
