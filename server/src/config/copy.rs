//! The copy of the configuration in each backups folder. A pull brings it to the laptop, where it is when the Pi is gone. It has
//! no comments, and no text of a key that may be a secret.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::reader::{Problem, Problems};

/// The name of the copy in a backups folder.
pub const FILE: &str = "tealkeep.toml";
/// More than any configuration has, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;
/// Replaces each text in the copy that may be a secret. A configuration that contains it is refused.
pub const REMOVED: &str = "(removed from this copy)";

const HEAD: &str = "\
# A copy of Tealkeep's configuration, without its comments, that each pull carries to the laptop. Every text that may be a
# secret reads \"(removed from this copy)\": write it anew before you use this file, or remove its line.

";

/// The beginning of each copy, in all versions.
const HEAD_START: &[u8] = b"# A copy of Tealkeep's configuration,";

/// Whether Tealkeep wrote this text as a copy.
#[must_use]
pub fn is_copy(text: &[u8]) -> bool {
    text.starts_with(HEAD_START)
}

/// The keys whose texts are in the copy. Texts of all other keys, including those that later versions add, are left out.
const PLAIN: [&str; 53] = [
    "zone",
    "state",
    "socket",
    "spool",
    "dashboard.listen",
    "dashboard.hosts",
    "dashboard.trusted_proxies",
    "notify.webhook_secret_file",
    "notify.ntfy_token_file",
    "app.name",
    "app.database",
    "app.releases",
    "app.backups",
    "app.url",
    "app.backup.at",
    "app.backup.deadline",
    "app.backup.drill_every",
    "app.backup.pull_within",
    "app.runtime.kind",
    "app.runtime.command",
    "app.runtime.user",
    "app.runtime.blue_unit",
    "app.runtime.green_unit",
    "app.runtime.stop_timeout",
    "app.runtime.port_variable",
    "app.runtime.database_variable",
    "app.router.kind",
    "app.router.listen",
    "app.router.admin",
    "app.router.hold_listen",
    "app.router.hold_timeout",
    "app.router.retry_for",
    "app.router.active_color",
    "app.router.trusted_proxies",
    "app.health.path",
    "app.health.within",
    "app.health.timeout",
    "app.health.host",
    "app.deploy.drain_timeout",
    "app.deploy.keep_warm",
    "app.deploy.prepare",
    "app.deploy.prepare_inputs",
    "app.deploy.prepare_versions",
    "app.deploy.prepare_timeout",
    "app.policy.html_cache",
    "app.policy.asset_cache",
    "app.policy.service_worker",
    "app.policy.paths",
    "app.policy.pages",
    "app.policy.cookie_file",
    "app.policy.worker",
    "app.policy.immutable",
    "app.policy.every",
];

/// The copy of a configuration; none if there is no text of it.
#[derive(Clone, Default)]
pub struct Redacted(Option<String>);

impl Redacted {
    /// Makes the copy from the text of a configuration.
    #[must_use]
    pub fn of(source: &str) -> Redacted {
        Redacted(of(source))
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// Not compared: it follows from the rest of the configuration.
impl std::fmt::Debug for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redacted")
    }
}

fn of(source: &str) -> Option<String> {
    let document: DocumentMut = source.parse().ok()?;
    let mut copy = DocumentMut::new();
    *copy.as_table_mut() = table("", document.as_table());
    Some(format!("{HEAD}{copy}"))
}

fn below(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

fn table(path: &str, from: &Table) -> Table {
    let mut copy = Table::new();
    copy.set_implicit(from.is_implicit());
    for (key, item) in from.iter() {
        let path = below(path, key);
        let item = match item {
            Item::None => continue,
            Item::Value(of) => Item::Value(value(&path, of)),
            Item::Table(of) => Item::Table(table(&path, of)),
            Item::ArrayOfTables(of) => {
                let tables = of.iter().map(|of| table(&path, of));
                Item::ArrayOfTables(tables.collect::<ArrayOfTables>())
            }
        };
        copy.insert(key, item);
    }
    copy
}

fn value(path: &str, of: &Value) -> Value {
    match of {
        Value::String(text) => match PLAIN.contains(&path) {
            true => Value::from(text.value().as_str()),
            false => Value::from(REMOVED),
        },
        Value::Integer(number) => Value::from(*number.value()),
        Value::Float(number) => Value::from(*number.value()),
        Value::Boolean(is_so) => Value::from(*is_so.value()),
        Value::Datetime(at) => Value::from(*at.value()),
        Value::Array(all) => Value::Array(all.iter().map(|of| value(path, of)).collect::<Array>()),
        Value::InlineTable(of) => {
            let pairs = of
                .iter()
                .map(|(key, of)| (key.to_owned(), value(&below(path, key), of)));
            Value::InlineTable(pairs.collect::<InlineTable>())
        }
    }
}

/// The places where a text is still removed as in a copy.
pub(super) fn gaps(table: &dyn toml_edit::TableLike, problems: &Problems) -> Vec<Problem> {
    let mut found = Vec::new();
    in_table("", table, problems, &mut found);
    found
}

fn in_table(
    path: &str,
    table: &dyn toml_edit::TableLike,
    problems: &Problems,
    found: &mut Vec<Problem>,
) {
    for (key, item) in table.iter() {
        let path = below(path, key);
        if let Some(tables) = item.as_array_of_tables() {
            for table in tables {
                in_table(&path, table, problems, found);
            }
        } else if let Some(table) = item.as_table_like() {
            in_table(&path, table, problems, found);
        } else if item.as_value().is_some_and(has_gap) {
            found.push(Problem {
                line: item.span().map_or(0, |span| problems.line_at(span.start)),
                key: path,
                text: "was removed from this copy, since it may be a secret; write it anew, or remove the line".to_owned(),
            });
        }
    }
}

fn has_gap(value: &Value) -> bool {
    match value {
        Value::String(text) => text.value() == REMOVED,
        Value::Array(all) => all.iter().any(has_gap),
        Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::InlineTable(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// The keys whose texts are known to be secrets, or to lead to one.
    const SECRET: [&str; 5] = [
        "notify.webhook",
        "notify.ntfy",
        "app.backup.heartbeat",
        "app.policy.cookie",
        "app.router.preview",
    ];

    const WHOLE: &str = r#"
# A password: hunter2
zone = "Europe/Berlin"
[notify]
webhook = "https://hooks.example.org/hunter2" # hunter2
webhook_secret_file = "/etc/tealkeep/webhook.secret"
[[app]]
name = "home"
database = "/srv/home/data/home.sqlite"
releases = "/srv/home/releases"
[app.backup]
keep_daily = 9
heartbeat = "https://hc-ping.com/hunter2"
[app.runtime]
kind = "systemd"
command = ["node", "server.js"]
env = { SESSION_SECRET = "hunter2", NODE_ENV = "production" }
[app.router]
kind = "caddy"
preview = "hunter2hunter2hunter2"
[[app]]
name = "garden"
database = "/srv/garden/data/garden.sqlite"
releases = "/srv/garden/releases"
[app.runtime]
kind = "systemd"
blue_port = 3101
green_port = 3102
[app.runtime.env]
TOKEN = "hunter2"
[app.router]
kind = "caddy"
listen = "0.0.0.0:3100"
hold_listen = "127.0.0.1:3103"
"#;

    #[test]
    fn the_copy_holds_everything_but_secrets_and_is_refused_until_they_are_written_anew() {
        let copy = of(WHOLE).unwrap();
        assert!(is_copy(copy.as_bytes()) && !is_copy(WHOLE.as_bytes()));
        assert!(!copy.contains("hunter2"), "{copy}");
        for kept in [
            "Europe/Berlin",
            "webhook.secret",
            "keep_daily = 9",
            "3101",
            "server.js",
            "garden",
        ] {
            assert!(copy.contains(kept), "{kept}: {copy}");
        }
        let refused = Config::parse(&copy, false).unwrap_err();
        let keys: Vec<&str> = refused.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "notify.webhook",
                "app.backup.heartbeat",
                "app.runtime.env.SESSION_SECRET",
                "app.runtime.env.NODE_ENV",
                "app.router.preview",
                "app.runtime.env.TOKEN",
            ]
        );
        assert!(
            refused.iter().all(|problem| problem.line > 0),
            "{refused:?}"
        );
        let mended = copy
            .strip_prefix(HEAD)
            .unwrap()
            .replacen(REMOVED, "https://hooks.example.org/x", 1)
            .replacen(REMOVED, "https://hc-ping.com/x", 1)
            .replace(REMOVED, "0123456789abcdef");
        let config = Config::parse(&mended, false).unwrap();
        assert_eq!(config.apps.len(), 2);
        assert_eq!(config.apps[1].name.as_str(), "garden");
        assert_eq!(of(&mended), Some(copy));
    }

    #[test]
    fn without_secrets_the_copy_is_the_same_configuration() {
        let plain: String = WHOLE
            .lines()
            .filter(|line| {
                !["hunter2", "runtime.env", "webhook_secret_file"]
                    .iter()
                    .any(|secret| line.contains(secret))
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let shown = |text: &str| format!("{:?}", Config::parse(text, false).unwrap().apps);
        assert_eq!(shown(&of(&plain).unwrap()), shown(&plain));
    }

    /// A new key of the configuration is named either in `PLAIN` or in `SECRET`.
    #[test]
    fn every_text_of_the_example_is_known_as_plain_or_as_a_secret() {
        let example = include_str!("../../../tealkeep.example.toml");
        let mut section = String::new();
        let mut seen = 0;
        for line in example.lines() {
            let line = line
                .strip_prefix('#')
                .filter(|l| !l.starts_with(' '))
                .unwrap_or(line);
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_matches(['[', ']']).to_owned();
            } else if let Some((key, rest)) = line.split_once(" = ")
                && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                && rest.contains('"')
            {
                let path = below(&section, key);
                let is_known = PLAIN.contains(&path.as_str()) || SECRET.contains(&path.as_str());
                assert!(is_known, "is `{path}` plain or a secret?");
                seen += 1;
            }
        }
        assert!(seen > 40, "{seen}");
        assert!(SECRET.iter().all(|secret| !PLAIN.contains(secret)));
    }
}
