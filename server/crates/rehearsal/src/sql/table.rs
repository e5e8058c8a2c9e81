//! What a `CREATE` statement says beyond what pragmas tell: checks, generated columns, deferral, conflict clauses,
//! the terms of an index. Reads statements that SQLite has accepted, so it need not recognise errors.

use std::collections::{BTreeMap, BTreeSet};

use super::token::{Token, tokens};
use super::words::{Words, conjuncts, normal};

/// The parts of a `CREATE TABLE`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableText {
    /// Every condition, in its normal form.
    pub checks: BTreeSet<Words>,
    /// The expressions of generated columns, by the columns' names in lower case.
    pub generated: BTreeMap<String, Words>,
    /// Foreign keys that are checked at the end of a transaction: their columns and parent, in lower case.
    pub deferred: BTreeSet<(Vec<String>, String)>,
    /// Clauses such as `ON CONFLICT REPLACE`, each with the constraint that it belongs to.
    pub conflicts: BTreeSet<Words>,
}

/// Reads a `CREATE TABLE`.
pub fn read_table(sql: &str, table: &str) -> TableText {
    let tokens = tokens(sql);
    let mut text = TableText::default();
    let Some(open) = tokens.iter().position(|token| token.is_symbol("(")) else {
        return text;
    };
    let end = closing(&tokens, open).unwrap_or(tokens.len());
    for item in split(&tokens[open + 1..end]) {
        let is_constraint = ["constraint", "primary", "unique", "check", "foreign"]
            .iter()
            .any(|word| item.first().is_some_and(|token| token.is_word(word)));
        let column = (!is_constraint).then(|| item.first().map(|token| token.text.clone()));
        Item {
            tokens: item,
            table,
            column: column.flatten(),
        }
        .read(&mut text);
    }
    text
}

/// One column or constraint between the commas.
struct Item<'a> {
    tokens: &'a [Token],
    table: &'a str,
    column: Option<String>,
}

impl Item<'_> {
    fn read(&self, text: &mut TableText) {
        let mut from = self.column.iter().cloned().collect::<Vec<_>>();
        let (mut parent, mut constraint) = (None, Vec::new());
        let mut at = usize::from(self.column.is_some());
        while at < self.tokens.len() {
            let token = &self.tokens[at];
            let group = self.group(at + 1);
            match token.text.as_str() {
                "check" if group.is_some() => {
                    let words = normal(group.unwrap_or_default(), self.table);
                    text.checks.extend(conjuncts(words));
                }
                "as" if group.is_some() => {
                    if let Some(column) = &self.column {
                        let words = normal(group.unwrap_or_default(), self.table);
                        text.generated.insert(column.clone(), words);
                    }
                }
                "key" if group.is_some() => from = names(group.unwrap_or_default()),
                "references" => parent = self.tokens.get(at + 1).map(|name| name.text.clone()),
                "deferred" if self.tokens[at - 1].is_word("initially") => {
                    if let Some(parent) = &parent {
                        text.deferred.insert((from.clone(), parent.clone()));
                    }
                }
                "conflict" if self.tokens[at - 1].is_word("on") => {
                    let action = self.tokens.get(at + 1).map(|word| word.text.clone());
                    if let Some(action) = action.filter(|action| action != "abort") {
                        let mut clause = from.clone();
                        clause.append(&mut constraint.clone());
                        clause.push(action);
                        text.conflicts.insert(clause);
                    }
                }
                "unique" | "primary" | "not" => {
                    constraint = vec![token.text.clone()];
                    if let Some(group) = group {
                        constraint.extend(names(group));
                    }
                }
                _ => {}
            }
            at += 1 + group.map_or(0, |group| group.len() + 2);
        }
    }

    /// What stands in the parentheses that open at a token.
    fn group(&self, at: usize) -> Option<&[Token]> {
        let open = self.tokens.get(at)?;
        if !open.is_symbol("(") {
            return None;
        }
        let end = closing(self.tokens, at)?;
        Some(&self.tokens[at + 1..end])
    }
}

fn names(tokens: &[Token]) -> Vec<String> {
    let parts = split(tokens);
    let firsts = parts.iter().filter_map(|part| part.first());
    firsts.map(|token| token.text.clone()).collect()
}

/// Where the parenthesis at `open` closes.
pub fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// The parts between commas that are in no parentheses.
pub fn split(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if token.is_symbol(",") && depth == 0 {
            parts.push(&tokens[start..at]);
            start = at + 1;
        }
    }
    if start < tokens.len() {
        parts.push(&tokens[start..]);
    }
    parts
}

/// An expression as written, for a statement, and in its normal form, for a comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expression {
    /// The normal form.
    pub words: Words,
    /// The text.
    pub text: String,
}

/// The terms of a `CREATE INDEX`, without collation and direction, and its condition.
pub fn read_index(sql: &str, table: &str) -> (Vec<Expression>, Option<Expression>) {
    let tokens = tokens(sql);
    let Some(open) = tokens.iter().position(|token| token.is_symbol("(")) else {
        return (Vec::new(), None);
    };
    let end = closing(&tokens, open).unwrap_or(tokens.len());
    let expression = |part: &[Token]| Expression {
        words: normal(part, table),
        text: match (part.first(), part.last()) {
            (Some(first), Some(last)) => sql[first.start..last.end].to_owned(),
            _ => String::new(),
        },
    };
    let terms = split(&tokens[open + 1..end]).into_iter().map(|mut term| {
        while let Some(last) = term.last() {
            let is_collation = term.len() >= 3 && term[term.len() - 2].is_word("collate");
            if last.is_word("asc") || last.is_word("desc") {
                term = &term[..term.len() - 1];
            } else if is_collation {
                term = &term[..term.len() - 2];
            } else {
                break;
            }
        }
        expression(term)
    });
    let terms = terms.collect();
    let condition = tokens.get(end + 1).filter(|token| token.is_word("where"));
    (terms, condition.map(|_| expression(&tokens[end + 2..])))
}

/// What follows the name in a `CREATE TRIGGER` or `CREATE VIEW`, in its normal form.
pub fn read_body(sql: &str, name: &str) -> Words {
    let tokens = tokens(sql);
    let name = super::folded(name);
    let start = tokens
        .iter()
        .position(|token| token.is_name() && token.text == name);
    let mut words = normal(&tokens[start.map_or(0, |at| at + 1)..], "");
    words.retain(|word| word != ";");
    let each_row = ["for", "each", "row"];
    if let Some(at) = words
        .windows(3)
        .position(|three| three.iter().eq(each_row.iter()))
    {
        words.drain(at..at + 3);
    }
    if matches!(
        words.first().map(String::as_str),
        Some("insert" | "update" | "delete")
    ) {
        words.insert(0, "before".to_owned());
    }
    words
}

/// The module of a `CREATE VIRTUAL TABLE`, and its arguments.
pub fn read_module(sql: &str) -> (String, Vec<Words>) {
    let tokens = tokens(sql);
    let Some(using) = tokens.iter().position(|token| token.is_word("using")) else {
        return (String::new(), Vec::new());
    };
    let module = tokens.get(using + 1).map(|token| token.text.clone());
    let arguments = match closing(&tokens, using + 2) {
        Some(end) => split(&tokens[using + 3..end]),
        None => Vec::new(),
    };
    let arguments = arguments.into_iter().map(|part| {
        let words = part.iter().map(|token| token.text.clone());
        words.collect()
    });
    (module.unwrap_or_default(), arguments.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_that_no_pragma_tells_are_read() {
        let text = read_table(
            "CREATE TABLE \"t\" (a INTEGER CONSTRAINT pos CHECK (a > 0 AND a < 9), b TEXT GENERATED ALWAYS AS (upper(c)) STORED,
             c TEXT UNIQUE ON CONFLICT REPLACE, d INT REFERENCES p(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
             FOREIGN KEY (a, c) REFERENCES q DEFERRABLE INITIALLY DEFERRED, CHECK (c != ','))",
            "t",
        );
        assert_eq!(text.checks.len(), 3, "{text:?}");
        assert_eq!(text.generated["b"], ["upper", "(", "c", ")"]);
        assert_eq!(text.deferred.len(), 2, "{text:?}");
        assert_eq!(text.conflicts.len(), 1, "{text:?}");
    }

    #[test]
    fn an_index_has_terms_and_a_condition() {
        let (terms, condition) = read_index(
            "CREATE UNIQUE INDEX i ON t (lower(a) COLLATE NOCASE DESC, b) WHERE (b IS NOT NULL)",
            "t",
        );
        assert_eq!(terms[0].text, "lower(a)");
        assert_eq!(terms[1].words, ["b"]);
        assert_eq!(condition.unwrap().words, ["b", "notnull"]);
    }
}
