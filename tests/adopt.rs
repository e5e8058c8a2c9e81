//! Taking over what the usual script has kept: files made by the real `sqlite3` and `gzip`, through the server and without
//! one, with a kill in the middle.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{House, Said, TEALKEEP};

/// Runs a program, which has to succeed.
#[track_caller]
fn sh(script: &str, dir: &Path) -> String {
    let output = Command::new("sh")
        .args(["-euc", script])
        .current_dir(dir)
        .output()
        .unwrap();
    Said::of(&output).succeeds().stdout
}

/// What the usual script leaves: each night `sqlite3 .backup` and `gzip`, of a database that grows; a copy of each
/// Sunday's, and of each month's last.
fn script(dir: &Path, database: &Path, nights: &[&str]) {
    for night in nights {
        sh(
            &format!(
                "sqlite3 {db} \"CREATE TABLE IF NOT EXISTS adopted(night TEXT, filler BLOB); INSERT INTO adopted VALUES ('{night}', randomblob(40000))\"
                 mkdir -p daily/{night}
                 sqlite3 {db} \".backup 'daily/{night}/db.sqlite'\"
                 gzip daily/{night}/db.sqlite
                 touch -d '{night} 03:31:05' daily/{night}/db.sqlite.gz",
                db = database.display(),
            ),
            dir,
        );
    }
}

/// Mode, seconds and nanoseconds of the last change, inode, and the bytes of a file.
type Facts = (u32, i64, i64, u64, Option<Vec<u8>>);

/// Everything about every file below a folder that must not change.
fn inventory(dir: &Path) -> BTreeMap<PathBuf, Facts> {
    let mut all = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = meta.is_file().then(|| fs::read(&path).unwrap());
            if meta.is_dir() {
                folders.push(path.clone());
            }
            let facts = (
                meta.mode(),
                meta.mtime(),
                meta.mtime_nsec(),
                meta.ino(),
                content,
            );
            all.insert(path, facts);
        }
    }
    all
}

/// Runs it without a server.
fn adopt(dir: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(TEALKEEP)
        .current_dir(dir)
        .env("TEALKEEP_SOCKET", dir.join("none.sock"))
        .args(["adopt", "old", "--into", "new"])
        .args(arguments)
        .output()
        .unwrap();
    Said::of(&output)
}

fn verify(dir: &Path) -> Said {
    Said::of(
        &Command::new(TEALKEEP)
            .current_dir(dir)
            .args(["--json", "verify", "./new"])
            .output()
            .unwrap(),
    )
}

fn desk() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("old")).unwrap();
    dir
}

const NIGHTS: [&str; 5] = [
    "2025-10-31",
    "2025-11-01",
    "2025-11-02",
    "2025-11-03",
    "2025-11-04",
];

#[test]
fn the_scripts_folder_is_taken_over_and_stays_as_it_was() {
    let dir = desk();
    let old = dir.path().join("old");
    let live = dir.path().join("app.db");
    script(&old, &live, &NIGHTS);
    sh(
        "mkdir weekly monthly flat
         cp -p daily/2025-11-02/db.sqlite.gz weekly/2025-W44.sqlite.gz
         cp -p daily/2025-10-31/db.sqlite.gz monthly/2025-10.sqlite.gz
         sqlite3 ../app.db \".backup 'flat/home-20251029.sqlite'\"
         head -c 3000 daily/2025-11-04/db.sqlite.gz > daily/half.sqlite.gz
         ln -s /etc/passwd daily/passwd.db
         ln -s 2025-11-04/db.sqlite.gz daily/latest.sqlite.gz
         echo done > backup.log
         chmod 0400 weekly/2025-W44.sqlite.gz",
        &old,
    );
    let before = inventory(&old);

    let looked = adopt(dir.path(), &["--dry-run", "--json"])
        .fails_with(1)
        .json();
    assert!(!dir.path().join("new").exists(), "a look writes nothing");
    let said = adopt(dir.path(), &["--json"]).fails_with(1);
    let facts = said.json();
    assert_eq!(looked["plan"], facts["plan"]);
    let of = |outcome: &str| -> Vec<&str> {
        let files = facts["files"].as_array().unwrap().iter();
        files
            .filter(|file| file["outcome"] == outcome)
            .map(|file| file["file"].as_str().unwrap())
            .collect()
    };
    assert_eq!(of("taken").len(), 6, "{facts:#}");
    assert_eq!(
        of("same"),
        ["monthly/2025-10.sqlite.gz", "weekly/2025-W44.sqlite.gz"]
    );
    assert_eq!(of("refused"), ["daily/half.sqlite.gz"]);
    assert_eq!(facts["others"].as_array().unwrap().len(), 3, "{facts:#}");
    assert!(
        said.stderr.contains("1 of 9 cannot be relied on"),
        "{said:?}"
    );
    assert_eq!(inventory(&old), before, "an original was changed");

    let all = verify(dir.path()).succeeds().json();
    assert_eq!(all.as_array().unwrap().len(), 6);
    sh(
        "sha256sum --quiet --check SHA256SUMS",
        &dir.path().join("new"),
    );
    // What a script's file held is what its snapshot holds, byte for byte, and the file's checksum is its own.
    let at = facts["files"].as_array().unwrap().iter();
    for file in at.filter(|file| file["outcome"] == "taken") {
        let id = file["id"].as_str().unwrap();
        let name = file["file"].as_str().unwrap();
        let unpacked = sh(
            &format!(
                "zcat new/snapshots/{id}.sqlite.gz | sha256sum; zcat -f old/{name} | sha256sum"
            ),
            dir.path(),
        );
        let sums: Vec<&str> = unpacked.lines().collect();
        assert_eq!(sums[0], sums[1], "{name}");
        if name.ends_with(".gz") {
            let same = format!("cmp new/snapshots/{id}.sqlite.gz old/{name}");
            sh(&same, dir.path());
        }
        let mode = fs::metadata(dir.path().join(format!("new/snapshots/{id}.sqlite.gz")));
        assert_eq!(mode.unwrap().permissions().mode() & 0o777, 0o640);
    }

    let again = adopt(dir.path(), &["--json"]).fails_with(1).json();
    let files = again["files"].as_array().unwrap();
    let already = files.iter().filter(|file| file["outcome"] == "already");
    assert_eq!(already.count(), 8, "{again:#}");
    assert_eq!(verify(dir.path()).succeeds().json(), all);
}

#[test]
fn a_call_that_cannot_be_meant_is_told_apart_from_one_that_failed() {
    let dir = desk();
    let said = adopt(dir.path(), &[]).fails_with(1);
    assert!(said.stderr.contains("there are no backups in"), "{said:?}");
    let call = |from: &str, into: &str| {
        let mut command = Command::new(TEALKEEP);
        command.current_dir(dir.path());
        Said::of(
            &command
                .args(["adopt", from, "--into", into])
                .output()
                .unwrap(),
        )
    };
    let said = call("nowhere", "new").fails_with(2);
    assert!(
        said.stderr.contains("cannot read the folder nowhere"),
        "{said:?}"
    );
    let said = call("old", "old").fails_with(2);
    assert!(said.stderr.contains("folder of their own"), "{said:?}");
}

#[test]
fn killed_in_the_middle_it_leaves_a_whole_folder_and_goes_on_when_repeated() {
    let dir = desk();
    script(&dir.path().join("old"), &dir.path().join("app.db"), &NIGHTS);
    let before = inventory(&dir.path().join("old"));
    let snapshots = dir.path().join("new/snapshots");
    let count = |ending: &str| {
        let all = fs::read_dir(&snapshots).into_iter().flatten().flatten();
        all.filter(|entry| entry.file_name().to_string_lossy().ends_with(ending))
            .count()
    };
    // Each round is killed as soon as it has taken over one more; the last one may reach the end before.
    for round in 1..=NIGHTS.len() {
        let mut child = Command::new(TEALKEEP)
            .current_dir(dir.path())
            .args(["adopt", "old", "--into", "new"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while count(".sqlite.gz") < round && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let listed = count(".json");
        assert!(count(".sqlite.gz") >= listed, "a manifest stands alone");
        if listed > 0 {
            verify(dir.path()).succeeds();
        }
    }
    adopt(dir.path(), &[]).succeeds();
    assert_eq!(count(".sqlite.gz"), NIGHTS.len());
    assert_eq!(count(".json"), NIGHTS.len());
    assert_eq!(
        verify(dir.path())
            .succeeds()
            .json()
            .as_array()
            .unwrap()
            .len(),
        NIGHTS.len()
    );
    sh(
        "sha256sum --quiet --check SHA256SUMS",
        &dir.path().join("new"),
    );
    assert_eq!(inventory(&dir.path().join("old")), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_takes_over_an_apps_old_backups_and_the_journal_says_so() {
    let house = House::start().await;
    let dir = desk();
    let old = dir.path().join("old");
    // The app's own tables: a restore of others is refused for a release that is not known to work with them.
    for night in ["2025-11-03", "2025-11-04"] {
        let backup = format!(
            "mkdir -p daily/{night}
             sqlite3 {} \".backup 'daily/{night}/db.sqlite'\"
             gzip daily/{night}/db.sqlite",
            house.database().display()
        );
        sh(&backup, &old);
    }
    // Another app's database, which the script kept beside.
    sh(
        "sqlite3 kitchen-2025-11-04.db 'CREATE TABLE recipe(id INTEGER PRIMARY KEY)'
         touch -d '2025-11-04 03:31' kitchen-2025-11-04.db",
        &old,
    );
    let path = old.to_str().unwrap().to_owned();
    let said = house.tealkeep(["adopt", &path, "home"]).fails_with(1);
    assert!(said.stdout.contains("another database"), "{said:?}");
    assert!(said.stdout.contains("goes on"), "{said:?}");
    let all = house.get("/api/v1/apps/home/snapshots").await;
    let nights: Vec<&Value> = all["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|snapshot| snapshot["reason"] == "nightly")
        .collect();
    assert_eq!(nights.len(), 2, "{all:#}");
    let journal = house.journal().await;
    let told = journal.iter().find(|text| text.contains("taken over"));
    assert!(
        told.is_some_and(|text| text.starts_with("2 of the 3 backups")),
        "{journal:#?}"
    );
    // A restore of one of them works as of any other.
    let id = nights[1]["id"].as_str().unwrap();
    house.tealkeep(["verify", "home", id]).succeeds();
    house.tealkeep(["restore", "home", id]).succeeds();
    let runs = house.get("/api/v1/apps/home/runs").await;
    assert_eq!(runs[0]["kind"], "restore", "{runs:#}");
    assert_eq!(runs[0]["state"], "done", "{runs:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_and_a_rotation_wait_for_no_adoption() {
    let dir = desk();
    let waits = dir.path().join("waits");
    let wait_at = format!("adopt.copying={}", waits.display());
    let house = House::start_with(&[("TEALKEEP_WAIT_AT", &wait_at)]).await;
    let old = dir.path().join("old");
    let backup = format!(
        "for night in 2025-11-03 2025-11-04; do
             mkdir -p daily/$night
             sqlite3 {} \".backup 'daily/$night/db.sqlite'\"
             gzip daily/$night/db.sqlite
         done",
        house.database().display()
    );
    sh(&backup, &old);
    let adoption = house.begin(["adopt", old.to_str().unwrap(), "home"]);
    house.until_waits(&waits).await;

    let taken = house.ended(house.begin(["backup", "home", "--json"])).await;
    taken.succeeds();
    let rotated = house.begin(["snapshots", "home", "--rotate"]);
    house.ended(rotated).await.succeeds();
    let all = house.get("/api/v1/apps/home/snapshots").await;
    let reasons = all["snapshots"].as_array().unwrap().iter();
    assert!(
        reasons
            .clone()
            .all(|snapshot| snapshot["reason"] == "manual"),
        "{all:#}"
    );
    let before = reasons.count();

    fs::remove_file(&waits).unwrap();
    house.ended(adoption).await.succeeds();
    let all = house.get("/api/v1/apps/home/snapshots").await;
    assert_eq!(all["snapshots"].as_array().unwrap().len(), before + 2);
    sh("sha256sum --quiet --check SHA256SUMS", &house.backups());
}
