//! The connections of one check: shared by its requests and by nobody else's, so that a check connects only to the
//! addresses that it pinned itself, and a later one sees a new certificate authority.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::pins::{Pinned, Pins, Resolve};
use crate::https;

/// How long a connection may lie idle. A household's app is not to be kept from ending by it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);
/// How many of them to one host.
const MAX_IDLE: usize = 6;

type Plain = Client<HttpConnector<Pinned>, Full<Bytes>>;
type Secure = Client<HttpsConnector<HttpConnector<Pinned>>, Full<Bytes>>;

/// The clients of one check, made when they are first needed.
#[derive(Debug)]
pub(super) struct Clients {
    pins: Arc<Pins>,
    plain: OnceLock<Plain>,
    secure: OnceLock<Secure>,
    sent: AtomicU32,
}

impl Clients {
    pub(super) fn new(resolver: impl Resolve + 'static) -> Clients {
        Clients {
            pins: Arc::new(Pins::new(resolver)),
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            sent: AtomicU32::new(0),
        }
    }

    /// The addresses of the hosts.
    pub(super) fn pins(&self) -> &Pins {
        &self.pins
    }

    /// How many requests were sent.
    pub(super) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends one request, to the addresses that its host was pinned to.
    ///
    /// # Errors
    /// There was no answer: why, in words that continue "the address …".
    pub(super) async fn send(
        &self,
        request: http::Request<Full<Bytes>>,
        host: &str,
    ) -> Result<http::Response<Incoming>, String> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let sent = if request.uri().scheme_str() == Some("https") {
            let client = self
                .secure()
                .map_err(|error| format!("was not asked: {error:#}"))?;
            client.request(request).await
        } else {
            let client = self.plain.get_or_init(|| plain(self.connector()));
            client.request(request).await
        };
        sent.map_err(|error| https::in_words(&error, host).why)
    }

    fn connector(&self) -> HttpConnector<Pinned> {
        HttpConnector::new_with_resolver(Pinned(Arc::clone(&self.pins)))
    }

    fn secure(&self) -> anyhow::Result<&Secure> {
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let client = secure(self.connector())?;
        Ok(self.secure.get_or_init(|| client))
    }
}

fn plain(mut connector: HttpConnector<Pinned>) -> Plain {
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE)
        .pool_timer(TokioTimer::new())
        .build(connector)
}

fn secure(mut connector: HttpConnector<Pinned>) -> anyhow::Result<Secure> {
    connector.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(https::trusting()?)
        .https_only()
        .enable_http1()
        .wrap_connector(connector);
    Ok(Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE)
        .pool_timer(TokioTimer::new())
        .build(connector))
}
