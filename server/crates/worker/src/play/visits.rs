//! The events of a round, as values: what the pages ask for, and what else reaches a worker.

use std::collections::HashSet;

use serde_json::{Value, json};
use url::Url;

use super::browser;
use super::plan::{PageVisit, Plan, Round, Wanted};
use crate::facts::{Event, Mode, Words};

/// How many pages are visited.
const MAX_PAGES: usize = 12;
/// How many requests each of them makes.
const MAX_REQUESTS_PER_PAGE: usize = 60;
/// How many pages ask for something to be cached.
const MAX_PAGES_TO_CACHE: usize = 3;
/// How many URLs a page asks to be cached at once.
const MAX_URLS_TO_CACHE: usize = 40;

/// Whether the event is a request for a page, not for something on it.
pub fn is_navigation(event: &Event) -> bool {
    matches!(event, Event::Fetch { request, .. } if request.mode == Mode::Navigate)
}

/// Each page in order, then what it loads. What several pages load is requested once a round: the next round requests it
/// again, and that is when a worker has it.
///
/// The first page is reached by typing its address, the others by a link. Once things have changed, the first one is
/// reached by a link too: what a worker does with a page may depend on its request's referrer.
pub fn page_events(plan: &Plan, round: Round) -> Vec<Event> {
    let mut events = Vec::new();
    let mut asked: HashSet<&Wanted> = HashSet::new();
    let pages = || plan.pages.iter().take(MAX_PAGES);
    let mut left = match round {
        Round::Changed => pages().next_back().map(|page| page.url.as_str()),
        Round::Begin | Round::First | Round::Offline => None,
    };
    for page in pages() {
        events.push(Event::Fetch {
            request: browser::navigation(&page.url),
            client: left.map(str::to_owned),
            resulting_client: Some(page.url.clone()),
        });
        for wanted in page.wanted.iter().take(MAX_REQUESTS_PER_PAGE) {
            if asked.insert(wanted) {
                events.push(Event::Fetch {
                    request: browser::subresource(wanted),
                    client: Some(page.url.clone()),
                    resulting_client: None,
                });
            }
        }
        left = Some(&page.url);
    }
    events
}

/// The other events of a round, in groups of one kind each: a worker that does not listen to the first of a group
/// listens to none of it. They are played with the network up; without it they would fill nothing.
pub fn other_events(plan: &Plan, round: Round, words: &Words) -> Vec<Vec<Event>> {
    if !round.has_network() {
        return Vec::new();
    }
    vec![
        messages(plan, round, words),
        pushes(plan),
        tags(words)
            .into_iter()
            .map(|tag| Event::Sync { tag })
            .collect(),
        tags(words)
            .into_iter()
            .map(|tag| Event::PeriodicSync { tag })
            .collect(),
        vec![Event::NotificationClick {
            data: json!({
                "url": home(plan),
                "onActionClick": { "default": { "operation": "openWindow", "url": home(plan) } },
            }),
        }],
        vec![Event::PushSubscriptionChange],
    ]
}

/// The words of Workbox, of Angular's worker, and of the many that were written by hand after them; then those of this
/// worker's own scripts, without anything that only its pages could name. These come last of all, since one of them
/// may well mean that everything is to be forgotten.
fn messages(plan: &Plan, round: Round, words: &Words) -> Vec<Event> {
    let client = plan.pages.first().map(|page| page.url.clone());
    let nonce = round as u32;
    let mut messages: Vec<Value> = vec![
        json!({ "type": "SKIP_WAITING" }),
        json!("skipWaiting"),
        json!({ "action": "skipWaiting" }),
        json!({ "type": "CLIENTS_CLAIM" }),
        json!({ "type": "GET_VERSION" }),
        json!({ "action": "INITIALIZE" }),
        json!({ "action": "CHECK_FOR_UPDATES", "nonce": nonce * 10, "statusNonce": nonce * 10 }),
        json!({ "action": "ACTIVATE_UPDATE", "nonce": nonce * 10 + 1, "statusNonce": nonce * 10 + 1 }),
    ];
    // Each page asks for its own, and by itself: one of them that is not there makes `addAll` keep nothing at all.
    messages.extend(
        plan.pages.iter().take(MAX_PAGES_TO_CACHE).map(
            |page| json!({ "type": "CACHE_URLS", "payload": { "urlsToCache": to_cache(page) } }),
        ),
    );
    let of_pages: Vec<Value> = plan
        .messages
        .iter()
        .filter(|message| !messages.contains(message))
        .cloned()
        .collect();
    messages.extend(of_pages);
    if round == Round::Changed {
        for (field, word) in &words.messages {
            let own = match field.as_str() {
                "data" => vec![json!(word)],
                field => vec![json!({ field: word }), with_usual_fields(plan, field, word)],
            };
            let new: Vec<Value> = own
                .into_iter()
                .filter(|own| !messages.contains(own))
                .collect();
            messages.extend(new);
        }
    }
    messages
        .into_iter()
        .map(|data| Event::Message {
            data,
            client: client.clone(),
        })
        .collect()
}

/// A word with the fields in which workers look for what it is about, so that one that wants them does not throw.
fn with_usual_fields(plan: &Plan, field: &str, word: &str) -> Value {
    let home = home(plan);
    let about = json!({ "url": home, "urls": [home], "urlsToCache": [home] });
    let mut message = json!({
        "payload": about, "data": about, "url": home, "urls": [home], "urlsToCache": [home],
    });
    message[field] = json!(word);
    message
}

/// What a page asks a worker to keep, as Workbox's guide has it: itself, and what `performance.getEntriesByType('resource')`
/// tells that it loaded.
fn to_cache(page: &PageVisit) -> Vec<&str> {
    let loaded = page.wanted.iter().map(|wanted| wanted.url.as_str());
    let mut once = HashSet::new();
    let mut urls: Vec<&str> = std::iter::once(page.url.as_str())
        .chain(loaded)
        .filter(|url| once.insert(*url))
        .collect();
    urls.truncate(MAX_URLS_TO_CACHE);
    urls
}

fn pushes(plan: &Plan) -> Vec<Event> {
    let url = home(plan);
    let notification = json!({
        "title": "News", "body": "Something happened.", "url": url, "icon": "/favicon.ico",
        "data": { "url": url },
        "notification": { "title": "News", "body": "Something happened.", "data": { "url": url } },
    });
    [
        Some(notification.to_string()),
        Some("Something happened.".to_owned()),
        None,
    ]
    .into_iter()
    .map(|data| Event::Push { data })
    .collect()
}

/// What the guides use, and what this worker's scripts compare with: pages register tags, and only they know which.
fn tags(words: &Words) -> Vec<String> {
    let usual = [
        "sync",
        "content-sync",
        "update-content",
        "test-tag-from-devtools",
    ];
    let own = words
        .tags
        .iter()
        .filter(|tag| !usual.contains(&tag.as_str()));
    usual
        .iter()
        .map(|tag| (*tag).to_owned())
        .chain(own.cloned())
        .collect()
}

/// Where a notification leads.
fn home(plan: &Plan) -> String {
    Url::parse(&plan.registration.scope)
        .ok()
        .and_then(|scope| scope.join("/").ok())
        .map_or_else(|| plan.registration.scope.clone(), |url| url.to_string())
}
