//! Which findings a person accepted: one by its address, all of a kind, or all of a policy, at addresses that fit a
//! pattern. An acceptance is never deleted, only revoked.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::journal::Journal;
use crate::journal::columns::{instant, parse_column, to_word};
use crate::names::AppName;
use crate::policy::{Finding, Kind, Policy};

/// The journal's value for "all kinds".
const ANY_KIND: &str = "*";

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

impl Journal {
    /// The valid acceptances of an app, newest first; with `all`, revoked ones too.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn acceptances(&self, app: AppName, all: bool) -> anyhow::Result<Vec<Acceptance>> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, policy, kind, url, by, why, at, revoked_at, revoked_by, is_pattern FROM acceptance
                     WHERE app = ?1 AND (?2 OR revoked_at IS NULL) ORDER BY id DESC",
                )?
                .query_map(params![app.as_str(), all], acceptance_of)?
                .collect()
        })
        .await
    }

    /// Records that findings are accepted; `None` if they are already.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn accept(
        &self,
        app: AppName,
        scope: Scope,
        by: String,
        why: String,
    ) -> anyhow::Result<Option<Acceptance>> {
        let now = Timestamp::now();
        self.with(move |connection| {
            // In one statement: of two that accept the same at once, one is the first.
            let changed = connection.execute(
                "INSERT INTO acceptance(app, policy, kind, url, by, why, at, is_pattern)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS
                     (SELECT 1 FROM acceptance WHERE app = ?1 AND policy = ?2 AND kind = ?3 AND url = ?4
                      AND is_pattern = ?8 AND revoked_at IS NULL)",
                params![
                    app.as_str(),
                    to_word(&scope.policy),
                    scope.kind.map_or_else(|| ANY_KIND.to_owned(), |kind| to_word(&kind)),
                    scope.url,
                    by,
                    why,
                    now.as_millisecond(),
                    scope.is_pattern
                ],
            )?;
            Ok((changed > 0).then(|| Acceptance {
                id: connection.last_insert_rowid(),
                policy: scope.policy,
                kind: scope.kind,
                url: scope.url,
                is_pattern: scope.is_pattern,
                by,
                why,
                at: instant(now.as_millisecond()),
                revoked_at: None,
                revoked_by: None,
            }))
        })
        .await
    }

    /// Revokes an acceptance; `None` if there is no valid one with that number.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn revoke_acceptance(
        &self,
        app: AppName,
        id: i64,
        by: String,
    ) -> anyhow::Result<Option<Acceptance>> {
        let now = Timestamp::now().as_millisecond();
        self.with(move |connection| {
            connection
                .query_row(
                    "UPDATE acceptance SET revoked_at = ?3, revoked_by = ?4
                     WHERE app = ?1 AND id = ?2 AND revoked_at IS NULL
                     RETURNING id, policy, kind, url, by, why, at, revoked_at, revoked_by, is_pattern",
                    params![app.as_str(), id, now, by],
                    acceptance_of,
                )
                .optional()
        })
        .await
    }
}

fn acceptance_of(row: &Row<'_>) -> rusqlite::Result<Acceptance> {
    let kind = match row.get_ref(2)?.as_str()? {
        ANY_KIND => None,
        _ => Some(parse_column(row, 2)?),
    };
    Ok(Acceptance {
        id: row.get(0)?,
        policy: parse_column(row, 1)?,
        kind,
        url: row.get(3)?,
        is_pattern: row.get(9)?,
        by: row.get(4)?,
        why: row.get(5)?,
        at: instant(row.get(6)?),
        revoked_at: row.get::<_, Option<i64>>(7)?.map(instant),
        revoked_by: row.get(8)?,
    })
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

    #[tokio::test]
    async fn a_finding_is_accepted_once_and_again_after_that_was_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let app: AppName = "home".parse().unwrap();
        let what = Scope {
            policy: Policy::HtmlCache,
            kind: Some(Kind::Reusable),
            url: "https://x/".to_owned(),
            is_pattern: false,
        };
        let accept = async |why: &str| {
            let (by, why) = ("the dashboard".to_owned(), why.to_owned());
            journal
                .accept(app.clone(), what.clone(), by, why)
                .await
                .unwrap()
        };
        let first = accept("it is a museum").await.unwrap();
        assert_eq!(accept("again").await, None);
        assert_eq!(
            journal.acceptances(app.clone(), false).await.unwrap(),
            std::slice::from_ref(&first)
        );
        let garden: AppName = "garden".parse().unwrap();
        let by = || "me".to_owned();
        let of_another = journal.revoke_acceptance(garden, first.id, by()).await;
        assert_eq!(of_another.unwrap(), None);
        let revoked = journal.revoke_acceptance(app.clone(), first.id, by()).await;
        assert_eq!(revoked.unwrap().unwrap().revoked_by.as_deref(), Some("me"));
        let twice = journal.revoke_acceptance(app.clone(), first.id, by()).await;
        assert_eq!(twice.unwrap(), None);
        assert!(
            journal
                .acceptances(app.clone(), false)
                .await
                .unwrap()
                .is_empty()
        );
        let second = accept("it is one again").await.unwrap();
        assert_ne!(second.id, first.id);
        assert_eq!(
            journal.acceptances(app.clone(), true).await.unwrap().len(),
            2
        );
    }
}
