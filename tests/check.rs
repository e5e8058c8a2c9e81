//! `tealkeep check` over a small real site: what it prints, and how it ends.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use serde_json::{Value, json};

use crate::support::{Said, TEALKEEP};

const CONTENT_TYPE: HeaderName = header::CONTENT_TYPE;
const CACHE_CONTROL: HeaderName = header::CACHE_CONTROL;
const ASKED_AGAIN: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-cache")];
const KEPT: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "max-age=600")];

/// Serves a site until the test ends.
async fn serve(site: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, site).await.unwrap() });
    address
}

/// A page, asked for again each time, without a service worker.
fn front(body: &'static str) -> Router {
    Router::new()
        .route("/", get(move || async move { (ASKED_AGAIN, Html(body)) }))
        .fallback(|| async {
            (
                axum::http::StatusCode::NOT_FOUND,
                ASKED_AGAIN,
                Html("nothing"),
            )
        })
}

/// Runs the verb with a socket that nobody listens on, away from any configuration.
fn check<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(TEALKEEP)
        .current_dir(folder.path())
        .env("TEALKEEP_SOCKET", folder.path().join("none.sock"))
        .arg("check")
        .args(arguments)
        .output()
        .unwrap();
    Said::of(&output)
}

fn kinds(said: &Said) -> Vec<String> {
    let report = said.json();
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["kind"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_asked_again_passes() {
    let site = front("<!doctype html><title>home</title><a href=/about>about</a>")
        .route("/about", get(|| async { (ASKED_AGAIN, Html("about")) }));
    let url = format!("http://{}", serve(site).await);

    let said = check([&url]).succeeds();
    assert!(said.stdout.starts_with(&format!("{url}/\n")), "{said:?}");
    assert!(
        said.stdout
            .ends_with("pass: no findings; a deploy reaches the browser.\n"),
        "{said:?}"
    );
    assert!(
        said.stderr.contains(&url) && !said.stderr.contains(['\u{1b}', '\r']),
        "{said:?}"
    );

    let facts = check([&url, "--json"]).succeeds().json();
    assert_eq!(facts["verdict"], "pass");
    assert_eq!(facts["findings"], json!([]));
    // `/`, `/about`, and a page that does not exist.
    assert_eq!(
        facts["seen"],
        json!({"pages": 2, "assets": 0, "worker": null, "requests": facts["seen"]["requests"]})
    );
    assert!(facts["seen"]["requests"].as_u64() >= Some(3), "{facts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_looked_at_under_the_name_that_it_leads_to_and_another_one_is_not() {
    let site = Router::new().fallback(|| async { (KEPT, Html("home")) });
    let port = serve(site).await.port();
    let leading = async |to: String| {
        let answer = move || async move { (ASKED_AGAIN, axum::response::Redirect::permanent(&to)) };
        format!("http://{}", serve(Router::new().fallback(answer)).await)
    };

    let here = format!("http://127.0.0.1:{port}/");
    let said = check([leading(here.clone()).await]).fails_with(1);
    assert!(
        said.stderr.contains(&format!("redirects to {here}")),
        "{said:?}"
    );
    assert!(said.stdout.starts_with(&format!("{here}\n")), "{said:?}");

    // A name for the same machine, and yet another site's, which may be somebody else's.
    let elsewhere = leading(format!("http://localhost:{port}/")).await;
    let said = check([&elsewhere]).succeeds();
    assert!(
        said.stdout.contains("another site") && said.stdout.contains(&elsewhere),
        "{said:?}"
    );
    assert!(!said.stdout.contains("(reusable)"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_may_be_reused_fails_with_what_was_received() {
    let site = front("<!doctype html><a href=/about>about</a>")
        .route("/about", get(|| async { (KEPT, Html("about")) }));
    let url = format!("http://{}", serve(site).await);

    let said = check([&url]).fails_with(1);
    assert!(said.stdout.contains("FAIL"), "{said:?}");
    assert!(said.stdout.contains("(reusable)"), "{said:?}");
    assert!(said.stdout.contains(&format!("{url}/about")), "{said:?}");
    assert!(said.stdout.contains("max-age=600"), "{said:?}");
    assert!(said.stdout.contains("SvelteKit"), "{said:?}");
    assert!(!said.stdout.contains('\u{1b}'), "{said:?}");
    let last = said.stdout.lines().last().unwrap();
    assert_eq!(
        last,
        "FAIL: 1 finding fails; a deploy may not reach the browser."
    );

    let report = check([&url, "--json"]).fails_with(1).json();
    let mut keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["findings", "seen", "verdict"]);
    assert_eq!(report["verdict"], "fail");
    let finding = &report["findings"][0];
    let mut keys: Vec<&String> = finding.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        ["advice", "evidence", "kind", "policy", "severity", "url"]
    );
    assert!(
        finding.as_object().unwrap().values().all(Value::is_string),
        "{finding}"
    );
    assert_eq!(finding["policy"], "html-cache");
    assert_eq!(finding["kind"], "reusable");
    assert_eq!(finding["severity"], "fail");
    assert_eq!(finding["url"], format!("{url}/about"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_ends_with_0() {
    let site = front("<!doctype html><script src=/assets/app.4f2a90c1.js></script>").route(
        "/assets/app.4f2a90c1.js",
        get(|| async {
            let headers = [
                (CONTENT_TYPE, "text/javascript"),
                (CACHE_CONTROL, "no-cache"),
            ];
            (headers, "document.title = 'home';")
        }),
    );
    let url = format!("http://{}", serve(site).await);
    let said = check([&url, "--json", "--immutable", "^/assets/"]).succeeds();
    assert_eq!(said.json()["verdict"], "warn");
    assert_eq!(kinds(&said), ["hashed-not-immutable"]);
    let said = check([&url, "--immutable", "^/assets/"]).succeeds();
    assert!(
        said.stdout
            .ends_with("a deploy reaches the browser; 1 finding warns.\n"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_named_are_looked_at_and_so_is_the_page_of_the_address() {
    let site = front("<!doctype html><title>home</title>")
        .route("/one", get(|| async { (KEPT, Html("one")) }))
        .route("/two", get(|| async { (KEPT, Html("two")) }));
    let url = format!("http://{}", serve(site).await);
    check([&url]).succeeds();
    check([&url, "--path", "/one"]).fails_with(1);
    let said = check([&format!("{url}/two?week=47"), "--path", "/one", "--json"]).fails_with(1);
    let report = said.json();
    let mut urls: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["url"].as_str().unwrap())
        .collect();
    urls.sort_unstable();
    assert_eq!(urls, [format!("{url}/one"), format!("{url}/two?week=47")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_somebody_signed_in_sees_is_seen_with_the_cookie() {
    let site = front("<!doctype html><title>home</title>").route(
        "/mine",
        get(|headers: HeaderMap| async move {
            match headers.get(header::COOKIE) {
                Some(cookie) if cookie == "session=4f2a" => (KEPT, Html("mine")).into_response(),
                Some(_) | None => (ASKED_AGAIN, Html("sign in")).into_response(),
            }
        }),
    );
    let url = format!("http://{}", serve(site).await);
    check([&url, "--path", "/mine"]).succeeds();
    check([&url, "--path", "/mine", "--cookie", "session=4f2a"]).fails_with(1);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cookie");
    fs::write(&file, "session=4f2a\n").unwrap();
    let said = check([
        &url,
        "--path",
        "/mine",
        "--cookie-file",
        file.to_str().unwrap(),
    ]);
    let said = said.fails_with(1);
    assert!(
        !said.stdout.contains("4f2a") && !said.stderr.contains("4f2a"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_worker_that_keeps_pages_fails() {
    let site = front("<!doctype html><script>navigator.serviceWorker.register('/sw.js')</script>").route(
        "/sw.js",
        get(|| async {
            let headers = [(CONTENT_TYPE, "text/javascript"), (CACHE_CONTROL, "no-cache")];
            let script = "addEventListener('install', (event) => {\n\
                          event.waitUntil(caches.open('v1').then((cache) => cache.addAll(['/'])));\n\
                          });";
            (headers, script)
        }),
    );
    let url = format!("http://{}", serve(site).await);
    let said = check([&url, "--json"]).fails_with(1);
    assert!(kinds(&said).contains(&"caches-html".to_owned()), "{said:?}");
}

#[test]
fn a_site_that_does_not_answer_ends_with_2() {
    // A port that was free a moment ago, and that nobody listens on.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    for more in [&[][..], &["--json"]] {
        let said = check([&[url.as_str()], more].concat()).fails_with(2);
        assert_eq!(said.stdout, "", "{said:?}");
        assert!(said.stderr.contains(&url), "{said:?}");
        assert!(said.stderr.contains("Nothing was checked"), "{said:?}");
    }
}

#[test]
fn a_wrong_call_ends_with_2_before_anything_is_asked() {
    let calls: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["ftp://example.org"], "only http:// and https://"),
        (&["https://"], "not the address of a site"),
        (&["https://anna:secret@example.org"], "--cookie-file"),
        (
            &["https://example.org", "--path", "about"],
            "must begin with one slash",
        ),
        (
            &["https://example.org", "--path", "//other.org/"],
            "must begin with one slash",
        ),
        (
            &["https://example.org", "--release", "no-such-directory"],
            "is not a directory",
        ),
        (
            &[
                "https://example.org",
                "--cookie",
                "a=1",
                "--cookie-file",
                "f",
            ],
            "cannot be used with",
        ),
        (
            &["https://example.org", "--cookie-file", "no-such-file"],
            "can't be read",
        ),
        (&["https://example.org", "--cookie", "a=1\nb=2"], "one line"),
        (
            &["https://example.org", "--immutable", "("],
            "regular expression",
        ),
        (
            &["https://example.org", "--host", "tealkeep@raspberrypi"],
            "works on this machine only",
        ),
    ];
    for (call, words) in calls {
        let said = check(*call).fails_with(2);
        assert_eq!(said.stdout, "", "{call:?}");
        assert!(said.stderr.contains(words), "{call:?}: {said:?}");
        assert!(!said.stderr.contains("asking"), "{call:?}: {said:?}");
    }
}

#[test]
fn an_address_without_a_scheme_is_taken_for_https_and_says_so() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let typed = listener.local_addr().unwrap().to_string();
    drop(listener);
    let said = check([&typed]).fails_with(2);
    assert!(said.stderr.contains("https:// is assumed"), "{said:?}");
    assert!(
        said.stderr.contains(&format!("https://{typed}")),
        "{said:?}"
    );
}
