//! Requests that wait, and what is answered in the meantime.

use super::*;
use crate::Maintenance;

#[tokio::test]
async fn held_requests_wait_for_the_release_and_go_to_what_is_live_then() {
    let front = Front::start(GateConfig::new(saying("blue").await, saying("green").await)).await;
    assert_eq!(front.gate.is_held(), None);
    front.gate.hold();
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = front.client().await;
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
            .await;
        clients.push(client);
    }
    until("all five wait", || {
        front.gate.is_held().is_some_and(|held| held.waiting == 5)
    })
    .await;
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
    front.gate.swap(Colour::Green);
    assert_eq!(front.gate.stats().green.answers(), 0);
    front.gate.release();
    assert_eq!(front.gate.is_held(), None);
    for client in &mut clients {
        assert_eq!(client.message().await.unwrap().body, "green");
    }
    let stats = front.gate.stats();
    assert_eq!((stats.held, stats.blue.answers()), (5, 0));
}

#[tokio::test]
async fn those_past_the_bounds_in_number_and_time_get_the_maintenance_page() {
    let blue = saying("blue").await;
    let front = Front::start(GateConfig {
        hold_limit: 1,
        ..GateConfig::new(blue, blue)
    })
    .await;
    front.gate.hold();
    let mut first = front.client().await;
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("one waits", || {
        front.gate.is_held().is_some_and(|held| held.waiting == 1)
    })
    .await;
    let second = front.client().await.get("/").await;
    assert_eq!(second.status(), 503);
    assert_eq!(second.field("cache-control"), "no-store");
    assert_eq!(second.field("retry-after"), "10");
    front.gate.release();
    assert_eq!(first.message().await.unwrap().body, "blue");

    let impatient = Front::start(GateConfig {
        hold_timeout: Duration::from_millis(50),
        ..GateConfig::new(blue, blue)
    })
    .await;
    impatient.gate.hold();
    assert_eq!(impatient.client().await.get("/").await.status(), 503);
    assert_eq!(impatient.gate.stats().unavailable, 1);
    assert_eq!(impatient.gate.is_held().unwrap().waiting, 0);
}

#[tokio::test]
async fn a_client_that_gives_up_no_longer_waits() {
    let front = Front::before(saying("blue").await).await;
    front.gate.hold();
    let mut client = front.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it waits", || front.gate.is_held().unwrap().waiting == 1).await;
    drop(client);
    until("it waits no more", || {
        front.gate.is_held().unwrap().waiting == 0
    })
    .await;
}

#[tokio::test]
async fn health_is_answered_while_requests_are_held_by_the_colour_or_by_the_gate() {
    let front = Front::start(GateConfig::new(
        saying("healthy").await,
        silent_port().await,
    ))
    .await;
    front.gate.hold();
    let mut client = front.client().await;
    let by_colour = client.get("/healthz?full=1").await;
    assert_eq!(
        (by_colour.status(), by_colour.body.as_str()),
        (200, "healthy")
    );
    assert_eq!(by_colour.field("tealkeep-held"), "");
    front.gate.swap(Colour::Green);
    let by_gate = client.get("/healthz").await;
    assert_eq!(by_gate.status(), 200);
    assert_eq!(by_gate.field("tealkeep-held"), "true");
    assert_eq!(by_gate.field("cache-control"), "no-store");
    client
        .send("HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().field("tealkeep-held"), "true");
    assert_eq!(
        front.requests(Colour::Blue) + front.requests(Colour::Green),
        0
    );
}

#[tokio::test]
async fn maintenance_answers_at_once_also_those_that_were_held() {
    let front = Front::before(saying("blue").await).await;
    front.gate.hold();
    let mut held = front.client().await;
    held.send("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n")
        .await;
    until("it waits", || front.gate.is_held().unwrap().waiting == 1).await;
    front.gate.set_maintenance(Some(Maintenance {
        text: "Back at <eight>.".to_owned(),
        retry_after: Duration::from_secs(90),
    }));
    let answer = held.message().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.field("retry-after"), "90");
    assert!(answer.body.contains("Back at &lt;eight&gt;."), "{answer:?}");
    front.gate.release();
    assert_eq!(held.get("/").await.status(), 503);
    front.gate.set_maintenance(None);
    assert_eq!(held.get("/").await.body, "blue");
}
