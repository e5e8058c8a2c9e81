//! Defaults, compared as the values that they store.

use rusqlite::Connection;

use super::Affinity;
use crate::sql::words::Words;
use crate::sql::{TokenKind, normal, tokens};

/// What an insert that leaves the column out stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Default {
    /// NULL.
    None,
    /// A constant, after the column's affinity, as SQLite writes it in SQL.
    Value(String),
    /// What an expression gives, in its normal form.
    Expression(Words),
}

impl Default {
    /// For a person.
    pub fn in_words(&self) -> String {
        match self {
            Default::None => "no default".to_owned(),
            Default::Value(value) => format!("the default {value}"),
            Default::Expression(words) => format!("the default {}", words.join(" ")),
        }
    }
}

/// Reads a default as `PRAGMA table_xinfo` gives it. `scratch` is a database in memory.
pub fn read(scratch: &Connection, sql: Option<&str>, affinity: Affinity) -> Default {
    let Some(sql) = sql else {
        return Default::None;
    };
    let tokens = tokens(sql);
    let is_constant = tokens.iter().all(|token| match token.kind {
        TokenKind::Text | TokenKind::Number | TokenKind::Blob => true,
        TokenKind::Word => matches!(token.text.as_str(), "true" | "false" | "null"),
        TokenKind::Symbol => matches!(token.text.as_str(), "+" | "-" | "(" | ")"),
        TokenKind::Quoted | TokenKind::Variable => false,
    });
    // `DEFAULT abc` and `DEFAULT "abc"` are strings.
    let bare = match tokens.as_slice() {
        [one] if one.kind == TokenKind::Quoted => Some(&sql[one.start + 1..one.end - 1]),
        [one]
            if one.kind == TokenKind::Word && !one.text.starts_with("current_") && !is_constant =>
        {
            Some(sql)
        }
        _ => None,
    };
    let literal = bare.map(|text| format!("'{}'", text.replace('\'', "''")));
    if !is_constant && literal.is_none() {
        return Default::Expression(normal(&tokens, ""));
    }
    match store(scratch, literal.as_deref().unwrap_or(sql), affinity) {
        Ok(value) if value == "NULL" => Default::None,
        Ok(value) => Default::Value(value),
        Err(_) => Default::Expression(normal(&tokens, "")),
    }
}

fn store(scratch: &Connection, literal: &str, affinity: Affinity) -> rusqlite::Result<String> {
    let table = format!("kept_{}", affinity.name());
    scratch.execute_batch(&format!(
        "CREATE TEMP TABLE IF NOT EXISTS {table} (value {}); DELETE FROM {table};
         INSERT INTO {table} VALUES ({literal})",
        affinity.name()
    ))?;
    scratch.query_row(&format!("SELECT quote(value) FROM {table}"), [], |row| {
        row.get(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_the_value_that_it_stores() {
        let scratch = Connection::open_in_memory().unwrap();
        let of = |sql, affinity| read(&scratch, Some(sql), affinity);
        for (one, other, affinity) in [
            ("0", "'0'", Affinity::Integer),
            ("(1)", "TRUE", Affinity::Integer),
            ("'x'", "\"x\"", Affinity::Text),
            ("NULL", "null", Affinity::Text),
            ("1.0", "1", Affinity::Real),
            ("CURRENT_TIMESTAMP", "(datetime('now'))", Affinity::Text),
        ] {
            assert_eq!(of(one, affinity), of(other, affinity), "{one} {other}");
        }
        assert_ne!(of("0", Affinity::Text), of("'00'", Affinity::Text));
        assert_eq!(of("NULL", Affinity::Text), Default::None);
    }
}
