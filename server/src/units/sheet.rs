//! Everything that one app needs on the machine and on the laptop, as one sheet.

use super::context::UnitContext;
use super::printed::{Place, Printed};
use super::quote::Unwritable;
use super::{colour, commands, entrance, environment, laptop, marked, polkit, supervisor, work};
use crate::config::{AppConfig, Config, RuntimeConfig};
use crate::names::AppName;

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

/// Everything that `app` needs; `host` is the name under which the laptop reaches the machine.
///
/// # Errors
/// The app has another runtime, or a value cannot be written into a unit.
pub fn sheet(config: &Config, app: &AppConfig, host: &str) -> Result<Sheet, NoUnits> {
    let RuntimeConfig::Systemd(systemd) = &app.runtime else {
        return Err(NoUnits::OtherRuntime(app.name.clone()));
    };
    let context = UnitContext {
        config,
        app,
        systemd,
        host,
    };
    let mut files = colour::files(&context)?;
    files.extend(environment::file(&context)?);
    files.extend(work::files(&context)?);
    files.push(supervisor::file(&context)?);
    files.push(polkit::file(&context));
    files.extend(entrance::files(&context));
    for file in files.iter_mut() {
        if file.place == Place::Machine {
            marked::mark(file);
        }
    }
    if let Some(mut sums) = marked::sums(&context, &files) {
        marked::mark(&mut sums);
        files.push(sums);
    }
    files.extend(laptop::files(&context)?);
    let commands = commands::script(&context, &files);
    Ok(Sheet {
        app: app.name.clone(),
        files,
        commands,
    })
}
