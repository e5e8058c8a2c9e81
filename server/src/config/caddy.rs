//! `[app.router]` with `kind = "caddy"`: where the household's Caddy listens, and where it reaches Tealkeep while requests are
//! held.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::claims::Claims;
use super::range::check_duration;
use super::reader::Table;

/// The header that selects the idle colour, with [`CaddySection::preview`] as its value.
pub const PREVIEW_HEADER: &str = "Tealkeep-Preview";

/// The minimum length of a preview secret.
const MIN_SECRET_LENGTH: usize = 16;

/// `[app.router]` with `kind = "caddy"`
#[derive(Debug, Clone)]
pub struct CaddySection {
    /// Where Caddy listens for the app's requests.
    pub listen: SocketAddr,
    /// Caddy's admin API.
    pub admin: SocketAddr,
    /// Where Tealkeep listens, on loopback, for the requests that Caddy forwards while they are held.
    pub hold_listen: SocketAddr,
    /// How long a held request may wait.
    pub hold_timeout: Duration,
    /// How long to retry a connection to a live colour that is restarting.
    pub retry_for: Duration,
    /// The secret that opens the idle colour to requests with it in [`PREVIEW_HEADER`]; `None` closes it.
    pub preview: Option<String>,
    /// Whether Caddy reports each answered request, so that Tealkeep notices when many of them fail.
    pub count_requests: bool,
    /// Another file with the live colour, for scripts that read one.
    pub active_color: Option<PathBuf>,
}

pub(super) fn read(table: Table<'_>, claims: &mut Claims) -> Option<CaddySection> {
    let local = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let listen = table.or(
        "listen",
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 3000),
    );
    claims.port(&table, &listen);
    // All apps share one Caddy, so its admin port belongs to none of them.
    let admin = table.or("admin", local(2019));
    let hold_listen = table.or("hold_listen", local(3003));
    claims.port(&table, &hold_listen);
    for at in [&admin, &hold_listen] {
        if !at.value.ip().is_loopback() {
            table.problem_at(
                at,
                format!(
                    "{} is open to the network; it must be on loopback, for example `\"127.0.0.1:{}\"`",
                    at.value,
                    at.value.port()
                ),
            );
        }
    }
    let hold_timeout = table.or("hold_timeout", Duration::from_secs(30));
    check_duration(&table, &hold_timeout, "1s", "10m");
    let retry_for = table.or("retry_for", Duration::from_secs(5));
    check_duration(&table, &retry_for, "0s", "5m");
    let preview = table.optional::<String>("preview");
    if let Some(secret) = &preview {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if secret.value.len() < MIN_SECRET_LENGTH || !secret.value.chars().all(fits) {
            table.problem_at(
                secret,
                format!("is not a safe secret; it must be {MIN_SECRET_LENGTH} or more letters, digits, `-` and `_`, for example from `openssl rand -hex 16`"),
            );
        }
    }
    let count_requests = table.or("count_requests", true);
    let active_color = table.optional::<PathBuf>("active_color");
    table.finish();
    Some(CaddySection {
        listen: listen.value,
        admin: admin.value,
        hold_listen: hold_listen.value,
        hold_timeout: hold_timeout.value,
        retry_for: retry_for.value,
        preview: preview.map(|secret| secret.value),
        count_requests: count_requests.value,
        active_color: active_color.map(|path| path.value),
    })
}
