//! When a run is over, what goes on after a restart of Tealkeep, and the way back from a restore.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{House, TEALKEEP};

fn sqlite(database: &std::path::Path, sql: &str) -> String {
    let said = Command::new("sqlite3")
        .args(["-cmd", ".timeout 10000"])
        .arg(database)
        .arg(sql)
        .output()
        .unwrap();
    assert!(said.status.success(), "{sql}: {said:?}");
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn done_is_said_when_the_next_command_can_be_given() {
    let dir = tempfile::tempdir().unwrap();
    let waits = dir.path().join("waits");
    let at = format!("deploy.turn={}", waits.display());
    let house = House::start_with(&[("TEALKEEP_WAIT_AT", &at)]).await;
    let mut deploy = house.begin(["deploy", "home", "v2"]);
    house.until_waits(&waits).await;
    // All its steps are done, and so says the journal; the turn is still its own.
    let runs = house.get("/api/v1/apps/home/runs").await;
    assert_eq!(runs[0]["state"], "done", "{runs:#}");
    let id = runs[0]["id"].as_i64().unwrap();
    let run = house.get(&format!("/api/v1/runs/{id}")).await;
    assert_eq!(run["state"], "running", "{run:#}");
    let refused = house.tealkeep(["deploy", "home", "v1"]).fails_with(1);
    assert!(refused.stderr.contains("busy"), "{refused:#?}");
    assert!(
        deploy.try_wait().unwrap().is_none(),
        "it said that it was done"
    );
    fs::remove_file(&waits).unwrap();
    house.ended(deploy).await.succeeds();
    assert!(house.status().await["apps"][0]["run"].is_null());
    let run = house.get(&format!("/api/v1/runs/{id}")).await;
    assert_eq!(run["state"], "done", "{run:#}");
    for release in ["v1", "v2"] {
        house.tealkeep(["deploy", "home", release]).succeeds();
        assert!(house.status().await["apps"][0]["run"].is_null());
    }
    house.tealkeep(["rollback", "home"]).succeeds();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_tealkeep_does_not_keep_the_old_colour_warm_any_longer() {
    let mut house = House::start().await;
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    let until = |status: &serde_json::Value| {
        let until = status["apps"][0]["colours"]["blue"]["warm_until"].as_str();
        until.map(|until| until.parse::<jiff::Timestamp>().unwrap())
    };
    let kept = until(&house.status().await).expect("it is kept warm");
    let journal = house.folder().join("state/journal.db");
    // Five minutes pass.
    house.kill();
    let earlier = |seconds: i64| {
        let sql = format!("UPDATE run SET ended = ended - {seconds} * 1000");
        sqlite(&journal, &sql);
    };
    earlier(300);
    house.start_again(&[]).await;
    let status = house
        .until(|status| !status["apps"][0]["colours"]["blue"]["warm_until"].is_null())
        .await;
    let moved = kept.duration_since(until(&status).unwrap());
    let moved = moved - jiff::SignedDuration::from_secs(300);
    assert!(moved.abs() < jiff::SignedDuration::from_secs(60), "{moved}");
    assert_eq!(status["apps"][0]["colours"]["blue"]["state"], "running");
    // And so does the rest of the ten.
    house.kill();
    earlier(400);
    house.start_again(&[]).await;
    let status = house
        .until(|status| status["apps"][0]["colours"]["blue"]["state"] == "stopped")
        .await;
    assert_eq!(status["apps"][0]["colours"]["green"]["state"], "running");
}

/// The id of the newest snapshot.
fn newest(house: &House) -> String {
    let all = house
        .tealkeep(["snapshots", "home", "--json"])
        .succeeds()
        .json();
    all["snapshots"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_brings_back_tables_that_no_deploy_has_seen() {
    let house = House::start().await;
    house.tealkeep(["backup", "home"]).succeeds();
    let before = newest(&house);
    // The app itself, or somebody at the database, made a table while it ran.
    sqlite(
        &house.database(),
        "CREATE TABLE made_at_run_time(x); INSERT INTO made_at_run_time VALUES (7)",
    );
    house.tealkeep(["restore", "home", &before]).succeeds();
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'made_at_run_time'";
    assert_eq!(sqlite(&house.database(), tables), "0");
    house.tealkeep(["undo", "home"]).succeeds();
    assert_eq!(
        sqlite(&house.database(), "SELECT x FROM made_at_run_time"),
        "7"
    );
    // And back and forth as often as somebody likes.
    house.tealkeep(["undo", "home"]).succeeds();
    assert_eq!(sqlite(&house.database(), tables), "0");
    house.tealkeep(["undo", "home"]).succeeds();
    assert_eq!(
        sqlite(&house.database(), "SELECT x FROM made_at_run_time"),
        "7"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_journal_forgot_about_a_schema_its_snapshots_still_say() {
    let mut house = House::start().await;
    sqlite(&house.database(), "CREATE TABLE side(x)");
    house.tealkeep(["backup", "home"]).succeeds();
    let with = newest(&house);
    sqlite(&house.database(), "DROP TABLE side");
    house.stop().await;
    sqlite(
        &house.folder().join("state/journal.db"),
        "DELETE FROM release_schema",
    );
    house.start_again(&[]).await;
    house.until_quiet().await;
    house.tealkeep(["restore", "home", &with]).succeeds();
    sqlite(&house.database(), "SELECT x FROM side");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_only_another_release_has_seen_are_refused_with_the_command_that_leads_there() {
    let mut house = House::start().await;
    sqlite(&house.database(), "CREATE TABLE side(x)");
    house.tealkeep(["backup", "home"]).succeeds();
    let of_v2 = newest(&house);
    sqlite(&house.database(), "DROP TABLE side");
    house.stop().await;
    // As if v2 had been live then, and v1 had never run on its tables.
    let manifest = house.backups().join(format!("snapshots/{of_v2}.json"));
    let text = fs::read_to_string(&manifest).unwrap();
    let changed = text.replace("\"v1\"", "\"v2\"");
    assert_ne!(changed, text);
    fs::remove_file(&manifest).unwrap();
    fs::write(&manifest, changed).unwrap();
    let journal = house.folder().join("state/journal.db");
    sqlite(&journal, "DELETE FROM release_schema");
    house.start_again(&[]).await;
    house.until_quiet().await;
    house.tealkeep(["deploy", "home", "v1"]).succeeds();
    sqlite(
        &journal,
        "INSERT INTO run(app, kind, facts, state, began)
         SELECT app, kind, replace(facts, '\"release\":\"v1\"', '\"release\":\"v2\"'), state, began FROM run
         WHERE kind = 'deploy' ORDER BY id DESC LIMIT 1",
    );
    let refused = house.tealkeep(["restore", "home", &of_v2]).fails_with(1);
    let way = format!("`tealkeep deploy home v2` first, then `tealkeep restore home {of_v2}`");
    assert!(refused.stderr.contains(&way), "{refused:#?}");
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    house.tealkeep(["restore", "home", &of_v2]).succeeds();
    sqlite(&house.database(), "SELECT x FROM side");
    // And the way back is open.
    house.tealkeep(["undo", "home"]).succeeds();
}

/// Runs a verb on a terminal of its own, with this typed into it; what it showed, and how it ended.
fn on_a_terminal(house: &House, verb: &str, typed: &str) -> (String, i32) {
    let command = format!("{TEALKEEP} --socket {} {verb}", house.socket().display());
    let mut child = Command::new("script")
        .args([
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &command,
            "/dev/null",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    (shown, output.status.code().unwrap_or(-1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_at_a_terminal_is_asked_before_data_is_replaced() {
    let house = House::start().await;
    house.tealkeep(["backup", "home"]).succeeds();
    let before = newest(&house);
    sqlite(
        &house.database(),
        "CREATE TABLE notes(x); INSERT INTO notes VALUES (1), (2), (3)",
    );
    let count = || {
        sqlite(
            &house.database(),
            "SELECT count(*) FROM sqlite_schema WHERE name = 'notes'",
        )
    };
    let restore = format!("restore home {before}");
    for typed in ["no\n", "\n", "\u{4}"] {
        let (shown, code) = on_a_terminal(&house, &restore, typed);
        assert_eq!(code, 1, "{shown}");
        assert!(
            shown.contains("notes") && shown.contains("goes, with 3 rows"),
            "{shown}"
        );
        assert!(shown.contains("nothing has changed"), "{shown}");
        assert_eq!(count(), "1");
    }
    let (shown, code) = on_a_terminal(&house, &restore, "yes\n");
    assert_eq!((code, count().as_str()), (0, "0"), "{shown}");
    let (shown, code) = on_a_terminal(&house, "undo home", "no\n");
    assert!(code == 1 && shown.contains("notes"), "{shown}");
    // Whoever says so beforehand is not asked.
    let (shown, code) = on_a_terminal(&house, "undo home --yes", "");
    assert_eq!((code, count().as_str()), (0, "1"), "{shown}");
    assert!(!shown.contains("Type yes"), "{shown}");
    // Without a terminal nobody is asked, as scripts know it.
    house.tealkeep(["undo", "home"]).succeeds();
    assert_eq!(count(), "0");
}
