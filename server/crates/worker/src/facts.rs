//! What goes into a realm and what comes out of it: plain values, the same in the child process and in
//! whoever started it.

use serde::{Deserialize, Serialize};

/// The bounds that a script is held to. Whatever passes one ends as [`Failure::Limit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processor time that script may use between two returns to the host, in milliseconds.
    pub turn_ms: u64,
    /// What QuickJS may allocate, in bytes.
    pub memory_bytes: usize,
    /// Its stack, in bytes.
    pub stack_bytes: usize,
    /// How many requests it may send in all.
    pub requests: u32,
    /// How many entries all its caches and tables may hold.
    pub stored_entries: u32,
    /// How many bytes they may hold.
    pub stored_bytes: u64,
    /// The longest script, imports each counted by themselves, in bytes.
    pub script_bytes: usize,
    /// The longest body of an answer that is read, in bytes.
    pub body_bytes: usize,
    /// How far its clock may run ahead while the work that it left is drained, in milliseconds.
    pub drain_ms: u64,
}

impl Limits {
    /// The largest stack that a script can be given in the child process, whose engine thread exists before the
    /// limits are known; in bytes.
    pub const MAX_STACK_BYTES: usize = 1 << 20;
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            turn_ms: 5_000,
            memory_bytes: 128 << 20,
            stack_bytes: Limits::MAX_STACK_BYTES,
            requests: 25_000,
            stored_entries: 25_000,
            stored_bytes: 256 << 20,
            script_bytes: 8 << 20,
            body_bytes: 16 << 20,
            drain_ms: 10 * 60 * 1000,
        }
    }
}

/// A page's `navigator.serviceWorker.register(script, { scope, type })`, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The script's absolute URL, its query string included: some workers read it.
    pub script: String,
    /// The scope's absolute URL.
    pub scope: String,
    /// Whether it is an ES module (`type: "module"`).
    pub module: bool,
}

/// Fetch's request modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A browsing context goes there.
    Navigate,
    /// CORS applies.
    Cors,
    /// What `<script src>` and `<img>` send: the answer from elsewhere is opaque.
    NoCors,
    /// Another origin is an error.
    SameOrigin,
}

/// One request, as it goes over the network. The host does not follow a redirect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its method, in upper case where Fetch normalises it.
    pub method: String,
    /// Its absolute URL, without a fragment.
    pub url: String,
    /// Its header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    #[serde(with = "bytes")]
    pub body: Vec<u8>,
    /// Its mode.
    pub mode: Mode,
    /// Fetch's destination: `document`, `script`, `style`, `image`, `font`, `manifest`, …; empty for `fetch()`.
    pub destination: String,
    /// Fetch's credentials mode: `omit`, `same-origin`, `include`.
    pub credentials: String,
    /// Fetch's cache mode: `default`, `no-store`, `reload`, `no-cache`, `force-cache`, `only-if-cached`.
    pub cache: String,
}

/// One answer of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its reason phrase.
    pub status_text: String,
    /// Its header fields as received, names in lower case, one entry for each line.
    pub headers: Vec<(String, String)>,
    /// Its body, content codings taken off.
    #[serde(with = "bytes")]
    pub body: Vec<u8>,
}

/// What a realm asks of the world. Nothing else gets in or out.
pub trait Host {
    /// Sends one request; a redirect is an answer like any other.
    ///
    /// # Errors
    /// There is no network, or it is not to be had: why, for people. Script sees a `TypeError`.
    fn fetch(&self, request: &Request) -> Result<Answer, String>;

    /// Hears what happened, in order, as it happens.
    fn note(&self, fact: Fact);
}

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The script's URL.
    pub url: String,
    /// Its line, from 1; 0 when the engine does not know.
    pub line: u32,
    /// The column, from 1; 0 when the engine does not know.
    pub column: u32,
}

/// The number of an event that was dispatched: 1 for the first. 0 is the script's own first run.
pub type EventId = u32;
/// The number of a request that was sent: 1 for the first.
pub type FetchId = u32;

/// Where the content of a response comes from, followed through `clone()`, `new Response(r.body)`, streams and,
/// where script took it apart and put it together, by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Source {
    /// The answer to that request.
    Network {
        /// Which one.
        fetch: FetchId,
    },
    /// What a cache held under that URL.
    Cache {
        /// The cache's name.
        cache: String,
        /// The URL of the entry.
        url: String,
        /// The request that the entry's content came from, if it came from one.
        fetch: Option<FetchId>,
    },
    /// Script made it.
    Script,
}

/// A response as script handed it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its `url`; empty for one that script made.
    pub url: String,
    /// Its status; 0 when opaque and in error (the true one of an opaque response is in the fetch's fact).
    pub status: u16,
    /// Its type: `basic`, `cors`, `default`, `error`, `opaque`, `opaqueredirect`.
    pub kind: String,
    /// Its true `Content-Type` as received, also of an opaque one.
    pub content_type: Option<String>,
    /// How long its body is.
    pub bytes: u64,
    /// The SHA-256 of its body, in hexadecimal digits.
    pub digest: String,
    /// Where its content comes from.
    pub source: Source,
}

/// One thing that a worker did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum Fact {
    /// It sent a request (each hop of a redirect is one) and got an answer, or none.
    Fetched {
        /// The number of the request.
        id: FetchId,
        /// While which event it was sent (the one whose handlers, promises or timers led to it).
        event: EventId,
        /// Its method.
        method: String,
        /// Its URL.
        url: String,
        /// Its mode.
        mode: Mode,
        /// Its destination.
        destination: String,
        /// Whether it carried on the very request of a navigation: the event's own request, a copy of it, or its
        /// navigation preload.
        navigation: bool,
        /// The answer's status.
        status: Option<u16>,
        /// The answer's `Content-Type`.
        content_type: Option<String>,
        /// The SHA-256 of the answer's body.
        digest: Option<String>,
        /// Why there was none.
        error: Option<String>,
        /// The line of the script that asked.
        place: Option<Place>,
    },
    /// It wrote a response to a cache.
    Stored {
        /// While which event.
        event: EventId,
        /// The cache's name.
        cache: String,
        /// `put`, `add` or `addAll`.
        how: String,
        /// The URL under which it was stored.
        url: String,
        /// The response.
        response: Seen,
        /// The line of the script that stored it.
        place: Option<Place>,
    },
    /// It took an entry out of a cache.
    Removed {
        /// While which event.
        event: EventId,
        /// The cache's name.
        cache: String,
        /// The URL of the entry.
        url: String,
    },
    /// It dropped a whole cache.
    Dropped {
        /// While which event.
        event: EventId,
        /// The cache's name.
        cache: String,
    },
    /// It wrote to the console.
    Said {
        /// `log`, `warn`, `error`, …
        level: String,
        /// What, shortened.
        text: String,
    },
    /// An error that was not caught, or a promise that was rejected without a handler.
    Threw {
        /// While which event.
        event: EventId,
        /// The error's text, its name first.
        text: String,
        /// Where it was made.
        place: Option<Place>,
    },
    /// It used a global that this environment does not have.
    Missed {
        /// Its name.
        name: String,
    },
}

/// An event to dispatch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Service Workers, section 4.4.
    Install,
    /// Likewise.
    Activate,
    /// Section 4.6.
    Fetch {
        /// What the page asked for.
        request: Request,
        /// The page that asks; for a navigation the one that is left, if any.
        client: Option<String>,
        /// The page that a navigation leads to.
        resulting_client: Option<String>,
    },
    /// A page's `postMessage`.
    Message {
        /// What it sent, as JSON.
        data: serde_json::Value,
        /// The page.
        client: Option<String>,
    },
    /// Push API.
    Push {
        /// What the push service delivered.
        data: Option<String>,
    },
    /// Background Sync.
    Sync {
        /// Its tag.
        tag: String,
    },
    /// Periodic Background Sync.
    PeriodicSync {
        /// Its tag.
        tag: String,
    },
    /// A notification was clicked.
    NotificationClick {
        /// What it held as `data`, as JSON.
        data: serde_json::Value,
    },
    /// The push service changed the subscription.
    PushSubscriptionChange,
}

/// How an event ended, with everything drained that it had left running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its number.
    pub id: EventId,
    /// How many listeners it reached.
    pub listeners: u32,
    /// Why what was given to `waitUntil` or `respondWith` was rejected, the first of them.
    pub rejected: Option<String>,
    /// Whether something given to `waitUntil` or `respondWith` never settled.
    pub pending: bool,
    /// Whether `respondWith` was called: otherwise the page gets the network's answer, whatever else went wrong.
    #[serde(default)]
    pub responded: bool,
    /// What a page was answered, when the worker answered.
    pub answered: Option<Answered>,
}

/// What a page got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The response.
    pub response: Seen,
    /// Its body, or what of it could be read.
    #[serde(with = "bytes")]
    pub body: Vec<u8>,
    /// Its header fields.
    pub headers: Vec<(String, String)>,
    /// The line of the script that called `respondWith`.
    pub place: Option<Place>,
}

/// The tags that a worker registered for itself, each once, in the order of registering.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// `registration.sync.register(tag)`: Background Sync dispatches it once.
    pub sync: Vec<String>,
    /// `registration.periodicSync.register(tag)`: again and again.
    pub periodic: Vec<String>,
}

/// The words that a worker's scripts compare messages and tags with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// What a sync's `tag` is compared with.
    pub tags: Vec<String>,
    /// A field of a message (`data` for the message itself) and what that is compared with.
    pub messages: Vec<(String, String)>,
}

/// An entry of a cache, as it lies there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The cache's name.
    pub cache: String,
    /// The URL under which it lies.
    pub url: String,
    /// The response's status.
    pub status: u16,
    /// The response's type, as in [`Seen::kind`].
    pub kind: String,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// The SHA-256 of its body.
    pub digest: String,
    /// How long that is.
    pub bytes: u64,
}

/// Why a worker can't be judged by what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "failure", rename_all = "kebab-case")]
pub enum Failure {
    /// It does not parse.
    #[error("it does not parse: {text}")]
    Unparsable {
        /// The engine's message.
        text: String,
        /// Where.
        place: Option<Place>,
    },
    /// Its own first run ended with an error.
    #[error("it throws while it is loaded: {text}")]
    Threw {
        /// The error's text, its name first.
        text: String,
        /// Where it was made.
        place: Option<Place>,
    },
    /// The script or something that it imports can't be had.
    #[error("{url} can't be had: {why}")]
    Unobtainable {
        /// What.
        url: String,
        /// Why not.
        why: String,
    },
    /// It uses a global that this environment does not have.
    #[error("it uses {name}, which this environment does not have")]
    Missing {
        /// Its name.
        name: String,
    },
    /// It passed one of [`Limits`].
    #[error("it passed a limit: {which}")]
    Limit {
        /// Which one, with its measure, in words.
        which: String,
    },
    /// The engine itself failed.
    #[error("the engine failed: {text}")]
    Engine {
        /// How.
        text: String,
    },
}

/// Bytes as base64 in JSON.
mod bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}
