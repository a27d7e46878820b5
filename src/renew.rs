//! Keeps a certificate from running out: at two thirds of its life it is exchanged for a newer one, of
//! a new key.

use std::time::Duration;

use timberline_proto::tls::enroll::{renew, renewal_due};
use timberline_proto::tls::{CollectorUrl, Credentials};
use tokio_util::sync::CancellationToken;

/// How often a machine that is not enrolled looks whether it is now.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// The longest that is slept at once: somebody may enroll the machine anew meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(600);
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// Renews whenever it is time, until told to stop. Does nothing for a collector without TLS.
pub(crate) async fn keep(collector: String, credentials: Credentials, stop: CancellationToken) {
    let Ok(url) = collector.parse::<CollectorUrl>() else {
        return;
    };
    if !url.is_tls() {
        return;
    }
    let mut backoff = BACKOFF_MIN;
    let mut said = String::new();
    loop {
        let files = credentials.files().clone();
        let due = tokio::task::spawn_blocking(move || renewal_due(&files)).await;
        let wait = match due.ok().flatten() {
            None => LOOK_INTERVAL,
            Some(Duration::ZERO) => match renew(&url, &credentials).await {
                Ok(facts) => {
                    tracing::info!(serial = facts.serial, "the certificate was renewed");
                    (backoff, said) = (BACKOFF_MIN, String::new());
                    continue;
                }
                Err(error) => {
                    let text = error.to_string();
                    if text != said {
                        tracing::warn!(error = text, "the certificate could not be renewed; tried again");
                        said = text;
                    }
                    let wait = backoff;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                    wait
                }
            },
            Some(due) => due.min(SLEEP_MAX),
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}
