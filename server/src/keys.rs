//! The lines of an `authorized_keys` file (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"): parsed as sshd parses them, and changed
//! without touching anything else in the file. Pure: text in, text out.

pub mod door;
mod file;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

pub use file::{Change, Unread, lines, other_options, with_line, without};

/// The kinds of keys that sshd accepts by default (OpenSSH, `PubkeyAcceptedAlgorithms`), without certificates.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// A public key. Two are equal if they are the same key, whatever their comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: String,
    blob: String,
}

impl PublicKey {
    /// Parses its two words, the kind and the base64.
    ///
    /// # Errors
    /// sshd does not accept the kind, or the base64 is truncated or of another kind.
    pub fn new(kind: &str, blob: &str) -> Result<PublicKey, String> {
        if !KINDS.contains(&kind) {
            return Err(unknown_kind(kind));
        }
        let broken = || "the key is not whole: copy the complete line of the .pub file".to_owned();
        let bytes = STANDARD.decode(blob).map_err(|_| broken())?;
        // RFC 4253, section 6.6: the kind again, after its length, and then its data.
        let (length, rest) = bytes.split_at_checked(4).ok_or_else(broken)?;
        let length = length
            .iter()
            .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        match rest.split_at_checked(length) {
            Some((inner, key)) if inner == kind.as_bytes() && key.len() >= 32 => Ok(PublicKey {
                kind: kind.to_owned(),
                blob: blob.to_owned(),
            }),
            _ => Err(broken()),
        }
    }

    /// The fingerprint that `ssh-keygen -l` prints: `SHA256:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let bytes = STANDARD.decode(&self.blob).unwrap_or_default();
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes)))
    }
}

fn unknown_kind(kind: &str) -> String {
    format!(
        "`{kind}` is no kind of key that sshd takes; `ssh-keygen -t ed25519` makes one that it does"
    )
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.blob)
    }
}

/// A key as a person gives it: the content of a `.pub` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The key.
    pub key: PublicKey,
    /// Its comment; may be empty.
    pub comment: String,
}

impl FromStr for Given {
    type Err = String;

    fn from_str(text: &str) -> Result<Given, String> {
        if text.contains("PRIVATE KEY") || text.contains("PuTTY-User-Key-File") {
            return Err(
                "this is a private key, which never leaves the laptop; give the public one beside it, whose name ends in .pub"
                    .to_owned(),
            );
        }
        if text.contains("BEGIN SSH2 PUBLIC KEY") {
            return Err(
                "this key is in the format of RFC 4716; `ssh-keygen -i -f FILE` prints it as sshd reads it"
                    .to_owned(),
            );
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines.next().ok_or("there is no key in it")?;
        if lines.next().is_some() {
            return Err("there is more than one line in it; add one key at a time".to_owned());
        }
        let line: Line = line.parse()?;
        if line.options.is_some() {
            return Err(
                "give the public key alone: what stands before it says what it may do, and Tealkeep writes that"
                    .to_owned(),
            );
        }
        Ok(Given {
            key: line.key,
            comment: line.comment,
        })
    }
}

/// A line with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text before the key, as written.
    options: Option<String>,
    /// The key.
    pub key: PublicKey,
    /// Its comment; may be empty.
    pub comment: String,
}

impl Line {
    /// A line whose key can run only this command.
    #[must_use]
    pub fn new(command: &str, key: PublicKey, comment: String) -> Line {
        // sshd removes a backslash before a quote, and none elsewhere.
        let options = format!("restrict,command=\"{}\"", command.replace('"', "\\\""));
        Line {
            options: Some(options),
            key,
            comment,
        }
    }

    /// The command that its options force, without quotes; `None` if they force none.
    ///
    /// # Errors
    /// The options can't be parsed; sshd does not accept such a line.
    pub fn command(&self) -> Result<Option<String>, String> {
        let mut rest = self.options.as_deref().unwrap_or_default();
        let mut command = None;
        while !rest.is_empty() {
            let end = rest.find([',', '=']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            rest = after;
            if let Some(quoted) = after.strip_prefix("=\"") {
                let (value, after) = dequote(quoted).ok_or("a quote is not closed")?;
                // The first one counts (sshd refuses a second).
                if name.eq_ignore_ascii_case("command") && command.is_none() {
                    command = Some(value);
                }
                rest = after;
            } else if after.starts_with('=') {
                return Err(format!("what `{name}=` is set to must stand in quotes"));
            }
            rest = match rest.strip_prefix(',') {
                Some(more) => more,
                None if rest.is_empty() => rest,
                None => return Err(format!("there is no comma before `{rest}`")),
            };
        }
        Ok(command)
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Line, String> {
        let text = text.trim();
        let (options, rest) = match KINDS.iter().any(|kind| first_word(text).0 == *kind) {
            true => (None, text),
            false => {
                let (options, rest) = split_options(text);
                (Some(options.to_owned()), rest)
            }
        };
        let (kind, rest) = first_word(rest);
        let (blob, comment) = first_word(rest);
        if kind.is_empty() {
            // Without options the kind would be unknown.
            let kind = options.as_deref().unwrap_or_default();
            return Err(format!("`{kind}` is no key"));
        }
        if let Some(unknown) = options.as_deref().filter(|_| kind.starts_with("AAAA")) {
            return Err(unknown_kind(unknown));
        }
        Ok(Line {
            key: PublicKey::new(kind, blob)?,
            options,
            comment: comment.trim().to_owned(),
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(options) = &self.options {
            write!(f, "{options} ")?;
        }
        write!(f, "{}", self.key)?;
        if !self.comment.is_empty() {
            write!(f, " {}", self.comment)?;
        }
        Ok(())
    }
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

/// The options, which end at the first space outside of quotes.
fn split_options(text: &str) -> (&str, &str) {
    let mut is_quoted = false;
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if bytes.peek().is_some_and(|(_, next)| *next == b'"') => drop(bytes.next()),
            b'"' => is_quoted = !is_quoted,
            b' ' | b'\t' if !is_quoted => return text.split_at(at),
            _ => {}
        }
    }
    (text, "")
}

/// The text before and after the closing quote.
fn dequote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('"')?;
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        match before.strip_suffix('\\') {
            Some(before) => value.push_str(&format!("{before}\"")),
            None => {
                value.push_str(before);
                return Some((value, after));
            }
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests;
