//! The family against the app itself, over real sockets.

use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::{home, releases};

const DEADLINE: Duration = Duration::from_secs(60);

async fn until(tally: &Tally, enough: impl Fn(&Totals) -> bool) -> Totals {
    let waiting = async {
        loop {
            let totals = tally.totals();
            if enough(&totals) {
                return totals;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, waiting).await.unwrap()
}

#[tokio::test]
async fn everything_that_was_answered_is_in_the_database_once_and_nothing_fails() {
    let dir = tempfile::tempdir().unwrap();
    releases::write_all(dir.path()).unwrap();
    let database = dir.path().join("home.db");
    let settings = home::Settings::from_env(&dir.path().join("v2"), |key| match key {
        "PORT" => Some("0".to_owned()),
        "DATABASE_PATH" => Some(database.to_str().unwrap().to_owned()),
        _ => None,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (app_stops, family_stops) = (CancellationToken::new(), CancellationToken::new());
    let app = tokio::spawn(home::serve(listener, settings.unwrap(), app_stops.clone()));
    let tally = Arc::new(Tally::default());
    let family = live(address, 3, 200, family_stops.clone(), Arc::clone(&tally));
    let family = tokio::spawn(family);
    // Beyond the turn at which each member closes the app and opens it again.
    until(&tally, |now| now.writes > 180 && now.messages > 20).await;
    family_stops.cancel();
    timeout(DEADLINE, family).await.unwrap().unwrap();
    let totals = tally.totals();
    assert_eq!(totals.failed, 0, "{totals:?}");
    // Only the two listeners may have been on their way in when it ended.
    assert!(totals.requests - totals.answered <= 2, "{totals:?}");
    app_stops.cancel();
    timeout(DEADLINE, app).await.unwrap().unwrap().unwrap();
    let connection = rusqlite::Connection::open(database).unwrap();
    let count = "SELECT count(*) FROM entries";
    let entries: u32 = connection.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(totals.writes, u64::from(entries));
}

#[tokio::test]
async fn a_house_that_is_not_there_is_counted_and_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let shutdown = CancellationToken::new();
    let tally = Arc::new(Tally::default());
    let family = tokio::spawn(live(address, 1, 100, shutdown.clone(), Arc::clone(&tally)));
    let totals = until(&tally, |now| now.failed > 5).await;
    shutdown.cancel();
    timeout(DEADLINE, family).await.unwrap().unwrap();
    assert_eq!(totals.answered, 0);
    let what = totals.last_failure.unwrap().what;
    assert!(what.contains("cannot connect to"), "{what}");
}
