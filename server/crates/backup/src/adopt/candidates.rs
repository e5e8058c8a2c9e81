//! The files in a folder of old backups whose names are those of databases, compressed or not. Links are never followed,
//! so nothing outside the folder is read.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;

use tealkeep_base::durable;

use super::dates::{self, PathDate};
use super::error::AdoptError;
use super::outcome::{FileReport, Outcome};

/// How deep folders are searched: `a/b/2026/11/21/home/db.sqlite.gz` is six.
const MAX_DEPTH: usize = 8;
/// A folder with more files than this does not contain backups only.
const MAX_FILES: usize = 20_000;
/// The endings of the names of files that may be backups.
pub const ENDINGS: [&str; 6] = [
    ".sqlite.gz",
    ".sqlite3.gz",
    ".db.gz",
    ".sqlite",
    ".sqlite3",
    ".db",
];

/// A file that may be a backup.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Where it lies.
    pub path: PathBuf,
    /// The same, below the folder, for people.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last changed.
    pub changed: Timestamp,
    /// The date in its path.
    pub path_date: PathDate,
}

impl Candidate {
    /// Whether this is one night's own file, and not one that a coarser tier keeps of it.
    pub(super) fn is_nights_own(&self) -> bool {
        let lower = self.name.to_lowercase();
        let coarser = ["week", "month", "year"];
        self.path_date.is_exact() && !coarser.iter().any(|word| lower.contains(word))
    }

    /// What became of it.
    pub(super) fn report(&self, outcome: Outcome, why: impl Into<String>) -> FileReport {
        FileReport {
            file: self.name.clone(),
            bytes: self.bytes,
            outcome,
            why: why.into(),
            id: None,
            local_date: None,
            rows: None,
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The candidates; each night's own files before those of coarser tiers, then by name.
    pub candidates: Vec<Candidate>,
    /// The names of the others: logs, notes, links.
    pub others: Vec<String>,
}

/// Searches the folder. The order of day and month is derived from all its names together.
///
/// # Errors
/// It, or a folder in it, can't be read; or it holds too much.
pub(super) fn find(from: &Path, today: Date) -> Result<Found, AdoptError> {
    let mut found = Found::default();
    let mut folders = vec![(from.to_owned(), 0)];
    let mut seen = 0_usize;
    while let Some((folder, depth)) = folders.pop() {
        let unread = |source: io::Error| AdoptError::Unreadable {
            path: folder.clone(),
            source,
        };
        for item in fs::read_dir(&folder).map_err(unread)? {
            let item = item.map_err(unread)?;
            seen += 1;
            if seen > MAX_FILES {
                return Err(AdoptError::TooMany {
                    from: from.to_owned(),
                    max: MAX_FILES,
                });
            }
            let path = item.path();
            let below = path.strip_prefix(from).unwrap_or(&path);
            let name = below.to_string_lossy().into_owned();
            let meta = match fs::symlink_metadata(&path) {
                Ok(meta) => meta,
                // The script that owns the folder has removed it.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(unread(e)),
            };
            if meta.is_dir() && depth < MAX_DEPTH {
                folders.push((path, depth + 1));
            } else if meta.is_file() && is_a_databases(&name) {
                found.candidates.push(Candidate {
                    path_date: dates::date_in_path(&name),
                    bytes: meta.len(),
                    changed: Timestamp::new(meta.mtime(), 0).unwrap_or(Timestamp::UNIX_EPOCH),
                    name,
                    path,
                });
            } else if meta.is_symlink() {
                found
                    .others
                    .push(format!("{name} (a link, and links are not followed)"));
            } else if meta.is_file() {
                found.others.push(name);
            } else {
                let kind = durable::kind_of(meta.file_type());
                found.others.push(format!("{name} (a {kind})"));
            }
        }
    }
    let order = dates::order_of(found.candidates.iter().map(|one| one.path_date), today);
    for candidate in &mut found.candidates {
        candidate.path_date = candidate.path_date.settled(order);
    }
    found
        .candidates
        .sort_by_cached_key(|found| (!found.is_nights_own(), found.name.clone()));
    found.others.sort_unstable();
    Ok(found)
}

/// Whether a file's name is that of a database.
fn is_a_databases(name: &str) -> bool {
    let lower = name.to_lowercase();
    let hidden = Path::new(name)
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_found_by_their_names_and_links_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.sqlite.gz"), "x").unwrap();
        let put = |name: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        put("weekly/2026-11-15/db.sqlite.gz");
        put("daily/2026-11-21/db.sqlite.gz");
        put("daily/2026-11-20/DB.SQLITE3.GZ");
        put("home-2026-11-19.db");
        put("daily/2026-11-21/db.sqlite-wal");
        put("daily/.2026-11-21.db.gz");
        put("backup.log");
        put("latest.sql.gz");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("away")).unwrap();
        std::os::unix::fs::symlink(
            outside.path().join("secret.sqlite.gz"),
            dir.path().join("latest.sqlite.gz"),
        )
        .unwrap();
        let found = find(dir.path(), jiff::civil::date(2026, 11, 21)).unwrap();
        let names: Vec<&str> = found.candidates.iter().map(|one| &*one.name).collect();
        assert_eq!(
            names,
            [
                "daily/2026-11-20/DB.SQLITE3.GZ",
                "daily/2026-11-21/db.sqlite.gz",
                "home-2026-11-19.db",
                "weekly/2026-11-15/db.sqlite.gz",
            ]
        );
        assert_eq!(found.others.len(), 6, "{:?}", found.others);
        assert!(
            found
                .others
                .iter()
                .any(|other| other.starts_with("away (a link"))
        );
    }
}
