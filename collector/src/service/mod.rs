//! The gRPC services, and the server that carries them.

mod caller;
mod configuration;
mod connection;
mod enrollment;
mod handshakes;
mod ingest;
mod lane;
mod owners;
mod places;
mod queue;
mod room;
#[cfg(test)]
mod tests;
mod topics;
mod verdict;

use std::time::Duration;

use timberline_proto::wire::v1::configuration_server::ConfigurationServer;
use timberline_proto::wire::v1::enrollment_server::EnrollmentServer;
use timberline_proto::wire::v1::ingest_server::IngestServer;
use timberline_proto::wire::v1::queue_server::QueueServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::InterceptorLayer;
use tonic::{Request, Status};

use crate::trust::{TlsMode, Trust};
use crate::{Collector, CollectorError};
pub use connection::ConnectionLimits;

/// What a message may be larger than the batch that it carries.
const MESSAGE_OVERHEAD_BYTES: usize = 64 << 10;

/// HTTP/2 pings find a dead peer within about this time twice.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Serves the services until told to stop; open streams are then given the chance to end.
///
/// # Errors
/// [`CollectorError::Grpc`]
pub async fn serve_grpc(
    collector: Collector,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), CollectorError> {
    let options = collector.options();
    let message_bytes_max = usize::try_from(options.queue.batch_bytes_max)
        .unwrap_or(usize::MAX)
        .saturating_add(MESSAGE_OVERHEAD_BYTES);
    let fetch_bytes_max = usize::try_from(options.fetch_bytes_max)
        .unwrap_or(usize::MAX)
        .saturating_add(message_bytes_max);
    let ingest = IngestServer::new(ingest::IngestService::new(collector.clone(), shutdown.clone()))
        .max_decoding_message_size(message_bytes_max);
    let queue = QueueServer::new(queue::QueueService::new(collector.clone()))
        .max_decoding_message_size(MESSAGE_OVERHEAD_BYTES)
        .max_encoding_message_size(fetch_bytes_max);
    let enrollment = EnrollmentServer::new(enrollment::EnrollmentService::new(collector.clone()))
        .max_decoding_message_size(MESSAGE_OVERHEAD_BYTES);
    let configuration = ConfigurationServer::new(configuration::ConfigurationService::new(collector.clone()))
        .max_decoding_message_size(MESSAGE_OVERHEAD_BYTES);
    warn_if_open(&collector, &listener);
    let incoming = connection::incoming(listener, collector.trust().cloned(), options.grpc, shutdown.clone());
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .max_concurrent_streams(256)
        .http2_max_pending_accept_reset_streams(Some(64))
        .layer(InterceptorLayer::new(count_call))
        .add_service(ingest)
        .add_service(queue)
        .add_service(enrollment)
        .add_service(configuration)
        .serve_with_incoming_shutdown(incoming, shutdown.cancelled_owned())
        .await?;
    Ok(())
}

/// Lets a guest make few calls.
#[allow(clippy::result_large_err, reason = "an interceptor answers with a status")]
fn count_call(request: Request<()>) -> Result<Request<()>, Status> {
    if caller::of(&request).may_call() {
        return Ok(request);
    }
    Err(Status::resource_exhausted(
        "a connection without a certificate is for enrolling: it may make no more calls",
    ))
}

/// Says what it means if others than this machine reach the port without being known.
fn warn_if_open(collector: &Collector, listener: &TcpListener) {
    let Ok(address) = listener.local_addr() else { return };
    let why = match collector.trust().map(Trust::mode) {
        _ if address.ip().is_loopback() => return,
        Some(TlsMode::Mutual) => return,
        Some(TlsMode::Server) => "whoever reaches it can add lines under any name and read all",
        None => "lines travel in plain text, and whoever reaches it can add lines under any name and read all",
    };
    tracing::warn!(
        %address,
        "the gRPC port is open to other machines: {why}; set `server.grpc_tls.mode = \"mutual\"` and enroll them (docs/fleet.md)"
    );
}
