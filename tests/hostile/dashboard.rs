//! Strangers who would shut the owner out of the dashboard: by holding its connections, by guessing passwords, by
//! pretending to be somebody else. Real sockets; bounds that would only free something by and by are set to hours, so that
//! what is free is free because it was taken away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::Method;
use tealkeep::admission::Admission;
use tealkeep::clock::Clock;
use tealkeep::config::{self, Config};
use tealkeep::forwarded::TrustedProxies;
use tealkeep::house::{House, Judge};
use tealkeep::http::auth::{Auth, Pace, Paces};
use tealkeep::http::listen::{self, Bounds};
use tealkeep::http::{OPEN_BODY_LIMIT_BYTES, STREAMS, Server, routes};
use tealkeep::journal::{Journal, NewEvent, Severity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::support::visitor::{PASSWORD, Visitor};
use crate::support::{PATIENCE, free_port, until, until_it_listens};

const HOURS: Duration = Duration::from_secs(10 * 60 * 60);

/// A dashboard without apps, in this process.
struct Dashboard {
    at: SocketAddr,
    server: Arc<Server>,
    stop: CancellationToken,
    reports: tokio::task::JoinHandle<()>,
    _dir: tempfile::TempDir,
}

/// What is special about one.
#[derive(Default)]
struct Wish {
    bounds: Bounds,
    paces: Paces,
    https: bool,
    trusted_proxies: TrustedProxies,
}

impl Dashboard {
    async fn start(wish: Wish) -> Dashboard {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let auth = Auth::open_with(journal.clone(), wish.paces).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let house = Arc::new(House {
            apps: Vec::new(),
            journal: journal.clone(),
            clock: Clock::new(None),
            started: jiff::Timestamp::now(),
            config: Config {
                dashboard: config::Dashboard {
                    listen: at,
                    hosts: Vec::new(),
                    https: wish.https,
                    trusted_proxies: wish.trusted_proxies.clone(),
                },
                spool: dir.path().join("spool"),
                ..Config::parse(crate::config::LEAST, false).unwrap()
            },
        });
        let server = Arc::new(Server {
            house: house.clone(),
            judge: Arc::new(Judge::new(house)),
            auth,
            streams: Admission::new(STREAMS),
            stop: stop.clone(),
        });
        tokio::spawn(listen::serve_tcp(
            listener,
            routes::service(server.clone()),
            wish.bounds,
            wish.trusted_proxies,
            stop.clone(),
        ));
        let reports = tokio::spawn({
            let (failures, stop) = (server.auth.failures.clone(), stop.clone());
            async move { failures.report(journal, HOURS, stop).await }
        });
        Dashboard {
            at,
            server,
            stop,
            reports,
            _dir: dir,
        }
    }

    fn visitor(&self) -> Visitor {
        let mut visitor = Visitor::at(self.at);
        if self.server.house.config.dashboard.https {
            visitor.origin = format!("https://{}", self.at);
        }
        visitor
    }

    /// Somebody at that address, behind a proxy on this machine.
    fn visitor_from(&self, address: &str) -> Visitor {
        let mut visitor = self.visitor();
        visitor.added = vec![("x-forwarded-for", address.to_owned())];
        visitor
    }

    /// Sets the password.
    async fn owner(&self) -> Visitor {
        let visitor = self.visitor();
        let link = self.server.auth.new_link().await.unwrap();
        let answer = visitor
            .uses_link(&format!("/welcome/{link}"), PASSWORD)
            .await;
        answer.leads_to("/");
        visitor
    }

    async fn events(&self) -> Vec<String> {
        let events = self
            .server
            .house
            .journal
            .events(None, None, 500)
            .await
            .unwrap();
        events.into_iter().rev().map(|event| event.text).collect()
    }

    /// Opens a connection and sends this much.
    async fn sends(&self, bytes: &[u8]) -> TcpStream {
        let mut connection = TcpStream::connect(self.at).await.unwrap();
        // A connection that was taken away while it was still sending is what is hoped for.
        let _ = connection.write_all(bytes).await;
        connection
    }

    fn slow_form(&self) -> String {
        format!(
            "POST /sign-in HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\np",
            self.at
        )
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Only taking a place away frees it here.
fn endless() -> Bounds {
    Bounds {
        head_timeout: HOURS,
        body_timeout: HOURS,
        write_timeout: HOURS,
        ..Bounds::default()
    }
}

/// What comes on a connection before it ends; nothing more was to come.
async fn until_end(mut connection: TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer)).await;
    // A reset is an end as well.
    let _ = read.expect("the connection stays open");
    String::from_utf8_lossy(&answer).into_owned()
}

/// How many of these connections the other side has ended.
async fn ended(connections: &mut [TcpStream]) -> usize {
    let mut ended = 0;
    for connection in connections {
        let mut some = [0; 4096];
        let read = tokio::time::timeout(Duration::from_millis(1), connection.read(&mut some));
        if let Ok(Ok(0) | Err(_)) = read.await {
            ended += 1;
        }
    }
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_connections_keeps_nobody_else_out() {
    let dashboard = Dashboard::start(Wish {
        bounds: endless(),
        ..Wish::default()
    })
    .await;
    let owner = dashboard.owner().await;
    let slow_form = dashboard.slow_form();
    for held in [
        slow_form.as_bytes(),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ",
        b"",
    ] {
        let mut connections = Vec::new();
        for _ in 0..400 {
            connections.push(dashboard.sends(held).await);
        }
        // Who is signed in, who signs in now, and who only asks.
        assert!(owner.is_in().await);
        dashboard.visitor().tries(PASSWORD).await.leads_to("/");
        dashboard.visitor().get("/healthz").await.is(200);
        // One network holds no more than its share.
        let share = endless().places.per_network;
        let what = format!("no more are held: {:?}", String::from_utf8_lossy(held));
        until(what, async || {
            let ended = ended(&mut connections).await;
            (ended >= 400 - share).then_some(()).ok_or(ended)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_behind_a_proxy_have_shares_of_their_own() {
    let mut bounds = endless();
    bounds.places.places = 64;
    bounds.places.per_network = 8;
    let dashboard = Dashboard::start(Wish {
        bounds,
        trusted_proxies: TrustedProxies::loopback(),
        ..Wish::default()
    })
    .await;
    let owner = dashboard.owner().await;
    let slow_form = dashboard.slow_form();
    let mut held = Vec::new();
    for n in 0..300 {
        // Forty networks, more than there are places for.
        let from = format!("X-Forwarded-For: 198.51.100.{}\r\nContent-Type", n % 40);
        let form = slow_form.replacen("Content-Type", &from, 1);
        held.push(dashboard.sends(form.as_bytes()).await);
    }
    assert!(owner.is_in().await);
    let fresh = dashboard.visitor_from("192.0.2.1");
    fresh.tries(PASSWORD).await.leads_to("/");
    assert!(fresh.is_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_browser_holds_no_more_than_its_share_of_event_streams() {
    let dashboard = Dashboard::start(Wish {
        bounds: endless(),
        ..Wish::default()
    })
    .await;
    let owner = dashboard.owner().await;
    let head = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\nCookie: tealkeep={}\r\n\r\n",
        dashboard.at,
        owner.cookie().unwrap()
    );
    let mut streams = Vec::new();
    for _ in 0..300 {
        let mut stream = dashboard.sends(head.as_bytes()).await;
        let mut status = [0; 13];
        stream.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200 ");
        streams.push(stream);
    }
    assert!(owner.is_in().await);
    assert_eq!(dashboard.server.streams.taken(), STREAMS.per_network);
    // The newest one is served.
    let mut newest = streams.pop().unwrap();
    let event = NewEvent::new(Severity::Info, "Somebody knocked.");
    dashboard.server.house.journal.note(event).await;
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains("Somebody knocked.") {
        let mut some = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, newest.read(&mut some)).await;
        let read = read.expect("nothing comes").unwrap();
        assert!(read > 0, "the newest stream ended");
        told.extend_from_slice(&some[..read]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_in_is_answered_and_cut_off() {
    let dashboard = Dashboard::start(Wish {
        bounds: Bounds {
            body_timeout: Duration::from_millis(300),
            ..endless()
        },
        ..Wish::default()
    })
    .await;
    dashboard.owner().await;
    for head in [
        dashboard.slow_form(),
        dashboard.slow_form().replace(
            "Content-Length: 1000\r\n\r\np",
            "Transfer-Encoding: chunked\r\n\r\n1\r\np\r\n",
        ),
    ] {
        let is_chunked = head.contains("chunked");
        let (reading, mut writing) = dashboard.sends(head.as_bytes()).await.into_split();
        let trickle = tokio::spawn(async move {
            let piece: &[u8] = if is_chunked { b"1\r\nx\r\n" } else { b"x" };
            while writing.write_all(piece).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let mut reading = reading;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, reading.read_to_end(&mut answer)).await;
        let _ = read.expect("the connection stays open");
        trickle.abort();
        let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 408 "), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_trickles_in_is_cut_off() {
    let dashboard = Dashboard::start(Wish {
        bounds: Bounds {
            head_timeout: Duration::from_millis(300),
            ..endless()
        },
        ..Wish::default()
    })
    .await;
    let begun = dashboard
        .sends(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        .await;
    let (mut reading, mut writing) = begun.into_split();
    let trickle = tokio::spawn(async move {
        while writing.write_all(b"X-A: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, reading.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection stays open");
    trickle.abort();
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    // Between requests too: an idle connection is not kept for ever.
    let idle = dashboard
        .sends(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    assert!(until_end(idle).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_no_answer_is_cut_off() {
    let dashboard = Dashboard::start(Wish {
        bounds: Bounds {
            write_timeout: Duration::from_millis(300),
            ..endless()
        },
        ..Wish::default()
    })
    .await;
    let mut connection = TcpStream::connect(dashboard.at).await.unwrap();
    let requests = "GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    let written = tokio::time::timeout(PATIENCE, async {
        while connection.write_all(requests.as_bytes()).await.is_ok() {}
    });
    written.await.expect("it may stall for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_open_forms_are_small() {
    let dashboard = Dashboard::start(Wish::default()).await;
    dashboard.owner().await;
    for (long, status) in [(8 * 1024, "200"), (17 * 1024, "431"), (200 * 1024, "431")] {
        let head = format!(
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: {}\r\n\r\n",
            "x".repeat(long)
        );
        let answer = until_end(dashboard.sends(head.as_bytes()).await).await;
        // Whoever is still sending may see the end of the connection first.
        let cut_off = status == "431" && answer.is_empty();
        assert!(
            cut_off || answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{long}: {answer}"
        );
    }
    let visitor = dashboard.visitor();
    let long = "x".repeat(OPEN_BODY_LIMIT_BYTES);
    visitor.tries(&long).await.is(413);
    visitor.uses_link("/welcome/x", &long).await.is(413);
    // The longest password that is taken fits, in its longest form.
    visitor.tries(&"é".repeat(512)).await.is(401);
}

/// A flood of wrong passwords from many addresses, through the proxy that the owner comes through.
struct Flood {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    wrong: Arc<AtomicU32>,
    throttled: Arc<AtomicU32>,
}

impl Flood {
    fn begin(dashboard: &Dashboard) -> Flood {
        let (wrong, throttled) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
        let tasks = (0..6)
            .map(|task| {
                let guessers: Vec<Visitor> = (0..10)
                    .map(|n| dashboard.visitor_from(&format!("198.51.100.{}", task * 10 + n)))
                    .collect();
                let (wrong, throttled) = (wrong.clone(), throttled.clone());
                tokio::spawn(async move {
                    for n in 0.. {
                        let guesser = &guessers[n % guessers.len()];
                        match guesser
                            .tries(&format!("guess number {n}"))
                            .await
                            .status
                            .as_u16()
                        {
                            401 => wrong.fetch_add(1, Ordering::Relaxed),
                            429 => throttled.fetch_add(1, Ordering::Relaxed),
                            other => panic!("a guess was answered with {other}"),
                        };
                    }
                })
            })
            .collect();
        Flood {
            tasks,
            wrong,
            throttled,
        }
    }

    async fn until_throttled(&self) {
        until("20 tries are throttled", async || {
            let throttled = self.throttled.load(Ordering::Relaxed);
            (throttled >= 20).then_some(()).ok_or(throttled)
        })
        .await;
    }

    fn end(self) {
        for task in &self.tasks {
            assert!(!task.is_finished(), "the flood ended by itself");
            task.abort();
        }
        assert!(self.wrong.load(Ordering::Relaxed) > 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owners_password_is_accepted_every_time_during_a_flood_of_guesses() {
    let dashboard = Dashboard::start(Wish {
        paces: Paces {
            // So that the owner's wait for it is short; everything else is as usual.
            strangers: Pace {
                in_a_row: 30,
                refill: Duration::from_millis(100),
            },
            ..Paces::default()
        },
        trusted_proxies: TrustedProxies::loopback(),
        ..Wish::default()
    })
    .await;
    dashboard.owner().await;
    let known = dashboard.visitor_from("198.51.100.7");
    known.tries(PASSWORD).await.leads_to("/");
    let flood = Flood::begin(&dashboard);
    flood.until_throttled().await;
    for n in 0..43 {
        // A browser that signed in before, even from the address of a guesser.
        known.holds("tealkeep", "");
        let answer = known.tries(PASSWORD).await;
        assert_eq!(answer.status, 303, "with an earlier sign-in, {n}");
        assert!(known.is_in().await);
        // And one that never did.
        let fresh = dashboard.visitor_from("192.0.2.1");
        let answer = fresh.tries(PASSWORD).await;
        assert_eq!(answer.status, 303, "without an earlier sign-in, {n}");
        assert!(fresh.is_in().await);
    }
    flood.end();
}

/// A Caddy in front of the dashboard, as a household has it; it ends with the test.
struct Caddy {
    process: std::process::Child,
    at: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Caddy {
    async fn before(dashboard: SocketAddr) -> Caddy {
        let dir = tempfile::tempdir().unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (file, log) = (dir.path().join("Caddyfile"), dir.path().join("log"));
        let text = format!(
            "{{\n\tadmin off\n\tauto_https off\n\tstorage file_system {}\n}}\n\
             :{} {{\n\tbind 127.0.0.1\n\treverse_proxy {dashboard}\n}}\n",
            dir.path().display(),
            at.port()
        );
        std::fs::write(&file, text).unwrap();
        let process = std::process::Command::new("caddy")
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&file)
            .env("HOME", dir.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .expect("Caddy is not installed");
        let mut caddy = Caddy {
            process,
            at,
            _dir: dir,
        };
        until_it_listens(&mut caddy.process, at, &log);
        caddy
    }

    /// Somebody at that address of this machine, as Caddy sees them.
    fn visitor(&self, from: [u8; 4]) -> Visitor {
        Visitor::at_from(self.at, from.into())
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_real_caddy_the_owner_is_not_shut_out() {
    let dashboard = Dashboard::start(Wish {
        bounds: endless(),
        trusted_proxies: TrustedProxies::parse(&["127.0.0.1"]).unwrap(),
        ..Wish::default()
    })
    .await;
    dashboard.owner().await;
    let caddy = Caddy::before(dashboard.at).await;
    // Slow forms, more than there are places for.
    let mut held = Vec::new();
    for n in 0..300 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        let from = SocketAddr::from(([127, 0, 2, n as u8 % 10], 0));
        socket.bind(from).unwrap();
        let mut connection = socket.connect(caddy.at).await.unwrap();
        let form = dashboard.slow_form();
        connection.write_all(form.as_bytes()).await.unwrap();
        held.push(connection);
    }
    // Guesses from an address that claims to be others.
    let mut guesser = caddy.visitor([127, 0, 0, 9]);
    let mut throttled = 0;
    for n in 0..40 {
        guesser.added = vec![
            ("x-forwarded-for", format!("203.0.113.{n}")),
            ("forwarded", format!("for=203.0.113.{n}")),
        ];
        throttled += u32::from(guesser.tries("not the password").await.status == 429);
    }
    assert_eq!(throttled, 35);
    // The owner comes from elsewhere, with a browser that never signed in.
    for n in 0..43 {
        let owner = caddy.visitor([127, 0, 0, 3]);
        assert_eq!(owner.tries(PASSWORD).await.status, 303, "{n}");
        assert!(owner.is_in().await);
    }
    let events = dashboard.events().await;
    assert!(events.contains(&"Somebody signed in from 127.0.0.3.".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_new_budget_by_claiming_another_address() {
    let tries_allowed = |dashboard: Dashboard, fields: fn(u32) -> Vec<(&'static str, String)>| async move {
        dashboard.owner().await;
        let mut guesser = dashboard.visitor();
        for n in 0..30 {
            guesser.added = fields(n);
            let answer = guesser.tries("not the password").await;
            if answer.status == 429 {
                return n;
            }
            answer.is(401);
        }
        30
    };
    // Nobody is trusted: what is claimed counts for nothing.
    let plain = Dashboard::start(Wish::default()).await;
    let tries = tries_allowed(plain, |n| {
        vec![
            ("x-forwarded-for", format!("203.0.113.{n}")),
            ("forwarded", format!("for=203.0.113.{n}")),
        ]
    });
    assert_eq!(tries.await, 5);
    // What the trusted proxy adds stands on the right of what is claimed.
    let behind = || Wish {
        trusted_proxies: TrustedProxies::loopback(),
        ..Wish::default()
    };
    let proxied = Dashboard::start(behind()).await;
    let tries = tries_allowed(proxied, |n| {
        vec![("x-forwarded-for", format!("203.0.113.{n}, 192.0.2.7"))]
    });
    assert_eq!(tries.await, 5);
    // A proxy that passes the client's own `Forwarded` through.
    let proxied = Dashboard::start(behind()).await;
    let tries = tries_allowed(proxied, |n| {
        vec![
            ("x-forwarded-for", "192.0.2.7".to_owned()),
            ("forwarded", format!("for=203.0.113.{n}")),
        ]
    });
    assert_eq!(tries.await, 5);
    // The proxy itself is believed: that is what it is trusted for.
    let proxied = Dashboard::start(behind()).await;
    let tries = tries_allowed(proxied, |n| {
        vec![("x-forwarded-for", format!("203.0.113.{n}"))]
    });
    assert_eq!(tries.await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_cookie_is_worth_a_budget_and_nothing_else() {
    let dashboard = Dashboard::start(Wish::default()).await;
    let owner = dashboard.owner().await;
    let device = owner.cookie_called("tealkeep-device").unwrap();
    // It opens nothing.
    let thief = dashboard.visitor();
    thief.holds("tealkeep-device", &device);
    assert!(!thief.is_in().await);
    thief.holds("tealkeep", &device);
    assert!(!thief.is_in().await);
    thief.holds("tealkeep", "");
    // Its budget is its own: the address's is spent, and it still guesses, slowly.
    let guesser = dashboard.visitor();
    while guesser.tries("not the password").await.status != 429 {}
    let mut tries = 0;
    while thief.tries("not the password").await.status != 429 {
        tries += 1;
    }
    assert_eq!(tries, 10);
    guesser.tries(PASSWORD).await.is(429);
    // One that nobody was given has none.
    let forger = dashboard.visitor();
    forger.holds("tealkeep-device", &"A".repeat(device.len()));
    forger.tries(PASSWORD).await.is(429);
    // Revoking another browser's session forgets that browser too.
    let second = dashboard.visitor();
    second.holds("tealkeep-device", &device);
    assert!(owner.is_in().await);
    let known = dashboard.server.auth.devices.known(&device).await.unwrap();
    assert!(known.is_some());
    let own = owner.cookie().unwrap();
    let sessions = dashboard.server.auth.sessions.list().await.unwrap();
    let handle = sessions[0].handle.clone();
    assert!(sessions.len() == 1 && handle != own);
    let other = dashboard.visitor();
    let link = dashboard.server.auth.new_link().await.unwrap();
    other
        .uses_link(&format!("/welcome/{link}"), "another good password")
        .await
        .leads_to("/");
    // A new password forgets every browser but the one that set it.
    assert_eq!(
        dashboard.server.auth.devices.known(&device).await.unwrap(),
        None
    );
    let device = other.cookie_called("tealkeep-device").unwrap();
    let helper = dashboard.visitor();
    helper.holds("tealkeep-device", &device);
    helper.tries("another good password").await.leads_to("/");
    let sessions = dashboard.server.auth.sessions.list().await.unwrap();
    let helpers = tower_sessions_handle(&helper.cookie().unwrap());
    assert!(sessions.iter().any(|row| row.handle == helpers));
    other
        .post(&format!("/account/sessions/{helpers}/revoke"), &[])
        .await
        .leads_to("/account");
    assert_eq!(
        dashboard.server.auth.devices.known(&device).await.unwrap(),
        None
    );
}

/// What a session is revoked by.
fn tower_sessions_handle(cookie: &str) -> String {
    tealkeep::http::auth::Sessions::handle(cookie.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_do_not_fill_the_journal() {
    let dashboard = Dashboard::start(Wish {
        paces: Paces {
            network: Pace {
                in_a_row: 1000,
                refill: Duration::from_secs(1),
            },
            strangers: Pace {
                in_a_row: 1000,
                refill: Duration::from_secs(1),
            },
            ..Paces::default()
        },
        ..Wish::default()
    })
    .await;
    dashboard.owner().await;
    let guesser = dashboard.visitor();
    for n in 0..25 {
        guesser.tries(&format!("a guess, number {n}")).await.is(401);
    }
    let wrong = |events: Vec<String>| -> Vec<String> {
        let is_wrong = |text: &String| text.contains("wrong password");
        events.into_iter().filter(is_wrong).collect()
    };
    let first = "A wrong password was tried from 127.0.0.1.";
    assert_eq!(wrong(dashboard.events().await), [first]);
    // A window ends with its sum, at a stop at the latest.
    dashboard.stop.cancel();
    until("the reports end", async || dashboard.reports.is_finished()).await;
    let sum =
        "24 more wrong passwords were tried from this machine within 15 minutes, from 1 address.";
    assert_eq!(wrong(dashboard.events().await), [first, sum]);
}

/// The `Set-Cookie` fields of an answer.
fn set_cookies(answer: &crate::support::visitor::Answer) -> Vec<String> {
    let fields = answer.headers.get_all("set-cookie").iter();
    fields
        .map(|field| field.to_str().unwrap().to_owned())
        .collect()
}

async fn over_https() -> Dashboard {
    Dashboard::start(Wish {
        https: true,
        trusted_proxies: TrustedProxies::loopback(),
        ..Wish::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_the_cookies_are_bound_to_the_host() {
    let dashboard = over_https().await;
    dashboard.owner().await;
    let visitor = dashboard.visitor();
    let answer = visitor.tries(PASSWORD).await.leads_to("/");
    let set = set_cookies(&answer);
    assert_eq!(set.len(), 2, "{set:#?}");
    for (name, field) in ["__Host-tealkeep=", "__Host-tealkeep-device="]
        .iter()
        .zip(&set)
    {
        assert!(field.starts_with(name), "{field}");
        let attributes: Vec<String> = field
            .split(';')
            .skip(1)
            .map(|part| part.trim().to_ascii_lowercase())
            .collect();
        for wanted in ["secure", "httponly", "path=/"] {
            assert!(attributes.iter().any(|known| known == wanted), "{field}");
        }
        assert!(!field.to_ascii_lowercase().contains("domain"), "{field}");
    }
    assert!(visitor.is_in().await);
    // A browser takes the removal only if it is as strict as the cookie.
    let answer = visitor.post("/sign-out", &[]).await.leads_to("/sign-in");
    let set = set_cookies(&answer);
    assert_eq!(set.len(), 1, "{set:#?}");
    assert!(set[0].starts_with("__Host-tealkeep=;"), "{set:#?}");
    assert!(set[0].contains("Path=/") && set[0].contains("Secure"));
    for path in ["/", "/sign-in", "/healthz", "/nothing", "/sw.js"] {
        let answer = visitor.get(path).await;
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=15552000"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_under_the_plain_name_signs_nobody_in_over_https() {
    let dashboard = over_https().await;
    let owner = dashboard.owner().await;
    // As it was before HTTPS, when an app on this host may have seen it.
    let id = owner.cookie_called("__Host-tealkeep").unwrap();
    let thief = dashboard.visitor();
    thief.holds("tealkeep", &id);
    let answer = thief.get("/account").await.is(303);
    let set = set_cookies(&answer);
    assert!(
        set.iter()
            .any(|field| field.starts_with("tealkeep=;") && field.contains("Max-Age=0")),
        "{set:#?}"
    );
    assert!(
        !set.iter().any(|field| field.starts_with("__Host-tealkeep=")
            && !field.starts_with("__Host-tealkeep=;")),
        "{set:#?}"
    );
    assert!(owner.is_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_cookies_of_the_host_neither_hide_nor_replace_the_session() {
    let dashboard = Dashboard::start(Wish::default()).await;
    let owner = dashboard.owner().await;
    let id = owner.cookie().unwrap();
    for cookies in [
        format!("u=\u{e9}; tealkeep={id}"),
        format!("tealkeep={id}; u=\u{e9}"),
        format!("%74ealkeep=x; tealkeep={id}; %74ealkeep=y"),
        format!("tealkeep=AAAAAAAAAAAAAAAAAAAAAA; tealkeep={id}"),
        format!("tealkeep=x; tealkeep={id}; tealkeep=y"),
        format!("a=1\r\nCookie: tealkeep={id}"),
    ] {
        let head = format!(
            "GET /account HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {cookies}\r\n\r\n",
            dashboard.at
        );
        let answer = until_end(dashboard.sends(head.as_bytes()).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{cookies}: {answer}");
    }
    let head = format!(
        "GET /account HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: %74ealkeep={id}\r\n\r\n",
        dashboard.at
    );
    let answer = until_end(dashboard.sends(head.as_bytes()).await).await;
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_plain_http_is_another_sites_where_https_is_promised() {
    let dashboard = over_https().await;
    let owner = dashboard.owner().await;
    let sends = |origin: String| {
        let owner = &owner;
        async move {
            let fields = [("origin", origin.as_str())];
            owner
                .sends(Method::POST, "/account/sessions/x/revoke", &fields, None)
                .await
        }
    };
    sends(format!("http://{}", dashboard.at)).await.is(403);
    sends(format!("https://{}", dashboard.at))
        .await
        .leads_to("/account");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_field_that_is_none_is_refused() {
    let dashboard = Dashboard::start(Wish::default()).await;
    for (fields, status) in [
        ("Host: localhost\r\n", 200),
        ("Host: localhost:3330\r\n", 200),
        ("", 400),
        ("Host: \r\n", 400),
        ("Host: localhost\r\nHost: localhost\r\n", 400),
        ("Host: user@localhost\r\n", 400),
        ("Host: localhost/x\r\n", 400),
        ("Host: local host\r\n", 400),
        ("Host: localhost:port\r\n", 400),
        ("Host: l\u{f6}calhost\r\n", 400),
        ("Host: evil.example\r\n", 421),
    ] {
        let head = format!("GET /healthz HTTP/1.1\r\n{fields}Connection: close\r\n\r\n");
        let answer = until_end(dashboard.sends(head.as_bytes()).await).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{fields:?}: {answer}"
        );
    }
}
