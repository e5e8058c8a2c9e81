//! The nightly snapshot through the running server: what was missed while it was off is caught up, once.

use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::support::{House, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn a_night_that_was_missed_is_caught_up_once_at_the_next_start() {
    let mut house = House::start().await;
    assert_eq!(
        nights(&house).await.len(),
        0,
        "nothing is due before the first 03:30"
    );
    house.stop().await;
    installed(&house, Timestamp::now() - 72.hours());

    house.start_again(&[]).await;
    let began = std::time::Instant::now();
    let mut taken = nights(&house).await;
    while taken.is_empty() {
        assert!(
            began.elapsed() < PATIENCE,
            "nothing was caught up: {:#?}",
            house.journal().await
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        taken = nights(&house).await;
    }
    assert_eq!(
        taken.len(),
        1,
        "one catch-up, however many nights were missed"
    );
    assert_eq!(taken[0]["tier"], "daily");
    let link = std::fs::read_dir(house.backups().join("daily"))
        .unwrap()
        .next()
        .unwrap()
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

/// Pretends that this Tealkeep was installed at another instant.
fn installed(house: &House, at: Timestamp) {
    let journal = rusqlite::Connection::open(house.folder().join("state/journal.db")).unwrap();
    let changed = journal
        .execute(
            "UPDATE setting SET value = ?1 WHERE key = 'installed-at'",
            [at.to_string()],
        )
        .unwrap();
    assert_eq!(changed, 1);
}

async fn nights(house: &House) -> Vec<Value> {
    let all = house.get("/api/v1/apps/home/snapshots").await;
    let snapshots = all["snapshots"].as_array().unwrap().iter();
    snapshots
        .filter(|snapshot| snapshot["reason"] == "nightly")
        .cloned()
        .collect()
}
