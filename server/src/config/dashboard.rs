//! `[dashboard]`: where the dashboard listens, and which names and proxies it accepts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::claims::Claims;
use super::reader::Table;
use crate::forwarded::TrustedProxies;

/// `[dashboard]`
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Where it listens once a password exists; until then it is loopback, on the same port.
    pub listen: SocketAddr,
    /// Further host names, besides loopback, IP addresses and the machine's own name.
    pub hosts: Vec<String>,
    /// Whether browsers reach it over HTTPS only, through a proxy. Cookies are then `Secure` and bound to the host.
    pub https: bool,
    /// The proxies that are trusted to report their clients' addresses.
    pub trusted_proxies: TrustedProxies,
}

pub(super) fn read(table: Table<'_>, claims: &mut Claims) -> Dashboard {
    let listen = table.or(
        "listen",
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 3330),
    );
    claims.port(&table, &listen);
    let hosts = table.or("hosts", Vec::<String>::new());
    let https = table.or("https", false);
    for host in &hosts.value {
        if host.is_empty() || host.contains(['/', ' ', ':']) {
            table.problem_at(&hosts, format!("`{host}` is not a host's name; write it without `https://`, port and path, for example `\"home.example.org\"`"));
        }
    }
    let trusted_proxies = read_trusted_proxies(&table, https.value);
    table.finish();
    Dashboard {
        listen: listen.value,
        hosts: hosts.value,
        https: https.value,
        trusted_proxies,
    }
}

fn read_trusted_proxies(table: &Table<'_>, is_https: bool) -> TrustedProxies {
    let Some(given) = table.optional::<Vec<String>>("trusted_proxies") else {
        return match is_https {
            true => TrustedProxies::loopback(),
            false => TrustedProxies::default(),
        };
    };
    let wrong = given
        .value
        .iter()
        .filter_map(|proxy| TrustedProxies::parse(&[proxy]).err());
    for wrong in wrong {
        table.problem_at(&given, wrong.to_string());
    }
    TrustedProxies::parse(&given.value).unwrap_or_default()
}
