//! WebSockets, offers of other protocols and event streams: carried as they come or left out, counted, and told to go.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::*;

/// A WebSocket server that sends back what it gets, and says in the end why it ended.
async fn websocket_echo() -> (
    SocketAddr,
    tokio::sync::mpsc::UnboundedReceiver<Option<u16>>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (ended, ends) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let ended = ended.clone();
            tokio::spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                let mut code = None;
                while let Some(Ok(frame)) = socket.next().await {
                    match frame {
                        Frame::Close(close) => code = close.map(|close| close.code.into()),
                        Frame::Text(_) | Frame::Binary(_) => socket.send(frame).await.unwrap(),
                        _ => {}
                    }
                }
                ended.send(code).unwrap();
            });
        }
    });
    (at, ends)
}

async fn connect_websocket(
    front: &Front,
) -> (WebSocketStream<MaybeTlsStream<TcpStream>>, Response) {
    let url = format!("ws://{}/live", front.at);
    soon(tokio_tungstenite::connect_async(url)).await.unwrap()
}

#[tokio::test]
async fn a_websocket_stays_with_its_colour_and_is_told_to_go_between_two_frames() {
    let (blue, mut ends) = websocket_echo().await;
    let front = Front::start(GateConfig::new(blue, saying("green").await)).await;
    let (mut socket, response) = connect_websocket(&front).await;
    assert_eq!(response.headers()["connection"], "upgrade");
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert_eq!(
        (front.requests(Colour::Blue), front.streams(Colour::Blue)),
        (0, 1)
    );
    front.gate.swap(Colour::Green);
    let long = "x".repeat(100_000);
    for text in ["one", long.as_str()] {
        socket.send(Frame::text(text)).await.unwrap();
        assert_eq!(
            soon(socket.next()).await.unwrap().unwrap(),
            Frame::text(text)
        );
    }
    assert!(
        !front
            .gate
            .wait_idle(Colour::Blue, Duration::from_millis(10))
            .await
    );
    // The other colour's streams are not meant.
    front.gate.end_streams(Colour::Green);
    socket.send(Frame::text("still here")).await.unwrap();
    assert_eq!(
        soon(socket.next()).await.unwrap().unwrap(),
        Frame::text("still here")
    );
    front.gate.end_streams(Colour::Blue);
    match soon(socket.next()).await.unwrap().unwrap() {
        Frame::Close(Some(close)) => assert_eq!(close.code, CloseCode::Away),
        other => panic!("{other:?} in place of the goodbye"),
    }
    while let Some(Ok(_)) = soon(socket.next()).await {}
    drop(socket);
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
    // The colour saw an orderly end: the client's answer to the gate's close.
    assert_eq!(soon(ends.recv()).await.unwrap(), Some(1001));
}

#[tokio::test]
async fn a_websocket_client_that_vanishes_is_no_longer_counted_and_its_colour_knows() {
    let (blue, mut ends) = websocket_echo().await;
    let front = Front::before(blue).await;
    let (socket, _) = connect_websocket(&front).await;
    assert_eq!(front.streams(Colour::Blue), 1);
    drop(socket);
    assert_eq!(soon(ends.recv()).await.unwrap(), None);
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
}

#[tokio::test]
async fn an_offer_of_any_other_protocol_stays_at_the_gate() {
    let showing =
        answering_with(|request| request.field("upgrade") + &request.field("connection")).await;
    let front = Front::before(showing).await;
    for protocol in ["h2c", "tcp", "TLS/1.0", "xwebsocket", "websocket/13, h2c"] {
        let mut client = front
            .client_that_sent(format!(
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n"
            ))
            .await;
        let answer = client.message().await.unwrap();
        assert_eq!(
            (answer.status(), answer.body.as_str()),
            (200, ""),
            "{protocol}"
        );
        // What follows is the next request, and no tunnel.
        assert_eq!(client.get("/").await.status(), 200);
    }
    assert_eq!(front.streams(Colour::Blue), 0);
}

#[tokio::test]
async fn an_upgrade_that_is_declined_is_an_ordinary_response() {
    let front = Front::before(answering_once(
        "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno",
    ).await).await;
    let mut client = front
        .client_that_sent(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        )
        .await;
    let answer = client.message().await.unwrap();
    assert_eq!((answer.status(), answer.body.as_str()), (426, "no"));
    assert_eq!(answer.field("upgrade"), "websocket");
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
}

#[tokio::test]
async fn switching_protocols_without_being_asked_is_a_502() {
    let front = Front::before(
        answering_once(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        )
        .await,
    )
    .await;
    let answer = front.client().await.get("/").await;
    assert_eq!(answer.status(), 502);
    assert!(
        answer.body.contains("nobody asked for another protocol"),
        "{answer:?}"
    );
}

type Events = tokio::sync::mpsc::UnboundedSender<&'static str>;

/// An event stream with these fields in its head, whose events the test sends itself.
async fn event_stream(fields: &'static str) -> (SocketAddr, Events) {
    let (send, events) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
    let events = Arc::new(tokio::sync::Mutex::new(events));
    let (at, _) = raw_backend(move |mut connection, _| {
        let events = Arc::clone(&events);
        async move {
            connection.head().await?;
            connection
                .send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n{fields}\r\n"))
                .await;
            while let Some(event) = events.lock().await.recv().await {
                connection
                    .stream
                    .write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
                    .await?;
            }
            Ok(())
        }
    })
    .await;
    (at, send)
}

/// The same behind a gate, with a client that has its head.
async fn open_event_stream(fields: &'static str) -> (Front, Raw, Events) {
    let (blue, events) = event_stream(fields).await;
    let front = Front::before(blue).await;
    let mut client = front
        .client_that_sent("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    client.head().await.unwrap();
    (front, client, events)
}

async fn assert_stream_ends(front: &Front, client: &mut Raw) {
    front.gate.end_streams(Colour::Blue);
    assert_eq!(client.chunk().await.unwrap(), None);
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
}

#[tokio::test]
async fn events_arrive_one_by_one_and_the_stream_ends_after_a_whole_one_when_told() {
    let (blue, events) = event_stream("").await;
    let front = Front::start(GateConfig::new(blue, saying("green").await)).await;
    let mut client = front
        .client_that_sent("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let head = client.head().await.unwrap();
    assert_eq!(
        head.field("content-type"),
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(
        (front.requests(Colour::Blue), front.streams(Colour::Blue)),
        (0, 1)
    );
    // Each is read before the next is sent, so nothing gathers them.
    for event in ["data: 1\n\n", "data: 2\r\n\r\n", "data: half"] {
        events.send(event).unwrap();
        assert_eq!(client.chunk().await.unwrap().unwrap(), event);
    }
    front.gate.swap(Colour::Green);
    front.gate.end_streams(Colour::Blue);
    assert!(
        !front
            .gate
            .wait_idle(Colour::Blue, Duration::from_millis(20))
            .await
    );
    events.send(" an event\n\n").unwrap();
    assert_eq!(client.chunk().await.unwrap().unwrap(), " an event\n\n");
    assert_eq!(client.chunk().await.unwrap(), None);
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
    // Reconnecting on the same connection reaches the other colour.
    assert_eq!(client.get("/events").await.body, "green");
}

#[tokio::test]
async fn an_idle_event_stream_ends_at_once_when_told() {
    let (front, mut client, _events) = open_event_stream("").await;
    assert_stream_ends(&front, &mut client).await;
}

#[tokio::test]
async fn a_stream_that_was_still_being_opened_when_streams_were_told_to_go_goes_too() {
    let go = Arc::new(tokio::sync::Notify::new());
    let waits = Arc::clone(&go);
    let (at, _) = raw_backend(move |mut connection, _| {
        let waits = Arc::clone(&waits);
        async move {
            connection.head().await?;
            waits.notified().await;
            connection
                .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                .await;
            connection.rest().await;
            Ok(())
        }
    })
    .await;
    let front = Front::before(at).await;
    let mut client = front
        .client_that_sent("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    until("it is in flight", || front.requests(Colour::Blue) == 1).await;
    front.gate.end_streams(Colour::Blue);
    go.notify_one();
    client.head().await.unwrap();
    assert_eq!(client.chunk().await.unwrap(), None);
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
}

#[tokio::test]
async fn lines_that_end_with_cr_alone_end_events_too() {
    let (front, mut client, events) = open_event_stream("").await;
    events.send("data: 1\r\r").unwrap();
    assert_eq!(client.chunk().await.unwrap().unwrap(), "data: 1\r\r");
    assert_stream_ends(&front, &mut client).await;
}

#[tokio::test]
async fn a_compressed_event_stream_ends_when_told_though_its_events_cannot_be_seen() {
    let (front, mut client, events) = open_event_stream("Content-Encoding: gzip\r\n").await;
    events.send("not text").unwrap();
    assert_eq!(client.chunk().await.unwrap().unwrap(), "not text");
    assert_stream_ends(&front, &mut client).await;
}

#[tokio::test]
async fn an_event_that_never_ends_keeps_its_stream_for_a_bounded_time() {
    let (front, mut client, events) = open_event_stream("").await;
    events.send(": a heartbeat\n").unwrap();
    assert_eq!(client.chunk().await.unwrap().unwrap(), ": a heartbeat\n");
    assert_stream_ends(&front, &mut client).await;
}

#[tokio::test]
async fn an_event_stream_whose_client_vanishes_is_no_longer_counted() {
    let (front, client, _events) = open_event_stream("").await;
    assert_eq!(front.streams(Colour::Blue), 1);
    drop(client);
    // The app sends nothing meanwhile, so no write could show it.
    assert!(front.gate.wait_idle(Colour::Blue, PATIENCE).await);
}
