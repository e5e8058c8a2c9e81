//! The configuration: one TOML file, checked against itself and against the machine. Tealkeep reports all problems of a file at once.
//! `tealkeep.example.toml` documents each key.

mod app;
mod backup;
mod caddy;
mod claims;
mod command;
pub mod copy;
mod dashboard;
mod deploy;
mod gate;
mod health;
mod machine;
pub mod notify;
mod package;
pub mod policy;
mod prepare;
mod process;
mod range;
pub mod reader;
mod router;
mod runtime;
pub mod source;
mod systemd;
mod values;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use claims::{Claims, Content};
use jiff::tz::TimeZone;
use reader::{Problem, Problems, Table};

use crate::names::AppName;

pub use app::AppConfig;
pub use backup::BackupConfig;
pub use caddy::{CaddySection, PREVIEW_HEADER};
pub use dashboard::Dashboard;
pub use deploy::DeployConfig;
pub use gate::GateSection;
pub use health::HealthConfig;
pub use notify::{Address, NotifyConfig};
pub use package::{
    BACKUP_GROUP, BACKUP_USER, DEFAULT_CONFIG, DEFAULT_SOCKET, DEFAULT_SPOOL, DEFAULT_STATE, USER,
};
pub use policy::PolicyConfig;
pub use prepare::PrepareConfig;
pub use process::ProcessConfig;
pub use router::RouterConfig;
pub use runtime::RuntimeConfig;
pub use source::Source;
pub use systemd::SystemdConfig;

/// The longest path that fits into a socket's address with its final zero (unix(7)).
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// The complete configuration of `tealkeep serve`.
#[derive(Debug, Clone)]
pub struct Config {
    /// The zone of local dates and of the nightly time; `None` is the system's.
    pub zone: Option<TimeZone>,
    /// The folder of the journal and of what the runtimes store; it is on the disk.
    pub state: PathBuf,
    /// The unix socket for the command line.
    pub socket: PathBuf,
    /// The folder in which laptops report their pulls. A missing folder means no reports.
    pub spool: PathBuf,
    /// The dashboard's address and names.
    pub dashboard: Dashboard,
    /// Who is notified when something is wrong, and when it is over.
    pub notify: NotifyConfig,
    /// The supervised apps; at least one, with different names.
    pub apps: Vec<AppConfig>,
    /// The text of the file, without its secrets.
    pub copy: copy::Redacted,
    /// The file and its content, so that a later change is noticed.
    pub source: Source,
}

/// Why a configuration file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read at all.
    #[error(
        "cannot read the configuration {path}: {error}. Name another one with --config FILE; to begin with, copy tealkeep.example.toml, which explains every key"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file has problems.
    #[error("{}", Refused { path, problems })]
    Refused {
        /// The file.
        path: PathBuf,
        /// All problems, in the order of the file.
        problems: Vec<Problem>,
    },
}

struct Refused<'a> {
    path: &'a Path,
    problems: &'a [Problem],
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = if self.problems.len() == 1 {
            "a problem"
        } else {
            "problems"
        };
        write!(f, "the configuration {} has {many}:", self.path.display())?;
        for problem in self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads a file and checks it against itself and against this machine.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem found, those of the text and those of the machine together.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let source = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        match Config::parse(&source, true) {
            Ok(config) => Ok(Config {
                source: config.source.at(path),
                ..config
            }),
            Err(problems) => Err(ConfigError::Refused {
                path: path.to_owned(),
                problems,
            }),
        }
    }

    /// Reads the text of a configuration; `on_this_machine` also checks the files that it names.
    ///
    /// # Errors
    /// Every problem, in the order of the file.
    pub fn parse(source: &str, on_this_machine: bool) -> Result<Config, Vec<Problem>> {
        let problems = Problems::of(source);
        let document = match toml_edit::Document::parse(source) {
            Ok(document) => document,
            Err(error) => {
                let line = error.span().map_or(0, |span| problems.line_at(span.start));
                let text = format!("this is not TOML: {}", error.message().replace('\n', ", "));
                return Err(vec![Problem {
                    line,
                    key: String::new(),
                    text,
                }]);
            }
        };
        let gaps = copy::gaps(document.as_table(), &problems);
        if !gaps.is_empty() {
            return Err(gaps);
        }
        let root = Table::root(document.as_table(), &problems);
        let config = read_root(root, on_this_machine).map(|config| Config {
            copy: copy::Redacted::of(source),
            source: Source::of(source),
            ..config
        });
        match (config, problems.into_sorted()) {
            (Some(config), found) if found.is_empty() => Ok(config),
            (_, found) => Err(found),
        }
    }
}

fn read_root(root: Table<'_>, on_this_machine: bool) -> Option<Config> {
    let zone = root.optional::<TimeZone>("zone").map(|placed| placed.value);
    let state = root.or("state", PathBuf::from(DEFAULT_STATE));
    let socket = root.or("socket", PathBuf::from(DEFAULT_SOCKET));
    let spool = root.or("spool", PathBuf::from(DEFAULT_SPOOL));
    let mut claims = Claims::default();
    let dashboard = dashboard::read(root.table("dashboard"), &mut claims);
    let notify = notify::read(root.table("notify"), on_this_machine);
    claims.path(&root, &state, Content::Kept, on_this_machine);
    claims.path(&root, &spool, Content::Kept, on_this_machine);
    let apps = read_apps(&root, &mut claims, on_this_machine);
    if on_this_machine {
        machine::check_folder(&root, &state);
        machine::check_socket(&root, &socket);
    }
    if socket.value.as_os_str().len() > MAX_SOCKET_PATH_BYTES {
        root.problem_at(
            &socket,
            format!("is longer than the {MAX_SOCKET_PATH_BYTES} bytes that Linux allows for a socket's path; name a shorter one"),
        );
    }
    root.finish();
    Some(Config {
        zone,
        state: state.value,
        socket: socket.value,
        spool: spool.value,
        dashboard,
        notify,
        apps: apps.into_iter().collect::<Option<Vec<_>>>()?,
        copy: copy::Redacted::default(),
        source: Source::default(),
    })
}

/// The apps; `None` for each that has a problem.
fn read_apps(
    root: &Table<'_>,
    claims: &mut Claims,
    on_this_machine: bool,
) -> Vec<Option<AppConfig>> {
    let tables = root.tables("app");
    if tables.is_empty() && !root.has("app") {
        root.problem_here(
            "app",
            "there is no app to supervise; add a table that begins with `[[app]]`",
        );
    }
    let mut names: HashMap<AppName, usize> = HashMap::new();
    let mut apps = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        let mut table = table.called(&format!("app {}", index + 1));
        let mut name = table.required::<AppName>("name");
        if let Some(given) = &name
            && let Some(line) = names.insert(given.value.clone(), given.line)
        {
            let text = format!(
                "two apps are called `{}`; the other one is on line {line}",
                given.value
            );
            table.problem_at(given, text);
            name = None;
        }
        if let Some(name) = &name {
            table = table.called(&format!("app.{}", name.value));
        }
        apps.push(app::read(table, name, claims, on_this_machine));
    }
    apps
}
