//! Cursors of lists: where the next page begins, as one word.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ReadError;

/// A longer one is none of ours.
const CHARACTERS_MAX: usize = 64 << 10;

/// The word for a place in a list.
pub(super) fn cursor<T: Serialize>(place: &T) -> String {
    let json = serde_json::to_vec(place).unwrap_or_default();
    json.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The place that a word is for.
///
/// # Errors
/// [`ReadError::BadRequest`] if it is no cursor of this list.
pub(super) fn place<T: DeserializeOwned>(cursor: &str) -> Result<T, ReadError> {
    let wrong =
        || ReadError::BadRequest("this is no cursor of this list: send back that of the page before".to_owned());
    if cursor.len() > CHARACTERS_MAX || !cursor.is_ascii() {
        return Err(wrong());
    }
    let digits = cursor.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place_and_nothing_else_is_one() {
        let at = ("web-1".to_owned(), "/var/log/\u{fc}.log".to_owned());
        assert_eq!(place::<(String, String)>(&cursor(&at)).unwrap(), at);
        for wrong in ["", "7b", "zz", "5b5d", "\u{fc}", &"0".repeat(CHARACTERS_MAX + 1)] {
            assert!(place::<(String, String)>(wrong).is_err(), "{wrong}");
        }
    }
}
