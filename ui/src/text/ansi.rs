//! Colours that programs write for terminals: the "Select Graphic Rendition" sequences of
//! ECMA-48. They become style classes of ours; all other sequences stay to be seen.

use std::ops::Range;

/// How a part of a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// One of six colours: red, green, yellow, blue, magenta, cyan.
    colour: Option<u8>,
    bold: bool,
    faint: bool,
    italic: bool,
    underlined: bool,
}

impl Style {
    /// The style sheet's classes.
    pub(crate) fn classes(self) -> String {
        let mut out = String::new();
        let mut add = |on: bool, class: &str| {
            if on {
                out.push_str(class);
            }
        };
        add(self.bold, " ansi-bold");
        add(self.faint, " ansi-faint");
        add(self.italic, " ansi-italic");
        add(self.underlined, " ansi-underlined");
        if let Some(colour) = self.colour {
            out.push_str(&format!(" ansi-{colour}"));
        }
        out
    }
}

/// What a line's sequences say: where they stand, and the style from the end of each on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ansi {
    sequences: Vec<(Range<usize>, Style)>,
}

impl Ansi {
    /// Of a line.
    pub(crate) fn of(text: &str) -> Ansi {
        let mut sequences = Vec::new();
        let mut style = Style::default();
        let mut from = 0;
        while let Some(at) = text[from..].find("\u{1b}[") {
            let start = from + at;
            let parameters = start + 2;
            let length = text[parameters..]
                .bytes()
                .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'))
                .count();
            let end = parameters + length;
            match text.as_bytes().get(end) {
                Some(b'm') => {
                    apply(&mut style, &text[parameters..end]);
                    sequences.push((start..end + 1, style));
                    from = end + 1;
                }
                // Erasing to the end of a line, which says nothing here.
                Some(b'K') => {
                    sequences.push((start..end + 1, style));
                    from = end + 1;
                }
                _ => from = parameters,
            }
        }
        Ansi { sequences }
    }

    /// Where a style ends or begins.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = usize> {
        self.sequences.iter().flat_map(|(range, _)| [range.start, range.end])
    }

    /// Whether a sequence, which is not shown, stands at `position`.
    pub(crate) fn is_sequence(&self, position: usize) -> bool {
        self.before(position)
            .is_some_and(|(range, _)| range.contains(&position))
    }

    /// The style at `position`.
    pub(crate) fn style(&self, position: usize) -> Style {
        self.before(position).map_or_else(Style::default, |(_, style)| *style)
    }

    fn before(&self, position: usize) -> Option<&(Range<usize>, Style)> {
        let after = self.sequences.partition_point(|(range, _)| range.start <= position);
        self.sequences.get(after.checked_sub(1)?)
    }
}

fn apply(style: &mut Style, parameters: &str) {
    let mut codes = parameters
        .split([';', ':'])
        .map(|code| code.parse::<u16>().unwrap_or(0));
    while let Some(code) = codes.next() {
        match code {
            0 => *style = Style::default(),
            1 => style.bold = true,
            2 => style.faint = true,
            3 => style.italic = true,
            4 => style.underlined = true,
            22 => (style.bold, style.faint) = (false, false),
            23 => style.italic = false,
            24 => style.underlined = false,
            30..=37 => style.colour = named(code - 30),
            90..=97 => style.colour = named(code - 90),
            39 => style.colour = None,
            38 => style.colour = extended(&mut codes),
            48 => drop(extended(&mut codes)),
            _ => {}
        }
    }
}

/// Black and white are the text's own colour, whichever that is.
fn named(colour: u16) -> Option<u8> {
    (1..=6).contains(&colour).then_some(colour as u8)
}

/// `5;N` of a table of 256, or `2;R;G;B`.
fn extended(codes: &mut impl Iterator<Item = u16>) -> Option<u8> {
    match codes.next()? {
        5 => match codes.next()? {
            colour @ 0..=7 => named(colour),
            colour @ 8..=15 => named(colour - 8),
            colour @ 16..=231 => {
                let cube = colour - 16;
                nearest(cube / 36, cube / 6 % 6, cube % 6)
            }
            _ => None,
        },
        2 => {
            let (red, green, blue) = (codes.next()?, codes.next()?, codes.next()?);
            nearest(red, green, blue)
        }
        _ => None,
    }
}

/// The nearest of the six by hue; what has hardly any is none.
fn nearest(red: u16, green: u16, blue: u16) -> Option<u8> {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if (most - least) * 4 < most.max(1) {
        return None;
    }
    let is_high = |part: u16| part - least > (most - least) / 2;
    let colour = u8::from(is_high(red)) + 2 * u8::from(is_high(green)) + 4 * u8::from(is_high(blue));
    named(u16::from(colour))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_holds_until_it_is_taken_back() {
        let text = "a\u{1b}[1;31mred\u{1b}[0m b";
        let ansi = Ansi::of(text);
        assert_eq!(ansi.style(0), Style::default());
        assert_eq!(ansi.style(text.find("red").unwrap()).classes(), " ansi-bold ansi-1");
        assert_eq!(ansi.style(text.len() - 1), Style::default());
        assert!(ansi.is_sequence(1) && ansi.is_sequence(7) && !ansi.is_sequence(8));
    }

    #[test]
    fn colours_of_tables_become_the_nearest_of_six() {
        let class = |text: &str| Ansi::of(&format!("\u{1b}[{text}mx")).style(99).classes();
        assert_eq!(class("38;5;196"), " ansi-1");
        assert_eq!(class("38;2;0;200;10"), " ansi-2");
        assert_eq!(class("38;2;120;120;125"), "");
        assert_eq!(class("48;5;196;32"), " ansi-2");
        assert_eq!(class("97"), "");
    }

    #[test]
    fn whatever_else_an_escape_begins_is_left_to_be_seen() {
        for text in [
            "\u{1b}[2J",
            "\u{1b}]8;;http://x\u{7}",
            "\u{1b}[",
            "\u{1b}[38;5",
            "\u{1b}[é",
        ] {
            assert_eq!(Ansi::of(text), Ansi::default(), "{text:?}");
        }
    }
}
