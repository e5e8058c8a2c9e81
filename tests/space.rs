//! Disks that are full, read-only, gone or broken, for real: small file systems on loop devices. Whatever happens,
//! what was there before is still there, it is said what is wrong, and the next try succeeds once it is well.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{Timestamp, ToSpan};
use rusqlite::Connection;

use crate::support::{House, Said, TEALKEEP, set_installed_at, until};

const MIB: u64 = 1 << 20;

/// A file system in a file, mounted; unmounted when it is dropped, also by a panic.
struct Disk {
    image: tempfile::TempDir,
    at: PathBuf,
}

impl Disk {
    /// Mounts a new one on a folder, which is made if it is missing.
    fn mounted_on(at: &Path, mebibytes: u64) -> Disk {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests mount file systems on loop devices: run them as root"
        );
        let image = tempfile::Builder::new()
            .prefix("tealkeep-disk-")
            .tempdir()
            .unwrap();
        let file = image.path().join("image");
        std::fs::File::create(&file)
            .unwrap()
            .set_len(mebibytes * MIB)
            .unwrap();
        std::fs::create_dir_all(at).unwrap();
        let image_file = file.to_str().unwrap();
        run(
            "mkfs.ext4",
            &["-q", "-F", "-m", "0", "-b", "4096", image_file],
        );
        let disk = Disk {
            image,
            at: at.to_owned(),
        };
        disk.mount();
        disk
    }

    /// The file that the file system lies in.
    fn file(&self) -> PathBuf {
        self.image.path().join("image")
    }

    fn mount(&self) {
        let (file, at) = (self.file(), &self.at);
        let paths = [file.to_str().unwrap(), at.to_str().unwrap()];
        run("mount", &["-o", "loop", paths[0], paths[1]]);
    }

    fn unmount(&self) {
        run("umount", &[self.at.to_str().unwrap()]);
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        run("mount", &["-o", &options, self.at.to_str().unwrap()]);
    }

    fn free(&self) -> u64 {
        let stat = rustix::fs::statvfs(&self.at).unwrap();
        stat.f_bavail * stat.f_frsize
    }

    /// Fills it up until so many bytes are free; what it is filled with is removed by [`Disk::clear`].
    fn fill_to(&self, free: u64) {
        let length = self.free().saturating_sub(free).to_string();
        let filler = self.at.join("filler");
        run("fallocate", &["-l", &length, filler.to_str().unwrap()]);
        // The file system takes some blocks for itself; what is left of them goes byte by byte.
        let mut rest = std::fs::File::create(self.at.join("filler-2")).unwrap();
        while free == 0 && std::io::Write::write_all(&mut rest, &[0; 4096]).is_ok() {}
    }

    fn clear(&self) {
        for name in ["filler", "filler-2"] {
            std::fs::remove_file(self.at.join(name)).unwrap();
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A process that still runs there must not keep it: it goes when the last one does.
        let unmounted = Command::new("umount").arg("-l").arg(&self.at).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} could not be unmounted", self.at.display());
        }
    }
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|e| panic!("{program} can't be run: {e}"));
    let said = Said::of(&output);
    assert_eq!(said.code, 0, "{program} {arguments:?}: {said:#?}");
    said.stdout
}

/// A database whose content does not compress, or compresses to nothing.
fn fill_database(path: &Path, mebibytes: u64, blob: &str) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = wal; CREATE TABLE IF NOT EXISTS t(x BLOB); DELETE FROM t;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {})
             INSERT INTO t SELECT {blob}(4000) FROM n;",
            mebibytes * 256
        ))
        .unwrap();
}

fn back_up(database: &Path, folder: &Path) -> Said {
    let output = Command::new(TEALKEEP)
        .arg("backup")
        .arg("--database")
        .arg(database)
        .arg("--folder")
        .arg(folder)
        .output()
        .unwrap();
    Said::of(&output)
}

/// Everything in a folder but what the disk was filled with, by its path: contents, and where links lead.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(dir) = folders.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = entry.file_name();
            if name == "filler" || name == "filler-2" || name == "lost+found" {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                let to = std::fs::read_link(&path).unwrap();
                all.insert(path, to.into_os_string().into_encoded_bytes());
            } else {
                let content = std::fs::read(&path).unwrap();
                all.insert(path, content);
            }
        }
    }
    all
}

/// Every snapshot verifies, the list of checksums is right, and nothing else lies there.
#[track_caller]
fn assert_is_whole(folder: &Path, snapshots: usize) {
    let mut verify = Command::new(TEALKEEP);
    verify.arg("verify").arg(folder).arg("--json");
    Said::of(&verify.output().unwrap()).succeeds();
    let mut sums = Command::new("sha256sum");
    sums.args(["-c", "--quiet", "SHA256SUMS"])
        .current_dir(folder);
    Said::of(&sums.output().unwrap()).succeeds();
    let names: Vec<PathBuf> = everything(folder).into_keys().collect();
    let ends_with = |end: &str| {
        let names = names
            .iter()
            .filter(|name| name.parent().unwrap().ends_with("snapshots"));
        names
            .filter(|name| name.to_str().unwrap().ends_with(end))
            .count()
    };
    assert_eq!(
        (ends_with(".sqlite.gz"), ends_with(".json")),
        (snapshots, snapshots),
        "{names:?}"
    );
    let hidden = |name: &&PathBuf| {
        let name = name.file_name().unwrap().to_str().unwrap();
        name.starts_with('.')
    };
    assert_eq!(names.iter().find(hidden), None, "something was left");
}

#[test]
fn too_little_room_is_refused_before_a_byte_is_written_with_what_could_go() {
    let dir = tempfile::tempdir().unwrap();
    let (database, folder) = (dir.path().join("home.db"), dir.path().join("backups"));
    let disk = Disk::mounted_on(&folder, 112);
    fill_database(&database, 8, "randomblob");
    for _ in 0..3 {
        back_up(&database, &folder).succeeds();
    }
    disk.fill_to(36 * MIB);
    let before = everything(&folder);
    let free = disk.free();
    let refused = back_up(&database, &folder).fails_with(1).stderr;
    assert_eq!(disk.free(), free, "something was written");
    let oldest = before
        .keys()
        .filter_map(|path| {
            path.file_name()?
                .to_str()?
                .strip_suffix(".sqlite.gz")
                .map(str::to_owned)
        })
        .min()
        .unwrap();
    for part in [
        "38 MB free",
        "too little; what could go are",
        &format!("what could go are {oldest} ("),
        "set keep_manual = 2",
        "`tealkeep snapshots --rotate` removes it",
    ] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert_eq!(everything(&folder), before);
    assert_is_whole(&folder, 3);
    disk.clear();
    back_up(&database, &folder).succeeds();
    assert_is_whole(&folder, 4);
}

#[test]
fn a_disk_that_fills_up_in_the_middle_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (database, folder) = (dir.path().join("home.db"), dir.path().join("backups"));
    let disk = Disk::mounted_on(&folder, 112);
    // The last one was small, so that this one is begun; it turns out not to fit.
    fill_database(&database, 24, "zeroblob");
    back_up(&database, &folder).succeeds();
    fill_database(&database, 24, "randomblob");
    disk.fill_to(44 * MIB);
    let before = everything(&folder);
    let failed = back_up(&database, &folder).fails_with(1).stderr;
    assert!(failed.contains("the disk filled up"), "{failed}");
    assert_eq!(everything(&folder), before);
    assert_is_whole(&folder, 1);
    disk.clear();
    back_up(&database, &folder).succeeds();
    assert_is_whole(&folder, 2);
}

#[test]
fn a_database_on_a_failing_disk_is_said_and_the_snapshots_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (data, folder) = (dir.path().join("data"), dir.path().join("backups"));
    let disk = Disk::mounted_on(&data, 64);
    let database = data.join("home.db");
    fill_database(&database, 12, "randomblob");
    Connection::open(&database)
        .unwrap()
        .pragma_update(None, "journal_mode", "delete")
        .unwrap();
    back_up(&database, &folder).succeeds();
    let before = everything(&folder);

    // What lies beyond the end of the file that the disk is in can't be read: an I/O error of the kernel's own.
    let file = std::fs::File::open(&database).unwrap();
    file.sync_all().unwrap();
    drop(file);
    let extents = run("filefrag", &["-v", "-b4096", database.to_str().unwrap()]);
    let starts = extents.lines().filter_map(|line| {
        let physical = line.split(':').nth(2)?;
        physical.split("..").next()?.trim().parse::<u64>().ok()
    });
    let last = starts.max().expect("an extent");
    disk.unmount();
    disk.mount();
    let image = std::fs::File::options()
        .write(true)
        .open(disk.file())
        .unwrap();
    let size = image.metadata().unwrap().len();
    let whole = std::fs::read(disk.file()).unwrap();
    image.set_len((last + 16) * 4096).unwrap();
    let failed = back_up(&database, &folder).fails_with(1).stderr;
    // SQLite takes a read that the kernel answers with EIO for damage (os_unix.c, `SQLITE_IOERR_CORRUPTFS`).
    assert!(
        failed.contains("malformed") || failed.contains("I/O error"),
        "{failed}"
    );
    assert_eq!(everything(&folder), before);
    assert_is_whole(&folder, 1);

    disk.unmount();
    std::fs::write(disk.file(), whole).unwrap();
    assert_eq!(disk.file().metadata().unwrap().len(), size);
    disk.mount();
    back_up(&database, &folder).succeeds();
    assert_is_whole(&folder, 2);
}

#[test]
fn a_wal_database_in_a_folder_that_is_read_only_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::mounted_on(&dir.path().join("disk"), 16);
    let (database, folder) = (disk.at.join("home.db"), dir.path().join("backups"));
    Connection::open(&database)
        .unwrap()
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .unwrap();
    disk.remount("ro");
    let said = back_up(&database, &folder).fails_with(1).stderr.clone();
    assert!(
        said.contains("nothing can be written in its folder")
            && said.contains("mount it read-write"),
        "{said}"
    );
    disk.remount("rw");
    back_up(&database, &folder).succeeds();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_on_a_read_only_disk_says_so_once_and_the_next_try_succeeds() {
    let mut house = House::start().await;
    house.stop().await;
    let backups = house.backups();
    std::fs::rename(&backups, house.folder().join("backups/before")).unwrap();
    let disk = Disk::mounted_on(&backups, 112);
    house.start_again(&[]).await;
    house.tealkeep(["backup"]).succeeds();
    house.stop().await;
    disk.remount("ro");
    let before = everything(&backups);
    // The demo took one itself.
    let is_snapshot = |path: &&PathBuf| {
        path.parent().unwrap().ends_with("snapshots")
            && path.extension().is_some_and(|end| end == "gz")
    };
    let there = before.keys().filter(is_snapshot).count();
    installed_long_ago(&house);

    house.start_again(&[]).await;
    let failed = "Read-only file system";
    house.until_told(failed).await;
    house.stop().await;
    // What was told once is not told again by the next start, which tries at once.
    house.start_again(&[]).await;
    until_tried_again(&house).await;
    let told = house.journal().await;
    let told = told.iter().filter(|text| text.contains(failed));
    assert_eq!(told.clone().count(), 1, "{:?}", told.collect::<Vec<_>>());
    let said = told.clone().next().unwrap();
    assert!(
        said.starts_with("The snapshot of the night to ") && said.contains("Nothing was deleted"),
        "{said}"
    );
    assert_eq!(everything(&backups), before);
    assert_is_whole(&backups, there);
    house.stop().await;

    disk.remount("rw");
    house.start_again(&[]).await;
    house.until_told("A nightly snapshot, ").await;
    house.until_told("was taken after").await;
    assert_is_whole(&backups, there + 1);
    house.stop().await;
    let journal = Connection::open(house.folder().join("state/journal.db")).unwrap();
    let nights: (i64, i64) = journal
        .query_row(
            "SELECT count(failed), count(snapshot) FROM night",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(
        nights,
        (1, 1),
        "one row for the failure, one for the snapshot"
    );
    drop(disk);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_gone_is_not_replaced_by_an_empty_one() {
    let mut house = House::start().await;
    house.tealkeep(["backup"]).succeeds();
    let (backups, away) = (house.backups(), house.folder().join("backups/away"));
    let before = everything(&backups).len();
    std::fs::rename(&backups, &away).unwrap();
    let refused = house.tealkeep(["backup"]).fails_with(1).stderr;
    assert!(
        refused.contains("is gone") && refused.contains("mounted"),
        "{refused}"
    );
    assert!(!backups.exists(), "an empty one stands in its place");
    let sentence = house.status().await["sentence"].to_string();
    assert!(sentence.contains("is gone"), "{sentence}");
    house
        .until_told("A manual snapshot failed: the backups folder")
        .await;
    std::fs::rename(&away, &backups).unwrap();
    assert_eq!(everything(&backups).len(), before);
    house.tealkeep(["backup"]).succeeds();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_not_mounted_at_the_start_gets_no_empty_folder_in_its_place() {
    let mut house = House::start().await;
    house.stop().await;
    let backups = house.backups();
    std::fs::rename(&backups, house.folder().join("backups/before")).unwrap();
    let disk = Disk::mounted_on(&backups, 112);
    installed_long_ago(&house);
    house.start_again(&[]).await;
    let journal = Connection::open(house.folder().join("state/journal.db")).unwrap();
    let good = "SELECT count(*) FROM night WHERE snapshot IS NOT NULL";
    until("the night has its snapshot", async || {
        match journal.query_row(good, [], |row| row.get(0)) {
            Ok(1) => Ok(()),
            _ => Err(house.journal().await),
        }
    })
    .await;
    house.stop().await;
    let before = everything(&backups);
    disk.unmount();

    house.start_again(&[]).await;
    for said in [
        "No snapshot can be taken: the backups folder",
        "failed: the backups folder",
    ] {
        house.until_told(said).await;
        let journal = house.journal().await;
        let told = journal.iter().find(|text| text.contains(said)).unwrap();
        for part in ["is gone", "is mounted", "`install -d "] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    house.tealkeep(["backup"]).fails_with(1);
    let sentence = house.status().await["sentence"].to_string();
    assert!(sentence.contains("is gone"), "{sentence}");
    assert_eq!(everything(&backups), BTreeMap::new());
    assert!(!backups.join("snapshots").exists());

    // Nobody has to restart anything.
    disk.mount();
    house.tealkeep(["backup"]).succeeds();
    let after = everything(&backups);
    let snapshots = |all: &BTreeMap<PathBuf, Vec<u8>>| {
        let names = all
            .keys()
            .filter(|path| path.parent().unwrap().ends_with("snapshots"));
        names
            .filter(|path| path.extension().is_some_and(|end| end == "gz"))
            .count()
    };
    assert_eq!(snapshots(&after), snapshots(&before) + 1);
    assert_is_whole(&backups, snapshots(&after));
    house.stop().await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_journal_does_not_keep_tealkeep_from_starting() {
    let mut house = House::start().await;
    house.stop().await;
    let (state, before) = (
        house.folder().join("state"),
        house.folder().join("state-before"),
    );
    std::fs::rename(&state, &before).unwrap();
    let disk = Disk::mounted_on(&state, 64);
    let contents = format!("{}/.", before.display());
    run("cp", &["-a", &contents, state.to_str().unwrap()]);
    house.start_again(&[]).await;
    house.stop().await;
    disk.fill_to(0);
    assert!(disk.free() < 4096, "{}", disk.free());

    house.start_again(&[]).await;
    house.until_told("The disk of ").await;
    house.tealkeep(["backup"]).succeeds();
    house.stop().await;
    disk.clear();
    house.start_again(&[]).await;
    assert!(state.join("reserve").exists(), "no room was laid up again");
    house.stop().await;
    drop(disk);
}

/// A night is due at the next start.
fn installed_long_ago(house: &House) {
    set_installed_at(&house.folder().join("state"), Timestamp::now() - 72.hours());
}

/// Waits until the server's log tells of a second try that failed.
async fn until_tried_again(house: &House) {
    until("a second try is logged", async || {
        let log = std::fs::read_to_string(house.folder().join("server.log")).unwrap();
        let is_tried = log.matches("the nightly snapshot failed").count() >= 2;
        is_tried.then_some(()).ok_or(log)
    })
    .await;
}
