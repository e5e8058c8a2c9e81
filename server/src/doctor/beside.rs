//! The commands that copy what is beside the database to the laptop: files with rsync, and databases through SQLite, because
//! a copy of a database to which somebody is writing may not open again
//! (<https://www.sqlite.org/howtocorrupt.html>, section 1.2).

use crate::beside::{Beside, Kind, OF_DATABASE};
use crate::config::AppConfig;
use crate::units::quote::shell;

/// One command per line, each with the machine on which to run it. rsync copies everything except all databases; each
/// database other than the app's own needs two more commands.
pub fn copy_commands(app: &AppConfig, host: &str, found: &Beside) -> String {
    let folder = app.database_folder().to_string_lossy().into_owned();
    let target = format!("~/tealkeep/{}-files/", app.name);
    let own = app.database.file_name().unwrap_or_default();
    let databases = found.entries.iter().filter_map(|entry| match entry.kind {
        Kind::Database => Some(entry.file_name.as_str()),
        Kind::Folder | Kind::File | Kind::Link => None,
    });
    let databases: Vec<&str> = databases.collect();

    let mut rsync = "on the laptop: rsync -a".to_owned();
    for name in std::iter::once(&*own.to_string_lossy()).chain(databases.iter().copied()) {
        for ending in [""].iter().chain(&OF_DATABASE) {
            rsync.push_str(&format!(
                " --exclude={}",
                shell(&pattern(&format!("{name}{ending}")))
            ));
        }
    }
    let from = shell(&format!("{folder}/"));
    let mut lines = vec![format!(
        "{rsync} you@{host}:{from} {target}    # as a user who may read it; see docs/data-beside.md"
    )];
    for name in databases {
        if name.contains(is_unprintable) {
            lines.push(format!(
                "on the Pi: rename the database {}, whose name has an unprintable character; then run this again",
                name.escape_debug()
            ));
            continue;
        }
        let copy = format!("/tmp/{name}");
        lines.push(format!(
            "on the Pi: sqlite3 {} {}    # another database: SQLite can copy it while the app writes to it",
            shell(&format!("{folder}/{name}")),
            shell(&format!(".backup {}", dot_word(&copy)))
        ));
        lines.push(format!(
            "on the laptop: rsync -a you@{host}:{} {target}",
            shell(&copy)
        ));
    }
    lines.join("\n")
}

/// Whether a character would control the terminal, or replaces something that is not UTF-8.
fn is_unprintable(c: char) -> bool {
    // Behind a letter, since an accent of its own is escaped at the beginning only.
    let is_escaped = format!("a{c}").escape_debug().nth(1) == Some('\\');
    c == char::REPLACEMENT_CHARACTER || (is_escaped && !"\\'\"".contains(c))
}

/// A pattern that matches exactly this name at the top of the copy; an unprintable character matches any. A backslash
/// escapes only in a pattern with a wildcard (rsync(1), PATTERN MATCHING RULES).
fn pattern(name: &str) -> String {
    let is_wild = |c: char| "*?[".contains(c);
    let has_wildcard = name.contains(|c| is_wild(c) || is_unprintable(c));
    let mut pattern = String::from("/");
    for c in name.chars() {
        if is_unprintable(c) {
            pattern.push('*');
            continue;
        }
        if has_wildcard && (is_wild(c) || c == '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// A word of one of sqlite3's dot-commands, which may be in double quotes with C's escapes (sqlite3(1)).
fn dot_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use rusqlite::Connection;

    use super::*;
    use crate::beside::look;
    use crate::config::Config;

    fn app(folder: &Path) -> AppConfig {
        let source = format!(
            "[[app]]\nname = \"home\"\ndatabase = {:?}\nreleases = \"/r\"\nbackups = \"/b\"\n[app.runtime]\ncommand = [\"true\"]\n",
            folder.join("data.db")
        );
        let config = Config::parse(&source, false).unwrap();
        config.apps.into_iter().next().unwrap()
    }

    /// Runs a command of one line on this machine, which stands for both, with `target` in place of the laptop's folder.
    fn run(line: &str, target: &Path) {
        let (_, command) = line.split_once(": ").unwrap();
        let target = format!("{}/", target.display());
        let command = command
            .replace("you@pi:", "")
            .replace("~/tealkeep/home-files/", &shell(&target));
        let ran = Command::new("sh").arg("-c").arg(&command).status();
        assert!(ran.unwrap().success(), "{command}");
    }

    #[test]
    fn each_database_is_left_to_sqlite_and_everything_else_is_copied() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, target) = (dir.path().join("data"), dir.path().join("files"));
        fs::create_dir_all(folder.join("uploads")).unwrap();
        // A name that no other test's copy has in the machine's temporary folder.
        let unique = dir.path().file_name().unwrap().to_string_lossy();
        let second = format!("it's [{unique}] \\.db");
        let app_database = Connection::open(folder.join("data.db")).unwrap();
        let other = Connection::open(folder.join(&second)).unwrap();
        for conn in [&app_database, &other] {
            conn.execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE kept (n); INSERT INTO kept VALUES (7)",
            )
            .unwrap();
        }
        for name in [
            "data.db2",
            "data.db-notes",
            "uploads/data.db",
            "uploads/one.jpg",
        ] {
            fs::write(folder.join(name), name).unwrap();
        }
        let found = look(&app(&folder), Path::new("/nonexistent"));
        let lines = copy_commands(&app(&folder), "pi", &found);
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        run(lines[0], &target);
        let mut copied: Vec<_> = fs::read_dir(&target)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        copied.sort();
        assert_eq!(copied, ["data.db-notes", "data.db2", "uploads"]);
        assert!(target.join("uploads/data.db").exists());

        run(lines[1], &target);
        run(lines[2], &target);
        let copy = Connection::open(target.join(&second)).unwrap();
        let kept: i64 = copy
            .query_row("SELECT n FROM kept", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, 7);
        fs::remove_file(format!("/tmp/{second}")).unwrap();
    }

    #[test]
    fn a_name_that_would_reach_the_terminal_is_left_out_of_the_commands() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("data");
        fs::create_dir(&folder).unwrap();
        for name in ["a\u{1b}[2J\n?.db", "b\u{202e}.db"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        let found = look(&app(&folder), Path::new("/nonexistent"));
        let commands = copy_commands(&app(&folder), "pi", &found);
        assert_eq!(commands.lines().count(), 3, "{commands}");
        assert!(!commands.contains(['\u{1b}', '\u{202e}']), "{commands}");
        assert!(commands.contains("a\\u{1b}[2J\\n?.db"), "{commands}");
        let target = dir.path().join("files");
        run(commands.lines().next().unwrap(), &target);
        assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    }

    #[test]
    fn the_commands_name_exactly_the_files_of_each_database() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("audit.db"), "x").unwrap();
        let found = look(&app(dir.path()), Path::new("/nonexistent"));
        let folder = dir.path().display();
        let commands = copy_commands(&app(dir.path()), "pi", &found);
        let expected = format!(
            "on the laptop: rsync -a --exclude=/data.db --exclude=/data.db-wal --exclude=/data.db-shm --exclude=/data.db-journal \
             --exclude=/audit.db --exclude=/audit.db-wal --exclude=/audit.db-shm --exclude=/audit.db-journal \
             you@pi:{folder}/ ~/tealkeep/home-files/    # as a user who may read it; see docs/data-beside.md\n\
             on the Pi: sqlite3 {folder}/audit.db '.backup /tmp/audit.db'    # another database: SQLite can copy it while the app writes to it\n\
             on the laptop: rsync -a you@pi:/tmp/audit.db ~/tealkeep/home-files/"
        );
        assert_eq!(commands, expected);
    }
}
