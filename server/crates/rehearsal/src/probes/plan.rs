//! Which probes an old table has, whatever is in it.

use rusqlite::types::Value;

use super::copy::Copy;
use super::invent::{fresh, insert};
use super::probe::{Probe, Schemas, Step};
use crate::report::Kind;
use crate::schema::{Default, Key, Table};
use crate::sql::quoted;

/// How many rows of a table are copied, and how many are deleted and updated.
const MAX_BASES: usize = 3;

/// One old table, with rows to work on.
pub struct Plan<'a> {
    pub old: &'a Copy,
    pub schemas: Schemas<'a>,
    pub table: &'a Table,
    pub name: &'a str,
    /// Rows, sampled or made up.
    pub bases: Vec<Vec<Value>>,
    /// What inserts the row that was made up.
    pub setup: Vec<Step>,
}

impl Plan<'_> {
    /// The probes that every table has.
    pub fn add_all(&self, probes: &mut Vec<Probe>) {
        self.reads(probes);
        self.inserts(probes);
        self.conflicts(probes);
        self.updates(probes);
        self.deletes(probes);
        self.parents(probes);
    }

    /// A probe of these steps, after the row that was made up is there.
    pub fn probe(&self, what: impl Into<String>, steps: Vec<Step>, columns: &[&str]) -> Probe {
        let mut all = self.setup.clone();
        all.extend(steps);
        Probe {
            table: self.name.to_owned(),
            what: what.into(),
            steps: all,
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    /// A copy of a base under fresh keys.
    pub fn copy(&self, base: usize, salt: i64, keep: &[&str]) -> Option<Vec<Value>> {
        fresh(
            self.old,
            self.table,
            self.bases.get(base)?,
            salt,
            keep,
            &self.setup,
        )
    }

    fn is_view_now(&self) -> bool {
        !self.schemas.after.tables.contains_key(self.name)
    }

    fn is_alias(&self, name: &str) -> bool {
        self.table.alias.as_deref() == Some(name)
    }

    /// Whether a primary key could be NULL, by an old quirk of SQLite, but never is: no app means to rely on that.
    fn is_always_given(&self, name: &str) -> bool {
        let is_key = self.table.primary.iter().any(|key| key == name) && !self.is_alias(name);
        let place = self.table.stored().position(|column| column.folded == name);
        let is_null = |base: &Vec<Value>| place.is_some_and(|at| base[at] == Value::Null);
        is_key && !self.bases.iter().any(is_null)
    }

    /// Columns that inserts always supply, since their default is another one and only told as a warning.
    fn supplied(&self) -> Vec<&str> {
        let new = self.schemas.after.tables.get(self.name);
        let differs = |name: &str, default: &Default, not_null: bool| {
            let is = new
                .and_then(|table| table.column(name))
                .map(|column| &column.default);
            is.is_some_and(|is| is != default && !(not_null && *is == Default::None))
        };
        let columns = self.table.stored();
        columns
            .filter(|column| differs(&column.name, &column.default, column.not_null))
            .map(|column| column.folded.as_str())
            .collect()
    }

    fn reads(&self, probes: &mut Vec<Probe>) {
        let table = quoted(&self.table.name);
        for (at, column) in self.table.columns.iter().enumerate() {
            let name = quoted(&column.name);
            let mut steps = vec![Step::new(
                format!("SELECT {name} FROM {table} ORDER BY {name}"),
                Vec::new(),
            )];
            let stored = self
                .table
                .stored()
                .position(|other| other.folded == column.folded)
                .unwrap_or(at);
            for base in self.bases.iter().take(MAX_BASES) {
                if let Some(Value::Text(text)) = base.get(stored) {
                    let spellings = [text.clone(), swap_case(text), format!("{text} ")];
                    let find = format!("SELECT count(*) FROM {table} WHERE {name} = ?");
                    steps.extend(
                        spellings.map(|text| Step::new(find.clone(), vec![Value::Text(text)])),
                    );
                }
            }
            probes.push(self.probe(
                format!("a look-up and a sort by {}", column.name),
                steps,
                &[&column.folded],
            ));
        }
    }

    fn inserts(&self, probes: &mut Vec<Probe>) {
        let supplied = self.supplied();
        for base in 0..self.bases.len().min(MAX_BASES) {
            let Some(one) = self.copy(base, 1, &[]) else {
                continue;
            };
            let all = |row: &[Value]| insert("INSERT", self.table, row, &[], "");
            probes.push(self.probe("an insert of all columns", vec![all(&one)], &[]));
            if let Some(two) = self.copy(base, 2, &[]) {
                probes.push(self.probe("two inserts in a row", vec![all(&one), all(&two)], &[]));
            }
            let optional: Vec<&str> = self
                .table
                .stored()
                .filter(|column| {
                    !self.table.requires(column)
                        && !supplied.contains(&column.folded.as_str())
                        && !self.is_always_given(&column.folded)
                })
                .map(|column| column.folded.as_str())
                .collect();
            let steps = vec![insert("INSERT", self.table, &one, &optional, "")];
            probes.push(self.probe("an insert of the required columns only", steps, &optional));
            for name in optional {
                let steps = vec![insert("INSERT", self.table, &one, &[name], "")];
                probes.push(self.probe(format!("an insert without {name}"), steps, &[name]));
            }
            for (at, column) in self
                .table
                .stored()
                .enumerate()
                .filter(|(_, column)| !column.not_null && !self.is_always_given(&column.folded))
            {
                let mut row = one.clone();
                row[at] = Value::Null;
                probes.push(self.probe(
                    format!("an insert with NULL in {}", column.name),
                    vec![all(&row)],
                    &[&column.folded],
                ));
            }
            self.case_variants(base, &one, probes);
        }
    }

    /// Rows whose texts differ from those of a row that is there in case only.
    fn case_variants(&self, base: usize, one: &[Value], probes: &mut Vec<Probe>) {
        for (at, column) in self.table.stored().enumerate() {
            if let Value::Text(text) = &self.bases[base][at] {
                let mut row = one.to_vec();
                row[at] = Value::Text(swap_case(text));
                let steps = vec![insert("INSERT", self.table, &row, &[], "")];
                let what = format!("an insert whose {} differs in case only", column.name);
                probes.push(self.probe(what, steps, &[&column.folded]));
            }
        }
    }

    fn conflicts(&self, probes: &mut Vec<Probe>) {
        if self.is_view_now() {
            return;
        }
        for present in self.bases.iter().take(MAX_BASES) {
            for verb in ["INSERT OR REPLACE", "INSERT OR IGNORE", "INSERT"] {
                let steps = vec![insert(verb, self.table, present, &[], "")];
                probes.push(self.probe(format!("{verb} of a row that is there"), steps, &[]));
            }
        }
        for key in &self.table.keys {
            self.upserts(key, probes);
        }
    }

    fn upserts(&self, key: &Key, probes: &mut Vec<Probe>) {
        let columns: Vec<&str> = key.columns().collect();
        let words = || key.terms.iter().flat_map(|term| &term.expression.words);
        let keep: Vec<&str> = self
            .table
            .stored()
            .map(|column| column.folded.as_str())
            .filter(|name| words().any(|word| word == name))
            .collect();
        for base in 0..self.bases.len().min(MAX_BASES) {
            // The same value in this key, and fresh ones in the others.
            let row = vary_around(self, base, &keep);
            let terms: Vec<&str> = key
                .terms
                .iter()
                .map(|term| term.expression.text.as_str())
                .collect();
            let condition = key
                .condition
                .as_ref()
                .map(|condition| format!(" WHERE {}", condition.text));
            let target = format!(
                " ON CONFLICT ({}){}",
                terms.join(", "),
                condition.unwrap_or_default()
            );
            let set = self.table.stored().find(|column| {
                !keep.contains(&column.folded.as_str()) && !self.is_alias(&column.folded)
            });
            let set = set
                .or_else(|| self.table.stored().next())
                .map(|column| quoted(&column.name));
            let set = set.unwrap_or_default();
            for action in [
                format!("DO UPDATE SET {set} = excluded.{set}"),
                "DO NOTHING".to_owned(),
            ] {
                let steps = vec![insert(
                    "INSERT",
                    self.table,
                    &row,
                    &[],
                    &format!("{target} {action}"),
                )];
                probes.push(self.probe(
                    format!("an upsert on {}", key.in_words()),
                    steps,
                    &columns,
                ));
            }
            for verb in ["INSERT OR REPLACE", "INSERT OR IGNORE"] {
                let steps = vec![insert(verb, self.table, &row, &[], "")];
                probes.push(self.probe(format!("{verb} over {}", key.in_words()), steps, &columns));
            }
        }
    }

    fn updates(&self, probes: &mut Vec<Probe>) {
        let table = quoted(&self.table.name);
        for (at, column) in self.table.stored().enumerate() {
            let name = quoted(&column.name);
            let steps = vec![Step::new(
                format!("UPDATE {table} SET {name} = {name}"),
                Vec::new(),
            )];
            probes.push(self.probe(
                format!("an update of {} to itself", column.name),
                steps,
                &[&column.folded],
            ));
            for (place, base) in self.bases.iter().enumerate().take(MAX_BASES) {
                let Some((condition, key)) = self.condition(base) else {
                    continue;
                };
                let mut set = |what: &str, value: Value| {
                    let mut values = vec![value];
                    values.extend(key.iter().cloned());
                    let step = Step::new(
                        format!("UPDATE {table} SET {name} = ? WHERE {condition}"),
                        values,
                    );
                    probes.push(self.probe(
                        format!("an update of {} to {what}", column.name),
                        vec![step],
                        &[&column.folded],
                    ));
                };
                if !self.is_always_given(&column.folded) {
                    set("NULL", Value::Null);
                }
                for other in self
                    .bases
                    .iter()
                    .filter(|other| other[at] != base[at])
                    .take(2)
                {
                    set("another row's value", other[at].clone());
                }
                if let Some(copy) = self.copy(place, 3, &[]).filter(|copy| copy[at] != base[at]) {
                    set("a fresh value", copy[at].clone());
                }
            }
        }
    }

    fn deletes(&self, probes: &mut Vec<Probe>) {
        let table = quoted(&self.table.name);
        for base in &self.bases {
            if let Some((condition, key)) = self.condition(base) {
                let step = Step::new(format!("DELETE FROM {table} WHERE {condition}"), key);
                probes.push(self.probe("a delete", vec![step], &[]));
            }
        }
        probes.push(self.probe(
            "a delete of all rows",
            vec![Step::new(format!("DELETE FROM {table}"), Vec::new())],
            &[],
        ));
    }

    /// What happens to a row when the row that it refers to goes, or gets another key.
    fn parents(&self, probes: &mut Vec<Probe>) {
        for key in &self.table.foreign {
            let Some(base) = self.bases.first() else {
                return;
            };
            let place = |name: &String| {
                self.table
                    .stored()
                    .position(|column| column.folded == *name)
            };
            let values: Option<Vec<Value>> = key
                .from
                .iter()
                .map(|name| place(name).map(|at| base[at].clone()))
                .collect();
            let Some(values) = values
                .filter(|values| !values.contains(&Value::Null) && values.len() == key.to.len())
            else {
                continue;
            };
            let (parent, columns) = (
                quoted(&key.parent),
                key.from.iter().map(String::as_str).collect::<Vec<_>>(),
            );
            let terms: Vec<String> = key
                .to
                .iter()
                .map(|name| format!("{} = ?", quoted(name)))
                .collect();
            let condition = terms.join(" AND ");
            let delete = Step::new(
                format!("DELETE FROM {parent} WHERE {condition}"),
                values.clone(),
            );
            probes.push(self.probe(
                format!("a delete of the row in {} that it refers to", key.parent),
                vec![delete],
                &columns,
            ));
            let to = quoted(&key.to[0]);
            let rekey = format!(
                "UPDATE {parent} SET {to} = CASE typeof({to}) WHEN 'integer' THEN {to} + 5000011 ELSE {to} || 'k' END WHERE {condition}"
            );
            let what = format!("a new key for the row in {} that it refers to", key.parent);
            probes.push(self.probe(what, vec![Step::new(rekey, values)], &columns));
        }
    }

    /// What names one row: its primary key, or else everything in it.
    pub fn condition(&self, base: &[Value]) -> Option<(String, Vec<Value>)> {
        let all: Vec<&str> = self
            .table
            .stored()
            .map(|column| column.folded.as_str())
            .collect();
        let key: Vec<&str> = match self.table.primary.as_slice() {
            [] => all,
            key => key.iter().map(String::as_str).collect(),
        };
        let place = |name: &str| self.table.stored().position(|column| column.folded == name);
        let values: Option<Vec<Value>> = key
            .iter()
            .map(|name| place(name).map(|at| base[at].clone()))
            .collect();
        let terms: Vec<String> = key
            .iter()
            .map(|name| format!("{} IS ?", quoted(name)))
            .collect();
        Some((terms.join(" AND "), values?))
    }

    /// Whether a table's new schema has something of a kind that is worth probes of its own.
    pub fn is_stricter(&self) -> Option<Kind> {
        let new = self.schemas.after.tables.get(self.name)?;
        (new.strict && !self.table.strict).then_some(Kind::StrictAdded)
    }
}

fn vary_around(plan: &Plan<'_>, base: usize, keep: &[&str]) -> Vec<Value> {
    super::invent::vary(plan.table, &plan.bases[base], 4, keep, 0)
}

/// Upper case where it was lower case, and the other way round.
pub fn swap_case(text: &str) -> String {
    let swap = |c: char| {
        if c.is_ascii_uppercase() {
            c.to_ascii_lowercase()
        } else {
            c.to_ascii_uppercase()
        }
    };
    text.chars().map(swap).collect()
}
