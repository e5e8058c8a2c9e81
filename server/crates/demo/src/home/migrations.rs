//! Migrations run forwards only, each in a transaction of its own together with the record that it ran. A failing one
//! leaves the schema as it was, and two colours that boot at once apply each exactly once.

use anyhow::{Context, anyhow, ensure};
use jiff::Zoned;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::hex::hex;
use super::seed;
use tealkeep_words::names::ReleaseId;

/// The migration that also inserts the first household, in the same transaction.
const SEED_MIGRATION: &str = "004-entries.sql";

/// One file of a release's `migrations/`.
#[derive(Debug, Clone)]
pub(super) struct Migration {
    /// The file's name, which is its identity.
    pub name: String,
    /// Its statements.
    pub sql: String,
}

/// Applies what is missing and returns the names of what this call applied.
///
/// Migrations that the database has and the release lacks are left alone: an older release runs on a
/// newer schema after a rollback.
///
/// # Errors
/// A migration failed, ended its own transaction, or differs from what was applied under its name.
pub(super) fn apply(
    connection: &mut Connection,
    migrations: &[Migration],
    release: &ReleaseId,
    now: &Zoned,
) -> anyhow::Result<Vec<String>> {
    connection
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS migrations (
                 name        TEXT PRIMARY KEY,
                 sha256      TEXT NOT NULL,
                 release     TEXT NOT NULL,
                 applied_at  INTEGER NOT NULL
             ) STRICT",
        )
        .context("cannot create the table of migrations")?;
    let mut applied = Vec::new();
    for migration in migrations {
        let is_new = apply_one(connection, migration, release, now).with_context(|| {
            format!(
                "migration {} failed and was undone; the schema is as it was before it. \
                 Correct it in a new release",
                migration.name
            )
        })?;
        if is_new {
            applied.push(migration.name.clone());
        }
    }
    Ok(applied)
}

fn apply_one(
    connection: &mut Connection,
    migration: &Migration,
    release: &ReleaseId,
    now: &Zoned,
) -> anyhow::Result<bool> {
    let sha256 = hex(&Sha256::digest(migration.sql.as_bytes()));
    // Taking the write lock first makes the other colour wait here, and then find that it is done.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    match run(connection, migration, &sha256, release, now) {
        Ok(is_new) => {
            connection.execute_batch("COMMIT")?;
            Ok(is_new)
        }
        Err(error) => {
            connection.execute_batch("ROLLBACK")?;
            Err(error)
        }
    }
}

/// The part inside the transaction.
fn run(
    connection: &mut Connection,
    migration: &Migration,
    sha256: &str,
    release: &ReleaseId,
    now: &Zoned,
) -> anyhow::Result<bool> {
    let known: Option<String> = connection
        .query_row(
            "SELECT sha256 FROM migrations WHERE name = ?1",
            [&migration.name],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(known) = known {
        ensure!(
            known == *sha256,
            "it was changed after it had been applied; put the old text back and add a new migration"
        );
        return Ok(false);
    }
    // A COMMIT inside would make half of a migration stay when the rest fails.
    connection.authorizer(Some(|asked: AuthContext<'_>| match asked.action {
        AuthAction::Transaction { .. } => Authorization::Deny,
        _ => Authorization::Allow,
    }))?;
    let outcome = connection.execute_batch(&migration.sql);
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    outcome.map_err(explain)?;
    if migration.name == SEED_MIGRATION {
        seed::plant(connection, now)?;
    }
    connection.execute(
        "INSERT INTO migrations (name, sha256, release, applied_at) VALUES (?1, ?2, ?3, ?4)",
        params![
            migration.name,
            sha256,
            release.as_str(),
            now.timestamp().as_second()
        ],
    )?;
    Ok(true)
}

fn explain(error: rusqlite::Error) -> anyhow::Error {
    if error.sqlite_error_code() == Some(ErrorCode::AuthorizationForStatementDenied) {
        return anyhow!(
            "leave out BEGIN, COMMIT and ROLLBACK: it runs in a transaction of its own"
        );
    }
    error.into()
}
