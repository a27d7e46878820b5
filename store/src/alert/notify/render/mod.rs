//! A message as text, HTML and JSON.
//!
//! Values are never code: templates come from the configuration and from rules, and what a log says is only
//! ever a value in them. What people see has no control characters, no characters that turn the reading
//! direction, and in HTML no markup; JSON carries values as they are.
//!
//! | file | what |
//! |---|---|
//! | `view.rs` | what templates and receivers of JSON see |
//! | `clean.rs` | text that is safe to show |
//! | `links.rs` | addresses of the page |
//! | `sparkline.rs` | counts as a line of blocks |
//! | `template.rs` | templates within bounds |

mod clean;
mod links;
mod sparkline;
mod template;
#[cfg(test)]
pub(super) mod tests;
mod view;

pub use clean::{cut, one_line};
pub use template::{Renderer, Templates};
pub use view::{HeldView, IncidentView, LineView, MessageView};

/// A message as it is sent.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// A line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML, values escaped.
    pub html: String,
    /// Whether the text is that of a template of the configuration.
    pub has_own_text: bool,
    /// Safe to show.
    pub shown: MessageView,
    /// As it is.
    pub exact: MessageView,
}

impl Rendered {
    /// What webhooks, commands and queues get.
    pub fn json(&self) -> String {
        let mut value = serde_json::to_value(&self.exact).expect("text and numbers are JSON");
        value["title"] = self.subject.clone().into();
        value["text"] = self.text.clone().into();
        value.to_string()
    }
}
