//! Feature tests in a script's source: names of missing globals that it tests for in a way that leaves no trace while it
//! runs: `'X' in self` of a property that is there, or `Object.hasOwn(self, 'X')`. They are looked for as string literals.

/// Those of the names that the source has as a whole string literal and tests for. A name that starts with a capital
/// letter is an interface's, which nobody writes in quotes for another reason; any other name may be an ordinary
/// word, so it counts only where it stands on the left of `in` or is an argument behind the global object.
pub(super) fn find_tested<'a>(source: &str, missing: &'a [String]) -> Vec<&'a str> {
    let tested = |name: &&String| {
        let occurrences = source.match_indices(name.as_str());
        occurrences
            .filter_map(|(at, _)| quoted(source, at, name.len()))
            .any(|(before, after)| {
                is_only_an_interface(name) || is_left_of_in(after) || is_behind_the_global(before)
            })
    };
    missing.iter().filter(tested).map(String::as_str).collect()
}

/// Whether a name is an interface's and nothing else: errors are told apart by names in quotes.
fn is_only_an_interface(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.ends_with("Error")
}

/// What stands before and after a string literal, where `length` bytes from `at` are one.
fn quoted(source: &str, at: usize, length: usize) -> Option<(&str, &str)> {
    let (before, after) = (&source[..at], &source[at + length..]);
    let quote = before.chars().next_back()?;
    let is_literal = matches!(quote, '\'' | '"' | '`') && after.starts_with(quote);
    is_literal.then(|| (&before[..before.len() - 1], &after[1..]))
}

/// `'X' in self`, also in parentheses.
fn is_left_of_in(after: &str) -> bool {
    let after = after.trim_start_matches(|c: char| c.is_whitespace() || c == ')');
    after.strip_prefix("in").is_some_and(|rest| {
        !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$')
    })
}

/// `Object.hasOwn(self, 'X')`, `Reflect.has(globalThis, 'X')`, `self['X']`, `self.hasOwnProperty('X')`.
fn is_behind_the_global(before: &str) -> bool {
    let before = before.trim_end();
    let before = before
        .strip_suffix([',', '['])
        .or_else(|| before.strip_suffix(".hasOwnProperty("))
        .unwrap_or("");
    let before = before.trim_end();
    ["self", "globalThis", "this"]
        .iter()
        .any(|global| before.ends_with(global))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(source: &str) -> Vec<String> {
        let missing = ["URLPattern", "scheduler", "QuotaExceededError"].map(str::to_owned);
        find_tested(source, &missing)
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn each_way_of_asking_by_a_literal_is_found() {
        for source in [
            "if ('URLPattern' in self) {}",
            "if(\"URLPattern\"in self){}",
            "Object.hasOwn(self, `URLPattern`)",
            "['URLPattern', 'fetch'].every((name) => name in self)",
        ] {
            assert_eq!(asked(source), ["URLPattern"], "{source}");
        }
        for source in [
            "if ('scheduler' in self) {}",
            "if (('scheduler') in globalThis) {}",
            "self.hasOwnProperty('scheduler')",
            "Reflect.has( globalThis , \"scheduler\" )",
            "self['scheduler']",
        ] {
            assert_eq!(asked(source), ["scheduler"], "{source}");
        }
    }

    #[test]
    fn words_that_only_look_like_it_are_not_taken_for_it() {
        for source in [
            "const tag = 'scheduler';",
            "if (error.name === 'QuotaExceededError') {}",
            "log('the scheduler in self')",
            "'scheduler' instanceof Object",
            "new URLPattern()",
            "`a${URLPattern}`",
        ] {
            assert!(asked(source).is_empty(), "{source}");
        }
    }
}
