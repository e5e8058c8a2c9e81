//! The requests that Caddy answers are counted, and the page never says that all is well while they fail. Whoever reports, reports
//! nothing that a request contained; nobody else can; and Caddy minds nobody who does not listen.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tealkeep::config::CaddySection;
use tealkeep::names::Colour;
use tealkeep::router::caddy::{CaddyRouter, Requests};
use tealkeep::router::gate::{Gate, GateConfig};
use tealkeep::router::{Answers, Router};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::house::{House, NOBODY, SECRET, Version};
use crate::notify::Receiver;
use crate::support::PATIENCE;

super::with_both! {
    each_request_counts_for_the_colour_that_answered_it
    an_app_that_fails_behind_caddy_is_never_all_is_well
    a_site_that_reports_nothing_is_a_hint_and_the_doctor_knows_it
    a_report_contains_nothing_of_the_request_and_caddy_minds_no_listener_that_is_gone
    what_others_send_counts_for_nothing
}

/// Where Caddy's reports arrive.
fn reports_at(section: &CaddySection) -> SocketAddr {
    SocketAddr::from(([127, 255, 255, 255], section.hold_listen.port()))
}

/// A colour whose answer is what the path says: `/500`, or `/gone` for none at all.
async fn answers_by_path(port: u16) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut read = Vec::new();
                while !read.windows(4).any(|end| end == b"\r\n\r\n") {
                    if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let head = String::from_utf8_lossy(&read);
                let path = head.split(' ').nth(1).unwrap().trim_start_matches('/');
                match path.split('?').next().unwrap() {
                    "gone" => return,
                    "slow" => std::future::pending::<()>().await,
                    _ => {}
                }
                let status = path.parse().unwrap_or(200_u16);
                let answer = format!(
                    "HTTP/1.1 {status} As asked\r\nContent-Length: 2\r\nConnection: close\r\n\
                     Set-Cookie: session=topsecret\r\nX-Token: topsecret\r\n\r\nok"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
}

/// A router of Tealkeep's without the rest of it.
struct Counting {
    router: CaddyRouter,
    requests: Arc<Requests>,
    stop: CancellationToken,
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Counting {
    async fn start(house: &House) -> Counting {
        let (section, stop) = (house.section(), CancellationToken::new());
        let requests = Requests::receive(&section, &TaskTracker::new(), stop.clone());
        let addresses = [house.ports.blue, house.ports.green]
            .map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let gate = Gate::new(GateConfig::new(addresses[0], addresses[1]), Colour::Blue);
        let folder = house.folder().join("state/apps/home");
        let counted = Some(requests.clone());
        let router = CaddyRouter::new(gate, section, &folder, addresses, counted);
        router.begin(false).await.unwrap();
        Counting {
            router,
            requests,
            stop,
        }
    }

    /// Waits until exactly this is counted.
    async fn until(&self, expected: [Answers; 2]) {
        let began = Instant::now();
        while self.router.answers().await != Some(expected) {
            assert!(
                began.elapsed() < PATIENCE,
                "{:?}, and not {expected:?}; dropped {:?}",
                self.router.answers().await,
                self.requests.dropped()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn answers(requests: u64, errors: u64, unanswered: u64) -> Answers {
    Answers {
        requests,
        errors,
        unanswered,
    }
}

async fn each_request_counts_for_the_colour_that_answered_it(version: Version) {
    let mut house = House::prepare(version).with_defaults();
    answers_by_path(house.ports.blue).await;
    answers_by_path(house.ports.green).await;
    house.start_caddy(|file| file, None);
    let counting = Counting::start(&house).await;

    let client = reqwest::Client::new();
    for path in ["/200", "/404", "/400", "/302", "/500", "/503", "/gone"] {
        let asked = client.post(house.url(path)).body("five!");
        // The question before it is no request of anybody's.
        let _ = asked.send().await.unwrap();
    }
    // Neither a client that goes away, nor Tealkeep's own question, nor the other colour's preview says anything.
    let gone = client
        .get(house.url("/slow"))
        .timeout(Duration::from_millis(200));
    assert!(gone.send().await.unwrap_err().is_timeout());
    for path in ["/.well-known/tealkeep", "/500"] {
        let asked = client.get(house.url(path));
        let _ = asked.header("Tealkeep-Preview", SECRET).send().await;
    }
    let own = client
        .get(house.url("/500"))
        .header("User-Agent", "tealkeep/0.1.0");
    assert_eq!(own.send().await.unwrap().status(), 500);
    let blue = answers(7, 2, 1);
    counting.until([blue, Answers::default()]).await;

    counting.router.swap(Colour::Green).await.unwrap();
    for path in ["/200", "/502", "/gone"] {
        let _ = client.get(house.url(path)).send().await.unwrap();
    }
    let green = answers(3, 1, 1);
    counting.until([blue, green]).await;
    counting
        .router
        .hold(Duration::from_secs(3600))
        .await
        .unwrap();
    let page = client.get(house.url("/200")).send().await.unwrap();
    assert_eq!(page.status(), 503, "the maintenance page");
    counting.router.release().await.unwrap();
    counting.router.swap(Colour::Blue).await.unwrap();
    let _ = client.get(house.url("/500")).send().await.unwrap();
    let blue = blue + answers(1, 1, 0);
    counting.until([blue, green]).await;
    let traffic = counting.router.traffic().await;
    assert_eq!((traffic.answered, traffic.failed), (Some(11), Some(6)));
    assert_eq!(counting.router.reason_uncounted().await, None);
    assert_eq!(counting.requests.dropped(), (0, 0));
}

/// The condition of a kind, as `tealkeep status` says it.
fn condition(house: &House, kind: &str) -> Option<Value> {
    let status = house.tealkeep(["status", "--json"]).succeeds().json();
    let mut all = status["conditions"].as_array().unwrap().iter();
    all.find(|one| one["kind"] == kind).cloned()
}

async fn an_app_that_fails_behind_caddy_is_never_all_is_well(version: Version) {
    let receiver = Receiver::new().await;
    let house = House::prepare(version).telling(&receiver.webhook());
    let mut house = house.goes_live().await;
    house
        .tealkeep(["deploy", "home", "v7-slow-leak"])
        .succeeds();
    let client = reqwest::Client::new();
    let (mut failed, began) = (0, Instant::now());
    while condition(&house, "failing").is_none_or(|one| one["severity"] != "failure") {
        assert!(
            began.elapsed() < PATIENCE,
            "{failed} failed, and nobody says so"
        );
        for _ in 0..20 {
            let answer = client.get(house.url("/")).send().await.unwrap();
            failed += usize::from(answer.status().is_server_error());
        }
    }
    assert!(failed > 0, "the fault happened");
    let status = house.tealkeep(["status", "--check"]).fails_with(1);
    assert!(
        status.stdout.starts_with("home is failing: "),
        "{status:#?}"
    );
    let page = house.ask("/").await;
    assert!(
        page.contains("home is failing: ") && !page.contains("All is well"),
        "{page}"
    );
    let told = |state: &str| {
        let all = receiver.at("/hook");
        all.iter().any(|one| {
            let one = one.json();
            one["kind"] == "failing" && one["state"] == state
        })
    };
    let until_told = async |state: &str| {
        let began = Instant::now();
        while !told(state) {
            assert!(
                began.elapsed() < PATIENCE,
                "{state}: {:#?}",
                receiver.at("/hook")
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    until_told("raised").await;

    house.tealkeep(["rollback", "home"]).succeeds();
    let began = Instant::now();
    while condition(&house, "failing").is_some() {
        assert!(began.elapsed() < PATIENCE, "it goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until_told("well").await;
    let page = house.ask("/").await;
    assert!(page.contains("All is well"), "{page}");
    assert_eq!(condition(&house, "requests"), None);
    house.stop().await;
}

async fn a_site_that_reports_nothing_is_a_hint_and_the_doctor_knows_it(version: Version) {
    let mut house = House::start(version).await;
    assert_eq!(condition(&house, "requests"), None, "nobody has asked yet");
    let said = house.doctor("router").succeeds();
    assert!(
        said.stdout
            .contains("Caddy reports the app's requests to Tealkeep"),
        "{said:#?}"
    );
    house.stop().await;
    house.stop_caddy();
    // As an older Tealkeep printed it.
    let older = |file: String| {
        let (before, log) = file.split_once("\tlog {\n").unwrap();
        let (_, after) = log.split_once("\n\t}\n").unwrap();
        format!("{before}{after}")
    };
    house.start_caddy(older, None);
    house.start_server(&[]).await;
    let began = Instant::now();
    let hint = loop {
        if let Some(hint) = condition(&house, "requests") {
            break hint;
        }
        assert!(began.elapsed() < PATIENCE, "nobody says so");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(hint["severity"], "hint");
    let text = hint["text"].as_str().unwrap();
    for words in ["does not report them", "`tealkeep units home`"] {
        assert!(text.contains(words), "{text}");
    }
    let said = house.doctor("router");
    assert!(
        said.stdout
            .contains("Caddy does not report the app's requests"),
        "{said:#?}"
    );
    house.stop().await;
}

/// A request with secrets in all the places that a request has.
async fn ask_with_secrets(house: &House) {
    let asked = reqwest::Client::new()
        .post(house.url("/200?token=topsecret"))
        .header("Cookie", "session=topsecret")
        .header("Authorization", "Bearer topsecret")
        .header("X-Token", "topsecret")
        .header("User-Agent", "topsecret")
        .body("topsecret");
    assert_eq!(asked.send().await.unwrap().status(), 200);
}

async fn a_report_contains_nothing_of_the_request_and_caddy_minds_no_listener_that_is_gone(
    version: Version,
) {
    let mut house = House::prepare(version).with_defaults();
    answers_by_path(house.ports.blue).await;
    let section = house.section();
    house.start_caddy(|file| file, None);
    let socket = UdpSocket::bind(reports_at(&section)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    ask_with_secrets(&house).await;
    let mut buffer = [0; 65536];
    let (length, _) = socket.recv_from(&mut buffer).unwrap();
    let report = std::str::from_utf8(&buffer[..length]).unwrap();
    let fields: Value = serde_json::from_str(report).unwrap();
    let known = [
        "level",
        "ts",
        "logger",
        "msg",
        "bytes_read",
        "duration",
        "size",
        "status",
    ];
    for (name, value) in fields.as_object().unwrap() {
        assert!(known.contains(&name.as_str()), "{report}");
        assert!(value.is_number() || value.is_string(), "{report}");
    }
    assert!(!report.contains("topsecret"), "{report}");
    assert!(length < 300, "{report}");

    // Nobody reads it any more, and then nobody listens.
    let log = house.caddys_log();
    let many = async |count: usize| {
        let client = reqwest::Client::new();
        for _ in 0..count {
            let asked = (0..8).map(|_| client.get(house.url("/200")).send());
            for answer in futures_util::future::join_all(asked).await {
                assert_eq!(answer.unwrap().status(), 200);
            }
        }
    };
    // More than the kernel keeps for a socket.
    many(200).await;
    drop(socket);
    many(200).await;
    let now = house.caddys_log();
    // It cleans its storage some time after its start, and says so.
    let more: Vec<&str> = now[log.len()..]
        .lines()
        .filter(|line| !line.contains(r#""logger":"tls"#))
        .collect();
    assert!(more.is_empty(), "Caddy has logged something: {more:?}");
    // And one that comes back hears what follows.
    let socket = UdpSocket::bind(reports_at(&section)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    many(1).await;
    socket.recv_from(&mut buffer).unwrap();
}

async fn what_others_send_counts_for_nothing(version: Version) {
    use std::os::unix::fs::PermissionsExt;
    let mut house = House::prepare(version).with_defaults();
    answers_by_path(house.ports.blue).await;
    let is_root = rustix::process::geteuid().is_root();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(house.folder(), open).unwrap();
    let markers = house.markers();
    std::fs::create_dir_all(&markers).unwrap();
    house.start_caddy(|file| file, is_root.then_some(NOBODY));
    let counting = Counting::start(&house).await;
    let to = reports_at(&house.section());

    let garbage = UdpSocket::bind("127.0.0.1:0").unwrap();
    garbage.set_broadcast(true).unwrap();
    for text in ["", "garbage", "{\"status\":500}", &"x".repeat(60_000)] {
        garbage.send_to(text.as_bytes(), to).unwrap();
    }
    let until_dropped = async |expected: (u64, u64)| {
        let began = Instant::now();
        while counting.requests.dropped() != expected {
            let dropped = counting.requests.dropped();
            assert!(began.elapsed() < PATIENCE, "{dropped:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until_dropped((4, 0)).await;
    // Only root can send as somebody else; the unit tests of `sender` need no other user.
    if is_root {
        let forger = forge(to, 50);
        until_dropped((4, 50)).await;
        end(forger);
    }
    reqwest::get(house.url("/200")).await.unwrap();
    counting.until([answers(1, 0, 0), Answers::default()]).await;
}

/// Sends reports of failures as a user who has nothing to do with Caddy, with a socket that stays open.
fn forge(to: SocketAddr, count: u32) -> Child {
    const SCRIPT: &str = "import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for _ in range(int(sys.argv[3])):
    s.sendto(b'{\"ts\":1796131623.2,\"duration\":0.1,\"size\":5,\"status\":500}', (sys.argv[1], int(sys.argv[2])))
sys.stdin.read()
";
    Command::new("setpriv")
        .args(["--reuid=54321", "--regid=54321", "--clear-groups"])
        .args(["/usr/bin/python3", "-c", SCRIPT])
        .args([to.ip().to_string(), to.port().to_string()])
        .arg(count.to_string())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(mut forger: Child) {
    drop(forger.stdin.take());
    assert!(forger.wait().unwrap().success());
}
