//! `tealkeep restore APP --from DIR`: the newest whole snapshot of a folder becomes the app's database, on a
//! machine that has nothing yet. What was there before is kept beside it; a database in use is not touched.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde_json::json;

use super::{DEADLINE, RestoreArgs};
use crate::backup::database::Facts;
use crate::backup::restore::{RestoreError, unpack};
use crate::backup::{Cancel, SnapshotId, Watch, human, manifest};
use crate::cli::progress::Bytes;
use crate::cli::{Failure, Outcome, print, units};
use crate::config::{AppConfig, RuntimeConfig};
use crate::durable;
use crate::names::AppName;

/// How deep below the named folder snapshots are looked for: an app's folder, `snapshots`, and one to spare.
const DEPTH: usize = 4;
/// How long somebody who reads the old database right now is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// What SQLite keeps beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

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
        .ok_or_else(|| Failure::Call("name the app, or a database with --to".to_owned()))?;
    let wanted: Option<SnapshotId> = match &args.which {
        Some(id) => Some(id.parse().map_err(|e| Failure::Call(format!("{e}")))?),
        None => None,
    };
    let found = snapshots(from, app.map(|app| &app.name))?;
    let folder = target.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        return Err(Failure::Tried(anyhow!(
            "the folder {} does not exist; `tealkeep units` prints the commands that make it",
            folder.display()
        )));
    }
    let is_filled = has_content(target)?;
    if is_filled && !args.force {
        return Err(Failure::Tried(anyhow!(
            "{} has content. To put old content into a running app, use `tealkeep restore APP SNAPSHOT`; to put the file aside and this one in its place, stop the app and add --force",
            target.display()
        )));
    }
    if is_filled {
        is_unused(target)?;
    }
    let (id, unpacked, facts) = newest_whole(from, found, wanted, target)?;
    own(&unpacked, folder, app)?;
    let kept = put_in_place(&unpacked, target, is_filled)?;
    let rows: u64 = facts.tables.values().sum();
    let printed = json!({
        "database": target, "snapshot": id, "bytes": facts.plain_bytes(), "tables": facts.tables, "kept": kept,
    });
    print(json, &printed, || {
        let kept = kept.as_ref().map_or(String::new(), |kept| {
            format!(" What was there before is {}.", kept.display())
        });
        format!(
            "{} holds snapshot {id}: {}, {rows} rows.{kept}",
            target.display(),
            human(facts.plain_bytes())
        )
    })
}

/// The snapshots somewhere below a folder, by their ids; those of other apps left out.
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
            if kind.is_dir() && depth < DEPTH {
                open.push((path, depth + 1));
            } else if kind.is_file()
                && !name.ends_with(".json")
                && let Some(id) = SnapshotId::from_file_name(&name)
            {
                let manifest = manifest::read(&path.with_file_name(id.manifest_name()));
                let whose = manifest.ok().and_then(|manifest| manifest.app);
                if app.is_none() || whose.is_none() || whose.as_ref() == app {
                    found.insert(id, path);
                }
            }
        }
    }
    Ok(found)
}

/// Unpacks the newest snapshot that is whole beside the target, under a name of its own.
fn newest_whole(
    from: &Path,
    mut found: BTreeMap<SnapshotId, PathBuf>,
    wanted: Option<SnapshotId>,
    target: &Path,
) -> anyhow::Result<(SnapshotId, PathBuf, Facts)> {
    if let Some(wanted) = wanted {
        found.retain(|id, _| *id == wanted);
    }
    let unpacked = beside(target, ".restoring");
    for (id, path) in found.into_iter().rev() {
        for ending in [""].into_iter().chain(BESIDE) {
            // What an attempt that was cut off left behind.
            durable::remove(&beside(&unpacked, ending)).or_else(absent)?;
        }
        let mut bar = Bytes::new();
        let mut tell = |progress| bar.show(progress);
        let mut watch = Watch::new(&mut tell, Cancel::never(), DEADLINE);
        let done = unpack(&path, &unpacked, &mut watch);
        bar.clear();
        match done {
            Ok(facts) => return Ok((id, unpacked, facts)),
            Err(error @ RestoreError::Damaged { .. }) if wanted.is_none() => {
                eprintln!("tealkeep: {error}; the next older one is taken");
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
            "there is no whole snapshot below {}; name the folder that the laptop pulls into",
            from.display()
        )),
    }
}

/// Gives the file to whom the folder belongs, and lets its group write: the app and Tealkeep both open it. As
/// root, the folder of an app with units of its own is made to follow that rule too.
fn own(file: &Path, folder: &Path, app: Option<&AppConfig>) -> anyhow::Result<()> {
    let failed = || format!("cannot set the owner and mode of {}", file.display());
    let is_root = rustix::process::geteuid().is_root();
    if is_root
        && let Some(AppConfig {
            runtime: RuntimeConfig::Systemd(systemd),
            database,
            ..
        }) = app
        && database.parent() == Some(folder)
    {
        let failed = || format!("cannot set the owner and mode of {}", folder.display());
        let number = |file, name: &str| crate::doctor::machine::number(file, name);
        let user = number("/etc/passwd", &systemd.user);
        let group = number("/etc/group", &systemd.user);
        if user.is_none() || group.is_none() {
            return Err(anyhow!(
                "there is no user and group `{}`; `tealkeep units` prints the command that makes them",
                systemd.user
            ));
        }
        chown(folder, user, group).with_context(failed)?;
        fs::set_permissions(folder, Permissions::from_mode(0o2770)).with_context(failed)?;
    }
    let meta = fs::metadata(folder).with_context(failed)?;
    if is_root {
        chown(file, Some(meta.uid()), Some(meta.gid())).with_context(failed)?;
    }
    if meta.mode() & 0o020 != 0 {
        fs::set_permissions(file, Permissions::from_mode(0o660)).with_context(failed)?;
    }
    Ok(())
}

/// What stands at the target is put aside under a name that says when; then the new one takes its place.
fn put_in_place(
    unpacked: &Path,
    target: &Path,
    is_filled: bool,
) -> anyhow::Result<Option<PathBuf>> {
    let failed = || format!("cannot put {} in its place", target.display());
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H%M%SZ");
    let kept = beside(target, &format!(".before-{now}"));
    // The log first: a database without its log is older, a log without its database would be played into
    // the new one.
    for ending in BESIDE.into_iter().chain([""]) {
        let path = beside(target, ending);
        match is_filled {
            true => fs::rename(&path, beside(&kept, ending)).or_else(absent),
            false => durable::remove(&path).or_else(absent),
        }
        .with_context(failed)?;
    }
    fs::rename(unpacked, target).with_context(failed)?;
    durable::sync_dir(target.parent().unwrap_or(Path::new("/"))).with_context(failed)?;
    Ok(is_filled.then_some(kept))
}

fn has_content(database: &Path) -> anyhow::Result<bool> {
    for ending in [""].into_iter().chain(BESIDE) {
        let path = beside(database, ending);
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

/// Refuses a database that somebody has open. Leaving WAL mode needs to be alone with it
/// (sqlite.org/pragma.html, journal_mode), and writes what the log holds into the file that is kept.
fn is_unused(database: &Path) -> anyhow::Result<()> {
    let attempt = || -> rusqlite::Result<()> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let conn = rusqlite::Connection::open_with_flags(database, flags)?;
        conn.busy_timeout(PATIENCE)?;
        conn.query_row("PRAGMA main.journal_mode = DELETE", [], |_| Ok(()))?;
        conn.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")
    };
    match attempt() {
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
            ) =>
        {
            Err(anyhow!(
                "{} is in use; stop the app and Tealkeep first, or restore through the server with `tealkeep restore APP SNAPSHOT`",
                database.display()
            ))
        }
        // What can't be opened is in nobody's use; it is kept as it is.
        Ok(()) | Err(_) => Ok(()),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}
