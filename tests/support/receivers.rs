//! Who gets notifications in tests: a webhook's receiver and a mail server, each of as much as its protocol needs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A request that came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Request line and headers.
    pub head: String,
    /// The body, if it is JSON.
    pub body: Value,
    /// As it came.
    pub bytes: Vec<u8>,
}

impl Request {
    /// A header's value.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("no {name} in {}", self.head)).1
    }
}

/// Receives webhooks.
pub struct Webhook {
    port: u16,
    got: Arc<Mutex<Vec<Request>>>,
    answer: Arc<Mutex<&'static str>>,
}

impl Webhook {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (got, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new("200 OK")));
        let (taken, said) = (Arc::clone(&got), Arc::clone(&answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (taken, said) = (Arc::clone(&taken), Arc::clone(&said));
                std::thread::spawn(move || serve_http(stream, &taken, &said));
            }
        });
        Self { port, got, answer }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// What came so far.
    pub fn got(&self) -> Vec<Request> {
        self.got.lock().unwrap().clone()
    }

    /// The status from now on; without one it says nothing and holds the connection.
    pub fn answers(&self, status: &'static str) {
        *self.answer.lock().unwrap() = status;
    }
}

fn serve_http(stream: TcpStream, taken: &Mutex<Vec<Request>>, said: &Mutex<&'static str>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut bytes = vec![0; length.unwrap_or(0)];
    if reader.read_exact(&mut bytes).is_err() {
        return;
    }
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    taken.lock().unwrap().push(Request { head, body, bytes });
    let status = *said.lock().unwrap();
    if status.is_empty() {
        std::thread::sleep(super::DEADLINE);
        return;
    }
    // Whoever has left needs no answer.
    write!(
        reader.get_mut(),
        "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    .ok();
}

/// Takes mail, without TLS.
pub struct MailServer {
    /// On this machine.
    pub port: u16,
    mails: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&mails);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = Arc::clone(&taken);
                std::thread::spawn(move || serve_smtp(stream, &taken).ok());
            }
        });
        Self { port, mails }
    }

    /// What came so far, with soft line ends (RFC 2045, 6.7) taken out.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

fn serve_smtp(stream: TcpStream, taken: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let say =
        |stream: &mut BufReader<TcpStream>, line: &str| stream.get_mut().write_all(format!("{line}\r\n").as_bytes());
    say(&mut stream, "220 ready")?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end().to_uppercase().as_str() {
            "DATA" => {
                say(&mut stream, "354 go on")?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut mail)? == 0 {
                        return Ok(());
                    }
                }
                taken.lock().unwrap().push(mail.replace("=\r\n", ""));
                say(&mut stream, "250 queued")?;
            }
            "QUIT" => return say(&mut stream, "221 bye"),
            _ => say(&mut stream, "250 ok")?,
        }
    }
}
