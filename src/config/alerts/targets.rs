//! `[alerts.targets.NAME]`: one table of the target's kind, and what all kinds have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::Age;
use super::secret::SecretText;

/// A target. Exactly one of the kinds is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TargetSection {
    /// At most so many messages …
    pub(crate) messages_max: u32,
    /// … within so much time; those beyond are told as one.
    pub(crate) messages_interval: Age,
    /// A try may take so long.
    pub(crate) timeout: Age,
    /// Template of the subject, or title.
    pub(crate) subject: Option<String>,
    /// Template of the text.
    pub(crate) text: Option<String>,
    /// Template of a mail's HTML part.
    pub(crate) html: Option<String>,
    /// By mail.
    pub(crate) email: Option<EmailSection>,
    /// As JSON.
    pub(crate) webhook: Option<WebhookSection>,
    /// To a channel of Slack.
    pub(crate) slack: Option<UrlSection>,
    /// To a channel of Microsoft Teams.
    pub(crate) teams: Option<UrlSection>,
    /// To a service of PagerDuty.
    pub(crate) pagerduty: Option<PagerDutySection>,
    /// To Prometheus' Alertmanager.
    pub(crate) alertmanager: Option<AlertmanagerSection>,
    /// To an exchange of RabbitMQ, or another broker of AMQP 0-9-1.
    pub(crate) amqp: Option<AmqpSection>,
    /// To a program on this machine.
    pub(crate) command: Option<CommandSection>,
}

impl Default for TargetSection {
    fn default() -> Self {
        Self {
            messages_max: 100,
            messages_interval: Age::seconds(600),
            timeout: Age::seconds(20),
            subject: None,
            text: None,
            html: None,
            email: None,
            webhook: None,
            slack: None,
            teams: None,
            pagerduty: None,
            alertmanager: None,
            amqp: None,
            command: None,
        }
    }
}

/// A mail server and addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EmailSection {
    /// The mail server.
    pub(crate) host: String,
    /// Its port; 587 with STARTTLS, 465 with TLS, 25 with none, if 0.
    pub(crate) port: u16,
    /// `starttls`, `tls` or `none`.
    pub(crate) tls: MailTls,
    /// PEM file of authorities that are trusted in place of the public ones.
    pub(crate) ca: Option<PathBuf>,
    /// For the mail server; none if empty.
    pub(crate) user: String,
    /// For the mail server.
    pub(crate) password: SecretText,
    /// `Timberline <alerts@example.org>`
    pub(crate) from: String,
    /// Addresses.
    pub(crate) to: Vec<String>,
}

impl Default for EmailSection {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            tls: MailTls::Starttls,
            ca: None,
            user: String::new(),
            password: SecretText::default(),
            from: String::new(),
            to: Vec::new(),
        }
    }
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MailTls {
    /// Before anything is said.
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all.
    None,
}

/// An address that takes JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebhookSection {
    /// `https://HOST/PATH`
    pub(crate) url: SecretText,
    /// Signs each request; none if empty.
    pub(crate) secret: SecretText,
    /// Sent as `authorization: Bearer`; none if empty.
    pub(crate) bearer_token: SecretText,
    /// PEM file of authorities that are trusted in place of the public ones.
    pub(crate) ca: Option<PathBuf>,
}

/// An address that is a secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UrlSection {
    /// `https://HOST/PATH`
    pub(crate) url: SecretText,
}

/// An integration of PagerDuty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PagerDutySection {
    /// Where events are sent.
    pub(crate) url: String,
    /// The integration's key.
    pub(crate) routing_key: SecretText,
}

impl Default for PagerDutySection {
    fn default() -> Self {
        Self {
            url: "https://events.pagerduty.com/v2/enqueue".to_owned(),
            routing_key: SecretText::default(),
        }
    }
}

/// An Alertmanager.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlertmanagerSection {
    /// Its address.
    pub(crate) url: String,
    /// Sent as `authorization: Bearer`; none if empty.
    pub(crate) bearer_token: SecretText,
    /// PEM file of authorities that are trusted in place of the public ones.
    pub(crate) ca: Option<PathBuf>,
    /// What is not told again ends there after so long; longer than `repeat_interval`.
    pub(crate) ends_after: Age,
}

impl Default for AlertmanagerSection {
    fn default() -> Self {
        Self {
            url: String::new(),
            bearer_token: SecretText::default(),
            ca: None,
            ends_after: Age::seconds(12 * 3600),
        }
    }
}

/// A broker of AMQP 0-9-1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AmqpSection {
    /// The broker.
    pub(crate) host: String,
    /// Its port; 5671 with TLS, 5672 without, if 0.
    pub(crate) port: u16,
    /// Whether the connection is protected.
    pub(crate) tls: bool,
    /// PEM file of authorities that are trusted in place of the public ones.
    pub(crate) ca: Option<PathBuf>,
    /// Who logs in.
    pub(crate) user: String,
    /// By what.
    pub(crate) password: SecretText,
    /// The virtual host.
    pub(crate) vhost: String,
    /// The exchange; the default one if empty.
    pub(crate) exchange: String,
    /// The routing key; of the default exchange the queue's name.
    pub(crate) routing_key: String,
}

impl Default for AmqpSection {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            tls: true,
            ca: None,
            user: String::new(),
            password: SecretText::default(),
            vhost: "/".to_owned(),
            exchange: String::new(),
            routing_key: String::new(),
        }
    }
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CommandSection {
    /// Its file, by an absolute path.
    pub(crate) program: PathBuf,
    /// What stands on its command line.
    pub(crate) arguments: Vec<String>,
    /// Its environment beside `PATH`.
    pub(crate) environment: BTreeMap<String, SecretText>,
}

#[cfg(feature = "store")]
pub(super) use options::all;

#[cfg(feature = "store")]
mod options {
    use std::collections::BTreeMap;

    use timberline_store::alert::notify::render::Templates;
    use timberline_store::alert::notify::target::{
        AlertmanagerOptions, AmqpOptions, CommandOptions, EmailOptions, EmailTls, PagerDutyOptions, SlackOptions,
        TargetKind, TargetOptions, TeamsOptions, WebhookOptions,
    };

    use super::{
        AlertmanagerSection, AmqpSection, CommandSection, EmailSection, MailTls, PagerDutySection, TargetSection,
        UrlSection, WebhookSection,
    };

    /// Characters of a target's name: it stands in addresses of the API and in metrics.
    const NAME_CHARS_MAX: usize = 64;

    /// All targets, ready.
    ///
    /// # Errors
    /// A sentence that names the target.
    pub(in crate::config) fn all(
        sections: &BTreeMap<String, TargetSection>,
    ) -> Result<BTreeMap<String, TargetOptions>, String> {
        sections
            .iter()
            .map(|(name, section)| Ok((checked(name)?.to_owned(), section.options(name)?)))
            .collect()
    }

    fn checked(name: &str) -> Result<&str, String> {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        match plain && (1..=NAME_CHARS_MAX).contains(&name.len()) {
            true => Ok(name),
            false => Err(format!(
                "alerts.targets: {name:?} is no name; it has 1 to {NAME_CHARS_MAX} of a-z, A-Z, 0-9, `-`, `_` and `.`"
            )),
        }
    }

    impl TargetSection {
        fn options(&self, name: &str) -> Result<TargetOptions, String> {
            let mut kinds = [
                self.email.as_ref().map(EmailSection::kind),
                self.webhook.as_ref().map(WebhookSection::kind),
                self.slack.as_ref().map(|slack: &UrlSection| {
                    TargetKind::Slack(SlackOptions {
                        url: slack.url.secret(),
                    })
                }),
                self.teams.as_ref().map(|teams: &UrlSection| {
                    TargetKind::Teams(TeamsOptions {
                        url: teams.url.secret(),
                    })
                }),
                self.pagerduty.as_ref().map(PagerDutySection::kind),
                self.alertmanager.as_ref().map(AlertmanagerSection::kind),
                self.amqp.as_ref().map(AmqpSection::kind),
                self.command.as_ref().map(CommandSection::kind),
            ]
            .into_iter()
            .flatten();
            let (Some(kind), None) = (kinds.next(), kinds.next()) else {
                return Err(format!(
                    "alerts.targets.{name}: give it exactly one kind, such as [alerts.targets.{name}.email]"
                ));
            };
            if self.messages_max == 0 || self.messages_interval.get().is_zero() || self.timeout.get().is_zero() {
                return Err(format!(
                    "alerts.targets.{name}: messages_max, messages_interval and timeout are more than 0"
                ));
            }
            Ok(TargetOptions {
                kind,
                messages_max: u64::from(self.messages_max),
                messages_interval: self.messages_interval.get(),
                timeout: self.timeout.get(),
                templates: Templates {
                    subject: self.subject.clone(),
                    text: self.text.clone(),
                    html: self.html.clone(),
                },
            })
        }
    }

    impl EmailSection {
        fn kind(&self) -> TargetKind {
            TargetKind::Email(EmailOptions {
                host: self.host.clone(),
                port: self.port,
                tls: match self.tls {
                    MailTls::Starttls => EmailTls::Starttls,
                    MailTls::Tls => EmailTls::Tls,
                    MailTls::None => EmailTls::None,
                },
                ca: self.ca.clone(),
                user: self.user.clone(),
                password: self.password.secret(),
                from: self.from.clone(),
                to: self.to.clone(),
            })
        }
    }

    impl WebhookSection {
        fn kind(&self) -> TargetKind {
            TargetKind::Webhook(WebhookOptions {
                url: self.url.secret(),
                secret: self.secret.secret(),
                bearer_token: self.bearer_token.secret(),
                ca: self.ca.clone(),
            })
        }
    }

    impl PagerDutySection {
        fn kind(&self) -> TargetKind {
            TargetKind::PagerDuty(PagerDutyOptions {
                url: self.url.clone(),
                routing_key: self.routing_key.secret(),
            })
        }
    }

    impl AlertmanagerSection {
        fn kind(&self) -> TargetKind {
            TargetKind::Alertmanager(AlertmanagerOptions {
                url: self.url.clone(),
                bearer_token: self.bearer_token.secret(),
                ca: self.ca.clone(),
                ends_after: self.ends_after.get(),
            })
        }
    }

    impl AmqpSection {
        fn kind(&self) -> TargetKind {
            TargetKind::Amqp(AmqpOptions {
                host: self.host.clone(),
                port: self.port,
                tls: self.tls,
                ca: self.ca.clone(),
                user: self.user.clone(),
                password: self.password.secret(),
                vhost: self.vhost.clone(),
                exchange: self.exchange.clone(),
                routing_key: self.routing_key.clone(),
            })
        }
    }

    impl CommandSection {
        fn kind(&self) -> TargetKind {
            TargetKind::Command(CommandOptions {
                program: self.program.clone(),
                arguments: self.arguments.clone(),
                environment: self
                    .environment
                    .iter()
                    .map(|(name, value)| (name.clone(), value.secret()))
                    .collect(),
            })
        }
    }
}
