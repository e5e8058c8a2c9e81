//! Whether the running Caddy reports the app's requests to Tealkeep, without which nobody notices that many of them fail. Caddy
//! is asked what it has loaded, as for the cookies.

use super::cookies::replace_site;
use super::{Check, Findings};
use crate::config::{AppConfig, RouterConfig};
use crate::router::caddy::reports_requests;

pub async fn look(findings: &mut Findings, app: &AppConfig) {
    let RouterConfig::Caddy(caddy) = &app.router else {
        return;
    };
    if !caddy.count_requests {
        return;
    }
    match reports_requests(caddy).await {
        Ok(true) => findings.ok(
            Check::Router,
            "Caddy reports the app's requests to Tealkeep",
        ),
        Ok(false) => findings.warn(
            Check::Router,
            "Caddy does not report the app's requests, so Tealkeep can't tell when many of them fail",
            replace_site(app),
        ),
        Err(why) => findings.warn(
            Check::Router,
            format!("cannot tell whether Caddy reports the app's requests: {why}"),
            "systemctl status caddy",
        ),
    }
}
