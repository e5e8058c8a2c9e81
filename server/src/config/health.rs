//! `[app.health]`: how a colour's health is checked.

use std::time::Duration;

use super::range::check_duration;
use super::reader::Table;
use crate::names::host;

/// `[app.health]`
#[derive(Debug, Clone)]
pub struct HealthConfig {
    /// The path that answers 200 when the app can serve.
    pub path: String,
    /// The `Host` of a probe; by default the address of the colour.
    pub host: Option<String>,
    /// The `X-Forwarded-Proto` of a probe: the scheme of `url`, or `http`.
    pub forwarded_proto: &'static str,
    /// How long a starting colour may take to become healthy.
    pub within: Duration,
    /// How long one probe may take.
    pub timeout: Duration,
}

pub(super) fn read(table: Table<'_>, is_https: bool) -> HealthConfig {
    let path = table.or("path", "/healthz".to_owned());
    if !path.value.starts_with('/') || path.value.contains([' ', '#']) {
        table.problem_at(
            &path,
            format!(
                "`{}` is not a path; it must begin with `/`, for example `\"/healthz\"`",
                path.value
            ),
        );
    }
    let host = table.optional::<String>("host");
    if let Some(host) = &host
        && (host.value.is_empty() || !host::is_valid(host.value.as_bytes()))
    {
        table.problem_at(
            host,
            format!(
                "`{}` is not a host; it must be a name or an address, and perhaps a port, for example `\"home.example.org\"`",
                host.value
            ),
        );
    }
    let start = table.or("within", Duration::from_secs(30));
    let timeout = table.or("timeout", Duration::from_secs(2));
    check_duration(&table, &start, "1s", "1h");
    check_duration(&table, &timeout, "100ms", "1m");
    if timeout.value > start.value {
        table.problem_at(
            &timeout,
            "is longer than `within`, so that no probe could ever end in time; make it shorter",
        );
    }
    table.finish();
    HealthConfig {
        path: path.value,
        host: host.map(|host| host.value),
        forwarded_proto: if is_https { "https" } else { "http" },
        within: start.value,
        timeout: timeout.value,
    }
}
