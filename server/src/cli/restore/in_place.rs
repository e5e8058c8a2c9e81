//! `tealkeep restore APP --from DIR`: the newest intact snapshot of a folder becomes the app's database, on a machine that
//! has nothing yet. What was there before is kept beside it; a database in use is not touched.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use rusqlite::ErrorCode;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde_json::json;

use super::{RestoreArgs, UNPACK_TIMEOUT};
use crate::backup::database::Facts;
use crate::backup::drill::counted;
use crate::backup::restore::{RestoreError, unpack};
use crate::backup::{Cancel, SnapshotId, Watch, human, manifest};
use crate::cli::outcome::{Failure, Outcome};
use crate::cli::output::print;
use crate::cli::progress::{Bytes, say};
use crate::cli::pull::PULL_FOLDER;
use crate::cli::units;
use crate::clock::local_time;
use crate::config::{AppConfig, RuntimeConfig};
use crate::durable;
use crate::names::AppName;

/// How deep below the named folder to search for snapshots: an app's folder, `snapshots`, and one more.
const MAX_DEPTH: usize = 4;
/// How long to wait for somebody who is reading the old database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The endings of SQLite's files beside a database.
const SIDE_FILE_ENDINGS: [&str; 3] = ["-wal", "-shm", "-journal"];

pub fn run(args: &RestoreArgs, from: &Path, json: bool) -> Outcome {
    let config = match (&args.app, &args.to) {
        (Some(_), _) => Some(units::read(&args.config)?),
        (None, _) => None,
    };
    let app = match &config {
        Some(config) => Some(units::pick(config, args.app.as_deref())?),
        None => None,
    };
    let target = args
        .to
        .as_deref()
        .or(app.map(|app| app.database.as_path()))
        .ok_or_else(|| Failure::Usage("name the app, or a database with --to".to_owned()))?;
    let wanted: Option<SnapshotId> = match &args.which {
        Some(id) => Some(id.parse().map_err(|e| Failure::Usage(format!("{e}")))?),
        None => None,
    };
    let found = snapshots(from, app.map(|app| &app.name))?;
    // A bare name is in the current folder.
    let target = &std::path::absolute(target)?;
    let folder = target.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        return Err(Failure::Operation(anyhow!(
            "the folder {} does not exist; `tealkeep units` prints the commands that create it",
            folder.display()
        )));
    }
    let is_filled = has_content(target)?;
    if is_filled && !args.force {
        return Err(Failure::Operation(anyhow!(
            "{} has content. To restore a running app, use `tealkeep restore APP SNAPSHOT`; to replace this file and keep it beside the new one, stop the app and add --force",
            target.display()
        )));
    }
    refuse_used(target)?;
    let (id, unpacked, facts) = unpack_newest(from, found, wanted, target)?;
    set_owner(&unpacked, folder, app)?;
    let kept = put_in_place(&unpacked, target, is_filled)?;
    let rows: u64 = facts.tables.values().sum();
    let printed = json!({
        "database": target.to_string_lossy(), "snapshot": id, "bytes": facts.plain_bytes(), "tables": facts.tables, "kept": kept.as_ref().map(|kept| kept.to_string_lossy()),
    });
    print(json, &printed, || {
        let kept = kept.as_ref().map_or(String::new(), |kept| {
            format!(" The previous database is {}.", kept.display())
        });
        format!(
            "{} now has the content of the snapshot of {}: {}, {}.{kept}",
            target.display(),
            local_time(id.taken_at()),
            human(facts.plain_bytes()),
            counted(rows, "row")
        )
    })
}

/// The snapshots somewhere below a folder, by their ids, without those of other apps.
fn snapshots(from: &Path, app: Option<&AppName>) -> anyhow::Result<BTreeMap<SnapshotId, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut open = vec![(from.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let reading = || format!("cannot look into {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(reading)? {
            let entry = entry.with_context(reading)?;
            let kind = entry.file_type().with_context(reading)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let path = entry.path();
            // What an interrupted pull left there is not verified.
            if name == PULL_FOLDER {
                continue;
            }
            if kind.is_dir() && depth < MAX_DEPTH {
                open.push((path, depth + 1));
            } else if kind.is_file()
                && !name.ends_with(".json")
                && let Some(id) = SnapshotId::from_file_name(&name)
            {
                let manifest = manifest::read(&path.with_file_name(id.manifest_name()));
                let owner = manifest.ok().and_then(|manifest| manifest.app);
                if app.is_none() || owner.is_none() || owner.as_ref() == app {
                    found.insert(id, path);
                }
            }
        }
    }
    Ok(found)
}

/// Unpacks the newest intact snapshot beside the target, under another name.
fn unpack_newest(
    from: &Path,
    mut found: BTreeMap<SnapshotId, PathBuf>,
    wanted: Option<SnapshotId>,
    target: &Path,
) -> anyhow::Result<(SnapshotId, PathBuf, Facts)> {
    if let Some(wanted) = wanted {
        found.retain(|id, _| *id == wanted);
    }
    let unpacked = with_ending(target, ".restoring");
    for (id, path) in found.into_iter().rev() {
        for ending in [""].into_iter().chain(SIDE_FILE_ENDINGS) {
            // Left behind by an interrupted attempt.
            durable::remove(&with_ending(&unpacked, ending)).or_else(ignore_missing)?;
        }
        let mut bar = Bytes::new();
        let mut on_progress = |progress| bar.show(progress);
        let mut watch = Watch::new(&mut on_progress, Cancel::never(), UNPACK_TIMEOUT);
        let done = unpack(&path, &unpacked, &mut watch);
        bar.clear();
        match done {
            Ok(facts) => return Ok((id, unpacked, facts)),
            Err(error @ RestoreError::Damaged { .. }) if wanted.is_none() => {
                say(format_args!("tealkeep: {error}; trying the next older one"));
            }
            Err(error) => return Err(anyhow!("{error}")),
        }
    }
    match wanted {
        Some(id) => Err(anyhow!(
            "there is no snapshot {id} below {}",
            from.display()
        )),
        None => Err(anyhow!(
            "there is no intact snapshot below {}; name the folder that the laptop pulls into",
            from.display()
        )),
    }
}

/// Gives the file to the owner of the folder and lets its group write, because the app and Tealkeep both open it. As
/// root, this also corrects the folder of an app whose colours are units. The app's user may rename things in that folder at
/// any time, so nothing is looked up twice: ownership changes on the opened descriptor.
fn set_owner(file: &Path, folder: &Path, app: Option<&AppConfig>) -> anyhow::Result<()> {
    let is_root = rustix::process::geteuid().is_root();
    let of_folder = || format!("cannot set the owner and mode of {}", folder.display());
    // As root: a link in its place could have been put there by anybody.
    let link = match is_root {
        true => OFlags::NOFOLLOW,
        false => OFlags::empty(),
    };
    let opened = rustix::fs::open(
        folder,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | link,
        Mode::empty(),
    );
    let opened = match opened {
        Err(Errno::LOOP | Errno::NOTDIR) => {
            return Err(anyhow!(
                "{} is a link; name the folder itself",
                folder.display()
            ));
        }
        other => fs::File::from(other.with_context(of_folder)?),
    };
    if is_root
        && let Some(AppConfig {
            runtime: RuntimeConfig::Systemd(systemd),
            database,
            ..
        }) = app
        && database.parent() == Some(folder)
    {
        let number = |file, name: &str| crate::doctor::machine::number(file, name);
        let user = number("/etc/passwd", &systemd.user);
        let group = number("/etc/group", &systemd.user);
        if user.is_none() || group.is_none() {
            return Err(anyhow!(
                "there is no user and group `{}`; `tealkeep units` prints the command that creates them",
                systemd.user
            ));
        }
        fchown(&opened, user, group).with_context(of_folder)?;
        let mode = Permissions::from_mode(0o2770);
        opened.set_permissions(mode).with_context(of_folder)?;
    }
    let owner = opened.metadata().with_context(of_folder)?;
    let of_file = || format!("cannot set the owner and mode of {}", file.display());
    let name = file.file_name().with_context(of_file)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let created = rustix::fs::openat(&opened, name, flags, Mode::empty()).with_context(of_file)?;
    let created = fs::File::from(created);
    let meta = created.metadata().with_context(of_file)?;
    let own = rustix::process::geteuid().as_raw();
    if !meta.is_file() || meta.nlink() != 1 || meta.uid() != own {
        return Err(anyhow!(
            "{} is not the file that was created there: somebody else writes to that folder; stop the app first",
            file.display()
        ));
    }
    if is_root {
        fchown(&created, Some(owner.uid()), Some(owner.gid())).with_context(of_file)?;
    }
    if owner.mode() & 0o020 != 0 {
        let mode = Permissions::from_mode(0o660);
        created.set_permissions(mode).with_context(of_file)?;
    }
    Ok(())
}

/// Renames what is at the target to a name with the time, then moves the new database there.
fn put_in_place(
    unpacked: &Path,
    target: &Path,
    is_filled: bool,
) -> anyhow::Result<Option<PathBuf>> {
    let failed = || format!("cannot put {} in its place", target.display());
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H%M%SZ");
    let kept = with_ending(target, &format!(".before-{now}"));
    // The log first: a database without its log is older, but a log without its database would be applied to the new
    // one.
    for ending in SIDE_FILE_ENDINGS.into_iter().chain([""]) {
        let path = with_ending(target, ending);
        match is_filled {
            true => fs::rename(&path, with_ending(&kept, ending)).or_else(ignore_missing),
            false => durable::remove(&path).or_else(ignore_missing),
        }
        .with_context(failed)?;
    }
    fs::rename(unpacked, target).with_context(failed)?;
    durable::sync_dir(target.parent().unwrap_or(Path::new("/"))).with_context(failed)?;
    Ok(is_filled.then_some(kept))
}

fn has_content(database: &Path) -> anyhow::Result<bool> {
    for ending in [""].into_iter().chain(SIDE_FILE_ENDINGS) {
        let path = with_ending(database, ending);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => {
                return Err(anyhow!("{} is a folder; name a file", path.display()));
            }
            Ok(meta) if meta.len() > 0 || !meta.is_file() => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot look at {}", path.display()));
            }
        }
    }
    Ok(false)
}

/// Refuses a database that is or may be open elsewhere. Leaving WAL mode needs exclusive access
/// (sqlite.org/pragma.html, journal_mode), and writes the log into the file that is kept.
fn refuse_used(database: &Path) -> anyhow::Result<()> {
    match fs::symlink_metadata(database) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Ok(meta) if !meta.is_file() => {
            return Err(anyhow!(
                "{} is not a regular file and is not touched; move it away first",
                database.display()
            ));
        }
        Ok(_) | Err(_) => {}
    }
    let attempt = || -> rusqlite::Result<()> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let conn = rusqlite::Connection::open_with_flags(database, flags)?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.query_row("PRAGMA main.journal_mode = DELETE", [], |_| Ok(()))?;
        conn.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")
    };
    let Err(error) = attempt() else {
        return Ok(());
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(anyhow!(
            "{} is in use; stop the app and Tealkeep first, or restore through the server with `tealkeep restore APP SNAPSHOT`",
            database.display()
        )),
        // Nobody uses something that is not a database, or a broken one; it is kept unchanged.
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Ok(()),
        _ => Err(anyhow!(
            "cannot tell whether {} is in use: {error}; check it, or move it away first",
            database.display()
        )),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_somebody_has_open_is_not_taken_for_unused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home.sqlite");
        refuse_used(&path).unwrap();
        let conn = rusqlite::Connection::open(&path).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(x); BEGIN; SELECT * FROM t")
            .unwrap();
        assert!(
            refuse_used(&path)
                .unwrap_err()
                .to_string()
                .contains("in use")
        );
        drop(conn);
        refuse_used(&path).unwrap();
    }

    #[test]
    fn what_cannot_be_told_is_not_taken_for_unused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home.sqlite");
        fs::write(
            &path,
            "no database, but longer than the head of one. ".repeat(20),
        )
        .unwrap();
        refuse_used(&path).unwrap();
        let link = dir.path().join("link.sqlite");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let said = refuse_used(&link).unwrap_err().to_string();
        assert!(said.contains("not a regular file"), "{said}");
    }

    #[test]
    fn a_link_in_the_place_of_the_new_file_is_given_to_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let other = dir.path().join("shadow");
        fs::write(&other, "").unwrap();
        fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, Permissions::from_mode(0o2770)).unwrap();
        let file = data.join("home.sqlite.restoring");
        std::os::unix::fs::symlink(&other, &file).unwrap();
        set_owner(&file, &data, None).unwrap_err();
        fs::remove_file(&file).unwrap();
        fs::hard_link(&other, &file).unwrap();
        set_owner(&file, &data, None).unwrap_err();
        assert_eq!(other.metadata().unwrap().mode() & 0o777, 0o600);
        fs::remove_file(&file).unwrap();
        fs::write(&file, "").unwrap();
        set_owner(&file, &data, None).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o660);
    }
}
