//! A subject's name, or a query, in what the program keeps of itself: found, and replaced by its hash.

use serde_json::{Map, Value};
use timberline_proto::query::matcher::CompiledText;

/// Who did something stays who did it.
const ACTOR: &str = "actor";

/// What is replaced in texts, and by what.
#[derive(Clone, Debug)]
pub(super) struct Names {
    what: What,
    by: String,
}

#[derive(Clone, Debug)]
enum What {
    /// A word or phrase, wherever it stands.
    Phrase(CompiledText),
    /// A query, where it is the whole of a value: its words may stand anywhere by right.
    Whole(String),
}

impl Names {
    pub(super) fn phrase(text: &str, by: String) -> Self {
        Self {
            what: What::Phrase(CompiledText::text(text, true)),
            by,
        }
    }

    pub(super) fn whole(text: &str, by: String) -> Self {
        Self {
            what: What::Whole(text.trim().to_owned()),
            by,
        }
    }

    /// What stands in the place of a text, plain or JSON; `None` if it holds nothing of it.
    pub(super) fn replaced(&self, text: &str) -> Option<String> {
        let looks_like_json = text.trim_start().starts_with(['{', '[', '"']);
        let Some(mut value) = looks_like_json
            .then(|| serde_json::from_str::<Value>(text).ok())
            .flatten()
        else {
            return self.plain(text);
        };
        self.in_value(&mut value, true).then(|| value.to_string())
    }

    /// Whether a text holds it.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.replaced(text).is_some()
    }

    fn plain(&self, text: &str) -> Option<String> {
        match &self.what {
            What::Whole(query) => (text.trim() == query).then(|| self.by.clone()),
            What::Phrase(phrase) => {
                let spans = phrase.find_spans(text.as_bytes());
                if spans.is_empty() {
                    return None;
                }
                let (mut made, mut at) = (String::with_capacity(text.len()), 0);
                for (start, end) in spans {
                    made += text.get(at..start)?;
                    made += &self.by;
                    at = end;
                }
                made += text.get(at..)?;
                Some(made)
            }
        }
    }

    /// Whether anything was replaced.
    fn in_value(&self, value: &mut Value, is_top: bool) -> bool {
        match value {
            Value::String(text) => match self.replaced_within(text) {
                Some(fresh) => {
                    *text = fresh;
                    true
                }
                None => false,
            },
            Value::Number(number) => match self.plain(&number.to_string()) {
                Some(fresh) => {
                    *value = Value::String(fresh);
                    true
                }
                None => false,
            },
            Value::Array(values) => values
                .iter_mut()
                .fold(false, |changed, value| self.in_value(value, false) | changed),
            Value::Object(map) => self.in_object(map, is_top),
            Value::Null | Value::Bool(_) => false,
        }
    }

    /// A text within JSON may be JSON again, such as the key of a group.
    fn replaced_within(&self, text: &str) -> Option<String> {
        match text.starts_with(['{', '[']) {
            true => self.replaced(text),
            false => self.plain(text),
        }
    }

    fn in_object(&self, map: &mut Map<String, Value>, is_top: bool) -> bool {
        let mut changed = false;
        let names: Vec<String> = map.keys().cloned().collect();
        for name in names {
            if is_top && name == ACTOR {
                continue;
            }
            if let Some(value) = map.get_mut(&name) {
                changed |= self.in_value(value, false);
            }
            if let Some(fresh) = self.plain(&name)
                && let Some(value) = map.remove(&name)
            {
                map.insert(fresh, value);
                changed = true;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_from_plain_text_and_from_json_with_its_escapes_and_nothing_else_does() {
        let names = Names::phrase("alice \"al\" smith", "[gone]".to_owned());
        assert_eq!(names.replaced("who: Alice  \"al\" SMITH.").unwrap(), "who: [gone].");
        let line = serde_json::json!({
            "actor": "alice \"al\" smith",
            "detail": { "query": "user:\"alice \"al\" smith\" error", "list": [1, "x"] },
        });
        let made: Value = serde_json::from_str(&names.replaced(&line.to_string()).unwrap()).unwrap();
        assert_eq!(made["detail"]["query"], "user:\"[gone]\" error");
        assert_eq!(made["actor"], line["actor"], "who did it stays on record");
        assert_eq!(names.replaced("alice smith"), None);
        assert_eq!(names.replaced("{\"a\":\"malice\"}"), None);
        let number = Names::phrase("4711", "[gone]".to_owned());
        assert_eq!(
            number.replaced("{\"card\":4711,\"of\":47110}").unwrap(),
            "{\"card\":\"[gone]\",\"of\":47110}"
        );
    }

    #[test]
    fn a_query_goes_only_where_it_is_the_whole_value() {
        let names = Names::whole("level:error", "[gone]".to_owned());
        assert_eq!(
            names.replaced("{\"query\":\"level:error\"}").unwrap(),
            "{\"query\":\"[gone]\"}"
        );
        assert_eq!(names.replaced("{\"query\":\"level:error user:x\"}"), None);
    }
}
