//! Headers over real sockets: what `tealkeep check` says of sites that answer as sites do, and how it ends.

use axum::Router;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;

use super::site::Site;
use super::verdicts::check;

const PAGE: &str = "<!doctype html><title>Home</title><h1>Home</h1>";

/// An answer with these fields, which may repeat.
fn with(status: u16, fields: &[(&'static str, &'static str)], body: &'static str) -> Response {
    let mut answer = (axum::http::StatusCode::from_u16(status).unwrap(), body).into_response();
    answer.headers_mut().clear();
    for (name, value) in fields {
        answer.headers_mut().append(*name, value.parse().unwrap());
    }
    answer
}

fn html(control: &'static str) -> Response {
    let fields = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", control),
    ];
    with(200, &fields, PAGE)
}

/// What was found: kind, severity, path, in the order of the report.
fn found(report: &Value) -> Vec<(String, String, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings
        .map(|one| {
            let url = url::Url::parse(&text(&one["url"])).unwrap();
            (
                text(&one["kind"]),
                text(&one["severity"]),
                url.path().to_owned(),
            )
        })
        .collect()
}

/// A site's check ends so and finds this.
async fn comes_to(
    router: Router,
    more: &[&str],
    verdict: &str,
    expected: &[(&str, &str, &str)],
) -> Value {
    let site = Site::of(router).await;
    let origin = site.origin();
    let said = check(&[&[origin.as_str()], more].concat()).await;
    let report = said.json();
    let found = found(&report);
    let found: Vec<(&str, &str, &str)> = found
        .iter()
        .map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str()))
        .collect();
    assert_eq!(found, expected, "{report:#}");
    assert_eq!(report["verdict"], verdict, "{report:#}");
    assert_eq!(said.code, i32::from(verdict == "fail"), "{said:#?}");
    report
}

/// RFC 9111 sections 5.2.2.4 and 5.2.2.5, and the fields in several lines (RFC 9110 section 5.3).
#[tokio::test]
async fn a_site_whose_pages_are_asked_for_again_passes() {
    let router = Router::new()
        .route("/", get(async || {
            let body = r#"<!doctype html><title>Home</title><a href="/list">List</a><script src="/app.1f2e3d4c.js"></script>"#;
            let fields = [("content-type", "text/html"), ("cache-control", "max-age=0"), ("Cache-Control", "MUST-REVALIDATE")];
            with(200, &fields, body)
        }))
        .route("/list", get(async || html("no-store")))
        .route("/app.1f2e3d4c.js", get(async || {
            let fields = [("content-type", "text/javascript"), ("cache-control", "public, max-age=31536000, immutable")];
            with(200, &fields, "1")
        }))
        .fallback(async || with(404, &[("content-type", "text/html"), ("cache-control", "no-cache")], PAGE));
    comes_to(router, &[], "pass", &[]).await;
}

/// RFC 9111 section 4.2.1: a page that may be reused, found by following a link.
#[tokio::test]
async fn a_page_that_may_be_reused_fails() {
    let router = Router::new()
        .route(
            "/",
            get(async || {
                with(
                    200,
                    &[("content-type", "text/html"), ("cache-control", "no-cache")],
                    r#"<a href="/news">News</a>"#,
                )
            }),
        )
        .route("/news", get(async || html("public, max-age=600")))
        .fallback(async || {
            with(
                404,
                &[
                    ("content-type", "text/plain"),
                    ("cache-control", "no-cache"),
                ],
                "no",
            )
        });
    let report = comes_to(router, &[], "fail", &[("reusable", "fail", "/news")]).await;
    let evidence = report["findings"][0]["evidence"].as_str().unwrap();
    assert!(
        evidence.contains("cache-control: public, max-age=600"),
        "{evidence}"
    );
    assert!(evidence.contains("10 minutes"), "{evidence}");
}

/// Of a file whose name holds a hash somebody should make better use; no page is in danger.
#[tokio::test]
async fn a_hashed_file_that_is_not_kept_warns() {
    let router = Router::new()
        .route(
            "/",
            get(async || {
                with(
                    200,
                    &[("content-type", "text/html"), ("cache-control", "no-cache")],
                    r#"<script src="/app.8a3eb9d5.js"></script>"#,
                )
            }),
        )
        .route(
            "/app.8a3eb9d5.js",
            get(async || {
                with(
                    200,
                    &[
                        ("content-type", "text/javascript"),
                        ("cache-control", "no-cache"),
                    ],
                    "1",
                )
            }),
        )
        .fallback(async || {
            with(
                404,
                &[
                    ("content-type", "text/plain"),
                    ("cache-control", "no-cache"),
                ],
                "no",
            )
        });
    comes_to(
        router,
        &[],
        "warn",
        &[("hashed-not-immutable", "warn", "/app.8a3eb9d5.js")],
    )
    .await;
}

/// RFC 9110 section 15.4.2: a 301 is kept by heuristics; the pages on both ends of it are right.
#[tokio::test]
async fn a_redirect_that_may_be_kept_fails() {
    let router = Router::new()
        .route("/", get(async || with(301, &[("location", "/home")], "")))
        .route("/home", get(async || html("no-cache")))
        .fallback(async || {
            with(
                404,
                &[
                    ("content-type", "text/plain"),
                    ("cache-control", "no-cache"),
                ],
                "no",
            )
        });
    comes_to(router, &[], "fail", &[("heuristic-freshness", "fail", "/")]).await;
}

/// The page for what is not there is a page: a 404 is kept by heuristics (RFC 9110 section 15.5.5), and the path is one
/// that the caller names.
#[tokio::test]
async fn a_page_for_what_is_not_there_is_a_page() {
    let router = Router::new()
        .route("/", get(async || html("no-cache")))
        .fallback(async || with(404, &[("content-type", "text/html")], PAGE));
    let site = Site::of(router).await;
    let said = check(&[&site.origin(), "--path", "/gone"])
        .await
        .fails_with(1);
    let report = said.json();
    let found = found(&report);
    assert!(
        found.contains(&("heuristic-freshness".into(), "fail".into(), "/gone".into())),
        "{report:#}"
    );
    assert!(found.iter().all(|(_, _, path)| path != "/"), "{report:#}");
}

/// What somebody sees who is signed in is looked at too, and told apart.
#[tokio::test]
async fn a_page_may_be_right_for_strangers_alone() {
    async fn answer(headers: HeaderMap) -> Response {
        match headers.contains_key("cookie") {
            true => html("private, max-age=60"),
            false => html("no-cache"),
        }
    }
    let router = || {
        Router::new().route("/", get(answer)).fallback(async || {
            with(
                404,
                &[
                    ("content-type", "text/plain"),
                    ("cache-control", "no-cache"),
                ],
                "no",
            )
        })
    };
    comes_to(router(), &[], "pass", &[]).await;
    comes_to(
        router(),
        &["--cookie", "session=yes"],
        "fail",
        &[("reusable", "fail", "/")],
    )
    .await;
}

/// A browser hears none of what a CDN is told (RFC 9213), so that is a warning of its own.
#[tokio::test]
async fn what_a_cdn_is_told_is_told_apart() {
    let router = Router::new()
        .route(
            "/",
            get(async || {
                let fields = [
                    ("content-type", "text/html"),
                    ("cache-control", "no-cache"),
                    ("cdn-cache-control", "max-age=300"),
                ];
                with(200, &fields, PAGE)
            }),
        )
        .fallback(async || {
            with(
                404,
                &[
                    ("content-type", "text/plain"),
                    ("cache-control", "no-cache"),
                ],
                "no",
            )
        });
    comes_to(router, &[], "warn", &[("kept-by-proxy", "warn", "/")]).await;
}

/// Nobody answers there: that is no verdict, and the exit code says so.
#[tokio::test]
async fn a_site_that_is_not_reached_has_no_verdict() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let said = check(&[&format!("http://{address}")]).await.fails_with(2);
    assert_eq!(said.stdout, "");
    assert!(said.stderr.contains("127.0.0.1"), "{said:#?}");
}
