//! What every token that fits must hold: most values are passed over by it without a closer look.

use memchr::memmem::Finder;

/// What a token must hold, in lower case.
#[derive(Debug, Default)]
pub(super) struct Required {
    /// The longest run of digits.
    digits: Box<[u8]>,
    finder: Option<Finder<'static>>,
    /// The ASCII characters that are no digits.
    letters: Box<[u8]>,
}

impl Required {
    /// Of texts in lower case that it holds, each in one stretch.
    pub(super) fn of(pieces: &[String]) -> Self {
        let runs = pieces
            .iter()
            .flat_map(|piece| piece.split(|c: char| !c.is_ascii_digit()));
        let digits: Box<[u8]> = runs.max_by_key(|run| run.len()).unwrap_or_default().as_bytes().into();
        let mut letters: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes()).collect();
        letters.retain(|byte| byte.is_ascii() && !byte.is_ascii_digit());
        letters.sort_unstable();
        letters.dedup();
        Self {
            finder: (!digits.is_empty()).then(|| Finder::new(&digits).into_owned()),
            digits,
            letters: letters.into(),
        }
    }

    /// Digits that it holds in one stretch.
    pub(super) fn digits(&self) -> usize {
        self.digits.len()
    }

    /// Whether a value can fit.
    pub(super) fn may_be(&self, value: &[u8]) -> bool {
        let Some(finder) = &self.finder else { return true };
        // A search made ready takes longer than a look at a short value.
        match (self.digits.first_chunk::<4>(), value.len() <= 32) {
            (Some(first), true) => {
                let first = u32::from_le_bytes(*first);
                let mut places = (0..).zip(value.windows(4));
                places.any(|(at, four)| {
                    u32::from_le_bytes([four[0], four[1], four[2], four[3]]) == first
                        && value[at..].starts_with(&self.digits)
                })
            }
            _ => finder.find(value).is_some(),
        }
    }

    /// Whether one of the numbers up to `most`, in at least `digits` digits, can fit between two texts.
    pub(super) fn may_be_number(&self, prefix: &[u8], suffix: &[u8], most: u64, digits: usize) -> bool {
        if !prefix.is_ascii() || !suffix.is_ascii() {
            return true;
        }
        let stands = |letter: &u8| {
            prefix
                .iter()
                .chain(suffix)
                .any(|byte| byte.to_ascii_lowercase() == *letter)
        };
        if !self.letters.iter().all(stands) {
            return false;
        }
        let goes_on = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let own = most.checked_ilog10().map_or(1, |log| log as usize + 1);
        self.digits.len() <= own.max(digits)
            || goes_on(prefix.last())
            || goes_on(suffix.first())
            || self.may_be(prefix)
            || self.may_be(suffix)
    }

    /// The next place of the required digits in many values one behind the other; none is looked for
    /// where no digits are required.
    pub(super) fn next_in(&self, values: &[u8], from: usize) -> Option<usize> {
        let found = self.finder.as_ref()?.find(values.get(from..)?)?;
        Some(from + found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(pieces: &[&str]) -> Required {
        Required::of(&pieces.iter().map(|piece| (*piece).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn values_without_the_longest_run_of_digits_are_passed_over() {
        let blocks = required(&["blk_", "12a34567"]);
        assert_eq!(blocks.digits(), 5);
        assert!(blocks.may_be(b"x34567") && blocks.may_be(b"34567") && !blocks.may_be(b"3456") && !blocks.may_be(b""));
        assert!(blocks.may_be(&[&[b'0'; 60][..], b"34567"].concat()));
        assert!(required(&["4"]).may_be(b"1234") && !required(&["4"]).may_be(b"123"));
        assert!(required(&["abc"]).may_be(b"anything"));
        assert_eq!(blocks.next_in(b"34567 34567", 1), Some(6));
        assert_eq!(blocks.next_in(b"34567", 9), None);
    }

    #[test]
    fn numbers_too_short_or_without_the_letters_around_them_are_passed_over() {
        let octet = |pieces: &[&str]| required(pieces).may_be_number(b"", b"", 255, 0);
        assert!(octet(&["255"]) && octet(&[""]) && !octet(&["4711"]) && !octet(&["a1"]));
        let block = |pieces: &[&str]| required(pieces).may_be_number(b"BLK_", b"", 1 << 60, 0);
        assert!(block(&["blk_", "4711"]) && block(&["k_1"]) && !block(&["blk-1"]));
        // Digits may go on before the number, be filled up with zeros, or stand in the text around it.
        assert!(required(&["4711"]).may_be_number(b"x47", b"", 99, 0));
        assert!(required(&["4711"]).may_be_number(b"", b"11x", 47, 0));
        assert!(required(&["0007"]).may_be_number(b"", b"", 9, 4));
        assert!(required(&["4711"]).may_be_number(b"a4711_", b"", 9, 0));
        assert!(required(&["k4711"]).may_be_number("\u{212a}".as_bytes(), b"", 9, 0));
    }
}
