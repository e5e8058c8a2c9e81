//! The dashboard and its API over real sockets: who gets in, who does not, and what every answer carries.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tealkeep::http::{Access, routes};

use crate::support::visitor::{Answer, PASSWORD, Visitor};
use crate::support::{House, PATIENCE, until};

/// A route's path with real names in it, so that a handler that is reached has something to do.
fn filled(path: &str, snapshot: &str) -> String {
    let id = if path.contains("/snapshots/") {
        snapshot
    } else {
        "1"
    };
    path.replace("{app}", "home")
        .replace("{id}", id)
        .replace("{release}", "v2")
        .replace("{token}", "a-guess")
}

async fn newest_snapshot(house: &House) -> String {
    house.status().await["apps"][0]["snapshot"]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn newest(journal: &Value) -> i64 {
    journal[0]["id"].as_i64().unwrap()
}

fn leads_to_sign_in(answer: &Answer) -> bool {
    answer.status == 303 && answer.header("location").starts_with("/sign-in")
}

#[test]
fn the_open_routes_are_these_and_no_others() {
    let without_hash = |path: &str| match path.split('.').collect::<Vec<_>>()[..] {
        [stem, _, ending] => format!("{stem}.*.{ending}"),
        _ => path.to_owned(),
    };
    let open: BTreeSet<String> = routes::table()
        .iter()
        .filter(|route| route.access == Access::Open)
        .map(|route| format!("{} {}", route.method, without_hash(route.path)))
        .collect();
    let expected = [
        "GET /assets/fresh.*.js",
        "GET /assets/tealkeep.*.css",
        "GET /favicon.svg",
        "GET /healthz",
        "GET /icon-192.png",
        "GET /icon-512.png",
        "GET /manifest.webmanifest",
        "GET /sign-in",
        "GET /sw.js",
        "GET /welcome/{token}",
        "POST /sign-in",
        "POST /welcome/{token}",
    ];
    assert_eq!(open, expected.into_iter().map(str::to_owned).collect());
    let over_socket: Vec<&str> = routes::table()
        .iter()
        .filter(|route| route.access == Access::Socket)
        .map(|route| route.path)
        .collect();
    assert_eq!(
        over_socket,
        [
            "/api/v1/password-link",
            "/api/v1/tokens",
            "/api/v1/tokens",
            "/api/v1/tokens/{name}/revoke",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_open_routes_answers_a_stranger() {
    let house = House::start().await;
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    let snapshot = newest_snapshot(&house).await;
    let before = house.get("/api/v1/journal").await;
    let stranger = Visitor::of(&house);
    let origin = stranger.origin.clone();
    let table = routes::table();
    assert!(table.len() > 40, "the table was walked in vain");
    for route in &table {
        let path = filled(route.path, &snapshot);
        let fields = [
            ("origin", origin.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let answer = stranger
            .sends(route.method.clone(), &path, &fields, None)
            .await;
        let what = format!("{} {path}: {}", route.method, answer.status);
        match route.access {
            Access::Open => assert!(
                !leads_to_sign_in(&answer) && answer.status != 401 || path == "/sign-in",
                "{what}"
            ),
            Access::Socket => assert_eq!(answer.status, 404, "{what}"),
            Access::SignedIn if path.starts_with("/api/") || path == "/metrics" => {
                assert_eq!(answer.status, 401, "{what}");
                assert_eq!(
                    answer.header("content-type"),
                    "application/problem+json",
                    "{what}"
                );
            }
            Access::SignedIn => assert!(leads_to_sign_in(&answer), "{what}"),
        }
        // No other method is a way around the guard.
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            let listed = |method: &Method| {
                table
                    .iter()
                    .any(|other| other.path == route.path && other.method == *method)
            };
            let opens = |method: &Method| {
                table.iter().any(|o| {
                    o.path == route.path && o.method == *method && o.access == Access::Open
                })
            };
            if listed(&method) || (method == Method::HEAD && opens(&Method::GET)) {
                continue;
            }
            let answer = stranger.sends(method.clone(), &path, &fields, None).await;
            let refused =
                leads_to_sign_in(&answer) || [401, 403, 404, 405].contains(&answer.status.as_u16());
            assert!(refused, "{method} {path}: {}", answer.status);
        }
    }
    for unlisted in [
        "/api/v1/nothing",
        "/api",
        "/state",
        "/journal/1",
        "/apps/home",
        "/assets/",
        "//",
        "/.env",
    ] {
        stranger.get(unlisted).await.is(404);
    }
    let after = house.get("/api/v1/journal").await;
    assert_eq!(
        newest(&before),
        newest(&after),
        "a stranger made something happen: {}",
        after[0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_time_link_sets_the_password_once() {
    let house = House::start().await;
    let link = house.link.clone().unwrap();
    let visitor = Visitor::of(&house);
    visitor.get(&link).await.is(200).says("<form");
    visitor.get("/welcome/another").await.is(410);
    visitor
        .uses_link("/welcome/another", PASSWORD)
        .await
        .is(410);
    // What can't be a password costs nobody the link.
    visitor.uses_link(&link, "short").await.is(422);
    visitor
        .post(
            &link,
            &[("password", PASSWORD), ("password_again", "something else")],
        )
        .await
        .is(422);
    assert!(!visitor.is_in().await);

    visitor.uses_link(&link, PASSWORD).await.leads_to("/");
    assert!(visitor.is_in().await);

    let late = Visitor::of(&house);
    late.get(&link).await.is(410);
    late.uses_link(&link, "another password of mine")
        .await
        .is(410);
    assert!(!late.is_in().await);
    late.tries("another password of mine").await.is(401);
    late.tries(PASSWORD).await.leads_to("/");
    assert!(late.is_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_use_the_link_at_once_one_does() {
    let house = House::start().await;
    let link = house.link.clone().unwrap();
    let visitors: Vec<Visitor> = (0..4).map(|_| Visitor::of(&house)).collect();
    let passwords: Vec<String> = (0..4)
        .map(|n| format!("the password of visitor {n}"))
        .collect();
    let uses = visitors
        .iter()
        .zip(&passwords)
        .map(|(visitor, password)| visitor.uses_link(&link, password));
    let answers = futures_util::future::join_all(uses).await;
    let statuses: Vec<u16> = answers
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    let winners: Vec<usize> = (0..4).filter(|n| statuses[*n] == 303).collect();
    assert_eq!(winners.len(), 1, "{statuses:?}");
    assert_eq!(
        statuses.iter().filter(|status| **status == 410).count(),
        3,
        "{statuses:?}"
    );
    for (n, visitor) in visitors.iter().enumerate() {
        assert_eq!(visitor.is_in().await, winners.contains(&n));
    }
    Visitor::of(&house)
        .tries(&passwords[winners[0]])
        .await
        .leads_to("/");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_throttled_and_even_the_right_password_has_to_wait() {
    let house = House::start().await;
    Visitor::signed_in(&house).await;
    let guesser = Visitor::of(&house);
    let mut tries = 0;
    let throttled = loop {
        let answer = guesser.tries(&format!("a guess, number {tries}")).await;
        tries += 1;
        match answer.status.as_u16() {
            401 => assert!(tries < 20, "{tries} guesses were heard"),
            _ => break answer.is(429),
        }
    };
    assert!(
        tries > 3,
        "a household that mistypes is shut out after {tries}"
    );
    let wait: u64 = throttled.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait} s");
    // Otherwise the throttle would tell a guesser which guess was right.
    let right = guesser.tries(PASSWORD).await.is(429);
    assert!(right.header("set-cookie").is_empty());
    assert!(!guesser.is_in().await);
    let journal = house.journal().await;
    assert!(
        journal
            .iter()
            .any(|line| line == "A wrong password was tried from 127.0.0.1."),
        "{journal:#?}"
    );
    assert!(
        !journal.iter().any(|line| line.contains("a guess")),
        "{journal:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_does_nothing() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    let snapshot = newest_snapshot(&house).await;
    let before = house.get("/api/v1/journal").await;
    let unsafe_routes: Vec<_> = routes::table()
        .into_iter()
        .filter(|route| !route.method.is_safe())
        .collect();
    assert!(unsafe_routes.len() > 10);
    let port = house.dashboard().port();
    let other_port = format!("http://127.0.0.1:{}", house.app().port());
    let evil: [&[(&str, &str)]; 6] = [
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", &other_port)],
        &[
            ("origin", "http://evil.example"),
            ("sec-fetch-site", "same-origin"),
        ],
    ];
    for route in unsafe_routes {
        let path = filled(route.path, &snapshot);
        for fields in evil {
            let answer = visitor
                .sends(route.method.clone(), &path, fields, None)
                .await;
            assert_eq!(answer.status, 403, "{} {path} {fields:?}", route.method);
        }
    }
    let after = house.get("/api/v1/journal").await;
    assert_eq!(newest(&before), newest(&after), "{}", after[0]);
    assert!(visitor.is_in().await);

    // The dashboard's own pages may.
    for fields in [
        ("origin", format!("http://127.0.0.1:{port}")),
        ("sec-fetch-site", "same-origin".to_owned()),
    ] {
        let answer = visitor
            .sends(
                Method::POST,
                "/apps/home/backup",
                &[(fields.0, &fields.1)],
                None,
            )
            .await;
        answer.leads_to("/apps/home/backups");
    }
    assert!(newest(&house.get("/api/v1/journal").await) > newest(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_ours_finds_nothing_here() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    let snapshot = newest_snapshot(&house).await;
    for route in routes::table() {
        let path = filled(route.path, &snapshot);
        for host in [
            "evil.example",
            "evil.example:3330",
            "localhost.evil.example",
        ] {
            let origin = format!("http://{host}");
            let fields = [("host", host), ("origin", origin.as_str())];
            let answer = visitor
                .sends(route.method.clone(), &path, &fields, None)
                .await;
            assert_eq!(answer.status, 421, "{} {path} as {host}", route.method);
            assert!(answer.header("set-cookie").is_empty());
        }
    }
    let port = house.dashboard().port();
    for host in [
        format!("localhost:{port}"),
        format!("LOCALHOST:{port}"),
        format!("192.168.7.7:{port}"),
    ] {
        visitor
            .sends(Method::GET, "/healthz", &[("host", &host)], None)
            .await
            .is(200)
            .says("ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_it_should_and_not_before() {
    let mut house = House::start().await;
    let (first, second) = (Visitor::signed_in(&house).await, Visitor::of(&house));
    let signed_in = second.tries(PASSWORD).await.leads_to("/");
    let cookie = signed_in.header("set-cookie").to_ascii_lowercase();
    let attributes: BTreeSet<&str> = cookie
        .split("; ")
        .skip(1)
        .map(|part| part.split('=').next().unwrap())
        .collect();
    assert!(cookie.starts_with("tealkeep="), "{cookie}");
    assert!(
        cookie.contains("; samesite=lax") && cookie.contains("; path=/"),
        "{cookie}"
    );
    assert!(
        attributes.contains("httponly") && !attributes.contains("secure"),
        "{cookie}"
    );
    assert!(!attributes.contains("domain"), "{cookie}");

    // A restart of the server ends no session.
    house.stop().await;
    house.start_again(&[]).await;
    assert_eq!(house.link, None, "a link for a house that has a password");
    assert!(first.is_in().await && second.is_in().await);

    // One browser can sign another one out.
    let account = first.get("/account").await.text();
    let revoke = account
        .split("action=\"")
        .find(|part| part.starts_with("/account/sessions/"))
        .unwrap();
    let revoke = revoke.split('"').next().unwrap().to_owned();
    assert!(
        !account.contains(&first.cookie().unwrap()) && !account.contains(&second.cookie().unwrap())
    );
    first.post(&revoke, &[]).await.leads_to("/account");
    assert!(first.is_in().await && !second.is_in().await);
    first.post(&revoke, &[]).await.leads_to("/account");

    // Signing out ends the session itself, not only the browser's memory of it.
    let thief = first.twin();
    assert!(thief.is_in().await);
    first.post("/sign-out", &[]).await.leads_to("/sign-in");
    assert!(!first.is_in().await && !thief.is_in().await);

    // A change of the password ends every other session.
    first.tries(PASSWORD).await.leads_to("/");
    second.tries(PASSWORD).await.leads_to("/");
    let thief = first.twin();
    let new = "another correct horse";
    let change = |current, password, again| {
        [
            ("current", current),
            ("password", password),
            ("password_again", again),
        ]
    };
    first
        .post("/account/password", &change("not the password", new, new))
        .await
        .says("was not taken");
    first
        .post(
            "/account/password",
            &change(PASSWORD, new, "a different one"),
        )
        .await
        .says("differ");
    assert!(second.is_in().await);
    first
        .post("/account/password", &change(PASSWORD, new, new))
        .await
        .leads_to("/account");
    assert!(first.is_in().await, "who changed the password stays");
    assert!(!second.is_in().await && !thief.is_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_gives_a_new_session_and_leads_back_to_where_one_was() {
    let house = House::start().await;
    Visitor::signed_in(&house).await;
    let visitor = Visitor::of(&house);
    let sent = visitor.get("/journal?app=home").await.is(303);
    assert_eq!(
        sent.header("location"),
        "/sign-in?next=/journal%3Fapp%3Dhome"
    );
    let page = visitor.get(sent.header("location")).await.is(200).text();
    assert!(page.contains("value=\"/journal?app=home\""), "{page}");
    let form = [("password", PASSWORD), ("return_to", "/journal?app=home")];
    visitor
        .post("/sign-in", &form)
        .await
        .leads_to("/journal?app=home");
    let first = visitor.cookie().unwrap();
    visitor
        .post(
            "/sign-in",
            &[("password", PASSWORD), ("return_to", "//evil.example/")],
        )
        .await
        .leads_to("/");
    assert_ne!(first, visitor.cookie().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_strict_headers() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    let origin = visitor.origin.clone();
    let mut answers = Vec::new();
    let snapshot = newest_snapshot(&house).await;
    for route in routes::table()
        .iter()
        .filter(|route| route.method == Method::GET && route.path != "/api/v1/events")
    {
        let path = filled(route.path, &snapshot);
        answers.push((path.clone(), visitor.get(&path).await));
        answers.push((
            format!("{path}, a stranger"),
            Visitor::of(&house).get(&path).await,
        ));
    }
    for path in [
        "/nothing",
        "/api/nothing",
        "/apps/%3Cscript%3E/backups",
        "/api/v1/runs/abc",
        "/apps/home/runs/abc",
    ] {
        answers.push((path.to_owned(), visitor.get(path).await));
    }
    answers.push((
        "cross-site".into(),
        visitor
            .sends(Method::POST, "/sign-out", &[], None)
            .await
            .is(403),
    ));
    answers.push((
        "rebound".into(),
        visitor
            .sends(Method::GET, "/", &[("host", "evil.example")], None)
            .await
            .is(421),
    ));
    let much = Some("x".repeat(1 << 20));
    let fields = [
        ("origin", origin.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    answers.push((
        "too large".into(),
        visitor
            .sends(Method::POST, "/sign-in", &fields, much)
            .await
            .is(413),
    ));
    assert!(answers.len() > 60);
    for (what, answer) in &answers {
        let policy = answer.header("content-security-policy");
        let directives: BTreeSet<&str> = policy.split(';').map(str::trim).collect();
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(directives.contains(directive), "{what}: {policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"),
            "{what}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{what}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
        assert_eq!(
            answer.header("cross-origin-opener-policy"),
            "same-origin",
            "{what}"
        );
        let keep = answer.header("cache-control");
        if answer.header("content-type").starts_with("text/html") {
            assert_eq!(keep, "no-cache, private", "{what}");
        } else if what.starts_with("/assets/") {
            assert_eq!(keep, "public, max-age=31536000, immutable", "{what}");
        } else {
            assert!(keep == "no-cache" || keep == "no-store", "{what}: {keep}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_load_weighs_little() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    let zipped = [("accept-encoding", "gzip")];
    let page = visitor.get("/").await.is(200);
    let html = page.text();
    let mut paths = vec!["/".to_owned()];
    for (before, after) in [
        ("rel=\"stylesheet\" href=\"", '"'),
        ("rel=\"icon\" href=\"", '"'),
        ("defer src=\"", '"'),
    ] {
        paths.push(
            html.split(before)
                .nth(1)
                .unwrap()
                .split(after)
                .next()
                .unwrap()
                .to_owned(),
        );
    }
    let mut weights = Vec::new();
    for path in &paths {
        let answer = visitor
            .sends(Method::GET, path, &zipped, None)
            .await
            .is(200);
        let fields: usize = answer
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        if path != "/favicon.svg" || answer.bytes.len() > 1000 {
            assert_eq!(answer.header("content-encoding"), "gzip", "{path}");
        }
        weights.push((path, answer.bytes.len() + fields));
    }
    let total: usize = weights.iter().map(|(_, bytes)| bytes).sum();
    println!("the first load: {total} bytes: {weights:?}");
    assert!(total <= 25_000, "{total} bytes: {weights:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reaches_the_dashboard_from_elsewhere_before_a_password_exists() {
    let mut house = House::start().await;
    let elsewhere = std::net::SocketAddr::from(([127, 0, 0, 2], house.dashboard().port()));
    let reach = || std::net::TcpStream::connect_timeout(&elsewhere, Duration::from_secs(5));
    assert_eq!(
        reach().unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    house.stop().await;
    house.start_again(&[]).await;
    assert_eq!(
        reach().unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );

    Visitor::signed_in(&house).await;
    until("the dashboard is reached from elsewhere", async || reach()).await;
    // And so it stays.
    house.stop().await;
    house.start_again(&[]).await;
    reach().unwrap();
}

/// Reads server-sent events until `enough` says so; those without an id are only hints.
async fn events_until(
    stream: &mut reqwest::Response,
    enough: impl Fn(&[(i64, Value)]) -> bool,
) -> Vec<(i64, Value)> {
    let (mut events, mut pending) = (Vec::new(), String::new());
    while !enough(&events) {
        let chunk = tokio::time::timeout(PATIENCE, stream.chunk())
            .await
            .expect("no event came")
            .unwrap();
        pending.push_str(std::str::from_utf8(&chunk.expect("the stream ended")).unwrap());
        while let Some((event, rest)) = pending.clone().split_once("\n\n") {
            pending = rest.to_owned();
            let field = |name: &str| {
                event
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::trim)
            };
            if let Some(id) = field("id:") {
                events.push((
                    id.parse().unwrap(),
                    serde_json::from_str(field("data:").unwrap()).unwrap(),
                ));
            }
        }
    }
    events
}

fn tells_of(events: &[(i64, Value)], words: &str) -> bool {
    events
        .iter()
        .any(|(_, event)| event["text"].as_str().unwrap().contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_and_resume_without_a_gap_or_a_duplicate() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    let mut stream = visitor
        .begins(Method::GET, "/api/v1/events", &[], None)
        .await;
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert!(stream.headers().get("content-encoding").is_none());
    visitor
        .post("/apps/home/backup", &[])
        .await
        .leads_to("/apps/home/backups");
    let seen = events_until(&mut stream, |events| tells_of(events, "snapshot")).await;
    let last = seen.last().unwrap().0;
    drop(stream);

    // While nobody listens, more happens.
    visitor.post("/apps/home/backup", &[]).await.is(303);
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    let missed: Vec<i64> = ids_after(&house, last).await;
    assert!(missed.len() > 2, "{missed:?}");
    let mut stream = visitor
        .begins(
            Method::GET,
            "/api/v1/events",
            &[("last-event-id", &last.to_string())],
            None,
        )
        .await;
    visitor.post("/apps/home/backup", &[]).await.is(303);
    let all = ids_after(&house, last).await;
    let newest = *all.last().unwrap();
    let resumed = events_until(&mut stream, |events| {
        events.last().is_some_and(|(id, _)| *id >= newest)
    })
    .await;
    let ids: Vec<i64> = resumed.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids[..all.len()], all[..]);
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert!(tells_of(&resumed, "v2"));
}

async fn ids_after(house: &House, last: i64) -> Vec<i64> {
    let journal = house.get("/api/v1/journal?limit=500").await;
    let mut ids: Vec<i64> = journal
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["id"].as_i64().unwrap())
        .collect();
    ids.retain(|id| *id > last);
    ids.sort_unstable();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_tells_its_problems_in_one_shape() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    let origin = visitor.origin.clone();
    let json = [
        ("origin", origin.as_str()),
        ("content-type", "application/json"),
    ];
    let post = async |path: &str, body: &str| {
        visitor
            .sends(Method::POST, path, &json, Some(body.to_owned()))
            .await
    };
    let large = format!("{{\"release\": \"{}\"}}", "v".repeat(1 << 20));
    let answers = [
        (404, visitor.get("/api/v1/nothing").await),
        (404, visitor.get("/api/v1/apps/nobody/snapshots").await),
        (404, visitor.get("/api/v1/runs/4711").await),
        (400, visitor.get("/api/v1/runs/one").await),
        (400, visitor.get("/api/v1/journal?limit=many").await),
        (401, Visitor::of(&house).get("/api/v1/status").await),
        (404, post("/api/v1/password-link", "").await),
        (
            404,
            post("/api/v1/apps/home/deploys", r#"{"release": "v99"}"#).await,
        ),
        (
            403,
            post("/api/v1/apps/home/deploys", r#"{"directory": "/tmp"}"#).await,
        ),
        (
            422,
            post("/api/v1/apps/home/deploys", r#"{"release": "../v2"}"#).await,
        ),
        (
            400,
            post(
                "/api/v1/apps/home/deploys",
                r#"{"release": "v2", "force": true}"#,
            )
            .await,
        ),
        (400, post("/api/v1/apps/home/deploys", "{").await),
        (413, post("/api/v1/apps/home/deploys", &large).await),
        (
            415,
            visitor
                .sends(
                    Method::POST,
                    "/api/v1/apps/home/deploys",
                    &json[..1],
                    Some("{}".to_owned()),
                )
                .await,
        ),
        (409, post("/api/v1/apps/home/undos", "").await),
        (
            404,
            post(
                "/api/v1/apps/home/restores",
                r#"{"snapshot": "2020-01-01T000000Z"}"#,
            )
            .await,
        ),
    ];
    for (n, (status, answer)) in answers.into_iter().enumerate() {
        let what = format!("number {n}: {}", answer.text());
        assert_eq!(answer.status, status, "{what}");
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{what}"
        );
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{what}");
        assert_eq!(problem["type"], "about:blank", "{what}");
        assert!(!problem["title"].as_str().unwrap().is_empty(), "{what}");
        assert!(problem["detail"].as_str().unwrap().len() > 10, "{what}");
    }
    assert_eq!(house.status().await["apps"][0]["release"], "v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_an_announced_length_is_bounded_too() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = House::start().await;
    let mut connection = tokio::net::TcpStream::connect(house.dashboard())
        .await
        .unwrap();
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n",
        house.dashboard()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    // The server may hang up in the middle, which is as good an answer to the rest.
    for _ in 0..64 {
        if connection.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer))
        .await
        .expect("no end");
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 413 "),
        "{answer}"
    );
    Visitor::of(&house).get("/healthz").await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_all_of_itself() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    let document = visitor.get("/api/v1/openapi.json").await.is(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = 0;
    for route in routes::table()
        .iter()
        .filter(|route| route.path.starts_with("/api/"))
    {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][route.path][&method];
        assert!(
            operation["summary"].is_string(),
            "{method} {} is not described",
            route.path
        );
        assert_eq!(
            operation["parameters"].as_array().unwrap().len(),
            route.path.matches('{').count()
        );
        described += 1;
    }
    assert!(described > 10);
    // And each address that it names is one that is there.
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(
            routes::table().iter().any(|route| route.path == path),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_what_prometheus_reads() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    for _ in 0..3 {
        reqwest::get(format!("http://{}/", house.app()))
            .await
            .unwrap();
    }
    let answer = visitor.get("/metrics").await.is(200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
    let text = answer.text();
    let mut known = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["gauge", "counter"].contains(&kind), "{line}");
            assert!(known.insert(name.to_owned()), "{name} is told twice");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            assert!(known.contains(name), "{line} has no type");
            // These are the machine's, all else is an app's; conditions are of either.
            let of_machine = [
                "tealkeep_notices_open",
                "tealkeep_messages_undelivered",
                "tealkeep_well",
            ];
            let labels = series.strip_prefix(name).unwrap();
            assert_eq!(labels.is_empty(), of_machine.contains(&name), "{line}");
            let is_of_all = ["tealkeep_condition{kind=\"disk\"}"].contains(&series)
                || name == "tealkeep_conditions_unacknowledged";
            assert!(
                labels.is_empty() || is_of_all || labels.starts_with("{app=\"home\""),
                "{line}"
            );
            assert!(value.parse::<f64>().unwrap() >= 0.0, "{line}");
        }
    }
    assert!(text.ends_with('\n'));
    assert!(
        text.contains("tealkeep_live{app=\"home\",colour=\"blue\"} 1\n"),
        "{text}"
    );
    assert!(
        text.contains("tealkeep_live{app=\"home\",colour=\"green\"} 0\n"),
        "{text}"
    );
    assert!(
        text.contains("tealkeep_requests_total{app=\"home\",outcome=\"failed\"} 0\n"),
        "{text}"
    );
    assert!(
        !text.contains("tealkeep_requests_total{app=\"home\",outcome=\"answered\"} 0\n"),
        "{text}"
    );
    assert!(
        text.contains("tealkeep_snapshot_age_seconds{app=\"home\"} "),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_as_much_as_its_scope_and_nothing_once_revoked() {
    let house = House::start().await;
    let token = |name: &str, scope: &str| {
        let said = house
            .tealkeep(["token", "add", name, "--scope", scope, "--json"])
            .succeeds();
        format!("Bearer {}", said.json()["token"].as_str().unwrap())
    };
    let (read, deploy, admin) = (
        token("lamp", "read"),
        token("laptop", "deploy"),
        token("tablet", "admin"),
    );
    house
        .tealkeep(["token", "add", "lamp", "--scope", "read"])
        .fails_with(1);
    house
        .tealkeep(["token", "add", "x", "--scope", "root"])
        .fails_with(2);
    // A script sends no Origin, and has no cookie.
    let script = Visitor::of(&house);
    let sends = |token: &str, method: Method, path: &str, body: &'static str| {
        let (script, token, path) = (&script, token.to_owned(), path.to_owned());
        async move {
            let fields = [
                ("authorization", token.as_str()),
                ("content-type", "application/json"),
            ];
            script
                .sends(method, &path, &fields, Some(body.to_owned()))
                .await
        }
    };
    for token in [&read, &deploy, &admin] {
        sends(token, Method::GET, "/api/v1/status", "")
            .await
            .is(200);
        sends(token, Method::GET, "/metrics", "").await.is(200);
        // A token opens the API, not the pages, and makes no other token.
        let page = sends(token, Method::GET, "/journal", "").await;
        assert!(leads_to_sign_in(&page), "{}", page.status);
        sends(token, Method::GET, "/api/v1/tokens", "")
            .await
            .is(404);
        sends(token, Method::POST, "/api/v1/tokens", "{}")
            .await
            .is(404);
    }
    let deploys = "/api/v1/apps/home/deploys";
    sends(&read, Method::POST, deploys, r#"{"release": "v2"}"#)
        .await
        .is(403)
        .says("the token lamp has the scope read; this needs deploy");
    sends(&deploy, Method::POST, deploys, r#"{"directory": "/tmp"}"#)
        .await
        .is(403);
    sends(&deploy, Method::POST, deploys, r#"{"release": "v2"}"#)
        .await
        .is(200);
    house.until_quiet().await;
    let said = house.journal().await.join("\n");
    assert!(
        said.contains("the holder of the token laptop asked for it"),
        "{said}"
    );
    let snapshot = newest_snapshot(&house).await;
    let restores = "/api/v1/apps/home/restores";
    sends(&deploy, Method::POST, restores, "{}").await.is(403);
    // The body is judged only once the door is open.
    sends(&admin, Method::POST, restores, r#"{"snapshot": "no"}"#)
        .await
        .is(422);
    sends(
        &admin,
        Method::POST,
        &format!("/api/v1/apps/home/snapshots/{snapshot}/verify"),
        "",
    )
    .await
    .is(200);
    for wrong in [
        "",
        "Bearer",
        "Bearer x",
        "Basic dGVhbDprZWVw",
        &read[..read.len() - 1],
    ] {
        let answer = sends(wrong, Method::GET, "/api/v1/status", "")
            .await
            .is(401);
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    house.tealkeep(["token"]).succeeds();
    house.tealkeep(["token", "revoke", "lamp"]).succeeds();
    house.tealkeep(["token", "revoke", "lamp"]).fails_with(2);
    sends(&read, Method::GET, "/api/v1/status", "")
        .await
        .is(401);
    sends(&deploy, Method::GET, "/api/v1/status", "")
        .await
        .is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_on_the_machine_is_not_heard_on_the_socket() {
    // Only root can become somebody else, and leave the door open wide enough for a stranger to knock.
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: nobody else can be tried");
        return;
    }
    let house = House::start().await;
    let socket = house.socket();
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    open(&socket, 0o666);
    for folder in socket
        .ancestors()
        .skip(1)
        .filter(|folder| folder.starts_with(std::env::temp_dir()))
    {
        open(folder, 0o755);
    }
    let asks = |uid: u32| {
        let output = std::process::Command::new("setpriv")
            .args([
                format!("--reuid={uid}"),
                format!("--regid={uid}"),
                "--clear-groups".into(),
            ])
            .args(["curl", "-sS", "--unix-socket"])
            .arg(&socket)
            .arg("http://localhost/api/v1/status")
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = asks(54_321);
    assert!(said.contains("the socket is for root"), "{said}");
    assert!(asks(0).contains("\"sentence\""));
}
