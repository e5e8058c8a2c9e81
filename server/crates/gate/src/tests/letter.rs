//! What RFC 9110 and 9112 ask of a proxy where messages are odd, and what the gate answers where they can't be passed on.

use super::*;

/// A server that answers each request with these bytes.
async fn answering(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes = Arc::new(bytes.into());
    let (at, _) = raw_backend(move |mut connection, _| {
        let bytes = Arc::clone(&bytes);
        async move {
            loop {
                connection.message().await?;
                connection.send(bytes.as_slice()).await;
            }
        }
    })
    .await;
    at
}

#[tokio::test]
async fn a_client_that_closes_its_side_after_its_request_gets_its_answer() {
    let go = Arc::new(tokio::sync::Notify::new());
    let waits = Arc::clone(&go);
    let slow = move || async move {
        waits.notified().await;
        "slow"
    };
    let front = Front::before(backend(axum::Router::new().fallback(slow)).await).await;
    let mut client = front
        .client_that_sent("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    client.stream.shutdown().await.unwrap();
    until("it is in flight", || front.requests(Colour::Blue) == 1).await;
    go.notify_one();
    assert_eq!(client.message().await.unwrap().body, "slow");
    assert_eq!(client.rest().await, "");
    // One that waits for long is asked whether it is still there.
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
    ] {
        let mut client = front.client_that_sent(request).await;
        client.stream.shutdown().await.unwrap();
        assert_eq!(client.head().await.unwrap().status(), 102);
        assert_eq!(client.head().await.unwrap().status(), 102);
        go.notify_one();
        let mut answer = client.message().await.unwrap();
        while answer.status() == 102 {
            answer = client.message().await.unwrap();
        }
        assert_eq!(answer.body, "slow");
        assert_eq!(client.rest().await, "");
    }
    assert_eq!(front.gate.stats().aborted, 0);
}

#[tokio::test]
async fn a_client_that_closes_its_side_is_asked_nothing_while_its_answer_arrives() {
    let (at, _) = raw_backend(|mut connection, _| async move {
        let head = connection.head().await?;
        if head.head.starts_with("GET /begins ") {
            connection
                .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
                .await;
        }
        connection.rest().await;
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    let mut begins = front
        .client_that_sent("GET /begins HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    begins.head().await.unwrap();
    assert_eq!(begins.exactly(5).await.unwrap(), "first");
    begins.stream.shutdown().await.unwrap();
    let mut waits = front
        .client_that_sent("GET /waits HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    waits.stream.shutdown().await.unwrap();
    // By the time that the one that waits was asked twice, the other would have been too.
    for _ in 0..2 {
        assert_eq!(waits.head().await.unwrap().status(), 102);
    }
    let more = begins.stream.try_read_buf(&mut begins.unread);
    assert!(
        more.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock),
        "{:?}",
        begins.unread
    );
}

#[tokio::test]
async fn a_client_that_breaks_off_is_no_failure_of_the_app() {
    let echo =
        backend(axum::Router::new().fallback(|body: axum::body::Body| async move { body })).await;
    let front = Front::before(echo).await;
    let client = front
        .client_that_sent("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        .await;
    drop(client);
    // One that is never answered: its client gets tired of waiting.
    let silent = Front::before(never_answering().await).await;
    for body in ["", "Content-Length: 10\r\n"] {
        let client = silent
            .client_that_sent(format!("POST / HTTP/1.1\r\nHost: a\r\n{body}\r\n"))
            .await;
        until("it is in flight", || silent.requests(Colour::Blue) == 1).await;
        // A reset, not an orderly end.
        socket2::SockRef::from(&client.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(client);
        assert!(silent.gate.wait_idle(Colour::Blue, PATIENCE).await);
    }
    until("all three are counted", || {
        silent.gate.stats().aborted == 2 && front.requests(Colour::Blue) == 0
    })
    .await;
    for stats in [front.gate.stats(), silent.gate.stats()] {
        assert_eq!((stats.bad_gateway, stats.blue.server_errors()), (0, 0));
    }
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_answered_with_400() {
    let front = Front::before(never_answering().await).await;
    let mut client = front
        .client_that_sent("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        .await;
    client.stream.shutdown().await.unwrap();
    let answer = client.message().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.body.contains("incomplete"), "{answer:?}");
    let stats = front.gate.stats();
    assert_eq!((stats.aborted, stats.bad_gateway), (1, 0));
}

#[tokio::test]
async fn interim_answers_arrive_in_order_and_as_they_come() {
    let (at, _) = raw_backend(|mut connection, number| async move {
        connection.head().await?;
        connection
            .send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nSet-Cookie: tealkeep=x\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n")
            .await;
        if number == 0 {
            // Only once the client has them.
            connection.through("go on").await?;
        }
        connection
            .send("HTTP/1.1 103 Early Hints\r\nLink: </b.js>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal")
            .await;
        connection.rest().await;
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front
        .client_that_sent("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        .await;
    let ends = |message: &Message| (message.status(), message.field("link"));
    assert_eq!(ends(&client.head().await.unwrap()), (102, String::new()));
    let hints = client.head().await.unwrap();
    assert_eq!(ends(&hints), (103, "</a.css>; rel=preload".to_owned()));
    assert_eq!(
        hints.field("set-cookie") + &hints.field("x-hop") + &hints.field("connection"),
        ""
    );
    client.send("go on").await;
    let hints = client.head().await.unwrap();
    assert_eq!(ends(&hints), (103, "</b.js>; rel=preload".to_owned()));
    let last = client.message().await.unwrap();
    assert_eq!((last.status(), last.body.as_str()), (200, "final"));
    // HTTP/1.0 has no interim answers.
    let mut old = front.client_that_sent("GET / HTTP/1.0\r\n\r\n").await;
    let all = old.rest().await;
    assert!(
        all.starts_with("HTTP/1.0 200") || all.starts_with("HTTP/1.1 200"),
        "{all}"
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_passed_on_is_blamed_on_what_the_app_sent() {
    for (sent, words) in [
        (
            "HTTP/1.1 200 OK\r\nX Foo: 1\r\nContent-Length: 0\r\n\r\n",
            "the field `X Foo`",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabc",
            "`Content-Length: 3, 4`",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "`Transfer-Encoding: gzip, chunked`",
        ),
        ("220 mail.example ESMTP\r\n\r\n", "`220 mail.example ESMTP`"),
    ] {
        let front = Front::before(answering(sent).await).await;
        let answer = front.client().await.get("/").await;
        assert_eq!(answer.status(), 502, "{sent:?}");
        assert!(answer.body.contains(words), "{sent:?}: {}", answer.body);
        assert!(!answer.body.contains("starting"), "{}", answer.body);
        assert_eq!(answer.field("retry-after"), "");
        let stats = front.gate.stats();
        assert_eq!((stats.bad_gateway, stats.blue.answers()), (1, 0));
    }
}

#[tokio::test]
async fn an_answer_of_many_fields_or_of_odd_ones_arrives() {
    let mut head = "HTTP/1.1 200 OK\r\n".to_owned();
    for number in 0..150 {
        head += &format!("Set-Cookie: c{number}={number}; Path=/\r\n");
    }
    head += "X-Spaced : 1\r\nX-Folded: a\r\n  b\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let front = Front::before(answering(head).await).await;
    let mut client = front.client().await;
    for _ in 0..2 {
        let answer = client.get("/").await;
        assert_eq!((answer.status(), answer.body.as_str()), (200, "abc"));
        assert_eq!(answer.field("set-cookie").split('|').count(), 150);
        assert_eq!(answer.field("x-spaced"), "1");
        assert_eq!(answer.field("x-folded"), "a b");
        assert_eq!(answer.field("content-length"), "");
    }
}

#[tokio::test]
async fn a_request_of_many_fields_is_bounded_by_its_bytes() {
    let counting =
        answering_with(|request| request.head.matches("x-many: ").count().to_string()).await;
    let front = Front::before(counting).await;
    let mut client = front.client().await;
    let fields = "X-Many: 1\r\n".repeat(900);
    client
        .send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
        .await;
    assert_eq!(client.message().await.unwrap().body, "900");
    let fields = "X-Many: 1\r\n".repeat(2000);
    client
        .send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
        .await;
    assert_eq!(client.head().await.unwrap().status(), 431);
}

#[tokio::test]
async fn the_dashboards_session_reaches_no_app_and_no_app_sets_it() {
    let (at, _) = raw_backend(|mut connection, _| async move {
        let mut seen = Vec::new();
        loop {
            let head = connection.head().await?;
            seen.push(head.field("cookie"));
            let body = seen.join("\n");
            connection
                .send(format!(
                    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: __Host-tealkeep=x; PATH=/\r\nSET-COOKIE: tealkeep=x; max-age=0\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ))
                .await;
        }
    })
    .await;
    let front = Front::before(at).await;
    front.gate.hold();
    let mut client = front.client_that_sent("GET / HTTP/1.1\r\nHost: a\r\nCookie: u=\u{e9}; tealkeep=secret\r\nCookie: __Host-tealkeep=secret; b=2\r\n\r\n").await;
    until("it is held", || {
        front.gate.is_held().is_some_and(|held| held.waiting == 1)
    })
    .await;
    front.gate.release();
    let answer = client.message().await.unwrap();
    assert_eq!(answer.body, "u=\u{e9}|b=2");
    assert_eq!(answer.field("set-cookie"), "a=1");
}
