//! `[app.router]` with `kind = "gate"`: Tealkeep's own proxy.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::claims::Claims;
use super::range::check_duration;
use super::reader::Table;

/// As [`crate::router::gate::HEADER_LIMIT`] is.
const DEFAULT_HEAD_BYTES: u32 = 16 * 1024;
/// The allowed range of `max_head_bytes`: the smallest buffer, and what no real head exceeds.
const HEAD_BYTES: RangeInclusive<u32> = 8 * 1024..=256 * 1024;

/// `[app.router]` with `kind = "gate"`
#[derive(Debug, Clone)]
pub struct GateSection {
    /// The address for the household's requests.
    pub listen: SocketAddr,
    /// How long a held request waits at most.
    pub hold_timeout: Duration,
    /// How long to retry a connection to a live colour that is restarting.
    pub retry_for: Duration,
    /// Whether another proxy is in front whose `X-Forwarded-*` fields are trusted.
    pub trust_forwarded: bool,
    /// The maximum size of a request's head, in bytes.
    pub max_head_bytes: usize,
}

pub(super) fn read(table: Table<'_>, claims: &mut Claims) -> Option<GateSection> {
    let listen = table.or(
        "listen",
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 3000),
    );
    claims.port(&table, &listen);
    let hold_timeout = table.or("hold_timeout", Duration::from_secs(30));
    check_duration(&table, &hold_timeout, "1s", "10m");
    let retry_for = table.or("retry_for", Duration::from_secs(5));
    check_duration(&table, &retry_for, "0s", "5m");
    let trust_forwarded = table.or("trust_forwarded", false);
    let max_head_bytes = table.or("max_head_bytes", DEFAULT_HEAD_BYTES);
    if !HEAD_BYTES.contains(&max_head_bytes.value) {
        table.problem_at(
            &max_head_bytes,
            format!(
                "{} is out of range; it must be from {} to {} bytes",
                max_head_bytes.value,
                HEAD_BYTES.start(),
                HEAD_BYTES.end()
            ),
        );
    }
    table.finish();
    Some(GateSection {
        listen: listen.value,
        hold_timeout: hold_timeout.value,
        retry_for: retry_for.value,
        trust_forwarded: trust_forwarded.value,
        max_head_bytes: max_head_bytes.value as usize,
    })
}
