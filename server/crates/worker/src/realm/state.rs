//! A realm's state outside the engine: its limits and whether one was passed, its clock, the events and
//! requests so far, and the digests by which content is recognised.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Ctx, Persistent, Value};
use sha2::{Digest, Sha256};

use crate::facts::{EventId, Fact, Failure, FetchId, Host, Limits, Registration};
use crate::realm::clock::Clock;
use crate::realm::feature_tests;
use crate::realm::store::Store;

/// Shared between the realm and its natives.
pub(super) struct State {
    /// What is registered.
    pub(super) registration: Registration,
    /// The bounds.
    pub(super) limits: Limits,
    /// The world.
    pub(super) host: Rc<dyn Host>,
    /// What its caches hold.
    pub(super) store: RefCell<Store>,
    /// The worker's clock.
    pub(super) clock: Clock,
    /// Scripts by their URL: what `importScripts` gets once the worker is installed.
    pub(super) scripts: RefCell<HashMap<String, Rc<str>>>,
    /// All scripts and modules that were had, in that order.
    pub(super) sources: RefCell<Vec<Rc<str>>>,
    /// The globals that browsers have and this realm lacks.
    pub(super) missing: RefCell<Vec<String>>,
    failure: RefCell<Option<Failure>>,
    deadline: Cell<Duration>,
    event_deadline: Cell<Duration>,
    event: Cell<EventId>,
    fetches: Cell<FetchId>,
    requests: Cell<u32>,
    stored_entries: Cell<u32>,
    stored_bytes: Cell<u64>,
    imports_open: Cell<bool>,
    linking: Cell<bool>,
    digests: RefCell<HashMap<[u8; 32], FetchId>>,
    rejections: RefCell<Vec<Rejection>>,
    random: Cell<u64>,
}

/// A promise that was rejected without a handler.
pub(super) struct Rejection {
    /// The promise.
    pub(super) promise: Persistent<Value<'static>>,
    /// Why.
    pub(super) reason: Persistent<Value<'static>>,
}

/// The shortest content that is recognised by its bytes: anything shorter may be the same by chance.
const MIN_RECOGNISED_BYTES: usize = 8;
/// The longest JSON that is recognised although it was written anew.
const MAX_RECOGNISED_JSON_BYTES: usize = 1 << 20;

impl State {
    /// Nothing has happened yet.
    pub(super) fn new(registration: Registration, limits: Limits, host: Rc<dyn Host>) -> State {
        State {
            registration,
            limits,
            host,
            store: RefCell::default(),
            clock: Clock::default(),
            scripts: RefCell::default(),
            sources: RefCell::default(),
            missing: RefCell::default(),
            failure: RefCell::default(),
            deadline: Cell::new(processor_time() + Duration::from_millis(limits.turn_ms)),
            event_deadline: Cell::new(processor_time() + event_time(&limits)),
            event: Cell::new(0),
            fetches: Cell::new(0),
            requests: Cell::new(0),
            stored_entries: Cell::new(0),
            stored_bytes: Cell::new(0),
            imports_open: Cell::new(true),
            linking: Cell::new(false),
            digests: RefCell::default(),
            rejections: RefCell::default(),
            random: Cell::new(0x9e37_79b9_7f4a_7c15),
        }
    }

    /// Keeps a script that was fetched, and notes the missing globals that it tests for.
    pub(super) fn add_source(&self, source: &Rc<str>) {
        for name in feature_tests::find_tested(source, &self.missing.borrow()) {
            self.host.note(Fact::Missed {
                name: name.to_owned(),
            });
        }
        self.sources.borrow_mut().push(Rc::clone(source));
    }

    /// The first failure stays: script can't undo it, and everything after it is interrupted.
    pub(super) fn fail(&self, failure: Failure) {
        self.failure.borrow_mut().get_or_insert(failure);
    }

    /// A limit was passed.
    pub(super) fn pass_limit(&self, which: impl Into<String>) {
        self.fail(Failure::Limit {
            which: which.into(),
        });
    }

    /// The engine has no memory left.
    pub(super) fn pass_memory(&self) {
        self.pass_limit(format!("{} MiB of memory", self.limits.memory_bytes >> 20));
    }

    /// The failure so far.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure.borrow().clone()
    }

    /// The script returned to the host: its time begins anew.
    pub(super) fn restart_turn(&self) {
        self.deadline
            .set(processor_time() + Duration::from_millis(self.limits.turn_ms));
    }

    /// Whether script must stop now.
    pub(super) fn is_over_time(&self) -> bool {
        if self.failure.borrow().is_some() {
            return true;
        }
        let now = processor_time();
        if now > self.deadline.get() {
            self.pass_limit(format!(
                "{} ms of processor time in one turn",
                self.limits.turn_ms
            ));
        } else if now > self.event_deadline.get() {
            self.pass_limit(format!(
                "{} ms of processor time for one event",
                event_time(&self.limits).as_millis()
            ));
        } else {
            return false;
        }
        true
    }

    /// The number of the event that was dispatched last.
    pub(super) fn event(&self) -> EventId {
        self.event.get()
    }

    /// The next event begins.
    pub(super) fn begin_event(&self) -> EventId {
        self.event.set(self.event.get() + 1);
        self.event_deadline
            .set(processor_time() + event_time(&self.limits));
        self.event.get()
    }

    /// Counts a request; whether it may be sent.
    pub(super) fn count_request(&self) -> bool {
        self.requests.set(self.requests.get().saturating_add(1));
        let fits = self.requests.get() <= self.limits.requests;
        if !fits {
            self.pass_limit(format!("{} requests", self.limits.requests));
        }
        fits
    }

    /// The number of script's next request, unless there were too many.
    pub(super) fn begin_fetch(&self) -> Option<FetchId> {
        self.count_request().then(|| {
            self.fetches.set(self.fetches.get() + 1);
            self.fetches.get()
        })
    }

    /// Counts what is stored, or (negative) what is removed; whether it still fits.
    pub(super) fn count_stored(&self, entries: i64, bytes: i64) -> bool {
        let entries = i64::from(self.stored_entries.get()).saturating_add(entries);
        let bytes = i64::try_from(self.stored_bytes.get())
            .unwrap_or(i64::MAX)
            .saturating_add(bytes);
        self.stored_entries
            .set(u32::try_from(entries.max(0)).unwrap_or(u32::MAX));
        self.stored_bytes
            .set(u64::try_from(bytes.max(0)).unwrap_or(u64::MAX));
        if self.stored_entries.get() > self.limits.stored_entries {
            self.pass_limit(format!("{} stored entries", self.limits.stored_entries));
        }
        if self.stored_bytes.get() > self.limits.stored_bytes {
            self.pass_limit(format!("{} MiB stored", self.limits.stored_bytes >> 20));
        }
        self.failure.borrow().is_none()
    }

    /// How many bytes caches and tables hold.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.stored_bytes.get()
    }

    /// Whether `importScripts` may still ask for something new (Service Workers, `importScripts(urls)`).
    pub(super) fn are_imports_open(&self) -> bool {
        self.imports_open.get()
    }

    /// The worker is installed.
    pub(super) fn close_imports(&self) {
        self.imports_open.set(false);
    }

    /// Whether a module's imports are being fetched: an `import` of any other time is a dynamic one.
    pub(super) fn is_linking(&self) -> bool {
        self.linking.get()
    }

    /// Linking begins or ends.
    pub(super) fn set_linking(&self, is_linking: bool) {
        self.linking.set(is_linking);
    }

    /// Remembers what an answer held; its SHA-256.
    pub(super) fn remember(&self, fetch: FetchId, body: &[u8]) -> [u8; 32] {
        let digest = sha256(body);
        if body.len() < MIN_RECOGNISED_BYTES {
            return digest;
        }
        let mut digests = self.digests.borrow_mut();
        digests.insert(digest, fetch);
        if let Some(json) = canonical_json(body) {
            digests.insert(sha256(&json), fetch);
        }
        digest
    }

    /// The request whose answer held exactly that, or the same JSON written otherwise.
    pub(super) fn recognise(&self, body: &[u8]) -> Option<FetchId> {
        if body.len() < MIN_RECOGNISED_BYTES {
            return None;
        }
        let digests = self.digests.borrow();
        digests.get(&sha256(body)).copied().or_else(|| {
            let json = canonical_json(body)?;
            digests.get(&sha256(&json)).copied()
        })
    }

    /// The engine reports a promise that was rejected without a handler, or that got one later.
    pub(super) fn rejection<'js>(
        &self,
        ctx: &Ctx<'js>,
        promise: Value<'js>,
        reason: Value<'js>,
        is_handled: bool,
    ) {
        let mut rejections = self.rejections.borrow_mut();
        if is_handled {
            rejections.retain(|known| {
                known
                    .promise
                    .clone()
                    .restore(ctx)
                    .is_ok_and(|known| known != promise)
            });
        } else {
            rejections.push(Rejection {
                promise: Persistent::save(ctx, promise),
                reason: Persistent::save(ctx, reason),
            });
        }
    }

    /// The rejected promises that still have no handler.
    pub(super) fn take_rejections(&self) -> Vec<Rejection> {
        self.rejections.take()
    }

    /// The next of a fixed row of numbers that look random (SplitMix64).
    pub(super) fn random(&self) -> u64 {
        let next = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// What this thread has used of the processor: waiting for the network does not count.
pub(super) fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

/// What all the turns of one event may use together.
fn event_time(limits: &Limits) -> Duration {
    Duration::from_millis(limits.turn_ms.saturating_mul(4))
}

/// The SHA-256 of something.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// JSON with sorted keys and without white space.
fn canonical_json(bytes: &[u8]) -> Option<Vec<u8>> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if bytes.len() > MAX_RECOGNISED_JSON_BYTES || !matches!(first, b'{' | b'[') {
        return None;
    }
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    serde_json::to_vec(&value).ok()
}
