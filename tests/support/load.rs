//! A household under load: clients that keep their connection and clients that open a new one each time, pages
//! and changes and uploads, a WebSocket and an event stream. Every answer is counted, every change that was
//! answered is remembered, and no client ever sends a request twice.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt, stream};
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::{PATIENCE, until};

const PAGES: [&str; 6] = [
    "/",
    "/medicine",
    "/chores",
    "/shopping",
    "/api/state",
    "/manifest.webmanifest",
];
/// The pause after each turn of a client: the machine that runs the tests has other things to do as well.
const PAUSE: Duration = Duration::from_millis(10);
/// An upload comes in so many pieces, one each `UPLOAD_PAUSE`.
const UPLOAD_PIECES: u8 = 12;
const UPLOAD_PAUSE: Duration = Duration::from_millis(20);

/// Who is at home.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// Clients that keep their connection.
    pub keep_alive: usize,
    /// Clients that open a new connection for each request.
    pub new_connections: usize,
    /// Clients that upload, piece by piece.
    pub uploads: usize,
    /// WebSockets, and as many event streams.
    pub streams: usize,
}

impl Mix {
    /// Some of everything.
    pub const EVERYTHING: Mix = Mix {
        keep_alive: 3,
        new_connections: 2,
        uploads: 1,
        streams: 1,
    };
    /// Requests alone.
    pub const REQUESTS: Mix = Mix {
        keep_alive: 2,
        new_connections: 1,
        uploads: 0,
        streams: 0,
    };
}

/// A request that failed.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Whose it was.
    pub client: String,
    /// When it was begun.
    pub began: Instant,
    /// When it had failed.
    pub ended: Instant,
    /// What went wrong.
    pub what: String,
}

/// From when until when something was being killed.
pub type Killed = (Instant, Instant);

/// A change that was answered with 200 or 303.
#[derive(Debug, Clone)]
pub struct Written {
    /// Its text in the database, used for no other.
    pub id: String,
    /// Whether it carried a request id, by which the app knows it again.
    pub keyed: bool,
    /// Which colour answered.
    pub colour: String,
}

/// What the clients saw.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// What the texts of all its changes begin with, and nobody else's.
    pub run: String,
    /// Requests that were begun, the opening ones of streams included.
    pub requests: u64,
    /// Requests that were answered as they should be, by the release that answered.
    pub answered: BTreeMap<String, u64>,
    /// The others.
    pub failures: Vec<Failed>,
    /// Changes that were answered.
    pub written: Vec<Written>,
    /// Changes that may have been made or not: they were begun, and not answered.
    pub unsure: BTreeSet<String>,
    /// Uploads whose every byte arrived.
    pub uploads: u64,
    /// Messages over the WebSocket.
    pub messages: u64,
    /// Events over the event stream.
    pub events: u64,
    /// Streams that were told to go, and came again.
    pub told_to_go: u64,
    /// Streams that ended without a word.
    pub cut: u64,
}

impl Tally {
    /// Not a single request failed, and no stream was cut.
    #[track_caller]
    pub fn nothing_failed(&self) {
        let first: Vec<_> = self
            .failures
            .iter()
            .take(10)
            .map(|failed| &failed.what)
            .collect();
        assert!(
            self.failures.is_empty(),
            "{} of {} requests failed: {first:#?}",
            self.failures.len(),
            self.requests
        );
        assert!(self.unsure.is_empty());
        assert_eq!(self.cut, 0, "streams were cut without a word");
    }

    /// Every change that was answered is in the database exactly once, and what was not answered at most once.
    #[track_caller]
    pub fn is_in_exactly_once(&self, database: &Path) {
        let counts = doses(database);
        for written in &self.written {
            assert_eq!(counts.get(&written.id).copied(), Some(1), "{written:?}");
        }
        let answered: BTreeSet<&String> = self.written.iter().map(|written| &written.id).collect();
        for (id, count) in counts
            .iter()
            .filter(|(id, _)| id.starts_with(&self.run) && !answered.contains(id))
        {
            assert!(
                self.unsure.contains(id),
                "nobody asked for {id}, and it is there {count} times"
            );
            assert_eq!(*count, 1, "{id}");
        }
        let keyed: BTreeSet<String> = self
            .written
            .iter()
            .filter(|w| w.keyed)
            .map(|w| w.id.clone())
            .collect();
        let noted = entries(database);
        assert_eq!(
            keyed.difference(&noted).count(),
            0,
            "changes without their note"
        );
    }

    /// What failed are changes that were under way when what was live was killed, and no client lost more than one to
    /// each death: whoever lost one looks at a page next, which nobody answers before the app is back.
    #[track_caller]
    pub fn lost_only_what_was_in_hand(&self, killed: &[Killed]) {
        let mut met = BTreeSet::new();
        for failed in &self.failures {
            assert!(
                failed.what.starts_with("POST "),
                "what only reads is asked again: {failed:#?}"
            );
            let mut deaths = (0..killed.len())
                .filter(|&death| {
                    let (from, until) = killed[death];
                    failed.began <= until && from <= failed.ended
                })
                .peekable();
            assert!(
                deaths.peek().is_some(),
                "failed for another reason: {failed:#?}"
            );
            let is_first = deaths.any(|death| met.insert((&failed.client, death)));
            assert!(is_first, "one death cost a client twice: {failed:#?}");
        }
    }

    /// Each of these releases answered many requests.
    #[track_caller]
    pub fn was_answered_by(&self, releases: &[&str]) {
        for release in releases {
            let count = self.answered.get(*release).copied().unwrap_or_default();
            assert!(
                count >= 10,
                "{release} answered {count} requests: {:?}",
                self.answered
            );
        }
    }
}

/// What the load wrote, by its text, with how often it is there.
pub fn doses(database: &Path) -> BTreeMap<String, i64> {
    let connection = rusqlite::Connection::open(database).unwrap();
    let mut rows = connection
        .prepare("SELECT amount, count(*) FROM doses WHERE amount LIKE 'load-%' GROUP BY amount")
        .unwrap();
    let rows = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

fn entries(database: &Path) -> BTreeSet<String> {
    let connection = rusqlite::Connection::open(database).unwrap();
    let mut rows = connection
        .prepare("SELECT request_id FROM entries")
        .unwrap();
    let rows = rows.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Clients at work.
pub struct Load {
    tally: Arc<Mutex<Tally>>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Load {
    /// Lets them begin.
    pub fn begin(address: SocketAddr, mix: Mix) -> Load {
        let mut random = [0_u8; 4];
        getrandom::fill(&mut random).unwrap();
        let run = format!("load-{:08x}-", u32::from_ne_bytes(random));
        let tally = Arc::new(Mutex::new(Tally {
            run: run.clone(),
            ..Tally::default()
        }));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let client = |name: String, keeps: bool| Client {
            name: format!("{run}{name}"),
            browser: Browser {
                address,
                sender: None,
            },
            keeps,
            tally: tally.clone(),
        };
        for number in 0..mix.keep_alive + mix.new_connections {
            let client = client(number.to_string(), number < mix.keep_alive);
            tasks.spawn(client.live(stop.clone()));
        }
        for number in 0..mix.uploads {
            tasks.spawn(upload(
                client(format!("upload-{number}"), true),
                stop.clone(),
            ));
        }
        for _ in 0..mix.streams {
            tasks.spawn(websocket(address, tally.clone(), stop.clone()));
            tasks.spawn(events(address, tally.clone(), stop.clone()));
        }
        Load { tally, stop, tasks }
    }

    /// What they saw so far.
    pub fn so_far(&self) -> Tally {
        self.tally.lock().unwrap().clone()
    }

    /// Waits until so many more requests were answered.
    #[track_caller]
    pub fn until_answered(&self, more: u64) -> impl Future<Output = ()> {
        let count = |tally: &Tally| tally.answered.values().sum::<u64>();
        let tally = self.tally.clone();
        let enough = count(&tally.lock().unwrap()) + more;
        until(
            format!("{more} more requests are answered"),
            async move || {
                let tally = tally.lock().unwrap();
                let is_enough = count(&tally) >= enough;
                let last = || tally.failures.iter().rev().take(5).cloned();
                is_enough
                    .then_some(())
                    .ok_or_else(|| last().collect::<Vec<_>>())
            },
        )
    }

    /// Lets each client finish its request, and says what they saw.
    pub async fn stop(mut self) -> Tally {
        self.stop.cancel();
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.unwrap();
            }
        };
        timeout(PATIENCE, all).await.expect("a client does not end");
        self.so_far()
    }
}

struct Client {
    name: String,
    browser: Browser,
    keeps: bool,
    tally: Arc<Mutex<Tally>>,
}

impl Client {
    async fn live(mut self, stop: CancellationToken) {
        let mut turn = 0;
        while !stop.is_cancelled() {
            self.change(turn).await;
            self.look(PAGES[turn % PAGES.len()]).await;
            turn += 1;
            sleep(PAUSE).await;
        }
    }

    /// Takes a dose whose amount is a text of its own. Every other one has no request id: the app can't know it
    /// again, so that one which is carried to it twice is there twice.
    async fn change(&mut self, turn: usize) {
        let id = format!("{}-{turn}", self.name);
        let keyed = turn.is_multiple_of(2);
        let as_json = turn % 4 < 2;
        let mut fields = json!({ "person": 1, "medicine": 1, "amount": id });
        if keyed {
            fields["request_id"] = id.clone().into();
        }
        let form = || {
            let pairs = fields.as_object().unwrap().iter();
            let pairs =
                pairs.map(|(key, value)| format!("{key}={}", value.to_string().trim_matches('"')));
            pairs.collect::<Vec<_>>().join("&")
        };
        let (kind, accept, body, expected) = if as_json {
            (
                "application/json",
                "application/json",
                fields.to_string(),
                StatusCode::OK,
            )
        } else {
            (
                "application/x-www-form-urlencoded",
                "text/html",
                form(),
                StatusCode::SEE_OTHER,
            )
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri("/doses")
            .header(CONTENT_TYPE, kind);
        let request = request.header(ACCEPT, accept).body(full(body)).unwrap();
        let began = Instant::now();
        let answer = self.browser.ask(request).await;
        let mut tally = self.tally.lock().unwrap();
        match tally.judge(&self.name, "POST /doses", expected, began, answer) {
            Some(answer) => {
                let colour = answer.header("tealkeep-colour");
                tally.written.push(Written { id, keyed, colour });
            }
            None => drop(tally.unsure.insert(id)),
        }
        drop(tally);
        self.rest();
    }

    async fn look(&mut self, path: &str) {
        let request = Request::builder()
            .uri(path)
            .body(full(String::new()))
            .unwrap();
        let began = Instant::now();
        let answer = self.browser.ask(request).await;
        self.tally
            .lock()
            .unwrap()
            .judge(&self.name, path, StatusCode::OK, began, answer);
        self.rest();
    }

    fn rest(&mut self) {
        if !self.keeps {
            self.browser.sender = None;
        }
    }
}

impl Tally {
    fn judge(
        &mut self,
        client: &str,
        what: &str,
        expected: StatusCode,
        began: Instant,
        answer: Result<Answer, String>,
    ) -> Option<Answer> {
        self.requests += 1;
        let wrong = match answer {
            Ok(answer) if answer.status == expected => {
                *self
                    .answered
                    .entry(answer.header("tealkeep-release"))
                    .or_default() += 1;
                return Some(answer);
            }
            Ok(answer) => format!(
                "{}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            ),
            Err(error) => error,
        };
        self.failed(client, began, format!("{what}: {wrong}"));
        None
    }

    fn failed(&mut self, client: &str, began: Instant, what: String) {
        self.failures.push(Failed {
            client: client.to_owned(),
            began,
            ended: Instant::now(),
            what,
        });
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

fn full(text: String) -> Body {
    Full::new(Bytes::from(text)).boxed_unsync()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> String {
        self.headers
            .get(name)
            .map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    }
}

/// One connection at a time. It never sends a request again: whatever the gate does to a connection shows.
struct Browser {
    address: SocketAddr,
    sender: Option<SendRequest<Body>>,
}

impl Browser {
    async fn ask(&mut self, request: Request<Body>) -> Result<Answer, String> {
        let asked = timeout(PATIENCE, self.exchange(request)).await;
        asked.unwrap_or_else(|_| Err("no answer".to_owned()))
    }

    async fn exchange(&mut self, mut request: Request<Body>) -> Result<Answer, String> {
        request
            .headers_mut()
            .insert(HOST, self.address.to_string().parse().unwrap());
        let mut sender = self
            .connection()
            .await
            .map_err(|e| format!("not connected: {e}"))?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|e| format!("no answer: {e:?}"))?;
        let (head, body) = answer.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|e| format!("{} broke off: {e:?}", head.status))?
            .to_bytes();
        self.sender = Some(sender);
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    /// The open connection; a new one where the last answer said that it would be closed.
    async fn connection(&mut self) -> Result<SendRequest<Body>, String> {
        if let Some(mut open) = self.sender.take()
            && open.ready().await.is_ok()
        {
            return Ok(open);
        }
        let stream = TcpStream::connect(self.address)
            .await
            .map_err(|e| e.to_string())?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| e.to_string())?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Uploads again and again; looks at a page where one failed.
async fn upload(mut client: Client, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pieces: Vec<Bytes> = (0..UPLOAD_PIECES)
            .map(|n| Bytes::from(vec![n; 8 * 1024]))
            .collect();
        let sha256 = pieces
            .iter()
            .fold(Sha256::new(), |hash, piece| hash.chain_update(piece))
            .finalize();
        let sha256: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let body = stream::iter(pieces).then(|piece| async move {
            sleep(UPLOAD_PAUSE).await;
            Ok(Frame::data(piece))
        });
        let body = StreamBody::new(body).boxed_unsync();
        let request = Request::builder()
            .method(Method::POST)
            .uri("/upload")
            .body(body)
            .unwrap();
        let began = Instant::now();
        let answer = client.browser.ask(request).await;
        let answer = client.tally.lock().unwrap().judge(
            &client.name,
            "POST /upload",
            StatusCode::OK,
            began,
            answer,
        );
        let Some(answer) = answer else {
            client.look(PAGES[0]).await;
            continue;
        };
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        let mut tally = client.tally.lock().unwrap();
        if said["sha256"] == sha256.as_str() {
            tally.uploads += 1;
        } else {
            let what = format!("an upload arrived as something else: {said}");
            tally.failed(&client.name, began, what);
        }
    }
}

/// Opens it again whenever it is told to go.
async fn websocket(address: SocketAddr, tally: Arc<Mutex<Tally>>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let began = Instant::now();
        let opened = timeout(
            PATIENCE,
            tokio_tungstenite::connect_async(format!("ws://{address}/ws")),
        )
        .await;
        let opened = opened
            .map_err(|_| "no answer".to_owned())
            .and_then(|opened| opened.map_err(|e| e.to_string()));
        tally.lock().unwrap().requests += 1;
        let mut socket = match opened {
            Ok((socket, _)) => socket,
            Err(error) => {
                tally
                    .lock()
                    .unwrap()
                    .failed("websocket", began, format!("GET /ws: {error}"));
                sleep(PAUSE).await;
                continue;
            }
        };
        let mut chat = tokio::time::interval(Duration::from_millis(50));
        loop {
            let message = tokio::select! {
                () = stop.cancelled() => {
                    // It is at its end, whether this arrives or not.
                    let _ = socket.close(None).await;
                    return;
                }
                _ = chat.tick() => {
                    // A send that fails is followed by the end, which is counted there.
                    let _ = socket.send(Message::text("anybody there?")).await;
                    continue;
                }
                message = socket.next() => message,
            };
            let mut tally = tally.lock().unwrap();
            match message {
                Some(Ok(Message::Close(_))) => {
                    tally.told_to_go += 1;
                    break;
                }
                Some(Ok(_)) => tally.messages += 1,
                Some(Err(_)) | None => {
                    tally.cut += 1;
                    break;
                }
            }
        }
        // The answer to the goodbye goes out with the next step; what comes of it is not waited for long.
        let _ = timeout(Duration::from_secs(1), async {
            while let Some(Ok(_)) = socket.next().await {}
        })
        .await;
    }
}

/// Opens it again whenever it ends.
async fn events(address: SocketAddr, tally: Arc<Mutex<Tally>>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let began = Instant::now();
        let mut browser = Browser {
            address,
            sender: None,
        };
        let request = Request::builder()
            .uri("/events")
            .header(ACCEPT, "text/event-stream")
            .header(HOST, address.to_string())
            .body(full(String::new()));
        let opened = async {
            let mut sender = browser.connection().await?;
            let answer = sender
                .send_request(request.unwrap())
                .await
                .map_err(|e| format!("{e:?}"))?;
            Ok::<_, String>((sender, answer))
        };
        let opened = timeout(PATIENCE, opened)
            .await
            .unwrap_or_else(|_| Err("no answer".to_owned()));
        tally.lock().unwrap().requests += 1;
        let (_sender, mut body) = match opened {
            Ok((sender, answer)) if answer.status() == StatusCode::OK => {
                (sender, answer.into_body())
            }
            Ok((_, answer)) => {
                tally.lock().unwrap().failed(
                    "events",
                    began,
                    format!("GET /events: {}", answer.status()),
                );
                sleep(PAUSE).await;
                continue;
            }
            Err(error) => {
                tally
                    .lock()
                    .unwrap()
                    .failed("events", began, format!("GET /events: {error}"));
                sleep(PAUSE).await;
                continue;
            }
        };
        loop {
            let frame = tokio::select! {
                () = stop.cancelled() => return,
                frame = body.frame() => frame,
            };
            let mut tally = tally.lock().unwrap();
            match frame {
                Some(Ok(_)) => tally.events += 1,
                Some(Err(_)) => {
                    tally.cut += 1;
                    break;
                }
                None => {
                    tally.told_to_go += 1;
                    break;
                }
            }
        }
    }
}
