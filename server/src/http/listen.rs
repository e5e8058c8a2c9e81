//! Serves the routes on a listener until told to stop: bounded in connections and in the time that a
//! client may take to say what it wants.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

pub use super::guard::Transport;
pub use super::peer::{Peer, PeerListener};

/// The most connections at once on one listener; a further one waits.
const MOST_CONNECTIONS: usize = 256;
/// How long a client may take to send its header fields.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may take to end after the stop.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a connection over the unix socket counts as.
#[must_use]
pub fn over_socket(peer: Peer) -> Transport {
    Transport::Socket(peer)
}

/// What a connection over TCP counts as.
#[must_use]
pub fn over_tcp(from: SocketAddr) -> Transport {
    Transport::Tcp(from)
}

/// Serves `router` on `listener` until `stop`; returns when every connection has ended.
pub async fn serve<L>(
    mut listener: L,
    router: Router,
    transport: impl Fn(&L::Addr) -> Transport,
    stop: CancellationToken,
) where
    L: Listener,
{
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            break;
        };
        let (io, from) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (router, transport, stop) = (router.clone(), transport(&from), stop.clone());
        connections.spawn(async move {
            let service = service_fn(move |mut request: hyper::Request<Incoming>| {
                request.extensions_mut().insert(transport);
                let router = router.clone();
                async move {
                    let request: Request = request.map(Body::new);
                    Ok::<_, Infallible>(
                        router
                            .oneshot(request)
                            .await
                            .unwrap_or_else(|never| match never {}),
                    )
                }
            });
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT);
            let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
            tokio::select! {
                // A client that goes away in the middle is its own business.
                _ = connection.as_mut() => {}
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = tokio::time::timeout(FAREWELL, connection).await;
                }
            }
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}
