//! The app's routes, and everything that only reads. The browser must revalidate every page, errors included.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{OriginalUri, Path, Query, Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::answers::{Failure, html, new_request_id, no_store};
use super::app::App;
use super::assets::Found;
use super::hex::hex;
use super::household::{self, Counts, State};
use super::log::log;
use super::pages::{self, Page};
use super::{forms, streams};

/// Names the release that answered.
const RELEASE_HEADER: HeaderName = HeaderName::from_static("tealkeep-release");
/// Names the colour that answered.
const COLOUR_HEADER: HeaderName = HeaderName::from_static("tealkeep-colour");
/// The longest that `/slow` waits.
const MAX_SLOW_DELAY: Duration = Duration::from_secs(30);
/// How long an upload may stall.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// All routes, with the headers that every answer gets.
pub(super) fn router(home: App) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/chores", get(page))
        .route("/medicine", get(page))
        .route("/shopping", get(page).post(forms::add_item))
        .route("/doses", post(forms::take_dose))
        .route("/chores/{id}/done", post(forms::finish_chore))
        .route("/shopping/{id}/bought", post(forms::buy_item))
        .route("/api/state", get(state))
        .route("/healthz", get(healthz))
        .route("/assets/{file}", get(asset))
        .route("/sw.js", get(worker))
        .route("/manifest.webmanifest", get(manifest))
        .route("/ws", get(streams::websocket))
        .route("/events", get(streams::events))
        .route("/upload", post(upload))
        .route("/slow", get(slow))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(Arc::clone(&home), common))
        .with_state(home)
}

/// Refuses POST requests of other sites' pages, and adds the headers that no handler may forget.
async fn common(Shared(home): Shared<App>, request: Request, next: Next) -> Response {
    let from_elsewhere = request
        .headers()
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site");
    let mut response = if from_elsewhere && *request.method() == Method::POST {
        let text = "That form was on another site, so nothing was changed.";
        html(
            &home,
            StatusCode::FORBIDDEN,
            pages::message(&home, "Not allowed", text),
        )
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    // Redirects and refusals too: nothing that leaves here may be kept by accident.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static(pages::CACHE_CONTROL));
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    if let Ok(id) = HeaderValue::from_str(home.settings.release_id.as_str()) {
        headers.insert(RELEASE_HEADER, id);
    }
    if let Some(colour) = home.settings.colour {
        headers.insert(COLOUR_HEADER, HeaderValue::from_static(colour.as_str()));
    }
    response
}

async fn page(Shared(home): Shared<App>, OriginalUri(uri): OriginalUri) -> Response {
    if home.faults.page_fails() {
        let text = "The page could not be loaded. Try again in a moment.";
        let text = pages::message(&home, "Something went wrong", text);
        return html(&home, StatusCode::INTERNAL_SERVER_ERROR, text);
    }
    let Some(page) = Page::at(uri.path()) else {
        return not_found(Shared(home)).await;
    };
    let now = home.clock.local();
    let (features, at) = (home.release.features, now.timestamp().as_second());
    match home.store.read(move |t| State::read(t, features, at)).await {
        Ok(state) => {
            let text = pages::render(&home, page, &state, &now, &mut new_request_id);
            html(&home, StatusCode::OK, text)
        }
        Err(error) => Failure(error).html(&home),
    }
}

async fn not_found(Shared(home): Shared<App>) -> Response {
    let text = "This page does not exist.";
    html(
        &home,
        StatusCode::NOT_FOUND,
        pages::message(&home, "Page not found", text),
    )
}

async fn state(Shared(home): Shared<App>) -> Response {
    #[derive(Serialize)]
    struct Answer<'a> {
        release: &'a str,
        colour: Option<&'static str>,
        #[serde(flatten)]
        state: State,
        counts: Counts,
    }
    let features = home.release.features;
    let now = home.clock.now().as_second();
    let read = home
        .store
        .read(move |t| Ok((State::read(t, features, now)?, Counts::read(t)?)))
        .await;
    match read {
        Ok((state, counts)) => {
            let answer = Answer {
                release: home.settings.release_id.as_str(),
                colour: home.settings.colour.map(|colour| colour.as_str()),
                state,
                counts,
            };
            no_store(Json(answer))
        }
        Err(error) => Failure(error).json(),
    }
}

async fn healthz(Shared(home): Shared<App>) -> Response {
    let release = home.settings.release_id.as_str();
    let features = home.release.features;
    let checked = home
        .store
        .read(move |t| household::check(t, features))
        .await;
    let reason = match (home.faults.unhealthy(), checked) {
        (Some(reason), _) => reason.to_owned(),
        (None, Err(error)) => error.to_string(),
        (None, Ok(())) => {
            let colour = home.settings.colour;
            return no_store(Json(json!({
                "status": "ok", "release": release, "colour": colour,
            })));
        }
    };
    log(&format!("not healthy: {reason}"));
    let body = Json(json!({ "status": "unhealthy", "release": release, "reason": reason }));
    no_store((StatusCode::SERVICE_UNAVAILABLE, body))
}

async fn asset(Shared(home): Shared<App>, Path(file): Path<String>) -> Response {
    let (asset, cache) = match home.assets.find(&file) {
        Some(Found::Exact(asset)) => (asset, "public, max-age=31536000, immutable"),
        // A page of the other release is still open: better the wrong shade than no style at all.
        Some(Found::OfAnotherRelease(asset)) => (asset, "no-store"),
        None => return not_found(Shared(home)).await,
    };
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, cache),
    ];
    (headers, asset.bytes.clone()).into_response()
}

async fn worker(Shared(home): Shared<App>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, home.assets.worker.clone()).into_response()
}

async fn manifest(Shared(home): Shared<App>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/manifest+json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, home.assets.manifest.clone()).into_response()
}

async fn upload(body: Body) -> Response {
    let mut pieces = body.into_data_stream();
    let (mut bytes, mut hash) = (0_u64, Sha256::new());
    loop {
        let problem = match tokio::time::timeout(UPLOAD_TIMEOUT, pieces.next()).await {
            Ok(Some(Ok(piece))) => {
                bytes += piece.len() as u64;
                hash.update(&piece);
                continue;
            }
            Ok(None) => {
                let sha256 = hex(&hash.finalize());
                return no_store(Json(json!({ "bytes": bytes, "sha256": sha256 })));
            }
            Ok(Some(Err(error))) => error.to_string(),
            Err(_) => "nothing came for 30 s".to_owned(),
        };
        let text = format!("the upload broke off after {bytes} bytes: {problem}");
        return no_store((StatusCode::BAD_REQUEST, Json(json!({ "error": text }))));
    }
}

#[derive(Deserialize)]
struct Slow {
    #[serde(default)]
    ms: u64,
}

async fn slow(Query(slow): Query<Slow>) -> Response {
    let wait = Duration::from_millis(slow.ms).min(MAX_SLOW_DELAY);
    tokio::time::sleep(wait).await;
    no_store(Json(json!({ "waited_ms": wait.as_millis() as u64 })))
}
