//! Connections: how many, how slowly they may speak, how they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::HttpTls;

/// From where a request came; among its extensions.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub SocketAddr);

/// The limits of connections, and what they speak.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Connections at once; more wait to be accepted: `server.connections_max`.
    pub connections_max: usize,
    /// How long a request's head may take: `server.header_timeout`.
    pub header_timeout: Duration,
    /// How long a request's body may rest between two pieces: `server.body_timeout`.
    pub body_timeout: Duration,
    /// How long answers may go on after the shutdown began.
    pub drain_timeout: Duration,
    /// TLS; plain text if none. A handshake may take as long as a head.
    pub tls: Option<HttpTls>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(5),
            tls: None,
        }
    }
}

/// Serves until `shutdown`, then lets answers under way end, at most `drain_timeout` long.
///
/// # Errors
/// None now; a listener that fails to accept is tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let router = router.layer(RequestBodyTimeoutLayer::new(options.body_timeout));
    let permits = Arc::new(Semaphore::new(options.connections_max.max(1)));
    let tasks = TaskTracker::new();
    let abort = CancellationToken::new();
    let acceptor = options.tls.as_ref().map(HttpTls::acceptor);
    if let Some(tls) = options.tls.clone() {
        tokio::spawn(tls.keep(shutdown.clone()));
    }
    loop {
        let permit = Arc::clone(&permits).acquire_owned();
        let accept = async { (permit.await, listener.accept().await) };
        let (permit, accepted) = tokio::select! {
            both = accept => both,
            () = shutdown.cancelled() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "nodelay");
        }
        let connection = Connection {
            address,
            router: router.clone(),
            header_timeout: options.header_timeout,
            shutdown: shutdown.clone(),
            abort: abort.clone(),
        };
        let acceptor = acceptor.clone();
        tasks.spawn(async move {
            match acceptor {
                None => connection.serve(stream).await,
                Some(acceptor) => connection.shake_hands(acceptor, stream).await,
            }
            drop(permit);
        });
    }
    tasks.close();
    if tokio::time::timeout(options.drain_timeout, tasks.wait()).await.is_err() {
        abort.cancel();
        tasks.wait().await;
    }
    Ok(())
}

/// One connection and what it needs.
struct Connection {
    address: SocketAddr,
    router: Router,
    header_timeout: Duration,
    shutdown: CancellationToken,
    abort: CancellationToken,
}

impl Connection {
    async fn shake_hands(self, acceptor: TlsAcceptor, stream: TcpStream) {
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(self.header_timeout, acceptor.accept(stream)) => shaken,
            () = self.shutdown.cancelled() => return,
        };
        match shaken {
            Ok(Ok(stream)) => self.serve(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, address = %self.address, "a TLS handshake failed"),
            Err(_) => tracing::debug!(address = %self.address, "a TLS handshake took too long"),
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout);
        let (routes, address) = (TowerToHyperService::new(self.router), self.address);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(address));
            routes.call(request)
        });
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    outcome = connection.as_mut() => outcome,
                    () = self.abort.cancelled() => Ok(()),
                }
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a connection ended");
        }
    }
}
