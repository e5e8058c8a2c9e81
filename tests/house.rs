//! Whether all is well: the first page, `tealkeep status`, messages and metrics all say the same, and all of them notice
//! an app that fails or keeps crashing.

use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::notify::{House, Receiver};
use crate::support::visitor::Visitor;
use crate::support::{self, PATIENCE, until};

/// What `tealkeep status` says as JSON.
async fn status(house: &House) -> Value {
    house
        .tealkeep(&["status", "--json"])
        .await
        .succeeds()
        .json()
}

/// The condition of a kind in a status.
fn condition(status: &Value, kind: &str) -> Option<Value> {
    let mut all = status["conditions"].as_array().unwrap().iter();
    all.find(|one| one["kind"] == kind).cloned()
}

/// Waits until a condition of this kind is as wanted, and says so.
async fn until_condition(house: &House, kind: &str, holds: bool) -> Value {
    until(format!("{kind} holds: {holds}"), async || {
        let status = status(house).await;
        match condition(&status, kind).is_some() == holds {
            true => Ok(status),
            false => Err(status),
        }
    })
    .await
}

/// The newest message about a kind, once there are so many of it.
async fn message(receiver: &Receiver, kind: &str, count: usize) -> Value {
    until(
        format!("there are {count} messages of {kind}"),
        async || {
            let all = receiver.at("/hook");
            let mut of_kind: Vec<Value> = all.iter().map(|one| one.json()).collect();
            of_kind.retain(|one| one["kind"] == kind);
            match of_kind.len() >= count {
                true => Ok(of_kind.pop().unwrap()),
                false => Err(all),
            }
        },
    )
    .await
}

/// All is well by every way of asking.
async fn is_well(house: &House) {
    house.tealkeep(&["status", "--check"]).await.succeeds();
    let page = house.ask("/").await;
    assert!(page.contains("All is well."), "{page}");
    let metrics = house.ask("/metrics").await;
    assert!(metrics.contains("\ntealkeep_well 1\n"), "{metrics}");
}

/// A condition of this kind speaks by every way of asking.
async fn speaks(house: &House, kind: &str, gravity: u8) -> String {
    let status = until_condition(house, kind, true).await;
    let condition = condition(&status, kind).unwrap();
    let sentence = condition["sentence"].as_str().unwrap().to_owned();
    assert_eq!(status["sentence"], sentence.as_str(), "{status:#}");
    assert_eq!(status["well"], false);
    house.tealkeep(&["status", "--check"]).await.fails_with(1);
    let page = house.ask("/").await;
    assert!(!page.contains("All is well"), "{page}");
    let metrics = house.ask("/metrics").await;
    for line in [
        "tealkeep_well 0".to_owned(),
        format!("tealkeep_condition{{app=\"home\",kind=\"{kind}\"}} {gravity}"),
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}: {metrics}");
    }
    sentence
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_deploy_nothing_is_said_to_be_live_or_well() {
    let receiver = Receiver::new().await;
    let mut house = House::telling(&receiver);
    house.start().await;
    let sentence = speaks(&house, "release", 2).await;
    assert_eq!(
        sentence,
        "Nothing is deployed to home yet, so nobody can use it."
    );
    let page = house.ask("/").await;
    assert!(page.contains(&sentence), "{page}");
    assert!(page.contains("nothing is live yet"), "{page}");
    assert!(!page.contains("is live</"), "{page}");
    let metrics = house.ask("/metrics").await;
    let live = "tealkeep_live{app=\"home\",colour=\"blue\"} 0\n";
    assert!(metrics.contains(live), "{metrics}");

    house.tealkeep(&["deploy", "home", "v1"]).await.succeeds();
    is_well(&house).await;
    let page = house.ask("/").await;
    assert!(
        page.contains("no copy of home&#x27;s backups")
            || page.contains("no copy of home's backups"),
        "{page}"
    );
    assert_eq!(receiver.at("/hook").len(), 0, "that is worth no message");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deploy_that_is_marked_as_seen_leaves_the_sentence_and_not_the_history() {
    let house = support::House::start().await;
    house
        .tealkeep(["deploy", "home", "v6-crashes-on-boot"])
        .fails_with(1);
    let visitor = Visitor::signed_in(&house).await;
    // It can be marked as soon as the journal knows it.
    until("the failed deploy can be marked as seen", async || {
        let page = visitor.get("/").await.is(200).text();
        page.contains("Mark as seen").then_some(()).ok_or(page)
    })
    .await;
    house.tealkeep(["status", "--check"]).fails_with(1);
    let form = [("condition", "home/deploy/1")];
    visitor
        .post("/conditions/acknowledge", &form)
        .await
        .leads_to("/");
    visitor
        .get("/")
        .await
        .is(200)
        .says("All is well.")
        .says("marked as seen");
    house.tealkeep(["status", "home", "--check"]).succeeds();
    let runs = house.get("/api/v1/apps/home/runs").await;
    assert_eq!(runs[0]["state"], "failed");
    let seen = "\"home: the deploy of v6-crashes-on-boot was refused\" was marked as seen by the dashboard.";
    assert!(house.journal().await.iter().any(|text| text == seen));
    // The next one that fails is another one.
    house
        .tealkeep(["deploy", "home", "v6-crashes-on-boot"])
        .fails_with(1);
    house.tealkeep(["status", "--check"]).fails_with(1);
    for (condition, status) in [
        ("home/deploy/1", 404),
        ("nonsense", 400),
        ("home/elsewhere/", 409),
    ] {
        let asked = reqwest::Client::builder()
            .unix_socket(house.socket())
            .build()
            .unwrap()
            .post("http://tealkeep/api/v1/conditions/acknowledge")
            .json(&json!({ "condition": condition }))
            .send();
        assert_eq!(asked.await.unwrap().status(), status, "{condition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_that_somebody_can_live_with_counts_no_more_until_it_ends() {
    let receiver = Receiver::new().await;
    let mut house = House::telling(&receiver);
    house.backup = "pull_within = \"1h\"\n".to_owned();
    house.age().await;
    house.start().await;
    house.tealkeep(&["deploy", "home", "v1"]).await.succeeds();
    let told = message(&receiver, "pull", 1).await;
    assert_eq!(told["title"], "home: no laptop has pulled yet");
    speaks(&house, "pull", 2).await;

    let client = reqwest::Client::builder()
        .unix_socket(house.folder().join("control.sock"))
        .build()
        .unwrap();
    let acknowledged: Value = client
        .post("http://tealkeep/api/v1/conditions/acknowledge")
        .json(&json!({ "condition": "home/pull/" }))
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(
        acknowledged["acknowledged"]["by"].is_string(),
        "{acknowledged:#}"
    );
    is_well(&house).await;
    let list: Value = serde_json::from_str(&house.ask("/api/v1/conditions").await).unwrap();
    assert_eq!(list[0]["id"], "home/pull/", "it is still listed: {list:#}");
    let said = house.tealkeep(&["status"]).await.succeeds().stdout;
    assert!(
        said.starts_with("All is well.\n  warning  No laptop has pulled"),
        "{said}"
    );
    let metrics = house.ask("/metrics").await;
    let series = "tealkeep_condition{app=\"home\",kind=\"pull\"} 2\n";
    assert!(metrics.contains(series), "{metrics}");
}

/// A server that tells the receiver everything, with v1 live.
async fn with_v1(receiver: &Receiver) -> House {
    let mut house = House::telling(receiver);
    house.start().await;
    house.tealkeep(&["deploy", "home", "v1"]).await.succeeds();
    is_well(&house).await;
    house
}

/// What ended is over by every way of asking, and somebody is told so.
async fn is_over(house: &House, receiver: &Receiver, kind: &str) {
    until_condition(house, kind, false).await;
    is_well(house).await;
    let told = message(receiver, kind, 2).await;
    assert_eq!(told["state"], "well", "{told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_fails_more_and_more_requests_is_never_all_is_well() {
    let receiver = Receiver::new().await;
    let house = with_v1(&receiver).await;
    house
        .tealkeep(&["deploy", "home", "v7-slow-leak"])
        .await
        .succeeds();
    let (client, page) = (reqwest::Client::new(), house.app());
    let (mut failed, began) = (0, Instant::now());
    while condition(&status(&house).await, "failing").is_none() {
        assert!(
            began.elapsed() < PATIENCE,
            "{failed} failed, and nobody says so"
        );
        for _ in 0..20 {
            let answer = client.get(&page).send().await.unwrap();
            failed += usize::from(answer.status().is_server_error());
        }
    }
    assert!(failed > 0, "the fault happened");
    // It gets worse, until it is a failure.
    while condition(&status(&house).await, "failing").unwrap()["severity"] != "failure" {
        assert!(began.elapsed() < PATIENCE, "{:#}", status(&house).await);
        for _ in 0..20 {
            client.get(&page).send().await.unwrap();
        }
    }
    let sentence = speaks(&house, "failing", 3).await;
    assert!(sentence.starts_with("home is failing: "), "{sentence}");
    let told = message(&receiver, "failing", 1).await;
    assert_eq!(told["state"], "raised");
    assert_eq!(told["title"], "home: the app is failing");
    let text = told["text"].as_str().unwrap();
    assert!(
        text.contains("`tealkeep rollback home` makes the previous release, v1, live."),
        "{text}"
    );

    house.tealkeep(&["rollback", "home"]).await.succeeds();
    until_condition(&house, "failing", false).await;
    is_well(&house).await;
    // It may have been told twice, as a warning and then as the failure that it became.
    until("a message says that it is over", async || {
        let all = receiver.at("/hook");
        let is_over = all.iter().any(|one| one.json()["state"] == "well");
        is_over.then_some(()).ok_or(all)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colour_that_is_killed_again_and_again_keeps_crashing() {
    let receiver = Receiver::new().await;
    let house = with_v1(&receiver).await;
    let pid = |status: &Value| {
        let app = &status["apps"][0];
        app["colours"][app["live"].as_str().unwrap()]["pid"].as_i64()
    };
    let mut last = None;
    for _ in 0..20 {
        let next = until("another process runs", async || {
            let status = status(&house).await;
            match pid(&status) {
                Some(pid) if Some(pid) != last => Ok(pid),
                _ => Err(status),
            }
        })
        .await;
        // One that is killed before it is healthy is started again ever more slowly.
        until(format!("{next} is healthy"), async || {
            let answer = reqwest::get(house.app()).await;
            answer.and_then(reqwest::Response::error_for_status)
        })
        .await;
        let raw = i32::try_from(next).unwrap();
        kill_process(Pid::from_raw(raw).unwrap(), Signal::KILL).unwrap();
        last = Some(next);
    }
    // Once it runs again, nothing else is wrong with it.
    until_condition(&house, "live", false).await;
    let sentence = speaks(&house, "crashing", 3).await;
    assert_eq!(
        sentence,
        "home keeps crashing: 20 times in the last 10 minutes."
    );
    let told = message(&receiver, "crashing", 1).await;
    assert_eq!(told["title"], "home: the app keeps crashing");

    house.tealkeep(&["deploy", "home", "v2"]).await.succeeds();
    is_over(&house, &receiver, "crashing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_app_whose_data_was_taken_from_under_it_says_so_and_names_the_way_back() {
    let receiver = Receiver::new().await;
    let house = with_v1(&receiver).await;
    house.tealkeep(&["deploy", "home", "v2"]).await.succeeds();
    let database = rusqlite::Connection::open(house.database()).unwrap();
    database.busy_timeout(PATIENCE).unwrap();
    let tables: Vec<String> = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    database.pragma_update(None, "foreign_keys", false).unwrap();
    for table in tables {
        database
            .execute_batch(&format!("DROP TABLE \"{table}\""))
            .unwrap();
    }
    let sentence = speaks(&house, "health", 3).await;
    assert!(
        sentence.starts_with("home runs, but its health check fails: it answered 5"),
        "{sentence}"
    );
    let list = house
        .tealkeep(&["snapshots", "home", "--json"])
        .await
        .succeeds()
        .json();
    let snapshot = list["snapshots"].as_array().unwrap().iter();
    let snapshot = snapshot
        .clone()
        .find(|one| one["reason"] == "before-deploy")
        .unwrap();
    let health = condition(&status(&house).await, "health").unwrap();
    let text = health["text"].as_str().unwrap();
    assert!(text.contains(snapshot["id"].as_str().unwrap()), "{text}");
}
