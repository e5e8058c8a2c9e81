//! Finds what is in the folder of an app's database but in no snapshot: uploads, a second database, anything. It looks only at
//! names and sizes and opens no file.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::backup::human;
use crate::config::AppConfig;

/// How many files and folders are looked at; what lies beyond is not counted.
const MAX_SEEN: usize = 10_000;
/// How many are named; the others are counted.
const MAX_NAMED: usize = 6;
/// What SQLite keeps beside a database, by its ending (<https://www.sqlite.org/tempfiles.html>, sections 2.1 to 2.3).
pub const OF_DATABASE: [&str; 3] = ["-wal", "-shm", "-journal"];
/// What a database's file is called, by its ending.
const DATABASES: [&str; 4] = [".sqlite", ".sqlite3", ".db", ".db3"];

/// What was found, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// What stands in the folder itself, each with all that is in it.
    pub entries: Vec<Entry>,
    /// Whether all of it was looked at. Otherwise the sizes are the least that they are.
    pub is_complete: bool,
}

/// Something beside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder, with control characters written out.
    pub name: String,
    /// Its name as a command needs it; what is no UTF-8 is replaced.
    pub file_name: String,
    /// What it is.
    pub kind: Kind,
    /// How many files it holds, itself included if it is one.
    pub files: u64,
    /// Their bytes in all.
    pub bytes: u64,
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// Another database, by its name, with its log.
    Database,
    /// Any other file.
    File,
    /// A link, which leads to data elsewhere.
    Link,
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, size) = (&self.name, human(self.bytes));
        match self.kind {
            Kind::Folder if self.files == 1 => write!(f, "{name}/ (1 file, {size})"),
            Kind::Folder => write!(f, "{name}/ ({} files, {size})", self.files),
            Kind::Database => write!(f, "{name} (a database, {size})"),
            Kind::File => write!(f, "{name} ({size})"),
            Kind::Link => write!(f, "{name} (a link)"),
        }
    }
}

impl Beside {
    /// It as one line; none where nothing lies there.
    #[must_use]
    pub fn one_line(&self) -> Option<String> {
        if self.entries.is_empty() {
            return None;
        }
        let named = self.entries.iter().take(MAX_NAMED).map(ToString::to_string);
        let mut said = named.collect::<Vec<_>>().join(", ");
        match self.entries.len().saturating_sub(MAX_NAMED) {
            0 => {}
            more => said.push_str(&format!(", and {more} more")),
        }
        if !self.is_complete {
            said.push_str("; there may be more of it");
        }
        Some(said)
    }
}

/// Looks beside an app's database; `state` is Tealkeep's own folder. What can't be looked at is not counted, and makes
/// the answer incomplete. It waits for the disk.
#[must_use]
pub fn look(app: &AppConfig, state: &Path) -> Beside {
    let folder = app.database_folder();
    let database = app
        .database
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let is_known = |name: &str| {
        let ending = name.strip_prefix(&*database);
        // What a restore has put aside was a database of this app, and Tealkeep writes under names of its own.
        ending.is_some_and(|ending| {
            ending.is_empty() || OF_DATABASE.contains(&ending) || ending.starts_with(".before-")
        }) || name.ends_with(".tealkeep-part")
    };
    let mut walk = Walk {
        skipped: [&app.releases, &app.backups, &state.to_owned()].map(PathBuf::clone),
        device: fs::metadata(folder).map(|meta| meta.dev()).ok(),
        left: MAX_SEEN,
        is_complete: true,
    };
    let mut entries = BTreeMap::new();
    for (path, meta) in walk.list(folder) {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if is_known(&name) {
            continue;
        }
        let is_database = |name: &str| DATABASES.iter().any(|ending| name.ends_with(ending));
        let kind = if meta.is_dir() {
            Kind::Folder
        } else if meta.is_symlink() {
            Kind::Link
        } else if is_database(&name.to_lowercase()) {
            Kind::Database
        } else {
            Kind::File
        };
        let (files, bytes) = walk.count(&path, &meta);
        if files == 0 && kind != Kind::Link {
            continue;
        }
        entries.insert(name, (kind, files, bytes));
    }
    let mut found = Beside {
        entries: with_logs(entries),
        is_complete: walk.is_complete,
    };
    found
        .entries
        .sort_by_key(|entry| std::cmp::Reverse(entry.bytes));
    found
}

/// A database's log counts as a part of it.
fn with_logs(mut entries: BTreeMap<String, (Kind, u64, u64)>) -> Vec<Entry> {
    let names: Vec<String> = entries.keys().cloned().collect();
    for name in names {
        let of = OF_DATABASE
            .iter()
            .find_map(|ending| name.strip_suffix(ending));
        let Some(of) = of.filter(|of| {
            entries
                .get(*of)
                .is_some_and(|(kind, ..)| *kind == Kind::Database)
        }) else {
            continue;
        };
        if let Some((_, _, bytes)) = entries.remove(&name)
            && let Some(database) = entries.get_mut(of)
        {
            database.2 += bytes;
        }
    }
    let entries = entries
        .into_iter()
        .map(|(name, (kind, files, bytes))| Entry {
            name: name.escape_debug().to_string(),
            file_name: name,
            kind,
            files,
            bytes,
        });
    entries.collect()
}

/// A bounded walk that follows no link and stays on its disk.
struct Walk {
    skipped: [PathBuf; 3],
    device: Option<u64>,
    left: usize,
    is_complete: bool,
}

impl Walk {
    /// What stands in a folder, without what is not to be counted.
    fn list(&mut self, folder: &Path) -> Vec<(PathBuf, Metadata)> {
        let Ok(entries) = fs::read_dir(folder) else {
            self.is_complete = false;
            return Vec::new();
        };
        let mut found = Vec::new();
        for entry in entries {
            if self.left == 0 {
                self.is_complete = false;
                break;
            }
            self.left -= 1;
            let Ok((path, meta)) = entry.and_then(|entry| {
                let path = entry.path();
                fs::symlink_metadata(&path).map(|meta| (path, meta))
            }) else {
                self.is_complete = false;
                continue;
            };
            if !self.skipped.contains(&path) {
                found.push((path, meta));
            }
        }
        found
    }

    /// The files below something, or itself, and their bytes.
    fn count(&mut self, path: &Path, meta: &Metadata) -> (u64, u64) {
        if !meta.is_dir() {
            return match meta.is_file() {
                true => (1, meta.len()),
                false => (0, 0),
            };
        }
        let (mut files, mut bytes) = (0, 0);
        let mut folders = vec![(path.to_owned(), meta.dev())];
        while let Some((folder, device)) = folders.pop() {
            if Some(device) != self.device {
                self.is_complete = false;
                continue;
            }
            for (path, meta) in self.list(&folder) {
                if meta.is_dir() {
                    folders.push((path, meta.dev()));
                } else if meta.is_file() {
                    files += 1;
                    bytes += meta.len();
                }
            }
        }
        (files, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn app(folder: &Path) -> AppConfig {
        let source = format!(
            "[[app]]\nname = \"home\"\ndatabase = {:?}\nreleases = {:?}\nbackups = {:?}\n[app.runtime]\ncommand = [\"true\"]\n",
            folder.join("home.sqlite"),
            folder.join("app/releases"),
            folder.join("backups")
        );
        let config = Config::parse(&source, false).unwrap();
        config.apps.into_iter().next().unwrap()
    }

    fn write(folder: &Path, name: &str, bytes: usize) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![0; bytes]).unwrap();
    }

    #[test]
    fn uploads_and_another_database_are_named_and_what_is_backed_up_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        for known in [
            "home.sqlite",
            "home.sqlite-wal",
            "home.sqlite-shm",
            "home.sqlite-journal",
            "home.sqlite.before-x",
            ".x.tealkeep-part",
        ] {
            write(folder, known, 10);
        }
        write(folder, "app/releases/one/server.js", 1000);
        write(folder, "backups/snapshots/x.sqlite.gz", 1000);
        write(folder, "state/journal.db", 1000);
        assert_eq!(look(&app(folder), &folder.join("state")).one_line(), None);

        write(folder, "uploads/a/one.jpg", 3000);
        write(folder, "uploads/two.jpg", 2000);
        write(folder, "audit.db", 100);
        write(folder, "audit.db-wal", 400);
        write(folder, "notes\n.txt", 7);
        // It is data of its own, though it begins like the database.
        write(folder, "home.sqlite2", 5);
        std::os::unix::fs::symlink("/srv/photos", folder.join("photos")).unwrap();
        std::os::unix::fs::symlink("/", folder.join("uploads/loop")).unwrap();
        let found = look(&app(folder), &folder.join("state"));
        assert!(found.is_complete);
        let shown: Vec<(&str, Kind, u64, u64)> = found
            .entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.kind, entry.files, entry.bytes))
            .collect();
        assert_eq!(
            shown,
            [
                ("uploads", Kind::Folder, 2, 5000),
                ("audit.db", Kind::Database, 1, 500),
                ("notes\\n.txt", Kind::File, 1, 7),
                ("home.sqlite2", Kind::File, 1, 5),
                ("photos", Kind::Link, 0, 0),
            ]
        );
        let said = found.one_line().unwrap();
        assert!(said.starts_with("uploads/ (2 files, "), "{said}");
        assert!(said.ends_with("photos (a link)"), "{said}");
    }

    #[test]
    fn the_walk_has_an_end_and_says_that_there_may_be_more() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "home.sqlite", 1);
        for number in 0..=MAX_SEEN {
            write(dir.path(), &format!("uploads/{number}"), 0);
        }
        let found = look(&app(dir.path()), Path::new("/nonexistent"));
        assert!(!found.is_complete);
        assert!(found.entries[0].files < MAX_SEEN as u64);
        assert!(
            found
                .one_line()
                .unwrap()
                .ends_with("there may be more of it")
        );
    }
}
