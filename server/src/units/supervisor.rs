//! The drop-in of `tealkeep.service` for one app: what it may write on the machine, and with which group. A missing path must
//! not prevent Tealkeep from starting, hence the dashes.

use std::path::Path;

use super::colour::protect_home;
use super::entrance::gate_socket;
use super::{Of, Printed, Unwritable, quote, system_unit};
use crate::config::RouterConfig;
use crate::pulls::DEFAULT_SPOOL;

pub(super) fn file(of: &Of<'_>) -> Result<Printed, Unwritable> {
    let app = of.app;
    let mut written = vec![of.data(), &app.releases, &app.backups];
    if let RouterConfig::Caddy(caddy) = &app.router
        && let Some(repeated) = caddy.active_color.as_deref().and_then(|path| path.parent())
    {
        written.push(repeated);
    }
    // The package's unit has the default one.
    if of.config.spool != Path::new(DEFAULT_SPOOL) {
        written.push(&of.config.spool);
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
            gate_socket(of.name())
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
        user = of.systemd.user,
        paths = paths.trim_start(),
    );
    let name = format!("tealkeep.service.d/{}.conf", of.name());
    Ok(Printed {
        name: "tealkeep.service.d".to_owned(),
        ..system_unit(name, body)
    })
}
