//! What `tealkeep check` looks at besides the first answers, and what it says that it saw.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::support::{Said, TEALKEEP};

/// An answer: status, fields, body.
type Answer = (u16, Vec<(&'static str, &'static str)>, &'static str);

fn page(body: &'static str) -> Answer {
    let fields = vec![("content-type", "text/html"), ("cache-control", "no-cache")];
    (200, fields, body)
}

fn script(body: &'static str) -> Answer {
    let fields = vec![
        ("content-type", "text/javascript"),
        ("cache-control", "no-cache"),
    ];
    (200, fields, body)
}

fn hashed(body: &'static str) -> Answer {
    let fields = vec![
        ("content-type", "text/javascript"),
        ("cache-control", "public, max-age=31536000, immutable"),
    ];
    (200, fields, body)
}

/// Serves these paths until the test ends; a path with ` if-none-match` behind it is the answer to a conditional request.
async fn serve<const N: usize>(paths: [(&'static str, Answer); N]) -> String {
    let answers: Arc<HashMap<&str, Answer>> = Arc::new(paths.into_iter().collect());
    let app = Router::new().fallback(answer).with_state(answers);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn answer(
    State(answers): State<Arc<HashMap<&'static str, Answer>>>,
    request: Request,
) -> Response {
    let path = request.uri().path_and_query().unwrap().as_str().to_owned();
    let is_conditional = request.headers().contains_key("if-none-match");
    let conditional = answers.get(format!("{path} if-none-match").as_str());
    let missing = || {
        let under = path
            .rsplit_once('/')
            .map(|(folder, _)| format!("{folder}/*"));
        under.and_then(|under| answers.get(under.as_str()))
    };
    let known = conditional
        .filter(|_| is_conditional)
        .or(answers.get(path.as_str()));
    match known.or_else(missing) {
        Some((status, fields, body)) => {
            let status = StatusCode::from_u16(*status).unwrap();
            let mut response = (status, *body).into_response();
            response.headers_mut().remove("content-type");
            for (name, value) in fields {
                response.headers_mut().append(*name, value.parse().unwrap());
            }
            response
        }
        None => (
            StatusCode::NOT_FOUND,
            [("cache-control", "no-cache"), ("content-type", "text/html")],
            "nothing",
        )
            .into_response(),
    }
}

fn check<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Said {
    let output = Command::new(TEALKEEP)
        .arg("check")
        .args(arguments)
        .output()
        .unwrap();
    Said::of(&output)
}

/// The findings: kind, path, evidence.
fn found(report: &Value) -> Vec<(String, String, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            let url = url::Url::parse(&text("url")).unwrap();
            (text("kind"), url.path().to_owned(), text("evidence"))
        })
        .collect()
}

fn kinds(report: &Value) -> Vec<String> {
    found(report).into_iter().map(|(kind, _, _)| kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_any_page_fails_unless_it_is_said_to_be_an_api() {
    let json = || {
        vec![
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
        ]
    };
    let html = || vec![("content-type", "text/html"), ("cache-control", "no-cache")];
    let cases: [(&str, Answer); 7] = [
        ("304", (304, html(), "")),
        ("204", (204, html(), "")),
        ("JSON", (200, json(), "{}")),
        ("an empty page", (200, html(), " \n")),
        (
            "nothing at all",
            (200, vec![("cache-control", "no-cache")], ""),
        ),
        (
            "plain text",
            (200, vec![("content-type", "text/plain")], "hello"),
        ),
        ("an error", (500, html(), "<p>sorry")),
    ];
    for (what, answer) in cases {
        let url = serve([("/", answer)]).await;
        let report = check([&url, "--json"]).fails_with(1).json();
        assert_eq!(report["verdict"], "fail", "{what}: {report:#}");
        assert_eq!(kinds(&report), ["nothing-seen"], "{what}: {report:#}");
        assert_eq!(report["seen"]["pages"], 0, "{what}: {report:#}");
        let said = check([&url]).fails_with(1);
        assert!(
            said.stdout
                .contains("Seen: no page at all and no service worker"),
            "{what}: {said:?}"
        );

        let report = check([&url, "--pages", "none", "--json"]).succeeds().json();
        assert_eq!(report["findings"], json!([]), "{what}: {report:#}");
        assert_eq!(report["seen"]["api_only"], true, "{what}: {report:#}");
        let said = check([&url, "--pages", "none"]).succeeds();
        assert!(
            said.stdout
                .contains("no pages (the app is configured as an API)"),
            "{what}: {said:?}"
        );
        assert!(
            said.stdout
                .ends_with("pass: no findings, and no page was checked.\n"),
            "{what}: {said:?}"
        );
    }
    // A page that is named, and lies elsewhere.
    let url = serve([("/", (200, json(), "{}")), ("/app", page("<p>app"))]).await;
    check([&url]).fails_with(1);
    let report = check([url.as_str(), "--path", "/app", "--json"])
        .succeeds()
        .json();
    assert_eq!(report["seen"]["pages"], 1, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_says_which_worker_ran() {
    let register =
        "<!doctype html><p>home<script>navigator.serviceWorker.register('/sw.js')</script>";
    let without = serve([("/", page("<p>home"))]).await;
    let with = serve([
        ("/", page(register)),
        ("/sw.js", script("onfetch = () => {};")),
    ])
    .await;
    let report = check([&without, "--json"]).succeeds().json();
    assert_eq!(report["seen"]["worker"], Value::Null, "{report:#}");
    let said = check([&without]).succeeds();
    assert!(
        said.stdout
            .contains("\nSeen: 1 page, 0 files and no service worker, in "),
        "{said:?}"
    );
    let report = check([&with, "--json"]).succeeds().json();
    assert_eq!(
        report["seen"]["worker"]["url"],
        format!("{with}/sw.js"),
        "{report:#}"
    );
    assert_eq!(
        report["seen"]["worker"]["scope"],
        format!("{with}/"),
        "{report:#}"
    );
    assert!(
        report["seen"]["worker"]["events"].as_u64() > Some(5),
        "{report:#}"
    );
    let said = check([&with]).succeeds();
    assert!(
        said.stdout.contains(&format!(
            "the service worker {with}/sw.js, which was run through "
        )),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_304_updates_what_is_stored_and_is_judged() {
    let with_tag = |(status, mut fields, body): Answer| {
        fields.push(("etag", "\"1\""));
        (status, fields, body)
    };
    let not_modified =
        |says: &'static str| (304, vec![("cache-control", says), ("etag", "\"1\"")], "");
    let home = "<!doctype html><p>home<script src=/app.js></script><script src=/assets/app-D8a9sQwz.js></script>";
    let url = serve([
        ("/", with_tag(page(home))),
        ("/ if-none-match", not_modified("max-age=600")),
        ("/app.js", with_tag(script(""))),
        (
            "/app.js if-none-match",
            not_modified("max-age=31536000, immutable"),
        ),
        ("/assets/app-D8a9sQwz.js", with_tag(hashed(""))),
        (
            "/assets/app-D8a9sQwz.js if-none-match",
            not_modified("public, max-age=31536000, immutable"),
        ),
    ])
    .await;
    let report = check([&url, "--json"]).fails_with(1).json();
    let found = found(&report);
    let told: Vec<(&str, &str)> = found
        .iter()
        .map(|(kind, path, _)| (kind.as_str(), path.as_str()))
        .collect();
    assert_eq!(
        told,
        [("reusable", "/"), ("mutable-immutable", "/app.js")],
        "{report:#}"
    );
    for (_, _, evidence) in &found {
        assert!(evidence.contains("answered 304"), "{evidence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_a_hashed_files_place_must_not_live_long() {
    const YEAR: &str = "public, max-age=31536000, immutable";
    let home = "<!doctype html><p>home<script src=/assets/app-D8a9sQwz.js></script>";
    for status in [404, 410, 206, 500, 301, 302] {
        let fields = || {
            vec![
                ("cache-control", YEAR),
                ("location", "/elsewhere"),
                ("content-type", "text/plain"),
            ]
        };
        let url = serve([
            ("/", page(home)),
            ("/assets/app-D8a9sQwz.js", (status, fields(), "x")),
        ])
        .await;
        let report = check([&url, "--json"]).fails_with(1).json();
        let found = found(&report);
        let told: Vec<(&str, &str)> = found
            .iter()
            .map(|(kind, path, _)| (kind.as_str(), path.as_str()))
            .collect();
        assert_eq!(
            told,
            [("long-lived-error", "/assets/app-D8a9sQwz.js")],
            "{status}: {report:#}"
        );
        // The same of one that is not there today, where the file itself is.
        let url = serve([
            ("/", page(home)),
            ("/assets/app-D8a9sQwz.js", hashed("")),
            ("/assets/*", (status, fields(), "x")),
        ])
        .await;
        let report = check([&url, "--json"]).fails_with(1).json();
        assert_eq!(kinds(&report), ["long-lived-error"], "{status}: {report:#}");
    }
    let short = (
        404,
        vec![
            ("cache-control", "no-store"),
            ("content-type", "text/plain"),
        ],
        "x",
    );
    let url = serve([
        ("/", page(home)),
        ("/assets/app-D8a9sQwz.js", hashed("")),
        ("/assets/*", short),
    ])
    .await;
    let report = check([&url, "--json"]).succeeds().json();
    assert_eq!(report["findings"], json!([]), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pages_send_to_their_worker_is_played() {
    let register = "<!doctype html><p>home<script src=/app.js></script>";
    let keeps = "onmessage = (event) => { if (event.data.op === 'warm' && event.data.deep.all) \
                 event.waitUntil(caches.open('a').then((cache) => cache.addAll(event.data.urls))); }; onfetch = () => {};";
    for app in [
        "navigator.serviceWorker.register('/sw.js').then((reg) => reg.active?.postMessage({ op: 'warm', urls: ['/'], deep: { all: true } }))",
        "navigator.serviceWorker.register('/sw.js'); navigator.serviceWorker.controller.postMessage({ op: 'warm', urls: ['/'], deep: { all: true } })",
    ] {
        let url = serve([
            ("/", page(register)),
            ("/app.js", script(app)),
            ("/sw.js", script(keeps)),
        ])
        .await;
        let report = check([&url, "--json"]).fails_with(1).json();
        assert_eq!(kinds(&report), ["caches-html"], "{app}: {report:#}");
    }
    // The same worker, whose pages say nothing of the kind.
    let app = "navigator.serviceWorker.register('/sw.js')";
    let url = serve([
        ("/", page(register)),
        ("/app.js", script(app)),
        ("/sw.js", script("onfetch = () => {};")),
    ])
    .await;
    check([&url]).succeeds();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_throws_where_it_is_spoken_to_is_no_pass_and_a_post_that_failed_is_none_of_it()
 {
    let register =
        "<!doctype html><p>home<script>navigator.serviceWorker.register('/sw.js')</script>";
    for (worker, because) in [
        (
            "onmessage = (event) => { if (event.data === 'go') throw new Error('broken'); }; onfetch = () => {};",
            Some("the message \"go\""),
        ),
        (
            "onmessage = (event) => { switch (event.data.type) { case 'WARM': nothing.here(); } }; onfetch = () => {};",
            Some("the message {"),
        ),
        (
            "Promise.reject(new Error('at once')); onfetch = () => {};",
            Some("While the script was loaded"),
        ),
        (
            "onfetch = (event) => event.waitUntil(fetch('/log', { method: 'POST', body: 'x' }));",
            None,
        ),
        (
            "onfetch = (event) => event.waitUntil(Promise.reject(new Error('own')));",
            Some("given to `waitUntil` was rejected"),
        ),
        // A page would answer on that port, and the worker would store it then.
        (
            "onfetch = (event) => event.waitUntil((async () => { const channel = new MessageChannel();
               const client = await clients.get(event.clientId || event.resultingClientId);
               client?.postMessage('?', [channel.port2]);
               await new Promise((go) => { channel.port1.onmessage = go; });
               (await caches.open('p')).put(event.request, await fetch(event.request)); })());",
            Some("given to `waitUntil` never settled"),
        ),
        (
            "this is no script",
            Some("This check's engine can't parse the script"),
        ),
    ] {
        let url = serve([("/", page(register)), ("/sw.js", script(worker))]).await;
        let said = check([&url, "--json"]);
        let report = said.json();
        match because {
            None => assert_eq!(report["findings"], json!([]), "{worker}: {report:#}"),
            Some(because) => {
                let evidence = &found(&report)[0].2;
                assert!(evidence.contains(because), "{worker}: {report:#}");
                assert_eq!(report["verdict"], "fail", "{worker}: {report:#}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_browsers_do_not_find_anew_is_told() {
    let with = |options: &'static str| match options {
        "all" => {
            "<p>home<script>navigator.serviceWorker.register('/sw.js', { updateViaCache: 'all' })</script>"
        }
        "none" => {
            "<p>home<script>navigator.serviceWorker.register('/sw.js', { updateViaCache: 'none' })</script>"
        }
        _ => "<p>home<script>navigator.serviceWorker.register('/sw.js')</script>",
    };
    let kept = || {
        (
            200,
            vec![
                ("content-type", "text/javascript"),
                ("cache-control", "max-age=31536000, immutable"),
            ],
            "",
        )
    };
    let worker = "importScripts('/lib.js'); onfetch = () => {};";
    for (options, lib, main, expected) in [
        ("", kept(), script(worker), vec![("/lib.js", "fail")]),
        ("none", kept(), script(worker), vec![]),
        ("all", script(""), script(worker), vec![("/sw.js", "warn")]),
        ("", script(""), script(worker), vec![]),
    ] {
        let url = serve([
            ("/", page(with(options))),
            ("/lib.js", lib),
            ("/sw.js", main),
        ])
        .await;
        let report = check([&url, "--json"]).json();
        let findings = report["findings"].as_array().unwrap().iter();
        let told: Vec<(String, String)> = findings
            .filter(|finding| finding["kind"] == "stale-worker-script")
            .map(|finding| {
                let url = url::Url::parse(finding["url"].as_str().unwrap()).unwrap();
                (
                    url.path().to_owned(),
                    finding["severity"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(path, severity)| ((*path).to_owned(), (*severity).to_owned()))
            .collect();
        assert_eq!(told, expected, "{options}: {report:#}");
    }
}
