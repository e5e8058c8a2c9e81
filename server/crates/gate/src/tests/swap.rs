//! A swap loses nothing, and what is in flight is counted exactly.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::routing::{get, post};
use tokio::sync::Notify;

use super::super::switch::{Entry, Switch};
use super::*;

#[tokio::test]
async fn an_open_connections_next_request_goes_to_the_other_colour() {
    let front = Front::start(GateConfig::new(saying("blue").await, saying("green").await)).await;
    let mut client = front.client().await;
    assert_eq!(client.get("/").await.body, "blue");
    front.gate.swap(Colour::Green);
    assert_eq!(front.gate.live(), Colour::Green);
    assert_eq!(client.get("/").await.body, "green");
    front.gate.swap(Colour::Blue);
    assert_eq!(client.get("/").await.body, "blue");
    let stats = front.gate.stats();
    assert_eq!((stats.blue.statuses[1], stats.green.statuses[1]), (2, 1));
    assert_eq!((stats.blue.bytes, stats.green.bytes), (8, 5));
    assert_eq!(stats.connections, 1);
}

#[tokio::test]
async fn what_is_in_flight_ends_where_it_began_and_is_counted_until_then() {
    let go = Arc::new(Notify::new());
    let waits = Arc::clone(&go);
    let blue = backend(axum::Router::new().route(
        "/slow",
        get(move || async move {
            waits.notified().await;
            "slow blue"
        }),
    ));
    let front = Front::start(GateConfig::new(blue.await, saying("green").await)).await;
    let mut slow = front.client().await;
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the slow request is in flight", || {
        front.requests(Colour::Blue) == 1
    })
    .await;
    front.gate.swap(Colour::Green);
    assert_eq!(front.client().await.get("/").await.body, "green");
    assert!(
        !front
            .gate
            .wait_idle(Colour::Blue, Duration::from_millis(20))
            .await
    );
    let waiting = tokio::spawn({
        let gate = Arc::clone(&front.gate);
        async move { gate.wait_idle(Colour::Blue, PATIENCE).await }
    });
    go.notify_one();
    assert_eq!(slow.message().await.unwrap().body, "slow blue");
    assert!(waiting.await.unwrap());
    assert_eq!(front.requests(Colour::Blue), 0);
}

#[tokio::test]
async fn a_client_that_goes_away_is_no_longer_in_flight() {
    let blue = backend(axum::Router::new().fallback(|| async {
        std::future::pending::<()>().await;
    }))
    .await;
    let front = Front::before(blue).await;
    let mut client = front.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is in flight", || front.requests(Colour::Blue) == 1).await;
    drop(client);
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
}

/// Counts what arrives by its id.
fn counting(seen: &Arc<Mutex<HashMap<String, usize>>>) -> axum::Router {
    let seen = Arc::clone(seen);
    axum::Router::new()
        .route("/", get(|| async { "ok" }))
        .route(
            "/",
            post(move |id: String| async move {
                *seen.lock().unwrap().entry(id).or_default() += 1;
                "kept"
            }),
        )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_under_load_lose_no_request_and_double_none() {
    let seen = Arc::default();
    let blue = backend(counting(&seen)).await;
    let green = backend(counting(&seen)).await;
    let front = Front::start(GateConfig::new(blue, green)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let (stop, at) = (Arc::clone(&stop), front.at);
            tokio::spawn(async move {
                let mut client = Raw::connect(at).await;
                let mut sent = Vec::new();
                while !stop.load(SeqCst) {
                    if number % 2 == 0 {
                        client = Raw::connect(at).await;
                    }
                    assert_eq!(client.get("/").await.body, "ok");
                    let id = format!("{number}-{}", sent.len());
                    assert_eq!(client.post("/", &id).await.body, "kept");
                    sent.push(id);
                }
                sent
            })
        })
        .collect();
    for swap in 0..50 {
        let old = front.gate.live();
        let answered = front.gate.stats().colour(old).answers();
        until("the live colour answers some", || {
            front.gate.stats().colour(old).answers() > answered + 5
        })
        .await;
        front.gate.swap(old.other());
        assert!(
            front.gate.wait_idle(old, PATIENCE).await,
            "swap {swap} never drained"
        );
        front.gate.forget_connections(old);
    }
    stop.store(true, SeqCst);
    let mut sent = 0;
    for client in clients {
        for id in client.await.unwrap() {
            sent += 1;
            assert_eq!(seen.lock().unwrap().get(&id), Some(&1), "{id}");
        }
    }
    assert_eq!(seen.lock().unwrap().len(), sent);
    let stats = front.gate.stats();
    assert_eq!((stats.bad_gateway, stats.unavailable), (0, 0));
}

/// Whoever is let in while a colour is being drained must be seen by the one who waits for it. The mark of a
/// colour that is idle stands for the server that is stopped then.
#[test]
fn no_request_slips_in_between_a_swap_or_a_hold_and_the_wait_for_idleness() {
    let switch = Arc::new(Switch::new(Colour::Blue));
    let stopped = Arc::new([AtomicBool::new(false), AtomicBool::new(true)]);
    let wrong = Arc::new(AtomicUsize::new(0));
    let entered = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (switch, stopped, wrong, entered, over) = (
                Arc::clone(&switch),
                Arc::clone(&stopped),
                Arc::clone(&wrong),
                Arc::clone(&entered),
                Arc::clone(&over),
            );
            std::thread::spawn(move || {
                while !over.load(SeqCst) {
                    if let Entry::Go(in_flight) = switch.enter() {
                        entered.fetch_add(1, SeqCst);
                        if stopped[in_flight.colour() as usize].load(SeqCst) {
                            wrong.fetch_add(1, SeqCst);
                        }
                    }
                }
            })
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    for round in 0..2_000 {
        let old = switch.live();
        stopped[old.other() as usize].store(false, SeqCst);
        if round % 3 == 0 {
            switch.hold();
            assert!(runtime.block_on(switch.wait_idle(old, PATIENCE)));
            stopped[old as usize].store(true, SeqCst);
            switch.swap(old.other());
            switch.release();
        } else {
            switch.swap(old.other());
            assert!(runtime.block_on(switch.wait_idle(old, PATIENCE)));
            stopped[old as usize].store(true, SeqCst);
        }
        let before = entered.load(SeqCst);
        while entered.load(SeqCst) == before {
            std::thread::yield_now();
        }
    }
    over.store(true, SeqCst);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(wrong.load(SeqCst), 0);
    assert_eq!(switch.in_flight(Colour::Blue), (0, 0));
    assert_eq!(switch.in_flight(Colour::Green), (0, 0));
}
