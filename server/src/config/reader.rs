//! Reads TOML tables key by key and collects every problem with its line, so that a person can fix a file in one go. An unknown
//! key is a problem too.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

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
    const EXPECTED: &'static str;

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
            self.problem_here(key, format!("is missing; it must be {}", T::EXPECTED));
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
                    format!("{wrong}; it must be {}", T::EXPECTED),
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
