//! `[app.router]`: what sends requests to the live colour.

use std::time::Duration;

use super::caddy::{self, CaddySection};
use super::claims::Claims;
use super::gate::{self, GateSection};
use super::reader::Table;

/// `[app.router]`
#[derive(Debug, Clone)]
pub enum RouterConfig {
    /// `kind = "gate"`: Tealkeep's own proxy.
    Gate(GateSection),
    /// `kind = "caddy"`: marker files that the household's Caddy checks.
    Caddy(CaddySection),
}

impl RouterConfig {
    /// How long a held request waits at most.
    #[must_use]
    pub fn hold_timeout(&self) -> Duration {
        match self {
            RouterConfig::Gate(gate) => gate.hold_timeout,
            RouterConfig::Caddy(caddy) => caddy.hold_timeout,
        }
    }
}

pub(super) fn read(table: Table<'_>, claims: &mut Claims) -> Option<RouterConfig> {
    let kind = table.or("kind", "gate".to_owned());
    match kind.value.as_str() {
        "gate" => gate::read(table, claims).map(RouterConfig::Gate),
        "caddy" => caddy::read(table, claims).map(RouterConfig::Caddy),
        other => {
            let text =
                format!("there is no router `{other}`; it must be `\"gate\"` or `\"caddy\"`");
            table.problem_at(&kind, text);
            None
        }
    }
}
