//! The gate over real sockets: real servers behind it, clients in front of it that look at every byte.

mod carry;
mod counts;
mod hold;
mod letter;
mod limits;
mod retry;
mod streams;
mod swap;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Gate, GateConfig};
use tealkeep_words::names::Colour;

/// Far longer than anything here takes; only a test that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(30);

async fn soon<T>(doing: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, doing)
        .await
        .expect("it ends soon")
}

/// Waits until something that happens on another thread has happened.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(waited.await.is_ok(), "it never came to be that {what}");
}

/// A gate that carries requests until this is dropped.
struct Front {
    gate: Arc<Gate>,
    at: SocketAddr,
    shutdown: CancellationToken,
    serving: Option<tokio::task::JoinHandle<io::Result<()>>>,
    _stop: DropGuard,
}

impl Front {
    async fn start(config: GateConfig) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let gate = Gate::new(config, Colour::Blue);
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn({
            let (gate, shutdown) = (Arc::clone(&gate), shutdown.clone());
            async move { gate.serve(listener, shutdown).await }
        });
        Front {
            gate,
            at,
            serving: Some(serving),
            _stop: shutdown.clone().drop_guard(),
            shutdown,
        }
    }

    /// In front of one backend, which plays both colours.
    async fn before(backend: SocketAddr) -> Front {
        Front::start(GateConfig::new(backend, backend)).await
    }

    async fn client(&self) -> Raw {
        Raw::connect(self.at).await
    }

    /// A client that has sent these bytes.
    async fn client_that_sent(&self, bytes: impl AsRef<[u8]>) -> Raw {
        let mut client = self.client().await;
        client.send(bytes).await;
        client
    }

    fn requests(&self, colour: Colour) -> u64 {
        self.gate.in_flight(colour).requests
    }

    fn streams(&self, colour: Colour) -> u64 {
        self.gate.in_flight(colour).streams
    }
}

/// A real server on a port of its own.
async fn backend(app: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    at
}

/// A server that answers every request with this text.
async fn saying(text: &'static str) -> SocketAddr {
    backend(axum::Router::new().fallback(move || async move { text })).await
}

/// A server whose every byte the test decides; `serve` gets each connection with its number.
async fn raw_backend<F, R>(serve: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(Raw, usize) -> R + Send + 'static,
    R: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let number = counted.fetch_add(1, SeqCst);
            tokio::spawn(serve(Raw::new(stream), number));
        }
    });
    (at, connections)
}

/// A server that answers the first request of each connection with these bytes, and reads on to the end.
async fn answering_once(bytes: &'static str) -> SocketAddr {
    let (at, _) = raw_backend(move |mut connection, _| async move {
        connection.head().await?;
        connection.send(bytes).await;
        connection.rest().await;
        Ok(())
    })
    .await;
    at
}

/// A server that reads and never answers.
async fn never_answering() -> SocketAddr {
    let (at, _) = raw_backend(|mut connection, _| async move {
        connection.rest().await;
        Ok(())
    })
    .await;
    at
}

/// A server that answers each request with what `body` makes of its head.
async fn answering_with(body: fn(&Message) -> String) -> SocketAddr {
    let (at, _) = raw_backend(move |mut connection, _| async move {
        loop {
            let body = body(&connection.head().await?);
            let length = body.len();
            connection
                .send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
                ))
                .await;
        }
    })
    .await;
    at
}

/// A port that nobody listens on.
async fn silent_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// One end of a connection, byte by byte.
struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// A message as it was on the wire.
#[derive(Debug)]
struct Message {
    head: String,
    body: String,
}

impl Message {
    fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    /// The values of a field, joined by `|`.
    fn field(&self, name: &str) -> String {
        let values: Vec<&str> = self
            .head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect();
        values.join("|")
    }
}

impl Raw {
    fn new(stream: TcpStream) -> Raw {
        stream.set_nodelay(true).unwrap();
        Raw {
            stream,
            unread: Vec::new(),
        }
    }

    async fn connect(at: SocketAddr) -> Raw {
        Raw::new(soon(TcpStream::connect(at)).await.unwrap())
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    async fn get(&mut self, path: &str) -> Message {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n"))
            .await;
        self.message().await.unwrap()
    }

    async fn post(&mut self, path: &str, body: &str) -> Message {
        self.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
        self.message().await.unwrap()
    }

    /// Reads on until `marker` was read, which it includes.
    async fn through(&mut self, marker: &str) -> io::Result<String> {
        loop {
            let found = self
                .unread
                .windows(marker.len())
                .position(|window| window == marker.as_bytes());
            if let Some(at) = found {
                let rest = self.unread.split_off(at + marker.len());
                let read = std::mem::replace(&mut self.unread, rest);
                return Ok(String::from_utf8(read).unwrap());
            }
            if soon(self.stream.read_buf(&mut self.unread)).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> io::Result<String> {
        while self.unread.len() < length {
            if soon(self.stream.read_buf(&mut self.unread)).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.unread.split_off(length);
        Ok(String::from_utf8(std::mem::replace(&mut self.unread, rest)).unwrap())
    }

    async fn head(&mut self) -> io::Result<Message> {
        Ok(Message {
            head: self.through("\r\n\r\n").await?,
            body: String::new(),
        })
    }

    /// A whole message: by its length, or by its chunks, or without a body.
    async fn message(&mut self) -> io::Result<Message> {
        let mut message = self.head().await?;
        if message
            .field("transfer-encoding")
            .eq_ignore_ascii_case("chunked")
        {
            while let Some(chunk) = self.chunk().await? {
                message.body += &chunk;
            }
        } else if let Ok(length) = message.field("content-length").parse() {
            message.body = self.exactly(length).await?;
        }
        Ok(message)
    }

    /// The next chunk, or the end (without trailers).
    async fn chunk(&mut self) -> io::Result<Option<String>> {
        let size = self.through("\r\n").await?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let chunk = self.exactly(size).await?;
        assert_eq!(self.exactly(2).await?, "\r\n");
        Ok((size > 0).then_some(chunk))
    }

    /// Everything until the other end closes, orderly or not.
    async fn rest(&mut self) -> String {
        // A reset is an end too.
        let _ = soon(self.stream.read_to_end(&mut self.unread)).await;
        String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned()
    }
}
