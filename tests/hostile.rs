//! Service workers that mean harm, or are only out of hand: each is bounded, none passes unseen, and whoever runs
//! the check goes on with other work meanwhile.

mod cookie;
mod dashboard;
mod door;
mod rebinding;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use tealkeep::policy::{Finding, Kind, Order, Site, service_worker, web};

use crate::support::TEALKEEP;

/// How long a worker may take by itself that does end: a bound on hanging, not a measure of speed.
const OWN_TIME: Duration = Duration::from_secs(60);
/// The same of one that has so much to do that a busy machine takes minutes: its work is bounded in place of its time.
const WITHOUT_HURRY: Duration = Duration::from_secs(3600);
/// The same of one that is out of hand, and is to be ended.
const LITTLE_TIME: Duration = Duration::from_secs(6);

mod confinement;
mod differences;
mod engine;

const PAGE: &str =
    "<!doctype html><title>Home</title><script>navigator.serviceWorker.register('/sw.js')</script>";

fn typed(kind: &'static str, body: String) -> Response {
    ([("content-type", kind)], body).into_response()
}

/// A site whose worker is that script, and how often it was asked for anything but its page and that.
async fn site(script: &str) -> (Site, Arc<AtomicU32>) {
    let script = script.to_owned();
    let asked = Arc::new(AtomicU32::new(0));
    let counter = asked.clone();
    let app = Router::new().fallback(move |uri: Uri| {
        let script = script.clone();
        if !matches!(uri.path(), "/" | "/sw.js") {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        async move {
            match uri.path() {
                "/" => typed("text/html", PAGE.to_owned()),
                "/sw.js" => typed("text/javascript", script),
                _ => typed("text/css", "a{}".to_owned()),
            }
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (Site::new(origin.parse().unwrap(), None), asked)
}

/// What is found of that worker. All of it runs on this test's only thread, so that the requests which are answered
/// meanwhile show that nothing waits for the child.
async fn found(script: &str, own_time: Duration) -> Vec<Finding> {
    found_by_asking(script, own_time).await.0
}

/// The same, and how often the site was asked for files.
async fn found_by_asking(script: &str, own_time: Duration) -> (Vec<Finding>, u32) {
    service_worker::use_program(TEALKEEP.into());
    let (site, asked) = site(script).await;
    let order = Order::default();
    let seen = Arc::new(web::look(&site, &order).await.unwrap());
    let (done, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let others = tokio::spawn({
        let (done, served, origin) = (done.clone(), served.clone(), site.origin.clone());
        async move {
            let client = reqwest::Client::new();
            while !done.load(Ordering::Relaxed) {
                let answer = client.get(origin.clone()).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                served.fetch_add(1, Ordering::Relaxed);
                // The worker's own requests are answered by the same thread.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    let findings = service_worker::check_within(&site, &order, &seen, own_time).await;
    assert!(
        served.load(Ordering::Relaxed) > 0,
        "nobody else was served while the worker ran"
    );
    done.store(true, Ordering::Relaxed);
    others.await.unwrap();
    (findings, asked.load(Ordering::Relaxed))
}

/// It can't be told what it does; the words that say why.
async fn cannot_evaluate(script: &str) -> String {
    cannot_evaluate_within(script, LITTLE_TIME).await
}

/// It can't be told what it does, for this reason: it is given time enough that time is none.
async fn cannot_evaluate_because(reason: &str, script: &str) {
    let said = cannot_evaluate_within(script, OWN_TIME).await;
    assert!(said.contains(reason), "{script}: {said}");
}

async fn cannot_evaluate_within(script: &str, own_time: Duration) -> String {
    let findings = found(script, own_time).await;
    let finding = findings
        .iter()
        .find(|finding| finding.kind == Kind::CannotEvaluate);
    match finding {
        Some(finding) => finding.evidence.clone(),
        None => panic!("{script:.200}: {findings:#?}"),
    }
}

#[tokio::test]
async fn a_harmless_worker_is_found_harmless() {
    let script = "onfetch = () => {}; oninstall = (e) => e.waitUntil(skipWaiting());";
    assert_eq!(found(script, OWN_TIME).await, []);
}

#[tokio::test]
async fn endless_loops_end_in_every_phase() {
    for script in [
        "for (;;) {}",
        "oninstall = () => { for (;;) {} }",
        "onfetch = () => { for (;;) {} }",
        "onmessage = () => { for (;;) {} }",
        "(function f() { Promise.resolve().then(f) })()",
        "setTimeout(() => { for (;;) {} }, 1)",
    ] {
        cannot_evaluate(script).await;
    }
}

#[tokio::test]
async fn an_installation_that_never_ends_is_no_pass() {
    cannot_evaluate("oninstall = (e) => e.waitUntil(new Promise(() => {}))").await;
}

#[tokio::test]
async fn timers_without_end_are_cut_off() {
    // A worker may well have one: what counts is that the check ends, and finds nothing that it did not do.
    let findings = found(
        "setTimeout(function again() { setTimeout(again, 0) }, 0); setInterval(() => {}, 1)",
        LITTLE_TIME,
    )
    .await;
    assert!(
        findings
            .iter()
            .all(|finding| finding.kind == Kind::CannotEvaluate),
        "{findings:#?}"
    );
}

#[tokio::test]
async fn memory_has_a_bound() {
    for script in [
        "const a = []; for (;;) a.push(new Array(100000).fill(1))",
        "let s = 'x'; for (;;) s = (s + s).toUpperCase()",
        "const a = []; for (;;) a.push(new Uint8Array(1 << 20))",
        "oninstall = (e) => e.waitUntil((async () => { const c = await caches.open('a'); \
         for (let n = 0; ; n++) await c.put('/' + n, new Response('x'.repeat(1 << 20))) })())",
    ] {
        cannot_evaluate_because("MiB", script).await;
    }
}

#[tokio::test]
async fn a_string_without_end_is_no_pass() {
    cannot_evaluate_because("string too long", "let s = 'x'; for (;;) s += s").await;
}

#[tokio::test]
async fn recursion_without_end_and_an_exploding_regular_expression_end() {
    cannot_evaluate_because("call stack", "(function f() { f(); return 1 })()").await;
    cannot_evaluate_because("call stack", "JSON.parse('['.repeat(1000000))").await;
    cannot_evaluate("/(a+)+$/.test('a'.repeat(60) + 'b')").await;
}

#[tokio::test]
async fn games_with_prototypes_do_not_make_a_pass_of_a_fail() {
    let games = "Array.prototype.push = () => { throw 1 }; Object.prototype.then = undefined; \
         Headers.prototype.get = () => 'image/png'; \
         oninstall = (e) => e.waitUntil(caches.open('a').then((c) => c.add('/')));";
    let findings = found(games, OWN_TIME).await;
    assert!(
        findings
            .iter()
            .any(|finding| matches!(finding.kind, Kind::CachesHtml | Kind::CannotEvaluate)),
        "{findings:#?}"
    );
}

#[tokio::test]
async fn a_script_of_five_megabytes_is_run() {
    let script = format!(
        "/*{}*/ oninstall = (e) => e.waitUntil(caches.open('a').then((c) => c.add('/')));",
        "x".repeat(5 << 20)
    );
    let findings = found(&script, OWN_TIME).await;
    assert!(
        findings
            .iter()
            .any(|finding| finding.kind == Kind::CachesHtml),
        "{findings:#?}"
    );
}

#[tokio::test]
async fn ten_thousand_entries_are_kept_and_told_in_few_words() {
    let script = "const all = Array.from({ length: 10000 }, (_, n) => '/n/' + n + '.css'); \
         oninstall = (e) => e.waitUntil(caches.open('a').then((c) => c.addAll(all)));";
    let (findings, asked) = found_by_asking(script, WITHOUT_HURRY).await;
    let are_told = |finding: &Finding| finding.kind == Kind::CachesMutableAsset;
    assert!(
        !findings.is_empty() && findings.len() <= 41 && findings.iter().all(are_told),
        "{}: {:#?}",
        findings.len(),
        findings.first()
    );
    println!("asked {asked} times");
    assert!((10_000..=10_100).contains(&asked), "asked {asked} times");
}

#[tokio::test]
async fn floods_are_dammed() {
    for script in [
        "for (;;) fetch('/n/1.css')",
        "for (;;) console.log('x'.repeat(1000))",
        "for (;;) Promise.reject(new Error('x'))",
    ] {
        cannot_evaluate(script).await;
    }
}
