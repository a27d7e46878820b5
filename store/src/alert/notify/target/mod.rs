//! Ways to somebody, one file each.
//!
//! A target gets a message and how it reads, and says whether it was taken, is worth another try, or is
//! refused for good. Adding one: a file with its options and [`Target`], a variant of [`TargetKind`], its
//! section in the program's `src/config/alerts/targets.rs`, a paragraph in docs/notifications.md.

mod alertmanager;
mod amqp;
mod command;
mod email;
mod guard;
mod http;
mod pagerduty;
mod secret;
mod slack;
mod teams;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

pub use alertmanager::AlertmanagerOptions;
pub use amqp::AmqpOptions;
pub use command::CommandOptions;
pub use email::{EmailOptions, EmailTls};
pub use guard::{Network, NetworkRules};
pub use pagerduty::PagerDutyOptions;
pub use secret::Secret;
pub use slack::SlackOptions;
pub use teams::TeamsOptions;
pub use webhook::{WebhookOptions, signature};

use super::message::Message;
use super::options::NotifyOptions;
use super::render::{Rendered, Templates};

/// A target of the configuration.
#[derive(Clone, Debug)]
pub struct TargetOptions {
    /// What it is.
    pub kind: TargetKind,
    /// It gets so many messages …
    pub messages_max: u64,
    /// … within so much time.
    pub messages_interval: Duration,
    /// A try may take so long.
    pub timeout: Duration,
    /// How its messages read, where that differs.
    pub templates: Templates,
}

/// What a target is.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "their options say it")]
pub enum TargetKind {
    Email(EmailOptions),
    Webhook(WebhookOptions),
    Slack(SlackOptions),
    Teams(TeamsOptions),
    PagerDuty(PagerDutyOptions),
    Alertmanager(AlertmanagerOptions),
    Amqp(AmqpOptions),
    Command(CommandOptions),
}

impl TargetKind {
    /// Its word in the configuration.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Webhook(_) => "webhook",
            Self::Slack(_) => "slack",
            Self::Teams(_) => "teams",
            Self::PagerDuty(_) => "pagerduty",
            Self::Alertmanager(_) => "alertmanager",
            Self::Amqp(_) => "amqp",
            Self::Command(_) => "command",
        }
    }

    /// To where, as far as that is no secret.
    pub fn address(&self) -> String {
        match self {
            Self::Email(options) => options.to.join(", "),
            Self::Webhook(options) => http::host_of(options.url.reveal()),
            Self::Slack(options) => http::host_of(options.url.reveal()),
            Self::Teams(options) => http::host_of(options.url.reveal()),
            Self::PagerDuty(options) => http::host_of(&options.url),
            Self::Alertmanager(options) => http::host_of(&options.url),
            Self::Amqp(options) => options.host.clone(),
            Self::Command(options) => options.program.display().to_string(),
        }
    }

    /// Whether people read it, so that many messages are better told as one.
    pub fn is_for_people(&self) -> bool {
        !matches!(self, Self::PagerDuty(_) | Self::Alertmanager(_))
    }

    /// Whether it takes each incident as a thing of its own, and so must get all of them.
    pub fn takes_each(&self) -> bool {
        matches!(self, Self::Alertmanager(_))
    }

    /// # Errors
    /// What the configuration says wrong, without secrets.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Email(options) => options.check(),
            Self::Webhook(options) => http::check_url(options.url.reveal()),
            Self::Slack(options) => http::check_url(options.url.reveal()),
            Self::Teams(options) => http::check_url(options.url.reveal()),
            Self::PagerDuty(options) => http::check_url(&options.url),
            Self::Alertmanager(options) => http::check_url(&options.url),
            Self::Amqp(options) => options.check(),
            Self::Command(options) => options.check(),
        }
    }
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// It is worth another try; not before so long, if the receiver says so.
    Again(String, Option<Duration>),
    /// The receiver will never take it.
    Refused(String),
}

impl SendError {
    /// Worth another try.
    pub fn again(why: impl Into<String>) -> Self {
        Self::Again(why.into(), None)
    }

    /// Why.
    pub fn why(&self) -> &str {
        match self {
            Self::Again(why, _) | Self::Refused(why) => why,
        }
    }
}

/// What was answered, without what its receiver may have put into it.
fn struck(sent: Result<String, SendError>, secrets: &[&Secret]) -> Result<String, SendError> {
    let strike = |text: String| secrets.iter().fold(text, |text, secret| secret.struck_from(&text));
    match sent {
        Ok(answer) => Ok(strike(answer)),
        Err(SendError::Again(why, after)) => Err(SendError::Again(strike(why), after)),
        Err(SendError::Refused(why)) => Err(SendError::Refused(strike(why))),
    }
}

/// A way to somebody. Blocks until the receiver has answered, no longer than its time limit by much.
pub trait Target: Send + Sync + std::fmt::Debug {
    /// Sends; gives what the receiver answered.
    ///
    /// # Errors
    /// [`SendError`]
    fn send(&self, message: &Message, rendered: &Rendered) -> Result<String, SendError>;
}

/// Makes a target ready.
///
/// # Errors
/// What the configuration says wrong, without secrets.
pub fn target(options: &TargetOptions, all: &NotifyOptions) -> Result<Arc<dyn Target>, String> {
    options.kind.check()?;
    let http = |ca: Option<&std::path::Path>| {
        http::HttpClient::new(&all.network, options.timeout, ca, all.limits.answer_bytes_max)
    };
    Ok(match &options.kind {
        TargetKind::Email(email) => Arc::new(email::Email::new(email, options.timeout, all)?),
        TargetKind::Webhook(webhook) => Arc::new(webhook::Webhook::new(webhook, http(webhook.ca.as_deref())?)),
        TargetKind::Slack(slack) => Arc::new(slack::Slack::new(slack, http(None)?)),
        TargetKind::Teams(teams) => Arc::new(teams::Teams::new(teams, http(None)?)),
        TargetKind::PagerDuty(pagerduty) => Arc::new(pagerduty::PagerDuty::new(pagerduty, http(None)?)),
        TargetKind::Alertmanager(options) => {
            Arc::new(alertmanager::Alertmanager::new(options, http(options.ca.as_deref())?))
        }
        TargetKind::Amqp(amqp) => Arc::new(amqp::Amqp::new(amqp, options.timeout, all)?),
        TargetKind::Command(command) => Arc::new(command::CommandTarget::new(
            command,
            options.timeout,
            all.limits.answer_bytes_max,
        )),
    })
}
