//! A rule as fields that people fill in: texts by key, from which the rule is made when it is needed.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use timberline_proto::alert::{Comparison, Fault, KeptRule, Period, Rule};

use super::fields::{COMMON, Field, KINDS, Shape, fields_of};
use crate::lang;

const CONDITION: &str = "condition.";

/// The form of one rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Form {
    /// The rule's id; none yet of one that is being made.
    pub id: Option<String>,
    /// The version that is changed.
    pub version: u64,
    /// With which query it was begun, and as which item of the address.
    begun_with: String,
    begun_as: String,
    /// What people call it.
    pub name: String,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// The condition's kind.
    pub kind: String,
    /// What stands in the fields, by their keys; also of kinds that were chosen before.
    pub texts: BTreeMap<String, String>,
    /// The rule that is kept.
    kept: Option<Rule>,
}

impl Form {
    /// Of a rule that is kept.
    pub(crate) fn of(kept: &KeptRule) -> Form {
        let kind = kept.rule.condition.kind().to_owned();
        let value = serde_json::to_value(&kept.rule).unwrap_or_default();
        let texts = all_fields(&kind)
            .filter_map(|field| {
                let value = at(&value, field.key)?;
                Some((field.key.to_owned(), written(field.shape, value)))
            })
            .collect();
        Form {
            id: Some(kept.id.clone()),
            version: kept.version,
            begun_with: String::new(),
            begun_as: String::new(),
            name: kept.rule.name.clone(),
            enabled: kept.rule.enabled,
            kind,
            texts,
            kept: Some(kept.rule.clone()),
        }
    }

    /// Of a rule that begins with a query; `item` is `new` or `new:KIND`. Only numbers are made of a table.
    pub(crate) fn begun(item: &str, query: &str) -> Form {
        let kind = item.split_once(':').map_or("", |(_, kind)| kind);
        let known = KINDS.iter().any(|(word, ..)| *word == kind);
        let kind = if known { kind } else { "threshold" };
        let begun_with = query.to_owned();
        let query = match kind {
            "threshold" | "change" | "deviation" => query,
            _ => lang::filter_text(query).trim(),
        };
        let texts = [
            ("condition.query", query),
            ("condition.first", query),
            ("condition.when", "> 0"),
        ];
        Form {
            begun_with,
            begun_as: item.to_owned(),
            enabled: true,
            kind: kind.to_owned(),
            texts: texts.map(|(key, text)| (key.to_owned(), text.to_owned())).into(),
            ..Form::default()
        }
    }

    /// Whether it is of this rule, begun with this query if it is new.
    pub(super) fn is_of(&self, id: &str, query: &str) -> bool {
        match &self.id {
            Some(own) => own == id,
            None => self.begun_as == id && self.begun_with == query,
        }
    }

    /// What stands in a field.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    /// The query whose lines the rule looks at, without pipes.
    pub(crate) fn filter(&self) -> String {
        let key = if self.kind == "sequence" {
            "condition.first"
        } else {
            "condition.query"
        };
        match self.kind.as_str() {
            "silence" => String::new(),
            _ => lang::filter_text(self.text(key)).trim().to_owned(),
        }
    }

    /// Whether there is something to save.
    pub(crate) fn is_changed(&self) -> bool {
        match (&self.kept, self.rule()) {
            (Some(kept), Ok(rule)) => *kept != rule,
            _ => true,
        }
    }

    /// The rule that the fields say.
    ///
    /// # Errors
    /// What is wrong, with the key of the field.
    pub(crate) fn rule(&self) -> Result<Rule, Fault> {
        let mut rule = Map::new();
        let mut condition = Map::new();
        rule.insert("name".into(), json!(self.name.trim()));
        rule.insert("enabled".into(), json!(self.enabled));
        condition.insert("kind".into(), json!(self.kind));
        for field in all_fields(&self.kind) {
            let text = self.text(field.key).trim();
            let text = match field.shape {
                Shape::Choice(_) if text.is_empty() => field.default,
                _ => text,
            };
            if text.is_empty() && field.shape != Shape::Query {
                continue;
            }
            let value = read(field.shape, text).map_err(|what| Fault {
                key: field.key.to_owned(),
                what,
            })?;
            match field.key.strip_prefix(CONDITION) {
                Some(key) => condition.insert(key.to_owned(), value),
                None => rule.insert(field.key.to_owned(), value),
            };
        }
        rule.insert("condition".into(), Value::Object(condition));
        let rule: Rule = serde_json::from_value(Value::Object(rule)).map_err(|error| Fault {
            key: missing(&error.to_string()),
            what: error.to_string(),
        })?;
        rule.check()?;
        Ok(rule)
    }
}

/// The condition's fields, and those of all rules.
fn all_fields(kind: &str) -> impl Iterator<Item = &'static Field> + use<> {
    fields_of(kind).iter().chain(COMMON)
}

/// The field that serde misses, if it names one.
fn missing(error: &str) -> String {
    let name = error.split('`').nth(1).filter(|_| error.starts_with("missing field"));
    name.map_or_else(|| "condition".to_owned(), |name| format!("{CONDITION}{name}"))
}

fn at<'a>(rule: &'a Value, key: &str) -> Option<&'a Value> {
    match key.strip_prefix(CONDITION) {
        Some(key) => rule.get("condition")?.get(key),
        None => rule.get(key),
    }
}

/// What stands in the field for a value.
fn written(shape: Shape, value: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match (shape, value) {
        (Shape::Words, Value::Array(words)) => words.iter().map(text).collect::<Vec<_>>().join(", "),
        (Shape::Named, Value::Object(named)) => {
            let lines = named.iter().map(|(name, value)| format!("{name} = {}", text(value)));
            lines.collect::<Vec<_>>().join("\n")
        }
        (Shape::Flapping, Value::Object(flapping)) => {
            let part = |name: &str| flapping.get(name).map(text).unwrap_or_default();
            format!("{} in {}", part("times"), part("within"))
        }
        // 4.0 is written 4.
        (Shape::Number, Value::Number(number)) => number.as_f64().unwrap_or_default().to_string(),
        (_, value) => text(value),
    }
}

/// The value that a text stands for.
fn read(shape: Shape, text: &str) -> Result<Value, String> {
    let value = json!(text);
    match shape {
        Shape::Query | Shape::Text | Shape::Choice(_) => Ok(value),
        Shape::Period => checked::<Period>(value),
        Shape::Comparison => checked::<Comparison>(value),
        Shape::Number => {
            let whole = text.parse::<u64>().map(|number| json!(number)).ok();
            let number = whole.or_else(|| {
                text.parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite())
                    .map(|number| json!(number))
            });
            number.ok_or_else(|| format!("{text:?} is no number"))
        }
        Shape::Words => Ok(text
            .split([',', '\n'])
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .collect()),
        Shape::Named => {
            let mut named = Map::new();
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let Some((name, value)) = line.split_once('=') else {
                    return Err(format!("{line:?} has no value: write a name, =, and a value"));
                };
                named.insert(name.trim().to_owned(), json!(value.trim()));
            }
            Ok(Value::Object(named))
        }
        Shape::Flapping => {
            let parts = text
                .split_once(" in ")
                .and_then(|(times, within)| Some((times.trim().parse::<u32>().ok()?, within.trim())));
            let Some((times, within)) = parts else {
                return Err(format!("{text:?} is not how often within how long: write \"3 in 1h\""));
            };
            Ok(json!({ "times": times, "within": checked::<Period>(json!(within))? }))
        }
    }
}

fn checked<T: DeserializeOwned>(value: Value) -> Result<Value, String> {
    match serde_json::from_value::<T>(value.clone()) {
        Ok(_) => Ok(value),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
