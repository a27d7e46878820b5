//! AMQP 0-9-1 (RabbitMQ): the message as JSON to an exchange, and done when the broker has confirmed it.
//!
//! A connection for each message: log in, a channel, `confirm.select`, one persistent message with
//! `mandatory`, its `basic.ack`. So much of the protocol (the nine methods that this takes) is written here,
//! because a client for all of it brings two more runtimes and a resolver of its own, past the check of
//! addresses. What is spoken is in [`frame`], where bytes of the broker are read.

pub(super) mod frame;
mod link;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::guard::NetworkRules;
use super::{Secret, SendError, Target};
use crate::alert::notify::message::Message;
use crate::alert::notify::options::NotifyOptions;
use crate::alert::notify::render::Rendered;
use frame::{Args, Frame, Method, content_header};
use link::{Link, Tls};

/// A broker's exchange.
#[derive(Clone, Debug)]
pub struct AmqpOptions {
    /// The broker.
    pub host: String,
    /// Its port; 5671 with TLS, 5672 without, if 0.
    pub port: u16,
    /// Whether the connection is protected.
    pub tls: bool,
    /// A PEM file of authorities that are trusted in place of the public ones.
    pub ca: Option<PathBuf>,
    /// Who logs in.
    pub user: String,
    /// By what.
    pub password: Secret,
    /// The virtual host.
    pub vhost: String,
    /// The exchange; the default one if empty.
    pub exchange: String,
    /// The routing key; of the default exchange the queue's name.
    pub routing_key: String,
}

/// What AMQP calls a short string.
const SHORT_BYTES_MAX: usize = 255;
/// Frames that a broker may send before it has confirmed.
const FRAMES_MAX: usize = 10_000;
const CHANNEL: u16 = 1;

impl AmqpOptions {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.host.is_empty() {
            return Err("host is empty: name the broker".to_owned());
        }
        if self.exchange.is_empty() && self.routing_key.is_empty() {
            return Err(
                "exchange and routing_key are both empty: name an exchange, or as the routing key a queue".to_owned(),
            );
        }
        for (key, text) in [
            ("vhost", &self.vhost),
            ("exchange", &self.exchange),
            ("routing_key", &self.routing_key),
        ] {
            if text.len() > SHORT_BYTES_MAX {
                return Err(format!("{key} has more than {SHORT_BYTES_MAX} bytes"));
            }
        }
        Ok(())
    }

    fn port(&self) -> u16 {
        match (self.port, self.tls) {
            (0, true) => 5671,
            (0, false) => 5672,
            (port, _) => port,
        }
    }
}

#[derive(Debug)]
pub(super) struct Amqp {
    options: AmqpOptions,
    network: NetworkRules,
    timeout: Duration,
    tls: Option<Tls>,
}

impl Amqp {
    pub(super) fn new(options: &AmqpOptions, timeout: Duration, all: &NotifyOptions) -> Result<Self, String> {
        Ok(Self {
            tls: options
                .tls
                .then(|| Tls::new(&options.host, options.ca.as_deref()))
                .transpose()?,
            options: options.clone(),
            network: all.network.clone(),
            timeout,
        })
    }
}

impl Target for Amqp {
    fn send(&self, message: &Message, rendered: &Rendered) -> Result<String, SendError> {
        let until = Instant::now() + self.timeout;
        let addresses = self
            .network
            .resolve(&self.options.host, self.options.port())
            .map_err(SendError::again)?;
        let mut failed = "no address".to_owned();
        for address in addresses {
            let link = match Link::connect(address, self.tls.as_ref(), until) {
                Ok(link) => link,
                Err(error) => {
                    failed = format!("{address}: {error}");
                    continue;
                }
            };
            let body = rendered.json();
            let told = |why: String| SendError::again(self.options.password.struck_from(&why));
            return Session {
                link,
                options: &self.options,
            }
            .publish(&message.key, body.as_bytes())
            .map_err(told);
        }
        Err(SendError::again(failed))
    }
}

struct Session<'a> {
    link: Link,
    options: &'a AmqpOptions,
}

impl Session<'_> {
    /// Everything from the first byte to the broker's confirmation.
    fn publish(mut self, key: &str, body: &[u8]) -> Result<String, String> {
        self.log_in()?;
        self.link.send_method(CHANNEL, Method::CHANNEL_OPEN, |w| w.short(""))?;
        self.expect(Method::CHANNEL_OPEN_OK)?;
        self.link.send_method(CHANNEL, Method::CONFIRM_SELECT, |w| w.octet(0))?;
        self.expect(Method::CONFIRM_SELECT_OK)?;
        const MANDATORY: u8 = 1;
        let (exchange, routing_key) = (self.options.exchange.clone(), self.options.routing_key.clone());
        self.link.send_method(CHANNEL, Method::BASIC_PUBLISH, |w| {
            w.number(0_u16.to_be_bytes());
            w.short(&exchange);
            w.short(&routing_key);
            w.octet(MANDATORY);
        })?;
        self.link
            .send(&Frame::header(CHANNEL, content_header(key, body.len())))?;
        let part = self.link.body_bytes_max();
        for chunk in body.chunks(part) {
            self.link.send(&Frame::body(CHANNEL, chunk.to_vec()))?;
        }
        self.link.flush()?;
        let confirmed = self.confirmation();
        // A polite end; the message is confirmed or not, whatever comes of it.
        self.link
            .send_method(0, Method::CONNECTION_CLOSE, |w| {
                w.number(200_u16.to_be_bytes());
                w.short("done");
                w.number([0; 4]);
            })
            .and_then(|()| self.link.flush())
            .ok();
        confirmed
    }

    fn log_in(&mut self) -> Result<(), String> {
        self.link.send_bytes(b"AMQP\x00\x00\x09\x01")?;
        self.expect(Method::CONNECTION_START)?;
        let login = format!("\0{}\0{}", self.options.user, self.options.password.reveal());
        self.link.send_method(0, Method::CONNECTION_START_OK, |w| {
            // So that a login that is refused is answered.
            w.table(|w| {
                w.short("capabilities");
                w.octet(b'F');
                w.table(|w| {
                    w.short("authentication_failure_close");
                    w.octet(b't');
                    w.octet(1);
                });
                w.short("product");
                w.octet(b'S');
                w.long("timberline");
            });
            w.short("PLAIN");
            w.long(&login);
            w.short("en_US");
        })?;
        let mut tune = self.expect(Method::CONNECTION_TUNE)?;
        let channels = tune.u16()?;
        let frame_bytes = self.link.agree_on(tune.u32()?);
        self.link.send_method(0, Method::CONNECTION_TUNE_OK, |w| {
            w.number(channels.to_be_bytes());
            w.number(frame_bytes.to_be_bytes());
            // No heartbeats: the connection is shorter than one.
            w.number(0_u16.to_be_bytes());
        })?;
        let vhost = self.options.vhost.clone();
        self.link.send_method(0, Method::CONNECTION_OPEN, |w| {
            w.short(&vhost);
            w.short("");
            w.octet(0);
        })?;
        self.expect(Method::CONNECTION_OPEN_OK).map(drop)
    }

    /// The next method, which must be this one.
    fn expect(&mut self, wanted: Method) -> Result<Args, String> {
        self.link.flush()?;
        let (method, mut args) = self.next_method()?;
        if method == wanted {
            return Ok(args);
        }
        Err(refusal(method, &mut args))
    }

    fn next_method(&mut self) -> Result<(Method, Args), String> {
        for _ in 0..FRAMES_MAX {
            if let Some(method) = self.link.receive()?.method()? {
                return Ok(method);
            }
        }
        Err("the broker sends no end of frames".to_owned())
    }

    fn confirmation(&mut self) -> Result<String, String> {
        let mut returned = None;
        loop {
            let (method, mut args) = self.next_method()?;
            match method {
                Method::BASIC_ACK => return returned.map_or(Ok("confirmed".to_owned()), Err),
                Method::BASIC_NACK => return Err("the broker did not take the message (basic.nack)".to_owned()),
                Method::BASIC_RETURN => {
                    let (code, text) = (args.u16()?, args.short()?);
                    returned = Some(format!("{code} {text}: no queue is bound for this routing key"));
                }
                method => return Err(refusal(method, &mut args)),
            }
        }
    }
}

/// What a broker says in place of what was expected.
fn refusal(method: Method, args: &mut Args) -> String {
    match method {
        Method::CHANNEL_CLOSE | Method::CONNECTION_CLOSE => match (args.u16(), args.short()) {
            (Ok(code), Ok(text)) => format!("the broker closed: {code} {text}"),
            _ => "the broker closed".to_owned(),
        },
        other => format!("the broker said {other:?}, which was not its turn"),
    }
}
