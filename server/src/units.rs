//! What an app needs on the machine besides the package: units, a polkit rule, the entrance's files and the
//! laptop's, rendered from the configuration alone. Nothing here writes a file, and only [`outdated`] reads any.

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
    /// On the machine that runs the app: it is ours alone, and can be put there as it stands.
    Machine,
    /// On that machine too, in a file that holds other things as well: a person puts it there.
    ByHand,
    /// On the laptop, `~` being the home of whoever pulls.
    Laptop,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Printed {
    /// What `--only` calls it.
    pub name: String,
    /// Where it belongs, from `/` or `~` on.
    pub path: String,
    /// On which machine.
    pub place: Place,
    /// Its mode, as chmod(1) takes it: what holds secrets is its readers' alone.
    pub mode: &'static str,
    /// The group that it is given to; its owner is root.
    pub group: &'static str,
    /// Its content, ending in a newline.
    pub body: String,
}

impl Printed {
    /// One that everybody may read.
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

    /// Whether it is a drop-in of a unit that was there before Tealkeep, which may be running just now.
    #[must_use]
    pub fn is_of_an_older_unit(&self) -> bool {
        self.path.ends_with(&format!("/{}", colour::DROP_IN))
    }

    /// Whether nothing is wrong where it is not there: the gate's socket is for who wants it, and a unit that was in use
    /// before Tealkeep goes on as it is until a release of `app` has been deployed.
    #[must_use]
    pub fn may_be_missing(&self, app: &AppConfig) -> bool {
        self.name.ends_with(".socket") || (self.is_of_an_older_unit() && !is_deployed(app))
    }
}

/// Whether any colour of an app stands on a release.
#[must_use]
pub fn is_deployed(app: &AppConfig) -> bool {
    let mut links = Colour::BOTH
        .map(|colour| app.releases.join(colour.as_str()))
        .into_iter();
    links.any(|link| link.symlink_metadata().is_ok())
}

/// The mode of what holds no secret.
const OPEN: &str = "0644";

/// Everything that one app needs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Sheet {
    /// The app.
    pub app: AppName,
    /// The files, in the order in which one would put them there.
    pub files: Vec<Printed>,
    /// The commands that put them there and set owners and modes, for a shell of root.
    pub commands: String,
}

impl Sheet {
    /// The whole as it is printed: each file after a comment with its path, the commands last.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            let place = match file.place {
                Place::Machine => "",
                Place::ByHand => "   (put it there yourself: that file may hold more)",
                Place::Laptop => "   (on the laptop)",
            };
            text.push_str(&format!("# {}{place}\n{}\n", file.path, file.body));
        }
        text.push_str("# The commands, as root: `--only commands` prints them alone.\n");
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
    /// Something in the configuration can't be said in a unit.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

/// What the rendering of one app's files has at hand.
struct Of<'a> {
    config: &'a Config,
    app: &'a AppConfig,
    systemd: &'a SystemdConfig,
    /// The machine's name, as the laptop calls it.
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

    /// The folder that the database lies in.
    fn data(&self) -> &Path {
        data(self.app)
    }
}

/// The folder that an app's database lies in.
#[must_use]
pub fn data(app: &AppConfig) -> &Path {
    app.database.parent().unwrap_or(Path::new("/"))
}

/// The folders whose owners and modes matter, with what they must be.
#[must_use]
pub fn folders(app: &AppConfig, systemd: &SystemdConfig) -> Vec<Folder> {
    commands::folders(app, systemd)
}

/// Everything that `app` needs; `host` is the machine's name, as the laptop calls it.
///
/// # Errors
/// Another runtime, or a value that no unit can hold.
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
