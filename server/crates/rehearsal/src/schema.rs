//! A database's schema as SQLite understood it. Pure data: [`read`] makes it, and everything else compares it.

pub mod default;
pub mod read;

use std::collections::{BTreeMap, BTreeSet};

use crate::sql::folded;
use crate::sql::table::Expression;
use crate::sql::words::Words;

pub use default::Default;

/// A schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Database {
    /// Tables by their names in lower case; virtual ones stand for their shadow tables.
    pub tables: BTreeMap<String, Table>,
    /// Views by their names in lower case.
    pub views: BTreeMap<String, View>,
    /// Triggers by their names in lower case.
    pub triggers: BTreeMap<String, Trigger>,
    /// Every statement of the schema, in the order in which it can be run again: tables, indexes, views, triggers.
    pub statements: Vec<Statement>,
    /// The highest id that AUTOINCREMENT has handed out, by table in lower case.
    pub sequences: BTreeMap<String, i64>,
}

/// What a statement of the schema makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// A table.
    Table,
    /// An index.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
}

/// One statement of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it makes.
    pub object: Object,
    /// Its name, in lower case.
    pub name: String,
    /// Its table, in lower case.
    pub table: String,
    /// The text.
    pub sql: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// As written.
    pub name: String,
    /// The columns in order, without hidden ones.
    pub columns: Vec<Column>,
    /// The primary key's columns in lower case, in the key's order.
    pub primary: Vec<String>,
    /// The column that is the rowid under another name, in lower case.
    pub alias: Option<String>,
    /// Whether ids are never handed out twice.
    pub autoincrement: bool,
    /// Whether types are enforced.
    pub strict: bool,
    /// Whether it has no rowid.
    pub without_rowid: bool,
    /// What is unique, however it is declared.
    pub keys: Vec<Key>,
    /// The other indexes.
    pub indexes: Vec<Key>,
    /// Foreign keys.
    pub foreign: Vec<ForeignKey>,
    /// Conditions in normal form.
    pub checks: BTreeSet<Words>,
    /// `ON CONFLICT` clauses of constraints.
    pub conflicts: BTreeSet<Words>,
    /// The module and its arguments, for a virtual table.
    pub module: Option<(String, Vec<Words>)>,
    /// Why the columns could not be read: a module that only the app has.
    pub unreadable: Option<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// As written.
    pub name: String,
    /// In lower case.
    pub folded: String,
    /// The declared type.
    pub declared: String,
    /// What SQLite makes of the type.
    pub affinity: Affinity,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// What an insert that leaves it out stores.
    pub default: Default,
    /// The collation, in lower case.
    pub collation: String,
    /// The expression of a generated column.
    pub generated: Option<Words>,
}

/// The affinity of a type (sqlite.org/datatype3.html section 3.1), and of STRICT tables' `ANY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// `INTEGER`.
    Integer,
    /// `TEXT`.
    Text,
    /// `BLOB`, or no type.
    Blob,
    /// `REAL`.
    Real,
    /// `NUMERIC`.
    Numeric,
}

impl Affinity {
    /// Of a declared type.
    pub fn of(declared: &str, strict: bool) -> Affinity {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        if has("INT") {
            Affinity::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Affinity::Text
        } else if has("BLOB") || declared.is_empty() || (strict && declared == "ANY") {
            Affinity::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }

    /// The name of a type with this affinity.
    pub fn name(self) -> &'static str {
        match self {
            Affinity::Integer => "INTEGER",
            Affinity::Text => "TEXT",
            Affinity::Blob => "BLOB",
            Affinity::Real => "REAL",
            Affinity::Numeric => "NUMERIC",
        }
    }
}

/// A unique key or another index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The index's name; none for a rowid.
    pub name: Option<String>,
    /// Whether it is the primary key's.
    pub is_primary: bool,
    /// Its columns and expressions, each with its collation.
    pub terms: Vec<Term>,
    /// The condition of a partial one.
    pub condition: Option<Expression>,
}

/// A column or an expression of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// The column in lower case, or the expression.
    pub expression: Expression,
    /// Whether it is a column.
    pub is_column: bool,
    /// In lower case.
    pub collation: String,
}

impl Key {
    /// What makes two keys the same: their terms in any order, and their condition.
    pub fn identity(&self) -> (BTreeSet<(&Words, &str)>, Option<&Words>) {
        let terms = self.terms.iter();
        let terms = terms.map(|term| (&term.expression.words, term.collation.as_str()));
        (
            terms.collect(),
            self.condition.as_ref().map(|condition| &condition.words),
        )
    }

    /// Whether everything that this key demands is demanded by `other` already.
    pub fn follows_from(&self, other: &Key) -> bool {
        let applies = other.condition.is_none() || self.identity().1 == other.identity().1;
        applies
            && other.terms.iter().all(|theirs| {
                self.terms.iter().any(|ours| {
                    ours.expression.words == theirs.expression.words
                        && (ours.collation == theirs.collation || ours.collation == "binary")
                })
            })
    }

    /// Its columns, in lower case.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let columns = self.terms.iter().filter(|term| term.is_column);
        columns.map(|term| term.expression.words[0].as_str())
    }

    /// For a person: `(a, b)`.
    pub fn in_words(&self) -> String {
        let terms: Vec<&str> = self
            .terms
            .iter()
            .map(|term| term.expression.text.as_str())
            .collect();
        let condition = self.condition.as_ref();
        let condition = condition.map(|condition| format!(" WHERE {}", condition.text));
        format!("({}){}", terms.join(", "), condition.unwrap_or_default())
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    /// The child's columns in lower case, in order.
    pub from: Vec<String>,
    /// The parent in lower case.
    pub parent: String,
    /// The parent's columns in lower case.
    pub to: Vec<String>,
    /// `ON UPDATE`.
    pub on_update: String,
    /// `ON DELETE`.
    pub on_delete: String,
    /// Whether it is checked at the end of a transaction only.
    pub is_deferred: bool,
}

/// A view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// As written.
    pub name: String,
    /// Its columns as named, or why it does not compile.
    pub columns: Result<Vec<String>, String>,
    /// Whether it compiles only because `"name"` can mean a string.
    pub needs_string_names: bool,
    /// The definition in normal form.
    pub body: Words,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// As written.
    pub name: String,
    /// Its table or view, in lower case.
    pub table: String,
    /// The definition in normal form, from the time of firing on.
    pub body: Words,
}

impl Table {
    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let name = folded(name);
        self.columns.iter().find(|column| column.folded == name)
    }

    /// The columns that can be written.
    pub fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns
            .iter()
            .filter(|column| column.generated.is_none())
    }

    /// Whether an ordinary table.
    pub fn is_plain(&self) -> bool {
        self.module.is_none()
    }

    /// Whether an insert has to supply this column.
    pub fn requires(&self, column: &Column) -> bool {
        column.not_null
            && column.default == Default::None
            && column.generated.is_none()
            && self.alias.as_ref() != Some(&column.folded)
    }

    /// A name of the rowid that no column hides.
    pub fn rowid(&self) -> Option<&'static str> {
        let free = |name: &&str| self.column(name).is_none();
        let names = ["rowid", "_rowid_", "oid"];
        (!self.without_rowid)
            .then(|| names.into_iter().find(free))
            .flatten()
    }
}

/// Whether a table belongs to a migration tool and not to the app.
pub fn is_bookkeeping(name: &str) -> bool {
    const TOOLS: [&str; 29] = [
        "alembic_version",
        "django_migrations",
        "schema_migrations",
        "ar_internal_metadata",
        "knex_migrations",
        "knex_migrations_lock",
        "__drizzle_migrations",
        "_prisma_migrations",
        "migrations",
        "typeorm_metadata",
        "sequelizemeta",
        "sequelizedata",
        "mikro_orm_migrations",
        "migratehistory",
        "goose_db_version",
        "refinery_schema_history",
        "_sqlx_migrations",
        "__diesel_schema_migrations",
        "seaql_migrations",
        "flyway_schema_history",
        "databasechangelog",
        "databasechangeloglock",
        "schema_version",
        "kysely_migration",
        "kysely_migration_lock",
        "gorp_migrations",
        "_yoyo_migration",
        "_sqlite_migrations",
        "__efmigrationshistory",
    ];
    let name = folded(name);
    TOOLS.contains(&name.as_str())
        || name.starts_with("_yoyo_")
        || name == "yoyo_lock"
        || name.starts_with("_litestream_")
}

/// The names that are not among others.
pub fn lost_columns<'a>(old: &'a [String], new: &[String]) -> Vec<&'a str> {
    let has = |name: &&String| new.iter().any(|other| other.eq_ignore_ascii_case(name));
    old.iter()
        .filter(|name| !has(name))
        .map(String::as_str)
        .collect()
}
