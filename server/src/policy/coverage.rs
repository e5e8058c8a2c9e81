//! What a check looked at, so that a pass says what it rests on: "no service worker", "a service worker that behaved"
//! and "no page at all" are different things.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::web::Seen;
use super::{Order, Site};

/// What a check looked at. Its JSON is part of the API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Coverage {
    /// How many pages: URLs that answered with HTML and a status of 2xx.
    pub pages: usize,
    /// How many files that pages load (scripts, styles, images, fonts, …) answered.
    pub assets: usize,
    /// The service worker that ran; null where no page registers one.
    pub worker: Option<WorkerSeen>,
    /// Further workers, in other scopes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_workers: Vec<WorkerSeen>,
    /// How many requests the check sent.
    pub requests: u32,
    /// Whether the app is configured as one that is only an API, so that no page was expected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub api_only: bool,
}

/// A service worker that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WorkerSeen {
    /// The URL of its script.
    pub url: String,
    /// Its scope.
    pub scope: String,
    /// How many events it was sent: install, fetches of pages and files, messages, …
    pub events: usize,
}

impl Coverage {
    pub(super) fn of(
        site: &Site,
        order: &Order,
        seen: &Seen,
        workers: Vec<WorkerSeen>,
    ) -> Coverage {
        let pages: BTreeSet<&str> = seen
            .pages
            .iter()
            .filter(|page| page.is_had())
            .map(|page| page.answer.url.as_str())
            .collect();
        let assets = seen.assets.iter().filter(|asset| asset.answer.is_some());
        let mut workers = workers.into_iter();
        Coverage {
            pages: pages.len(),
            assets: assets.count(),
            worker: workers.next(),
            other_workers: workers.collect(),
            requests: site.requests(),
            api_only: order.api_only,
        }
    }

    /// All workers that ran.
    pub fn workers(&self) -> impl Iterator<Item = &WorkerSeen> {
        self.worker.iter().chain(&self.other_workers)
    }

    /// In a sentence: "3 pages, 12 files and no service worker, in 20 requests."
    #[must_use]
    pub fn in_words(&self) -> String {
        let pages = match (self.pages, self.api_only) {
            (0, true) => "no pages (the app is configured as an API)".to_owned(),
            (0, false) => "no page at all".to_owned(),
            (pages, _) => counted(pages, "page"),
        };
        let mut parts = vec![pages];
        if self.pages > 0 || self.assets > 0 {
            parts.push(counted(self.assets, "file"));
        }
        let mut workers: Vec<String> = self.workers().map(WorkerSeen::in_words).collect();
        if workers.is_empty() {
            workers.push("no service worker".to_owned());
        }
        parts.append(&mut workers);
        let last = parts.pop().unwrap_or_default();
        let requests = usize::try_from(self.requests).unwrap_or(usize::MAX);
        format!(
            "{} and {last}, in {}.",
            parts.join(", "),
            counted(requests, "request")
        )
    }
}

impl WorkerSeen {
    fn in_words(&self) -> String {
        match self.events {
            0 => format!("the service worker {}, which did not start", self.url),
            events => format!(
                "the service worker {}, which was run through {}",
                self.url,
                counted(events, "event")
            ),
        }
    }
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_says_what_it_rests_on() {
        let worker = |events| WorkerSeen {
            url: "https://home.example/sw.js".to_owned(),
            scope: "https://home.example/".to_owned(),
            events,
        };
        let of = |pages, assets, worker, requests, api_only| Coverage {
            pages,
            assets,
            worker,
            other_workers: Vec::new(),
            requests,
            api_only,
        };
        for (seen, says) in [
            (
                of(3, 12, None, 20, false),
                "3 pages, 12 files and no service worker, in 20 requests.",
            ),
            (
                of(1, 1, Some(worker(41)), 9, false),
                "1 page, 1 file and the service worker https://home.example/sw.js, which was run through 41 events, \
                 in 9 requests.",
            ),
            (
                of(1, 0, Some(worker(0)), 9, false),
                "1 page, 0 files and the service worker https://home.example/sw.js, which did not start, in 9 requests.",
            ),
            (
                of(0, 0, None, 2, false),
                "no page at all and no service worker, in 2 requests.",
            ),
            (
                of(0, 0, None, 1, true),
                "no pages (the app is configured as an API) and no service worker, in 1 request.",
            ),
        ] {
            assert_eq!(seen.in_words(), says);
        }
    }
}
