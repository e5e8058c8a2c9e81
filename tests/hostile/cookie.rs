//! An app that wants the session of Tealkeep's dashboard, behind a real Caddy with the printed site: whatever way a
//! request takes, the session does not reach it, and it can set none.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::caddy::house::{House, SECRET, Version};
use crate::exchanges::app::App;
use crate::support::PATIENCE;

/// Every way in which a browser may send the session, each with a cookie of the app's own.
const LINES: [&[u8]; 10] = [
    b"Cookie: tealkeep=secret; a=1\r\n",
    b"Cookie: a=1; tealkeep=secret; b=2\r\n",
    b"Cookie: a=1; tealkeep=secret\r\n",
    b"Cookie: tealkeep=secret\r\nCookie: a=1\r\n",
    b"Cookie: tealkeep=secret; a=1; tealkeep=secret; tealkeep = secret\r\n",
    b"Cookie: a=1; tealkeep=secret\r\nCookie: tealkeep=secret; b=2\r\n",
    b"Cookie: u=\xc3\xa9; tealkeep=secret; a=1\r\n",
    b"cookie: u=\xe9\xff;tealkeep=secret;a=1\r\n",
    b"Cookie: a=1; __Host-tealkeep=secret\r\n",
    b"Cookie: tealkeep-device=secret; a=1; __Host-tealkeep-device=secret\r\n",
];

/// What an app answers that wants to set a session of its own choice.
const SETS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nSet-Cookie: tealkeep=evil\r\n\r\n\
    HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: tealkeep=evil; Path=/\r\n\
    SET-COOKIE: __Host-tealkeep=evil; PATH=/; secure\r\nSet-Cookie: =tealkeep=evil\r\nSet-Cookie: tealkeeper=kept\r\n\
    Content-Length: 2\r\n\r\nok";

const SWITCHES: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

const SWITCHES_AND_SETS: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSet-Cookie: tealkeep=evil\r\n\r\n";

mod packaged {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_session_reaches_no_app_behind_caddy_and_no_app_sets_it() {
        attack(Version::Packaged).await;
    }
}

mod newest {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_session_reaches_no_app_behind_caddy_and_no_app_sets_it() {
        attack(Version::Newest).await;
    }
}

async fn attack(version: Version) {
    let mut house = House::prepare(version);
    house.start_caddy(|site| site, None);
    let blue = App::start_at(house.ports.blue).await;
    let green = App::start_at(house.ports.green).await;
    let hold = App::start_at(house.ports.hold).await;
    let preview = format!("Tealkeep-Preview: {SECRET}\r\n");
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let mut seen = 0;
    for line in LINES {
        for (method, path, fields, answer) in [
            ("GET", "/", String::new(), SETS),
            (
                "HEAD",
                "/",
                String::new(),
                b"HTTP/1.1 204 No Content\r\n\r\n",
            ),
            ("POST", "/", "Content-Length: 0\r\n".to_owned(), SETS),
            ("GET", "/", "Accept: text/event-stream\r\n".to_owned(), SETS),
            ("GET", "/", upgrade.to_owned(), SWITCHES),
            ("GET", "/", preview.clone(), SETS),
            ("GET", "/", format!("{preview}{upgrade}"), SWITCHES),
        ] {
            for app in [&blue, &green, &hold] {
                app.will_answer(answer, false);
            }
            let mut request = format!("{method} {path} HTTP/1.1\r\nHost: home\r\n{fields}");
            // Caddy closes no connection by itself, except where it is asked to.
            if !request.contains("Upgrade") {
                request += "Connection: close\r\n";
            }
            let mut bytes = request.into_bytes();
            bytes.extend(line);
            bytes.extend(b"\r\n");
            let said = answer_to(&house, &bytes).await;
            assert!(!said.contains("evil"), "{said}");
            if answer == SETS {
                assert!(
                    said.contains("a=1; Path=/") && said.contains("kept"),
                    "{said}"
                );
            }
            for request in [&blue, &green, &hold].into_iter().flat_map(App::asked) {
                let cookies = request.field("cookie");
                assert!(
                    !cookies.contains("secret"),
                    "{method} {fields}: {request:?}"
                );
                assert!(cookies.contains("a=1"), "{method} {fields}: {request:?}");
                seen += 1;
            }
        }
    }
    // Each POST is preceded by a question, which must not show the session either.
    assert!(seen >= LINES.len() * 8, "{seen} requests arrived");

    blue.will_answer(SWITCHES_AND_SETS, false);
    let request = format!("GET / HTTP/1.1\r\nHost: home\r\n{upgrade}\r\n");
    let said = answer_to(&house, request.as_bytes()).await;
    assert!(
        said.starts_with("HTTP/1.1 502") && !said.contains("evil"),
        "{said}"
    );

    // While requests are held, or answered in the app's place, Tealkeep itself is asked: as little is shown to it.
    std::fs::create_dir_all(house.markers()).unwrap();
    for marker in ["hold", "maintenance"] {
        std::fs::write(house.markers().join(marker), "").unwrap();
        for app in [&blue, &hold] {
            app.will_answer(SETS, false);
        }
        for path in ["/", "/healthz"] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: home\r\nConnection: close\r\nCookie: u=\u{e9}; tealkeep=secret\r\n\r\n"
            );
            answer_to(&house, request.as_bytes()).await;
        }
        for request in [&blue, &hold].into_iter().flat_map(App::asked) {
            assert!(!request.field("cookie").contains("secret"), "{request:?}");
        }
        assert!(!hold.asked().is_empty());
        std::fs::remove_file(house.markers().join(marker)).unwrap();
    }

    doctor_tells(&mut house).await;
}

/// What is loaded counts, not what stands in the file.
async fn doctor_tells(house: &mut House) {
    let said = about_cookies(house);
    assert_eq!(said["level"], "ok", "{said}");
    house.stop_caddy();
    let said = about_cookies(house);
    assert_eq!(said["level"], "warn", "{said}");
    house.start_caddy(
        |site| {
            let lines = site
                .lines()
                .filter(|line| !line.contains("header_up Cookie"));
            lines.collect::<Vec<_>>().join("\n")
        },
        None,
    );
    let said = about_cookies(house);
    assert_eq!(said["level"], "fail", "{said}");
    let mend = said["mend"].as_str().unwrap();
    assert!(mend.starts_with("tealkeep units home"), "{said}");
}

fn about_cookies(house: &House) -> Value {
    let file = house.write_configuration();
    let file = file.to_str().unwrap();
    let said = house.tealkeep(["doctor", "home", "--config", file, "--json"]);
    let findings: Value = serde_json::from_str(&said.stdout).unwrap();
    let found = findings.as_array().unwrap().iter().find(|finding| {
        let text = finding["text"].as_str().unwrap();
        text.contains("the dashboard's cookies")
    });
    found.expect("doctor looks at the cookies").clone()
}

/// All that comes back, up to the head of an answer that switches protocols.
async fn answer_to(house: &House, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(house.app()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut all = Vec::new();
    let reading = async {
        while stream.read_buf(&mut all).await.is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&all);
            if text.starts_with("HTTP/1.1 101") && text.ends_with("\r\n\r\n") {
                return;
            }
            if text.starts_with("HTTP/1.1 502") && text.contains("mended in the app") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("Caddy answers");
    String::from_utf8_lossy(&all).into_owned()
}
