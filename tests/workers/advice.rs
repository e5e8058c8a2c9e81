//! What the docs and the findings advise, built by the tools that it is for: each passes, with its worker seen.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::site::Site;
use super::verdicts::{check, found};
use crate::support::{free_port, until_it_listens};

const DOCS: &str = include_str!("../../docs/checks.md");

/// A recipe of the docs, and the site of the corpus that was built by it.
struct Recipe {
    files: &'static [(&'static str, &'static str)],
    site: &'static str,
    worker: &'static str,
}

macro_rules! recipe {
    ($site:literal, $worker:literal, $($file:literal),+) => {
        Recipe {
            files: &[$(($file, include_str!(concat!("../../docs/recipes/", $file)))),+],
            site: $site,
            worker: $worker,
        }
    };
}

/// The docs print that recipe as it is in its file.
#[track_caller]
pub(super) fn is_in_docs(file: &str, text: &str) {
    assert!(
        DOCS.contains(text.trim_end()),
        "docs/checks.md does not print {file} as it is"
    );
}

async fn passes(recipe: Recipe) {
    for (file, text) in recipe.files {
        is_in_docs(file, text);
    }
    let site = Site::of_corpus(recipe.site, &[]).await;
    let said = check(&[&site.origin()]).await;
    let report = said.json();
    assert_eq!(
        found(&report, "service-worker").len(),
        0,
        "{}: {report:#}",
        recipe.site
    );
    assert_eq!(said.code, 0, "{}: {report:#}", recipe.site);
    let url = format!("{}{}", site.origin(), recipe.worker);
    assert_eq!(report["seen"]["worker"]["url"], url, "{report:#}");
    assert!(
        report["seen"]["worker"]["events"].as_u64() > Some(10),
        "{report:#}"
    );
}

macro_rules! recipes {
    ($($test:ident: $recipe:expr),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
        async fn $test() {
            passes($recipe).await;
        }
    )*};
}

recipes! {
    vite_plugin_pwa_by_the_docs_passes: recipe!("advised-vite-pwa", "/sw.js", "vite-plugin-pwa.js"),
    vite_plugin_pwa_with_a_worker_of_ones_own_passes:
        recipe!("advised-vite-pwa-inject", "/sw.js", "vite-plugin-pwa-inject.js", "workbox-sw.js"),
    workbox_generate_sw_by_the_docs_passes: recipe!("advised-workbox", "/sw.js", "workbox-config.js"),
    workbox_inject_manifest_by_the_docs_passes: recipe!("advised-workbox-inject", "/sw.js", "workbox-sw.js"),
    sveltekit_by_the_docs_passes: recipe!("advised-sveltekit", "/service-worker.js", "sveltekit-service-worker.js"),
    angular_by_the_docs_passes: recipe!("advised-ngsw", "/ngsw-worker.js", "ngsw-config.json"),
    by_hand_by_the_docs_passes: recipe!("advised-by-hand", "/sw.js", "by-hand.js"),
}

/// Caddy with these lines in its site, over what lies in `site` of a folder or in front of an app; ended when it is
/// dropped.
pub(super) struct Caddy(Child);

impl Caddy {
    pub(super) fn serve(folder: &Path, port: u16, lines: &str, behind: &str) -> Caddy {
        let file = folder.join("Caddyfile");
        let root = folder.join("site");
        let text = format!(
            "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://127.0.0.1:{port} {{\n\troot * {}\n\t{lines}\n\t{behind}\n}}\n",
            root.display()
        );
        std::fs::write(&file, text).unwrap();
        let mut child = Command::new("caddy")
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&file)
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("caddy.log")).unwrap())
            .spawn()
            .unwrap();
        let at = ([127, 0, 0, 1], port).into();
        until_it_listens(&mut child, at, &folder.join("caddy.log"));
        Caddy(child)
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the advice of a finding tells Caddy.
pub(super) fn for_caddy(finding: &Value) -> Option<String> {
    let advice = finding["advice"].as_str().unwrap();
    let (_, rest) = advice.split_once("\n  Caddy: ")?;
    let lines: Vec<&str> = rest
        .lines()
        .enumerate()
        .take_while(|(at, line)| *at == 0 || line.starts_with("    "))
        .map(|(_, line)| line)
        .collect();
    Some(lines.join("\n"))
}

/// The same of all findings, each once.
fn all_for_caddy(report: &Value) -> Vec<String> {
    let mut told = Vec::new();
    for lines in report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(for_caddy)
    {
        if !told.contains(&lines) {
            told.push(lines);
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_findings_tell_caddy_passes_in_caddy() {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let file = folder.path().join("site").join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    put(
        "index.html",
        "<!doctype html><p>home<script src=/app.js></script><script src=/assets/app-D8a9sQwz.js></script>",
    );
    put("app.js", "1");
    put("assets/app-D8a9sQwz.js", "2");
    let port = free_port();
    let origin = format!("http://127.0.0.1:{port}");
    let caddy = Caddy::serve(folder.path(), port, "", "file_server");
    let before = check(&[&origin]).await.json();
    drop(caddy);
    assert_eq!(before["verdict"], "fail", "{before:#}");
    let told = all_for_caddy(&before);
    assert!(told.len() >= 2, "{before:#}");
    // What is said of a single file is said of a placeholder.
    let lines = told.join("\n\t").replace("/file.png", "/app.js");
    let _caddy = Caddy::serve(folder.path(), port, &lines, "file_server");
    let after = check(&[&origin]).await;
    assert_eq!(
        after.json()["findings"],
        serde_json::json!([]),
        "{lines}\n{after:?}"
    );

    // A header for everything below the folder is what the finding warns of.
    drop(_caddy);
    let lines = format!(
        "{lines}\n\theader /assets/* Cache-Control \"public, max-age=31536000, immutable\""
    );
    let _caddy = Caddy::serve(folder.path(), port, &lines, "file_server");
    let careless = check(&[&origin]).await.json();
    let found = found(&careless, "asset-cache");
    assert!(found.contains_key("long-lived-error"), "{careless:#}");
}

/// What is meant for proxies alone, sent by the app, ends at Caddy.
#[tokio::test(flavor = "multi_thread")]
async fn what_findings_tell_caddy_of_proxies_passes_in_caddy() {
    let shared = async || {
        let fields = [
            ("content-type", "text/html"),
            ("cache-control", "max-age=0, must-revalidate, s-maxage=600"),
            ("cdn-cache-control", "max-age=600"),
            ("surrogate-control", "max-age=600"),
        ];
        (fields, "<!doctype html><p>home")
    };
    let site = Site::of(axum::Router::new().fallback(shared)).await;
    let folder = tempfile::tempdir().unwrap();
    let behind = format!("reverse_proxy {}", site.origin());
    let port = free_port();
    let origin = format!("http://127.0.0.1:{port}");
    let caddy = Caddy::serve(folder.path(), port, "", &behind);
    let before = check(&[&origin]).await.json();
    drop(caddy);
    let kinds = found(&before, "html-cache");
    assert_eq!(
        kinds.keys().collect::<Vec<_>>(),
        ["kept-by-proxy"],
        "{before:#}"
    );
    let lines = for_caddy(&before["findings"][0]).unwrap();
    let _caddy = Caddy::serve(folder.path(), port, &lines, &behind);
    let after = check(&[&origin]).await;
    assert_eq!(
        after.json()["findings"],
        serde_json::json!([]),
        "{lines}\n{after:?}"
    );
}
