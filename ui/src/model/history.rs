//! Questions asked before in this browser, the latest first; kept in its local storage.

use super::prefs::{read, write};

const NAME: &str = "history";
/// Kept at most.
const QUESTIONS_MAX: usize = 200;
/// A longer one is not kept.
const QUESTION_BYTES_MAX: usize = 4_096;

/// The questions, the latest first.
pub(crate) fn load() -> Vec<String> {
    read(NAME)
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Remembers a question; one asked again moves to the front.
pub(crate) fn remember(query: &str) {
    if query.is_empty() || query.len() > QUESTION_BYTES_MAX {
        return;
    }
    let questions = with(load(), query);
    write(NAME, serde_json::to_string(&questions).ok().as_deref());
}

fn with(mut questions: Vec<String>, query: &str) -> Vec<String> {
    questions.retain(|question| question != query);
    questions.insert(0, query.to_owned());
    questions.truncate(QUESTIONS_MAX);
    questions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_asked_again_moves_to_the_front() {
        let questions = with(vec!["a".into(), "b".into()], "b");
        assert_eq!(questions, ["b", "a"]);
        let many = (0..QUESTIONS_MAX).map(|n| n.to_string()).collect();
        assert_eq!(with(many, "new").len(), QUESTIONS_MAX);
    }
}
