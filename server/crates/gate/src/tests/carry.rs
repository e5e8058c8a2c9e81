//! Messages as they are on the wire, on both sides.

use super::*;

/// A server that answers with the request as it got it.
async fn mirror() -> SocketAddr {
    let (at, _) = raw_backend(|mut connection, _| async move {
        loop {
            let message = connection.message().await?;
            let text = format!("{}{}", message.head, message.body);
            connection
                .send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}",
                    text.len()
                ))
                .await;
        }
    })
    .await;
    at
}

/// What the colour got of a request, as a message.
async fn seen_by_colour(request: &str) -> Message {
    let front = Front::before(mirror().await).await;
    let mut client = front.client().await;
    client.send(request).await;
    let body = client.message().await.unwrap().body;
    let (head, body) = body.split_once("\r\n\r\n").unwrap();
    Message {
        head: format!("{head}\r\n\r\n"),
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn a_request_arrives_with_its_host_and_the_truth_about_its_client() {
    let seen = seen_by_colour(
        "GET /a?b=c HTTP/1.1\r\nHost: home.example\r\nX-Forwarded-For: 6.6.6.6\r\n\
         Connection: keep-alive, x-drop\r\nX-Drop: 1\r\nCookie: a=1\r\n\r\n",
    )
    .await;
    assert!(seen.head.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{seen:?}");
    assert_eq!(seen.field("host"), "home.example");
    assert_eq!(seen.field("x-forwarded-for"), "127.0.0.1");
    assert_eq!(seen.field("x-forwarded-proto"), "http");
    assert_eq!(seen.field("x-forwarded-host"), "home.example");
    assert_eq!(seen.field("cookie"), "a=1");
    assert_eq!(seen.field("x-drop") + &seen.field("connection"), "");
}

#[tokio::test]
async fn an_absolute_target_arrives_in_origin_form() {
    let seen = seen_by_colour("GET http://b.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    assert!(seen.head.starts_with("GET /x HTTP/1.1\r\n"), "{seen:?}");
    assert_eq!(seen.field("host"), "b.example");
    let whole_server = seen_by_colour("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(
        whole_server.head.starts_with("OPTIONS * HTTP/1.1\r\n"),
        "{whole_server:?}"
    );
}

#[tokio::test]
async fn a_known_length_stays_known_and_a_gets_chunked_body_is_not_lost() {
    let sized = seen_by_colour("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").await;
    assert_eq!(sized.field("content-length"), "3");
    assert_eq!(sized.field("transfer-encoding"), "");
    assert_eq!(sized.body, "abc");
    let chunked = seen_by_colour(
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    )
    .await;
    assert_eq!(chunked.field("transfer-encoding"), "chunked");
    assert_eq!(chunked.body, "abc");
    let empty = seen_by_colour("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(empty.field("content-length"), "0");
}

#[tokio::test]
async fn ambiguous_framing_never_reaches_a_colour_as_it_came() {
    // Both lengths: chunked wins and the other is gone (RFC 9112 section 6.3).
    let both = seen_by_colour(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\nabc\r\n0\r\n\r\n",
    )
    .await;
    assert_eq!(both.field("content-length"), "");
    assert_eq!(both.body, "abc");
    let front = Front::before(mirror().await).await;
    for bad in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc",
        "GET / HTTP/1.1\r\nHost: a\r\n X-Folded: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut client = front.client().await;
        client.send(bad).await;
        let answer = client.head().await.unwrap();
        assert_eq!(answer.status(), 400, "{bad:?} got {answer:?}");
    }
    assert_eq!(front.gate.stats().blue.answers(), 0);
}

#[tokio::test]
async fn a_tunnel_to_another_host_is_refused() {
    let front = Front::before(mirror().await).await;
    let mut client = front.client().await;
    client
        .send("CONNECT b.example:443 HTTP/1.1\r\nHost: b.example\r\n\r\n")
        .await;
    let answer = client.head().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert!(answer.field("allow").contains("GET"));
}

#[tokio::test]
async fn chunks_go_both_ways_as_they_come() {
    let echo =
        backend(axum::Router::new().fallback(|body: axum::body::Body| async move { body })).await;
    let front = Front::before(echo).await;
    let mut client = front.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        .await;
    let head = client.head().await.unwrap();
    assert_eq!(head.field("transfer-encoding"), "chunked");
    // The first came back while the request was still being sent.
    assert_eq!(client.chunk().await.unwrap().unwrap(), "one");
    client.send("3\r\ntwo\r\n").await;
    assert_eq!(client.chunk().await.unwrap().unwrap(), "two");
    client.send("0\r\n\r\n").await;
    assert_eq!(client.chunk().await.unwrap(), None);
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
    assert_eq!(client.post("/", "again").await.body, "again");
}

#[tokio::test]
async fn a_large_upload_and_download_pass_through_a_slow_reader() {
    let echo =
        backend(axum::Router::new().fallback(|body: axum::body::Body| async move { body })).await;
    let front = Front::before(echo).await;
    let size = 20_000_000;
    let client = front.client().await.stream;
    let (mut read, mut write) = client.into_split();
    let writing = tokio::spawn(async move {
        write
            .write_all(
                format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n").as_bytes(),
            )
            .await
            .unwrap();
        let part: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        for _ in 0..size / part.len() {
            write.write_all(&part).await.unwrap();
        }
        write
    });
    let mut all = Vec::new();
    let body_at = loop {
        assert!(soon(read.read_buf(&mut all)).await.unwrap() > 0);
        if let Some(at) = all.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    // The axum server knows no length here, so it comes in chunks: enough to see that all bytes came.
    while !all.ends_with(b"0\r\n\r\n") && all.len() < body_at + size {
        assert!(soon(read.read_buf(&mut all)).await.unwrap() > 0);
    }
    assert!(all.len() >= body_at + size);
    soon(writing).await.unwrap();
}

#[tokio::test]
async fn responses_without_a_body_keep_their_shape() {
    let (at, _) = raw_backend(|mut connection, _| async move {
        loop {
            let message = connection.message().await?;
            let path = message.head.split(' ').nth(1).unwrap().to_owned();
            connection
                .send(match path.as_str() {
                    "/head" => "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: \"x\"\r\n\r\n",
                    "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
                    "/304" => "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
                    "/103" => {
                        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n\
                         HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal"
                    }
                    _ => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n",
                })
                .await;
        }
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front.client().await;
    client.send("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.head().await.unwrap();
    assert_eq!(head.field("content-length"), "1234");
    assert_eq!(head.field("etag"), "\"x\"");
    // On the same connection, so each of them ended where it should.
    let none = client.get("/204").await;
    assert_eq!(none.status(), 204);
    assert_eq!(
        none.field("content-length") + &none.field("transfer-encoding"),
        ""
    );
    let same = client.get("/304").await;
    assert_eq!(
        (same.status(), same.field("etag")),
        (304, "\"x\"".to_owned())
    );
    let hints = client.get("/103").await;
    assert_eq!((hints.status(), hints.body.as_str()), (103, ""));
    assert_eq!(client.message().await.unwrap().body, "final");
    let empty = client.get("/empty").await;
    assert_eq!(empty.field("content-length"), "0");
    assert_eq!(empty.field("x-hop") + &empty.field("connection"), "");
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
}

#[tokio::test]
async fn a_response_that_ends_with_its_connection_arrives_whole() {
    let (at, _) = raw_backend(|mut connection, _| async move {
        connection.message().await?;
        connection.send("HTTP/1.0 200 OK\r\n\r\nall of it").await;
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front.client().await;
    let answer = client.get("/").await;
    assert_eq!(answer.body, "all of it");
    assert!(answer.head.starts_with("HTTP/1.1 200"), "{answer:?}");
    assert_eq!(client.get("/").await.body, "all of it");
}

#[tokio::test]
async fn an_old_client_gets_no_chunks() {
    let (at, _) = raw_backend(|mut connection, _| async move {
        connection.message().await?;
        connection
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            .await;
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let all = client.rest().await;
    assert!(all.ends_with("\r\n\r\nabc"), "{all}");
}

#[tokio::test]
async fn leave_to_send_a_body_is_the_colours_to_give() {
    let (at, _) = raw_backend(|mut connection, _| async move {
        let head = connection.head().await?;
        assert_eq!(head.field("expect"), "100-continue");
        if head.head.starts_with("POST /no ") {
            connection
                .send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
                .await;
        } else {
            connection.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            let body = connection.exactly(4).await?;
            connection
                .send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{body}"
                ))
                .await;
        }
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    let asking = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        )
    };
    let mut client = front.client().await;
    client.send(asking("/yes")).await;
    assert_eq!(client.head().await.unwrap().status(), 100);
    client.send("body").await;
    assert_eq!(client.message().await.unwrap().body, "body");
    let mut refused = front.client().await;
    refused.send(asking("/no")).await;
    assert_eq!(refused.head().await.unwrap().status(), 413);
}

#[tokio::test]
async fn a_colour_that_ignores_the_expectation_gets_the_body_all_the_same() {
    let (at, _) = raw_backend(|mut connection, _| async move {
        let message = connection.message().await?;
        connection
            .send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{}",
                message.body
            ))
            .await;
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().status(), 100);
    client.send("body").await;
    assert_eq!(client.message().await.unwrap().body, "body");
}

#[tokio::test]
async fn trailers_pass_to_a_client_that_takes_them() {
    let (at, _) = raw_backend(|mut connection, _| async move {
        let head = connection.head().await?;
        assert_eq!(head.field("te"), "trailers");
        connection
            .send(
                "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
                 3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n",
            )
            .await;
        Ok(())
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front.client().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
        .await;
    let head = client.head().await.unwrap();
    assert_eq!(head.field("trailer"), "X-Sum");
    assert_eq!(client.chunk().await.unwrap().unwrap(), "abc");
    assert_eq!(
        client.through("\r\n\r\n").await.unwrap().to_lowercase(),
        "0\r\nx-sum: 42\r\n\r\n"
    );
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_their_order() {
    let front = Front::before(mirror().await).await;
    let mut client = front.client().await;
    client
        .send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(client.message().await.unwrap().body.starts_with("GET /1 "));
    assert!(client.message().await.unwrap().body.starts_with("GET /2 "));
}

#[tokio::test]
async fn an_upload_goes_on_after_an_early_response() {
    let (told, hears) = tokio::sync::oneshot::channel();
    let told = std::sync::Mutex::new(Some(told));
    let told = Arc::new(told);
    let (at, _) = raw_backend(move |mut connection, _| {
        let told = Arc::clone(&told);
        async move {
            connection.head().await?;
            connection
                .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
                .await;
            let body = connection.exactly(6).await?;
            let told = told.lock().unwrap().take();
            told.unwrap().send(body).unwrap();
            Ok(())
        }
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front.client().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
        .await;
    assert_eq!(client.message().await.unwrap().body, "early");
    assert_eq!(front.requests(Colour::Blue), 1);
    client.send("def").await;
    assert_eq!(soon(hears).await.unwrap(), "abcdef");
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
}
