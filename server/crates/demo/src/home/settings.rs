//! What the supervisor tells the app through its environment, parsed once.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use tealkeep_words::names::{Colour, ReleaseId};

/// How many rows of each growing table stay; the oldest go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Doses, chore runs, bought shopping items and reminders, each.
    pub rows: u32,
    /// Answered requests. It is the larger one, so that a repeated request is still known when its row
    /// was long forgotten.
    pub entries: u32,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep {
            rows: 50_000,
            entries: 200_000,
        }
    }
}

/// Where the app listens, what it reads and writes, and which release it is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `PORT`: TCP, on 127.0.0.1.
    pub port: u16,
    /// `DATABASE_PATH`: created with a household of four if it is not there.
    pub database: PathBuf,
    /// `TEALKEEP_RELEASE`; otherwise the name of the release's directory.
    pub release_id: ReleaseId,
    /// `TEALKEEP_COLOUR`, if the app is supervised.
    pub colour: Option<Colour>,
    /// `TEALKEEP_LIVE_FILE`: timers run while it exists. Without the variable no other process runs them, so
    /// they always run.
    pub live_file: Option<PathBuf>,
    /// `TEALKEEP_REHEARSAL=1`: a boot on a copy of the data, whose timers do not run.
    pub rehearsal: bool,
    /// The directory with `release.toml`, `migrations/` and `public/`.
    pub release_dir: PathBuf,
    /// How much of the past stays in the database.
    pub keep: Keep,
}

impl Settings {
    /// Reads them with `var`, which answers `None` for a variable that is not set; one that is set and
    /// empty counts as not set.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong, and what would be right.
    pub fn from_env(
        release_dir: &Path,
        var: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Settings> {
        let var = |key: &str| var(key).filter(|value| !value.is_empty());
        let Some(port) = var("PORT") else {
            bail!("PORT is not set: give the port to listen on, for example PORT=3001");
        };
        let port = port
            .parse()
            .with_context(|| format!("PORT is `{port}`: it must be a number from 0 to 65535"))?;
        let Some(database) = var("DATABASE_PATH") else {
            bail!(
                "DATABASE_PATH is not set: give the SQLite file to use; it is created if it does not exist"
            );
        };
        let release_dir = release_dir
            .canonicalize()
            .with_context(|| format!("there is no release in {}", release_dir.display()))?;
        let release_id = match var("TEALKEEP_RELEASE") {
            Some(id) => id.parse().context("TEALKEEP_RELEASE")?,
            None => release_dir
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .parse()
                .context(
                    "TEALKEEP_RELEASE is not set, and the directory's name is no release id",
                )?,
        };
        let colour = var("TEALKEEP_COLOUR")
            .map(|colour| colour.parse().context("TEALKEEP_COLOUR"))
            .transpose()?;
        Ok(Settings {
            port,
            database: PathBuf::from(database),
            release_id,
            colour,
            live_file: var("TEALKEEP_LIVE_FILE").map(PathBuf::from),
            rehearsal: var("TEALKEEP_REHEARSAL").is_some_and(|value| value == "1"),
            release_dir,
            keep: Keep::default(),
        })
    }

    /// Whether this process is the one whose timers run now.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.rehearsal && self.live_file.as_ref().is_none_or(|file| file.exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_wrong_variable_is_named_with_what_would_be_right() {
        let dir = tempfile::tempdir().unwrap();
        let with = |pairs: &'static [(&str, &str)]| {
            let read = |key: &str| {
                let found = pairs.iter().find(|(name, _)| *name == key);
                found.map(|(_, value)| (*value).to_owned())
            };
            format!("{:#}", Settings::from_env(dir.path(), read).unwrap_err())
        };
        assert!(with(&[("DATABASE_PATH", "x")]).contains("PORT is not set"));
        assert!(with(&[("PORT", "many"), ("DATABASE_PATH", "x")]).contains("PORT is `many`"));
        assert!(with(&[("PORT", "1")]).contains("DATABASE_PATH is not set"));
        let wrong_colour = [
            ("PORT", "1"),
            ("DATABASE_PATH", "x"),
            ("TEALKEEP_RELEASE", "v1"),
            ("TEALKEEP_COLOUR", "red"),
        ];
        let message = Settings::from_env(dir.path(), |key| {
            let found = wrong_colour.iter().find(|(name, _)| *name == key);
            found.map(|(_, value)| (*value).to_owned())
        });
        let message = format!("{:#}", message.unwrap_err());
        assert!(message.contains("it is `blue` or `green`"), "{message}");
    }
}
