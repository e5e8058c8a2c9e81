//! The connections of a check: shared by its requests, and made anew for a later one, so that a swap, a new
//! certificate authority or a moved name is seen.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::reach::PublicOnly;
use crate::probe::public;

/// How long the same connections and the same roots are used. A check takes less.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// How long a connection may lie idle. A household's app is not to be kept from ending by it.
const IDLE_FOR: Duration = Duration::from_secs(2);
/// How many of them to one host.
const IDLE_MOST: usize = 6;

type Plain<R> = Client<HttpConnector<R>, Full<Bytes>>;
type Secure<R> = Client<HttpsConnector<HttpConnector<R>>, Full<Bytes>>;

/// A client and since when it is there.
struct Kept<C> {
    since: Instant,
    client: C,
}

static PLAIN: Mutex<Option<Kept<Plain<GaiResolver>>>> = Mutex::new(None);
static SECURE: Mutex<Option<Kept<Secure<GaiResolver>>>> = Mutex::new(None);
// Connections of their own: none that was made without looking at the address is used again.
static PUBLIC_PLAIN: Mutex<Option<Kept<Plain<PublicOnly>>>> = Mutex::new(None);
static PUBLIC_SECURE: Mutex<Option<Kept<Secure<PublicOnly>>>> = Mutex::new(None);

/// Sends one request.
///
/// # Errors
/// There was no answer: why, in words that continue "the address …".
pub(super) async fn send(
    request: http::Request<Full<Bytes>>,
    host: &str,
) -> Result<http::Response<Incoming>, String> {
    let not_asked = |e: anyhow::Error| format!("was not asked: {e:#}");
    let sent = if request.uri().scheme_str() == Some("https") {
        let client = kept(&SECURE, || secure(HttpConnector::new())).map_err(not_asked)?;
        client.request(request).await
    } else {
        let client = kept(&PLAIN, || Ok(plain(HttpConnector::new()))).map_err(not_asked)?;
        client.request(request).await
    };
    sent.map_err(|error| public::in_words(&error, host).why)
}

/// The same, to a name that leads to the public internet and nowhere else.
///
/// # Errors
/// As [`send`].
pub(super) async fn send_public(
    request: http::Request<Full<Bytes>>,
    host: &str,
) -> Result<http::Response<Incoming>, String> {
    let not_asked = |e: anyhow::Error| format!("was not asked: {e:#}");
    let connector = || HttpConnector::new_with_resolver(PublicOnly);
    let sent = if request.uri().scheme_str() == Some("https") {
        let client = kept(&PUBLIC_SECURE, || secure(connector())).map_err(not_asked)?;
        client.request(request).await
    } else {
        let client = kept(&PUBLIC_PLAIN, || Ok(plain(connector()))).map_err(not_asked)?;
        client.request(request).await
    };
    sent.map_err(|error| public::in_words(&error, host).why)
}

fn kept<C: Clone>(
    slot: &Mutex<Option<Kept<C>>>,
    build: impl FnOnce() -> anyhow::Result<C>,
) -> anyhow::Result<C> {
    let mut slot = slot
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let fresh = slot
        .as_ref()
        .filter(|kept| kept.since.elapsed() < KEPT_FOR)
        .map(|kept| kept.client.clone());
    if let Some(client) = fresh {
        return Ok(client);
    }
    let client = build()?;
    *slot = Some(Kept {
        since: Instant::now(),
        client: client.clone(),
    });
    Ok(client)
}

fn plain<R>(mut connector: HttpConnector<R>) -> Plain<R>
where
    HttpConnector<R>: Connect + Clone,
{
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(IDLE_MOST)
        .pool_timer(TokioTimer::new())
        .build(connector)
}

fn secure<R>(mut connector: HttpConnector<R>) -> anyhow::Result<Secure<R>>
where
    HttpsConnector<HttpConnector<R>>: Connect + Clone,
{
    connector.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(public::trusting()?)
        .https_only()
        .enable_http1()
        .wrap_connector(connector);
    Ok(Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(IDLE_MOST)
        .pool_timer(TokioTimer::new())
        .build(connector))
}
