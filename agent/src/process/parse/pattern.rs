//! Regexes with named groups, and grok: the same patterns as those of the pipe `parse`.

use timberline_proto::batch::AttributeValue;
use timberline_proto::grok::Pattern;
use timberline_proto::query::ast;

use super::Fields;
use crate::process::event::number;

#[derive(Debug)]
pub(super) struct TextPattern(Pattern);

impl TextPattern {
    pub(super) fn new(pattern: &str, grok: bool) -> Result<Self, String> {
        let parse = ast::Parse {
            from: None,
            pattern: pattern.to_owned(),
            grok,
            span: ast::Span::default(),
        };
        Pattern::new(&parse).map(Self).map_err(|error| error.to_string())
    }

    /// The groups that take part; the first of each name.
    pub(super) fn read(&self, text: &str) -> Option<Fields> {
        let groups = self.0.regex.captures(text)?;
        let mut found = Fields::new();
        for capture in &self.0.captures {
            let is_known = found.last().is_some_and(|(name, _)| *name == capture.name);
            if let Some(group) = groups.get(capture.group).filter(|_| !is_known) {
                let value = if capture.number {
                    number(group.as_str())
                } else {
                    AttributeValue::Text(group.as_str().to_owned())
                };
                found.push((capture.name.clone(), value));
            }
        }
        Some(found)
    }
}
