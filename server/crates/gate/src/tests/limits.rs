//! What one client may use up, and how it all ends.

use super::*;

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_cut_and_a_silent_one_is_not() {
    let blue = saying("blue").await;
    let front = Front::start(GateConfig {
        header_timeout: Duration::from_secs(1),
        ..GateConfig::new(blue, blue)
    })
    .await;
    let mut silent = front.client().await;
    silent.get("/").await;
    let mut slow = front.client().await;
    slow.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow").await;
    assert_eq!(slow.rest().await, "");
    let mut slow_again = front.client().await;
    slow_again.get("/").await;
    slow_again.send("GET / HTTP/1.1\r\nX-Slow").await;
    assert_eq!(slow_again.rest().await, "");
    // Longer than a head may take, and yet only silent.
    assert_eq!(silent.get("/").await.body, "blue");
}

#[tokio::test]
async fn a_connection_that_is_silent_for_too_long_is_closed() {
    let blue = saying("blue").await;
    let front = Front::start(GateConfig {
        client_idle_timeout: Duration::from_secs(1),
        ..GateConfig::new(blue, blue)
    })
    .await;
    let mut client = front.client().await;
    client.get("/").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let blue = backend(axum::Router::new().fallback(|| async { vec![b'x'; 50_000_000] })).await;
    let front = Front::start(GateConfig {
        write_timeout: Duration::from_secs(1),
        ..GateConfig::new(blue, blue)
    })
    .await;
    let mut client = front.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is in flight", || front.requests(Colour::Blue) == 1).await;
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
    assert!(client.rest().await.len() < 50_000_000);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let blue = saying("blue").await;
    let front = Front::start(GateConfig {
        header_limit: 8 * 1024,
        ..GateConfig::new(blue, blue)
    })
    .await;
    let mut client = front.client().await;
    let field = "x".repeat(7 * 1024);
    client
        .send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Long: {field}\r\n\r\n"
        ))
        .await;
    assert_eq!(client.message().await.unwrap().status(), 200);
    let field = "x".repeat(16 * 1024);
    client
        .send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Long: {field}\r\n\r\n"
        ))
        .await;
    assert_eq!(client.head().await.unwrap().status(), 431);
}

#[tokio::test]
async fn past_the_limit_of_clients_the_next_waits_for_a_place() {
    let blue = saying("blue").await;
    let front = Front::start(GateConfig {
        client_limit: 2,
        ..GateConfig::new(blue, blue)
    })
    .await;
    let (mut first, mut second) = (front.client().await, front.client().await);
    first.get("/").await;
    second.get("/").await;
    let mut third = front.client().await;
    third.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(second.get("/").await.body, "blue");
    assert_eq!(front.gate.stats().connections, 2);
    drop(first);
    assert_eq!(third.message().await.unwrap().body, "blue");
}

#[tokio::test]
async fn told_to_stop_it_ends_what_is_in_flight_and_closes_the_rest() {
    let go = Arc::new(tokio::sync::Notify::new());
    let waits = Arc::clone(&go);
    let slow = move || async move {
        waits.notified().await;
        "slow"
    };
    let app = axum::Router::new()
        .route("/slow", axum::routing::get(slow))
        .fallback(|| async { "quick" });
    let mut front = Front::before(backend(app).await).await;
    let mut idle = front.client().await;
    idle.get("/").await;
    let mut slow = front.client().await;
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is in flight", || front.requests(Colour::Blue) == 1).await;
    front.shutdown.cancel();
    assert_eq!(idle.rest().await, "");
    assert!(TcpStream::connect(front.at).await.is_err());
    go.notify_one();
    let answer = slow.message().await.unwrap();
    assert_eq!(
        (answer.body.as_str(), answer.field("connection").as_str()),
        ("slow", "close")
    );
    assert_eq!(slow.rest().await, "");
    soon(front.serving.take().unwrap()).await.unwrap().unwrap();
    // The counts outlive the listener.
    assert_eq!(front.gate.stats().blue.answers(), 2);
}

#[tokio::test]
async fn told_to_stop_it_tells_a_client_that_goes_on_asking_which_answer_was_the_last() {
    let blue = saying("blue").await;
    let mut front = Front::start(GateConfig {
        shutdown_grace: PATIENCE,
        shutdown_deadline: PATIENCE,
        ..GateConfig::new(blue, blue)
    })
    .await;
    let mut client = front.client().await;
    assert_eq!(client.get("/").await.field("connection"), "");
    front.shutdown.cancel();
    while client.get("/").await.field("connection") != "close" {}
    assert_eq!(client.rest().await, "");
    soon(front.serving.take().unwrap()).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_does_not_end_by_the_deadline_is_cut() {
    let blue = backend(axum::Router::new().fallback(|| async {
        std::future::pending::<()>().await;
    }))
    .await;
    let mut front = Front::start(GateConfig {
        shutdown_deadline: Duration::from_millis(100),
        ..GateConfig::new(blue, blue)
    })
    .await;
    let mut client = front.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is in flight", || front.requests(Colour::Blue) == 1).await;
    front.shutdown.cancel();
    assert_eq!(client.rest().await, "");
    soon(front.serving.take().unwrap()).await.unwrap().unwrap();
    assert_eq!(front.requests(Colour::Blue), 0);
}

/// Raises how many files this process may have open, as far as it may.
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

/// A client at an address of its own.
async fn from_address(last: u8, to: SocketAddr) -> Raw {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::from(([127, 0, 9, last], 0)))
        .unwrap();
    Raw::new(soon(socket.connect(to)).await.unwrap())
}

#[tokio::test]
async fn thousands_of_unfinished_heads_take_bounded_room_and_keep_nobody_out() {
    allow_many_files();
    let blue = saying("blue").await;
    let budget = crate::HeadBudget {
        bytes: 4 * 1024 * 1024,
        bytes_per_address: 1024 * 1024,
        ..Default::default()
    };
    let front = Front::start(GateConfig {
        // So that nothing but the budget ends them.
        header_timeout: PATIENCE * 10,
        head_budget: budget,
        ..GateConfig::new(blue, blue)
    })
    .await;
    let half = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}",
        "x".repeat(12_000)
    );
    let mut slow = Vec::new();
    for number in 0..3000 {
        // The first thousand from a single address.
        let last = if number < 1000 {
            1
        } else {
            2 + (number % 20) as u8
        };
        let mut client = from_address(last, front.at).await;
        // The gate may have closed it already.
        let _ = soon(client.stream.write_all(half.as_bytes())).await;
        slow.push(client);
        if number % 500 == 0 {
            assert_eq!(
                from_address(100, front.at).await.get("/").await.body,
                "blue"
            );
        }
    }
    until("the budget has closed most of them", || {
        let unfinished = front.gate.unfinished_heads();
        assert!(
            unfinished.bytes <= 4 * 1024 * 1024 + 16 * 1024,
            "{unfinished:?}"
        );
        unfinished.closed > 2400 && unfinished.connections < 600
    })
    .await;
    assert_eq!(from_address(1, front.at).await.get("/").await.body, "blue");
    assert_eq!(
        from_address(100, front.at).await.get("/").await.body,
        "blue"
    );
    drop(slow);
    until("nothing is left of them", || {
        front.gate.unfinished_heads().bytes == 0
    })
    .await;
}

#[tokio::test]
async fn silent_connections_never_take_the_last_places() {
    let blue = saying("blue").await;
    let front = Front::start(GateConfig {
        client_limit: 40,
        header_timeout: PATIENCE * 10,
        ..GateConfig::new(blue, blue)
    })
    .await;
    let mut silent = Vec::new();
    for number in 0..60 {
        silent.push(from_address(number, front.at).await);
    }
    assert_eq!(
        from_address(100, front.at).await.get("/").await.body,
        "blue"
    );
    until("a quarter of the places is free of them", || {
        front.gate.unfinished_heads().connections <= 30
    })
    .await;
}
