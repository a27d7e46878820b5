//! Names of files that a browser is to save: `Content-Disposition` as RFC 6266 has it.

use crate::percent::encode;

/// Characters of a name at most, extension included.
const CHARS_MAX: usize = 120;
/// An extension is no longer; what is, belongs to the name.
const EXTENSION_CHARS_MAX: usize = 10;

/// `attachment` under this name: plain for whoever reads ASCII alone, and whole as RFC 5987 writes it.
pub(super) fn attachment(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_. ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let whole = encode(name);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}")
}

/// A name to save the file at `path` under, with the day of its newest line (`2026-11-20…`): neither
/// folders of the machine it came from, nor what hides or starts something on the one it goes to.
pub(super) fn saved_name(path: &str, newest: &str) -> String {
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .map(|c| if "<>:\"|?*%;".contains(c) { '_' } else { c })
        .take(CHARS_MAX)
        .collect();
    let clean = clean.trim_matches([' ', '.']);
    let clean = if clean.is_empty() { "file.log" } else { clean };
    let day: String = newest.chars().take(10).filter(char::is_ascii_digit).collect();
    if day.len() != 8 {
        return clean.to_owned();
    }
    match clean.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.chars().count() <= EXTENSION_CHARS_MAX => {
            format!("{stem}-{day}.{extension}")
        }
        _ => format!("{clean}-{day}"),
    }
}

/// Characters that turn the reading direction or are not seen: a name must be what it looks like.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_saved_as_it_is_named_with_the_day_of_its_newest_line() {
        let day = "2026-11-20T12:03:11Z";
        for (path, name) in [
            ("/var/log/auth.log", "auth-20261120.log"),
            ("/var/log/syslog", "syslog-20261120"),
            ("C:\\logs\\app.log.1", "app.log-20261120.1"),
            ("/x/..", "file-20261120.log"),
            ("", "file-20261120.log"),
            ("/x/.env", "env-20261120"),
            ("/x/a\r\nb\".log", "ab_-20261120.log"),
            ("/x/gnp\u{202e}.exe", "gnp-20261120.exe"),
        ] {
            assert_eq!(saved_name(path, day), name, "{path:?}");
        }
        assert_eq!(saved_name("/a.log", ""), "a.log");
        assert!(saved_name(&"x".repeat(5_000), day).chars().count() <= CHARS_MAX + 9);
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(attachment("a-1.log"), "attachment; filename=\"a-1.log\"");
        assert_eq!(
            attachment("grün \"1\".log"),
            "attachment; filename=\"gr_n _1_.log\"; filename*=UTF-8''gr%C3%BCn%20%221%22.log"
        );
        assert!(attachment("a\r\nSet-Cookie: x").is_ascii() && !attachment("a\r\nb").contains('\n'));
    }
}
