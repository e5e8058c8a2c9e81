//! Full-text searches: for a text whose words tell tokenizers apart, and for words of the rows that are there.

use std::collections::BTreeSet;

use rusqlite::types::Value;

use super::probe::{Probe, Schemas, Step};
use super::sample::Samples;
use super::state::Reach;
use crate::rows::Side;
use crate::schema::Table;
use crate::sql::{list, quoted};

/// Its words have accents, endings, capitals, hyphens and digits.
const TEXT: &str = "Café Zürich running Foxes well-known 42nd user@mail.example";
/// What is searched for in it: words, other spellings, beginnings, inner parts, phrases.
const SEARCHES: [&str; 23] = [
    "café",
    "cafe",
    "CAFÉ",
    "caf*",
    "afé",
    "zurich",
    "zürich",
    "run",
    "running",
    "runn*",
    "unnin",
    "fox",
    "foxes",
    "oxe",
    "\"running foxes\"",
    "\"foxes running\"",
    "known",
    "\"well-known\"",
    "42*",
    "nd",
    "mail",
    "\"user@mail\"",
    "ch",
];
/// How many words of rows are searched for.
const MAX_WORDS: usize = 15;
/// The rowid of the row with the text.
const ROWID: i64 = 987_654_321;

/// The probes of a virtual table.
pub fn plan(
    schemas: Schemas<'_>,
    samples: &Samples,
    reach: &Reach,
    table: &Table,
    probes: &mut Vec<Probe>,
) {
    let Some((module, _)) = &table.module else {
        return;
    };
    let name = quoted(&table.name);
    let columns: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let all = list(columns.iter().copied());
    let key = table.name.to_ascii_lowercase();
    let mut add = |what: String, steps: Vec<Step>| {
        let (table, columns) = (key.clone(), Vec::new());
        probes.push(Probe {
            table,
            what,
            steps,
            columns,
        });
    };
    add(
        "a read".to_owned(),
        vec![Step::new(format!("SELECT {all} FROM {name}"), Vec::new())],
    );
    add(
        "a delete".to_owned(),
        vec![Step::new(format!("DELETE FROM {name}"), Vec::new())],
    );
    if !module.starts_with("fts") {
        return;
    }
    let find = format!("SELECT rowid FROM {name} WHERE {name} MATCH ?");
    for word in words(schemas, samples, reach, &key) {
        let steps = vec![Step::new(
            find.clone(),
            vec![Value::Text(format!("\"{word}\""))],
        )];
        add(format!("a search for {word}"), steps);
    }
    let marks = vec!["?"; columns.len()].join(", ");
    let mut bound = vec![Value::Integer(ROWID)];
    bound.extend(columns.iter().map(|_| Value::Text(TEXT.to_owned())));
    let setup = Step::new(
        format!("INSERT INTO {name}(rowid, {all}) VALUES (?, {marks})"),
        bound,
    );
    let of_columns = columns.iter().map(|column| format!("{column}:running"));
    for search in SEARCHES
        .iter()
        .map(|&search| search.to_owned())
        .chain(of_columns)
    {
        let step = Step::new(find.clone(), vec![Value::Text(search.clone())]);
        add(format!("a search for {search}"), vec![setup.clone(), step]);
    }
    for shown in [
        "highlight(?0, 0, '[', ']')",
        "snippet(?0, 0, '[', ']', '…', 5)",
        "snippet(?0)",
    ] {
        let shown = shown.replace("?0", &name);
        let sql = format!("SELECT {shown} FROM {name} WHERE {name} MATCH 'running'");
        add(
            format!("a search with {shown}"),
            vec![setup.clone(), Step::new(sql, Vec::new())],
        );
    }
    let first = columns.first().copied().map(quoted).unwrap_or_default();
    let like = format!("SELECT rowid FROM {name} WHERE {first} LIKE '%unnin%'");
    add(
        "a search with LIKE".to_owned(),
        vec![setup, Step::new(like, Vec::new())],
    );
}

/// Words of the sampled rows that may be in the index: its own, and those of tables whose triggers or content feed it.
fn words(schemas: Schemas<'_>, samples: &Samples, reach: &Reach, name: &str) -> BTreeSet<String> {
    let sources = schemas
        .before
        .tables
        .keys()
        .filter(|table| reach.of(table).contains(name));
    let mut found = BTreeSet::new();
    for row in sources.flat_map(|table| samples.of(Side::Old, table)) {
        for value in &row.values {
            if let Value::Text(text) = value {
                let words = text
                    .split(|c: char| !c.is_alphanumeric())
                    .filter(|word| !word.is_empty());
                found.extend(words.take(3).map(str::to_lowercase));
            }
        }
        if found.len() >= MAX_WORDS {
            break;
        }
    }
    found
}
