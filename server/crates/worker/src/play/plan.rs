//! What is played to a worker, as a value.

use serde::{Deserialize, Serialize};

use crate::facts::{Limits, Registration};

/// Everything that is played, as a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The worker.
    pub registration: Registration,
    /// What it is held to.
    pub limits: Limits,
    /// The pages in its scope, in the order in which they are visited.
    pub pages: Vec<PageVisit>,
    /// What the pages' scripts send to it by `postMessage`.
    #[serde(default)]
    pub messages: Vec<serde_json::Value>,
}

/// A page, and what a browser requests while it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageVisit {
    /// Its absolute URL.
    pub url: String,
    /// What it loads, in order.
    pub wanted: Vec<Wanted>,
}

/// One request of a page.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// Its absolute URL.
    pub url: String,
    /// Fetch's destination; empty for `fetch()` by the page's script.
    pub destination: String,
    /// Whether CORS applies although the element would not ask for it: `crossorigin`, or an ES module.
    pub cors: bool,
}

/// What the world is like while an event is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Round {
    /// The script is loaded, installed and activated; the content is as it was found.
    Begin,
    /// The pages are visited for the first time, with the content as it was found.
    First,
    /// Everything that can change has changed. Comes once more at the end when the worker has put something off
    /// until the network is back.
    Changed,
    /// As in the round before, but the network is down.
    Offline,
}

impl Round {
    /// Whether requests are answered.
    #[must_use]
    pub fn has_network(self) -> bool {
        self != Round::Offline
    }
}
