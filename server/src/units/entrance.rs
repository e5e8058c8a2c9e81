//! The entrance for people's requests: Caddy's site, or the socket that keeps the gate's port open, and the line for a
//! `cloudflared` in front.

use super::context::UnitContext;
use super::printed::{Place, Printed, system_unit};
use crate::config::RouterConfig;
use crate::router::caddy::caddyfile;

/// The name of Caddy's site for `--only`.
pub(super) const CADDY: &str = "caddy";

/// The unit of an app's gate socket.
pub(super) fn gate_socket(app: &str) -> String {
    format!("tealkeep-gate@{app}.socket")
}

pub(super) fn files(context: &UnitContext<'_>) -> Vec<Printed> {
    let mut files = Vec::new();
    let listen = match &context.app.router {
        RouterConfig::Caddy(caddy) => {
            // The household's Caddyfile imports it.
            files.push(Printed {
                name: CADDY.to_owned(),
                path: format!("/etc/caddy/tealkeep-{}.caddy", context.name()),
                place: Place::Machine,
                // It may contain the secret for previews.
                mode: "0640",
                group: "caddy",
                body: caddyfile(context.app, &context.config.state),
            });
            caddy.listen
        }
        RouterConfig::Gate(gate) => {
            let socket = socket(context.name(), gate.listen);
            files.push(system_unit(gate_socket(context.name()), socket));
            gate.listen
        }
    };
    if let Some(host) = context.app.url.as_ref().and_then(http::Uri::host) {
        let at = match listen.ip() {
            ip if ip.is_unspecified() || ip.is_loopback() => {
                format!("localhost:{}", listen.port())
            }
            _ => listen.to_string(),
        };
        files.push(Printed::open(
            "cloudflared".to_owned(),
            "/etc/cloudflared/config.yml".to_owned(),
            Place::ByHand,
            format!(
                "\
# Below `tunnel` and `credentials-file`. No deploy changes it.
ingress:
  - hostname: {host}
    service: http://{at}
  - service: http_status:404
"
            ),
        ));
    }
    files
}

fn socket(app: &str, listen: std::net::SocketAddr) -> String {
    format!(
        "\
[Unit]
Description=The port of {app}, kept open while Tealkeep restarts
Documentation=man:tealkeep-units(1)

[Socket]
ListenStream={listen}
FileDescriptorName=gate-{app}
Service=tealkeep.service
NoDelay=yes
Backlog=1024

[Install]
WantedBy=sockets.target
"
    )
}
