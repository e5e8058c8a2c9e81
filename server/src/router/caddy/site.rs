//! What the printed site and those who ask it agree on.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::config::CaddySection;

/// What Caddy answers with the live colour.
pub const WELL_KNOWN: &str = "/.well-known/tealkeep";

/// What it answers when it can't find the folder of the markers.
pub(super) const LOST: &str = "lost";

/// The name under which Caddy dials streams; requests are dialled by address.
pub(super) const AS_STREAMS: &str = "localhost";

/// Where the markers of an app stand; `app` is its own folder, `<state>/apps/<app>`.
pub(super) fn markers_folder(app: &Path) -> PathBuf {
    app.join("router")
}

/// Where Caddy reports the requests that it has answered, as UDP datagrams: the port of `hold_listen`, at the broadcast address of
/// loopback. A datagram to an ordinary address at which nobody listens comes back to its sender as an error, which Caddy
/// answers by writing the entry into its own log; a broadcast never does (RFC 1122 section 3.2.2).
pub(super) fn reports_address(section: &CaddySection) -> SocketAddr {
    let broadcast = Ipv4Addr::new(127, 255, 255, 255);
    SocketAddr::from((broadcast, section.hold_listen.port()))
}
