//! The words that a script waits for: what it compares a sync's tag or a message's type with. They are only candidates:
//! a word that means something else reaches a listener that does not know it, as any page's message may.

use crate::facts::Words;

/// The fields of a message in which real workers look for what it means.
const FIELDS: &[&str] = &["data", "type", "action", "command", "cmd"];
/// The longest word, in bytes.
const MAX_WORD_BYTES: usize = 100;
/// How many words of one kind are kept.
const MAX_WORDS: usize = 20;
/// How far behind a `switch` its cases are looked for, in characters.
const SWITCH_CHARS: usize = 4000;

/// What the scripts compare with, each once, in the order in which it stands there.
pub(crate) fn find_words<'a>(sources: impl Iterator<Item = &'a str>) -> Words {
    let mut words = Words::default();
    for source in sources {
        for word in compared(source, "tag") {
            if words.tags.len() < MAX_WORDS && !words.tags.contains(&word) {
                words.tags.push(word);
            }
        }
        for field in FIELDS {
            for word in compared(source, field) {
                let known = ((*field).to_owned(), word);
                if words.messages.len() < MAX_WORDS && !words.messages.contains(&known) {
                    words.messages.push(known);
                }
            }
        }
    }
    words
}

/// The string literals that `….field` is compared with: on either side, as minifiers turn them, or as cases.
fn compared(source: &str, field: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices(field) {
        let (before, after) = (&source[..at], &source[at + field.len()..]);
        if !before.ends_with('.') || after.starts_with(is_name) {
            continue;
        }
        let after = after.trim_start();
        if after.starts_with(['.', '?', '[', '(']) {
            continue;
        }
        if let Some(right) = after.strip_prefix("==") {
            found.extend(leading(right.trim_start_matches('=').trim_start()));
        } else if let Some(body) = after.strip_prefix(')').map(str::trim_start)
            && body.starts_with('{')
        {
            let end = body
                .char_indices()
                .nth(SWITCH_CHARS)
                .map_or(body.len(), |(at, _)| at);
            let cases = body[..end].split("case").skip(1);
            found.extend(cases.filter_map(|case| leading(case.trim_start())));
        }
        let object = before.trim_end_matches(|c| is_name(c) || c == '.' || c == '?');
        if let Some(left) = object.trim_end().strip_suffix("==") {
            found.extend(trailing(left.trim_end_matches('=').trim_end()));
        }
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The literal that a text begins with.
fn leading(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| is_quote(*c))?;
    let (word, _) = text[1..].split_once(quote)?;
    is_word(word).then(|| word.to_owned())
}

/// The literal that a text ends with.
fn trailing(text: &str) -> Option<String> {
    let quote = text.chars().next_back().filter(|c| is_quote(*c))?;
    let (_, word) = text[..text.len() - 1].rsplit_once(quote)?;
    is_word(word).then(|| word.to_owned())
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`')
}

/// Whether a literal is its own value, without escapes and placeholders.
fn is_word(word: &str) -> bool {
    !word.is_empty() && word.len() <= MAX_WORD_BYTES && !word.contains(['\\', '\n', '$'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_found_on_either_side_and_as_cases() {
        let source = "if (event.tag === 'one' || \"two\"===e.tag && e.tag == `three`) x();\n\
            switch (event.tag) { case 'four': case \"five\": break; }\n\
            e.tagged === 'no'; tag === 'no'; e.tag === other; e.tag === 'a${b}'; e.tag !== 'six'; é.tag==='sieben ü'";
        assert_eq!(
            compared(source, "tag"),
            ["one", "two", "three", "four", "five", "sieben ü"]
        );
        let words = find_words(
            [
                "'go'==e.data?.type; e.data === 'now'; e.tag==='t'",
                "e.tag==='t'",
            ]
            .into_iter(),
        );
        assert_eq!(words.tags, ["t"]);
        let pair = |field: &str, word: &str| (field.to_owned(), word.to_owned());
        assert_eq!(words.messages, [pair("data", "now"), pair("type", "go")]);
    }

    #[test]
    fn there_are_never_more_than_a_few() {
        let source: String = (0..1000).map(|n| format!("e.tag === 't{n}';")).collect();
        assert_eq!(
            find_words([source.as_str()].into_iter()).tags.len(),
            MAX_WORDS
        );
        assert_eq!(
            compared(&format!("e.tag === '{}'", "x".repeat(200)), "tag"),
            [""; 0]
        );
    }
}
