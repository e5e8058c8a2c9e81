//! Quotes values for systemd, so that nothing in the configuration can become another setting, another word or a specifier of a
//! unit. What a unit cannot express is refused.

use std::path::{Component, Path};

/// A value that cannot be written into a unit file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` can't be written into a unit, since it {why}; choose another one")]
pub struct Unwritable {
    value: String,
    why: &'static str,
}

fn refuse(value: &str, why: &'static str) -> Result<String, Unwritable> {
    Err(Unwritable {
        value: value.escape_debug().to_string(),
        why,
    })
}

/// A path as the complete value of a setting, such as `WorkingDirectory=` or `ConditionPathExists=`: systemd reads it to the
/// end of the line, with specifiers (systemd.unit(5)) but without quotes.
///
/// # Errors
/// It has something that would be lost: control characters, spaces at either end, a backslash at the end.
pub fn path(path: &Path) -> Result<String, Unwritable> {
    let text = plain(path)?;
    if text.trim() != text {
        return refuse(&text, "begins or ends with a blank");
    }
    if text.ends_with('\\') {
        return refuse(&text, "ends with a backslash");
    }
    Ok(text.replace('%', "%%"))
}

/// The same for `EnvironmentFile=`, which accepts patterns like a shell.
///
/// # Errors
/// As [`path`].
pub fn pattern(of: &Path) -> Result<String, Unwritable> {
    let text = path(of)?;
    let mut escaped = String::new();
    for c in text.chars() {
        if "\\*?[".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    Ok(escaped)
}

/// One of several paths of a setting such as `ReadWritePaths=`, where quotes are removed.
///
/// # Errors
/// It has control characters or steps upwards.
pub fn listed_path(path: &Path) -> Result<String, Unwritable> {
    let text = plain(path)?;
    Ok(quoted(&text))
}

/// A word of a command line, or an assignment of `Environment=` (systemd.syntax(7), Quoting). The prefix `:` of the command
/// prevents the replacement of `$`, see [`command`].
///
/// # Errors
/// It has a zero byte, which no process can receive.
pub fn word(text: &str) -> Result<String, Unwritable> {
    if text.contains('\0') {
        return refuse(text, "has a zero byte in it");
    }
    Ok(quoted(text))
}

/// The value of a variable in a file for `EnvironmentFile=` (systemd.exec(5)): in double quotes, systemd removes a backslash
/// only before `"`, `\`, `` ` `` and `$`; line breaks are allowed, and there are no specifiers.
///
/// # Errors
/// It has a zero byte, which no process can receive.
pub fn variable(text: &str) -> Result<String, Unwritable> {
    if text.contains('\0') {
        return refuse(text, "has a zero byte in it");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if "\"\\`$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    Ok(quoted)
}

/// A command for `ExecStart=`. A program that is relative to the release's directory is taken from `folder`, because systemd
/// accepts only absolute paths and bare names.
///
/// # Errors
/// As [`word`].
pub fn command(words: &[String], folder: &Path) -> Result<String, Unwritable> {
    let mut words = words.to_vec();
    if let Some(program) = words.first_mut() {
        if program.contains('/') && !program.starts_with('/') {
            *program = folder
                .join(program.trim_start_matches("./"))
                .display()
                .to_string();
        } else if program.starts_with(['@', '-', ':', '+', '!', '|']) {
            // systemd would treat these as its own prefixes, even in quotes.
            words.splice(0..0, ["/usr/bin/env".to_owned(), "--".to_owned()]);
        }
    }
    let prefix = match words.iter().any(|word| word.contains('$')) {
        true => ":",
        false => "",
    };
    let words: Result<Vec<String>, Unwritable> = words.iter().map(|text| word(text)).collect();
    Ok(format!("{prefix}{}", words?.join(" ")))
}

/// A word for a shell.
#[must_use]
pub fn shell(text: &str) -> String {
    shell_words::quote(text).into_owned()
}

fn plain(path: &Path) -> Result<String, Unwritable> {
    let Some(text) = path.to_str() else {
        return refuse(&path.to_string_lossy(), "is not UTF-8");
    };
    if text.chars().any(char::is_control) {
        return refuse(text, "has a control character in it");
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return refuse(text, "steps upwards with `..`");
    }
    Ok(text.to_owned())
}

fn quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_@+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '%' => quoted.push_str("%%"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a quoted word back by the rules of systemd.syntax(7) and systemd.unit(5).
    fn read_back(word: &str) -> String {
        let inner = word
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let Some(inner) = inner else {
            assert!(!word.contains([' ', '"', '\'', '\\', '%']));
            return word.to_owned();
        };
        let mut text = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => panic!("a quote stands bare in {word}"),
                '%' => assert_eq!(chars.next(), Some('%'), "a specifier in {word}"),
                '\\' => {
                    let escaped = chars.next().unwrap();
                    text.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        'x' => {
                            let digits: String = chars.by_ref().take(2).collect();
                            char::from(u8::from_str_radix(&digits, 16).unwrap())
                        }
                        same => same,
                    });
                    continue;
                }
                _ => {}
            }
            text.push(c);
        }
        text
    }

    /// Reads a value back as systemd's reader of environment files does in its double quotes.
    fn read_variable(value: &str) -> String {
        let mut text = String::new();
        let mut chars = value.strip_prefix('"').unwrap().chars();
        loop {
            match chars.next().expect("the quote is closed") {
                '"' => break,
                '\\' => match chars.next().unwrap() {
                    c @ ('"' | '\\' | '`' | '$') => text.push(c),
                    '\n' => {}
                    c => text.extend(['\\', c]),
                },
                c => text.push(c),
            }
        }
        assert_eq!(chars.next(), None, "more follows in {value}");
        text
    }

    proptest! {
        #[test]
        fn every_variable_is_read_back_as_it_was(text in "[^\0]*") {
            prop_assert_eq!(read_variable(&variable(&text).unwrap()), text);
        }

        #[test]
        fn every_word_is_read_back_as_it_was(text in "[^\0]*") {
            let word = word(&text).unwrap();
            prop_assert!(!word.contains('\n'));
            prop_assert_eq!(read_back(&word), text);
        }
    }

    #[test]
    fn words_are_quoted_when_they_must_be() {
        let cases = [
            ("server.js", "server.js"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            ("100%", "\"100%%\""),
            ("%h", "\"%%h\""),
            ("say \"hi\"", "\"say \\\"hi\\\"\""),
            ("back\\slash", "\"back\\\\slash\""),
            ("two\nlines", "\"two\\nlines\""),
            (";", "\";\""),
            ("#no comment", "\"#no comment\""),
            ("bell\u{7}", "\"bell\\x07\""),
        ];
        for (text, expected) in cases {
            assert_eq!(word(text).unwrap(), expected);
        }
        assert!(word("zero\0byte").is_err());
    }

    #[test]
    fn variables_with_secrets_in_them_stay_whole() {
        let cases = [
            ("", "\"\""),
            ("$ecret `id`", "\"\\$ecret \\`id\\`\""),
            ("100%h", "\"100%h\""),
            ("two\nlines\nUSER=root", "\"two\nlines\nUSER=root\""),
            ("tail\\", "\"tail\\\\\""),
            ("say \"hi\" # no comment", "\"say \\\"hi\\\" # no comment\""),
        ];
        for (text, expected) in cases {
            assert_eq!(variable(text).unwrap(), expected);
            assert_eq!(read_variable(expected), text);
        }
        assert!(variable("zero\0byte").is_err());
    }

    #[test]
    fn commands_are_run_as_they_were_written() {
        let folder = Path::new("/srv/home/releases/blue");
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let cases: [(&[&str], &str); 5] = [
            (&["node", "server.js"], "node server.js"),
            (&["./bin/home", "-v"], "/srv/home/releases/blue/bin/home -v"),
            (&["node", "$HOME"], ":node \"$HOME\""),
            (&["@odd"], "/usr/bin/env -- @odd"),
            (&["/opt/my app/run"], "\"/opt/my app/run\""),
        ];
        for (given, expected) in cases {
            assert_eq!(command(&words(given), folder).unwrap(), expected);
        }
    }

    #[test]
    fn paths_are_written_or_refused() {
        let cases = [
            ("/srv/home", Some("/srv/home")),
            ("/srv/my home", Some("/srv/my home")),
            ("/srv/100%", Some("/srv/100%%")),
            ("/srv/\"quoted\"", Some("/srv/\"quoted\"")),
            ("/srv/two\nlines", None),
            ("/srv/blank ", None),
            ("/srv/back\\", None),
            ("/srv/../etc", None),
        ];
        for (given, expected) in cases {
            assert_eq!(path(Path::new(given)).ok().as_deref(), expected, "{given}");
        }
        assert_eq!(pattern(Path::new("/srv/a[b]*")).unwrap(), "/srv/a\\[b]\\*");
        assert_eq!(
            listed_path(Path::new("/srv/my home%")).unwrap(),
            "\"/srv/my home%%\""
        );
    }
}
