//! A line's characters made harmless to look at: what would steer a terminal or turn the reading
//! direction is shown as a picture of itself. Lengths change, so spans are taken before.

use std::borrow::Cow;

/// Whether line ends and tabs keep their effect (an opened line) or are shown (a row).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// On one row.
    Row,
    /// Over several rows.
    Block,
}

/// `text` with control characters and direction overrides as pictures.
pub(crate) fn printable(text: &str, layout: Layout) -> Cow<'_, str> {
    if !text.chars().any(|c| is_replaced(c, layout)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_replaced(c, layout) {
            push_picture(c, &mut out);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn is_replaced(c: char, layout: Layout) -> bool {
    match c {
        '\n' => layout == Layout::Row,
        '\t' => false,
        _ => c.is_control() || turns_direction(c) || is_invisible(c),
    }
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Not U+200D: emoji are joined by it.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}' | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

fn push_picture(c: char, out: &mut String) {
    match c {
        '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
        '\u{7f}' => out.push('\u{2421}'),
        _ => out.push_str(&format!("⟦U+{:04X}⟧", u32::from(c))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(printable("grün 🪵 a\tb", Layout::Row), Cow::Borrowed(_)));
    }

    #[test]
    fn control_characters_become_pictures() {
        assert_eq!(printable("a\u{1b}[31mb\0\u{7f}", Layout::Row), "a␛[31mb␀␡");
        assert_eq!(printable("a\r\nb", Layout::Row), "a␍␊b");
        assert_eq!(printable("a\nb", Layout::Block), "a\nb");
    }

    #[test]
    fn nothing_turns_the_reading_direction() {
        assert_eq!(printable("user\u{202e}gnp.exe", Layout::Row), "user⟦U+202E⟧gnp.exe");
        assert_eq!(
            printable("\u{feff}x\u{2066}", Layout::Row),
            "⟦U+FEFF⟧x⟦U+2069⟧".replace("2069", "2066")
        );
    }
}
