//! Checkpoints in a second place, where who can write to the store's machine cannot change them.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::time::Duration;

use super::checkpoints::files_of;
use super::options::{CopyTo, SyslogCopy};

/// Connecting, writing and answering, each.
const TIMEOUT: Duration = Duration::from_secs(10);
/// So much of what both have is compared before a file is continued.
const COMPARED_BYTES: u64 = 64 << 10;
/// Facility 13 (log audit), severity 5 (notice): RFC 5424, 6.2.1.
const PRIORITY: u8 = 13 * 8 + 5;

/// Brings a place up to date: a directory gets everything that it does not have, others the newest
/// note.
pub(super) fn copy(to: &CopyTo, from: &Path, note: &str, host: &str, time: &str) -> io::Result<()> {
    match to {
        CopyTo::Directory(dir) => directory(dir, from),
        CopyTo::Syslog(server) => syslog(server, note, host, time),
        CopyTo::Webhook(url) => webhook(url, note),
    }
}

fn directory(to: &Path, from: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let files = files_of(from)?;
    let names: Vec<_> = files.iter().filter_map(|path| path.file_name()).collect();
    for beyond in files_of(to)? {
        if beyond.file_name().is_none_or(|name| !names.contains(&name)) {
            return Err(other_history(&beyond));
        }
    }
    for path in &files {
        let Some(name) = path.file_name() else { continue };
        continue_file(&to.join(name), path)?;
    }
    File::open(to)?.sync_all()
}

/// Appends to a copy what the file has beyond it.
fn continue_file(copy: &Path, file: &Path) -> io::Result<()> {
    let mut file = File::open(file)?;
    let mut to = File::options().read(true).append(true).create(true).open(copy)?;
    let (bytes, held) = (file.metadata()?.len(), to.metadata()?.len());
    let compared = held.min(COMPARED_BYTES);
    if held > bytes || tail(&mut file, held, compared)? != tail(&mut to, held, compared)? {
        return Err(other_history(copy));
    }
    if held == bytes {
        return Ok(());
    }
    file.seek(SeekFrom::Start(held))?;
    io::copy(&mut file, &mut to)?;
    to.sync_all()
}

/// The last bytes before a place.
fn tail(file: &mut File, end: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut tail = vec![0; bytes as usize];
    file.seek(SeekFrom::Start(end - bytes))?;
    file.read_exact(&mut tail)?;
    Ok(tail)
}

fn other_history(copy: &Path) -> io::Error {
    io::Error::other(format!(
        "{} is not the beginning of this store's checkpoints: the store was rolled back or changed, or the place is another store's; keep both and run `timberline verify store --checkpoints` with them",
        copy.display()
    ))
}

/// RFC 5424; line ends of the note are written `\n`.
fn syslog(server: &SyslogCopy, note: &str, host: &str, time: &str) -> io::Result<()> {
    let text = note.trim_end().replace('\n', "\\n");
    let message = format!("<{PRIORITY}>1 {time} {host} timberline - checkpoint - {text}");
    let addresses = server.address.to_socket_addrs()?;
    let mut last = io::Error::other(format!("{} has no address", server.address));
    for address in addresses {
        let sent = if server.tcp {
            let framed = format!("{} {message}", message.len());
            TcpStream::connect_timeout(&address, TIMEOUT).and_then(|mut stream| {
                stream.set_write_timeout(Some(TIMEOUT))?;
                stream.write_all(framed.as_bytes())
            })
        } else {
            let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            UdpSocket::bind(any).and_then(|socket| socket.send_to(message.as_bytes(), address).map(drop))
        };
        match sent {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(feature = "read")]
fn webhook(url: &str, note: &str) -> io::Result<()> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .build()
        .into();
    let request = agent.post(url).header("content-type", "text/plain; charset=utf-8");
    request.send(note).map(drop).map_err(io::Error::other)
}

#[cfg(not(feature = "read"))]
fn webhook(_: &str, _: &str) -> io::Result<()> {
    Err(io::Error::other("this program was built without webhooks"))
}
