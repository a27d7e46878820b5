//! JSON to any address, signed.
//!
//! Headers: `idempotency-key` and `timberline-timestamp` (seconds since the epoch, of this try), and with a
//! secret `timberline-signature: v1=HEX`, the HMAC-SHA256 over `TIMESTAMP.BODY`. How a receiver verifies it
//! stands in docs/notifications.md.

use std::path::PathBuf;

use ring::hmac;

use super::http::{HttpClient, Post};
use super::{Secret, SendError, Target, struck};
use crate::alert::notify::message::Message;
use crate::alert::notify::render::Rendered;

/// A webhook.
#[derive(Clone, Debug, Default)]
pub struct WebhookOptions {
    /// Where; a secret, for many carry one.
    pub url: Secret,
    /// Signs each request; none if empty.
    pub secret: Secret,
    /// Sent as `authorization: Bearer …`; none if empty.
    pub bearer_token: Secret,
    /// A PEM file of authorities that are trusted in place of the public ones.
    pub ca: Option<PathBuf>,
}

#[derive(Debug)]
pub(super) struct Webhook {
    options: WebhookOptions,
    http: HttpClient,
}

impl Webhook {
    pub(super) fn new(options: &WebhookOptions, http: HttpClient) -> Self {
        Self {
            options: options.clone(),
            http,
        }
    }
}

impl Target for Webhook {
    fn send(&self, message: &Message, rendered: &Rendered) -> Result<String, SendError> {
        let body = rendered.json().into_bytes();
        let timestamp = jiff::Timestamp::now().as_second().to_string();
        let mut headers = vec![
            ("idempotency-key", message.key.clone()),
            ("timberline-timestamp", timestamp.clone()),
        ];
        if !self.options.secret.reveal().is_empty() {
            let signed = signature(self.options.secret.reveal(), &timestamp, &body);
            headers.push(("timberline-signature", format!("v1={signed}")));
        }
        if !self.options.bearer_token.reveal().is_empty() {
            headers.push((
                "authorization",
                format!("Bearer {}", self.options.bearer_token.reveal()),
            ));
        }
        let sent = self.http.post(Post {
            url: self.options.url.reveal(),
            headers,
            body,
        });
        struck(
            sent,
            &[&self.options.url, &self.options.secret, &self.options.bearer_token],
        )
    }
}

/// HMAC-SHA256 (RFC 2104) over the timestamp, a full stop and the body, as hexadecimal digits.
pub fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body);
    context
        .sign()
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
