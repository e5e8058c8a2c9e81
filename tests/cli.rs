//! The command line against a running demo, and without one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use serde_json::Value;

use crate::support::{House, Said, TEALKEEP, until_blocking};

#[tokio::test(flavor = "multi_thread")]
async fn v2_goes_through_and_can_be_rolled_back() {
    let house = House::start().await;
    let before = house.status().await;
    assert_eq!(before["apps"][0]["release"], "v1");
    assert_eq!(before["apps"][0]["live"], "blue");

    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    let after = house.status().await;
    assert_eq!(after["apps"][0]["release"], "v2");
    assert_eq!(after["apps"][0]["live"], "green");

    house.tealkeep(["rollback"]).succeeds();
    let back = house.status().await;
    assert_eq!(back["apps"][0]["release"], "v1");
    assert_eq!(back["apps"][0]["live"], "blue");
}

/// A folder without a server, and a database to work on.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk {
            dir: tempfile::tempdir().unwrap(),
        };
        desk.sqlite3(
            "app.sqlite",
            "PRAGMA journal_mode = wal;
             CREATE TABLE total (id INTEGER PRIMARY KEY, moves INTEGER NOT NULL, amount INTEGER NOT NULL);
             CREATE TABLE move (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL, note BLOB NOT NULL);
             INSERT INTO total VALUES (1, 0, 0);",
        );
        desk.sqlite3(
            "app.sqlite",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             INSERT INTO move SELECT i, i % 7, printf('%0400x', i * 2654435761) FROM n;
             UPDATE total SET moves = (SELECT count(*) FROM move), amount = (SELECT sum(amount) FROM move);",
        );
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a verb in this folder, with a socket that nobody listens on.
    fn tealkeep<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Said {
        let mut command = Command::new(TEALKEEP);
        command
            .current_dir(self.dir.path())
            .env("TEALKEEP_SOCKET", self.path("none.sock"))
            .args(arguments);
        Said::of(&command.env_remove("COLUMNS").output().unwrap())
    }

    fn backup(&self) -> Said {
        self.tealkeep(["backup", "--database", "app.sqlite", "--folder", "kept"])
    }

    /// The newest snapshot's file.
    fn newest(&self) -> PathBuf {
        let files = fs::read_dir(self.path("kept/snapshots"))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|ending| ending == "gz"))
            .max()
            .unwrap()
    }

    /// What the real `sqlite3` says.
    fn sqlite3(&self, database: &str, sql: &str) -> String {
        sqlite3(&self.path(database), sql)
    }
}

fn sqlite3(database: &Path, sql: &str) -> String {
    let output = Command::new("sqlite3")
        .arg("-bail")
        .arg(database)
        .arg(sql)
        .output();
    let output = output.expect("these tests need the `sqlite3` command");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_migration_is_compared_without_a_server() {
    let desk = Desk::new();
    desk.backup().succeeds();
    let snapshot = desk.newest();
    let compare = |after: &str| {
        let verb = [OsStr::new("compare"), snapshot.as_os_str()];
        desk.tealkeep(
            verb.into_iter()
                .chain([OsStr::new(after), OsStr::new("--json")]),
        )
    };
    let copy = |name: &str| {
        let path = desk.path(name);
        desk.sqlite3("app.sqlite", &format!("VACUUM INTO '{}'", path.display()));
    };
    copy("added.db");
    desk.sqlite3("added.db", "ALTER TABLE move ADD COLUMN place TEXT");
    let report = compare("added.db").succeeds().json();
    assert_eq!(report["verdict"], "additive");
    assert_eq!(
        (&report["seen"]["tables"], &report["seen"]["rows"]),
        (&2.into(), &20001.into())
    );

    copy("warned.db");
    let quiet = "CREATE TABLE seen (n); CREATE TRIGGER t AFTER INSERT ON move BEGIN INSERT INTO seen VALUES (1); END";
    desk.sqlite3("warned.db", quiet);
    assert_eq!(compare("warned.db").succeeds().json()["verdict"], "warn");

    copy("broken.db");
    desk.sqlite3("broken.db", "ALTER TABLE move DROP COLUMN note");
    let report = compare("broken.db").fails_with(1).json();
    assert_eq!(report["findings"][0]["kind"], "column-dropped");
    assert_eq!(report["findings"][0]["column"], "note");
    let said = desk
        .tealkeep(["compare", "app.sqlite", "broken.db"])
        .fails_with(1);
    assert!(
        said.stdout.contains("move") && said.stdout.contains("Ship now"),
        "{}",
        said.stdout
    );

    fs::write(desk.path("text"), "no database").unwrap();
    for bad in [
        ["text", "app.sqlite"],
        ["app.sqlite", "none.db"],
        [".", "app.sqlite"],
    ] {
        let said = desk
            .tealkeep(["compare"].into_iter().chain(bad))
            .fails_with(2);
        assert!(said.stderr.contains("can't be read"), "{}", said.stderr);
    }
}

/// A number that the two tables must agree on, in every state that ever was.
const AGREE: &str =
    "SELECT moves = (SELECT count(*) FROM move) AND moves = (SELECT max(id) FROM move)
                     AND amount = (SELECT sum(amount) FROM move) FROM total";

#[test]
fn a_backup_and_a_restore_need_no_server() {
    let desk = Desk::new();
    let said = desk.backup().succeeds();
    assert!(said.stdout.ends_with("20,001 rows.\n"), "{}", said.stdout);
    let snapshot = desk.newest();
    desk.tealkeep(["verify", "kept"]).succeeds();
    desk.tealkeep([OsStr::new("verify"), snapshot.as_os_str()])
        .succeeds();

    let restore = [
        OsStr::new("restore"),
        OsStr::new("--file"),
        snapshot.as_os_str(),
    ];
    let to = [OsStr::new("--to"), OsStr::new("new.db")];
    let said = desk.tealkeep(restore.iter().chain(&to)).succeeds();
    assert!(
        said.stdout
            .contains("new.db now has the snapshot's content"),
        "{}",
        said.stdout
    );
    assert_eq!(desk.sqlite3("new.db", "PRAGMA integrity_check"), "ok");
    assert_eq!(
        desk.sqlite3("new.db", ".sha3sum"),
        desk.sqlite3("app.sqlite", ".sha3sum")
    );
    assert_eq!(
        desk.sqlite3("new.db", ".dump"),
        desk.sqlite3("app.sqlite", ".dump")
    );

    // A second time it would overwrite.
    fs::write(desk.path("mine.db"), "not to be lost").unwrap();
    for target in ["new.db", "mine.db"] {
        let said = desk
            .tealkeep(
                restore
                    .iter()
                    .copied()
                    .chain(["--to", target].map(OsStr::new)),
            )
            .fails_with(1);
        assert!(
            said.stderr.contains(&format!("{target} exists already")),
            "{}",
            said.stderr
        );
        assert_eq!(said.stdout, "");
    }
    assert_eq!(
        fs::read_to_string(desk.path("mine.db")).unwrap(),
        "not to be lost"
    );
}

#[test]
fn a_path_that_is_not_utf8_is_restored_to_and_printed() {
    let desk = Desk::new();
    desk.backup().succeeds();
    let name = OsStr::from_bytes(b"caf\xe9.db");
    for (target, json) in [(name, false), (OsStr::from_bytes(b"th\xe9.db"), true)] {
        let snapshot = desk.newest();
        let mut call: Vec<&OsStr> = ["restore", "--file"].map(OsStr::new).to_vec();
        call.extend([snapshot.as_os_str(), OsStr::new("--to"), target]);
        call.extend(json.then_some(OsStr::new("--json")));
        let said = desk.tealkeep(call).succeeds();
        assert!(said.stdout.contains(&*target.to_string_lossy()), "{said:?}");
        let path = desk.path("").join(target);
        let size = fs::metadata(path).unwrap().len();
        assert_eq!(size, fs::metadata(desk.path("app.sqlite")).unwrap().len());
    }
}

#[test]
fn no_verb_prints_what_a_terminal_would_obey() {
    const HOSTILE: &str = "a\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}8m\r\nforged: whole\u{202e}z";
    let desk = Desk::new();
    let conn = rusqlite::Connection::open(desk.path("hostile.db")).unwrap();
    let table = HOSTILE.replace('"', "\"\"");
    let fill = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 500)";
    conn.execute_batch(&format!(
        "PRAGMA ignore_check_constraints = ON; CREATE TABLE \"{table}\" (x CHECK (x > 0));
         {fill} INSERT INTO \"{table}\" SELECT -i FROM n"
    ))
    .unwrap();
    let old = desk.path("old").join(HOSTILE);
    fs::create_dir_all(&old).unwrap();
    fs::copy(desk.path("hostile.db"), old.join("2026-11-21.db")).unwrap();
    fs::write(old.join("2026-11-20.db"), "not one").unwrap();
    fs::write(old.join("notes.txt"), "").unwrap();
    let calls: [&[&str]; 9] = [
        &["backup", "--database", "hostile.db", "--folder", "hostile"],
        &["drill", "./hostile"],
        &["drill", "./hostile", "--json"],
        &["verify", "./hostile"],
        &["snapshots", "./hostile", "--json"],
        &["adopt", "old", "--into", "adopted", "--dry-run"],
        &["adopt", "old", "--into", "adopted"],
        &["adopt", "old", "--into", "adopted", "--json"],
        &["restore", "--file", "nothing\u{1b}[2J.gz", "--to", "new.db"],
    ];
    let mut seen = 0;
    for call in calls {
        let said = desk.tealkeep(call);
        for printed in [&said.stdout, &said.stderr] {
            let is_order = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            assert!(!printed.chars().any(is_order), "{call:?}: {printed:?}");
            assert!(
                !printed.lines().any(|line| line.starts_with("forged")),
                "{call:?}: {printed}"
            );
            seen += printed.matches("]0;owned").count();
        }
    }
    // The names were printed, so there was something to make harmless.
    assert!(seen >= 6, "{seen}");
}

#[test]
fn the_folder_proves_itself_with_sha256sum() {
    let desk = Desk::new();
    for _ in 0..2 {
        desk.backup().succeeds();
        desk.sqlite3(
            "app.sqlite",
            "INSERT INTO move (amount, note) VALUES (1, 'x')",
        );
    }
    let check = || {
        let mut command = Command::new("sha256sum");
        Said::of(
            &command
                .args(["-c", "SHA256SUMS"])
                .current_dir(desk.path("kept"))
                .output()
                .unwrap(),
        )
    };
    let whole = check().succeeds();
    assert!(
        whole
            .stdout
            .lines()
            .filter(|line| line.ends_with(".sqlite.gz: OK"))
            .count()
            == 2,
        "{whole:?}"
    );
    let newest = desk.newest();
    damage(&newest, |bytes| bytes[700] ^= 1);
    assert!(check().fails_with(1).stdout.contains("FAILED"));
}

#[test]
fn a_snapshot_under_busy_writers_is_a_state_that_existed_and_nobody_waits() {
    let desk = Desk::new();
    let database = desk.path("app.sqlite");
    let (stop, commits) = (AtomicBool::new(false), AtomicU64::new(0));
    // One at a time, so that only the backup could stand in their way.
    let turn = Mutex::new(());
    let (before, after) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| write_until(&database, &stop, &turn, &commits)))
            .collect();
        let told_to_stop = Defer(|| stop.store(true, Relaxed));
        let more_than = |wanted: u64| {
            until_blocking(format_args!("more than {wanted} commits"), || {
                commits.load(Relaxed) > wanted
            });
        };
        more_than(10);
        let before = commits.load(Relaxed);
        desk.backup().succeeds();
        let after = commits.load(Relaxed);
        more_than(after + 10);
        drop(told_to_stop);
        for writer in writers {
            writer.join().unwrap();
        }
        (before, after)
    });
    assert!(
        after > before + 3,
        "nobody wrote meanwhile: {before}, {after}"
    );

    let plain = desk.path("plain.sqlite");
    let out = fs::File::create(&plain).unwrap();
    assert!(
        Command::new("gunzip")
            .arg("-c")
            .arg(desk.newest())
            .stdout(out)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(sqlite3(&plain, "PRAGMA integrity_check"), "ok");
    assert_eq!(sqlite3(&plain, AGREE), "1");
    let moves: u64 = sqlite3(&plain, "SELECT moves - 20000 FROM total")
        .parse()
        .unwrap();
    assert!(
        (before..=after + 1).contains(&moves),
        "{before} <= {moves} <= {after}"
    );
    assert_eq!(sqlite3(&database, AGREE), "1");
}

/// Commits over both tables every few milliseconds; a BUSY is a panic.
fn write_until(database: &Path, stop: &AtomicBool, turn: &Mutex<()>, commits: &AtomicU64) {
    let mut connection = rusqlite::Connection::open(database).unwrap();
    connection.busy_timeout(Duration::ZERO).unwrap();
    while !stop.load(Relaxed) {
        {
            let _mine = turn.lock().unwrap();
            let change = connection
                .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                .unwrap();
            change
                .execute(
                    "INSERT INTO move (amount, note) VALUES (3, randomblob(300))",
                    [],
                )
                .unwrap();
            // What is old changes too: a snapshot that mixed two states would not agree with itself.
            change
                .execute(
                    "UPDATE move SET amount = amount + 1 WHERE id = 1 + abs(random() % 20000)",
                    [],
                )
                .unwrap();
            change
                .execute(
                    "UPDATE total SET moves = moves + 1, amount = amount + 4",
                    [],
                )
                .unwrap();
            change.commit().unwrap();
            commits.fetch_add(1, Relaxed);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Does something at the end of a scope, also of one that panics.
struct Defer<F: Fn()>(F);

impl<F: Fn()> Drop for Defer<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Changes a file that is not meant to be changed.
fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_snapshot_is_told_with_what_and_where() {
    let desk = Desk::new();
    desk.backup().succeeds();
    let snapshot = desk.newest();
    let id = snapshot
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .strip_suffix(".sqlite.gz")
        .unwrap()
        .to_owned();
    let whole = fs::read(&snapshot).unwrap();
    let gzip = |text: &str| {
        fs::write(desk.path("text"), text).unwrap();
        Command::new("gzip")
            .arg("-c")
            .arg(desk.path("text"))
            .output()
            .unwrap()
            .stdout
    };
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let mut tailed = whole.clone();
    tailed.extend_from_slice(b"more");
    let kinds = [
        ("flipped", flipped),
        ("cut", whole[..middle].to_vec()),
        ("not gzip", b"my diary\n".repeat(100)),
        ("not sqlite", gzip(&"my diary\n".repeat(1000))),
        ("empty", Vec::new()),
        ("tailed", tailed),
    ];
    let mut told = String::new();
    for (kind, bytes) in kinds {
        // With its manifest beside it, and as a lone copy somewhere else.
        damage(&snapshot, |content| *content = bytes.clone());
        fs::write(desk.path("copy.gz"), &bytes).unwrap();
        for what in [
            snapshot.as_path(),
            Path::new("./copy.gz"),
            Path::new("kept"),
        ] {
            let said = desk
                .tealkeep([OsStr::new("verify"), what.as_os_str()])
                .fails_with(1);
            assert!(
                !said.stdout.is_empty() && said.stderr.contains("cannot be relied on"),
                "{said:?}"
            );
            told += &format!("{kind}: {}", said.stdout);
        }
        for file in [snapshot.as_path(), Path::new("copy.gz")] {
            let arguments = [
                OsStr::new("restore"),
                OsStr::new("--file"),
                file.as_os_str(),
            ];
            let said = desk
                .tealkeep(
                    arguments
                        .into_iter()
                        .chain(["--to", "new.db"].map(OsStr::new)),
                )
                .fails_with(1);
            let name = file.file_name().unwrap().to_str().unwrap();
            assert!(
                said.stderr.contains(name) && said.stderr.contains("is damaged"),
                "{said:?}"
            );
            assert_eq!(said.stdout, "");
            assert!(!desk.path("new.db").exists());
        }
    }
    insta::with_settings!({filters => vec![(r"before byte \d+: .*", "before byte [n]: [why]"), (r"byte \d+", "byte [n]"), (r"in chunk \d+, pages \d+ to \d+", "in chunk [n], pages [n] to [n]")]}, {
        insta::assert_snapshot!("damaged_snapshots", told.replace(&id, "[id]"));
    });

    // One that is damaged does not hide that others are whole.
    desk.backup().succeeds();
    let said = desk.tealkeep(["verify", "kept"]).fails_with(1);
    assert!(
        said.stderr.contains("1 of 2 cannot be relied on"),
        "{said:?}"
    );
    let facts = desk
        .tealkeep(["verify", "kept", "--json"])
        .fails_with(1)
        .json();
    let verdicts: Vec<_> = facts
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["whole"].as_bool().unwrap())
        .collect();
    assert_eq!(verdicts, [false, true]);
}

#[test]
fn without_a_server_the_first_sentence_says_so() {
    let desk = Desk::new();
    for call in [
        &["status"][..],
        &["backup"],
        &["snapshots"],
        &["deploy", "home", "v2"],
        &["rollback"],
        &["password"],
    ] {
        let said = desk.tealkeep(call).fails_with(1);
        assert_eq!(said.stdout, "");
        assert!(said.stderr.contains("no server answers on"), "{said:?}");
        assert!(
            said.stderr.contains("--socket PATH or TEALKEEP_SOCKET"),
            "{said:?}"
        );
    }
}

#[test]
fn a_wrong_call_ends_with_2() {
    let desk = Desk::new();
    let calls: &[&[&str]] = &[
        &[],
        &["deplyo", "home", "v2"],
        &["deploy"],
        &["deploy", "home"],
        &["deploy", "home", "./no-such-directory"],
        &["deploy", "home", "./app.sqlite"],
        &["deploy", "home", "a b"],
        &["restore"],
        &["restore", "home"],
        &["restore", "home", "yesterday"],
        &["restore", "--file", "x.gz"],
        &["restore", "--to", "new.db"],
        &["restore", "home", "--file", "x.gz", "--to", "new.db"],
        &["backup", "--database", "app.sqlite"],
        &["backup", "--folder", "kept"],
        &[
            "backup",
            "home",
            "--database",
            "app.sqlite",
            "--folder",
            "kept",
        ],
        &["verify"],
        &["verify", "./nothing-here"],
        &["verify", "./app.sqlite", "2026-11-21T033000Z"],
        &["verify", "home", "yesterday"],
        &["status", "--jsno"],
        &["serve", "--config"],
        &["demo", "--port", "many"],
    ];
    for call in calls {
        let said = desk.tealkeep(*call).fails_with(2);
        assert!(
            said.stdout.is_empty() && !said.stderr.is_empty(),
            "{call:?}: {said:?}"
        );
    }
    assert!(desk.tealkeep(["deplyo"]).stderr.contains("'deploy'"));
    assert!(!desk.path("kept").exists());
}

#[test]
fn the_help_begins_with_the_verbs_of_every_day() {
    let desk = Desk::new();
    let help = desk.tealkeep(["--help"]).succeeds().stdout;
    insta::assert_snapshot!("help", help);
    for verb in [
        "status", "backup", "deploy", "restore", "verify", "serve", "demo",
    ] {
        assert!(
            desk.tealkeep([verb, "--help"])
                .succeeds()
                .stdout
                .contains("--json")
        );
    }
}

#[test]
fn facts_go_to_stdout_and_progress_to_stderr_in_plain_lines() {
    let desk = Desk::new();
    let said = desk.backup().succeeds();
    assert_eq!(said.stdout.lines().count(), 1, "{said:?}");
    assert!(said.stderr.lines().count() >= 2, "{said:?}");
    assert!(!said.stderr.contains(['\u{1b}', '\r']), "{said:?}");
    let json = desk
        .tealkeep([
            "backup",
            "--database",
            "app.sqlite",
            "--folder",
            "kept",
            "--json",
        ])
        .succeeds();
    let facts = json.json();
    for key in ["id", "sha256", "tables", "reason", "taken_at"] {
        assert!(!facts[key].is_null(), "{key}: {facts:#}");
    }
    assert_eq!(facts["tables"]["move"], 20_000);
    let verified = desk
        .tealkeep(["verify", "kept", "--json"])
        .succeeds()
        .json();
    assert_eq!(
        keys(&verified[0]),
        ["snapshot", "state", "verdict", "whole"]
    );
    let missing = desk
        .tealkeep(["backup", "--database", "none.sqlite", "--folder", "kept"])
        .fails_with(1);
    assert!(
        missing
            .stderr
            .contains("there is no database at none.sqlite"),
        "{missing:?}"
    );
}

fn keys(facts: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = facts
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_the_shapes_that_scripts_rely_on() {
    let house = House::start().await;
    let status = house.status().await;
    assert_eq!(
        keys(&status),
        ["apps", "conditions", "sentence", "version", "well"]
    );
    let app = &status["apps"][0];
    let wanted = [
        "checks",
        "colours",
        "drill",
        "last_pull",
        "live",
        "name",
        "next_run",
        "release",
        "run",
        "snapshot",
        "traffic",
    ];
    assert_eq!(keys(app), wanted);
    assert_eq!(
        (&app["name"], &app["live"], &app["release"]),
        (&"home".into(), &"blue".into(), &"v1".into())
    );
    assert_eq!(app["colours"]["blue"]["state"], "running");
    assert_eq!(app["colours"]["green"]["state"], "stopped");

    let taken = house.tealkeep(["backup", "--json"]).succeeds().json();
    assert_eq!(taken["reason"], "manual");
    let all = house.tealkeep(["snapshots", "--json"]).succeeds().json();
    assert_eq!(keys(&all), ["problems", "snapshots"]);
    assert_eq!(all["problems"], serde_json::json!([]));
    assert_eq!(all["snapshots"][0]["id"], taken["id"]);
    let wanted = [
        "bytes",
        "goes",
        "id",
        "pinned",
        "plain_bytes",
        "reason",
        "release",
        "rows",
        "sha256",
        "taken_at",
        "tier",
        "why",
    ];
    assert_eq!(keys(&all["snapshots"][0]), wanted);
    let id = taken["id"].as_str().unwrap();
    let verified = house
        .tealkeep(["verify", "home", id, "--json"])
        .succeeds()
        .json();
    assert_eq!(
        (&verified[0]["snapshot"], &verified[0]["whole"]),
        (&id.into(), &true.into())
    );

    let deployed = house
        .tealkeep(["deploy", "home", "v2", "--json"])
        .succeeds();
    let run = deployed.json();
    assert_eq!(
        (&run["state"], &run["kind"]),
        (&"done".into(), &"deploy".into())
    );
    let steps: Vec<_> = run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        steps,
        [
            "receive", "prepare", "snapshot", "start", "probe", "policy", "swap", "verify", "drain"
        ]
    );
    assert!(
        deployed
            .stderr
            .lines()
            .any(|line| line.starts_with("swap") && line.contains("done")),
        "{deployed:?}"
    );

    let failed = house
        .tealkeep(["deploy", "home", "v6-crashes-on-boot", "--json"])
        .fails_with(1);
    assert_eq!(failed.json()["state"], "failed");
    assert!(failed.stderr.contains("failed"), "{failed:?}");

    // The same as text.
    let said = house.tealkeep(["rollback"]).succeeds();
    assert_eq!(
        said.stdout,
        "The rollback of v1 is done: v1 is live on blue.\n"
    );
    assert!(
        said.stderr.lines().count() >= 4 && !said.stderr.contains('\u{1b}'),
        "{said:?}"
    );
    for text in [&["status"][..], &["snapshots"], &["verify", "home"]] {
        let said = house.tealkeep(text).succeeds();
        assert!(
            !said.stdout.is_empty() && !said.stdout.contains('\u{1b}'),
            "{said:?}"
        );
        assert_eq!(said.stderr, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_does_not_know_is_a_wrong_call() {
    let house = House::start().await;
    let unknown = house.tealkeep(["deploy", "home", "v99"]).fails_with(2);
    assert!(
        unknown
            .stderr
            .contains("home has no release called v99; on this machine are: "),
        "{unknown:?}"
    );
    let unknown = house.tealkeep(["deploy", "kitchen", "v2"]).fails_with(2);
    assert!(unknown.stderr.contains("kitchen"), "{unknown:?}");
    for verb in ["backup", "snapshots", "rollback", "undo", "verify", "drill"] {
        let unknown = house.tealkeep([verb, "kitchen"]).fails_with(2);
        assert!(unknown.stderr.contains("kitchen"), "{verb}: {unknown:?}");
    }
    for (id, words) in [
        ("yesterday", "yesterday"),
        (
            "2001-01-01T000000Z",
            "home has no snapshot 2001-01-01T000000Z",
        ),
    ] {
        let unknown = house.tealkeep(["restore", "home", id]).fails_with(2);
        assert!(unknown.stderr.contains(words), "{unknown:?}");
    }
    // It could have been done, on another day.
    let said = house.tealkeep(["undo"]).fails_with(1);
    assert!(
        said.stderr
            .contains("there was no restore of home that could be undone"),
        "{said:?}"
    );
    let said = house.tealkeep(["rollback"]).fails_with(1);
    assert!(
        said.stderr.contains("v1 is the first release of home"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn password_prints_a_link_that_opens() {
    let house = House::start().await;
    let said = house.tealkeep(["password"]).succeeds();
    let link = said
        .stdout
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .unwrap()
        .to_owned();
    assert!(
        link.starts_with(&format!("http://{}/welcome/", house.dashboard())),
        "{link}"
    );
    assert_eq!(reqwest::get(link).await.unwrap().status(), 200);
    let facts = house.tealkeep(["password", "--json"]).succeeds().json();
    assert_eq!(keys(&facts), ["address", "minutes", "path", "replaces"]);
    assert_eq!(facts["replaces"], false);
}

#[test]
fn whoever_reads_only_the_first_line_ends_nothing_badly() {
    let house = tempfile::tempdir().unwrap();
    let (database, folder) = (house.path().join("a.sqlite"), house.path().join("backups"));
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute_batch("CREATE TABLE dose(id)")
        .unwrap();
    std::fs::create_dir(&folder).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_tealkeep"))
        .args(["backup", "--json", "--database"])
        .arg(&database)
        .arg("--folder")
        .arg(&folder)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
