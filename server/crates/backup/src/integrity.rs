//! SQLite's own check of a database, graded: what is damage to the file, what only breaks a rule of the app's
//! schema, and what could not be checked because only the app has the functions that its schema uses.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use serde::{Deserialize, Serialize};

use super::sqlite::{TableName, lacks_something, ordinary_tables, quoted, tables_of_type};

/// From this size on a nightly check is SQLite's `quick_check`; below it is the full `integrity_check`.
pub const FULL_CHECK_LIMIT_BYTES: u64 = 256 << 20;

/// How many different findings of one grade are kept.
const MAX_FINDINGS: usize = 10;
/// How many lines the first pass asks for. It stays small because SQLite collects what it finds in the b-trees in
/// memory before it answers.
const FIRST_PASS_MAX_LINES: u32 = 100;
/// How many functions and collations of the app are replaced by stubs before the check is given up.
const MAX_STUBS: usize = 64;

/// What SQLite's check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Integrity {
    /// Pages, the freelist, b-trees, indexes: the file is damaged. At most ten findings.
    pub damage: Vec<String>,
    /// What does not make the file damaged.
    pub concerns: Concerns,
}

/// What a check noticed about the content of a database whose file is whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concerns {
    /// Rows that break a rule of the app's schema: NOT NULL, CHECK, a column's type, a full-text index that is out of
    /// step. At most ten findings, such as `NULL value in doses.at (3 times)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content_findings: Vec<String>,
    /// What could not be checked without the app's own functions, collations, tokenizers or modules, such as
    /// `chores: unknown function: regexp()`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
}

/// Runs SQLite's own check (sqlite.org/pragma.html#pragma_integrity_check): the full one where `plain_bytes` is below
/// [`FULL_CHECK_LIMIT_BYTES`], the quick one above. A schema that uses functions, collations, tokenizers or modules which
/// this process lacks is checked as far as possible; its pages and b-trees always are.
///
/// # Errors
/// Whatever SQLite says, and an interruption.
pub fn check(conn: &Connection, plain_bytes: u64) -> rusqlite::Result<Integrity> {
    let pragma = if plain_bytes < FULL_CHECK_LIMIT_BYTES {
        "integrity_check"
    } else {
        "quick_check"
    };
    let mut lines = Lines::default();
    match run(
        conn,
        &format!("{pragma}({FIRST_PASS_MAX_LINES})"),
        &mut lines,
    ) {
        Ok(found) if found < FIRST_PASS_MAX_LINES as usize || !lines.damage.is_empty() => {}
        // Nothing but content so far: damage to an index may come behind it. B-trees come first and were whole, so
        // that nothing accumulates in memory now.
        Ok(_) => {
            lines = Lines::default();
            run(conn, &format!("{pragma}({})", i32::MAX), &mut lines)?;
        }
        Err(e) if lacks_something(&e) => {
            lines = Lines::default();
            check_in_pieces(conn, pragma, &mut lines)?;
        }
        Err(e) => return Err(e),
    }
    note_unopened_modules(conn, &mut lines)?;
    Ok(lines.into_integrity())
}

/// SQLite passes over a virtual table in silence whose module or tokenizer it lacks.
fn note_unopened_modules(conn: &Connection, lines: &mut Lines) -> rusqlite::Result<()> {
    for table in tables_of_type(conn, "virtual")? {
        let TableName::Text(table) = table else {
            continue;
        };
        match conn.prepare(&format!("SELECT * FROM main.{} LIMIT 0", quoted(&table))) {
            Ok(_) => {}
            Err(e) if lacks_something(&e) => {
                lines.unchecked.push(format!("{table}: {}", message(&e)));
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Table by table, and the pages of all of them with stubs in place of what is missing.
fn check_in_pieces(conn: &Connection, pragma: &str, lines: &mut Lines) -> rusqlite::Result<()> {
    let tables = ordinary_tables(conn)?;
    for table in &tables {
        let TableName::Text(table) = table else {
            continue;
        };
        let one = format!("{pragma}({})", quoted(table));
        match run(conn, &one, lines) {
            Ok(_) => continue,
            Err(e) if lacks_something(&e) => {
                lines.unchecked.push(format!("{table}: {}", message(&e)));
            }
            Err(e) => return Err(e),
        }
        // Its rows and indexes may be judged all the same where it is only a CHECK that can't be evaluated.
        match without_check_constraints(conn, || run(conn, &one, lines)) {
            Ok(_) => {}
            Err(e) if lacks_something(&e) => {}
            Err(e) => return Err(e),
        }
    }
    check_pages(conn, lines)
}

/// Every page is in its b-tree or on the freelist, and each b-tree is in order by itself. Stubs stand in for what the
/// app would bring, so what SQLite says of rows and of the order of keys counts for nothing here.
fn check_pages(conn: &Connection, lines: &mut Lines) -> rusqlite::Result<()> {
    for _ in 0..MAX_STUBS {
        let mut pages = Lines::default();
        let all = format!("quick_check({FIRST_PASS_MAX_LINES})");
        match without_check_constraints(conn, || run(conn, &all, &mut pages)) {
            Ok(_) => {
                let structural = pages.damage.into_iter().filter(|line| is_structural(line));
                for line in structural {
                    if !lines.damage.contains(&line) {
                        lines.damage.push(line);
                    }
                }
                return Ok(());
            }
            Err(e) if lacks_something(&e) => {
                if !put_stub(conn, &message(&e))? {
                    lines.unchecked.push(format!("pages: {}", message(&e)));
                    return Ok(());
                }
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Registers what an error message says is missing. `false` where the message names no function or collation.
fn put_stub(conn: &Connection, message: &str) -> rusqlite::Result<bool> {
    let after = |start: &str| message.split_once(start).map(|(_, name)| name.trim());
    if let Some(name) = after("no such collation sequence: ") {
        conn.create_collation(name, |one, other| one.cmp(other))?;
        return Ok(true);
    }
    let function = after("unknown function: ").or_else(|| after("no such function: "));
    let Some(name) = function else {
        return Ok(false);
    };
    let name = name.trim_end_matches("()");
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function(name, -1, flags, |_| Ok(rusqlite::types::Null))?;
    Ok(true)
}

fn without_check_constraints<T>(
    conn: &Connection,
    run: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    conn.pragma_update(None, "ignore_check_constraints", true)?;
    let outcome = run();
    conn.pragma_update(None, "ignore_check_constraints", false)?;
    outcome
}

/// Runs one check into `lines` and answers with how many lines SQLite gave. It ends early once enough damage is known.
fn run(conn: &Connection, pragma: &str, lines: &mut Lines) -> rusqlite::Result<usize> {
    let mut statement = conn.prepare(&format!("PRAGMA main.{pragma}"))?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        // Names in it may be of any bytes.
        let line = String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned();
        if line == "ok" {
            continue;
        }
        count += 1;
        lines.add(line);
        if lines.damage.len() >= MAX_FINDINGS {
            break;
        }
    }
    Ok(count)
}

/// Whether a line comes of the b-trees and the freelist alone (pragma.c puts this before what `OP_IntegrityCk` says).
fn is_structural(line: &str) -> bool {
    line.starts_with("*** in database ")
}

/// Whether a line is about what the app put into its rows, and not about the file. SQLite's own words come first in
/// each of these lines, so no name in one can pass for another (pragma.c, and the xIntegrity methods of fts3.c,
/// fts5_main.c and rtree.c).
fn is_content(line: &str) -> bool {
    const STARTS: [&str; 9] = [
        "NULL value in ",
        "NUMERIC value in ",
        "TEXT value in ",
        "CHECK constraint failed in ",
        "malformed inverted index for FTS",
        "unable to validate the inverted index for FTS",
        "fts5: ",
        "invalid fts5 file format ",
        "In RTree ",
    ];
    STARTS.iter().any(|start| line.starts_with(start))
}

/// SQLite's own words, without the statement.
fn message(e: &rusqlite::Error) -> String {
    match e {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// Lines by their grade.
#[derive(Default)]
struct Lines {
    damage: Vec<String>,
    /// Each with how often it came.
    content: Vec<(String, u64)>,
    unchecked: Vec<String>,
}

impl Lines {
    fn add(&mut self, line: String) {
        if !is_content(&line) {
            self.damage.push(line);
            return;
        }
        if let Some((_, times)) = self.content.iter_mut().find(|(known, _)| *known == line) {
            *times += 1;
        } else if self.content.len() < MAX_FINDINGS {
            self.content.push((line, 1));
        }
    }

    fn into_integrity(self) -> Integrity {
        let mut unchecked = self.unchecked;
        unchecked.dedup();
        unchecked.truncate(MAX_FINDINGS);
        let mut damage = self.damage;
        damage.truncate(MAX_FINDINGS);
        Integrity {
            damage,
            concerns: Concerns {
                content_findings: self.content.into_iter().map(counted).collect(),
                unchecked,
            },
        }
    }
}

fn counted((line, times): (String, u64)) -> String {
    match times {
        1 => line,
        times => format!("{line} ({times} times)"),
    }
}

#[cfg(test)]
mod tests;
