//! What a stored response is that is no page: an asset whose URL can't get other bytes, one whose URL can, or data.

use tealkeep_worker::play::Record;
use tealkeep_worker::{Event, EventId, Fact, Seen as Response};
use url::Url;

use super::super::super::web::{Nature, Seen};
use super::super::answers::Answers;
use super::super::marks;

/// Workbox's own mark on the keys of what it keeps; it stands beside the URL that was asked for.
const REVISION: &str = "__WB_REVISION__";

/// A request of the worker, by its fact.
pub struct Fetched<'a> {
    /// While which event it was sent.
    pub event: EventId,
    /// Its URL.
    pub url: &'a str,
    /// Its destination.
    pub destination: &'a str,
    /// Whether it carried on a navigation.
    pub navigation: bool,
    /// The type of its answer as received.
    pub content_type: Option<&'a str>,
    /// Whether there was no answer.
    pub has_failed: bool,
}

impl<'a> Fetched<'a> {
    /// Of the fact that tells of it.
    pub fn of(fact: &'a Fact) -> Option<Fetched<'a>> {
        match fact {
            Fact::Fetched {
                event,
                url,
                destination,
                navigation,
                content_type,
                error,
                ..
            } => Some(Fetched {
                event: *event,
                url,
                destination,
                navigation: *navigation,
                content_type: content_type.as_deref(),
                has_failed: error.is_some(),
            }),
            Fact::Stored { .. }
            | Fact::Removed { .. }
            | Fact::Dropped { .. }
            | Fact::Said { .. }
            | Fact::Threw { .. }
            | Fact::Missed { .. } => None,
        }
    }
}

/// What it is.
pub enum Content {
    /// Its URL means these bytes for good.
    Immutable,
    /// An asset whose URL can get other bytes: why that is believed.
    Asset(String),
    /// The answer to a request for data.
    Data,
}

/// What a response is that was stored under `key`.
pub fn of(
    record: &Record,
    seen: &Seen,
    answers: &Answers<'_>,
    key: &str,
    response: &Response,
    fetched: Option<&Fetched<'_>>,
) -> Content {
    // Under either of its two URLs it can become another: the one that it is found by, and the one that it is from.
    let urls = [key, response.url.as_str()].map(plain);
    let mut changing = None;
    for url in urls.iter().flatten() {
        match answers.nature(url) {
            Nature::Immutable(_) => {}
            Nature::Mutable(why) | Nature::ProvenMutable(why) => {
                changing.get_or_insert(why);
            }
        }
    }
    let Some(why) = changing else {
        return Content::Immutable;
    };
    match is_asset(record, seen, &urls, response, fetched) {
        true => Content::Asset(why),
        false => Content::Data,
    }
}

/// Whether it is an asset: by what a page wanted it for, by what pages refer to, by its type, or, where the type says
/// nothing, by its name.
fn is_asset(
    record: &Record,
    seen: &Seen,
    urls: &[Option<Url>; 2],
    response: &Response,
    fetched: Option<&Fetched<'_>>,
) -> bool {
    let kind = fetched
        .and_then(|fetched| fetched.content_type)
        .or(response.content_type.as_deref())
        .map(marks::essence)
        .unwrap_or_default();
    if is_type_of_an_asset(&kind) {
        return true;
    }
    if fetched.is_some_and(|fetched| is_destination_of_an_asset(fetched.destination)) {
        return true;
    }
    let asked_as_asset = fetched
        .and_then(|fetched| record.visit(fetched.event))
        .is_some_and(|visit| match &visit.event {
            Event::Fetch { request, .. } => {
                is_destination_of_an_asset(&request.destination)
                    && fetched.is_some_and(|fetched| fetched.url == request.url)
            }
            _ => false,
        });
    let referred_to = urls.iter().flatten().any(|url| {
        seen.assets
            .iter()
            .any(|asset| asset.url == *url && is_destination_of_an_asset(&asset.destination))
    });
    let says_nothing = matches!(
        kind.as_str(),
        "" | "application/octet-stream" | "binary/octet-stream" | "text/plain"
    );
    asked_as_asset
        || referred_to
        || (says_nothing && urls.iter().flatten().any(has_name_of_an_asset))
}

/// Without a fragment and Workbox's revision.
fn plain(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_fragment(None);
    if url.query().is_some_and(|query| query.contains(REVISION)) {
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != REVISION)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        match kept.is_empty() {
            true => url.set_query(None),
            false => {
                url.query_pairs_mut().clear().extend_pairs(kept);
            }
        }
    }
    Some(url)
}

fn is_destination_of_an_asset(destination: &str) -> bool {
    matches!(
        destination,
        "audio"
            | "audioworklet"
            | "embed"
            | "font"
            | "image"
            | "manifest"
            | "object"
            | "paintworklet"
            | "script"
            | "serviceworker"
            | "sharedworker"
            | "style"
            | "track"
            | "video"
            | "worker"
            | "xslt"
    )
}

fn is_type_of_an_asset(essence: &str) -> bool {
    [
        "image/",
        "font/",
        "audio/",
        "video/",
        "application/font-",
        "application/x-font-",
    ]
    .iter()
    .any(|start| essence.starts_with(start))
        || matches!(
            essence,
            "text/css"
                | "text/javascript"
                | "application/javascript"
                | "application/x-javascript"
                | "application/ecmascript"
                | "application/wasm"
                | "application/manifest+json"
                | "application/vnd.ms-fontobject"
        )
}

fn has_name_of_an_asset(url: &Url) -> bool {
    let file = url.path().rsplit('/').next().unwrap_or_default();
    let Some((_, extension)) = file.rsplit_once('.') else {
        return false;
    };
    matches!(
        extension.to_ascii_lowercase().as_str(),
        "avif"
            | "bmp"
            | "css"
            | "eot"
            | "gif"
            | "ico"
            | "jpeg"
            | "jpg"
            | "js"
            | "m4a"
            | "map"
            | "mjs"
            | "mp3"
            | "mp4"
            | "ogg"
            | "otf"
            | "png"
            | "svg"
            | "ttf"
            | "wasm"
            | "wav"
            | "webm"
            | "webmanifest"
            | "webp"
            | "woff"
            | "woff2"
    )
}
