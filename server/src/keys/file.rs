//! A complete file of keys: its lines with their numbers, and its text after a key is added or removed.

use super::{Line, PublicKey};

/// A line that sshd does not accept, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its number, from 1.
    pub number: usize,
    /// Why, in words.
    pub why: String,
}

/// What adding a line changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The line is new.
    Added,
    /// The line was there already.
    Unchanged,
    /// The key was there with this line, which was replaced.
    Replaced(Line),
}

/// The lines with keys, in order, without comments and empty lines.
pub fn lines(text: &str) -> impl Iterator<Item = Result<Line, Unread>> {
    let numbered = text.lines().zip(1..);
    numbered
        .filter(|(line, _)| has_key(line))
        .map(|(line, number)| line.parse().map_err(|why| Unread { number, why }))
}

fn has_key(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

fn key_of(line: &str) -> Option<Line> {
    has_key(line).then(|| line.parse().ok()).flatten()
}

/// The file with this line once: instead of a line of the same key, or at the end.
#[must_use]
pub fn with_line(text: &str, new: &Line) -> (String, Change) {
    let mut change = Change::Added;
    let mut out = String::new();
    for line in text.lines() {
        match key_of(line).filter(|known| known.key == new.key) {
            None => out.push_str(&format!("{line}\n")),
            Some(known) if change == Change::Added => {
                out.push_str(&format!("{new}\n"));
                change = match known == *new {
                    true => Change::Unchanged,
                    false => Change::Replaced(known),
                };
            }
            // sshd uses the first line of a key: a second one would never count.
            Some(_) => {}
        }
    }
    if change == Change::Added {
        out.push_str(&format!("{new}\n"));
    }
    (out, change)
}

/// The options that a line of this key has besides those that [`with_line`] writes, such as `from` and `expiry-time`
/// (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"): a new line would lose them.
#[must_use]
pub fn other_options(text: &str, key: &PublicKey) -> Vec<String> {
    const OURS: [&str; 7] = [
        "restrict",
        "command",
        "no-pty",
        "no-port-forwarding",
        "no-agent-forwarding",
        "no-x11-forwarding",
        "no-user-rc",
    ];
    let of_key = text
        .lines()
        .filter_map(key_of)
        .filter(|known| known.key == *key);
    let mut others = Vec::new();
    for options in of_key.filter_map(|line| line.options) {
        // Quoted values may contain commas; the names are outside.
        let mut is_quoted = false;
        let mut before = ' ';
        let bare: String = options
            .chars()
            .filter(|c| {
                is_quoted ^= *c == '"' && before != '\\';
                before = *c;
                !is_quoted
            })
            .collect();
        let names = bare
            .split(',')
            .map(|option| option.split('=').next().unwrap_or_default());
        others.extend(
            names
                .filter(|name| !OURS.contains(&name.to_ascii_lowercase().as_str()))
                .map(str::to_owned),
        );
    }
    others
}

/// The file without this key, and whether it was there.
#[must_use]
pub fn without(text: &str, key: &PublicKey) -> (String, bool) {
    let mut is_gone = false;
    let mut out = String::new();
    for line in text.lines() {
        match key_of(line) {
            Some(known) if known.key == *key => is_gone = true,
            _ => out.push_str(&format!("{line}\n")),
        }
    }
    (out, is_gone)
}
