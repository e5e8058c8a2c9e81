//! SQL text as tokens, so that it is compared by meaning and never by its form; and the few parts of a schema's own
//! statements that no pragma tells.

pub mod split;
pub mod table;
pub mod token;
pub mod words;

pub use split::split;
pub use token::{TokenKind, tokens};
pub use words::normal;

/// An identifier in quotes, as it can stand in any statement.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names joined by commas, each quoted.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(quoted).collect();
    names.join(", ")
}

/// A name as SQLite compares names.
pub fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}
