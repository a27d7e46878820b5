//! Instants that stand in a sentence of the server's: RFC 3339 in UTC, ending with `Z`.

use super::time;

/// A piece of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// As it is.
    Text(&'a str),
    /// An instant: as written, and in milliseconds.
    Instant(&'a str, i64),
}

/// `2026-11-30T10:00:00`: what an instant has at least before its fraction and `Z`.
const SECONDS_BYTES: usize = 19;

/// The pieces of a sentence, in order; together they are all of it.
pub(crate) fn pieces(sentence: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = sentence[at..].find('T') {
        let t = at + found;
        at = t + 1;
        let Some((start, end)) = bounds(sentence, t) else {
            continue;
        };
        let Some(ms) = time::millis(&sentence[start..end]) else {
            continue;
        };
        if start > from {
            pieces.push(Piece::Text(&sentence[from..start]));
        }
        pieces.push(Piece::Instant(&sentence[start..end], ms));
        (from, at) = (end, end);
    }
    if from < sentence.len() {
        pieces.push(Piece::Text(&sentence[from..]));
    }
    pieces
}

/// Where an instant begins and ends whose `T` stands at `t`.
fn bounds(sentence: &str, t: usize) -> Option<(usize, usize)> {
    let start = t.checked_sub(10)?;
    let head = sentence.get(start..start + SECONDS_BYTES)?;
    let fits = head
        .bytes()
        .zip("0000-00-00T00:00:00".bytes())
        .all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == form,
        });
    let rest = &sentence[start + SECONDS_BYTES..];
    let fraction = match rest.strip_prefix('.') {
        Some(digits) => 1 + digits.bytes().take_while(u8::is_ascii_digit).count(),
        None => 0,
    };
    (fits && rest[fraction..].starts_with('Z')).then_some((start, start + SECONDS_BYTES + fraction + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_found_and_nothing_is_lost() {
        let sentence = "The first of 2 at 2026-11-30T10:00:00.5Z, Then 2026-11-30T10:00:01Z";
        let found = pieces(sentence);
        assert_eq!(
            found,
            [
                Piece::Text("The first of 2 at "),
                Piece::Instant("2026-11-30T10:00:00.5Z", 1_796_032_800_500),
                Piece::Text(", Then "),
                Piece::Instant("2026-11-30T10:00:01Z", 1_796_032_801_000),
            ]
        );
    }

    #[test]
    fn what_only_looks_like_one_stays_text() {
        for sentence in [
            "",
            "T",
            "ünd T00",
            "2026-11-30T10:00:00",
            "2026-13-41T10:00:00Z",
            "2026-11-30T10:00:00.5+01:00",
            "é026-11-30T10:00:00Z",
        ] {
            let text: Vec<Piece<'_>> = [sentence]
                .into_iter()
                .filter(|text| !text.is_empty())
                .map(Piece::Text)
                .collect();
            assert_eq!(pieces(sentence), text, "{sentence}");
        }
    }
}
