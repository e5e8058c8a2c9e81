//! What an app needs on the machine besides the package: units, a polkit rule, the router's files and the laptop's, rendered
//! only from the configuration. Nothing here writes files, and only [`outdated`] reads any.

mod colour;
mod commands;
mod entrance;
mod environment;
mod laptop;
mod marked;
mod polkit;
pub mod quote;
mod supervisor;
mod work;

use std::path::{Path, PathBuf};

use crate::config::{AppConfig, Config, RuntimeConfig, SystemdConfig};
use crate::names::{AppName, Colour};

pub use commands::{
    BACKUP_GROUP, BACKUP_USER, Folder, USER, join_group, mend_backups, mend_files, secure,
};
pub use laptop::{
    DEPLOY_KEYS, DOOR, PULL_KEYS, door_for_pulling, one_line as pull_line, plain_line,
};
pub use marked::{Outdated, Standing, outdated, standing};
pub use quote::Unwritable;

/// The polkit verbs that Tealkeep may use on an app's units.
pub use polkit::VERBS;

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
    fn open(name: String, path: String, place: Place, body: String) -> Printed {
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
        self.path.ends_with(&format!("/{}", colour::DROP_IN))
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

/// The mode of a file without secrets.
const OPEN: &str = "0644";

/// Everything that one app needs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Sheet {
    /// The app.
    pub app: AppName,
    /// The files, in the order in which to write them.
    pub files: Vec<Printed>,
    /// The commands that write them and set owners and modes, for root's shell.
    pub commands: String,
}

impl Sheet {
    /// The complete printed text: each file after a comment with its path, the commands last.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            let place = match file.place {
                Place::Machine => "",
                Place::ByHand => "   (add it yourself: that file may contain more)",
                Place::Laptop => "   (on the laptop)",
            };
            text.push_str(&format!("# {}{place}\n{}\n", file.path, file.body));
        }
        text.push_str("# The commands, for root; `--only commands` prints only these.\n");
        text.push_str(&self.commands);
        text
    }

    /// A file by its name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&Printed> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// Why there are no units for an app.
#[derive(Debug, thiserror::Error)]
pub enum NoUnits {
    /// Its colours are Tealkeep's own children.
    #[error(
        "{0} runs as Tealkeep's own child processes, which need no units; write `kind = \"systemd\"` under [app.runtime] first"
    )]
    OtherRuntime(AppName),
    /// Something in the configuration cannot be written into a unit.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

/// What is needed to render one app's files.
struct Of<'a> {
    config: &'a Config,
    app: &'a AppConfig,
    systemd: &'a SystemdConfig,
    /// The name under which the laptop reaches the machine.
    host: &'a str,
}

impl Of<'_> {
    fn name(&self) -> &str {
        self.app.name.as_str()
    }

    /// `<state>/apps/<app>`
    fn folder(&self) -> PathBuf {
        self.config.state.join("apps").join(self.name())
    }

    /// The folder of the database.
    fn data(&self) -> &Path {
        data(self.app)
    }
}

/// The folder of an app's database.
#[must_use]
pub fn data(app: &AppConfig) -> &Path {
    app.database.parent().unwrap_or(Path::new("/"))
}

/// The folders whose owners and modes matter, and what these must be.
#[must_use]
pub fn folders(app: &AppConfig, systemd: &SystemdConfig) -> Vec<Folder> {
    commands::folders(app, systemd)
}

/// Everything that `app` needs; `host` is the name under which the laptop reaches the machine.
///
/// # Errors
/// The app has another runtime, or a value cannot be written into a unit.
pub fn sheet(config: &Config, app: &AppConfig, host: &str) -> Result<Sheet, NoUnits> {
    let RuntimeConfig::Systemd(systemd) = &app.runtime else {
        return Err(NoUnits::OtherRuntime(app.name.clone()));
    };
    let of = Of {
        config,
        app,
        systemd,
        host,
    };
    let mut files = colour::files(&of)?;
    files.extend(environment::file(&of)?);
    files.extend(work::files(&of)?);
    files.push(supervisor::file(&of)?);
    files.push(polkit::file(&of));
    files.extend(entrance::files(&of));
    for file in files.iter_mut() {
        if file.place == Place::Machine {
            marked::mark(file);
        }
    }
    if let Some(mut sums) = marked::sums(&of, &files) {
        marked::mark(&mut sums);
        files.push(sums);
    }
    files.extend(laptop::files(&of)?);
    let commands = commands::script(&of, &files);
    Ok(Sheet {
        app: app.name.clone(),
        files,
        commands,
    })
}

fn system_unit(name: String, body: String) -> Printed {
    let path = format!("/etc/systemd/system/{name}");
    Printed::open(name, path, Place::Machine, body)
}
