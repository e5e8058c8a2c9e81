//! The swap itself: one atomic word for which colour is live and whether requests go through,
//! and the exact counts of what is in flight. A request is counted before it goes anywhere, and looks
//! at the word again afterwards, so after a change of the word returns, every request that went by
//! the old one is in the counts.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use tealkeep_words::names::Colour;

const GREEN: u8 = 1;
const HELD: u8 = 2;
const MAINTENANCE: u8 = 4;

/// A request is one; a stream is one here, so that both are read, and moved over, in one instant.
const STREAM: u64 = 1 << 32;
const REQUEST: u64 = 1;

/// Which colour is live, whether requests go through, and what is in flight.
#[derive(Debug)]
pub(super) struct Switch {
    word: AtomicU8,
    lanes: [Lane; 2],
    waiting: AtomicUsize,
    held_since: Mutex<Option<Instant>>,
    changed: Notify,
}

/// One colour's share; on cache lines of its own, since two threads count here all the time.
#[derive(Debug)]
#[repr(align(128))]
struct Lane {
    in_flight: AtomicU64,
    watchers: AtomicUsize,
    idle: Notify,
    ends: Mutex<CancellationToken>,
    endings: AtomicU64,
}

/// Where [`Switch::enter`] sends a request.
pub(super) enum Entry {
    /// It is counted, and goes to the guard's colour.
    Go(InFlight),
    /// It has to wait for the release.
    Held,
    /// It gets the maintenance page.
    Maintenance,
}

/// Why a request did not get to the end of its wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HoldEnd {
    Released,
    TooMany,
    TooLong,
}

impl Switch {
    pub(super) fn new(live: Colour) -> Switch {
        let lane = || Lane {
            in_flight: AtomicU64::new(0),
            watchers: AtomicUsize::new(0),
            idle: Notify::new(),
            ends: Mutex::new(CancellationToken::new()),
            endings: AtomicU64::new(0),
        };
        Switch {
            word: AtomicU8::new(bit(live)),
            lanes: [lane(), lane()],
            waiting: AtomicUsize::new(0),
            held_since: Mutex::new(None),
            changed: Notify::new(),
        }
    }

    pub(super) fn live(&self) -> Colour {
        colour(self.word.load(SeqCst))
    }

    pub(super) fn swap(&self, to: Colour) {
        // One read-modify-write, so that a hold set at the same time by somebody else survives.
        let _ = self
            .word
            .fetch_update(SeqCst, SeqCst, |w| Some((w & !GREEN) | bit(to)));
    }

    pub(super) fn hold(&self) {
        let mut since = lock(&self.held_since);
        self.word.fetch_or(HELD, SeqCst);
        since.get_or_insert_with(Instant::now);
    }

    pub(super) fn release(&self) {
        let mut since = lock(&self.held_since);
        self.word.fetch_and(!HELD, SeqCst);
        *since = None;
        self.changed.notify_waiters();
    }

    /// Since when requests are held, and how many wait.
    pub(super) fn held(&self) -> Option<(Instant, usize)> {
        lock(&self.held_since).map(|since| (since, self.waiting.load(SeqCst)))
    }

    pub(super) fn set_maintenance(&self, on: bool) {
        if on {
            self.word.fetch_or(MAINTENANCE, SeqCst);
        } else {
            self.word.fetch_and(!MAINTENANCE, SeqCst);
        }
        // Those who wait for a release get the page at once.
        self.changed.notify_waiters();
    }

    /// Counts a request in, on the colour that is live at this instant.
    pub(super) fn enter(self: &Arc<Self>) -> Entry {
        loop {
            let word = self.word.load(SeqCst);
            if word & MAINTENANCE != 0 {
                return Entry::Maintenance;
            }
            if word & HELD != 0 {
                return Entry::Held;
            }
            let colour = colour(word);
            let lane = self.lane(colour);
            let ended_before = lane.endings.load(SeqCst);
            lane.in_flight.fetch_add(REQUEST, SeqCst);
            // Either this sees a swap or a hold that came in between, or whoever waits for idleness
            // after it sees this request: all four accesses are in one total order.
            if self.word.load(SeqCst) == word {
                return Entry::Go(InFlight {
                    switch: Arc::clone(self),
                    colour,
                    weight: REQUEST,
                    ended_before,
                });
            }
            lane.leave(REQUEST);
        }
    }

    /// Waits until requests go through again (or all get the maintenance page), for at most `timeout`.
    pub(super) async fn wait_for_release(&self, limit: usize, timeout: Duration) -> HoldEnd {
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, SeqCst);
            }
        }
        let before = self.waiting.fetch_add(1, SeqCst);
        let _waiting = Waiting(&self.waiting);
        if before >= limit {
            return HoldEnd::TooMany;
        }
        let released = async {
            loop {
                let changed = self.changed.notified();
                let mut changed = std::pin::pin!(changed);
                changed.as_mut().enable();
                let word = self.word.load(SeqCst);
                if word & HELD == 0 || word & MAINTENANCE != 0 {
                    return;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(timeout, released).await {
            Ok(()) => HoldEnd::Released,
            Err(_) => HoldEnd::TooLong,
        }
    }

    /// Requests and streams in flight on a colour, read in one instant.
    pub(super) fn in_flight(&self, colour: Colour) -> (u64, u64) {
        let both = self.lane(colour).in_flight.load(SeqCst);
        (both & (STREAM - 1), both / STREAM)
    }

    /// Waits until nothing is in flight on a colour; `false` when the deadline came first.
    pub(super) async fn wait_idle(&self, colour: Colour, deadline: Duration) -> bool {
        struct Watching<'a>(&'a AtomicUsize);
        impl Drop for Watching<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, SeqCst);
            }
        }
        let lane = self.lane(colour);
        lane.watchers.fetch_add(1, SeqCst);
        let _watching = Watching(&lane.watchers);
        let idle = async {
            loop {
                let idle = lane.idle.notified();
                let mut idle = std::pin::pin!(idle);
                idle.as_mut().enable();
                if lane.in_flight.load(SeqCst) == 0 {
                    return;
                }
                idle.await;
            }
        };
        tokio::time::timeout(deadline, idle).await.is_ok()
    }

    /// Ends every stream that is open on a colour, or is being opened.
    pub(super) fn end_streams(&self, colour: Colour) {
        let lane = self.lane(colour);
        let mut ends = lock(&lane.ends);
        lane.endings.fetch_add(1, SeqCst);
        std::mem::take(&mut *ends).cancel();
    }

    fn lane(&self, colour: Colour) -> &Lane {
        &self.lanes[usize::from(bit(colour))]
    }
}

impl Lane {
    fn leave(&self, weight: u64) {
        let was = self.in_flight.fetch_sub(weight, SeqCst);
        if was == weight && self.watchers.load(SeqCst) > 0 {
            self.idle.notify_waiters();
        }
    }
}

/// One request, or stream, in flight: counted until this is dropped.
#[derive(Debug)]
pub(super) struct InFlight {
    switch: Arc<Switch>,
    colour: Colour,
    weight: u64,
    ended_before: u64,
}

impl InFlight {
    /// Where the request goes.
    pub(super) fn colour(&self) -> Colour {
        self.colour
    }

    /// Counts it as a stream from here on. The token is cancelled when the colour's streams are
    /// ended, and already is if that happened since the request came in.
    pub(super) fn become_stream(&mut self) -> CancellationToken {
        let lane = self.switch.lane(self.colour);
        if self.weight == REQUEST {
            lane.in_flight.fetch_add(STREAM - REQUEST, SeqCst);
            self.weight = STREAM;
        }
        let ends = lock(&lane.ends);
        if lane.endings.load(SeqCst) == self.ended_before {
            ends.clone()
        } else {
            let ended = CancellationToken::new();
            ended.cancel();
            ended
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.switch.lane(self.colour).leave(self.weight);
    }
}

fn bit(colour: Colour) -> u8 {
    match colour {
        Colour::Blue => 0,
        Colour::Green => GREEN,
    }
}

fn colour(word: u8) -> Colour {
    if word & GREEN == 0 {
        Colour::Blue
    } else {
        Colour::Green
    }
}

/// What these locks guard is replaced in one assignment, so a panic elsewhere leaves nothing half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
