//! A mail server for tests: as much of RFC 5321, 3207 and 4954 as a client needs to be told the truth.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a server does besides taking mail.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manners {
    pub(super) starttls: bool,
    pub(super) tls: bool,
    pub(super) auth: bool,
    /// Answers RCPT with this.
    pub(super) rcpt: Option<&'static str>,
}

/// A mail that was taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Mail {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) data: String,
    pub(super) encrypted: bool,
    pub(super) login: Option<String>,
}

pub(super) struct SmtpServer {
    pub(super) port: u16,
    /// PEM of the authority that its certificate is of.
    pub(super) ca: PathBuf,
    mails: Arc<Mutex<Vec<Mail>>>,
    _dir: tempfile::TempDir,
}

impl SmtpServer {
    /// Its certificate is for `name`.
    pub(super) fn start(manners: Manners, name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let chain = vec![CertificateDer::from(cert.der().to_vec())];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
        let mails = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&mails);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, taken) = (Arc::clone(&config), Arc::clone(&taken));
                // A client that leaves ends its session.
                std::thread::spawn(move || serve(stream, manners, &config, &taken).ok());
            }
        });
        Self {
            port,
            ca,
            mails,
            _dir: dir,
        }
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

fn encrypted(stream: TcpStream, config: &Arc<ServerConfig>) -> Box<dyn Stream> {
    Box::new(StreamOwned::new(
        ServerConnection::new(Arc::clone(config)).unwrap(),
        stream,
    ))
}

fn serve(
    stream: TcpStream,
    manners: Manners,
    config: &Arc<ServerConfig>,
    taken: &Mutex<Vec<Mail>>,
) -> std::io::Result<()> {
    let raw = stream.try_clone()?;
    let first: Box<dyn Stream> = if manners.tls {
        encrypted(stream, config)
    } else {
        Box::new(stream)
    };
    let mut stream = BufReader::new(first);
    let mut mail = Mail {
        encrypted: manners.tls,
        ..Mail::default()
    };
    say(&mut stream, "220 mx.example.org ready")?;
    loop {
        let line = line(&mut stream)?;
        let upper = line.to_uppercase();
        match upper.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => {
                let mut words = vec!["mx.example.org", "8BITMIME", "SMTPUTF8"];
                words.extend((manners.starttls && !mail.encrypted).then_some("STARTTLS"));
                words.extend(manners.auth.then_some("AUTH PLAIN"));
                let last = words.len() - 1;
                for (n, word) in words.iter().enumerate() {
                    say(&mut stream, &format!("250{}{word}", if n == last { ' ' } else { '-' }))?;
                }
            }
            "STARTTLS" => {
                say(&mut stream, "220 go on")?;
                stream = BufReader::new(encrypted(raw.try_clone()?, config));
                mail.encrypted = true;
            }
            "AUTH" => {
                mail.login = line.split(' ').nth(2).map(str::to_owned);
                let answer = match mail.login.as_deref() {
                    Some("AGFubgBzZXNhbWU=") => "235 welcome",
                    _ => "535 the credentials are wrong",
                };
                say(&mut stream, answer)?;
            }
            "MAIL" => {
                mail.from = line;
                say(&mut stream, "250 ok")?;
            }
            "RCPT" => {
                mail.to.push(line);
                say(&mut stream, manners.rcpt.unwrap_or("250 ok"))?;
            }
            "DATA" => {
                say(&mut stream, "354 go on")?;
                mail.data = data(&mut stream)?;
                taken.lock().unwrap().push(mail.clone());
                say(&mut stream, "250 queued as 42")?;
            }
            "QUIT" => return say(&mut stream, "221 bye"),
            _ => say(&mut stream, "250 ok")?,
        }
    }
}

fn say(stream: &mut BufReader<Box<dyn Stream>>, line: &str) -> std::io::Result<()> {
    let stream = stream.get_mut();
    stream.write_all(format!("{line}\r\n").as_bytes())?;
    stream.flush()
}

fn line(stream: &mut BufReader<Box<dyn Stream>>) -> std::io::Result<String> {
    let mut line = String::new();
    match stream.read_line(&mut line)? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end().to_owned()),
    }
}

/// Up to the full stop on a line of its own; doubled ones are one (RFC 5321, 4.5.2).
fn data(stream: &mut BufReader<Box<dyn Stream>>) -> std::io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.as_str() {
            ".\r\n" => return Ok(data),
            line => data.push_str(line.strip_prefix('.').unwrap_or(line)),
        }
    }
}
