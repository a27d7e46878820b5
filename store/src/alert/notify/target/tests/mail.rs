//! Mail to a server on this machine.

use super::smtp_server::{Mail, Manners, SmtpServer};
use super::*;
use crate::alert::notify::render::tests::{NASTY, message, rendered};

fn options(server: &SmtpServer, host: &str, tls: EmailTls) -> EmailOptions {
    EmailOptions {
        host: host.to_owned(),
        port: server.port,
        tls,
        ca: (tls != EmailTls::None).then(|| server.ca.clone()),
        user: String::new(),
        password: Secret::default(),
        from: "Timberline <alerts@example.org>".to_owned(),
        to: vec!["ops@example.org".to_owned(), "Ann <ann@example.org>".to_owned()],
    }
}

fn send(options: EmailOptions, text: &str) -> Result<String, SendError> {
    let message = message(text);
    ready(TargetKind::Email(options), &local()).send(&message, &rendered(&message))
}

/// Lines of the head; folded ones joined.
fn head(mail: &Mail) -> Vec<String> {
    let (head, _) = mail.data.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ").lines().map(str::to_owned).collect()
}

#[test]
fn a_mail_has_two_parts_a_key_and_a_thread() {
    let server = SmtpServer::start(Manners::default(), "localhost");
    let answer = send(options(&server, "127.0.0.1", EmailTls::None), "db 1").unwrap();
    assert_eq!(answer, "250: queued as 42");
    let mail = server.mails().remove(0);
    assert_eq!(
        (mail.from.as_str(), mail.to.len()),
        ("MAIL FROM:<alerts@example.org>", 2)
    );
    let head = head(&mail);
    let message = message("db 1");
    for line in [
        format!("Message-ID: <{}@store.example.org>", message.key),
        format!("In-Reply-To: <{}@store.example.org>", message.group_key),
        format!("X-Timberline-Key: {}", message.key),
        "Auto-Submitted: auto-generated".to_owned(),
        "Subject: [FIRING] Disk full (host=db 1): 153 (> 100)".to_owned(),
    ] {
        assert!(head.contains(&line), "{line}: {head:#?}");
    }
    assert!(
        mail.data.contains("text/plain")
            && mail.data.contains("text/html")
            && mail.data.contains("multipart/alternative")
    );
}

#[test]
fn starttls_and_tls_are_for_the_name_that_was_configured() {
    for (manners, tls) in [
        (
            Manners {
                starttls: true,
                ..Manners::default()
            },
            EmailTls::Starttls,
        ),
        (
            Manners {
                tls: true,
                ..Manners::default()
            },
            EmailTls::Tls,
        ),
    ] {
        let server = SmtpServer::start(manners, "localhost");
        send(options(&server, "localhost", tls), "db").unwrap();
        assert!(server.mails()[0].encrypted);
        let other = SmtpServer::start(manners, "mx.example.org");
        let error = send(options(&other, "localhost", tls), "db").unwrap_err();
        assert!(
            matches!(error, SendError::Again(..)) && other.mails().is_empty(),
            "{error:?}"
        );
        let mut unknown = options(&server, "localhost", tls);
        unknown.ca = Some(other.ca.clone());
        assert!(send(unknown, "db").is_err());
        assert_eq!(server.mails().len(), 1);
    }
}

#[test]
fn nothing_is_said_in_the_clear_where_protection_is_asked_for() {
    let server = SmtpServer::start(
        Manners {
            auth: true,
            ..Manners::default()
        },
        "localhost",
    );
    let mut asks = options(&server, "localhost", EmailTls::Starttls);
    asks.user = "ann".to_owned();
    asks.password = Secret::new("sesame");
    assert!(matches!(send(asks, "db"), Err(SendError::Again(..))));
    assert!(server.mails().is_empty());
    let mut clear = options(&server, "localhost", EmailTls::None);
    clear.user = "ann".to_owned();
    assert!(TargetKind::Email(clear).check().unwrap_err().contains("in the clear"));
}

#[test]
fn a_login_works_and_one_that_is_refused_is_tried_again() {
    let server = SmtpServer::start(
        Manners {
            starttls: true,
            auth: true,
            ..Manners::default()
        },
        "localhost",
    );
    let mut with = options(&server, "localhost", EmailTls::Starttls);
    with.user = "ann".to_owned();
    with.password = Secret::new("sesame");
    send(with.clone(), "db").unwrap();
    assert!(server.mails()[0].login.is_some());
    with.password = Secret::new("wrong-canary");
    let error = send(with, "db").unwrap_err();
    assert!(
        matches!(&error, SendError::Again(why, _) if why.contains("535") || why.contains("credentials")),
        "{error:?}"
    );
    assert!(!error.why().contains("canary"));
}

#[test]
fn what_a_server_refuses_is_not_sent_again_and_what_it_puts_off_is() {
    let refuses = SmtpServer::start(
        Manners {
            rcpt: Some("550 no such user"),
            ..Manners::default()
        },
        "localhost",
    );
    let error = send(options(&refuses, "127.0.0.1", EmailTls::None), "db").unwrap_err();
    assert!(
        matches!(&error, SendError::Refused(why) if why.contains("no such user")),
        "{error:?}"
    );
    let later = SmtpServer::start(
        Manners {
            rcpt: Some("451 come again"),
            ..Manners::default()
        },
        "localhost",
    );
    assert!(matches!(
        send(options(&later, "127.0.0.1", EmailTls::None), "db"),
        Err(SendError::Again(..))
    ));
}

#[test]
fn no_line_of_a_log_becomes_a_header_or_a_receiver() {
    let server = SmtpServer::start(Manners::default(), "localhost");
    send(options(&server, "127.0.0.1", EmailTls::None), NASTY).unwrap();
    let mail = server.mails().remove(0);
    assert_eq!(mail.to.len(), 2);
    let names: Vec<String> = head(&mail)
        .iter()
        .map(|line| line.split(':').next().unwrap().to_owned())
        .collect();
    assert!(!names.iter().any(|name| name == "Bcc"), "{names:?}");
    let dots = SmtpServer::start(Manners::default(), "localhost");
    send(
        options(&dots, "127.0.0.1", EmailTls::None),
        "a\r\n.\r\nMAIL FROM:<x@y>\r\n",
    )
    .unwrap();
    assert_eq!((dots.mails().len(), dots.mails()[0].to.len()), (1, 2));
}

#[test]
fn x10_a_mail_server_inside_needs_leave() {
    let server = SmtpServer::start(Manners::default(), "localhost");
    let mut strict = local();
    strict.network = NetworkRules::default();
    let message = message("db");
    let target = ready(
        TargetKind::Email(options(&server, "localhost", EmailTls::None)),
        &strict,
    );
    let error = target.send(&message, &rendered(&message)).unwrap_err();
    assert!(
        error.why().contains("alerts.allow_private") && server.mails().is_empty(),
        "{error:?}"
    );
}
