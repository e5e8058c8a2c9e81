//! Which findings a person accepted: one by its address, all of a kind, or all of a policy, at addresses that fit a
//! pattern. An acceptance is never deleted, only taken back.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::{Finding, Kind, Policy};

/// What stands in the journal in place of a kind where all kinds are meant.
pub(super) const ANY_KIND: &str = "*";

/// Which findings are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The rule.
    pub policy: Policy,
    /// What exactly; `None` for every kind of the policy.
    pub kind: Option<Kind>,
    /// The URL, or a pattern for URLs in which `*` stands for any characters.
    pub url: String,
    /// Whether it is a pattern.
    pub is_pattern: bool,
}

impl Scope {
    /// Whether a finding is meant.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        self.policy == finding.policy
            && self.kind.is_none_or(|kind| kind == finding.kind)
            && match self.is_pattern {
                true => fits(&self.url, &finding.url),
                false => self.url == finding.url,
            }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "the finding {kind}")?,
            None => write!(f, "every finding of {}", self.policy)?,
        }
        match (self.is_pattern, self.url.as_str()) {
            (true, "*") => f.write_str(" at any address"),
            (true, pattern) => write!(f, " at addresses like {pattern}"),
            (false, url) => write!(f, " at {url}"),
        }
    }
}

/// Findings that a person accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Acceptance {
    /// Its number.
    pub id: i64,
    /// The rule.
    pub policy: Policy,
    /// What exactly; null for every kind of the policy.
    pub kind: Option<Kind>,
    /// The URL that it is about, or a pattern for URLs.
    pub url: String,
    /// Whether `url` is a pattern, in which `*` stands for any characters.
    #[serde(default)]
    pub is_pattern: bool,
    /// Who accepted it.
    pub by: String,
    /// Why, in that person's words.
    pub why: String,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// When it was taken back.
    #[schemars(with = "Option<String>")]
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<String>,
}

impl Acceptance {
    /// Which findings it is of.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope {
            policy: self.policy,
            kind: self.kind,
            url: self.url.clone(),
            is_pattern: self.is_pattern,
        }
    }

    /// Whether it is of this finding.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        self.scope().covers(finding)
    }
}

/// Whether a text fits a pattern whose `*` stand for any characters, none included.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    // The earliest place for each part leaves the most room for those after it.
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, is_fit) in [
            ("*", "", true),
            ("*", "https://a/", true),
            ("https://a/*", "https://a/x/y", true),
            ("https://a/*.js", "https://a/x/y.js", true),
            ("https://a/*.js", "https://a/x.js?v=1", false),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "ab", false),
            ("a*a", "a", false),
            ("https://a/", "https://a/x", false),
            ("https://a/", "https://a/", true),
        ] {
            assert_eq!(fits(pattern, text), is_fit, "{pattern} {text}");
        }
    }
}
