//! What a release directory holds: `release.toml`, parsed strictly, and its migrations in order.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use toml_edit::{DocumentMut, Item, TableLike};

use super::fault::Fault;
use super::migrations::Migration;

/// One release, as read from its directory at boot.
#[derive(Debug, Clone)]
pub(super) struct Release {
    /// The name that people see, such as `Home 2`.
    pub title: String,
    /// The line under it on the first page.
    pub heading: String,
    /// One sentence on what is new.
    pub whats_new: String,
    /// What is broken about it, for the releases that exist to be refused.
    pub fault: Option<Fault>,
    /// Its colour on a light page, `#rrggbb`.
    pub accent: String,
    /// Its colour on a dark page, `#rrggbb`.
    pub accent_dark: String,
    /// What its schema holds beyond the first release's.
    pub features: Features,
    /// In the order in which they apply.
    pub migrations: Vec<Migration>,
}

/// Which columns this release reads and writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Features {
    /// `doses.note` is there.
    pub dose_notes: bool,
    /// `doses.milligrams` took the place of `doses.amount`.
    pub doses_in_milligrams: bool,
}

impl Release {
    /// Reads the release in `dir`.
    ///
    /// # Errors
    /// A file is missing, or a key is missing, unknown or of the wrong form; the message names it.
    pub(super) fn read(dir: &Path) -> anyhow::Result<Release> {
        let path = dir.join("release.toml");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}: is this a release?", path.display()))?;
        parse(&text, read_migrations(&dir.join("migrations"))?)
            .with_context(|| format!("{} is not valid", path.display()))
    }
}

fn parse(text: &str, migrations: Vec<Migration>) -> anyhow::Result<Release> {
    let document: DocumentMut = text.parse().context("it is not TOML")?;
    let root = document.as_table();
    check_keys(
        root,
        "",
        &[
            "title",
            "heading",
            "whats_new",
            "behaviour",
            "theme",
            "features",
        ],
    )?;
    let theme = table(root.get("theme"), "theme")?.context("[theme] is missing")?;
    check_keys(theme, "theme.", &["accent", "accent_dark"])?;
    let features = table(root.get("features"), "features")?;
    if let Some(features) = features {
        check_keys(
            features,
            "features.",
            &["dose_notes", "doses_in_milligrams"],
        )?;
    }
    let fault = match root.get("behaviour") {
        None => None,
        Some(item) => Some(item.as_str().unwrap_or_default().parse::<Fault>()?),
    };
    Ok(Release {
        title: string(root, "title")?,
        heading: string(root, "heading")?,
        whats_new: string(root, "whats_new")?,
        fault,
        accent: colour(theme, "accent")?,
        accent_dark: colour(theme, "accent_dark")?,
        features: Features {
            dose_notes: flag(features, "dose_notes")?,
            doses_in_milligrams: flag(features, "doses_in_milligrams")?,
        },
        migrations,
    })
}

/// `NNN-what-it-does.sql`, by number; a gap or a number used twice is an error.
fn read_migrations(dir: &Path) -> anyhow::Result<Vec<Migration>> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(dir).with_context(|| format!("cannot read the folder {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        let sql = fs::read_to_string(&path)
            .with_context(|| format!("cannot read the migration {}", path.display()))?;
        found.push(Migration {
            name: name.to_owned(),
            sql,
        });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    for (at, migration) in found.iter().enumerate() {
        let expected = format!("{:03}-", at + 1);
        ensure!(
            migration.name.starts_with(&expected) && migration.name.ends_with(".sql"),
            "migration `{}` is out of order: a file named {expected}….sql would be next",
            migration.name
        );
    }
    Ok(found)
}

fn check_keys(table: &dyn TableLike, prefix: &str, known: &[&str]) -> anyhow::Result<()> {
    for (key, _) in table.iter() {
        if !known.contains(&key) {
            bail!(
                "unknown key `{prefix}{key}`; the known ones are {}",
                known.join(", ")
            );
        }
    }
    Ok(())
}

fn table<'a>(item: Option<&'a Item>, key: &str) -> anyhow::Result<Option<&'a dyn TableLike>> {
    item.map(|item| {
        item.as_table_like()
            .with_context(|| format!("`{key}` must be a table"))
    })
    .transpose()
}

fn string(table: &dyn TableLike, key: &str) -> anyhow::Result<String> {
    let text = table.get(key).and_then(Item::as_str).unwrap_or_default();
    ensure!(!text.is_empty(), "`{key}` is missing: it must be a text");
    Ok(text.to_owned())
}

fn colour(table: &dyn TableLike, key: &str) -> anyhow::Result<String> {
    let text = string(table, key)?;
    let valid = text.len() == 7
        && text.starts_with('#')
        && text.bytes().skip(1).all(|b| b.is_ascii_hexdigit());
    ensure!(
        valid,
        "`{key}` is `{text}`: it must be a colour such as #0f766e"
    );
    Ok(text)
}

fn flag(table: Option<&dyn TableLike>, key: &str) -> anyhow::Result<bool> {
    match table.and_then(|table| table.get(key)) {
        None => Ok(false),
        Some(item) => item
            .as_bool()
            .with_context(|| format!("`features.{key}` must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "title = 'T'\nheading = 'H'\nwhats_new = 'N'\n[theme]\naccent = '#012345'\naccent_dark = '#abcdef'\n";

    #[test]
    fn unknown_keys_and_impossible_values_are_named() {
        assert!(parse(GOOD, vec![]).is_ok());
        for (text, says) in [
            (format!("colour = 1\n{GOOD}"), "unknown key `colour`"),
            (
                format!("{GOOD}ink = '#000000'\n"),
                "unknown key `theme.ink`",
            ),
            (GOOD.replace("#012345", "red;}"), "`accent` is `red;}`"),
            (GOOD.replace("title = 'T'", ""), "`title` is missing"),
            (format!("behaviour = 'odd'\n{GOOD}"), "`odd`"),
            (
                format!("{GOOD}[features]\ndose_notes = 'yes'\n"),
                "must be true or false",
            ),
        ] {
            let error = format!("{:#}", parse(&text, vec![]).unwrap_err());
            assert!(error.contains(says), "{error} does not say {says}");
        }
    }

    #[test]
    fn migrations_with_a_gap_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("001-a.sql"), "").unwrap();
        fs::write(dir.path().join("003-c.sql"), "").unwrap();
        let error = read_migrations(dir.path()).unwrap_err().to_string();
        assert!(error.contains("`003-c.sql` is out of order"), "{error}");
    }
}
