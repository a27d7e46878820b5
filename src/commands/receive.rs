//! Listeners for other programs' messages, and what they have seen.

use std::net::SocketAddr;

#[cfg(feature = "collector")]
use anyhow::Context;
#[cfg(feature = "collector")]
use timberline_queue::receive::{Bound, ReceiveOptions, Seen};

/// As they are announced: `syslog-udp  127.0.0.1:5514`.
pub(super) fn announced(addresses: Vec<(String, SocketAddr)>) -> impl Iterator<Item = (String, String)> {
    let pad = |name: String| format!("{name} ");
    addresses
        .into_iter()
        .map(move |(name, address)| (pad(name), address.to_string()))
}

/// Binds a collector's listeners, and what holds for all of them.
///
/// # Errors
/// An address that cannot be had, a certificate that cannot be read.
#[cfg(feature = "collector")]
pub(super) async fn bind(config: &crate::config::Config) -> anyhow::Result<(Bound, ReceiveOptions)> {
    let (listeners, options) = config.receive_options()?;
    let bound = tokio::task::spawn_blocking(move || Bound::bind(listeners)).await?;
    Ok((bound.context("server")?, options))
}

/// Why a collector with these listeners is not ready, if so.
#[cfg(feature = "collector")]
pub(super) fn not_ready(seen: &[Seen]) -> Option<String> {
    seen.iter().find_map(Seen::not_ready)
}

/// The counters in Prometheus' text format, by listener.
#[cfg(feature = "collector")]
pub(super) fn metrics(seen: &[Seen]) -> String {
    type Count = fn(&Seen) -> u64;
    let counts: [(&str, &str, Count); 11] = [
        ("messages_total", "counter", |seen| seen.messages),
        ("bytes_total", "counter", |seen| seen.bytes),
        ("durable_messages_total", "counter", |seen| seen.durable_messages),
        ("dropped_full_total", "counter", |seen| seen.dropped_full),
        ("dropped_kernel_total", "counter", |seen| seen.dropped_kernel),
        ("chunks_given_up_total", "counter", |seen| seen.chunks_given_up),
        ("unread_total", "counter", |seen| seen.unread),
        ("connections", "gauge", |seen| seen.connections),
        ("connections_failed_total", "counter", |seen| seen.connections_failed),
        ("connections_refused_total", "counter", |seen| seen.connections_refused),
        ("panics_total", "counter", |seen| seen.panics),
    ];
    let mut text = String::new();
    for (name, kind, count) in counts.iter().filter(|_| !seen.is_empty()) {
        text += &format!("# TYPE timberline_receive_{name} {kind}\n");
        for seen in seen {
            let (listener, address) = (&seen.name, seen.address);
            text += &format!(
                "timberline_receive_{name}{{listener=\"{listener}\",address=\"{address}\"}} {}\n",
                count(seen)
            );
        }
    }
    text
}
