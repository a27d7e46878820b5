//! E-mail: SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS (RFC 8314), as text and as HTML.
//!
//! The mail server's name is resolved and checked here, and the address that was checked is connected to;
//! its certificate must still be that of the name. Messages about one group are one thread.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{SmtpTransport, Transport};

use super::guard::NetworkRules;
use super::{Secret, SendError, Target};
use crate::alert::notify::message::Message;
use crate::alert::notify::options::NotifyOptions;
use crate::alert::notify::render::Rendered;

/// Receivers of one message.
const RECEIVERS_MAX: usize = 100;

/// By mail.
#[derive(Clone, Debug)]
pub struct EmailOptions {
    /// The mail server.
    pub host: String,
    /// Its port; 587 with STARTTLS, 465 with TLS, 25 without, if 0.
    pub port: u16,
    /// How the connection is protected.
    pub tls: EmailTls,
    /// A PEM file of authorities that are trusted in place of the public ones.
    pub ca: Option<PathBuf>,
    /// For the mail server; none if empty.
    pub user: String,
    /// For the mail server.
    pub password: Secret,
    /// From whom: `Timberline <alerts@example.org>`.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailTls {
    /// It begins in the clear and is protected before anything is said; without that nothing is sent.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all.
    None,
}

impl EmailOptions {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.host.is_empty() {
            return Err("host is empty: name the mail server".to_owned());
        }
        if self.to.is_empty() || self.to.len() > RECEIVERS_MAX {
            return Err(format!("to has {} addresses, not 1 to {RECEIVERS_MAX}", self.to.len()));
        }
        if self.tls == EmailTls::None && !self.user.is_empty() {
            return Err("tls = \"none\" would send the password in the clear: leave user and password out".to_owned());
        }
        mailbox(&self.from)?;
        self.to.iter().try_for_each(|to| mailbox(to).map(drop))
    }

    fn port(&self) -> u16 {
        match (self.port, self.tls) {
            (0, EmailTls::Starttls) => 587,
            (0, EmailTls::Tls) => 465,
            (0, EmailTls::None) => 25,
            (port, _) => port,
        }
    }
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|error| format!("{text:?} is no mail address: {error}"))
}

#[derive(Debug)]
pub(super) struct Email {
    options: EmailOptions,
    network: NetworkRules,
    timeout: Duration,
    tls: TlsChoice,
    /// Behind the @ of message ids, and what the server is greeted with.
    domain: String,
    from: Mailbox,
    to: Vec<Mailbox>,
}

#[derive(Clone)]
enum TlsChoice {
    None,
    Starttls(TlsParameters),
    Whole(TlsParameters),
}

impl std::fmt::Debug for TlsChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Starttls(_) => "Starttls",
            Self::Whole(_) => "Whole",
        })
    }
}

impl Email {
    pub(super) fn new(options: &EmailOptions, timeout: Duration, all: &NotifyOptions) -> Result<Self, String> {
        Ok(Self {
            tls: tls(options)?,
            from: mailbox(&options.from)?,
            to: options.to.iter().map(|to| mailbox(to)).collect::<Result<_, _>>()?,
            domain: domain(&all.host),
            options: options.clone(),
            network: all.network.clone(),
            timeout,
        })
    }

    fn mail(&self, message: &Message, rendered: &Rendered) -> Result<lettre::Message, String> {
        let thread = format!("<{}@{}>", message.group_key, self.domain);
        let raw = |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(rendered.subject.clone())
            .message_id(Some(format!("<{}@{}>", message.key, self.domain)))
            .in_reply_to(thread.clone())
            .references(thread)
            // RFC 3834: no out-of-office answers.
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Timberline-Key", &message.key));
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        let parts = MultiPart::alternative_plain_html(rendered.text.clone(), rendered.html.clone());
        builder.multipart(parts).map_err(|error| error.to_string())
    }
}

impl Target for Email {
    fn send(&self, message: &Message, rendered: &Rendered) -> Result<String, SendError> {
        let mail = self.mail(message, rendered).map_err(SendError::Refused)?;
        let addresses = self
            .network
            .resolve(&self.options.host, self.options.port())
            .map_err(SendError::again)?;
        let mut failed = SendError::again("no address");
        for address in addresses {
            let mut transport = SmtpTransport::builder_dangerous(address.ip().to_string())
                .port(address.port())
                .timeout(Some(self.timeout))
                .hello_name(ClientId::Domain(self.domain.clone()))
                .tls(match &self.tls {
                    TlsChoice::None => Tls::None,
                    TlsChoice::Starttls(parameters) => Tls::Required(parameters.clone()),
                    TlsChoice::Whole(parameters) => Tls::Wrapper(parameters.clone()),
                });
            if !self.options.user.is_empty() {
                let password = self.options.password.reveal().to_owned();
                transport = transport.credentials(Credentials::new(self.options.user.clone(), password));
            }
            match transport.build().send(&mail) {
                Ok(response) => return Ok(answer(&response)),
                // A server that has answered speaks for all its addresses.
                Err(error) if error.is_permanent() => return Err(self.refused(&error)),
                Err(error) if error.is_transient() => return Err(SendError::again(self.told(&error))),
                Err(error) => failed = SendError::again(self.told(&error)),
            }
        }
        Err(failed)
    }
}

impl Email {
    /// A login that is refused may be let in again; a mail that is refused will not be taken.
    fn refused(&self, error: &lettre::transport::smtp::Error) -> SendError {
        let text = self.told(error);
        let code = error.status().map(|code| code.to_string()).unwrap_or_default();
        match matches!(code.as_str(), "530" | "534" | "535" | "538") {
            true => SendError::again(text),
            false => SendError::Refused(text),
        }
    }

    fn told(&self, error: &lettre::transport::smtp::Error) -> String {
        use std::error::Error;
        let mut text = error.to_string();
        if let Some(source) = error.source()
            && !text.contains(&source.to_string())
        {
            text = format!("{text}: {source}");
        }
        self.options.password.struck_from(&text)
    }
}

fn answer(response: &lettre::transport::smtp::response::Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    format!("{}: {}", response.code(), lines.join(" "))
}

fn tls(options: &EmailOptions) -> Result<TlsChoice, String> {
    if options.tls == EmailTls::None {
        return Ok(TlsChoice::None);
    }
    let mut builder = TlsParameters::builder(options.host.clone());
    match &options.ca {
        None => builder = builder.certificate_store(CertificateStore::WebpkiRoots),
        Some(file) => {
            let place = |error: String| format!("ca = {:?}: {error}", file.display().to_string());
            let pem = std::fs::read(file).map_err(|error| place(error.to_string()))?;
            let certificate = Certificate::from_pem(&pem).map_err(|error| place(error.to_string()))?;
            builder = builder
                .certificate_store(CertificateStore::None)
                .add_root_certificate(certificate);
        }
    }
    let parameters = builder.build().map_err(|error| error.to_string())?;
    Ok(match options.tls {
        EmailTls::Tls => TlsChoice::Whole(parameters),
        _ => TlsChoice::Starttls(parameters),
    })
}

/// A machine's name as it may stand in headers.
fn domain(host: &str) -> String {
    let plain: String = host
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || ".-".contains(*c))
        .collect();
    if plain.is_empty() {
        "timberline.invalid".to_owned()
    } else {
        plain
    }
}
