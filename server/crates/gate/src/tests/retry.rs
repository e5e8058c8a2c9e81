//! What is tried again, and what must never be.

use std::collections::HashMap;
use std::sync::Mutex;

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_arrives_once_at_a_server_that_closes_after_some_responses_without_a_word() {
    let seen: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let seen_there = Arc::clone(&seen);
    let (at, _) = raw_backend(move |mut connection, number| {
        let seen = Arc::clone(&seen_there);
        async move {
            // Some serve one request, some two or three; a few announce nothing and go at once.
            for _ in 0..=(number * 7 % 3) {
                let message = connection.message().await?;
                if message.head.starts_with("POST") {
                    *seen.lock().unwrap().entry(message.body).or_default() += 1;
                }
                connection.send(OK).await;
            }
            Ok(())
        }
    })
    .await;
    let front = Front::before(at).await;
    let clients: Vec<_> = (0..6)
        .map(|number| {
            let at = front.at;
            tokio::spawn(async move {
                let mut client = Raw::connect(at).await;
                for i in 0..100 {
                    assert_eq!(client.get("/").await.status(), 200);
                    let id = format!("{number}-{i}");
                    assert_eq!(client.post("/", &id).await.status(), 200);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 600);
    assert!(seen.values().all(|times| *times == 1));
}

#[tokio::test]
async fn a_reused_connection_that_was_just_closed_costs_a_get_nothing() {
    let (at, connections) = raw_backend(|mut connection, _| async move {
        connection.message().await?;
        connection.send(OK).await;
        // The next request is read and not answered, as by a server that is closing.
        connection.message().await?;
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front.client().await;
    for _ in 0..4 {
        assert_eq!(client.get("/").await.body, "ok");
    }
    assert_eq!(connections.load(SeqCst), 4);
    assert_eq!(front.gate.stats().retried, 3);
}

#[tokio::test]
async fn a_post_goes_out_on_a_fresh_connection_and_a_get_reuses_it() {
    let (at, connections) = raw_backend(|mut connection, _| async move {
        loop {
            connection.message().await?;
            connection.send(OK).await;
        }
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front.client().await;
    client.post("/", "x").await;
    client.get("/").await;
    client.get("/").await;
    assert_eq!(connections.load(SeqCst), 1);
    client.post("/", "x").await;
    assert_eq!(connections.load(SeqCst), 2);
}

#[tokio::test]
async fn a_post_whose_connection_dies_is_not_sent_again() {
    let (at, connections) = raw_backend(|mut connection, _| async move {
        connection.message().await?;
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    let answer = front.client().await.post("/", "once").await;
    assert_eq!(answer.status(), 502);
    assert_eq!(connections.load(SeqCst), 1);
    assert_eq!(front.gate.stats().bad_gateway, 1);
    assert_eq!(front.requests(Colour::Blue), 0);
}

#[tokio::test]
async fn a_get_whose_connection_dies_is_tried_again_but_not_for_ever() {
    let (at, connections) = raw_backend(|mut connection, number| async move {
        let message = connection.message().await?;
        if message.head.starts_with("GET /second ") && number >= 1 {
            connection.send(OK).await;
        }
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    assert_eq!(front.client().await.get("/second").await.body, "ok");
    assert_eq!(connections.load(SeqCst), 2);
    assert_eq!(front.client().await.get("/crashes").await.status(), 502);
    assert_eq!(connections.load(SeqCst), 6);
}

#[tokio::test]
async fn refused_connections_are_retried_until_the_colour_comes_up_any_method() {
    let at = silent_port().await;
    let front = Front::start(GateConfig {
        retry_for: PATIENCE,
        ..GateConfig::new(at, at)
    })
    .await;
    let mut client = front.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
        .await;
    until("it was tried", || front.gate.stats().retried > 1).await;
    assert_eq!(
        front.requests(Colour::Blue) + front.requests(Colour::Green),
        0
    );
    let listener = TcpListener::bind(at).await.unwrap();
    let echo = axum::Router::new().fallback(|body: String| async move { body });
    tokio::spawn(async move { axum::serve(listener, echo).await });
    assert_eq!(client.message().await.unwrap().body, "body");
}

#[tokio::test]
async fn a_retry_goes_to_what_is_live_by_then() {
    let front = Front::start(GateConfig {
        retry_for: PATIENCE,
        ..GateConfig::new(silent_port().await, saying("green").await)
    })
    .await;
    let mut client = front.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it was tried", || front.gate.stats().retried > 0).await;
    front.gate.swap(Colour::Green);
    assert_eq!(client.message().await.unwrap().body, "green");
}

#[tokio::test]
async fn a_colour_that_stays_away_is_a_502_that_nobody_keeps() {
    let at = silent_port().await;
    let front = Front::start(GateConfig {
        retry_for: Duration::from_millis(120),
        ..GateConfig::new(at, at)
    })
    .await;
    let mut client = front.client().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n")
        .await;
    let answer = client.message().await.unwrap();
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.field("cache-control"), "no-store");
    assert_eq!(answer.field("retry-after"), "5");
    assert!(answer.field("content-type").starts_with("text/html"));
    assert!(answer.body.contains("not answering"));
    // And the connection is good for the next one.
    assert_eq!(client.get("/").await.status(), 502);
}

#[tokio::test]
async fn a_malformed_response_is_a_502_and_is_asked_for_once() {
    let (at, connections) = raw_backend(|mut connection, _| async move {
        connection.message().await?;
        connection.send("HTTP/9 hello\r\n\r\n").await;
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    assert_eq!(front.client().await.get("/").await.status(), 502);
    assert_eq!(connections.load(SeqCst), 1);
}

#[tokio::test]
async fn a_response_that_breaks_off_looks_broken_to_the_client_too() {
    let (at, _) = raw_backend(|mut connection, _| async move {
        let message = connection.message().await?;
        let response = if message.head.starts_with("GET /chunked ") {
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
        } else {
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
        };
        connection.send(response).await;
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    for path in ["/chunked", "/sized"] {
        let mut client = front.client().await;
        client
            .send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        let all = client.rest().await;
        assert!(all.starts_with("HTTP/1.1 200"), "{all}");
        assert!(!all.contains("0\r\n\r\n"), "{path} looks complete: {all}");
        assert!(!all.contains("502"), "{all}");
    }
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
}

#[tokio::test]
async fn a_colour_that_never_answers_is_a_504_and_is_let_go() {
    let (at, _) = raw_backend(|mut connection, _| async move {
        connection.rest().await;
        Ok(())
    })
    .await;
    let front = Front::start(GateConfig {
        response_timeout: Duration::from_millis(100),
        ..GateConfig::new(at, at)
    })
    .await;
    assert_eq!(front.client().await.get("/").await.status(), 504);
    assert_eq!(front.requests(Colour::Blue), 0);
}

#[tokio::test]
async fn an_upload_may_take_longer_than_an_answer_as_long_as_it_goes_on() {
    let echo = backend(axum::Router::new().fallback(|body: String| async move { body })).await;
    let patience = Duration::from_millis(400);
    let front = Front::start(GateConfig {
        response_timeout: patience,
        ..GateConfig::new(echo, echo)
    })
    .await;
    let mut client = front.client().await;
    client
        .send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n")
        .await;
    let began = std::time::Instant::now();
    for _ in 0..60 {
        tokio::time::sleep(patience / 20).await;
        client.send("x").await;
    }
    assert!(began.elapsed() > patience * 2);
    assert_eq!(client.message().await.unwrap().body, "x".repeat(60));
    client
        .send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\nx")
        .await;
    assert_eq!(client.head().await.unwrap().status(), 504);
}

#[tokio::test]
async fn forgotten_connections_are_closed_and_not_used_again() {
    let (at, connections) = raw_backend(|mut connection, _| async move {
        loop {
            connection.message().await?;
            connection.send(OK).await;
        }
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front.client().await;
    client.get("/").await;
    client.get("/").await;
    assert_eq!(connections.load(SeqCst), 1);
    front.gate.forget_connections(Colour::Blue);
    client.get("/").await;
    assert_eq!(connections.load(SeqCst), 2);
}
