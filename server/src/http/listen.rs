//! Serves the routes on a listener until told to stop. What a client may hold is bounded in number, in bytes and in time,
//! and whoever has not signed in loses their connection first, so that somebody who has always gets an answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::body_deadline::{Lateness, TimedBody};
pub use super::caller::Transport;
pub use super::peer::{Peer, PeerListener};
use crate::admission::{Admission, Limits, Network, Place};
use crate::forwarded::TrustedProxies;

/// How long a connection may take to end after the stop.
const FAREWELL: Duration = Duration::from_secs(5);

/// What clients may hold of one listener.
///
/// Memory follows from it: a stranger's connection costs its head and the body of an open form, about 30 KiB in all, so
/// the usual bounds come to 8 MiB for all strangers and to 1 MiB for one network.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections.
    pub places: Limits,
    /// The longest head of a request, in bytes; a longer one is answered with 431 (RFC 6585, section 5).
    pub head_bytes: usize,
    /// How long a head may take, from the end of the request before.
    pub head_timeout: Duration,
    /// How long a body may take as a whole; one that is late is answered with 408 (RFC 9110, section 15.5.9).
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer.
    pub write_timeout: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            places: Limits {
                places: 256,
                per_network: 32,
            },
            head_bytes: 16 * 1024,
            head_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(20),
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// How a listener's connections and requests are told apart.
trait Callers<Addr>: Clone + Send + Sync + 'static {
    /// Whose share a new connection counts to; `None` where that is not known yet.
    fn network(&self, from: &Addr) -> Option<Network>;

    /// Who sent a request.
    fn transport(&self, from: &Addr, headers: &HeaderMap) -> Transport;
}

#[derive(Clone)]
struct OverTcp(Arc<TrustedProxies>);

impl Callers<SocketAddr> for OverTcp {
    fn network(&self, from: &SocketAddr) -> Option<Network> {
        // A proxy's connection counts to the client of the request that it carries.
        (!self.0.contains(from.ip())).then(|| Network::from(from.ip()))
    }

    fn transport(&self, from: &SocketAddr, headers: &HeaderMap) -> Transport {
        Transport::Tcp(self.0.client_of(from.ip(), headers))
    }
}

#[derive(Clone)]
struct OverSocket;

impl Callers<Peer> for OverSocket {
    fn network(&self, _: &Peer) -> Option<Network> {
        None
    }

    fn transport(&self, from: &Peer, _: &HeaderMap) -> Transport {
        Transport::Socket(*from)
    }
}

/// Serves `router` over TCP until `stop`; returns when every connection has ended. What `trusted` proxies say about
/// their clients is believed.
pub async fn serve_tcp<L: Listener<Addr = SocketAddr>>(
    listener: L,
    router: Router,
    bounds: Bounds,
    trusted: TrustedProxies,
    stop: CancellationToken,
) {
    serve(listener, router, bounds, OverTcp(Arc::new(trusted)), stop).await;
}

/// Serves `router` over the unix socket until `stop`; returns when every connection has ended.
pub async fn serve_socket(listener: PeerListener, router: Router, stop: CancellationToken) {
    serve(listener, router, Bounds::default(), OverSocket, stop).await;
}

async fn serve<L, C>(
    mut listener: L,
    router: Router,
    bounds: Bounds,
    callers: C,
    stop: CancellationToken,
) where
    L: Listener,
    L::Addr: Sync,
    C: Callers<L::Addr>,
{
    let connections = TaskTracker::new();
    let admission = Admission::new(bounds.places);
    loop {
        let (io, from) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let place = Arc::new(admission.admit(callers.network(&from)));
        let connection = Connection {
            place,
            from,
            callers: callers.clone(),
            router: router.clone(),
            bounds,
        };
        connections.spawn(connection.serve(io, stop.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

struct Connection<A, C> {
    place: Arc<Place>,
    from: A,
    callers: C,
    router: Router,
    bounds: Bounds,
}

impl<A: Send + Sync + 'static, C: Callers<A>> Connection<A, C> {
    async fn serve<I>(self, io: I, stop: CancellationToken)
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static,
    {
        let Bounds {
            head_bytes,
            head_timeout,
            write_timeout,
            ..
        } = self.bounds;
        let mut io = TimeoutStream::new(io);
        io.set_write_timeout(Some(write_timeout));
        let place = self.place.clone();
        let service = service_fn(move |request| {
            let answer = self.router.clone().oneshot(self.received(request));
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .max_buf_size(head_bytes);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(Box::pin(io)), service));
        tokio::select! {
            // A client that goes away in the middle is its own business.
            _ = connection.as_mut() => {}
            () = place.lost() => {}
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ = tokio::time::timeout(FAREWELL, connection).await;
            }
        }
    }

    /// A request as the routes see it: with who sent it, the place that it holds, and a bound on its body.
    fn received(&self, mut request: hyper::Request<Incoming>) -> Request {
        let transport = self.callers.transport(&self.from, request.headers());
        match transport {
            Transport::Tcp(client) => self.place.serve(Some(Network::from(client))),
            Transport::Socket(_) => self.place.recognise(),
        }
        let lateness = Lateness::default();
        let extensions = request.extensions_mut();
        extensions.insert(transport);
        extensions.insert(self.place.clone());
        extensions.insert(lateness.clone());
        request.map(|body| Body::new(TimedBody::new(body, self.bounds.body_timeout, lateness)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_may_hold_is_this_much() {
        let Bounds {
            places,
            head_bytes,
            head_timeout,
            body_timeout,
            write_timeout,
        } = Bounds::default();
        assert_eq!((places.places, places.per_network), (256, 32));
        assert_eq!(head_bytes, 16 * 1024);
        assert_eq!(head_timeout, Duration::from_secs(15));
        assert_eq!(body_timeout, Duration::from_secs(20));
        assert_eq!(write_timeout, Duration::from_secs(30));
    }
}
