//! The names that everything else is keyed by, parsed once at the edge: an app, one of its two
//! colours, a release.

pub mod cookies;
pub mod host;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use cookies::SESSION_COOKIE;

/// One of an app's two slots. *Live* and *idle* are roles that a colour plays, not colours.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// The slot that a new app starts on.
    Blue,
    /// The other one.
    Green,
}

impl Colour {
    /// Both colours, blue first.
    pub const BOTH: [Colour; 2] = [Colour::Blue, Colour::Green];

    /// The slot that this one takes turns with.
    #[must_use]
    pub fn other(self) -> Colour {
        match self {
            Colour::Blue => Colour::Green,
            Colour::Green => Colour::Blue,
        }
    }

    /// `blue` or `green`, as it stands in paths, in the API and on the pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Colour::Blue => "blue",
            Colour::Green => "green",
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name was not of its form; the message says what was given and what would be right.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} `{given}` is not valid: {right}")]
pub struct BadName {
    what: &'static str,
    given: String,
    right: &'static str,
}

impl BadName {
    /// What was given, and what would be right.
    #[must_use]
    pub fn new(what: &'static str, given: &str, right: &'static str) -> BadName {
        BadName {
            what,
            given: given.to_owned(),
            right,
        }
    }
}

impl FromStr for Colour {
    type Err = BadName;

    fn from_str(s: &str) -> Result<Self, BadName> {
        match s {
            "blue" => Ok(Colour::Blue),
            "green" => Ok(Colour::Green),
            _ => Err(BadName {
                what: "colour",
                given: s.to_owned(),
                right: "it is `blue` or `green`",
            }),
        }
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $right:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(s: &str) -> Result<Self, BadName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(s) {
                    Ok($name(s.to_owned()))
                } else {
                    Err(BadName { what: $what, given: s.to_owned(), right: $right })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(s: String) -> Result<Self, BadName> {
                s.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name_type!(
    /// The name of a supervised app: it becomes part of paths, of unit names and of a user's name.
    AppName,
    "app name",
    "1 to 31 characters, lower-case letters, digits and `-`, beginning with a letter",
    |s| {
        (1..=31).contains(&s.len())
            && s.starts_with(|c: char| c.is_ascii_lowercase())
            && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);

name_type!(
    /// The id of a release, which is also the name of its directory.
    ReleaseId,
    "release id",
    "1 to 64 characters, letters, digits, `.`, `_` and `-`, beginning with a letter or a digit, \
     and not `blue` or `green`",
    |s| {
        (1..=64).contains(&s.len())
            && s.starts_with(|c: char| c.is_ascii_alphanumeric())
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
            && s.parse::<Colour>().is_err()
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_their_folder_are_refused() {
        for bad in [
            "", "..", "../x", "a/b", ".hidden", "blue", "green", "a b", "é",
        ] {
            assert!(bad.parse::<ReleaseId>().is_err(), "{bad:?} was accepted");
        }
        for bad in ["", "Home", "9lives", "a_b", "a.b", &"a".repeat(32)] {
            assert!(bad.parse::<AppName>().is_err(), "{bad:?} was accepted");
        }
        assert!("v1".parse::<ReleaseId>().is_ok());
        assert!("20261121T101500-4f2a".parse::<ReleaseId>().is_ok());
        assert!("home".parse::<AppName>().is_ok());
    }
}
