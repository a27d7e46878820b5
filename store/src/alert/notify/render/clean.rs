//! Text that is safe to show.

/// On one line: control characters as their pictures (`␊`), characters that turn the reading direction or
/// show nothing as their number (`[U+202E]`).
pub fn one_line(text: &str) -> String {
    cleaned(text, false)
}

/// The same with its line ends kept as they are.
pub(super) fn block(text: &str) -> String {
    cleaned(&text.replace("\r\n", "\n"), true)
}

fn cleaned(text: &str, line_ends: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' if line_ends => out.push('\n'),
            '\t' => out.push(' '),
            '\u{0}'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => out.push('\u{2421}'),
            c if is_treacherous(c) => out.push_str(&format!("[U+{:04X}]", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// C1 controls; line and paragraph separators; bidi marks, embeddings, overrides and isolates (UAX #9); what
/// has no width; tags; annotations; the byte order mark.
fn is_treacherous(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// At most so many characters; `…` says that there were more.
pub fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
    }
}
