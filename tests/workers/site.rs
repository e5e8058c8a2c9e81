//! A site that is served from a folder as a household's app would serve it: pages asked for again each time, hashed
//! files kept for good, an API, a page for what is not there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

/// The folder of the sites, made at the first call.
static SITES: LazyLock<PathBuf> = LazyLock::new(|| {
    let fetch = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/workers/corpus/fetch");
    let output = Command::new(fetch).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "there are no workers to run: {said}"
    );
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).join("sites")
});

/// A site that is served until it is dropped.
pub struct Site {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

struct Content {
    folder: PathBuf,
    /// Files that lie elsewhere, by path.
    others: HashMap<&'static str, &'static str>,
}

impl Site {
    /// Serves a site of the corpus, with other files besides.
    pub async fn of_corpus(name: &str, others: &[(&'static str, &'static str)]) -> Site {
        let folder = tokio::task::spawn_blocking(|| SITES.clone()).await.unwrap();
        let content = Content {
            folder: folder.join(name),
            others: others.iter().copied().collect(),
        };
        assert!(content.folder.is_dir(), "the corpus has no {name}");
        Site::of(
            Router::new()
                .fallback(any(answer))
                .with_state(Arc::new(content)),
        )
        .await
    }

    /// Serves whatever a router answers.
    pub async fn of(router: Router) -> Site {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Site { address, task }
    }

    /// Its address, without a slash at the end.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(content): State<Arc<Content>>, request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        let items = r#"[{"what":"Water the plants"},{"what":"Feed the cat"}]"#;
        let fields = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        return (fields, items).into_response();
    }
    match content.find(path).await {
        Some((file, body)) => {
            let fields = [
                (header::CONTENT_TYPE, kind(&file)),
                (header::CACHE_CONTROL, freshness(path, &file)),
            ];
            (fields, body).into_response()
        }
        None => {
            let body = content
                .read(Path::new("404.html"))
                .await
                .unwrap_or_default();
            let fields = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CACHE_CONTROL, "no-cache"),
            ];
            (StatusCode::NOT_FOUND, fields, body).into_response()
        }
    }
}

impl Content {
    /// The file that a path leads to: itself, the page of that name, or the folder's own page.
    async fn find(&self, path: &str) -> Option<(PathBuf, Vec<u8>)> {
        if let Some(text) = self.others.get(path) {
            return Some((PathBuf::from(path), text.as_bytes().to_vec()));
        }
        let path = path.trim_start_matches('/');
        let page = format!("{path}.html");
        let home = format!(
            "{path}{}index.html",
            if path.is_empty() || path.ends_with('/') {
                ""
            } else {
                "/"
            }
        );
        for name in [path, &page, &home] {
            let name = PathBuf::from(name);
            if let Some(body) = self.read(&name).await {
                return Some((name, body));
            }
        }
        None
    }

    async fn read(&self, name: &Path) -> Option<Vec<u8>> {
        let is_inside = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        match is_inside {
            true => tokio::fs::read(self.folder.join(name)).await.ok(),
            false => None,
        }
    }
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js" | "mjs") => "text/javascript",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

/// Files whose names hold a hash of their content are kept for good, and everything else is asked for again. What
/// Home Assistant serves below these two paths it gives a month.
fn freshness(path: &str, file: &Path) -> &'static str {
    let is_page = file
        .extension()
        .is_some_and(|extension| extension == "html");
    let name = file
        .file_stem()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let hash = name.rsplit(['.', '-']).next().unwrap_or_default();
    let is_hashed =
        hash.len() >= 8 && hash != name && hash.bytes().all(|b| b.is_ascii_alphanumeric());
    match () {
        () if is_page => "no-cache",
        () if path.starts_with("/static/") || path.starts_with("/frontend_latest/") => {
            "public, max-age=2678400"
        }
        () if is_hashed => "public, max-age=31536000, immutable",
        () => "no-cache",
    }
}
