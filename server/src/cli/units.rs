//! `tealkeep units`: prints what an app needs on this machine, or what Tealkeep still waits for there. It never overwrites
//! anything.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;

use super::outcome::{FAILED, Failure, Outcome};
use super::output::print;
use crate::config::DEFAULT_CONFIG;
use crate::config::{AppConfig, Config, ConfigError};
use crate::units::{self, Place, Sheet};

/// The name under which `--only` and `--list` know the commands.
const COMMANDS: &str = "commands";

#[derive(Debug, Args)]
pub struct UnitsArgs {
    /// The app's name; optional if there is only one.
    app: Option<String>,
    /// The configuration.
    #[arg(long, default_value = DEFAULT_CONFIG, value_name = "FILE")]
    config: PathBuf,
    /// Print only the content of one file, for `| sudo tee PATH`; or the `commands`.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["list", "into"])]
    only: Option<String>,
    /// List the names and paths.
    #[arg(long, conflicts_with = "into")]
    list: bool,
    /// Write everything into a new folder for inspection: `machine/`, `by-hand/`, `laptop/` and `commands.sh`.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// List what this machine lacks, for any app, before Tealkeep can start; exit with 1 while something is missing.
    #[arg(long, conflicts_with_all = ["only", "list", "into"])]
    waits_for: bool,
    /// The name under which the laptop reaches this machine [default: its host name]
    #[arg(long, value_name = "NAME")]
    machine: Option<String>,
}

/// `tealkeep units`
pub async fn run(args: &UnitsArgs, json: bool) -> Outcome {
    let config = read(&args.config)?;
    if args.waits_for {
        return waits_for(&config, &args.config, json);
    }
    let app = pick(&config, args.app.as_deref())?;
    let host = args.machine.clone().unwrap_or_else(host_name);
    if !is_host(&host) {
        return Err(Failure::Usage(format!(
            "`{host}` is not a valid host name; write it as for ssh, for example `--machine raspberrypi.local`"
        )));
    }
    let sheet = units::sheet(&config, app, &host).map_err(|e| Failure::Usage(e.to_string()))?;
    if let Some(name) = &args.only {
        let body = match name == COMMANDS {
            true => Some(&sheet.commands),
            false => sheet.file(name).map(|file| &file.body),
        };
        let Some(body) = body else {
            return Err(Failure::Usage(format!(
                "there is no `{name}`; there are {}",
                names(&sheet).join(", ")
            )));
        };
        std::io::stdout().write_all(body.as_bytes())?;
        return Ok(());
    }
    if let Some(folder) = &args.into {
        return Ok(write_into(folder, &sheet)?);
    }
    if args.list {
        let rows: Vec<_> = sheet
            .files
            .iter()
            .map(|file| serde_json::json!({"name": file.name, "path": file.path, "place": file.place, "mode": file.mode, "group": file.group}))
            .collect();
        return print(json, &rows, || {
            let wide = sheet.files.iter().map(|file| file.name.len()).max();
            let wide = wide.unwrap_or_default();
            let files = sheet.files.iter();
            files
                .map(|file| format!("{:<wide$}  {}\n", file.name, file.path))
                .collect::<String>()
                + COMMANDS
        });
    }
    print(json, &sheet, || sheet.text())
}

/// What prevents a server with this configuration from starting on this machine, and the commands that set up the
/// apps that lack something.
fn waits_for(config: &Config, path: &Path, json: bool) -> Outcome {
    let problems = match Config::load(path) {
        Ok(_) => Vec::new(),
        // What does not belong to an app, such as the socket's folder, is created when the service starts.
        Err(ConfigError::Refused { problems, .. }) => problems
            .into_iter()
            .filter(|problem| problem.key.starts_with("app."))
            .collect::<Vec<_>>(),
        Err(error @ ConfigError::Unreadable { .. }) => {
            return Err(Failure::Usage(error.to_string()));
        }
    };
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    if lines.is_empty() {
        return print(json, &lines, || {
            "Every app has what Tealkeep needs to start.".to_owned()
        });
    }
    print(json, &lines, || {
        let of_app = |app: &&AppConfig| {
            let prefix = format!("app.{}.", app.name);
            problems
                .iter()
                .any(|problem| problem.key.starts_with(&prefix))
        };
        let commands = config
            .apps
            .iter()
            .filter(of_app)
            .map(|app| format!("  tealkeep units {} --only commands | sh\n", app.name));
        let commands: String = commands.collect();
        let then = match commands.is_empty() {
            true => String::new(),
            false => format!("These commands set up what is missing, in any order:\n{commands}"),
        };
        format!(
            "Tealkeep cannot start yet. The configuration names things that this machine lacks:\n  {}\n{then}",
            lines.join("\n  ")
        )
    })?;
    Err(Failure::Reported(FAILED))
}

/// Reads the configuration without checking the machine, because nothing needs to exist yet.
pub(super) fn read(path: &Path) -> Result<Config, Failure> {
    let refused = |error: ConfigError| Failure::Usage(error.to_string());
    let source = fs::read_to_string(path).map_err(|error| {
        refused(ConfigError::Unreadable {
            path: path.to_owned(),
            error,
        })
    })?;
    Config::parse(&source, false).map_err(|problems| {
        refused(ConfigError::Refused {
            path: path.to_owned(),
            problems,
        })
    })
}

/// The app that is meant: the given one, or the only one.
pub(super) fn pick<'a>(config: &'a Config, given: Option<&str>) -> Result<&'a AppConfig, Failure> {
    let names: Vec<&str> = config.apps.iter().map(|app| app.name.as_str()).collect();
    let names = names.join(", ");
    match (given, &config.apps[..]) {
        (None, [only]) => Ok(only),
        (None, _) => Err(Failure::Usage(format!(
            "there are several apps; name one of {names}"
        ))),
        (Some(given), apps) => apps
            .iter()
            .find(|app| app.name.as_str() == given)
            .ok_or_else(|| Failure::Usage(format!("there is no app `{given}`; there is {names}"))),
    }
}

/// This machine's name.
pub(super) fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

fn is_host(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c))
}

fn names(sheet: &Sheet) -> Vec<&str> {
    let files = sheet.files.iter().map(|file| file.name.as_str());
    files.chain([COMMANDS]).collect()
}

fn write_into(folder: &Path, sheet: &Sheet) -> anyhow::Result<()> {
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(anyhow!(
            "{} is not empty; name a new or empty folder",
            folder.display()
        ));
    }
    for file in &sheet.files {
        let path = match file.place {
            Place::Machine => folder.join("machine").join(&file.path[1..]),
            Place::ByHand => folder.join("by-hand").join(&file.name),
            Place::Laptop => folder
                .join("laptop")
                .join(file.path.trim_start_matches("~/")),
        };
        write_new(&path, file.bits(), &file.body)?;
    }
    write_new(&folder.join("commands.sh"), 0o644, &sheet.commands)
}

/// Creates a file that has its mode from the start.
fn write_new(path: &Path, mode: u32, body: &str) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(body.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
