//! As much of HTTP/1.1 as timing needs: one connection, kept, and little work of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

pub(crate) struct Http {
    host: String,
    connection: BufReader<TcpStream>,
}

impl Http {
    /// Connects to `http://host:port`.
    pub(crate) fn connect(page: &str) -> Self {
        let host = page.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        let connection = TcpStream::connect(&host).unwrap();
        connection.set_nodelay(true).unwrap();
        let connection = BufReader::with_capacity(64 << 10, connection);
        Self { host, connection }
    }

    /// The answer's body; anything but success ends the benchmark.
    pub(crate) fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            self.host,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.connection.get_mut().write_all(&request).unwrap();
        let status = self.line();
        let (mut length, mut is_chunked) = (0, false);
        loop {
            let header = self.line().to_ascii_lowercase();
            match header.split_once(": ") {
                Some(("content-length", number)) => length = number.parse().unwrap(),
                Some(("transfer-encoding", how)) => is_chunked = how.contains("chunked"),
                Some(_) => {}
                None => break,
            }
        }
        let mut answer = Vec::new();
        if is_chunked {
            while self.chunk(&mut answer) {}
        } else {
            self.take(length, &mut answer);
        }
        let text = String::from_utf8_lossy(&answer);
        assert!(
            status.contains(" 200 "),
            "{}: {status}: {text}",
            String::from_utf8_lossy(body)
        );
        answer
    }

    fn chunk(&mut self, answer: &mut Vec<u8>) -> bool {
        let line = self.line();
        let length = u64::from_str_radix(line.split(';').next().unwrap(), 16).unwrap();
        self.take(length, answer);
        self.line();
        length > 0
    }

    fn take(&mut self, length: u64, answer: &mut Vec<u8>) {
        let taken = self.connection.by_ref().take(length).read_to_end(answer).unwrap();
        assert_eq!(taken as u64, length, "the answer ends early");
    }

    /// The next line, without its end.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
