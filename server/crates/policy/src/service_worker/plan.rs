//! What of a site is played to a worker: the pages in its scope with what a browser loads for them, and the data
//! that their scripts are seen to ask for.

use std::collections::HashSet;

use tealkeep_worker::play::{PageVisit, Plan, Wanted};
use tealkeep_worker::{Limits, Registration};
use url::Url;

use super::super::web::{Page, Seen, is_left_alone};
use super::super::{Order, Site};
use super::registration::Sources;

/// How many requests for data are played.
const MAX_DATA_REQUESTS: usize = 24;

/// The plan for one worker.
pub fn of(
    site: &Site,
    order: &Order,
    seen: &Seen,
    sources: &Sources,
    registration: Registration,
) -> Plan {
    let mut visited = HashSet::new();
    let mut asked = HashSet::new();
    let mut pages: Vec<PageVisit> = Vec::new();
    for (number, page) in played(seen, order) {
        let mut url = page.answer.url.clone();
        url.set_fragment(None);
        if !url.as_str().starts_with(&registration.scope) || !visited.insert(url.clone()) {
            continue;
        }
        let mut wanted: Vec<Wanted> = page
            .assets
            .iter()
            .filter_map(|at| seen.assets.get(*at))
            .map(|asset| Wanted {
                url: without_fragment(&asset.url),
                destination: asset.destination.clone(),
                cors: asset.module,
            })
            .collect();
        for data in sources.data_of(number) {
            let is_new = asked.len() < MAX_DATA_REQUESTS
                && data.origin() == site.origin.origin()
                && !is_left_alone(data);
            if is_new && asked.insert(data.clone()) {
                wanted.push(fetched(data));
            }
        }
        pages.push(PageVisit {
            url: url.to_string(),
            wanted,
        });
    }
    // Paths that were named and are no pages are data: what else would a page do with them?
    if let Some(first) = pages.first_mut() {
        for path in &order.paths {
            let Ok(url) = site.origin.join(path) else {
                continue;
            };
            let is_page = seen.pages.iter().any(|page| page.answer.url == url);
            if !is_page && asked.insert(url.clone()) {
                first.wanted.push(fetched(&url));
            }
        }
    }
    Plan {
        registration,
        limits: limits(),
        pages,
        messages: sources.messages.clone(),
    }
}

/// The pages that are played, with their numbers in [`Seen::pages`]: with the cookie, where there is one.
fn played<'a>(seen: &'a Seen, order: &Order) -> impl Iterator<Item = (usize, &'a Page)> {
    let with_cookie = order.cookie.is_some();
    seen.pages
        .iter()
        .enumerate()
        .filter(move |(_, page)| page.with_cookie == with_cookie)
}

fn fetched(url: &Url) -> Wanted {
    Wanted {
        url: without_fragment(url),
        destination: String::new(),
        cors: false,
    }
}

fn without_fragment(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    url.to_string()
}

/// What a worker is held to on a machine with little memory: together less than the child's own limit.
fn limits() -> Limits {
    Limits {
        stored_bytes: 128 << 20,
        ..Limits::default()
    }
}
