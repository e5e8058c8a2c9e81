//! The processes that `tests/bench/swap` starts: a trivial backend, the library's real gate in front of two of
//! them, the library's real `caddy` router for a Caddy in front of them, and a load that counts every single request that is not answered whole.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use tealkeep::config::{Config, RouterConfig, RuntimeConfig};
use tealkeep::names::Colour;
use tealkeep::router::Router;
use tealkeep::router::caddy::{CaddyRouter, Requests, caddyfile};
use tealkeep::router::gate::{Gate, GateConfig};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A part of the benchmark; started by `tests/bench/swap`.
#[derive(Parser)]
enum Part {
    /// Answers every request with the same few bytes.
    Backend { listen: SocketAddr },
    /// The gate. Each line on its standard input is a swap, answered by a line once the old colour is idle.
    Gate {
        listen: SocketAddr,
        blue: SocketAddr,
        green: SocketAddr,
        /// Worker threads; the gate's own choice when not given.
        #[arg(long)]
        workers: Option<usize>,
    },
    /// Writes an app's Caddyfile, and swaps by its markers as `Gate` does.
    Markers {
        /// A configuration of one app with the `caddy` router.
        config: PathBuf,
        /// Where the Caddyfile goes.
        caddyfile: PathBuf,
    },
    /// Sends requests and prints what became of them, as JSON.
    Load {
        to: SocketAddr,
        /// Clients that keep their connection.
        #[arg(long, default_value_t = 16)]
        keep_alive: u64,
        /// Clients that open one for every request.
        #[arg(long, default_value_t = 4)]
        fresh: u64,
        /// Ends after this many requests.
        #[arg(long, default_value_t = u64::MAX)]
        requests: u64,
        /// Ends after this many seconds.
        #[arg(long, default_value_t = 600)]
        seconds: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let part = Part::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    match part {
        Part::Backend { listen } => runtime.block_on(backend(listen)),
        Part::Gate {
            listen,
            blue,
            green,
            workers,
        } => runtime.block_on(gate(listen, blue, green, workers)),
        Part::Markers { config, caddyfile } => runtime.block_on(markers(&config, &caddyfile)),
        Part::Load {
            to,
            keep_alive,
            fresh,
            requests,
            seconds,
        } => runtime.block_on(load(to, keep_alive, fresh, requests, seconds)),
    }
}

async fn backend(listen: SocketAddr) -> anyhow::Result<()> {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\
        Cache-Control: no-cache\r\nContent-Length: 12\r\n\r\nHello, home\n";
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut unread = Vec::with_capacity(16 * 1024);
            loop {
                while let Some(length) = whole_message(&unread) {
                    unread.drain(..length);
                    if stream.write_all(ANSWER).await.is_err() {
                        return;
                    }
                }
                if !matches!(stream.read_buf(&mut unread).await, Ok(1..)) {
                    return;
                }
            }
        });
    }
}

/// How many bytes the first message has, once all of it is there; enough of HTTP for this benchmark's own clients.
fn whole_message(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let body = field(&bytes[..head], b"content-length:")
        .and_then(|value| value.parse::<usize>().ok())
        .unwrap_or(0);
    (bytes.len() >= head + body).then_some(head + body)
}

fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    head.split(|byte| *byte == b'\n')
        .find(|line| {
            line.get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        })
        .and_then(|line| std::str::from_utf8(&line[name.len()..]).ok())
        .map(str::trim)
}

async fn gate(
    listen: SocketAddr,
    blue: SocketAddr,
    green: SocketAddr,
    workers: Option<usize>,
) -> anyhow::Result<()> {
    let mut config = GateConfig::new(blue, green);
    if let Some(workers) = workers {
        config.workers = workers;
    }
    let gate = Gate::new(config, Colour::Blue);
    let listener = TcpListener::bind(listen).await?;
    let shutdown = CancellationToken::new();
    let swapping = Arc::clone(&gate);
    let stop = shutdown.clone();
    let handle = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        for _ in io::stdin().lock().lines().map_while(Result::ok) {
            let old = swapping.live();
            swapping.swap(old.other());
            let idle = handle.block_on(swapping.wait_idle(old, Duration::from_secs(10)));
            swapping.forget_connections(old);
            println!("{}", if idle { "idle" } else { "busy" });
        }
        stop.cancel();
    });
    gate.serve(listener, shutdown).await?;
    Ok(())
}

async fn markers(config: &Path, file: &Path) -> anyhow::Result<()> {
    let config = Config::load(config)?;
    let app = config.apps.first().context("there is an app")?;
    let (RouterConfig::Caddy(section), RuntimeConfig::Process(process)) =
        (&app.router, &app.runtime)
    else {
        anyhow::bail!("the app stands behind Caddy, and its runtime is `process`");
    };
    std::fs::write(file, caddyfile(app, &config.state))?;
    let addresses =
        Colour::BOTH.map(|colour| SocketAddr::from(([127, 0, 0, 1], process.port(colour))));
    let gate = Gate::new(GateConfig::new(addresses[0], addresses[1]), Colour::Blue);
    let folder = config.state.join("apps").join(app.name.as_str());
    let requests = section
        .count_requests
        .then(|| Requests::receive(section, &TaskTracker::new(), CancellationToken::new()));
    let router = CaddyRouter::new(gate, section.clone(), &folder, addresses, requests);
    router.begin(false).await?;
    println!("ready");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        let old = router.live().await?;
        router.swap(old.other()).await?;
        let idle = router
            .wait_for_requests(old, Duration::from_secs(10))
            .await?;
        println!("{}", if idle { "idle" } else { "busy" });
    }
    Ok(())
}

/// What became of the requests.
#[derive(Default)]
struct Outcome {
    begun: AtomicU64,
    answered: AtomicU64,
    posts: AtomicU64,
    lost: std::sync::Mutex<BTreeMap<String, u64>>,
    /// What each answered one took, in microseconds.
    took: std::sync::Mutex<Vec<u32>>,
    over: AtomicBool,
}

async fn load(
    to: SocketAddr,
    keep_alive: u64,
    fresh: u64,
    requests: u64,
    seconds: u64,
) -> anyhow::Result<()> {
    let outcome = Arc::new(Outcome::default());
    let began = Instant::now();
    let clients: Vec<_> = (0..keep_alive + fresh)
        .map(|number| {
            let outcome = Arc::clone(&outcome);
            let keeps = number < keep_alive;
            tokio::spawn(async move { client(to, keeps, requests, &outcome).await })
        })
        .collect();
    // The script ends a load by closing its standard input.
    let told = Arc::clone(&outcome);
    std::thread::spawn(move || {
        let _ = io::stdin().lock().lines().last();
        told.over.store(true, Relaxed);
    });
    let timed = Arc::clone(&outcome);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        timed.over.store(true, Relaxed);
    });
    for client in clients {
        client.await?;
    }
    let lost = outcome
        .lost
        .lock()
        .map_err(|_| anyhow::anyhow!("a client panicked"))?
        .clone();
    let mut took = outcome
        .took
        .lock()
        .map_err(|_| anyhow::anyhow!("a client panicked"))?
        .clone();
    took.sort_unstable();
    let within = |share: f64| {
        let place = (took.len() as f64 * share) as usize;
        f64::from(took.get(place).or(took.last()).copied().unwrap_or(0)) / 1000.0
    };
    let summary = serde_json::json!({
        "made": outcome.begun.load(Relaxed),
        "p50_ms": within(0.5),
        "p99_ms": within(0.99),
        "longest_ms": within(1.0),
        "answered": outcome.answered.load(Relaxed),
        "posts": outcome.posts.load(Relaxed),
        "lost": lost.values().sum::<u64>(),
        "how": lost,
        "seconds": began.elapsed().as_secs_f64(),
    });
    writeln!(io::stdout(), "{summary}")?;
    Ok(())
}

async fn client(to: SocketAddr, keeps: bool, requests: u64, outcome: &Outcome) {
    let mut connection = None;
    let mut took = Vec::new();
    while !outcome.over.load(Relaxed) {
        let number = outcome.begun.fetch_add(1, Relaxed);
        if number >= requests {
            break;
        }
        let began = Instant::now();
        // Every fourth has a body, and must not be sent twice by anybody.
        let is_post = number % 4 == 3;
        let reused = connection.is_some();
        let asked = tokio::time::timeout(
            Duration::from_secs(10),
            ask(to, &mut connection, is_post, keeps),
        );
        let why = match asked.await {
            Ok(Ok(())) => {
                took.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
                outcome.answered.fetch_add(1, Relaxed);
                outcome.posts.fetch_add(u64::from(is_post), Relaxed);
                continue;
            }
            Ok(Err(why)) => why,
            Err(_) => "no answer in 10 s".to_owned(),
        };
        connection = None;
        let kind = if reused { "kept" } else { "new" };
        if let Ok(mut lost) = outcome.lost.lock() {
            *lost.entry(format!("{kind} connection: {why}")).or_default() += 1;
        }
        // A proxy that is away for a moment is not to be charged with thousands.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if let Ok(mut all) = outcome.took.lock() {
        all.append(&mut took);
    }
}

async fn ask(
    to: SocketAddr,
    connection: &mut Option<TcpStream>,
    is_post: bool,
    keeps: bool,
) -> Result<(), String> {
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: home.example\r\n\r\n";
    const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: home.example\r\nContent-Length: 5\r\n\r\nchore";
    let mut stream = match connection.take() {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(to)
                .await
                .map_err(|e| format!("connect: {}", e.kind()))?;
            stream.set_nodelay(true).map_err(|e| e.to_string())?;
            stream
        }
    };
    stream
        .write_all(if is_post { POST } else { GET })
        .await
        .map_err(|e| format!("write: {}", e.kind()))?;
    let mut answer = Vec::with_capacity(512);
    while whole_message(&answer).is_none() {
        let read = stream.read_buf(&mut answer).await;
        match read.map_err(|e| format!("read: {}", e.kind()))? {
            0 if answer.is_empty() => return Err("closed before the answer".to_owned()),
            0 => return Err("closed within the answer".to_owned()),
            _ => {}
        }
    }
    let status = String::from_utf8_lossy(answer.get(9..12).unwrap_or_default()).into_owned();
    if status != "200" {
        return Err(format!("status {status}"));
    }
    // An announced end is no loss: the next request opens a new connection.
    let ends = field(&answer, b"connection:").is_some_and(|v| v.eq_ignore_ascii_case("close"));
    if keeps && !ends {
        *connection = Some(stream);
    }
    Ok(())
}
