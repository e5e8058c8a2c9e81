//! Checks of what a configuration names against this machine: folders, the socket, databases and programs.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::{Placed, Table};
use crate::backup::database::{Access, Database};
use crate::backup::{Cancel, Watch};

/// How long to wait for a locked database before the start is refused.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether a program exists; one that is relative to the release's directory counts as existing.
pub(super) fn has_program(program: &str) -> bool {
    let path = Path::new(program);
    if path.is_absolute() {
        return path.is_file();
    }
    if program.contains('/') {
        return true;
    }
    std::env::var_os("PATH")
        .is_some_and(|all| std::env::split_paths(&all).any(|folder| folder.join(program).is_file()))
}

/// Refuses a socket whose folder is missing, and a path where something else is.
pub(super) fn check_socket(table: &Table<'_>, socket: &Placed<PathBuf>) {
    let path = &socket.value;
    if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
        table.problem_at(
            socket,
            format!(
                "the folder {0} does not exist; make it with `mkdir -p {0}`, or name another socket",
                folder.display()
            ),
        );
    } else if path
        .symlink_metadata()
        .is_ok_and(|meta| !meta.file_type().is_socket())
    {
        table.problem_at(
            socket,
            format!(
                "{} already exists and is not a socket; name another path",
                path.display()
            ),
        );
    }
}

/// Refuses a folder in which Tealkeep can't create files.
pub(super) fn check_folder(table: &Table<'_>, folder: &Placed<PathBuf>) {
    let path = &folder.value;
    let text = match path.metadata() {
        Ok(meta) if !meta.is_dir() => format!("{} is not a folder; name one", path.display()),
        Ok(_) => match crate::durable::Unnamed::create_in(path, 0o600) {
            Ok(_) => return,
            Err(error) => format!(
                "{error}; give the folder to the user that runs tealkeep, or name another one"
            ),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => format!(
            "the folder {0} does not exist; make it with `mkdir -p {0}` and give it to the user that runs tealkeep",
            path.display()
        ),
        Err(error) => format!(
            "the folder {} can't be used ({error}); name another one",
            path.display()
        ),
    };
    table.problem_at(folder, text);
}

/// Refuses a path at which there is no SQLite database that can be read.
pub(super) fn check_database(table: &Table<'_>, database: &Placed<PathBuf>) {
    let path = &database.value;
    let text = match path.metadata() {
        Ok(_) => {
            let ignore = &mut |_| {};
            let watch = Watch::new(ignore, Cancel::never(), DATABASE_TIMEOUT);
            match Database::open(path, Access::Read, DATABASE_TIMEOUT, &watch) {
                Ok(_) => return,
                Err(error) => error.to_string(),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let make_folder = match path.parent() {
                Some(folder) if !folder.exists() => format!("mkdir -p {} && ", folder.display()),
                Some(_) | None => String::new(),
            };
            format!(
                "there is no database at {0} yet. If the app keeps it elsewhere, correct the path; for a new app, create an empty file as the app's user, which is an empty database: `{make_folder}touch {0}`",
                path.display()
            )
        }
        Err(error) => format!(
            "{} can't be used ({error}); name the database's own file",
            path.display()
        ),
    };
    table.problem_at(database, text);
}
