//! Which requests count as failures of the app, and which say nothing about it.

use super::*;
use crate::{GateStats, OWN_AGENT};

/// A server that answers with the status that the path names, breaks its answer off for `/broken`, and never answers
/// `/silent`.
async fn answering_by_path() -> SocketAddr {
    let (at, _) = raw_backend(|mut connection, _| async move {
        loop {
            let head = connection.message().await?.head;
            let path = head.split(' ').nth(1).unwrap_or_default();
            match path.trim_start_matches('/') {
                "broken" => connection.send("HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n").await,
                "silent" => drop(connection.rest().await),
                status => {
                    let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
                    connection.send(answer).await;
                }
            }
        }
    })
    .await;
    at
}

/// What a gate counted: requests that count, 5xx of the app's own, and those without an answer.
fn failures(stats: &GateStats) -> (u64, u64, u64) {
    let colours = [&stats.blue, &stats.green];
    let sum = |of: fn(&crate::ColourStats) -> u64| colours.map(of).iter().sum();
    (
        sum(|colour| colour.answers() + colour.unanswered),
        sum(|colour| colour.server_errors()),
        sum(|colour| colour.unanswered),
    )
}

#[tokio::test]
async fn the_apps_own_errors_and_its_missing_answers_are_counted_apart() {
    let app = answering_by_path().await;
    let front = Front::start(GateConfig {
        response_timeout: Duration::from_millis(100),
        ..GateConfig::new(app, silent_port().await)
    })
    .await;
    for (path, status) in [
        ("/200", 200),
        ("/404", 404),
        ("/500", 500),
        ("/503", 503),
        ("/502", 502),
        ("/broken", 502),
        ("/silent", 504),
    ] {
        let answer = front.client().await.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
    }
    let stats = front.gate.stats();
    assert_eq!(failures(&stats), (7, 3, 2));
    assert_eq!(
        (stats.bad_gateway, stats.green.unanswered, stats.own),
        (2, 0, 0)
    );
}

#[tokio::test]
async fn a_colour_that_is_gone_is_counted_as_its_missing_answer() {
    let app = answering_by_path().await;
    let front = Front::start(GateConfig {
        retry_for: Duration::from_millis(50),
        ..GateConfig::new(app, silent_port().await)
    })
    .await;
    front.gate.swap(Colour::Green);
    assert_eq!(front.client().await.get("/200").await.status(), 502);
    let stats = front.gate.stats();
    assert_eq!((stats.blue.unanswered, stats.green.unanswered), (0, 1));
}

#[tokio::test]
async fn what_clients_do_wrong_is_no_failure_of_the_app() {
    let front = Front::start(GateConfig {
        response_timeout: Duration::from_millis(100),
        ..GateConfig::new(answering_by_path().await, silent_port().await)
    })
    .await;
    for malformed in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: zip, chunked\r\n\r\n0\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut client = front.client().await;
        client.send(malformed).await;
        let status = client.head().await.unwrap().status();
        assert!((400..=501).contains(&status), "{malformed:?}: {status}");
    }
    // Its upload stands still, and the app would take more of it.
    let mut stalls = front.client().await;
    stalls
        .send("PUT /200 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        .await;
    assert_eq!(stalls.head().await.unwrap().status(), 504);
    // Its upload ends too early.
    let mut ends = front.client().await;
    ends.send("PUT /200 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        .await;
    ends.stream.shutdown().await.unwrap();
    assert_eq!(ends.head().await.unwrap().status(), 400);
    let stats = front.gate.stats();
    assert_eq!((failures(&stats), stats.aborted), ((0, 0, 0), 2));
}

#[tokio::test]
async fn a_client_that_hangs_up_before_its_answer_counts_nowhere() {
    let front = Front::before(answering_by_path().await).await;
    let mut client = front.client().await;
    client.send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is in flight", || front.requests(Colour::Blue) == 1).await;
    socket2::SockRef::from(&client.stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(client);
    until("it is counted", || front.gate.stats().aborted == 1).await;
    assert_eq!(failures(&front.gate.stats()), (0, 0, 0));
}

#[tokio::test]
async fn requests_of_tealkeeps_own_are_left_out() {
    let front = Front::before(answering_by_path().await).await;
    for (path, status) in [("/200", 200), ("/500", 500), ("/broken", 502)] {
        let mut client = front.client().await;
        client
            .send(format!(
                "GET {path} HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/5.0 ({OWN_AGENT}1)\r\n\r\n"
            ))
            .await;
        assert_eq!(client.head().await.unwrap().status(), status);
    }
    let stats = front.gate.stats();
    assert_eq!((failures(&stats), stats.own), ((0, 0, 0), 3));
}

#[tokio::test]
async fn the_pages_of_a_hold_are_no_failures_of_the_app() {
    let front = Front::start(GateConfig {
        hold_timeout: Duration::from_millis(50),
        ..GateConfig::new(answering_by_path().await, silent_port().await)
    })
    .await;
    front.gate.hold();
    assert_eq!(front.client().await.get("/200").await.status(), 503);
    let stats = front.gate.stats();
    assert_eq!((failures(&stats), stats.unavailable), ((0, 0, 0), 1));
}
