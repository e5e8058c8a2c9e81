//! The app's own variables, in a file that only root can read: they may be secrets, and everybody can read a unit and its
//! `Environment=`.

use super::context::UnitContext;
use super::printed::{Place, Printed};
use super::quote;
use super::quote::Unwritable;

fn path(context: &UnitContext<'_>) -> String {
    format!("/etc/tealkeep/{}.env", context.name())
}

/// The file, if the configuration names any variable.
pub(super) fn file(context: &UnitContext<'_>) -> Result<Option<Printed>, Unwritable> {
    if context.systemd.env.is_empty() {
        return Ok(None);
    }
    let mut body = String::from("# systemd reads this file at each start of a colour.\n");
    for (name, value) in &context.systemd.env {
        body.push_str(&format!("{name}={}\n", quote::variable(value)?));
    }
    Ok(Some(Printed {
        name: "env".to_owned(),
        path: path(context),
        place: Place::Machine,
        mode: "0600",
        group: "root",
        body,
    }))
}

/// The unit's setting for this file. Later files take precedence.
pub(super) fn line(context: &UnitContext<'_>) -> Result<String, Unwritable> {
    if context.systemd.env.is_empty() {
        return Ok(String::new());
    }
    let path = quote::pattern(path(context).as_ref())?;
    Ok(format!("EnvironmentFile={path}\n"))
}
