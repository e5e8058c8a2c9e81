//! The app's own variables, in a file that only root can read: they may be secrets, and everybody can read a unit and its
//! `Environment=`.

use super::{Of, Place, Printed, Unwritable, quote};

fn path(of: &Of<'_>) -> String {
    format!("/etc/tealkeep/{}.env", of.name())
}

/// The file, if the configuration names any variable.
pub(super) fn file(of: &Of<'_>) -> Result<Option<Printed>, Unwritable> {
    if of.systemd.env.is_empty() {
        return Ok(None);
    }
    let mut body = String::from("# systemd reads this file at each start of a colour.\n");
    for (name, value) in &of.systemd.env {
        body.push_str(&format!("{name}={}\n", quote::variable(value)?));
    }
    Ok(Some(Printed {
        name: "env".to_owned(),
        path: path(of),
        place: Place::Machine,
        mode: "0600",
        group: "root",
        body,
    }))
}

/// The unit's setting for this file. Later files take precedence.
pub(super) fn line(of: &Of<'_>) -> Result<String, Unwritable> {
    if of.systemd.env.is_empty() {
        return Ok(String::new());
    }
    let path = quote::pattern(path(of).as_ref())?;
    Ok(format!("EnvironmentFile={path}\n"))
}
