//! Reads TOML tables key by key and collects every problem with its line, so that a person can fix a file in one go. An unknown
//! key is a problem too.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml_edit::{Item, TableLike};

/// One problem in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Counted from 1; 0 if it concerns the whole file.
    pub line: usize,
    /// The dotted path of the key, such as `app.home.router.listen`; empty for the whole file.
    pub key: String,
    /// What is wrong and what would be right.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)
    }
}

/// The problems found so far in one file; shared by all the tables that are read from it.
#[derive(Debug)]
pub struct Problems {
    /// Where each line begins, to convert byte offsets into lines.
    line_starts: Vec<usize>,
    found: RefCell<Vec<Problem>>,
}

impl Problems {
    /// For the file with this text.
    #[must_use]
    pub fn of(source: &str) -> Problems {
        let line_starts = std::iter::once(0)
            .chain(source.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Problems {
            line_starts,
            found: RefCell::default(),
        }
    }

    /// The line (from 1) of a byte offset.
    #[must_use]
    pub fn line_at(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// Notes a problem.
    pub fn add(&self, line: usize, key: impl Into<String>, text: impl Into<String>) {
        self.found.borrow_mut().push(Problem {
            line,
            key: key.into(),
            text: text.into(),
        });
    }

    /// Everything found, in the order of the file.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort();
        found.dedup();
        found
    }

    fn line_of(&self, item: &Item) -> usize {
        item.span().map_or(0, |span| self.line_at(span.start))
    }
}

/// A value and its line, for later checks (such as two equal ports).
#[derive(Debug, Clone)]
pub struct Placed<T> {
    /// The value, or its default.
    pub value: T,
    /// The line of the value; that of its table if it is the default.
    pub line: usize,
    /// The dotted path of the key.
    pub key: String,
    /// Whether the file has it; otherwise it is the default.
    pub given: bool,
}

/// A kind of value that a key can have.
pub trait FromToml: Sized {
    /// What would be right, such as ``a number of seconds, for example `30s` ``.
    const RIGHT: &'static str;

    /// Reads the value; `Err` says what is wrong with it, but not what would be right.
    ///
    /// # Errors
    /// The value is of another type, or impossible.
    fn from_toml(item: &Item) -> Result<Self, String>;
}

/// A table being read.
#[derive(Clone)]
pub struct Table<'a> {
    table: &'a dyn TableLike,
    line: usize,
    path: String,
    asked: RefCell<BTreeSet<String>>,
    problems: &'a Problems,
}

impl<'a> Table<'a> {
    /// The root table of a document.
    #[must_use]
    pub fn root(table: &'a dyn TableLike, problems: &'a Problems) -> Table<'a> {
        Table {
            table,
            line: 0,
            path: String::new(),
            asked: RefCell::default(),
            problems,
        }
    }

    /// The value of a required key; a missing or wrong one is noted and gives `None`.
    pub fn required<T: FromToml>(&self, key: &str) -> Option<Placed<T>> {
        let found = self.optional(key);
        if found.is_none() && self.table.get(key).is_none() {
            self.problem_here(key, format!("is missing; it must be {}", T::RIGHT));
        }
        found
    }

    /// The value of an optional key.
    pub fn optional<T: FromToml>(&self, key: &str) -> Option<Placed<T>> {
        self.asked.borrow_mut().insert(key.to_owned());
        let item = self.table.get(key)?;
        let line = self.problems.line_of(item);
        match T::from_toml(item) {
            Ok(value) => Some(Placed {
                value,
                line,
                key: self.dotted(key),
                given: true,
            }),
            Err(wrong) => {
                self.problems.add(
                    line,
                    self.dotted(key),
                    format!("{wrong}; it must be {}", T::RIGHT),
                );
                None
            }
        }
    }

    /// The value of a key, or its default.
    pub fn or<T: FromToml>(&self, key: &str, default: T) -> Placed<T> {
        self.optional(key).unwrap_or_else(|| Placed {
            value: default,
            line: self.line,
            key: self.dotted(key),
            given: false,
        })
    }

    /// The table under a key; a missing one reads as empty, so that its defaults apply.
    pub fn table(&self, key: &str) -> Table<'a> {
        self.asked.borrow_mut().insert(key.to_owned());
        let (table, line): (&'a dyn TableLike, usize) = match self.table.get(key) {
            None => (empty(), self.line),
            Some(item) => {
                let line = self.problems.line_of(item);
                match item.as_table_like() {
                    Some(table) => (table, line),
                    None => {
                        self.problems.add(
                            line,
                            self.dotted(key),
                            format!("is not a table; write `[{}]`", self.dotted(key)),
                        );
                        (empty(), line)
                    }
                }
            }
        };
        Table {
            table,
            line,
            path: self.dotted(key),
            asked: RefCell::default(),
            problems: self.problems,
        }
    }

    /// The tables of an array of tables, `[[key]]`.
    pub fn tables(&self, key: &str) -> Vec<Table<'a>> {
        self.asked.borrow_mut().insert(key.to_owned());
        let Some(item) = self.table.get(key) else {
            return Vec::new();
        };
        let Some(array) = item.as_array_of_tables() else {
            self.problems.add(
                self.problems.line_of(item),
                self.dotted(key),
                format!(
                    "is not a list of tables; begin each with `[[{}]]`",
                    self.dotted(key)
                ),
            );
            return Vec::new();
        };
        array
            .iter()
            .map(|table| Table {
                table,
                line: table
                    .span()
                    .map_or(0, |span| self.problems.line_at(span.start)),
                path: self.dotted(key),
                asked: RefCell::default(),
                problems: self.problems,
            })
            .collect()
    }

    /// The same table under a clearer name (`app.home` instead of `app`).
    #[must_use]
    pub fn called(mut self, path: &str) -> Table<'a> {
        path.clone_into(&mut self.path);
        self
    }

    /// Whether the file has this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// The line on which the table begins.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Notes a problem with a key of this table, at the key's line if it has one.
    pub fn problem_here(&self, key: &str, text: impl Into<String>) {
        let line = self
            .table
            .get(key)
            .map_or(self.line, |item| self.problems.line_of(item));
        self.problems.add(line, self.dotted(key), text);
    }

    /// Notes a problem with a value that was read before.
    pub fn problem_at<T>(&self, placed: &Placed<T>, text: impl Into<String>) {
        self.problems.add(placed.line, placed.key.clone(), text);
    }

    /// Ends the reading: every unknown key is a problem, reported with the most similar known one.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for (key, item) in self.table.iter() {
            if asked.contains(key) {
                continue;
            }
            let nearest = asked
                .iter()
                .map(|known| (strsim::jaro_winkler(known, key), known))
                .filter(|(likeness, _)| *likeness > 0.8)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let advice = match nearest {
                Some((_, known)) => {
                    format!("is not known here; did you mean `{known}`?")
                }
                None if asked.is_empty() => "is not known here".to_owned(),
                None => format!(
                    "is not known here; known are {}",
                    asked
                        .iter()
                        .map(|k| format!("`{k}`"))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            };
            let line = self
                .table
                .key(key)
                .and_then(toml_edit::Key::span)
                .map_or_else(
                    || self.problems.line_of(item),
                    |span| self.problems.line_at(span.start),
                );
            self.problems.add(line, self.dotted(key), advice);
        }
    }

    fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

fn empty() -> &'static dyn TableLike {
    static EMPTY: std::sync::LazyLock<toml_edit::Table> =
        std::sync::LazyLock::new(toml_edit::Table::new);
    &*EMPTY
}

fn text_of(item: &Item) -> Result<&str, String> {
    item.as_str().ok_or_else(|| is_a(item))
}

fn is_a(item: &Item) -> String {
    format!("is {}", in_words(item.type_name()))
}

/// toml_edit's name of a type in everyday words.
fn in_words(type_name: &str) -> &str {
    match type_name {
        "string" => "text",
        "integer" => "a whole number",
        "float" => "a number with a fraction",
        "boolean" => "`true` or `false`",
        "datetime" => "a date or a time without quotes",
        "array" => "a list",
        "table" | "inline table" => "a table",
        "array of tables" => "a list of tables",
        other => other,
    }
}

impl FromToml for String {
    const RIGHT: &'static str = "text in quotes";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        if text.trim().is_empty() {
            Err("is empty".to_owned())
        } else {
            Ok(text.to_owned())
        }
    }
}

impl FromToml for PathBuf {
    const RIGHT: &'static str = "a whole path in quotes, for example `\"/srv/home/home.sqlite\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let path = PathBuf::from(text_of(item)?);
        if path.as_os_str().is_empty() {
            Err("is empty".to_owned())
        } else if path.is_absolute() {
            Ok(path)
        } else {
            Err(format!("`{}` does not begin with `/`", path.display()))
        }
    }
}

impl FromToml for bool {
    const RIGHT: &'static str = "`true` or `false`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        item.as_bool().ok_or_else(|| is_a(item))
    }
}

impl FromToml for u32 {
    const RIGHT: &'static str = "a whole number without quotes";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let number = item.as_integer().ok_or_else(|| is_a(item))?;
        u32::try_from(number).map_err(|_| match number {
            ..0 => format!("{number} is negative"),
            0.. => format!("{number} is too large"),
        })
    }
}

impl FromToml for u16 {
    const RIGHT: &'static str = "a port from 1 to 65535, without quotes";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let number = item.as_integer().ok_or_else(|| is_a(item))?;
        match u16::try_from(number) {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(format!("{number} is not a port")),
        }
    }
}

impl FromToml for Duration {
    const RIGHT: &'static str = "a length of time in quotes, in hours, minutes or seconds, for example `\"30s\"`, `\"10m\"` or `\"1h 30m\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        let length: jiff::SignedDuration = text
            .parse()
            .map_err(|_| format!("`{text}` is not a length of time"))?;
        Duration::try_from(length).map_err(|_| format!("`{text}` is negative"))
    }
}

impl FromToml for SocketAddr {
    const RIGHT: &'static str = "an IP address and a port in quotes, for example `\"0.0.0.0:3000\"` (the whole network) or `\"127.0.0.1:3000\"` (this machine)";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        match text.parse::<SocketAddr>() {
            Ok(at) if at.port() == 0 => {
                Err(format!("`{text}` has no port that could be relied on"))
            }
            Ok(at) => Ok(at),
            Err(_) => Err(format!("`{text}` is not an IP address with a port")),
        }
    }
}

impl FromToml for jiff::civil::Time {
    const RIGHT: &'static str = "a time of day in quotes, from `\"00:00\"` to `\"23:59\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        jiff::civil::Time::strptime("%H:%M", text)
            .map_err(|_| format!("`{text}` is not a time of day"))
    }
}

impl FromToml for jiff::tz::TimeZone {
    const RIGHT: &'static str =
        "a time zone's name from the IANA database, for example `\"Europe/Berlin\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        jiff::tz::TimeZone::get(text)
            .map_err(|_| format!("`{text}` is not a time zone that is known here"))
    }
}

impl FromToml for crate::names::AppName {
    const RIGHT: &'static str =
        "a name of 1 to 31 lower-case letters, digits and `-`, beginning with a letter";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        text.parse()
            .map_err(|_| format!("`{text}` can't be an app's name"))
    }
}

impl FromToml for Vec<String> {
    const RIGHT: &'static str = "a list of texts, for example `[\"node\", \"server.js\"]`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let array = item.as_array().ok_or_else(|| is_a(item))?;
        array
            .iter()
            .map(|value| {
                value
                    .as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| format!("has {} in it", in_words(value.type_name())))
            })
            .collect()
    }
}

impl FromToml for Vec<Vec<String>> {
    const RIGHT: &'static str = "a list of commands, for example `[[\"node\", \"--version\"]]`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let array = item.as_array().ok_or_else(|| is_a(item))?;
        let command = |value: &toml_edit::Value| {
            Vec::<String>::from_toml(&Item::Value(value.clone()))
                .map_err(|_| format!("has {} in it", in_words(value.type_name())))
        };
        array.iter().map(command).collect()
    }
}

impl FromToml for http::Uri {
    const RIGHT: &'static str = "`https://` and a host, for example `\"https://home.example.org\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = item.as_str().ok_or_else(|| is_a(item))?;
        let uri: http::Uri = text
            .parse()
            .map_err(|_| format!("`{text}` is no address of a site"))?;
        let known = matches!(uri.scheme_str(), Some("https" | "http"));
        if !known
            || uri.host().is_none()
            || !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
        {
            return Err(format!("`{text}` is no address of a whole site"));
        }
        Ok(uri)
    }
}

impl FromToml for BTreeMap<String, String> {
    const RIGHT: &'static str = "a table of texts, for example `{ NODE_ENV = \"production\" }`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let table = item.as_table_like().ok_or_else(|| is_a(item))?;
        table
            .iter()
            .map(|(key, value)| {
                let text = value
                    .as_str()
                    .ok_or_else(|| format!("has {} under `{key}`", in_words(value.type_name())))?;
                Ok((key.to_owned(), text.to_owned()))
            })
            .collect()
    }
}
