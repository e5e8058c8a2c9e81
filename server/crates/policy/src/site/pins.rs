//! The addresses of a check's host names. Each name is resolved once and pinned: an answer of the DNS that changes
//! while a site is looked at (DNS rebinding) leads nowhere else. A site that began on the public internet stays there;
//! hosts that the site or its scripts name have to be public in any case.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::OnceCell;
use tower::Service;
use url::{Host, Url};

use super::reach::is_public;

/// What a resolver returns.
pub type Resolved<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Finds the addresses of a host name.
pub trait Resolve: Send + Sync {
    /// All of its addresses, in the order in which they are to be tried.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolved<'a>;
}

/// Asks the operating system (`getaddrinfo`).
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolved<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The names of one check.
pub(super) struct Pins {
    resolver: Box<dyn Resolve>,
    resolved: Mutex<HashMap<String, Arc<OnceCell<Vec<IpAddr>>>>>,
    /// Where a connection to a name may go; a name that is not here is not connected to.
    approved: Mutex<HashMap<String, Vec<IpAddr>>>,
    /// Whether the site's own host was on the public internet when it was first resolved.
    began_public: OnceLock<bool>,
}

impl Pins {
    pub(super) fn new(resolver: impl Resolve + 'static) -> Pins {
        Pins {
            resolver: Box::new(resolver),
            resolved: Mutex::default(),
            approved: Mutex::default(),
            began_public: OnceLock::new(),
        }
    }

    /// Decides whether the URL's host may be connected to, and pins its addresses if so.
    ///
    /// # Errors
    /// It can't be resolved or may not be connected to: why, in words that continue "the address …".
    pub(super) async fn approve(&self, url: &Url, is_own: bool) -> Result<(), String> {
        let (host, found) = match url.host() {
            None => return Err("names no host".to_owned()),
            Some(Host::Ipv4(address)) => (address.to_string(), vec![address.into()]),
            Some(Host::Ipv6(address)) => (address.to_string(), vec![address.into()]),
            Some(Host::Domain(name)) => (name.to_owned(), self.resolve(name).await?),
        };
        let addresses = self.permitted(&host, found, is_own)?;
        locked(&self.approved).insert(host, addresses);
        Ok(())
    }

    /// Where a connection to a host would go.
    #[cfg(test)]
    pub(super) fn connects_to(&self, host: &str) -> Vec<IpAddr> {
        locked(&self.approved)
            .get(host)
            .cloned()
            .unwrap_or_default()
    }

    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let cell = Arc::clone(locked(&self.resolved).entry(name.to_owned()).or_default());
        let found = cell.get_or_try_init(|| async {
            let found = self.resolver.resolve(name).await;
            match found {
                Ok(found) if found.is_empty() => {
                    Err(format!("has a name without an address: {name}"))
                }
                Ok(found) => Ok(found),
                Err(error) => Err(format!(
                    "has a name that can't be resolved ({name}): {error}"
                )),
            }
        });
        found.await.cloned()
    }

    fn permitted(
        &self,
        host: &str,
        found: Vec<IpAddr>,
        is_own: bool,
    ) -> Result<Vec<IpAddr>, String> {
        let is_local = |address: &&IpAddr| !is_public(**address);
        let local = found.iter().find(is_local).copied();
        if !is_own {
            return match local {
                None => Ok(found),
                Some(address) => Err(format!(
                    "is at {address}, an address of the local network, which a check asks for nothing"
                )),
            };
        }
        let has_public = found.iter().any(|address| is_public(*address));
        if !*self.began_public.get_or_init(|| has_public) {
            return Ok(found);
        }
        // Of a name with addresses of both kinds only the public ones are used.
        let public: Vec<IpAddr> = found.into_iter().filter(|a| is_public(*a)).collect();
        match (public.is_empty(), local) {
            (true, Some(address)) => Err(format!(
                "is at {address}, an address of the local network, although the check of this site ({host}) began on \
                 the public internet"
            )),
            (true, None) | (false, _) => Ok(public),
        }
    }
}

impl std::fmt::Debug for Pins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pins")
            .field("approved", &self.approved)
            .field("began_public", &self.began_public)
            .finish_non_exhaustive()
    }
}

/// Answers the connector with what was approved, and with nothing else.
#[derive(Debug, Clone)]
pub(super) struct Pinned(pub(super) Arc<Pins>);

impl Service<Name> for Pinned {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let approved = locked(&self.0.approved).get(name.as_str()).cloned();
        std::future::ready(match approved {
            Some(found) => {
                let found: Vec<SocketAddr> =
                    found.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
                Ok(found.into_iter())
            }
            None => Err(io::Error::other(format!("{name} was not approved"))),
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
