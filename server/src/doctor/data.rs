//! The database, opened like snapshots do (and not at all if that could do harm); the backups folder; and the disk space for
//! both.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Access;

use super::findings::{Check, Findings};
use super::{beside, former};
use crate::backup::catalogue::is_ahead;
use crate::backup::database::{self, Database, bare_facts};
use crate::backup::human;
use crate::backup::scratch::free_bytes;
use crate::backup::{Cancel, Catalogue, Watch};
use crate::beside::{Beside, look as look_beside};
use crate::clock::local_time;
use crate::config::{AppConfig, Config, RuntimeConfig};
use crate::units::quote::shell;

/// How long to wait for a locked database.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// If the newest snapshot is older than this, a night was missed.
const STALE_HOURS: i64 = 30;

pub async fn look(
    findings: &mut Findings,
    config: &Config,
    app: &AppConfig,
    host: &str,
    is_pulled: bool,
) {
    if findings.wants(&[Check::Database]) {
        database(findings, app).await;
    }
    if findings.wants(&[Check::Backups]) {
        backups(findings, app, is_pulled);
        former::look(findings, app);
        let (looked, state) = (app.clone(), config.state.clone());
        let found = tokio::task::spawn_blocking(move || look_beside(&looked, &state)).await;
        if let Ok(found) = found {
            others(findings, app, host, &found);
        }
    }
    if findings.wants(&[Check::Space]) {
        space(findings, app);
    }
}

async fn database(findings: &mut Findings, app: &AppConfig) {
    let path = app.database.clone();
    let quoted = shell(&path.to_string_lossy());
    let both = Access::READ_OK | Access::WRITE_OK;
    let listed = format!(
        "ls -ld {} {quoted}",
        shell(&app.database_folder().to_string_lossy())
    );
    if rustix::fs::access(&path, both) == Err(rustix::io::Errno::ACCESS) {
        findings.warn(
            Check::Database,
            format!("this user cannot open {}", path.display()),
            findings.machine.as_root(app.name.as_str(), listed),
        );
        return;
    }
    let opened = tokio::task::spawn_blocking(move || open(&path)).await;
    match opened.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(facts) => describe(findings, app, &facts),
        // Beside it are files, and a folder, that this user may not be allowed to write.
        Err(error) if !may_write(app) => findings.warn(
            Check::Database,
            format!("this user cannot open it like the app does: {error}"),
            findings.machine.as_root(app.name.as_str(), listed),
        ),
        Err(error) if app.database.exists() => {
            findings.fail(Check::Database, error, restore_command(app, &quoted));
        }
        Err(error) => findings.fail(
            Check::Database,
            error,
            match &app.runtime {
                RuntimeConfig::Systemd(_) => format!("tealkeep units {} --only commands | sh    # for a new app", app.name),
                RuntimeConfig::Process(_) => format!(
                    "mkdir -p {} && touch {quoted}    # for a new app: an empty file is an empty database",
                    shell(&app.database_folder().to_string_lossy())
                ),
            },
        ),
    }
}

/// What helps if an existing database cannot be opened: who has it open, and a snapshot to restore if there is one.
fn restore_command(app: &AppConfig, quoted: &str) -> String {
    let newest = Catalogue::read(&app.backups).ok();
    let newest = newest.and_then(|all| {
        all.newest_by(jiff::Timestamp::now())
            .map(|entry| entry.id())
    });
    let holders = format!("fuser -v {quoted}    # if it is locked: who has it open");
    match newest {
        Some(id) => format!(
            "{holders}\ntealkeep restore {} {id}    # if it is damaged",
            app.name
        ),
        None => holders,
    }
}

/// Data beside the database.
fn others(findings: &mut Findings, app: &AppConfig, host: &str, found: &Beside) {
    let Some(said) = found.one_line() else {
        return;
    };
    findings.warn(
        Check::Backups,
        format!(
            "{} contains files that are in no snapshot: {said}",
            app.database_folder().display()
        ),
        beside::copy_commands(app, host, found),
    );
}

/// Whether this user can write everything that an open database needs.
fn may_write(app: &AppConfig) -> bool {
    let may = |path: &Path, how| rustix::fs::access(path, how) != Err(rustix::io::Errno::ACCESS);
    let beside = ["", "-wal", "-shm"].into_iter().all(|ending| {
        let mut path = app.database.clone().into_os_string();
        path.push(ending);
        may(path.as_ref(), Access::READ_OK | Access::WRITE_OK)
    });
    beside && may(app.database_folder(), Access::WRITE_OK | Access::EXEC_OK)
}

struct Facts {
    mode: String,
    bytes: u64,
}

fn open(path: &Path) -> Result<Facts, String> {
    let on_progress = &mut |_| {};
    let watch = Watch::new(on_progress, Cancel::never(), OPEN_TIMEOUT);
    let database = Database::open(path, database::Access::Read, OPEN_TIMEOUT, &watch)
        .map_err(|e| e.to_string())?;
    let conn = database.connection();
    let read = || -> rusqlite::Result<Facts> {
        Ok(Facts {
            mode: conn.query_row("PRAGMA main.journal_mode", [], |row| row.get(0))?,
            bytes: bare_facts(conn)?.plain_bytes(),
        })
    };
    read().map_err(|e| database.explain("read", &watch, e).to_string())
}

fn describe(findings: &mut Findings, app: &AppConfig, facts: &Facts) {
    let path = app.database.display();
    findings.ok(
        Check::Database,
        format!("{path} can be opened ({})", human(facts.bytes)),
    );
    if facts.mode == "wal" {
        findings.ok(
            Check::Database,
            "it is in WAL mode: snapshots never delay writers",
        );
    } else {
        // The app could not open files that root creates beside it.
        let as_user = match &app.runtime {
            RuntimeConfig::Systemd(systemd) => format!("runuser -u {} -- ", systemd.user),
            RuntimeConfig::Process(_) => String::new(),
        };
        findings.warn(
            Check::Database,
            format!(
                "it is in journal mode `{}`: writers wait during a snapshot",
                facts.mode
            ),
            format!(
                "{as_user}sqlite3 {} 'PRAGMA journal_mode=WAL'    # once, while the app is stopped; the file remembers it",
                shell(&app.database.to_string_lossy())
            ),
        );
    }
}

fn backups(findings: &mut Findings, app: &AppConfig, is_pulled: bool) {
    match Catalogue::read(&app.backups) {
        Ok(catalogue) => catalogued(findings, app, &catalogue),
        Err(error) => {
            let mend = folder_command(app);
            let mend = findings.machine.as_root(app.name.as_str(), mend);
            let text = format!("cannot read {}: {error}", app.backups.display());
            findings.warn(Check::Backups, text, mend);
        }
    }
    let device = |path: &Path| path.metadata().map(|meta| meta.dev());
    if let (Ok(backups), Ok(data)) = (device(&app.backups), device(app.database_folder())) {
        same_disk(findings, backups, data, is_pulled);
    }
}

/// What the snapshots in the folder say.
fn catalogued(findings: &mut Findings, app: &AppConfig, catalogue: &Catalogue) {
    let folder = app.backups.display();
    let now = jiff::Timestamp::now();
    let back_up = format!("tealkeep backup {}", app.name);
    let Some(newest) = catalogue.newest_by(now) else {
        let text = format!("there are no snapshots in {folder} yet");
        findings.warn(Check::Backups, text, back_up);
        return;
    };
    let taken_at = newest.manifest.taken_at;
    let text = format!(
        "the newest snapshot in {folder} was taken at {}",
        local_time(taken_at)
    );
    if is_ahead(taken_at, now) {
        let text = format!("{text}, in the future: the clock was wrong then, or is wrong now");
        findings.fail(Check::Backups, text, back_up);
    } else if now.duration_since(taken_at).as_hours() <= STALE_HOURS {
        findings.ok(Check::Backups, text);
    } else {
        let text = format!("{text}: a night was missed");
        findings.fail(Check::Backups, text, back_up);
    }
    for problem in &catalogue.problems {
        let verify = format!("tealkeep verify {}", shell(&folder.to_string()));
        findings.fail(Check::Backups, problem.to_string(), verify);
    }
}

/// The command that shows the backups folder, or creates it.
fn folder_command(app: &AppConfig) -> String {
    let folder = shell(&app.backups.to_string_lossy());
    match &app.runtime {
        _ if app.backups.exists() => format!("ls -ld {folder}; df {folder}"),
        RuntimeConfig::Systemd(_) => format!(
            "tealkeep units {} --only commands | sh    # or mount its disk",
            app.name
        ),
        RuntimeConfig::Process(_) => format!("mkdir -p {folder}    # or mount its disk"),
    }
}

/// Whether the backups, by device number, would be lost with the database's disk.
fn same_disk(findings: &mut Findings, backups: u64, data: u64, is_pulled: bool) {
    let is_one = on_one_disk(backups, data, Path::new("/sys"));
    if is_one && is_pulled {
        findings.ok(
            Check::Backups,
            "the backups are on the same disk as the database, and a laptop has a copy",
        );
    } else if is_one {
        findings.warn(
            Check::Backups,
            "the backups are on the same disk as the database: if it fails, only a laptop's copy is left",
            "let a laptop pull them, or put the backups folder on another disk",
        );
    } else {
        findings.ok(
            Check::Backups,
            "the backups are on another disk than the database",
        );
    }
}

/// Whether two file systems, given by device number, fail with the same disk, as two partitions of one SD card do.
fn on_one_disk(one: u64, other: u64, sys: &Path) -> bool {
    one == other
        || disk_of(one, sys).is_some_and(|disk| disk_of(other, sys).as_ref() == Some(&disk))
}

/// The disk of a block device, from sysfs: a partition is a folder in its disk's, with a file `partition`. None for anything
/// else, such as a network file system.
fn disk_of(device: u64, sys: &Path) -> Option<PathBuf> {
    let number = format!(
        "{}:{}",
        rustix::fs::major(device),
        rustix::fs::minor(device)
    );
    let itself = sys.join("dev/block").join(number).canonicalize().ok()?;
    match itself.join("partition").exists() {
        true => itself.parent().map(Path::to_owned),
        false => Some(itself),
    }
}

fn space(findings: &mut Findings, app: &AppConfig) {
    let size = app.database.metadata().map_or(0, |meta| meta.len());
    for (what, folder, why) in [
        ("backups", app.backups.as_path(), "a snapshot"),
        (
            "the database",
            app.database_folder(),
            "a restore, whose log grows by the database's size",
        ),
    ] {
        let Ok(free) = free_bytes(folder) else {
            continue;
        };
        let text = format!("{} free for {what}", human(free));
        let need = size.saturating_add(size / 20);
        let mend = format!(
            "df -h {0}    # then free some space",
            shell(&folder.to_string_lossy())
        );
        if free < need {
            findings.fail(
                Check::Space,
                format!("{text}, less than the {} of {why}", human(need)),
                mend,
            );
        } else if free < need.saturating_mul(3) {
            findings.warn(
                Check::Space,
                format!("{text}, which is tight for {why}"),
                mend,
            );
        } else {
            findings.ok(Check::Space, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::makedev;

    use super::*;

    #[test]
    fn two_partitions_of_one_card_are_one_disk() {
        let sys = tempfile::tempdir().unwrap();
        let links = sys.path().join("dev/block");
        fs::create_dir_all(&links).unwrap();
        for (number, device) in [
            ("179:0", "mmc0/mmcblk0"),
            ("179:1", "mmc0/mmcblk0/mmcblk0p1"),
            ("179:2", "mmc0/mmcblk0/mmcblk0p2"),
            ("8:0", "usb/sda"),
            ("8:1", "usb/sda/sda1"),
        ] {
            let folder = sys.path().join("devices").join(device);
            fs::create_dir_all(&folder).unwrap();
            if !number.ends_with(":0") {
                fs::write(folder.join("partition"), "1\n").unwrap();
            }
            let target = Path::new("../../devices").join(device);
            std::os::unix::fs::symlink(target, links.join(number)).unwrap();
        }
        let one = |a: (u32, u32), b: (u32, u32)| {
            on_one_disk(makedev(a.0, a.1), makedev(b.0, b.1), sys.path())
        };
        assert!(one((179, 1), (179, 2)));
        assert!(one((179, 0), (179, 2)));
        assert!(!one((179, 2), (8, 1)));
        // File systems without a disk of their own: only the same one is the same.
        assert!(one((0, 45), (0, 45)));
        assert!(!one((0, 45), (0, 46)));
        assert!(!one((0, 45), (8, 1)));
    }
}
