//! The restore drill as people meet it: through the command line and the API of a running server, without one, killed in
//! the middle, and with snapshots that are damaged, that lost rows, or that fit nowhere. And `verify` of a whole folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{House, PATIENCE, Said, set_installed_at, until};

const DRILLS: &str = "/api/v1/apps/home/drills";

/// A drill of the house's app; one that the schedule has begun in the same moment is waited for.
async fn drill(house: &House, arguments: &[&str]) -> Said {
    until("no other drill is under way", async || {
        let said = house.tealkeep([&["drill"], arguments].concat());
        match said.stderr.contains("a drill of home is under way") {
            true => Err(said),
            false => Ok(said),
        }
    })
    .await
}

/// The newest snapshot's file.
fn newest(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("snapshots")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let named = files.filter(|path| path.to_str().unwrap().ends_with(".sqlite.gz"));
    // The second of one second, which ends with `-2`, is the newer one.
    let id = |path: &PathBuf| path.to_str().unwrap().replace(".sqlite.gz", "");
    named.max_by_key(id).unwrap()
}

fn manifest_of(snapshot: &Path) -> PathBuf {
    let id = snapshot.file_name().unwrap().to_str().unwrap();
    snapshot.with_file_name(id.replace(".sqlite.gz", ".json"))
}

/// Makes another manifest of a snapshot's.
fn rewrite(snapshot: &Path, change: impl FnOnce(&mut Value)) {
    let path = manifest_of(snapshot);
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(path, manifest.to_string()).unwrap();
}

fn flip_a_byte(snapshot: &Path) {
    let mut bytes = fs::read(snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(snapshot, bytes).unwrap();
}

async fn text(house: &House, path: &str) -> String {
    let client = reqwest::Client::builder()
        .unix_socket(house.socket())
        .build()
        .unwrap();
    let answer = client.get(format!("http://tealkeep{path}")).send().await;
    answer.unwrap().text().await.unwrap()
}

/// Everything that a drill could have left in the folders that it may work in.
fn leftovers(house: &House) -> Vec<PathBuf> {
    let scratch = house.folder().join("state/apps/home/scratch");
    let folders = [scratch, house.backups(), house.backups().join("snapshots")];
    let items = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap());
    let paths = items.map(|item| item.unwrap().path());
    paths
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with('.') || name.starts_with("unpacked")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_says_what_was_proven_and_is_written_down() {
    let house = House::start().await;
    house.tealkeep(["backup"]).succeeds();
    let said = drill(&house, &[]).await.succeeds();
    let first = said.stdout.lines().next().unwrap();
    assert!(
        first.contains(" was unpacked and verified: ") && first.contains(" tables, "),
        "{said:?}"
    );
    assert!(!said.stdout.contains("Warning"), "{said:?}");
    let report = drill(&house, &["home", "--json"]).await.succeeds().json();
    let rows = report["tables"].as_array().unwrap();
    assert!(
        rows.iter().any(|table| table["rows"].as_u64() > Some(0)),
        "{report:#}"
    );
    assert_eq!(
        (&report["failed"], &report["warnings"]),
        (&Value::Null, &json!([])),
        "{report:#}"
    );

    let drills = house.get(DRILLS).await;
    let newest = &drills[0];
    assert_eq!(newest["snapshot"], report["snapshot"]);
    assert_eq!(newest["failed"], Value::Null);
    let status = house.status().await;
    assert_eq!(&status["apps"][0]["drill"], newest);
    let told = format!(
        "The snapshot {} was unpacked and proven whole: ",
        report["snapshot"].as_str().unwrap()
    );
    let journal = house.journal().await;
    assert!(
        journal.iter().any(|line| line.starts_with(&told)),
        "{journal:#?}"
    );
    let metrics = text(&house, "/metrics").await;
    for line in [
        "tealkeep_drill_proven{app=\"home\"} 1",
        "tealkeep_drill_warnings{app=\"home\"} 0",
        "tealkeep_drill_timestamp_seconds{app=\"home\"} ",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    assert!(leftovers(&house).is_empty(), "{:?}", leftovers(&house));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_drills_at_once_each_is_done_whole_or_refused() {
    let house = House::start().await;
    house.tealkeep(["backup"]).succeeds();
    let before = house.get(DRILLS).await.as_array().unwrap().len();
    let begun: Vec<_> = (0..6).map(|_| house.begin(["drill", "home"])).collect();
    let mut done = 0;
    for child in begun {
        let said = Said::of(&child.wait_with_output().unwrap());
        if said.code == 0 {
            done += 1;
        } else {
            let said = said.fails_with(1);
            assert!(
                said.stderr.contains("a drill of home is under way"),
                "{said:?}"
            );
        }
    }
    assert!(done > 0, "none was done");
    // The schedule may have done one more.
    let rows = house.get(DRILLS).await.as_array().unwrap().len() - before;
    assert!(rows == done || rows == done + 1, "{rows} rows of {done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_fails_the_drill_and_one_that_fits_nowhere_says_how_much_is_missing() {
    let house = House::start().await;
    house.tealkeep(["backup"]).succeeds();
    let snapshot = newest(&house.backups());
    let whole = fs::read(&snapshot).unwrap();
    flip_a_byte(&snapshot);
    let said = drill(&house, &[]).await.fails_with(1);
    assert!(
        said.stderr.contains("failed: it is damaged: ") && said.stdout.is_empty(),
        "{said:?}"
    );
    let drills = house.get(DRILLS).await;
    let why = drills[0]["failed"].as_str().unwrap();
    assert!(why.starts_with("it is damaged: "), "{why}");
    let journal = house.journal().await;
    assert!(
        journal
            .iter()
            .any(|line| line.contains(why) && line.starts_with("The drill of ")),
        "{journal:#?}"
    );
    let metrics = text(&house, "/metrics").await;
    assert!(
        metrics.contains("tealkeep_drill_proven{app=\"home\"} 0"),
        "{metrics}"
    );
    let report = drill(&house, &["--json"]).await.fails_with(1).json();
    assert!(
        report["failed"]
            .as_str()
            .unwrap()
            .starts_with("it is damaged")
    );

    fs::write(&snapshot, &whole).unwrap();
    let manifest = fs::read(manifest_of(&snapshot)).unwrap();
    rewrite(&snapshot, |manifest| {
        manifest["plain_bytes"] = json!(1_u64 << 60)
    });
    let said = drill(&house, &[]).await.fails_with(1);
    assert!(
        said.stderr.contains("no room to unpack it") && said.stderr.contains("too little"),
        "{said:?}"
    );
    fs::write(manifest_of(&snapshot), manifest).unwrap();
    drill(&house, &[]).await.succeeds();
    assert!(leftovers(&house).is_empty(), "{:?}", leftovers(&house));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_shrank_is_told_in_the_night_itself_and_by_the_drill() {
    let mut house = House::start().await;
    house.tealkeep(["backup"]).succeeds();
    house.stop().await;
    // The night before had a hundred times the rows.
    let (mut table, mut rows) = (String::new(), 0);
    let early = jiff::Zoned::now().date() - jiff::ToSpan::days(3);
    rewrite(&newest(&house.backups()), |manifest| {
        let tables = manifest["tables"].as_object_mut().unwrap();
        let (name, count) = tables
            .iter_mut()
            .max_by_key(|(_, rows)| rows.as_u64())
            .unwrap();
        rows = 100 * count.as_u64().unwrap();
        assert!(rows > 0, "the demo's tables are empty");
        table = name.clone();
        *count = json!(rows);
        manifest["reason"] = json!("nightly");
        manifest["local_date"] = json!(early.to_string());
    });
    let three_days_ago = jiff::Timestamp::now() - jiff::ToSpan::hours(72);
    set_installed_at(&house.folder().join("state"), three_days_ago);
    house.start_again(&[]).await;
    let told = format!("Rows are gone since the night before: table {table} has ");
    until("the journal says it", async || {
        let journal = house.journal().await;
        let is_told = journal.iter().any(|line| line.starts_with(&told));
        is_told.then_some(()).ok_or(journal)
    })
    .await;
    until("a notice of it is open", async || {
        let notices = house.get("/api/v1/notices").await;
        let open = notices["open"].as_array().unwrap();
        let is_open = open.iter().any(|notice| notice["kind"] == "rows");
        is_open.then_some(()).ok_or(notices)
    })
    .await;
    let said = drill(&house, &[]).await.succeeds();
    let warned = format!("Warning: table {table} has ");
    assert!(said.stdout.contains(&warned), "{said:?}");
    let warnings = house.get(DRILLS).await[0]["warnings"].clone();
    assert_eq!(warnings.as_array().unwrap().len(), 1, "{warnings}");
    let status = house.status().await;
    let sentence = status["sentence"].as_str().unwrap();
    let shown = format!("Rows of home are gone since the night before: table {table} has ");
    assert!(sentence.starts_with(&shown), "{sentence}");
    let journal = house.journal().await;
    assert!(
        journal
            .iter()
            .any(|line| line.contains(" But look at this: table ")),
        "{journal:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_after_the_last_one_a_drill_is_begun_by_itself() {
    let mut house = House::start().await;
    house.tealkeep(["backup"]).succeeds();
    drill(&house, &[]).await.succeeds();
    house.stop().await;
    let journal = rusqlite::Connection::open(house.folder().join("state/journal.db")).unwrap();
    let week = i64::try_from(Duration::from_secs(7 * 24 * 3600).as_millis()).unwrap();
    journal
        .execute("UPDATE drill SET at = at - ?1", [week])
        .unwrap();
    let count = || {
        let sql = "SELECT count(*) FROM drill";
        journal
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let before = count();
    house.start_again(&[]).await;
    until("a drill begins by itself", async || {
        match count() == before {
            true => Err(house.journal().await),
            false => Ok(()),
        }
    })
    .await;
    house.tealkeep(["backup"]).succeeds();
    assert_eq!(count(), before + 1, "one is enough for a week");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_in_the_middle_leaves_nothing_and_is_done_again() {
    let mut house = House::start().await;
    house.tealkeep(["backup"]).succeeds();
    house.stop().await;
    for point in ["drill.unpacking", "drill.checking"] {
        house.start_again(&[("TEALKEEP_KILL_AT", point)]).await;
        // Where the schedule has begun one already, this finds nobody.
        house.tealkeep(["drill"]).fails_with(1);
        house.until_dead().await;
        let journal = rusqlite::Connection::open(house.folder().join("state/journal.db")).unwrap();
        journal.execute("DELETE FROM drill", []).unwrap();
        drop(journal);
        house.start_again(&[]).await;
        house.tealkeep(["backup"]).succeeds();
        drill(&house, &[]).await.succeeds();
        assert!(
            leftovers(&house).is_empty(),
            "{point}: {:?}",
            leftovers(&house)
        );
        house.stop().await;
    }
}

/// A folder of two snapshots, made without a server.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk {
            dir: tempfile::tempdir().unwrap(),
        };
        let conn = rusqlite::Connection::open(desk.path("app.sqlite")).unwrap();
        conn.execute_batch(
            "CREATE TABLE dose(id INTEGER PRIMARY KEY, what);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO dose SELECT i, hex(randomblob(40)) FROM n;",
        )
        .unwrap();
        desk.backup();
        let first = newest(&desk.path("kept"));
        rewrite(&first, |manifest| {
            manifest["reason"] = json!("nightly");
            manifest["local_date"] = json!("2020-01-01");
        });
        conn.execute("DELETE FROM dose WHERE id > 2000", [])
            .unwrap();
        desk.backup();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn backup(&self) {
        let take = ["backup", "--database", "app.sqlite", "--folder", "kept"];
        self.tealkeep(&take).succeeds();
    }

    fn tealkeep(&self, arguments: &[&str]) -> Said {
        let mut command = std::process::Command::new(crate::support::TEALKEEP);
        command
            .current_dir(self.dir.path())
            .env("TEALKEEP_SOCKET", self.path("none.sock"))
            .args(arguments);
        Said::of(&command.output().unwrap())
    }
}

#[test]
fn a_folder_and_a_file_are_drilled_without_a_server() {
    let desk = Desk::new();
    let said = desk.tealkeep(&["drill", "./kept"]).succeeds();
    assert!(
        said.stdout.contains(": 1 table, 2,000 rows, in "),
        "{said:?}"
    );
    assert!(
        said.stdout
            .contains("dose  2,000 rows, 3,000 the night before"),
        "{said:?}"
    );
    let warned = "Warning: table dose has 2,000 rows, and had 3,000.";
    assert!(said.stdout.contains(warned), "{said:?}");
    let said = desk
        .tealkeep(&["drill", "./kept", "--shrink", "50"])
        .succeeds();
    assert!(!said.stdout.contains("Warning"), "{said:?}");
    let file = newest(&desk.path("kept"));
    let report = desk.tealkeep(&["drill", file.to_str().unwrap(), "--json"]);
    let report = report.succeeds().json();
    assert_eq!(
        report["tables"],
        json!([{"name": "dose", "rows": 2000, "before": 3000}])
    );

    flip_a_byte(&file);
    for what in ["./kept", file.to_str().unwrap()] {
        let said = desk.tealkeep(&["drill", what]).fails_with(1);
        assert!(said.stderr.contains("failed: it is damaged: "), "{said:?}");
    }
    desk.tealkeep(&["drill", "./nothing-here"]).fails_with(2);
    desk.tealkeep(&["drill", "home", "--shrink", "5"])
        .fails_with(2);
    fs::create_dir(desk.path("empty")).unwrap();
    let said = desk.tealkeep(&["drill", "./empty"]).fails_with(1);
    assert!(
        said.stderr.contains("./empty holds no snapshot"),
        "{said:?}"
    );
}

#[test]
fn verify_sums_a_folder_up_and_tells_what_is_damaged_missing_or_wrong() {
    let desk = Desk::new();
    let names = |path: &Path| {
        let mut names: Vec<_> = fs::read_dir(path)
            .unwrap()
            .map(|item| item.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let kept = desk.path("kept");
    let before = names(&kept.join("snapshots"));
    for quick in [&[][..], &["--quick"]] {
        let said = desk
            .tealkeep(&[&["verify", "kept"], quick].concat())
            .succeeds();
        assert!(said.stdout.ends_with("2 snapshots: 2 whole.\n"), "{said:?}");
    }
    assert_eq!(names(&kept.join("snapshots")), before);

    std::os::unix::fs::symlink(
        "../snapshots/2020-01-05T033000Z.sqlite.gz",
        kept.join("weekly/2020-W01.sqlite.gz"),
    )
    .unwrap();
    std::os::unix::fs::symlink("/elsewhere", kept.join("monthly/2020-01.sqlite.gz")).unwrap();
    flip_a_byte(&newest(&kept));
    for quick in [&[][..], &["--quick"]] {
        let said = desk
            .tealkeep(&[&["verify", "kept"], quick].concat())
            .fails_with(1);
        let summary = "3 snapshots: 1 whole, 1 damaged, 1 missing; and 1 other problem.\n";
        assert!(said.stdout.ends_with(summary), "{said:?}");
        assert!(
            said.stdout.contains("2020-01-05T033000Z: missing: "),
            "{said:?}"
        );
        let link = "monthly/2020-01.sqlite.gz: it leads to /elsewhere, which is no snapshot here\n";
        assert!(said.stdout.contains(link), "{said:?}");
        assert!(said.stdout.contains("it is damaged at byte "), "{said:?}");
        assert!(
            said.stderr.contains("3 of 4 cannot be relied on"),
            "{said:?}"
        );
        let all = [&["verify", "kept", "--json"], quick].concat();
        let rows = desk.tealkeep(&all).fails_with(1).json();
        let states: Vec<_> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["state"])
            .collect();
        assert_eq!(states, ["missing", "whole", "damaged", "problem"]);
    }
    desk.tealkeep(&["verify", "home", "--quick"]).fails_with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_break_the_apps_own_rules_are_backed_up_and_warned_of_until_they_are_gone() {
    let house = House::start().await;
    let database = rusqlite::Connection::open(house.database()).unwrap();
    database.busy_timeout(PATIENCE).unwrap();
    database
        .execute_batch(
            "PRAGMA ignore_check_constraints = ON; CREATE TABLE broken (mg CHECK (mg > 0));
             INSERT INTO broken VALUES (-1)",
        )
        .unwrap();
    house.tealkeep(["backup"]).succeeds();
    let sentence = house.status().await["sentence"].to_string();
    assert!(
        sentence.contains(
            "Some rows of home break the app's own rules: CHECK constraint failed in broken"
        ),
        "{sentence}"
    );
    // What the snapshot holds can be put back, and a drill proves it.
    let said = drill(&house, &[]).await.succeeds();
    assert!(
        said.stdout
            .contains("rows break the app's own rules: CHECK constraint failed in broken"),
        "{said:?}"
    );
    let file = newest(&house.backups());
    let name = file.file_name().unwrap().to_str().unwrap();
    let id = name.strip_suffix(".sqlite.gz").unwrap();
    house.tealkeep(["restore", "home", id]).succeeds();
    database.execute_batch("DELETE FROM broken").unwrap();
    house.tealkeep(["backup"]).succeeds();
    let sentence = house.status().await["sentence"].to_string();
    assert!(!sentence.contains("own rules"), "{sentence}");
}
