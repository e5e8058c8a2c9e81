//! The nightly snapshot through the running server: what was missed while it was off is caught up, once.

use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::support::{House, set_installed_at, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_night_that_was_missed_is_caught_up_once_at_the_next_start() {
    let mut house = House::start().await;
    assert_eq!(
        nights(&house).await.len(),
        0,
        "nothing is due before the first 03:30"
    );
    house.stop().await;
    installed_long_ago(&house);

    house.start_again(&[]).await;
    let taken = until("the missed night is caught up", async || {
        let taken = nights(&house).await;
        match taken.is_empty() {
            false => Ok(taken),
            true => Err(house.journal().await),
        }
    })
    .await;
    assert_eq!(
        taken.len(),
        1,
        "one catch-up, however many nights were missed"
    );
    assert_eq!(taken[0]["tier"], "daily");
    // It is listed before its rotation is through.
    let daily = house.backups().join("daily");
    let link = until("the night has its link", async || {
        std::fs::read_dir(&daily).ok()?.next()
    })
    .await
    .unwrap();
    assert!(
        std::fs::read_link(link.path())
            .unwrap()
            .starts_with("../snapshots")
    );
    assert!(link.path().exists(), "the link leads nowhere");

    house.stop().await;
    house.start_again(&[]).await;
    // The start looks at the schedule before the journal says that a later command was asked for.
    house.tealkeep(["backup"]).succeeds();
    assert_eq!(nights(&house).await.len(), 1, "a night is taken once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_there_has_not_failed_for_want_of_a_note_about_it() {
    let mut house = House::start().await;
    house.stop().await;
    installed_long_ago(&house);
    let journal = rusqlite::Connection::open(house.folder().join("state/journal.db")).unwrap();
    journal
        .execute("ALTER TABLE release_schema RENAME TO elsewhere", [])
        .unwrap();
    house.start_again(&[]).await;
    house.tealkeep(["backup"]).succeeds();
    let tried = until("the night is tried", async || {
        let tried = "SELECT count(snapshot), count(*) FROM night";
        let tried: (i64, i64) = journal
            .query_row(tried, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        match tried.1 {
            0 => Err(house.journal().await),
            _ => Ok(tried),
        }
    })
    .await;
    assert_eq!(tried, (1, 1), "{:#?}", house.journal().await);
    house.stop().await;
}

/// Pretends that this Tealkeep was installed so many nights ago that one is due.
fn installed_long_ago(house: &House) {
    set_installed_at(&house.folder().join("state"), Timestamp::now() - 72.hours());
}

async fn nights(house: &House) -> Vec<Value> {
    let all = house.get("/api/v1/apps/home/snapshots").await;
    let snapshots = all["snapshots"].as_array().unwrap().iter();
    snapshots
        .filter(|snapshot| snapshot["reason"] == "nightly")
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rotation_would_do_is_told_before_it_does_it() {
    let mut house = House::start().await;
    house.tealkeep(["backup"]).succeeds();
    let plan = house.get("/api/v1/apps/home/snapshots/plan").await;
    let stays = plan["keep"].as_array().unwrap();
    assert_eq!(plan["drop"].as_array().unwrap().len(), 0, "{plan:#}");
    assert_eq!(plan["withheld"], Value::Null, "{plan:#}");
    let manual = stays.iter().find(|stays| stays["reason"] == "manual");
    assert_eq!(
        manual.unwrap()["why"][0],
        "one of the newest 10 (manual)",
        "{plan:#}"
    );

    let said = house.tealkeep(["snapshots", "--plan"]).succeeds().stdout;
    assert!(
        said.starts_with("A rotation now would remove nothing.\n"),
        "{said}"
    );
    let folder = house.backups();
    let here = house.tealkeep(["snapshots", folder.to_str().unwrap(), "--plan"]);
    let here = here.succeeds().stdout;
    assert!(here.starts_with("With the default of 7 daily, 4 weekly and 6 monthly snapshots:"));
    assert!(
        here.contains("one of the newest 10 (manual); goes when "),
        "{here}"
    );
    house
        .tealkeep(["snapshots", folder.to_str().unwrap(), "--rotate"])
        .fails_with(2);
    let done = house.tealkeep(["snapshots", "--rotate"]).succeeds().stdout;
    assert_eq!(done, "There is nothing to remove.\n");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_requests_are_written_with_the_nights_work_and_at_the_end() {
    let mut house = House::start().await;
    let written = |house: &House| -> i64 {
        let journal = rusqlite::Connection::open(house.folder().join("state/journal.db")).unwrap();
        let sum = "SELECT coalesce(sum(requests), 0) FROM traffic_day WHERE app = 'home'";
        journal.query_row(sum, [], |row| row.get(0)).unwrap()
    };
    visit(&house, 3).await;
    assert_eq!(
        written(&house),
        0,
        "nothing is written while nothing is due"
    );
    house.stop().await;
    assert_eq!(written(&house), 3);
    installed_long_ago(&house);

    let waits = house.folder().join("waits");
    let wait_at = format!("snapshot.pages={}", waits.display());
    house.start_again(&[("TEALKEEP_WAIT_AT", &wait_at)]).await;
    house.until_waits(&waits).await;
    visit(&house, 4).await;
    std::fs::remove_file(&waits).unwrap();
    until("the night writes the requests", async || {
        match written(&house) == 3 {
            true => Err(house.journal().await),
            false => Ok(()),
        }
    })
    .await;
    assert_eq!(written(&house), 7);
    house.stop().await;
    assert_eq!(written(&house), 7, "each request is written once");
}

/// Asks the app for a page so many times, as people do.
async fn visit(house: &House, times: usize) {
    for _ in 0..times {
        let page = reqwest::get(format!("http://{}/", house.app())).await;
        assert!(page.unwrap().status().is_success());
    }
}
