//! A printed file: where it belongs, who may read it, and whether the machine can do without it.

use crate::config::AppConfig;
use crate::names::Colour;

/// The name of the drop-in for an existing unit.
pub(super) const DROP_IN: &str = "tealkeep.conf";
/// The mode of a file without secrets.
pub(super) const OPEN: &str = "0644";

/// Where a printed file belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On the machine that runs the app: Tealkeep's own file, written as printed.
    Machine,
    /// On that machine too, in a file that contains other things as well: a person adds it there.
    ByHand,
    /// On the laptop, with `~` for the home of the user who pulls.
    Laptop,
}

/// One printed file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Printed {
    /// Its name for `--only`.
    pub name: String,
    /// Its path, from `/` or `~` on.
    pub path: String,
    /// On which machine.
    pub place: Place,
    /// Its mode, as for chmod(1); secrets are readable only for those who need them.
    pub mode: &'static str,
    /// Its group; its owner is root.
    pub group: &'static str,
    /// Its content, ending in a newline.
    pub body: String,
}

impl Printed {
    /// A file that everybody may read.
    pub(super) fn open(name: String, path: String, place: Place, body: String) -> Printed {
        Printed {
            name,
            path,
            place,
            mode: OPEN,
            group: "root",
            body,
        }
    }

    /// Its mode as a number.
    #[must_use]
    pub fn bits(&self) -> u32 {
        u32::from_str_radix(self.mode, 8).expect("a mode is written in octal digits")
    }

    /// Whether it is a drop-in for a unit that existed before Tealkeep and may be running.
    #[must_use]
    pub fn is_of_an_older_unit(&self) -> bool {
        self.path.ends_with(&format!("/{}", DROP_IN))
    }

    /// Whether it may be missing: the gate's socket is optional, and a unit from before Tealkeep keeps running unchanged until a
    /// release of `app` has been deployed.
    #[must_use]
    pub fn may_be_missing(&self, app: &AppConfig) -> bool {
        self.name.ends_with(".socket") || (self.is_of_an_older_unit() && !is_deployed(app))
    }
}

/// Whether any colour of an app has a release.
#[must_use]
pub fn is_deployed(app: &AppConfig) -> bool {
    let mut links = Colour::BOTH
        .map(|colour| app.releases.join(colour.as_str()))
        .into_iter();
    links.any(|link| link.symlink_metadata().is_ok())
}

/// A unit or a drop-in of the machine's systemd.
pub(super) fn system_unit(name: String, body: String) -> Printed {
    let path = format!("/etc/systemd/system/{name}");
    Printed::open(name, path, Place::Machine, body)
}
