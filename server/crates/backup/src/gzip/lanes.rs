//! Threads that work side by side and hand on in order. Batch n goes to lane n modulo the lanes, and is taken
//! from there in the same turn: so order costs nothing, and what is under way is bounded by the lanes' queues.

use std::sync::mpsc::{Receiver, SendError, Sender, SyncSender, channel, sync_channel};
use std::thread::Scope;

use super::super::low_priority;

/// The plain bytes of a batch: large enough that handing it over costs nothing beside the work on it.
pub const BATCH_BYTES: usize = 4 * super::super::member::CHUNK_BYTES;

/// More lanes than this would cost more memory than a snapshot may.
const MAX_LANES: usize = 8;

/// The side that hands out work.
pub struct Give<T> {
    lanes: Vec<SyncSender<T>>,
    spare: Receiver<T>,
    turn: usize,
}

/// The side that takes in what was done, in order.
pub struct Take<T> {
    lanes: Vec<Receiver<T>>,
    spare: Sender<T>,
    turn: usize,
}

/// Starts a thread a core in `scope`. Each makes its own state by `start` and puts every batch through
/// `work`; it ends when either side is dropped.
pub fn start<'scope, 'env, T, S, W>(
    scope: &'scope Scope<'scope, 'env>,
    start: impl Fn() -> S,
    work: W,
) -> (Give<T>, Take<T>)
where
    T: Send + 'scope,
    S: Send + 'scope,
    W: Fn(&mut S, &mut T) + Copy + Send + 'scope,
{
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (spare_in, spare_out) = channel();
    let mut give = Vec::new();
    let mut take = Vec::new();
    for _ in 0..cores.min(MAX_LANES) {
        let (to_worker, batches) = sync_channel::<T>(1);
        let (done, from_worker) = sync_channel(1);
        let mut state = start();
        low_priority::spawn(scope, move || {
            low_priority::enter_idle();
            for mut batch in batches {
                work(&mut state, &mut batch);
                low_priority::check_starvation();
                if done.send(batch).is_err() {
                    return;
                }
            }
        });
        give.push(to_worker);
        take.push(from_worker);
    }
    let give = Give {
        lanes: give,
        spare: spare_out,
        turn: 0,
    };
    let take = Take {
        lanes: take,
        spare: spare_in,
        turn: 0,
    };
    (give, take)
}

impl<T: Default> Give<T> {
    /// A batch to fill: one that came back, with what it held, or a new one. As many are made as are under way
    /// at once, and no more.
    pub fn spare(&self) -> T {
        self.spare.try_recv().unwrap_or_default()
    }

    /// Hands a batch to the next lane, and waits while that has enough to do.
    ///
    /// # Errors
    /// The other side is gone, and knows why.
    pub fn send(&mut self, batch: T) -> Result<(), SendError<T>> {
        let lane = self.turn % self.lanes.len();
        self.turn += 1;
        self.lanes[lane].send(batch)
    }
}

impl<T> Take<T> {
    /// The next batch in order; `None` after the last one.
    pub fn next(&mut self) -> Option<T> {
        let lane = self.turn % self.lanes.len();
        self.turn += 1;
        self.lanes[lane].recv().ok()
    }

    /// Hands a batch back, to be filled anew.
    pub fn give_back(&self, batch: T) {
        // Nobody to fill it any more: then it is simply freed.
        let _ = self.spare.send(batch);
    }
}
