//! The drop-in of `tealkeep.service` for one app: what it may write on the machine, and with which group. A missing path must
//! not prevent Tealkeep from starting, hence the dashes.

use std::path::Path;

use super::colour::protect_home;
use super::context::UnitContext;
use super::entrance::gate_socket;
use super::printed::{Printed, system_unit};
use super::quote;
use super::quote::Unwritable;
use crate::config::{DEFAULT_SPOOL, RouterConfig};

pub(super) fn file(context: &UnitContext<'_>) -> Result<Printed, Unwritable> {
    let app = context.app;
    let mut written = vec![context.data(), &app.releases, &app.backups];
    if let RouterConfig::Caddy(caddy) = &app.router
        && let Some(repeated) = caddy.active_color.as_deref().and_then(|path| path.parent())
    {
        written.push(repeated);
    }
    // The package's unit has the default one.
    if context.config.spool != Path::new(DEFAULT_SPOOL) {
        written.push(&context.config.spool);
    }
    let mut paths = String::new();
    for path in &written {
        paths.push_str(&format!(" -{}", quote::listed_path(path)?));
    }
    let home = match protect_home(&written) {
        text if text.contains("read-only") => text,
        _ => "",
    };
    let socket = match &app.router {
        RouterConfig::Gate(_) => format!(
            "# The gate's port stays open while Tealkeep restarts. Without that unit this has no effect.\nSockets={}\n",
            gate_socket(context.name())
        ),
        RouterConfig::Caddy(_) => String::new(),
    };
    let body = format!(
        "\
[Service]
# The app's group for its database; the journal's group for the last lines of a failed start.
SupplementaryGroups={user} systemd-journal
ReadWritePaths={paths}
{home}{socket}",
        user = context.systemd.user,
        paths = paths.trim_start(),
    );
    let name = format!("tealkeep.service.d/{}.conf", context.name());
    Ok(Printed {
        name: "tealkeep.service.d".to_owned(),
        ..system_unit(name, body)
    })
}
