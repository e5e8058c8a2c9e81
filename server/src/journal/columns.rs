//! How values stand in the journal's columns.

use jiff::Timestamp;
use rusqlite::Row;
use serde::Serialize;

/// Milliseconds since 1970, as they stand in the journal, as an instant.
pub(super) fn instant(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A unit enum's serde name, which is what stands in the database.
pub(super) fn to_word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(to_word)) => to_word,
        other => unreachable!("only enums of words are written here, not {other:?}"),
    }
}

/// A value that serde reads from a word, or from JSON.
pub(super) fn parse_column<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let wrong = |e| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e))
    };
    if text.starts_with('{') {
        serde_json::from_str(&text).map_err(wrong)
    } else {
        serde_json::from_value(serde_json::Value::String(text)).map_err(wrong)
    }
}
