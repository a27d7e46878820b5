//! GELF 1.1 (Graylog Extended Log Format): a JSON object with `version`, `host`, `short_message`,
//! perhaps `full_message`, `timestamp` (seconds), `level` (syslog's), and `_fields`.
//!
//! The object is the record's line, so all its members are fields as those of any JSON line are.

mod chunks;
mod unpack;

pub use chunks::{CHUNK_MAGIC, CHUNKS_MAX, Chunk, ChunkLimits, ChunkRefused, Chunks};
pub use unpack::{UnpackError, unpack};

use serde::Deserialize;
use serde_json::Value;

use super::{SEVERITIES, SEVERITY, Said, text};
use crate::line::{TimeHints, TimeReader};

/// No time is further from 1970 than what nanoseconds hold.
const SECONDS_MAX: f64 = 9.2e9;

/// What is read of a message besides the fields of its line.
#[derive(Deserialize)]
struct Message {
    host: Option<Value>,
    timestamp: Option<f64>,
    level: Option<Value>,
    facility: Option<Value>,
    #[serde(rename = "_service.name")]
    service_name: Option<Value>,
    #[serde(rename = "_service")]
    service: Option<Value>,
    #[serde(rename = "_application_name")]
    application_name: Option<Value>,
    #[serde(rename = "_app")]
    app: Option<Value>,
    #[serde(rename = "_container_name")]
    container_name: Option<Value>,
}

/// Reads an unpacked message. Its program is `_service.name`, `_service`, `_application_name`, `_app`,
/// `_container_name` or `facility`, the first that is there.
pub fn gelf(message: &[u8], times: &mut TimeReader, hints: &TimeHints) -> Said {
    let mut said = Said::default();
    let Ok(read) = serde_json::from_slice::<Message>(message) else {
        return said.failed("gelf");
    };
    said.host = read.host.and_then(name);
    let services = [
        read.service_name,
        read.service,
        read.application_name,
        read.app,
        read.container_name,
        read.facility,
    ];
    said.service = services.into_iter().flatten().find_map(name);
    // The reader takes the digits as they stand, for which a float has no room.
    let digits = times.find(message, hints).map(|found| found.nanos);
    let float = read
        .timestamp
        .filter(|seconds| seconds.is_finite() && seconds.abs() < SECONDS_MAX);
    said.time_nanos = float.map(|seconds| match digits {
        Some(nanos) if (nanos as f64 / 1e9 - seconds).abs() < 1e-3 => nanos,
        _ => (seconds * 1e9) as i64,
    });
    let level = match &read.level {
        Some(Value::Number(level)) => level.as_u64(),
        Some(Value::String(level)) => level.parse().ok(),
        _ => None,
    };
    if let Some(name) = level.and_then(|level| SEVERITIES.get(usize::try_from(level).ok()?)) {
        said.put(SEVERITY, text(name));
    }
    said
}

fn name(value: Value) -> Option<String> {
    match value {
        Value::String(name) if !name.is_empty() => Some(name),
        _ => None,
    }
}
