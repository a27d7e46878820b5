//! Finds fields in text. They become attributes of the record, except where a search finds them in the
//! line anyway: the fields of lines that are JSON or logfmt are there for every rule without any parsing.

mod csv;
mod pattern;
mod structured;
mod web;

use timberline_proto::batch::AttributeValue;

use self::csv::Csv;
use self::pattern::TextPattern;
use super::config::{ParseConfig, ParseFormat};
use super::event::Event;

/// Fields that were found.
type Fields = Vec<(String, AttributeValue)>;

#[derive(Debug)]
pub(super) struct Parse {
    from: String,
    into: String,
    reader: Reader,
}

#[derive(Debug)]
enum Reader {
    Json,
    Logfmt,
    Csv(Csv),
    /// The first that matches.
    Patterns(Vec<TextPattern>),
}

impl Parse {
    pub(super) fn new(config: &ParseConfig) -> Result<Self, String> {
        let wrong = |message: String| format!("parse: {message}");
        let has_pattern = matches!(config.format, ParseFormat::Regex | ParseFormat::Grok);
        if has_pattern == config.pattern.is_empty() {
            return Err(wrong("regex and grok take a pattern, and nothing else does".to_owned()));
        }
        if config.format != ParseFormat::Csv && !(config.columns.is_empty() && config.delimiter.is_empty()) {
            return Err(wrong("only csv takes columns and delimiter".to_owned()));
        }
        let web = |patterns: &[&str]| -> Result<Vec<TextPattern>, String> {
            patterns.iter().map(|text| TextPattern::new(text, true)).collect()
        };
        let reader = match config.format {
            ParseFormat::Json => Ok(Reader::Json),
            ParseFormat::Logfmt => Ok(Reader::Logfmt),
            ParseFormat::Csv => Csv::new(&config.columns, &config.delimiter).map(Reader::Csv),
            ParseFormat::Regex => TextPattern::new(&config.pattern, false).map(|one| Reader::Patterns(vec![one])),
            ParseFormat::Grok => TextPattern::new(&config.pattern, true).map(|one| Reader::Patterns(vec![one])),
            ParseFormat::Access => web(&[web::ACCESS]).map(Reader::Patterns),
            ParseFormat::NginxError => web(&[web::NGINX_ERROR]).map(Reader::Patterns),
            ParseFormat::ApacheError => web(&[web::APACHE_ERROR, web::APACHE_ERROR_2_2]).map(Reader::Patterns),
        };
        Ok(Self {
            from: config.from.clone(),
            into: config.into.clone(),
            reader: reader.map_err(wrong)?,
        })
    }

    /// Whether the text is what the rule says.
    pub(super) fn apply(&self, event: &mut Event<'_>) -> bool {
        let of_line = self.from.is_empty() && self.into.is_empty();
        let structured = matches!(self.reader, Reader::Json | Reader::Logfmt);
        if of_line && structured && structured::is_read_anyway(&event.line) {
            return true;
        }
        let Some(text) = event.source(&self.from) else {
            return false;
        };
        let found = match &self.reader {
            Reader::Json => structured::json(&text),
            Reader::Logfmt => structured::logfmt(&text),
            Reader::Csv(csv) => csv.read(&text),
            Reader::Patterns(patterns) => patterns.iter().find_map(|pattern| pattern.read(&text)),
        };
        let Some(found) = found else { return false };
        for (name, value) in found {
            if self.into.is_empty() {
                event.set(&name, value);
            } else {
                event.set(&format!("{}.{name}", self.into), value);
            }
        }
        true
    }
}
