//! The second look: pages and files are asked for as a browser asks that has them already, and paths like those of hashed
//! files are asked for where no file is. What comes back is stored by browsers just as the first answers are.

use std::collections::HashSet;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use url::Url;

use super::super::order::Order;
use super::super::site::{Answer, Site};
use super::ask::ask;
use super::content;
use super::fields::{self, Fields};
use super::names::Nature;
use super::names::{self, Names};
use super::seen::{Asset, Refreshed, Seen};

/// How many requests at a time.
const MAX_CONCURRENT: usize = 4;
/// How many files are asked for again; pages all are.
const MAX_ASSETS: usize = 60;
/// How many folders of hashed files are asked for one that is not there.
const MAX_PROBES: usize = 2;
/// The longest body that is read: it is the fields that matter.
const MAX_REFRESH_BYTES: usize = 1 << 20;
/// Fields of a 304 that do not update what is stored: they belong to the message or to its body (RFC 9111 section 3.2).
const NOT_UPDATED: [&str; 6] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "transfer-encoding",
];

/// Asks again, until then.
pub(super) async fn look(site: &Site, order: &Order, seen: &mut Seen, ends: Instant) {
    seen.refreshed = conditional(site, order, seen, ends).await;
    seen.probes = missing(site, seen, ends).await;
}

/// Whose answer is asked for again: a page's or an asset's, by its number.
#[derive(Clone, Copy)]
enum Whose {
    Page(usize),
    Asset(usize),
}

impl Whose {
    fn stored(self, seen: &Seen) -> Option<&Answer> {
        match self {
            Whose::Page(at) => Some(&seen.pages.get(at)?.answer),
            Whose::Asset(at) => seen.assets.get(at)?.answer.as_ref(),
        }
    }
}

async fn conditional(site: &Site, order: &Order, seen: &Seen, ends: Instant) -> Vec<Refreshed> {
    let cookie = order.cookie.as_deref();
    let mut asked: Vec<(Url, Fields, Whose)> = Vec::new();
    for (at, page) in seen.pages.iter().enumerate() {
        let fields = fields::navigation(cookie.filter(|_| page.with_cookie));
        if let Some(fields) = asking_again(fields, &page.answer) {
            asked.push((page.answer.url.clone(), fields, Whose::Page(at)));
        }
    }
    let most = asked.len() + MAX_ASSETS;
    for (at, asset) in seen.assets.iter().enumerate() {
        let fields = fields::subresource(&asset.destination, asset.module, cookie);
        let answer = asset.answer.as_ref();
        if asked.len() < most
            && let Some(fields) = answer.and_then(|answer| asking_again(fields, answer))
        {
            asked.push((asset.url.clone(), fields, Whose::Asset(at)));
        }
    }
    let answers: Vec<(Option<Answer>, Whose)> = stream::iter(asked)
        .map(|(url, fields, whose)| async move {
            let answer = ask(site, &url, &fields, ends, MAX_REFRESH_BYTES).await;
            (answer.ok(), whose)
        })
        .buffered(MAX_CONCURRENT)
        .collect()
        .await;
    let refreshed = answers.into_iter().filter_map(|(answer, whose)| {
        let (answer, stored) = (answer?, whose.stored(seen)?);
        let status = answer.status;
        let answer = match status {
            304 => updated(stored, &answer),
            // The validator did not help; what came is stored in the old one's place.
            200 => answer,
            _ => return None,
        };
        let (with_cookie, asset) = match whose {
            Whose::Page(at) => (seen.pages[at].with_cookie, None),
            Whose::Asset(at) => (false, Some(at)),
        };
        Some(Refreshed {
            answer,
            status,
            with_cookie,
            asset,
        })
    });
    refreshed.collect()
}

/// The fields of a request with the validators of what is stored (RFC 9110 section 13.1); `None` where it has none.
fn asking_again(mut fields: Fields, stored: &Answer) -> Option<Fields> {
    if stored.status != 200 {
        return None;
    }
    let validators = [
        ("etag", "if-none-match"),
        ("last-modified", "if-modified-since"),
    ];
    let mut is_validated = false;
    for (has, asks) in validators {
        if let Some(value) = stored.line(has) {
            fields.push((asks.to_owned(), value.to_owned()));
            is_validated = true;
        }
    }
    is_validated.then_some(fields)
}

/// What is stored once a 304 came for it (RFC 9111 section 3.2).
fn updated(stored: &Answer, not_modified: &Answer) -> Answer {
    let names: HashSet<&str> = not_modified
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !NOT_UPDATED.contains(name))
        .collect();
    let kept = stored.headers.iter();
    let kept = kept.filter(|(name, _)| !names.contains(name.as_str()));
    let new = not_modified.headers.iter();
    let new = new.filter(|(name, _)| names.contains(name.as_str()));
    Answer {
        headers: kept.chain(new).cloned().collect(),
        ..stored.clone()
    }
}

/// Paths of hashed files that no release has had, one for each folder: what is answered there is what a browser gets
/// during a deploy that went wrong.
async fn missing(site: &Site, seen: &Seen, ends: Instant) -> Vec<Asset> {
    let mut folders = HashSet::new();
    let mut probes = Vec::new();
    for asset in &seen.assets {
        let is_had = asset
            .answer
            .as_ref()
            .is_some_and(|answer| answer.status == 200 && !content::is_html(answer));
        let is_immutable = matches!(asset.nature, Nature::Immutable(_));
        if probes.len() == MAX_PROBES || !is_had || !is_immutable || !site.has(&asset.url) {
            continue;
        }
        if let Some(url) = with_another_hash(&asset.url)
            && folders.insert(
                url.path()
                    .rsplit_once('/')
                    .map(|(folder, _)| folder.to_owned()),
            )
        {
            probes.push((asset, url));
        }
    }
    let mut found = Vec::new();
    for (asset, url) in probes {
        let fields = fields::subresource(&asset.destination, asset.module, None);
        if let Ok(answer) = ask(site, &url, &fields, ends, MAX_REFRESH_BYTES).await
            && (answer.status != 200 || content::is_html(&answer))
        {
            let why = format!("it is named like {}, which is", asset.url.path());
            found.push(Asset {
                url,
                answer: Some(answer),
                nature: Nature::Immutable(why),
                ..asset.clone()
            });
        }
    }
    found
}

/// The same URL with the hash in its name turned round, so that it is still written as one.
fn with_another_hash(url: &Url) -> Option<Url> {
    let part = Names::possible(url)?;
    let turned: String = part.chars().rev().collect();
    let (folder, file) = url.path().rsplit_once('/')?;
    let at = file.rfind(&part)?;
    let other = format!(
        "{folder}/{}{turned}{}",
        &file[..at],
        &file[at + part.len()..]
    );
    let mut other_url = url.clone();
    other_url.set_path(&other);
    (turned != part && names::parts(&other).iter().any(|p| p.text == turned)).then_some(other_url)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, url};
    use super::*;

    #[test]
    fn a_304_updates_the_fields_that_it_brings_and_no_others() {
        let stored = answer(
            "/",
            200,
            &[
                "content-type: text/html",
                "cache-control: no-cache",
                "etag: \"1\"",
                "vary: cookie",
            ],
            "<p>",
        );
        let not_modified = answer(
            "/",
            304,
            &[
                "cache-control: max-age=600",
                "cache-control: public",
                "content-length: 0",
                "content-type: text/plain",
            ],
            "",
        );
        let has = updated(&stored, &not_modified);
        assert_eq!(has.status, 200);
        assert_eq!(
            has.lines("cache-control").collect::<Vec<_>>(),
            ["max-age=600", "public"]
        );
        assert_eq!(has.line("content-type"), Some("text/html"));
        assert_eq!(has.line("vary"), Some("cookie"));
        assert_eq!(has.line("content-length"), None);
        assert_eq!(has.body, b"<p>");
    }

    #[test]
    fn the_probe_of_a_hashed_path_is_another_hashed_path() {
        let other = |path: &str| with_another_hash(&url(path)).map(|url| url.path().to_owned());
        assert_eq!(
            other("/assets/app-D8a9sQwz.js").as_deref(),
            Some("/assets/app-zwQs9a8D.js")
        );
        assert_eq!(other("/assets/app.js"), None);
    }
}
