//! An app whose every byte the table decides. It understands what it is asked well enough to know where a request
//! ends, and keeps what it saw.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::wire::{Fields, chunked, exactly, parse, until};

/// Asked for after each exchange, to see whether the connection still serves.
pub const AGAIN: &str = "/again";
/// What routers ask by themselves.
pub const HEALTH: &str = "/healthz";

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub line: String,
    pub fields: Fields,
    pub body: String,
}

impl Seen {
    /// The values of a field, `|` between them.
    pub fn field(&self, name: &str) -> String {
        let values: Vec<&str> = self
            .fields
            .iter()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        values.join("|")
    }
}

#[derive(Debug, Default)]
struct State {
    answer: Vec<u8>,
    closes: bool,
    seen: Vec<Seen>,
    asked: Vec<Seen>,
}

/// One app on a port of its own, until it is dropped.
pub struct App {
    pub at: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: tokio::task::JoinHandle<()>,
}

impl App {
    pub async fn start() -> App {
        App::start_at(0).await
    }

    /// On a port that is given away already.
    pub async fn start_at(port: u16) -> App {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&shared);
                // A proxy that breaks off is part of the table.
                tokio::spawn(async move { serve(stream, &shared).await });
            }
        });
        App { at, state, serving }
    }

    /// What it answers from now on; what it saw is forgotten.
    pub fn will_answer(&self, answer: &[u8], closes: bool) {
        let mut state = self.state.lock().unwrap();
        *state = State {
            answer: answer.to_vec(),
            closes,
            ..State::default()
        };
    }

    /// What it was asked by people, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// What it was asked by anybody, routers included.
    pub fn asked(&self) -> Vec<Seen> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut unread = Vec::new();
    loop {
        let head = until(&mut stream, &mut unread, b"\r\n\r\n").await?;
        let (line, fields) = parse(&head);
        let mut seen = Seen {
            line,
            fields,
            body: String::new(),
        };
        if !seen.field("expect").is_empty() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let body = body(&mut stream, &mut unread, &seen).await?;
        seen.body = String::from_utf8_lossy(&body).into_owned();
        state.lock().unwrap().asked.push(seen.clone());
        let path = seen.line.split(' ').nth(1).unwrap_or_default();
        if path == AGAIN || path == HEALTH {
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain";
            stream.write_all(answer.as_bytes()).await?;
            continue;
        }
        let (answer, closes) = {
            let mut state = state.lock().unwrap();
            state.seen.push(seen);
            (state.answer.clone(), state.closes)
        };
        stream.write_all(&answer).await?;
        if closes {
            return stream.shutdown().await;
        }
        if answer.starts_with(b"HTTP/1.1 101") {
            let mut buffer = [0; 1024];
            loop {
                match stream.read(&mut buffer).await? {
                    0 => return Ok(()),
                    read => stream.write_all(&buffer[..read]).await?,
                }
            }
        }
    }
}

async fn body(stream: &mut TcpStream, unread: &mut Vec<u8>, seen: &Seen) -> io::Result<Vec<u8>> {
    if seen
        .field("transfer-encoding")
        .eq_ignore_ascii_case("chunked")
    {
        let mut body = Vec::new();
        chunked(stream, unread, &mut body).await?;
        return Ok(body);
    }
    match seen.field("content-length").parse() {
        Ok(length) => exactly(stream, unread, length).await,
        Err(_) => Ok(Vec::new()),
    }
}
