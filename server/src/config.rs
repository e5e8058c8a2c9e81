//! The configuration: one TOML file, checked against itself and against the machine, and refused with every problem at once.
//! `tealkeep.example.toml` documents each key.

mod caddy;
pub mod copy;
pub mod notify;
pub mod policy;
mod prepare;
pub mod reader;
pub mod source;
mod systemd;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use reader::{Placed, Problem, Problems, Table};

use crate::backup::database::{Access, Database};
use crate::backup::{Cancel, Keep, Level, Watch};
use crate::forwarded::TrustedProxies;
use crate::names::{AppName, Colour};
use crate::pulls::DEFAULT_SPOOL;

pub use caddy::{CaddySection, PREVIEW_HEADER};
pub use notify::{Address, NotifyConfig};
pub use policy::PolicyConfig;
pub use prepare::PrepareConfig;
pub use source::Source;
pub use systemd::SystemdConfig;

/// The packaged server's configuration.
pub const DEFAULT_CONFIG: &str = "/etc/tealkeep/tealkeep.toml";
/// The packaged server's socket.
pub const DEFAULT_SOCKET: &str = "/run/tealkeep/control.sock";
/// The folder of the packaged server's journal.
pub const DEFAULT_STATE: &str = "/var/lib/tealkeep";

/// How long to wait for a locked database before the start is refused.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The maximum for every count; more is a typo.
const MAX_COUNT: u32 = 1000;
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

/// `[dashboard]`
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Where it listens once a password exists; until then it is loopback, on the same port.
    pub listen: SocketAddr,
    /// Further host names, besides loopback, IP addresses and the machine's own name.
    pub hosts: Vec<String>,
    /// Whether browsers reach it over HTTPS only, through a proxy. Cookies are then `Secure` and bound to the host.
    pub https: bool,
    /// The proxies that are trusted to report their clients' addresses.
    pub trusted_proxies: TrustedProxies,
}

/// `[[app]]`
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// Its name: part of paths and of the API.
    pub name: AppName,
    /// Its live SQLite database.
    pub database: PathBuf,
    /// The backups folder, which the laptop pulls.
    pub backups: PathBuf,
    /// The folder of its releases, one directory each.
    pub releases: PathBuf,
    /// Its public address, `https://` and a host, checked after each swap. `None` skips that check.
    pub url: Option<http::Uri>,
    /// When snapshots are taken, and how many are kept.
    pub backup: BackupConfig,
    /// How a colour is started.
    pub runtime: RuntimeConfig,
    /// What sends requests to the live colour.
    pub router: RouterConfig,
    /// How a colour's health is checked.
    pub health: HealthConfig,
    /// The limits of a deploy.
    pub deploy: DeployConfig,
    /// What is checked, and what a finding does.
    pub policy: PolicyConfig,
}

/// `[app.backup]`
#[derive(Debug, Clone)]
pub struct BackupConfig {
    /// The local time of the nightly snapshot.
    pub at: Time,
    /// How many of each to keep.
    pub keep: Keep,
    /// How long one snapshot may take.
    pub deadline: Duration,
    /// The compression level.
    pub level: Level,
    /// How often to run a drill on the newest snapshot; zero runs none automatically.
    pub drill_every: Duration,
    /// A table that lost more than this share of its rows since the night before causes a warning, in percent.
    pub drill_shrink: u32,
    /// The age of the last pull from which the next one is overdue; zero expects none.
    pub pull_within: Duration,
    /// The address to call after each successful night.
    pub heartbeat: Option<Address>,
}

impl Default for BackupConfig {
    fn default() -> BackupConfig {
        BackupConfig {
            at: Time::constant(3, 30, 0, 0),
            keep: Keep::default(),
            deadline: Duration::from_secs(3600),
            level: Level::default(),
            drill_every: 7 * DAY,
            drill_shrink: 20,
            pull_within: 2 * DAY,
            heartbeat: None,
        }
    }
}

/// `[app.runtime]`
#[derive(Debug, Clone)]
pub enum RuntimeConfig {
    /// `kind = "process"`: child processes of the supervisor.
    Process(ProcessConfig),
    /// `kind = "systemd"`: units over D-Bus.
    Systemd(SystemdConfig),
}

/// `[app.runtime]` with `kind = "process"`
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// The command that starts a colour, run in its release's directory.
    pub command: Vec<String>,
    /// The port of blue, on loopback.
    pub blue_port: u16,
    /// The port of green, on loopback.
    pub green_port: u16,
    /// The time between SIGTERM and SIGKILL.
    pub stop_timeout: Duration,
    /// The environment variable with the app's port.
    pub port_variable: String,
    /// The environment variable with the path of the app's database.
    pub database_variable: String,
    /// Further environment variables.
    pub env: BTreeMap<String, String>,
}

impl ProcessConfig {
    /// The port of a colour, on loopback.
    #[must_use]
    pub fn port(&self, colour: Colour) -> u16 {
        match colour {
            Colour::Blue => self.blue_port,
            Colour::Green => self.green_port,
        }
    }
}

/// `[app.router]`
#[derive(Debug, Clone)]
pub enum RouterConfig {
    /// `kind = "gate"`: Tealkeep's own proxy.
    Gate(GateSection),
    /// `kind = "caddy"`: marker files that the household's Caddy checks.
    Caddy(CaddySection),
}

impl RouterConfig {
    /// How long a held request waits at most.
    #[must_use]
    pub fn hold_timeout(&self) -> Duration {
        match self {
            RouterConfig::Gate(gate) => gate.hold_timeout,
            RouterConfig::Caddy(caddy) => caddy.hold_timeout,
        }
    }
}

/// `[app.router]` with `kind = "gate"`
#[derive(Debug, Clone)]
pub struct GateSection {
    /// The address for the household's requests.
    pub listen: SocketAddr,
    /// How long a held request waits at most.
    pub hold_timeout: Duration,
    /// How long to retry a connection to a live colour that is restarting.
    pub retry_for: Duration,
    /// Whether another proxy is in front whose `X-Forwarded-*` fields are trusted.
    pub trust_forwarded: bool,
    /// The maximum size of a request's head, in bytes.
    pub max_head_bytes: usize,
}

/// `[app.health]`
#[derive(Debug, Clone)]
pub struct HealthConfig {
    /// The path that answers 200 when the app can serve.
    pub path: String,
    /// The `Host` of a probe; by default the address of the colour.
    pub host: Option<String>,
    /// The `X-Forwarded-Proto` of a probe: the scheme of `url`, or `http`.
    pub forwarded_proto: &'static str,
    /// How long a starting colour may take to become healthy.
    pub within: Duration,
    /// How long one probe may take.
    pub timeout: Duration,
}

/// `[app.deploy]`
#[derive(Debug, Clone)]
pub struct DeployConfig {
    /// How many releases to keep on the machine, including those of the two colours.
    pub keep_releases: u32,
    /// How long to wait for the old colour's requests in flight.
    pub drain_timeout: Duration,
    /// How long the old colour keeps running after a deploy, for an instant rollback; 0 stops it at once.
    pub keep_warm: Duration,
    /// How a release is prepared on this machine before it starts; `None` if nothing is needed.
    pub prepare: Option<PrepareConfig>,
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
    let dashboard_table = root.table("dashboard");
    let listen = dashboard_table.or(
        "listen",
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 3330),
    );
    let hosts = dashboard_table.or("hosts", Vec::<String>::new());
    let https = dashboard_table.or("https", false);
    for host in &hosts.value {
        if host.is_empty() || host.contains(['/', ' ', ':']) {
            dashboard_table.problem_at(&hosts, format!("`{host}` is not a host's name; write it without `https://`, port and path, for example `\"home.example.org\"`"));
        }
    }
    let proxies = dashboard_table.optional::<Vec<String>>("trusted_proxies");
    let trusted_proxies = match &proxies {
        None if https.value => TrustedProxies::loopback(),
        None => TrustedProxies::default(),
        Some(given) => {
            let wrong = given
                .value
                .iter()
                .filter_map(|proxy| TrustedProxies::parse(&[proxy]).err());
            for wrong in wrong {
                dashboard_table.problem_at(given, wrong.to_string());
            }
            TrustedProxies::parse(&given.value).unwrap_or_default()
        }
    };
    dashboard_table.finish();
    let notify = notify::read(root.table("notify"), on_this_machine);

    let tables = root.tables("app");
    if tables.is_empty() && !root.has("app") {
        root.problem_here(
            "app",
            "there is no app to supervise; add a table that begins with `[[app]]`",
        );
    }
    let mut taken = Taken::default();
    taken.port(&root, &listen);
    taken.path(&root, &state, Holds::Files, on_this_machine);
    taken.path(&root, &spool, Holds::Files, on_this_machine);
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
        apps.push(read_app(table, name, &mut taken, on_this_machine));
    }
    if on_this_machine {
        writable_folder(&root, &state);
        place_for_socket(&root, &socket);
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
        dashboard: Dashboard {
            listen: listen.value,
            hosts: hosts.value,
            https: https.value,
            trusted_proxies,
        },
        notify,
        apps: apps.into_iter().collect::<Option<Vec<_>>>()?,
        copy: copy::Redacted::default(),
        source: Source::default(),
    })
}

fn read_app(
    table: Table<'_>,
    name: Option<Placed<AppName>>,
    taken: &mut Taken,
    on_this_machine: bool,
) -> Option<AppConfig> {
    let database = table.required::<PathBuf>("database");
    let backups = match &name {
        Some(name) => Some(table.or(
            "backups",
            Path::new("/var/backups").join(name.value.as_str()),
        )),
        None => table.optional("backups"),
    };
    let releases = table.required::<PathBuf>("releases");
    let url = table.optional::<http::Uri>("url").map(|url| url.value);
    let backup = read_backup(table.table("backup"));
    let known = name.as_ref().map(|name| &name.value);
    let runtime = read_runtime(table.table("runtime"), known, taken, on_this_machine);
    let router = read_router(table.table("router"), taken);
    let is_https = url
        .as_ref()
        .is_some_and(|url| url.scheme_str() == Some("https"));
    let health = read_health(table.table("health"), is_https);
    let deploy = read_deploy(table.table("deploy"));
    let policy = policy::read(table.table("policy"), on_this_machine);
    if on_this_machine {
        if let Some(database) = &database {
            sqlite_database(&table, database);
        }
        for folder in [&backups, &releases].into_iter().flatten() {
            writable_folder(&table, folder);
        }
    }
    // The folders first, so that paths inside of them are recognised as wrong, whatever their order.
    for folder in [&releases, &backups].into_iter().flatten() {
        taken.path(&table, folder, Holds::WhatIsRemoved, on_this_machine);
    }
    if let Some(database) = &database {
        taken.path(&table, database, Holds::Files, on_this_machine);
    }
    table.finish();
    Some(AppConfig {
        name: name?.value,
        database: database?.value,
        backups: backups?.value,
        releases: releases?.value,
        url,
        backup,
        runtime: runtime?,
        router: router?,
        health,
        deploy,
        policy,
    })
}

fn read_backup(table: Table<'_>) -> BackupConfig {
    let usual = BackupConfig::default();
    let at = table.or("at", usual.at);
    let deadline = table.or("deadline", usual.deadline);
    within(&table, &deadline, "10s", "24h");
    let defaults = usual.keep;
    let count = |key: &str, default: u32| {
        let placed = table.or(key, default);
        if placed.value == 0 {
            table.problem_at(
                &placed,
                format!("0 would keep nothing; it must be 1 or more (usual is {default})"),
            );
        } else if placed.value > MAX_COUNT {
            table.problem_at(
                &placed,
                format!(
                    "{} is more than anybody can want; it must be at most {MAX_COUNT} (usual is {default})",
                    placed.value
                ),
            );
        }
        placed.value
    };
    let keep = Keep {
        daily: count("keep_daily", defaults.daily),
        weekly: count("keep_weekly", defaults.weekly),
        monthly: count("keep_monthly", defaults.monthly),
        manual: count("keep_manual", defaults.manual),
        before_deploy: count("keep_before_deploy", defaults.before_deploy),
        before_restore_days: count("keep_before_restore_days", defaults.before_restore_days),
    };
    let number = table.or("level", Level::USUAL);
    let level = Level::new(number.value);
    if level.is_none() {
        let text = format!(
            "{} is no level of compression; it must be {} (quick) to {} (small; usual is {})",
            number.value,
            Level::NUMBERS.start(),
            Level::NUMBERS.end(),
            Level::USUAL
        );
        table.problem_at(&number, text);
    }
    let drill_every = table.or("drill_every", usual.drill_every);
    if !drill_every.value.is_zero() {
        within(&table, &drill_every, "1h", "2160h");
    }
    let drill_shrink = table.or("drill_shrink", usual.drill_shrink);
    if !(1..=100).contains(&drill_shrink.value) {
        let text = format!(
            "{} is no share of a table's rows; it must be 1 to 100, in percent (usual is 20)",
            drill_shrink.value
        );
        table.problem_at(&drill_shrink, text);
    }
    let pull_within = table.or("pull_within", usual.pull_within);
    if !pull_within.value.is_zero() {
        within(&table, &pull_within, "1h", "2160h");
    }
    let heartbeat = table
        .optional::<Address>("heartbeat")
        .map(|address| address.value);
    table.finish();
    BackupConfig {
        at: at.value,
        keep,
        deadline: deadline.value,
        level: level.unwrap_or_default(),
        drill_every: drill_every.value,
        drill_shrink: drill_shrink.value,
        pull_within: pull_within.value,
        heartbeat,
    }
}

fn read_runtime(
    table: Table<'_>,
    name: Option<&AppName>,
    taken: &mut Taken,
    on_this_machine: bool,
) -> Option<RuntimeConfig> {
    let kind = table.or("kind", "process".to_owned());
    match kind.value.as_str() {
        "process" => read_process(table, taken, on_this_machine).map(RuntimeConfig::Process),
        "systemd" => systemd::read(table, name, taken, on_this_machine).map(RuntimeConfig::Systemd),
        other => {
            let text =
                format!("there is no runtime `{other}`; it must be `\"process\"` or `\"systemd\"`");
            table.problem_at(&kind, text);
            None
        }
    }
}

fn read_process(
    table: Table<'_>,
    taken: &mut Taken,
    on_this_machine: bool,
) -> Option<ProcessConfig> {
    let command = table.required::<Vec<String>>("command");
    if let Some(command) = &command {
        check_command(&table, command, on_this_machine);
    }
    let blue_port = table.or("blue_port", 3001_u16);
    let green_port = table.or("green_port", 3002_u16);
    taken.local_port(&table, &blue_port);
    taken.local_port(&table, &green_port);
    let stop_timeout = table.or("stop_timeout", Duration::from_secs(10));
    within(&table, &stop_timeout, "1s", "10m");
    let (port_variable, database_variable, env) = check_variables(&table);
    table.finish();
    Some(ProcessConfig {
        command: command?.value,
        blue_port: blue_port.value,
        green_port: green_port.value,
        stop_timeout: stop_timeout.value,
        port_variable,
        database_variable,
        env,
    })
}

/// Refuses a command whose program does not exist.
fn check_command(table: &Table<'_>, command: &Placed<Vec<String>>, on_this_machine: bool) {
    match command.value.first().map(|program| program.trim()) {
        None | Some("") => table.problem_at(
            command,
            "names no program; write for example `[\"node\", \"server.js\"]`",
        ),
        Some(program) if on_this_machine && !is_there(program) => table.problem_at(
            command,
            format!("there is no program `{program}` on this machine; install it, or write its whole path"),
        ),
        Some(_) => {}
    }
}

/// The names of the variables for the port and the database, and further variables.
fn check_variables(table: &Table<'_>) -> (String, String, BTreeMap<String, String>) {
    let port_variable = table.or("port_variable", "PORT".to_owned());
    let database_variable = table.or("database_variable", "DATABASE_PATH".to_owned());
    let env = table.or("env", BTreeMap::<String, String>::new());
    let told = [&port_variable, &database_variable];
    for variable in told {
        if !is_variable(&variable.value) {
            table.problem_at(variable, not_a_variable(&variable.value));
        }
    }
    if port_variable.value == database_variable.value {
        table.problem_at(
            &database_variable,
            format!(
                "`{}` is already the port's variable; each needs its own",
                database_variable.value
            ),
        );
    }
    for name in env.value.keys() {
        if !is_variable(name) {
            table.problem_at(&env, not_a_variable(name));
        } else if name.starts_with("TEALKEEP_") || told.iter().any(|known| known.value == *name) {
            table.problem_at(
                &env,
                format!("`{name}` is set by Tealkeep itself; leave it out here"),
            );
        }
    }
    (port_variable.value, database_variable.value, env.value)
}

fn read_router(table: Table<'_>, taken: &mut Taken) -> Option<RouterConfig> {
    let kind = table.or("kind", "gate".to_owned());
    match kind.value.as_str() {
        "gate" => read_gate(table, taken).map(RouterConfig::Gate),
        "caddy" => caddy::read(table, taken).map(RouterConfig::Caddy),
        other => {
            let text =
                format!("there is no router `{other}`; it must be `\"gate\"` or `\"caddy\"`");
            table.problem_at(&kind, text);
            None
        }
    }
}

/// As [`crate::router::gate::HEADER_LIMIT`] is.
const DEFAULT_HEAD_BYTES: u32 = 16 * 1024;
/// The allowed range of `max_head_bytes`: the smallest buffer, and what no real head exceeds.
const HEAD_BYTES: std::ops::RangeInclusive<u32> = 8 * 1024..=256 * 1024;

fn read_gate(table: Table<'_>, taken: &mut Taken) -> Option<GateSection> {
    let listen = table.or(
        "listen",
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 3000),
    );
    taken.port(&table, &listen);
    let hold_timeout = table.or("hold_timeout", Duration::from_secs(30));
    within(&table, &hold_timeout, "1s", "10m");
    let retry_for = table.or("retry_for", Duration::from_secs(5));
    within(&table, &retry_for, "0s", "5m");
    let trust_forwarded = table.or("trust_forwarded", false);
    let max_head_bytes = table.or("max_head_bytes", DEFAULT_HEAD_BYTES);
    if !HEAD_BYTES.contains(&max_head_bytes.value) {
        table.problem_at(
            &max_head_bytes,
            format!(
                "{} is out of range; it must be from {} to {} bytes",
                max_head_bytes.value,
                HEAD_BYTES.start(),
                HEAD_BYTES.end()
            ),
        );
    }
    table.finish();
    Some(GateSection {
        listen: listen.value,
        hold_timeout: hold_timeout.value,
        retry_for: retry_for.value,
        trust_forwarded: trust_forwarded.value,
        max_head_bytes: max_head_bytes.value as usize,
    })
}

fn read_health(table: Table<'_>, is_https: bool) -> HealthConfig {
    let path = table.or("path", "/healthz".to_owned());
    if !path.value.starts_with('/') || path.value.contains([' ', '#']) {
        table.problem_at(
            &path,
            format!(
                "`{}` is not a path; it must begin with `/`, for example `\"/healthz\"`",
                path.value
            ),
        );
    }
    let host = table.optional::<String>("host");
    if let Some(host) = &host
        && (host.value.is_empty() || !crate::names::host::is_valid(host.value.as_bytes()))
    {
        table.problem_at(
            host,
            format!(
                "`{}` is not a host; it must be a name or an address, and perhaps a port, for example `\"home.example.org\"`",
                host.value
            ),
        );
    }
    let start = table.or("within", Duration::from_secs(30));
    let timeout = table.or("timeout", Duration::from_secs(2));
    within(&table, &start, "1s", "1h");
    within(&table, &timeout, "100ms", "1m");
    if timeout.value > start.value {
        table.problem_at(
            &timeout,
            "is longer than `within`, so that no probe could ever end in time; make it shorter",
        );
    }
    table.finish();
    HealthConfig {
        path: path.value,
        host: host.map(|host| host.value),
        forwarded_proto: if is_https { "https" } else { "http" },
        within: start.value,
        timeout: timeout.value,
    }
}

fn read_deploy(table: Table<'_>) -> DeployConfig {
    let keep_releases = table.or("keep_releases", 5_u32);
    if !(2..=MAX_COUNT).contains(&keep_releases.value) {
        table.problem_at(&keep_releases, format!("{} is out of range; it must be from 2 (the live release and the one to go back to) to {MAX_COUNT}", keep_releases.value));
    }
    let drain_timeout = table.or("drain_timeout", Duration::from_secs(30));
    let keep_warm = table.or("keep_warm", Duration::from_secs(600));
    within(&table, &drain_timeout, "0s", "1h");
    within(&table, &keep_warm, "0s", "168h");
    let prepare = prepare::read(&table);
    table.finish();
    DeployConfig {
        keep_releases: keep_releases.value,
        drain_timeout: drain_timeout.value,
        keep_warm: keep_warm.value,
        prepare,
    }
}

/// How a path is used, as far as other paths must know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Nothing is removed from it: other paths may be inside.
    Files,
    /// Old content is removed from it: nothing else may be inside.
    WhatIsRemoved,
}

/// The ports and paths that a configuration may use only once.
#[derive(Default)]
struct Taken {
    ports: HashMap<u16, String>,
    paths: Vec<(PathBuf, String, Holds)>,
}

impl Taken {
    fn port(&mut self, table: &Table<'_>, at: &Placed<SocketAddr>) {
        self.take(table, at.value.port(), at);
    }

    fn local_port(&mut self, table: &Table<'_>, at: &Placed<u16>) {
        self.take(table, at.value, at);
    }

    fn take<T>(&mut self, table: &Table<'_>, port: u16, at: &Placed<T>) {
        if let Some(whose) = self.ports.get(&port) {
            let text = if at.given {
                format!("port {port} is already that of {whose}; each needs its own")
            } else {
                format!("its default, port {port}, is already that of {whose}; give it another one")
            };
            table.problem_at(at, text);
            return;
        }
        let whose = match at.given {
            true => format!("{} (line {})", at.key, at.line),
            false => format!("{} (by default)", at.key),
        };
        self.ports.insert(port, whose);
    }

    fn path(
        &mut self,
        table: &Table<'_>,
        path: &Placed<PathBuf>,
        holds: Holds,
        on_this_machine: bool,
    ) {
        let shown = path.value.display();
        let real = match path.value.canonicalize() {
            Ok(real) if on_this_machine => real,
            Ok(_) | Err(_) => path.value.clone(),
        };
        let clash = self.paths.iter().find_map(|(other, key, others)| {
            if *other == real {
                Some(format!("{shown} is already that of {key}; each needs its own"))
            } else if *others == Holds::WhatIsRemoved && real.starts_with(other) {
                Some(format!("{shown} lies inside of {key}, where old things are removed; choose a place outside of it"))
            } else if holds == Holds::WhatIsRemoved && other.starts_with(&real) {
                Some(format!("{key} lies inside of {shown}, where old things are removed; choose another folder"))
            } else {
                None
            }
        });
        if let Some(text) = clash {
            table.problem_at(path, text);
        }
        self.paths.push((real, path.key.clone(), holds));
    }
}

/// Refuses a duration out of bounds, which are written as in the file.
fn within(table: &Table<'_>, length: &Placed<Duration>, least: &str, most: &str) {
    let bound = |text: &str| {
        let parsed: Option<jiff::SignedDuration> = text.parse().ok();
        parsed
            .and_then(|bound| Duration::try_from(bound).ok())
            .expect("the bounds are durations")
    };
    let wrong = if length.value < bound(least) {
        "short"
    } else if length.value > bound(most) {
        "long"
    } else {
        return;
    };
    table.problem_at(
        length,
        format!("is too {wrong}; it must be from `\"{least}\"` to `\"{most}\"`"),
    );
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn not_a_variable(name: &str) -> String {
    format!(
        "`{name}` can't be the name of an environment variable; it must be letters, digits and `_`, for example `PORT`"
    )
}

/// Whether a program exists; one that is relative to the release's directory counts as existing.
fn is_there(program: &str) -> bool {
    let path = Path::new(program);
    if path.is_absolute() {
        return path.is_file();
    }
    if program.contains('/') {
        return true;
    }
    std::env::var_os("PATH")
        .is_some_and(|all| std::env::split_paths(&all).any(|folder| folder.join(program).is_file()))
}

fn place_for_socket(table: &Table<'_>, socket: &Placed<PathBuf>) {
    let path = &socket.value;
    if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
        table.problem_at(
            socket,
            format!(
                "the folder {0} does not exist; make it with `mkdir -p {0}`, or name another socket",
                folder.display()
            ),
        );
    } else if path
        .symlink_metadata()
        .is_ok_and(|meta| !meta.file_type().is_socket())
    {
        table.problem_at(
            socket,
            format!(
                "{} is there already and is not a socket; name another path",
                path.display()
            ),
        );
    }
}

fn writable_folder(table: &Table<'_>, folder: &Placed<PathBuf>) {
    let path = &folder.value;
    let text = match path.metadata() {
        Ok(meta) if !meta.is_dir() => format!("{} is not a folder; name one", path.display()),
        Ok(_) => match crate::durable::Unnamed::create_in(path, 0o600) {
            Ok(_) => return,
            Err(error) => format!(
                "{error}; give the folder to the user that runs tealkeep, or name another one"
            ),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => format!(
            "the folder {0} does not exist; make it with `mkdir -p {0}` and give it to the user that runs tealkeep",
            path.display()
        ),
        Err(error) => format!(
            "the folder {} can't be used ({error}); name another one",
            path.display()
        ),
    };
    table.problem_at(folder, text);
}

fn sqlite_database(table: &Table<'_>, database: &Placed<PathBuf>) {
    let path = &database.value;
    let text = match path.metadata() {
        Ok(_) => {
            let tell = &mut |_| {};
            let watch = Watch::new(tell, Cancel::never(), DATABASE_TIMEOUT);
            match Database::open(path, Access::Read, DATABASE_TIMEOUT, &watch) {
                Ok(_) => return,
                Err(error) => error.to_string(),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let make_folder = match path.parent() {
                Some(folder) if !folder.exists() => format!("mkdir -p {} && ", folder.display()),
                Some(_) | None => String::new(),
            };
            format!(
                "there is no database at {0} yet. If the app keeps it elsewhere, mend the path; for a new app, make an empty file as the app's user, which is an empty database: `{make_folder}touch {0}`",
                path.display()
            )
        }
        Err(error) => format!(
            "{} can't be used ({error}); name the database's own file",
            path.display()
        ),
    };
    table.problem_at(database, text);
}
