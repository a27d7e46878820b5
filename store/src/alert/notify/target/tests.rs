mod broker;
mod commands;
mod http;
mod mail;
mod payloads;
mod smtp_server;

use std::time::Duration;

use super::*;
use crate::alert::notify::options::NotifyOptions;

pub(super) fn local() -> NotifyOptions {
    NotifyOptions {
        host: "store.example.org".to_owned(),
        network: NetworkRules {
            allow_private: true,
            ..NetworkRules::default()
        },
        ..NotifyOptions::default()
    }
}

pub(super) fn ready(kind: TargetKind, options: &NotifyOptions) -> Arc<dyn Target> {
    let own = TargetOptions {
        kind,
        messages_max: 10,
        messages_interval: Duration::from_secs(60),
        timeout: Duration::from_secs(5),
        templates: Templates::default(),
    };
    target(&own, options).unwrap()
}
