//! Tokens for scripts and other machines: each has a name, a scope and a hash that is kept in its place,
//! so that whoever reads the journal can't use one. The text itself is shown once.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{hash_of, random_token};
use crate::journal::Journal;
use crate::names::BadName;

/// What every token begins with, so that one that strays into a file or a log can be recognised.
const PREFIX: &str = "tealkeep_";
/// How exactly the last use is remembered: finer would write to the disk with every request.
const LAST_USED_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// More than that is a script that went wild.
const MAX_TOKENS: u32 = 100;

/// What a token opens; each scope includes those before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Looking: status, snapshots, runs, the journal, events, metrics.
    Read,
    /// And what can be taken back without loss: deploys, rollbacks, taking and verifying snapshots.
    Deploy,
    /// And what touches people's data: restores and undos.
    Admin,
}

impl Scope {
    /// As it is written on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Deploy => "deploy",
            Scope::Admin => "admin",
        }
    }
}

impl Scope {
    /// As a person says it.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Scope::Read => "Looks only",
            Scope::Deploy => "Looks and deploys",
            Scope::Admin => "Looks, deploys and restores",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(s: &str) -> Result<Scope, String> {
        [Scope::Read, Scope::Deploy, Scope::Admin]
            .into_iter()
            .find(|scope| scope.as_str() == s)
            .ok_or_else(|| format!("there is no scope `{s}`; it is `read`, `deploy` or `admin`"))
    }
}

/// A token as it is listed: without its text, which nobody can tell any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Token {
    /// What it was called.
    pub name: String,
    /// What it opens.
    pub scope: Scope,
    /// When it was made.
    #[schemars(with = "String")]
    pub made: Timestamp,
    /// When it was last used, to within a day.
    #[schemars(with = "Option<String>")]
    pub last_used: Option<Timestamp>,
}

/// The tokens, in the journal's database.
#[derive(Debug, Clone)]
pub struct Tokens {
    journal: Journal,
}

impl Tokens {
    pub(super) fn new(journal: Journal) -> Tokens {
        Tokens { journal }
    }

    /// Makes a token and returns its text, which can't be had again.
    ///
    /// # Errors
    /// The name is taken or can't be one, there are too many, or the journal can't be written.
    pub async fn make(&self, name: &str, scope: Scope) -> anyhow::Result<String> {
        check_name(name)?;
        let text = format!("{PREFIX}{}", random_token()?);
        let (hash, named) = (hash_of(&text), name.to_owned());
        let made = self
            .journal
            .with(move |connection| {
                let transaction = connection.transaction()?;
                let count: u32 =
                    transaction.query_row("SELECT count(*) FROM token", [], |row| row.get(0))?;
                if count >= MAX_TOKENS {
                    return Ok(Made::TooMany);
                }
                let added = transaction.execute(
                    "INSERT INTO token(name, hash, scope, made) VALUES (?1, ?2, ?3, ?4) ON CONFLICT(name) DO NOTHING",
                    params![named, hash, scope.as_str(), Timestamp::now().as_second()],
                )?;
                transaction.commit()?;
                Ok(if added == 1 { Made::Yes } else { Made::Taken })
            })
            .await?;
        match made {
            Made::Yes => Ok(text),
            Made::Taken => bail!(
                "there is a token called {name} already; revoke it first, or choose another name"
            ),
            Made::TooMany => {
                bail!("there are {MAX_TOKENS} tokens already; revoke those that nobody uses")
            }
        }
    }

    /// All tokens, by their names.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn list(&self) -> anyhow::Result<Vec<Token>> {
        self.journal
            .with(|connection| {
                connection
                    .prepare_cached("SELECT name, scope, made, last_used FROM token ORDER BY name")?
                    .query_map([], read)?
                    .collect()
            })
            .await
    }

    /// Makes a token worthless from now on; `false` if there is none of that name.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn revoke(&self, name: &str) -> anyhow::Result<bool> {
        let name = name.to_owned();
        self.journal
            .with(move |connection| {
                Ok(connection.execute("DELETE FROM token WHERE name = ?1", [name])? > 0)
            })
            .await
    }

    /// The token that has this text, if one has.
    ///
    /// It is looked for by the hash of its 256 random bits, so that the time this takes tells nothing.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn of_text(&self, text: &str) -> anyhow::Result<Option<Token>> {
        if !text.starts_with(PREFIX) {
            return Ok(None);
        }
        let (hash, now) = (hash_of(text), Timestamp::now());
        self.journal
            .with(move |connection| {
                let found = connection
                    .prepare_cached(
                        "SELECT name, scope, made, last_used FROM token WHERE hash = ?1",
                    )?
                    .query_row([&hash], read)
                    .optional()?;
                if let Some(token) = &found
                    && token
                        .last_used
                        .is_none_or(|used| now.duration_since(used) >= LAST_USED_WITHIN)
                {
                    connection.execute(
                        "UPDATE token SET last_used = ?1 WHERE hash = ?2",
                        params![now.as_second(), hash],
                    )?;
                }
                Ok(found)
            })
            .await
            .context("the tokens can't be looked up")
    }
}

enum Made {
    Yes,
    Taken,
    TooMany,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Token> {
    let scope: String = row.get(1)?;
    let at = |second: i64| Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(Token {
        name: row.get(0)?,
        // What can't be read opens no more than looking.
        scope: scope.parse().unwrap_or(Scope::Read),
        made: at(row.get(2)?),
        last_used: row.get::<_, Option<i64>>(3)?.map(at),
    })
}

fn check_name(name: &str) -> Result<(), BadName> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=40).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(BadName::new(
        "token name",
        name,
        "1 to 40 letters, digits, `-`, `_` and `.`, for example `laptop`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_opens_what_it_was_made_for_until_it_is_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(Journal::open(dir.path()).unwrap());
        let text = tokens.make("laptop", Scope::Deploy).await.unwrap();
        assert!(tokens.make("laptop", Scope::Read).await.is_err());
        assert!(tokens.make("a b", Scope::Read).await.is_err());
        let found = tokens.of_text(&text).await.unwrap().unwrap();
        assert_eq!(
            (found.name.as_str(), found.scope),
            ("laptop", Scope::Deploy)
        );
        assert_eq!(tokens.of_text(&text[..text.len() - 1]).await.unwrap(), None);
        assert_eq!(tokens.of_text("").await.unwrap(), None);
        assert!(tokens.list().await.unwrap()[0].last_used.is_some());
        let kept = std::fs::read(dir.path().join("journal.db-wal")).unwrap();
        let secret = text.as_bytes();
        assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret));
        assert!(tokens.revoke("laptop").await.unwrap());
        assert!(!tokens.revoke("laptop").await.unwrap());
        assert_eq!(tokens.of_text(&text).await.unwrap(), None);
    }

    #[test]
    fn each_scope_includes_those_before_it() {
        assert!(Scope::Read < Scope::Deploy && Scope::Deploy < Scope::Admin);
        for scope in [Scope::Read, Scope::Deploy, Scope::Admin] {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("root".parse::<Scope>().is_err());
    }
}
