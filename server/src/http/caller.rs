//! How a request reached us, and who asks for something.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::Request;

use super::peer::Peer;

/// How a request reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Over TCP, from a client at that address; a trusted proxy's is not the client's.
    Tcp(IpAddr),
    /// Over the unix socket, from that user.
    Socket(Peer),
}

impl Transport {
    /// The address that tries at a password are counted by.
    pub fn ip(self) -> IpAddr {
        match self {
            Transport::Tcp(client) => client,
            Transport::Socket(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

/// Who asks for something, in words for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub(super) String);

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Caller {
    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a request came over TCP.
pub(super) fn is_over_tcp(request: &Request) -> bool {
    matches!(request.extensions().get(), Some(Transport::Tcp(_)))
}

/// Whether a request is for the API rather than for a page.
pub(super) fn is_api(request: &Request) -> bool {
    let path = request.uri().path();
    path.starts_with("/api/") || path == "/metrics"
}
