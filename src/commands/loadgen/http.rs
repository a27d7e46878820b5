//! To `POST /api/v1/ingest`: one record per line, so a stack trace is several.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Sink;
use super::plan::Plan;

/// A body of so many bytes is sent at once.
const BODY_BYTES: usize = 1 << 20;
/// Before a body that could not be sent is sent again.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Http {
    agent: ureq::Agent,
    streams: Vec<(String, Vec<u8>)>,
    stop: CancellationToken,
    repeated: u64,
}

impl Http {
    pub(super) fn new(url: &str, plan: &Plan, stop: CancellationToken) -> Self {
        let base = url.trim_end_matches('/');
        let address = |n: usize, service: &str| format!("{base}/api/v1/ingest?host=loadgen-{n}&service={service}");
        let streams = plan.streams.iter().enumerate();
        Self {
            agent: ureq::Agent::config_builder()
                .http_status_as_error(false)
                .build()
                .new_agent(),
            streams: streams
                .map(|(n, stream)| (address(n + 1, stream.service), Vec::new()))
                .collect(),
            stop,
            repeated: 0,
        }
    }

    /// Sends what has gathered of a stream, again and again while the collector takes nothing. Without an
    /// identity the collector cannot tell a repeated body from another: at least once.
    fn send(&mut self, stream: usize) -> anyhow::Result<()> {
        let (address, body) = &mut self.streams[stream];
        while !body.is_empty() {
            let request = self.agent.post(address.as_str()).header("content-type", "text/plain");
            match request.send(&body[..]) {
                Ok(response) if response.status().is_success() => body.clear(),
                Ok(mut response) if response.status().is_client_error() => {
                    let said = response.body_mut().read_to_string().unwrap_or_default();
                    anyhow::bail!("{address} refused the lines: {} {said}", response.status());
                }
                _ if self.stop.is_cancelled() => anyhow::bail!("{address} took nothing until it was stopped"),
                _ => {
                    self.repeated += 1;
                    std::thread::sleep(PAUSE);
                }
            }
        }
        Ok(())
    }
}

impl Sink for Http {
    fn push(&mut self, stream: usize, text: &str, _unix_ms: u64) -> anyhow::Result<()> {
        let body = &mut self.streams[stream].1;
        body.extend_from_slice(text.as_bytes());
        body.push(b'\n');
        if body.len() >= BODY_BYTES {
            self.send(stream)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        (0..self.streams.len()).try_for_each(|stream| self.send(stream))
    }

    fn did(&self) -> String {
        match self.repeated {
            0 => String::new(),
            n => format!("; {n} bodies sent again, perhaps stored twice"),
        }
    }
}
