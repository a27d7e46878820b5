//! Records out of entries (systemd.journal-fields(7)).
//!
//! | field | becomes |
//! |---|---|
//! | `MESSAGE` | the line |
//! | `_SOURCE_REALTIME_TIMESTAMP`, else `__REALTIME_TIMESTAMP` | the time |
//! | `_HOSTNAME` | `host.name` |
//! | `_SYSTEMD_UNIT` without `.service`, else `SYSLOG_IDENTIFIER`, `_COMM`, `_TRANSPORT` | `service.name` |
//! | `PRIORITY` | `severity_text` |
//! | `_PID`, `_EXE`, `_CMDLINE` | `process.pid`, `process.executable.path`, `process.command_line` |
//! | any other | `journald.NAME`, in lower case |

use timberline_proto::batch::AttributeValue;
use timberline_queue::receive::{Received, WindowRecord};

use super::export::Entry;

/// Bytes of an attribute's value that are kept.
const VALUE_BYTES_MAX: usize = 4096;
/// What says where an entry stands in the journal, and nothing of it.
const PLACES: &[&str] = &[
    "__CURSOR",
    "__MONOTONIC_TIMESTAMP",
    "__SEQNUM",
    "__SEQNUM_ID",
    "__REALTIME_TIMESTAMP",
];
const SERVICES: &[&str] = &["_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_COMM", "_TRANSPORT"];
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// The record that an entry makes; `now` for one without a time.
pub(super) fn record(entry: Entry, now_nanos: i64) -> WindowRecord {
    let text = |name: &str| entry.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let micros = text("_SOURCE_REALTIME_TIMESTAMP").or_else(|| text("__REALTIME_TIMESTAMP"));
    let nanos = micros.and_then(|micros| micros.parse::<i64>().ok()?.checked_mul(1000));
    let service = SERVICES
        .iter()
        .find_map(|name| text(name))
        .unwrap_or_else(|| super::NAME.to_owned());
    let service = service.strip_suffix(".service").unwrap_or(&service).to_owned();
    let host = text("_HOSTNAME");
    let is_cut = entry.is_cut;
    let mut line = None;
    let mut attributes = Vec::new();
    for (name, value) in entry.fields {
        match name.as_str() {
            "MESSAGE" if line.is_none() => line = Some(value),
            "_HOSTNAME" | "_SOURCE_REALTIME_TIMESTAMP" => {}
            name if PLACES.contains(&name) => {}
            name => attributes.push(attribute(name, &value)),
        }
    }
    if is_cut {
        attributes.push(("log.partial".to_owned(), AttributeValue::Bool(true)));
    }
    WindowRecord {
        host,
        service,
        record: Received {
            line: line.unwrap_or_default(),
            time: nanos.map_or((now_nanos, false), |nanos| (nanos, true)),
            part: None,
            attributes,
        },
    }
}

fn attribute(name: &str, value: &[u8]) -> (String, AttributeValue) {
    let text = String::from_utf8_lossy(&value[..value.len().min(VALUE_BYTES_MAX)]).into_owned();
    let named = |name: &str, text| (name.to_owned(), AttributeValue::Text(text));
    match (name, text.parse::<u32>()) {
        ("PRIORITY", Ok(number @ 0..=7)) => named("severity_text", SEVERITIES[number as usize].to_owned()),
        ("_PID", Ok(pid)) => ("process.pid".to_owned(), AttributeValue::Integer(pid.into())),
        ("_EXE", _) => named("process.executable.path", text),
        ("_CMDLINE", _) => named("process.command_line", text),
        _ => named(&format!("journald.{}", name.to_ascii_lowercase()), text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_record_of_its_unit() {
        let fields = [
            ("__CURSOR", "s=1"),
            ("_HOSTNAME", "web-1"),
            ("_SYSTEMD_UNIT", "nginx.service"),
            ("PRIORITY", "3"),
            ("_PID", "42"),
            ("__REALTIME_TIMESTAMP", "1796036400000001"),
            ("MESSAGE", "it broke"),
            ("ORDER_ID", "7"),
        ];
        let entry = Entry {
            fields: fields.map(|(name, value)| (name.to_owned(), value.into())).into(),
            is_cut: false,
        };
        let made = record(entry, 5);
        assert_eq!((made.host.as_deref(), made.service.as_str()), (Some("web-1"), "nginx"));
        assert_eq!(made.record.line, b"it broke");
        assert_eq!(made.record.time, (1_796_036_400_000_001_000, true));
        let shown: Vec<String> = made
            .record
            .attributes
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        assert_eq!(
            shown,
            [
                "journald._systemd_unit=Text(\"nginx.service\")",
                "severity_text=Text(\"err\")",
                "process.pid=Integer(42)",
                "journald.order_id=Text(\"7\")"
            ]
        );
        assert_eq!(record(Entry::default(), 5).record.time, (5, false));
    }
}
