//! Whether the bytes under an asset's URL can change. Other bytes under the same URL are proof and beat all; then
//! what the page says and the bytes themselves, then the headers, then the name.

mod digest;
mod release;

use std::collections::HashSet;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use url::Url;

use super::super::order::Order;
use super::super::site::{ANSWER_TIMEOUT, Answer, Site};
use super::ask::ask;
use super::cache_control::CacheControl;
use super::content;
use super::fields::{self, Fields};
use super::names::Nature;
use super::names::{self, Names};
use super::seen::{Asset, Seen};

/// How many requests to the older release at a time.
const MAX_CONCURRENT: usize = 4;
/// The longest answer of an older release.
const MAX_ASSET_BYTES: usize = 8 << 20;

/// Settles the nature of all assets of a look.
pub(super) async fn settle(site: &Site, order: &Order, seen: &mut Seen, pinned: &HashSet<Url>) {
    if let Some(older) = &order.older {
        compare_with_older(site, older, order, seen).await;
    }
    if let Some(folder) = &order.release {
        let folder = folder.clone();
        let served: Vec<(Url, Vec<u8>)> = seen
            .assets
            .iter()
            .filter(|asset| site.has(&asset.url))
            .filter_map(|asset| Some((asset.url.clone(), whole(asset)?.body.clone())))
            .collect();
        let proven =
            tokio::task::spawn_blocking(move || release::other_bytes(&folder, &served)).await;
        match proven {
            Ok(proven) => seen.names.proven.extend(proven),
            Err(why) => tracing::warn!(%why, "the release's folder was not compared"),
        }
    }
    for asset in &seen.assets {
        seen.names.learn(&asset.url);
    }
    let natures: Vec<Nature> = seen
        .assets
        .iter()
        .map(|asset| of(asset, &seen.names, pinned.contains(&asset.url)))
        .collect();
    for (asset, nature) in seen.assets.iter_mut().zip(natures) {
        asset.nature = nature;
    }
}

/// The nature of one asset, by all that is known of it.
fn of(asset: &Asset, names: &Names, is_pinned: bool) -> Nature {
    by_all(&asset.url, asset.answer.as_ref(), names, is_pinned)
}

/// The nature of what no page refers to.
pub(super) fn of_answer(url: &Url, answer: &Answer, names: &Names) -> Nature {
    by_all(url, Some(answer), names, false)
}

fn by_all(url: &Url, answer: Option<&Answer>, names: &Names, is_pinned: bool) -> Nature {
    if let Some(proof) = names.proven.get(url) {
        return Nature::ProvenMutable(proof.clone());
    }
    if let Some(why) = names.is_configured(url) {
        return Nature::Immutable(why);
    }
    let its = answer.filter(is_whole);
    if let Some(why) = its.and_then(|answer| digest::in_name(url, &answer.body)) {
        return Nature::Immutable(why);
    }
    let possible = Names::possible(url);
    if is_pinned && let Some(part) = &possible {
        return Nature::Immutable(format!(
            "the page pins its bytes with an integrity attribute, and “{part}” in its name can be a checksum"
        ));
    }
    let says_immutable = answer.is_some_and(|answer| {
        CacheControl::of(answer.lines("cache-control")).is_flagged("immutable")
    });
    if says_immutable && let Some(part) = &possible {
        return Nature::Immutable(format!(
            "its headers say so, and “{part}” in its name can be a checksum"
        ));
    }
    match names.by_name(url) {
        Some(why) => Nature::Immutable(why),
        None => Nature::Mutable(names::NO_HASH_FOUND.to_owned()),
    }
}

/// The answer with an asset's bytes, if they are all there and are no page in its place.
fn whole(asset: &Asset) -> Option<&Answer> {
    asset.answer.as_ref().filter(is_whole)
}

fn is_whole(answer: &&Answer) -> bool {
    answer.status == 200 && !answer.is_cut && !content::is_html(answer)
}

/// Whether a browser may have kept an answer at all (RFC 9111 section 5.2.2.5). Bytes that it threw away meet no later
/// page: an app may show something in place of another release's file, and say so.
fn may_be_kept(answer: &Answer) -> bool {
    !CacheControl::of(answer.lines("cache-control")).is_flagged("no-store")
}

/// Asks the older release for the same URLs.
async fn compare_with_older(site: &Site, older: &Site, order: &Order, seen: &mut Seen) {
    let ends = Instant::now() + 3 * ANSWER_TIMEOUT;
    let cookie = order.cookie.as_deref();
    let asked: Vec<(Url, Url, Fields)> = seen
        .assets
        .iter()
        .filter(|asset| site.has(&asset.url) && whole(asset).is_some())
        .filter_map(|asset| {
            let path = &asset.url[url::Position::BeforePath..];
            let there = older.origin.join(path).ok()?;
            let headers = fields::subresource(&asset.destination, asset.module, cookie);
            Some((asset.url.clone(), there, headers))
        })
        .collect();
    let answers: Vec<(Url, Option<Answer>)> = stream::iter(asked)
        .map(|(url, there, headers)| async move {
            let answer = ask(older, &there, &headers, ends, MAX_ASSET_BYTES).await;
            // What an older release does not answer proves nothing either way.
            (url, answer.ok())
        })
        .buffered(MAX_CONCURRENT)
        .collect()
        .await;
    for (url, answer) in answers {
        let Some(old) = answer.filter(|answer| is_whole(&answer)) else {
            continue;
        };
        let new = seen.assets.iter().find(|asset| asset.url == url);
        let Some(new) = new.and_then(whole) else {
            continue;
        };
        if new.body != old.body && may_be_kept(&old) {
            let proof = format!(
                "an older release answers the same URL with other bytes ({} of them, here {}): {} there, {} here",
                old.body.len(),
                new.body.len(),
                digest::short(&old.body),
                digest::short(&new.body),
            );
            seen.names.proven.insert(url, proof);
        }
    }
}

#[cfg(test)]
mod tests;
