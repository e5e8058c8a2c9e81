//! Splits a log into statements: at semicolons, and, since many logs have none, where a line begins a new statement.

use super::token::{Token, tokens};

const BEGINNINGS: [&str; 20] = [
    "select",
    "insert",
    "update",
    "delete",
    "replace",
    "with",
    "begin",
    "commit",
    "end",
    "rollback",
    "savepoint",
    "release",
    "pragma",
    "create",
    "drop",
    "alter",
    "explain",
    "analyze",
    "reindex",
    "vacuum",
];

/// The statements of a text. `is_incomplete` says whether SQLite would want more after a text.
pub fn split(sql: &str, is_incomplete: impl Fn(&str) -> bool) -> Vec<String> {
    let tokens = tokens(sql);
    let mut found = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for at in 0..tokens.len() {
        let token = &tokens[at];
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        let ends = if token.is_symbol(";") {
            !is_in_trigger(&tokens[start..at])
        } else {
            depth == 0
                && tokens
                    .get(at + 1)
                    .is_some_and(|next| begins(sql, token, next))
                && !is_in_trigger(&tokens[start..=at])
                && !is_incomplete(&sql[tokens[start].start..token.end])
        };
        if ends {
            found.push(sql[tokens[start].start..token.end].to_owned());
            start = at + 1;
            depth = 0;
        }
    }
    if let (Some(first), Some(last)) = (tokens.get(start), tokens.last()) {
        found.push(sql[first.start..last.end].to_owned());
    }
    found.retain(|statement| statement != ";");
    found
}

/// Whether a line begins with what begins a statement.
fn begins(sql: &str, token: &Token, next: &Token) -> bool {
    sql[token.end..next.start].contains('\n') && BEGINNINGS.iter().any(|word| next.is_word(word))
}

fn is_in_trigger(tokens: &[Token]) -> bool {
    let is_create = tokens.first().is_some_and(|token| token.is_word("create"));
    let is_trigger = tokens.iter().take(4).any(|token| token.is_word("trigger"));
    is_create && is_trigger && !tokens.last().is_some_and(|token| token.is_word("end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_splits_at_semicolons_and_at_lines() {
        let is_incomplete = |sql: &str| sql.ends_with("UNION") || sql.ends_with("(a)");
        let of = |sql: &str| split(sql, is_incomplete);
        assert_eq!(
            of("SELECT ';'; -- a;\n\nSELECT 2"),
            ["SELECT ';';", "SELECT 2"]
        );
        assert_eq!(
            of("SELECT 1\nSELECT 2\nUNION\nSELECT 3"),
            ["SELECT 1", "SELECT 2\nUNION\nSELECT 3"]
        );
        assert_eq!(
            of("INSERT INTO t (a)\nSELECT 1"),
            ["INSERT INTO t (a)\nSELECT 1"]
        );
        let trigger = "CREATE TRIGGER x AFTER INSERT ON t BEGIN\n SELECT 1;\n SELECT 2;\nEND;";
        assert_eq!(of(trigger), [trigger]);
    }
}
