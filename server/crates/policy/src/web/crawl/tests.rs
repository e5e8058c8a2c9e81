use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::*;

/// What was asked: path with query, and the cookie.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

fn html(text: &str) -> Response {
    ([("content-type", "text/html")], text.to_owned()).into_response()
}

fn typed(kind: &'static str, text: &'static str) -> Response {
    ([("content-type", kind)], text).into_response()
}

async fn household(State(asked): State<Asked>, request: Request) -> Response {
    let path = request.uri().path_and_query().unwrap().to_string();
    let cookie = request.headers().get("cookie");
    let cookie = cookie.map(|value| value.to_str().unwrap().to_owned());
    let has_cookie = cookie.is_some();
    asked.lock().unwrap().push((path.clone(), cookie));
    match path.as_str() {
        "/" if has_cookie => html("<a href=/secret>s</a><a href=/users/sign_out>x</a>"),
        "/" => html(
            "<link rel=stylesheet href=/style.css><script type=module src=/app.js></script>\
             <script src=https://cdn.example/x.js></script><script>\nnavigator.serviceWorker.register('/sw.js')</script>\
             <a href=/list#top>l</a><a href='/?action=logout'>o</a><a href=/old>r</a><a href=/loop1>q</a>\
             <a href=/file.pdf>f</a><a href=https://other.example/>e</a><form action=/post><button>b</button></form>\
             <a href=/cal?m=1>c</a><img src=/logo.png>",
        ),
        "/list" => {
            html("<img src=/logo.png><a href=/nofollow rel=nofollow>n</a><a href=/>home</a>")
        }
        "/old" => (StatusCode::MOVED_PERMANENTLY, [("location", "/new")]).into_response(),
        "/new" => html("new"),
        "/loop1" => (StatusCode::FOUND, [("location", "/loop2")]).into_response(),
        "/loop2" => (StatusCode::FOUND, [("location", "/loop1")]).into_response(),
        "/file.pdf" => typed("application/pdf", "%PDF"),
        "/style.css" => typed(
            "text/css",
            "@import '/more.css'; p { background: url(/bg.png) }",
        ),
        "/more.css" => typed("text/css", "p { background: url(/too-deep.png) }"),
        "/app.js" => typed("text/javascript", "import './dep.js'"),
        "/dep.js" => typed(
            "text/javascript",
            "e(() => import('./virtual_pwa-register.js'), [])",
        ),
        "/virtual_pwa-register.js" => typed("text/javascript", "export function r() {}"),
        "/logo.png" | "/bg.png" => typed("image/png", "png"),
        "/secret" => html("secret"),
        "/ordered" => html("ordered"),
        path if path.starts_with("/cal?m=") => {
            let month: u32 = path[7..].parse().unwrap();
            html(&format!("<a href='/cal?m={}'>next</a>", month + 1))
        }
        _ => (StatusCode::NOT_FOUND, html("<p>nothing here")).into_response(),
    }
}

async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    at
}

async fn site() -> (Site, Asked) {
    let asked = Asked::default();
    let app = Router::new().fallback(household).with_state(asked.clone());
    (at(serve(app).await), asked)
}

fn at(direct: SocketAddr) -> Site {
    Site::new(Url::parse("https://home.example/").unwrap(), Some(direct))
}

fn pages(seen: &Seen) -> Vec<(String, u16, bool)> {
    seen.pages
        .iter()
        .map(|page| {
            let path = &page.answer.url[url::Position::BeforePath..];
            (path.to_owned(), page.answer.status, page.with_cookie)
        })
        .collect()
}

#[tokio::test]
async fn pages_are_found_breadth_first_and_deeds_are_left_alone() {
    let (site, asked) = site().await;
    let order = Order {
        paths: vec!["/ordered".to_owned()],
        ..Order::default()
    };
    let seen = look(&site, &order).await.unwrap();
    let nowhere = nowhere(&site.origin);
    let expected: Vec<(String, u16, bool)> = [
        ("/", 200),
        ("/ordered", 200),
        (nowhere.as_str(), 404),
        ("/list", 200),
        ("/old", 301),
        ("/loop1", 302),
        ("/cal?m=1", 200),
        ("/new", 200),
        ("/loop2", 302),
        ("/cal?m=2", 200),
        ("/cal?m=3", 200),
    ]
    .into_iter()
    .map(|(path, status)| (path.to_owned(), status, false))
    .collect();
    assert_eq!(pages(&seen), expected);
    let asked = asked.lock().unwrap();
    for (path, cookie) in asked.iter() {
        assert!(
            !path.contains("logout") && path != "/nofollow" && path != "/post",
            "{path}"
        );
        assert!(!path.contains("too-deep"), "{path}");
        assert_eq!(*cookie, None);
    }
    let mut once: Vec<_> = asked.iter().collect();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), asked.len(), "{asked:?}");
}

#[tokio::test]
async fn what_pages_load_is_asked_for_once_and_their_scripts_imports_too() {
    let (site, _) = site().await;
    let seen = look(&site, &Order::default()).await.unwrap();
    let assets: Vec<(&str, &str, bool, bool)> = seen
        .assets
        .iter()
        .map(|asset| {
            let path = asset.url.path();
            (
                path,
                asset.destination.as_str(),
                asset.module,
                asset.answer.is_some(),
            )
        })
        .collect();
    assert_eq!(
        assets,
        [
            ("/style.css", "style", false, true),
            ("/app.js", "script", true, true),
            ("/x.js", "script", false, false),
            ("/logo.png", "image", false, true),
            ("/more.css", "style", false, true),
            ("/bg.png", "image", false, true),
            ("/dep.js", "script", true, true),
            ("/virtual_pwa-register.js", "script", true, true),
        ]
    );
    assert_eq!(seen.pages[0].assets, [0, 4, 5, 1, 6, 7, 2, 3]);
    let (line, script) = &seen.pages[0].inline_scripts[0];
    assert_eq!(*line, 1);
    assert!(script.contains("serviceWorker"));
}

#[tokio::test]
async fn everything_is_asked_again_with_the_cookie_and_only_here() {
    let (site, asked) = site().await;
    let order = Order {
        cookie: Some("session=1".to_owned()),
        ..Order::default()
    };
    let seen = look(&site, &order).await.unwrap();
    assert!(pages(&seen).contains(&("/secret".to_owned(), 200, true)));
    assert!(pages(&seen).contains(&("/".to_owned(), 200, false)));
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|(path, _)| path != "/users/sign_out"));
    let with = asked
        .iter()
        .filter(|(_, cookie)| cookie.as_deref() == Some("session=1"));
    assert_eq!(with.count(), 3, "{asked:?}");
}

#[tokio::test]
async fn other_bytes_in_an_older_release_are_proof() {
    let older = Router::new().route(
        "/app.js",
        axum::routing::get(|| async { typed("text/javascript", "old") }),
    );
    let (site, _) = site().await;
    let order = Order {
        older: Some(at(serve(older).await)),
        immutable: vec!["^/app.js$".to_owned(), "^/dep.js$".to_owned()],
        ..Order::default()
    };
    let seen = look(&site, &order).await.unwrap();
    let nature = |path: &str| seen.nature(&site.origin.join(path).unwrap());
    assert!(matches!(nature("/app.js"), Nature::ProvenMutable(_)));
    assert!(matches!(nature("/dep.js"), Nature::Immutable(_)));
    assert!(matches!(nature("/logo.png"), Nature::Mutable(_)));
}

#[tokio::test]
async fn a_site_without_an_end_is_left_in_time() {
    let app = Router::new().fallback(|request: Request| async move {
        let path = request.uri().path().trim_end_matches('/').to_owned();
        html(&format!(
            "<a href={path}/a>a</a><a href={path}/b>b</a><img src={path}/i.png>"
        ))
    });
    let site = at(serve(app).await);
    let seen = look(&site, &Order::default()).await.unwrap();
    // `/` and the one that should not exist stand outside the bound.
    assert_eq!(seen.pages.len(), MAX_PAGES + 2);
}

#[tokio::test]
async fn a_site_that_gives_no_answer_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = at(listener.local_addr().unwrap());
    drop(listener);
    let why = look(&site, &Order::default()).await.unwrap_err();
    assert_eq!(
        why.to_string(),
        "https://home.example/ refused the connection"
    );
}
