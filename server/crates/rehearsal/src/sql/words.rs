//! The normal form of an expression: what remains when quotes, case, white space, comments and needless parentheses are
//! gone. Two expressions with the same normal form mean the same.

use super::token::{Token, TokenKind};

/// An expression in its normal form.
pub type Words = Vec<String>;

/// The normal form. References of the table to itself lose its name, since a rebuild under another name adds or changes it.
pub fn normal(tokens: &[Token], table: &str) -> Words {
    let table = super::folded(table);
    let mut words: Words = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let is_qualifier = token.is_name()
            && (token.text == table || token.text == "main")
            && tokens.get(at + 1).is_some_and(|next| next.is_symbol("."));
        if is_qualifier {
            at += 2;
            continue;
        }
        words.push(match (token.kind, token.text.as_str()) {
            (TokenKind::Text, text) => format!("'{text}'"),
            (TokenKind::Blob, text) => format!("x'{text}'"),
            (TokenKind::Symbol, "==") => "=".to_owned(),
            (TokenKind::Symbol, "<>") => "!=".to_owned(),
            (_, text) => text.to_owned(),
        });
        at += 1;
    }
    shorten(sort_lists(bare(words)))
}

/// Without parentheses around the whole, and with doubled ones single.
fn bare(mut words: Words) -> Words {
    while words.len() >= 2 && words[0] == "(" && closing(&words, 0) == Some(words.len() - 1) {
        words.pop();
        words.remove(0);
    }
    let mut at = 0;
    while at + 1 < words.len() {
        if words[at] == "("
            && words[at + 1] == "("
            && let Some(inner) = closing(&words, at + 1)
            && closing(&words, at) == Some(inner + 1)
        {
            words.remove(inner);
            words.remove(at);
        } else {
            at += 1;
        }
    }
    words
}

/// Where the parenthesis at `open` closes.
pub fn closing(words: &[String], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate().skip(open) {
        match word.as_str() {
            "(" => depth += 1,
            ")" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// `IN (…)` with literals only is a set.
fn sort_lists(mut words: Words) -> Words {
    for at in 0..words.len() {
        if words[at] != "in" || words.get(at + 1).map(String::as_str) != Some("(") {
            continue;
        }
        let Some(end) = closing(&words, at + 1) else {
            continue;
        };
        let inside = &words[at + 2..end];
        let is_plain = inside
            .iter()
            .enumerate()
            .all(|(i, word)| (i % 2 == 1) == (word == ",") && word != "(");
        if is_plain && inside.len() % 2 == 1 {
            let mut values: Words = inside.iter().step_by(2).cloned().collect();
            values.sort();
            values.dedup();
            let joined = values.join("\u{0},\u{0}");
            let joined: Words = joined.split('\u{0}').map(str::to_owned).collect();
            drop(words.splice(at + 2..end, joined));
            return sort_rest(words, at + 1);
        }
    }
    words
}

fn sort_rest(mut words: Words, from: usize) -> Words {
    let rest = sort_lists(words.split_off(from));
    words.extend(rest);
    words
}

/// Two ways to write one thing become one.
fn shorten(words: Words) -> Words {
    let mut short: Words = Vec::with_capacity(words.len());
    for word in words {
        short.push(word);
        let end = short.len();
        let ends_with =
            |tail: &[&str]| end >= tail.len() && short[end - tail.len()..].iter().eq(tail.iter());
        if ends_with(&["is", "not", "null"]) {
            short.truncate(end - 3);
            short.push("notnull".to_owned());
        } else if ends_with(&["not", "null"]) {
            short.truncate(end - 2);
            short.push("notnull".to_owned());
        } else if ends_with(&["is", "null"]) {
            short.truncate(end - 2);
            short.push("isnull".to_owned());
        } else if ends_with(&["datetime", "(", "'now'", ")"]) {
            short.truncate(end - 4);
            short.push("current_timestamp".to_owned());
        }
    }
    short
}

/// The parts of a condition that are joined by AND, each in its normal form: `CHECK (a AND b)` is `CHECK (a) CHECK (b)`.
pub fn conjuncts(words: Words) -> Vec<Words> {
    let has_other_and = |word: &String| matches!(word.as_str(), "between" | "case" | "or");
    let mut depth = 0_usize;
    let mut parts = vec![Vec::new()];
    let mut is_plain = true;
    for word in &words {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "and" if depth == 0 => {
                parts.push(Vec::new());
                continue;
            }
            _ => {}
        }
        is_plain &= depth > 0 || !has_other_and(word);
        if let Some(part) = parts.last_mut() {
            part.push(word.clone());
        }
    }
    if is_plain && parts.len() > 1 {
        parts.into_iter().map(bare).flat_map(conjuncts).collect()
    } else {
        vec![words]
    }
}

/// The numbers and strings in an expression.
pub fn literals(words: &Words) -> (Vec<i64>, Vec<f64>, Vec<String>) {
    let (mut whole, mut real, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (at, word) in words.iter().enumerate() {
        let is_negative = at > 0 && words[at - 1] == "-";
        if let Some(text) = word.strip_prefix('\'') {
            texts.push(text.strip_suffix('\'').unwrap_or(text).to_owned());
        } else if let Ok(n) = word.parse::<i64>() {
            whole.push(n);
            if is_negative {
                whole.push(n.saturating_neg());
            }
        } else if word.starts_with(|c: char| c.is_ascii_digit())
            && let Ok(n) = word.parse::<f64>()
        {
            real.push(if is_negative { -n } else { n });
        }
    }
    (whole, real, texts)
}

#[cfg(test)]
mod tests {
    use super::super::tokens;
    use super::*;

    fn of(sql: &str) -> Words {
        normal(&tokens(sql), "item")
    }

    #[test]
    fn the_same_meaning_in_other_words_is_the_same() {
        for (one, other) in [
            ("\"Age\" > 0", "(age>0)"),
            ("item.age > 0", "age /* years */ > 0"),
            ("[kind] IN ('b','a')", "kind in ('a', 'b')"),
            ("a IS NOT NULL", "a NOTNULL"),
            ("a <> 1", "((a != 1))"),
            ("datetime('now')", "CURRENT_TIMESTAMP"),
        ] {
            assert_eq!(of(one), of(other), "{one} {other}");
        }
        for (one, other) in [
            ("a > 0", "a >= 0"),
            ("kind IN ('a','b')", "kind IN ('a','B')"),
            ("(a + b) * c", "a + (b * c)"),
            ("'age'", "age"),
        ] {
            assert_ne!(of(one), of(other), "{one} {other}");
        }
    }

    #[test]
    fn a_conjunction_is_as_good_as_two_checks() {
        assert_eq!(conjuncts(of("a > 0 AND (b < 3 AND c)")).len(), 3);
        assert_eq!(conjuncts(of("a BETWEEN 1 AND 3")).len(), 1);
        assert_eq!(conjuncts(of("a OR b AND c")).len(), 1);
    }
}
