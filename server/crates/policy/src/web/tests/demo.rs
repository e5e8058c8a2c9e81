//! The sample app: its sound release has nothing wrong, and the one that keeps HTML is caught.

use std::time::Instant;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::{Kind, Order, Policy, Severity, Site, judge, look};
use super::url;
use tealkeep_demo::home::{Settings, serve};
use tealkeep_demo::releases;

/// What is found in a release of the sample app, and how long the look took.
async fn findings(release: &str) -> Vec<(Policy, Kind, Severity, String)> {
    let folder = tempfile::tempdir().unwrap();
    releases::write_all(&folder.path().join("releases")).unwrap();
    let directory = folder.path().join("releases").join(release);
    let database = folder.path().join("home.db");
    let settings = Settings::from_env(&directory, |key| match key {
        "PORT" => Some("0".to_owned()),
        "DATABASE_PATH" => Some(database.to_str().unwrap().to_owned()),
        _ => None,
    })
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = Site::new(url("/"), Some(listener.local_addr().unwrap()));
    let shutdown = CancellationToken::new();
    let app = tokio::spawn(serve(listener, settings, shutdown.clone()));
    let began = Instant::now();
    let seen = look(&site, &Order::default()).await.unwrap();
    // Shown by `--nocapture`; how long it may take is measured elsewhere.
    println!(
        "{release}: {} pages, {} assets in {:?}",
        seen.pages.len(),
        seen.assets.len(),
        began.elapsed()
    );
    assert!(seen.pages.len() > 1 && seen.assets.iter().any(|asset| asset.answer.is_some()));
    shutdown.cancel();
    app.await.unwrap().unwrap();
    judge(&seen)
        .into_iter()
        .map(|finding| (finding.policy, finding.kind, finding.severity, finding.url))
        .collect()
}

#[tokio::test]
async fn a_sound_release_has_nothing_wrong() {
    assert_eq!(findings("v1").await, []);
    assert_eq!(findings("v2").await, []);
}

#[tokio::test]
async fn the_release_that_lets_html_be_kept_fails() {
    let found = findings("v5-caches-html").await;
    assert!(
        found.iter().any(|(policy, kind, severity, _)| {
            (*policy, *kind, *severity) == (Policy::HtmlCache, Kind::Reusable, Severity::Fail)
        }),
        "{found:?}"
    );
}
