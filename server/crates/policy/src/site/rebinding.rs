//! Answers of the DNS that change while a site is looked at.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::pins::{Pins, Resolve, Resolved};
use super::*;

/// Answers each name with one list after the other, and with the last one from then on.
#[derive(Default)]
struct Script {
    answers: HashMap<String, Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    fn of(answers: &[(&str, &[&[&str]])]) -> Arc<Script> {
        let lists = |lists: &[&[&str]]| {
            let list = |list: &&[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect();
            lists.iter().map(list).collect()
        };
        Arc::new(Script {
            answers: answers
                .iter()
                .map(|(name, its)| ((*name).to_owned(), lists(its)))
                .collect(),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Arc<Script> {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolved<'a> {
        let mut asked = self.asked.lock().unwrap();
        let before = asked.iter().filter(|name| *name == host).count();
        asked.push(host.to_owned());
        let answers = self.answers.get(host).filter(|answers| !answers.is_empty());
        let answer = match answers {
            Some(answers) => Ok(answers[before.min(answers.len() - 1)].clone()),
            None => Err(std::io::Error::other("no such name")),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// A server that counts who comes.
async fn counting() -> (SocketAddr, Arc<AtomicUsize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, count) = (
        listener.local_addr().unwrap(),
        Arc::new(AtomicUsize::new(0)),
    );
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
                .await;
        }
    });
    (at, count)
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

async fn ask(site: &Site, target: &str) -> Result<u16, String> {
    let ask = Ask {
        url: url(target),
        method: http::Method::GET,
        headers: Vec::new(),
        body: Vec::new(),
    };
    let answer = site.ask(&ask).await;
    answer
        .map(|answer| answer.status)
        .map_err(|error| error.why)
}

async fn approved(pins: &Pins, target: &str, is_own: bool) -> Result<(), String> {
    pins.approve(&url(target), is_own).await
}

#[tokio::test]
async fn a_name_is_resolved_once_for_a_check_and_leads_nowhere_else() {
    let (first, firsts) = counting().await;
    let other = tokio::net::TcpListener::bind(("127.0.0.2", first.port()))
        .await
        .unwrap();
    let script = Script::of(&[("app.example", &[&["127.0.0.1"], &["127.0.0.2"]])]);
    let origin = format!("http://app.example:{}/", first.port());
    let site = Site::with_resolver(url(&origin), None, Arc::clone(&script));
    for path in ["", "a", "b?c"] {
        assert_eq!(ask(&site, &format!("{origin}{path}")).await, Ok(200));
    }
    assert_eq!(firsts.load(Ordering::SeqCst), 3);
    assert_eq!(script.asked(), ["app.example"]);
    assert_eq!(site.requests(), 3);
    // Nobody is waiting at the second address.
    let nobody = tokio::time::timeout(Duration::from_millis(1), other.accept()).await;
    assert!(nobody.is_err());

    // The next check resolves anew.
    let next = Site::with_resolver(url(&origin), None, Arc::clone(&script));
    drop(other);
    assert!(ask(&next, &origin).await.is_err());
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test]
async fn a_site_that_began_public_stays_public_under_every_name() {
    let local: &[&str] = &[
        "127.0.0.2",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.3.4",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fd00::1",
        "fe80::1",
        "::ffff:127.0.0.1",
    ];
    for address in local {
        let script = Script::of(&[
            ("app.example", &[&["1.1.1.1"], &[address]]),
            ("www.app.example", &[&[address]]),
            ("cdn.example", &[&[address]]),
        ]);
        let pins = Pins::new(Arc::clone(&script));
        approved(&pins, "https://app.example/", true).await.unwrap();
        // The same name keeps its first address, whatever the DNS says by now.
        approved(&pins, "https://app.example/again", true)
            .await
            .unwrap();
        assert_eq!(script.asked(), ["app.example"]);
        // The site's other name (the check moved there by a redirect), and a host that a script names.
        for (target, is_own) in [
            ("https://www.app.example/", true),
            ("https://cdn.example/", false),
        ] {
            let why = approved(&pins, target, is_own).await.unwrap_err();
            assert!(
                why.contains("an address of the local network"),
                "{address}: {why}"
            );
        }
        let host = match address.parse().unwrap() {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        for is_own in [true, false] {
            let target = format!("http://{host}/");
            assert!(approved(&pins, &target, is_own).await.is_err(), "{target}");
        }
    }
}

#[tokio::test]
async fn of_a_name_with_public_and_local_addresses_only_the_public_ones_are_used() {
    let script = Script::of(&[
        ("app.example", &[&["127.0.0.2", "1.1.1.1", "::1"]]),
        ("cdn.example", &[&["1.1.1.1", "10.0.0.1"]]),
    ]);
    let pins = Pins::new(script);
    let own = pins.approve(&url("http://app.example/"), true).await;
    assert_eq!(own, Ok(()));
    assert_eq!(
        pins.connects_to("app.example"),
        ["1.1.1.1".parse::<IpAddr>().unwrap()]
    );
    assert!(approved(&pins, "http://cdn.example/", false).await.is_err());
}

#[tokio::test]
async fn a_site_on_the_local_network_is_asked_and_other_local_hosts_are_not() {
    let (at, count) = counting().await;
    let script = Script::of(&[
        ("home.lan", &[&["127.0.0.1"]]),
        ("router.lan", &[&["127.0.0.1"]]),
    ]);
    let origin = format!("http://home.lan:{}/", at.port());
    let site = Site::with_resolver(url(&origin), None, script);
    assert_eq!(ask(&site, &origin).await, Ok(200));
    for other in [
        format!("http://router.lan:{}/", at.port()),
        format!("http://127.0.0.1:{}/", at.port()),
        format!("http://localhost:{}/", at.port()),
        format!("http://[::ffff:127.0.0.1]:{}/", at.port()),
        // Another port or scheme of the own host is another origin.
        "http://home.lan/".to_owned(),
        format!("http://home.lan:{}/", at.port() ^ 1),
        format!("https://home.lan:{}/", at.port()),
    ] {
        assert!(ask(&site, &other).await.is_err(), "{other}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
