//! Templates within bounds: so many steps, so many bytes; no files, no includes, no way to take escaping off.
//!
//! A message is never lost to a template: where one fails the built-in one takes its place, and the message
//! says so.

use std::io::{self, Write};

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};

use super::Rendered;
use super::clean::{cut, one_line};
use super::view::MessageView;
use crate::alert::notify::message::Message;
use crate::alert::notify::options::NotifyLimits;

const SUBJECT: &str = include_str!("templates/subject.j2");
const TEXT: &str = include_str!("templates/text.j2");
const HTML: &str = include_str!("templates/html.j2");
/// Characters of a subject.
const SUBJECT_CHARS_MAX: usize = 250;
/// Bytes that an annotation becomes.
const ANNOTATION_BYTES_MAX: usize = 4_096;
/// Templates within templates, and within expressions.
const RECURSION_MAX: usize = 50;

/// Templates of the configuration; the built-in ones where absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates {
    /// Of a line: mail's subject, the title elsewhere.
    pub subject: Option<String>,
    /// Of plain text.
    pub text: Option<String>,
    /// Of a mail's HTML part.
    pub html: Option<String>,
}

/// Makes messages readable.
#[derive(Clone, Debug)]
pub struct Renderer {
    public_url: String,
    fuel: u64,
    bytes_max: usize,
}

impl Renderer {
    /// `public_url`: the page's address; links are left out if it is empty.
    pub fn new(public_url: &str, limits: &NotifyLimits) -> Self {
        Self {
            public_url: public_url.trim_end_matches('/').to_owned(),
            fuel: limits.template_fuel,
            bytes_max: limits.template_bytes_max,
        }
    }

    /// Whether templates can be read.
    ///
    /// # Errors
    /// Which cannot, and why.
    pub fn check(&self, templates: &Templates) -> Result<(), String> {
        let environment = self.environment(false);
        for (name, source) in [
            ("subject", &templates.subject),
            ("text", &templates.text),
            ("html", &templates.html),
        ] {
            if let Some(source) = source {
                environment
                    .template_from_str(source)
                    .map_err(|error| format!("{name}: {}", told(&error)))?;
            }
        }
        Ok(())
    }

    /// A message as it is sent to a target with these templates.
    pub fn render(&self, message: &Message, templates: &Templates) -> Rendered {
        let mut exact = MessageView::exact(message, &self.public_url);
        let shown = exact.shown();
        for (incident, safe) in exact.incidents.iter_mut().zip(&shown.incidents) {
            let values = Value::from(Serde(safe));
            for text in incident.annotations.values_mut() {
                *text = self.annotation(text, &values);
            }
        }
        let shown = exact.shown();
        let mut context = match serde_json::to_value(&shown) {
            Ok(serde_json::Value::Object(object)) => object,
            _ => serde_json::Map::new(),
        };
        let mut faults = Vec::new();
        let plain = self.environment(false);
        let subject = self.one(
            &plain,
            ("subject", templates.subject.as_deref(), SUBJECT),
            &context,
            &mut faults,
        );
        let subject = cut(&one_line(subject.trim()), SUBJECT_CHARS_MAX);
        context.insert("subject".to_owned(), subject.clone().into());
        let text = self.one(&plain, ("text", templates.text.as_deref(), TEXT), &context, &mut faults);
        let escaping = self.environment(true);
        let html = self.one(
            &escaping,
            ("html", templates.html.as_deref(), HTML),
            &context,
            &mut faults,
        );
        let mut text = super::clean::block(text.trim()) + "\n";
        for fault in faults {
            text += &format!("\n(The template {fault}; the built-in one took its place.)\n");
        }
        Rendered {
            subject,
            text,
            html,
            has_own_text: templates.text.is_some(),
            shown,
            exact,
        }
    }

    fn one(
        &self,
        environment: &Environment<'_>,
        (name, own, built_in): (&str, Option<&str>, &str),
        context: &serde_json::Map<String, serde_json::Value>,
        faults: &mut Vec<String>,
    ) -> String {
        let context = Value::from(Serde(context));
        if let Some(own) = own {
            match fill(environment, own, &context, self.bytes_max) {
                Ok(text) => return text,
                Err(error) => faults.push(format!("{name} failed: {error}")),
            }
        }
        match fill(environment, built_in, &context, self.bytes_max) {
            Ok(text) => text,
            // Beyond its bounds: the subject says what matters.
            Err(error) => format!(
                "{} ({error})",
                context.get_attr("subject").map(|s| s.to_string()).unwrap_or_default()
            ),
        }
    }

    /// What a rule's author wrote, with the values of one incident.
    fn annotation(&self, template: &str, values: &Value) -> String {
        let environment = self.environment(false);
        let filled = fill(&environment, template, values, ANNOTATION_BYTES_MAX);
        filled.unwrap_or_else(|error| format!("{template} ({error})"))
    }

    fn environment(&self, is_html: bool) -> Environment<'static> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(self.fuel));
        environment.set_recursion_limit(RECURSION_MAX);
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_auto_escape_callback(move |_| if is_html { AutoEscape::Html } else { AutoEscape::None });
        // With it a value could take its escaping off.
        environment.remove_filter("safe");
        environment
    }
}

fn fill(environment: &Environment<'_>, template: &str, context: &Value, bytes_max: usize) -> Result<String, String> {
    let template = environment.template_from_str(template).map_err(|error| told(&error))?;
    let mut out = Bounded {
        bytes: Vec::new(),
        bytes_max,
    };
    template
        .render_captured_to(context.clone(), &mut out)
        .map_err(|error| told(&error))?;
    Ok(String::from_utf8_lossy(&out.bytes).into_owned())
}

/// Without the template's own text, which a message need not show.
fn told(error: &Error) -> String {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    format!(
        "{}{line}{}",
        error.kind(),
        error.detail().map(|detail| format!(": {detail}")).unwrap_or_default()
    )
}

struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.bytes_max {
            return Err(io::Error::other(format!("more than {} bytes", self.bytes_max)));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
