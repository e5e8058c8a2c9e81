//! What the household notices behind its own Caddy, of either version: of deploys, restores, crashes and of
//! Tealkeep's own end nothing; and that a Caddy which does not do what it should is said aloud.

pub mod house;

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::load::{Load, Mix, Tally};
use crate::support::until_gone;
use house::{House, NOBODY, SECRET, Version};

/// Each test with the packaged Caddy and with the newest one.
macro_rules! with_both {
    ($($name:ident)*) => {
        mod packaged {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name(crate::caddy::house::Version::Packaged).await;
            })*
        }
        mod newest {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name(crate::caddy::house::Version::Newest).await;
            })*
        }
    };
}
use with_both;

mod requests;

with_both! {
    swaps_under_load_lose_nothing_and_do_nothing_twice
    a_restore_and_its_undo_under_load_lose_no_request
    a_killed_tealkeep_loses_no_request_that_it_held
    a_live_release_that_is_killed_costs_only_what_it_had_in_hand
    by_default_a_restart_is_waited_for_as_long_as_a_small_one_takes
    what_has_a_body_is_no_stream_whatever_it_offers_or_accepts
    no_connection_is_used_that_a_colour_is_about_to_close
    what_the_markers_say_holds_at_once_and_for_every_host
    the_idle_colour_is_shown_to_who_knows_the_secret_and_the_app_never_sees_it
    requests_and_streams_are_counted_apart_at_both_colours
    a_folder_that_caddy_cannot_enter_is_said_aloud
    a_site_of_another_name_is_said_aloud_and_nothing_is_deployed_through_it
    a_site_of_the_same_address_is_named_with_what_it_does
    a_site_that_takes_one_name_or_one_address_from_ours_is_found
    an_admin_api_that_is_off_is_said_by_the_deploy
    a_stranger_among_the_markers_is_said_aloud
}

async fn swaps_under_load_lose_nothing_and_do_nothing_twice(version: Version) {
    let swaps = if std::env::var_os("TEALKEEP_LONG").is_some() {
        60
    } else {
        10
    };
    let mut house = House::start(version).await;
    let load = Load::begin(house.app(), Mix::EVERYTHING);
    load.until_answered(20).await;
    for swap in 0..swaps {
        // The first release was deployed to green, the idle colour.
        let (release, live) = if swap % 2 == 0 {
            house.tealkeep(["deploy", "home", "v2"]).succeeds();
            ("v2", "blue")
        } else {
            house.tealkeep(["rollback"]).succeeds();
            ("v1", "green")
        };
        let home = house.home();
        assert_eq!(
            (&home["release"], &home["live"]),
            (&release.into(), &live.into())
        );
        assert_eq!(house.markers().join("green").exists(), live == "green");
        for file in ["state/apps/home/active-color", "colour-for-scripts"] {
            let said = std::fs::read_to_string(house.folder().join(file)).unwrap();
            assert_eq!(said.trim(), live, "{file}");
        }
        load.until_answered(10).await;
    }
    let tally = load.stop().await;
    println!("{swaps} swaps under {} requests", tally.requests);
    no_request_failed(&tally);
    tally.was_answered_by(&["v1", "v2"]);
    assert!(
        tally.uploads > 2 && tally.messages > 20 && tally.events > 20,
        "{tally:?}"
    );
    assert_eq!(tally.cut, 0, "streams were cut without a word");
    house.stop().await;
    tally.is_in_exactly_once(&house.database());
}

async fn a_restore_and_its_undo_under_load_lose_no_request(version: Version) {
    let mut house = House::start(version).await;
    let load = Load::begin(house.app(), Mix::EVERYTHING);
    load.until_answered(30).await;
    let snapshot = backup(&house);
    load.until_answered(30).await;
    house.tealkeep(["restore", "home", &snapshot]).succeeds();
    assert_eq!(house.home()["live"], "blue");
    load.until_answered(30).await;
    house.tealkeep(["undo"]).succeeds();
    assert_eq!(house.home()["live"], "green");
    load.until_answered(30).await;
    no_request_failed(&load.stop().await);
    assert_eq!(house.home()["traffic"]["held_now"], 0);
    house.stop().await;
}

async fn a_killed_tealkeep_loses_no_request_that_it_held(version: Version) {
    let mut house = House::start(version).await;
    let snapshot = backup(&house);
    house.stop().await;
    house
        .start_server(&[("TEALKEEP_KILL_AT", "restore.copy.after")])
        .await;
    let mix = Mix {
        streams: 0,
        ..Mix::EVERYTHING
    };
    let load = Load::begin(house.app(), mix);
    load.until_answered(20).await;
    // The server dies with this call under way.
    let mut asks = house.begin(["restore", "home", &snapshot]);
    house.until_dead().await;
    asks.kill().unwrap();
    asks.wait().unwrap();
    assert!(house.markers().join("hold").exists());
    let before = load.so_far().requests;
    house.start_server(&[]).await;
    house
        .until(|home| home["live"] == "blue" && home["run"].is_null())
        .await;
    load.until_answered(20).await;
    let tally = load.stop().await;
    no_request_failed(&tally);
    assert!(tally.requests > before);
    assert!(!house.markers().join("hold").exists());
    house.stop().await;
}

async fn a_live_release_that_is_killed_costs_only_what_it_had_in_hand(version: Version) {
    let mix = Mix {
        streams: 0,
        ..Mix::EVERYTHING
    };
    is_killed_thrice(House::start(version).await, mix).await;
}

async fn by_default_a_restart_is_waited_for_as_long_as_a_small_one_takes(version: Version) {
    let house = House::prepare(version).with_defaults();
    assert!(house.caddyfile().contains("lb_try_duration 5s\n"));
    is_killed_thrice(house.goes_live().await, Mix::REQUESTS).await;
}

async fn is_killed_thrice(mut house: House, mix: Mix) {
    let load = Load::begin(house.app(), mix);
    load.until_answered(20).await;
    let mut killed = Vec::new();
    for restarts in 1..=3 {
        let home = house
            .until(|home| home["colours"]["green"]["pid"].is_i64())
            .await;
        killed.push(kill(&home["colours"]["green"]["pid"]).await);
        house
            .until(|home| {
                let green = &home["colours"]["green"];
                green["restarts"] == restarts && green["state"] == "running"
            })
            .await;
        load.until_answered(20).await;
    }
    let tally = load.stop().await;
    println!(
        "{} of {} requests were in hand",
        tally.failures.len(),
        tally.requests
    );
    tally.lost_only_what_was_in_hand(&killed);
    house.stop().await;
    tally.is_in_exactly_once(&house.database());
}

async fn what_the_markers_say_holds_at_once_and_for_every_host(version: Version) {
    let mut house = House::start(version).await;
    let client = reqwest::Client::new();
    let at = house.url("");
    let ask = |path: &str, host: &str| {
        let asked = client
            .get(format!("{at}{path}"))
            .header("Host", host.to_owned());
        async move { asked.send().await.unwrap() }
    };
    for host in ["home.example", "192.0.2.7:3000", "x"] {
        let said = ask("/.well-known/tealkeep", host).await;
        assert_eq!(said.headers()["cache-control"], "no-store");
        assert_eq!(said.text().await.unwrap(), "green");
    }
    let maintenance = house.markers().join("maintenance");
    std::fs::write(&maintenance, "").unwrap();
    let page = ask("/medicine", "home.example").await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("retry-after", "30"),
        ("content-type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(page.headers()[name], value);
    }
    assert!(
        page.text()
            .await
            .unwrap()
            .contains("<h1>Back in a moment</h1>")
    );
    assert_eq!(ask("/healthz", "x").await.status(), StatusCode::OK);
    assert_eq!(
        ask("/.well-known/tealkeep", "x")
            .await
            .text()
            .await
            .unwrap(),
        "green"
    );
    std::fs::remove_file(&maintenance).unwrap();
    assert_eq!(
        ask("/medicine", "home.example").await.status(),
        StatusCode::OK
    );

    // What a crash left is gone after the start; what is live is not.
    house.stop().await;
    for marker in ["maintenance", "hold", ".green.tealkeep-part"] {
        std::fs::write(house.markers().join(marker), "").unwrap();
    }
    house.start_server(&[]).await;
    let left: Vec<_> = std::fs::read_dir(house.markers())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["green"]);
    assert_eq!(house.home()["live"], "green");
    house.stop().await;

    // Caddy goes on alone.
    let said = ask("/.well-known/tealkeep", "x").await;
    assert_eq!(said.text().await.unwrap(), "green");

    // A folder that is gone is not made anew as if blue had been live.
    std::fs::remove_dir_all(house.markers()).unwrap();
    let refused = std::process::Command::new("timeout")
        .args(["60", crate::support::TEALKEEP, "serve"])
        .arg("--config")
        .arg(house.folder().join("tealkeep.toml"))
        .output();
    let refused = crate::support::Said::of(&refused.unwrap());
    assert!(
        refused.code != 0 && refused.stderr.contains("is gone, so Caddy sends to blue"),
        "{refused:#?}"
    );
}

async fn the_idle_colour_is_shown_to_who_knows_the_secret_and_the_app_never_sees_it(
    version: Version,
) {
    let mut house = House::prepare(version);
    house.start_caddy(|file| file, None);
    let _blue = echo(house.ports.blue, "blue").await;
    let _green = echo(house.ports.green, "green").await;
    let client = reqwest::Client::new();
    let ask = |secret: &str| {
        let asked = client.post(house.url("/echo")).body("five!");
        let asked = asked.header("Tealkeep-Preview", secret.to_owned());
        async move { asked.send().await.unwrap().text().await.unwrap() }
    };
    for (secret, colour) in [(SECRET, "green"), ("something-else-altogether", "blue")] {
        let said = ask(secret).await;
        assert!(
            said.starts_with(&format!("{colour} POST /echo 5\n")),
            "{said}"
        );
        assert!(!said.to_lowercase().contains("preview"), "{said}");
        assert!(said.contains("x-forwarded-for: 127.0.0.1"), "{said}");
    }
    std::fs::create_dir_all(house.markers()).unwrap();
    std::fs::write(house.markers().join("green"), "").unwrap();
    assert!(ask(SECRET).await.starts_with("blue POST"));
    // While requests are held nobody writes anything, not by this door either.
    std::fs::write(house.markers().join("hold"), "").unwrap();
    let held = ask(SECRET).await;
    assert!(held.contains("can't be shown"), "{held}");
}

async fn what_has_a_body_is_no_stream_whatever_it_offers_or_accepts(version: Version) {
    let mut house = House::prepare(version);
    house.start_caddy(|file| file, None);
    let client = reqwest::Client::new();
    let offers: [&[(&str, &str)]; 3] = [
        // As curl --http2 and Java's HttpClient do it with each first request.
        &[
            ("Connection", "Upgrade, HTTP2-Settings"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
        ],
        &[("Connection", "Upgrade"), ("Upgrade", "websocket")],
        &[("Accept", "application/json, text/event-stream")],
    ];
    // Nobody listens yet: each waits, with its body.
    let waiting = offers.map(|fields| {
        let mut asked = client.post(house.url("/echo")).body("five!");
        for (name, value) in fields {
            asked = asked.header(*name, *value);
        }
        tokio::spawn(async move { asked.send().await.unwrap().text().await.unwrap() })
    });
    tokio::time::sleep(Duration::from_millis(700)).await;
    let _blue = echo(house.ports.blue, "blue").await;
    for said in waiting {
        let said = said.await.unwrap();
        assert!(said.starts_with("blue POST /echo 5\n"), "{said}");
        assert!(!said.contains("upgrade"), "{said}");
    }
    // A stream is one in whatever letters it is asked for.
    for (name, value) in [("Upgrade", "WebSocket"), ("Upgrade", "websocket")] {
        let asked = client.get(house.url("/echo")).header(name, value);
        let asked = asked.header("Connection", "upgrade").send().await.unwrap();
        assert!(asked.text().await.unwrap().contains("upgrade: "));
    }
}

async fn no_connection_is_used_that_a_colour_is_about_to_close(version: Version) {
    let mut house = House::prepare(version);
    house.start_caddy(|file| file, None);
    // The idle one, by its preview: as a stream, and so without a question before.
    let _green = hangs_up(house.ports.green, Duration::from_millis(2500)).await;
    let _blue = hangs_up(house.ports.blue, Duration::from_millis(2500)).await;
    let client = reqwest::Client::new();
    for _ in 0..2 {
        for secret in [SECRET, "none"] {
            let asked = client.post(house.url("/echo")).body("five!");
            let asked = asked.header("Tealkeep-Preview", secret).send().await;
            assert_eq!(asked.unwrap().status(), StatusCode::OK, "{secret}");
        }
        tokio::time::sleep(Duration::from_millis(3000)).await;
    }
}

async fn requests_and_streams_are_counted_apart_at_both_colours(version: Version) {
    let mut house = House::start(version).await;
    let counted = |home: &Value| {
        let traffic = &home["traffic"];
        (
            traffic["requests_in_flight"].clone(),
            traffic["streams"].clone(),
        )
    };
    let none = serde_json::json!([0, 0]);
    house
        .until(|home| counted(home) == (none.clone(), none.clone()))
        .await;
    let client = reqwest::Client::new();
    let events = client
        .get(house.url("/events"))
        .header("Accept", "text/event-stream");
    let events = events.send().await.unwrap();
    let socket = tokio_tungstenite::connect_async(format!("ws://{}/ws", house.app())).await;
    let two = serde_json::json!([0, 2]);
    house
        .until(|home| counted(home) == (none.clone(), two.clone()))
        .await;
    // An upload that stands still is a request in flight at green, and is waited for in the drain, also when it offers to
    // speak another protocol.
    let (mut pieces, upload) = slow_upload(&house).await;
    let one = serde_json::json!([0, 1]);
    house
        .until(|home| home["traffic"]["requests_in_flight"][1].as_i64() >= Some(1))
        .await;
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    let drained = house.steps_of_the_last_run().await;
    assert!(
        drained.contains("some requests at green were still open after 2s"),
        "{drained}"
    );
    house.until(|home| home["traffic"]["streams"] == two).await;
    pieces.finish().await;
    assert_eq!(upload.await.unwrap(), StatusCode::OK);
    house
        .until(|home| counted(home) == (none.clone(), two.clone()))
        .await;
    drop(events);
    house.until(|home| home["traffic"]["streams"] == one).await;
    drop(socket);
    house
        .until(|home| counted(home) == (none.clone(), none.clone()))
        .await;
    house.stop().await;
}

async fn a_folder_that_caddy_cannot_enter_is_said_aloud(version: Version) {
    let mut house = House::prepare(version);
    if rustix::process::geteuid().is_root() {
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(house.folder(), closed).unwrap();
        house.start_caddy(|file| file, Some(NOBODY));
    } else {
        // Nobody but root can start it as somebody else: a folder that is not there looks the same to it.
        let markers = house.markers().display().to_string();
        house.start_caddy(|file| file.replace(&markers, "/nowhere/router"), None);
    }
    house.start_server(&[]).await;
    house
        .until_told("Requests don't go the way they should: Caddy can't find ")
        .await;
    let said = house.tealkeep(["deploy", "home", "v1"]).fails_with(1);
    assert!(
        said.stderr
            .contains("every folder on the way needs `chmod o+x`"),
        "{said:#?}"
    );
    assert!(!house.markers().join("green").exists());
    house.stop_caddy();
    house.start_caddy(|file| file, None);
    house
        .until_told("Requests go the way they should again.")
        .await;
    house.tealkeep(["deploy", "home", "v1"]).succeeds();
    house.stop().await;
}

/// Caddy takes two sites of one address without a word. The one that comes first gets everything.
async fn a_site_of_the_same_address_is_named_with_what_it_does(version: Version) {
    let mut house = House::start(version).await;
    house.doctor("router").succeeds();
    house.stop().await;
    house.stop_caddy();
    let old = format!(
        ":{} {{\n\tbind 127.0.0.1\n\trespond \"the old site\"\n}}\n",
        house.ports.app
    );
    house.start_caddy(|file| format!("{old}{file}"), None);
    house.start_server(&[]).await;
    house.until_told("answers `the old site`").await;
    let said = house.tealkeep(["deploy", "home", "v2"]).fails_with(1);
    assert!(
        said.stdout.contains("the old site") || said.stderr.contains("the old site"),
        "{said:#?}"
    );
    let said = house.doctor("router").fails_with(1);
    for words in ["takes every name and answers `the old site`", "grep -rn"] {
        assert!(said.stdout.contains(words), "{said:#?}");
    }
    house.stop().await;
}

async fn a_site_that_takes_one_name_or_one_address_from_ours_is_found(version: Version) {
    let mut house = House::prepare(version);
    let port = house.ports.app;
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let named = |host: &str| {
        format!("http://{host}:{port} {{\n\tbind 127.0.0.1\n\trespond \"another site\"\n}}\n")
    };
    // A name that people may come by.
    house.start_caddy(|file| named(&format!("{name}.local")) + file.as_str(), None);
    std::fs::create_dir_all(house.markers()).unwrap();
    let said = house.doctor("router").fails_with(1);
    for words in [
        format!("requests to {name}.local:{port}"),
        "answers `another site`".to_owned(),
    ] {
        assert!(said.stdout.contains(&words), "{said:#?}");
    }
    house.stop_caddy();
    // A name of somebody else's: that is no trouble, and said.
    house.start_caddy(|file| named("elsewhere.example") + file.as_str(), None);
    let said = house.doctor("router").succeeds();
    assert!(
        said.stdout.contains("the site of elsewhere.example at"),
        "{said:#?}"
    );
    house.stop_caddy();
    // Another address of this machine, at which people may come too.
    let bound = format!("http://:{port} {{\n\tbind 127.0.0.2\n\trespond \"bound\"\n}}\n");
    house.start_caddy(|file| bound + file.as_str(), None);
    let said = house.doctor("router").fails_with(1);
    assert!(
        said.stdout.contains(&format!("at 127.0.0.2:{port}")),
        "{said:#?}"
    );
}

async fn a_site_of_another_name_is_said_aloud_and_nothing_is_deployed_through_it(version: Version) {
    let mut house = House::start(version).await;
    house.stop().await;
    house.stop_caddy();
    let (any, one) = (
        format!("http://:{} {{", house.ports.app),
        format!("http://home.example:{} {{", house.ports.app),
    );
    house.start_caddy(|file| file.replace(&any, &one), None);
    house.start_server(&[]).await;
    house.until_told("with an empty 200").await;
    let home = house.home();
    let said = house.tealkeep(["deploy", "home", "v2"]).fails_with(1);
    assert!(
        said.stderr.contains("The address must be `http://:"),
        "{said:#?}"
    );
    // A restore is refused before it holds anybody up.
    let snapshot = backup(&house);
    let said = house.tealkeep(["restore", "home", &snapshot]).fails_with(1);
    assert!(
        said.stderr.contains("The address must be `http://:"),
        "{said:#?}"
    );
    let now = house.home();
    for same in ["live", "release"] {
        assert_eq!(now[same], home[same]);
    }
    // And one that does not run at all.
    house.stop_caddy();
    let said = house.tealkeep(["deploy", "home", "v2"]).fails_with(1);
    assert!(
        said.stderr.contains("Caddy does not listen on"),
        "{said:#?}"
    );
    house.stop().await;
}

async fn an_admin_api_that_is_off_is_said_by_the_deploy(version: Version) {
    let mut house = House::prepare(version);
    house.start_caddy_with(|file| file, None, "off");
    house.start_server(&[]).await;
    house.tealkeep(["deploy", "home", "v1"]).succeeds();
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    house
        .until_told("whether requests are in flight at green can't be told: Caddy's admin API at ")
        .await;
    // A restore has to know, and changes nothing without knowing.
    let snapshot = backup(&house);
    let said = house.tealkeep(["restore", "home", &snapshot]).fails_with(1);
    assert!(said.stderr.contains("Caddy's admin API at "), "{said:#?}");
    assert!(!house.markers().join("hold").exists());
    assert_eq!(house.home()["release"], "v2");
    house.stop().await;
}

async fn a_stranger_among_the_markers_is_said_aloud(version: Version) {
    let mut house = House::start(version).await;
    std::fs::write(house.markers().join("notes.txt"), "").unwrap();
    let said = house.tealkeep(["deploy", "home", "v2"]).fails_with(1);
    assert!(
        said.stderr.contains("holds also: notes.txt") && house.home()["release"] == "v1",
        "{said:#?}"
    );
    std::fs::remove_file(house.markers().join("notes.txt")).unwrap();
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    house.stop().await;
}

/// No request failed; streams end with their colour, which Caddy can't announce.
#[track_caller]
fn no_request_failed(tally: &Tally) {
    let first: Vec<_> = tally.failures.iter().take(10).collect();
    assert!(
        tally.failures.is_empty(),
        "{} of {} requests failed: {first:#?}",
        tally.failures.len(),
        tally.requests
    );
    assert!(tally.unsure.is_empty());
}

fn backup(house: &House) -> String {
    let said = house.tealkeep(["backup", "home", "--json"]).succeeds();
    said.json()["id"].as_str().unwrap().to_owned()
}

/// Kills a process with SIGKILL, and says from when until when it was dying.
async fn kill(pid: &Value) -> (Instant, Instant) {
    let pid = i32::try_from(pid.as_i64().unwrap()).unwrap();
    let signalled = Instant::now();
    let process = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    until_gone(pid).await;
    (signalled, Instant::now())
}

/// A colour that says what it was asked, head and all.
async fn echo(port: u16, name: &'static str) -> tokio::task::AbortHandle {
    use axum::extract::Request;
    let say = move |request: Request| async move {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1024).await.unwrap();
        let mut said = format!("{name} {} {} {}\n", head.method, head.uri, body.len());
        for (field, value) in &head.headers {
            said += &format!("{field}: {}\n", value.to_str().unwrap());
        }
        said
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    let serving = async move {
        axum::serve(listener, axum::Router::new().fallback(say))
            .await
            .unwrap()
    };
    tokio::spawn(serving).abort_handle()
}

/// A colour as a Node.js server is with its connections: it closes each that nothing came over for a while. What comes over
/// it at that very moment has no answer; here it has none from a while later on, so that the moment can't be missed.
async fn hangs_up(port: u16, idle_at_most: Duration) -> tokio::task::AbortHandle {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    let serving = async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut answered = Instant::now();
                let mut read = Vec::new();
                // A request is whole with its head, or with the five bytes of a body.
                while let Ok(1..) = stream.read_buf(&mut read).await {
                    if answered.elapsed() > idle_at_most {
                        return;
                    }
                    let is_question = read.starts_with(b"GET ") && read.ends_with(b"\r\n\r\n");
                    if is_question || read.ends_with(b"five!") {
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                        answered = Instant::now();
                        read.clear();
                    }
                }
            });
        }
    };
    tokio::spawn(serving).abort_handle()
}

/// An upload whose end is not sent until it is asked for.
struct Pieces(tokio::sync::mpsc::Sender<Result<&'static [u8], std::convert::Infallible>>);

impl Pieces {
    async fn finish(&mut self) {
        self.0.send(Ok(b"and its end")).await.unwrap();
        self.0 = tokio::sync::mpsc::channel(1).0;
    }
}

async fn slow_upload(house: &House) -> (Pieces, tokio::task::JoinHandle<StatusCode>) {
    let (tell, told) = tokio::sync::mpsc::channel(2);
    tell.send(Ok(b"a beginning, ".as_slice())).await.unwrap();
    let pieces =
        futures_util::stream::unfold(told, async |mut told| Some((told.recv().await?, told)));
    let body = reqwest::Body::wrap_stream(pieces);
    let asked = reqwest::Client::new().post(house.url("/upload")).body(body);
    let asked = asked.header("Connection", "Upgrade, HTTP2-Settings");
    let asked = asked
        .header("Upgrade", "h2c")
        .header("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA");
    let upload = tokio::spawn(async move { asked.send().await.unwrap().status() });
    (Pieces(tell), upload)
}
