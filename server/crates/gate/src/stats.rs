//! The gate's counters, for the watch, the dashboard and the metrics. Each worker thread counts in a
//! shard of its own with relaxed atomics, so that counting costs a request next to nothing; a reader adds
//! the shards up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;

use tealkeep_words::names::Colour;

/// Buckets of a histogram: four to each doubling, from 1 µs to past two minutes.
pub const BUCKETS: usize = 112;

/// What the gate has counted since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GateStats {
    /// What blue answered.
    pub blue: ColourStats,
    /// What green answered.
    pub green: ColourStats,
    /// Pages that the gate itself answered because a colour did not: status 502 and 504, of both colours.
    pub bad_gateway: u64,
    /// Maintenance pages: held too long, too many held, or maintenance: status 503.
    pub unavailable: u64,
    /// Requests that the gate refused: malformed ones, those with an unknown transfer coding, `CONNECT`.
    pub refused: u64,
    /// Requests whose client went away before its answer, or broke its body off. They say nothing about the app.
    pub aborted: u64,
    /// Tealkeep's own requests that came through the gate ([`super::OWN_AGENT`]). They are in no colour's counts.
    pub own: u64,
    /// Retries of a request or of its connection.
    pub retried: u64,
    /// Requests that had to wait for a release.
    pub held: u64,
    /// Client connections accepted.
    pub connections: u64,
}

/// What one colour answered through the gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColourStats {
    /// Answers by the first digit of their status: `[1xx, 2xx, 3xx, 4xx, 5xx]`.
    pub statuses: [u64; 5],
    /// Bytes of bodies sent to clients.
    pub bytes: u64,
    /// Requests that it gave no answer to, or none that could be passed on: the client got 502 or 504 from the gate.
    pub unanswered: u64,
    /// From the request's head to the answer's head.
    pub first_byte: Latencies,
}

/// A histogram of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latencies {
    counts: [u64; BUCKETS],
}

impl Default for Latencies {
    fn default() -> Latencies {
        Latencies {
            counts: [0; BUCKETS],
        }
    }
}

impl GateStats {
    /// What one colour answered.
    #[must_use]
    pub fn colour(&self, colour: Colour) -> &ColourStats {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }

    /// What was counted after `earlier` was read.
    #[must_use]
    pub fn since(&self, earlier: &GateStats) -> GateStats {
        GateStats {
            blue: self.blue.since(&earlier.blue),
            green: self.green.since(&earlier.green),
            bad_gateway: self.bad_gateway.saturating_sub(earlier.bad_gateway),
            unavailable: self.unavailable.saturating_sub(earlier.unavailable),
            refused: self.refused.saturating_sub(earlier.refused),
            aborted: self.aborted.saturating_sub(earlier.aborted),
            own: self.own.saturating_sub(earlier.own),
            retried: self.retried.saturating_sub(earlier.retried),
            held: self.held.saturating_sub(earlier.held),
            connections: self.connections.saturating_sub(earlier.connections),
        }
    }
}

impl ColourStats {
    /// Answers in all.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.statuses.iter().sum()
    }

    /// Answers with a 5xx status.
    #[must_use]
    pub fn server_errors(&self) -> u64 {
        self.statuses[4]
    }

    fn since(&self, earlier: &ColourStats) -> ColourStats {
        ColourStats {
            statuses: std::array::from_fn(|i| self.statuses[i].saturating_sub(earlier.statuses[i])),
            bytes: self.bytes.saturating_sub(earlier.bytes),
            unanswered: self.unanswered.saturating_sub(earlier.unanswered),
            first_byte: Latencies {
                counts: std::array::from_fn(|i| {
                    self.first_byte.counts[i].saturating_sub(earlier.first_byte.counts[i])
                }),
            },
        }
    }
}

impl Latencies {
    /// Times in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The time that the share `q` (0 to 1) of all stayed at or under, to within a quarter; `None` when
    /// nothing was counted.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let all = self.count();
        if all == 0 {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank among counts; far below 2^53, and never negative after the clamp"
        )]
        let rank = ((all as f64 * q.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(upper_bound(bucket));
            }
        }
        Some(upper_bound(BUCKETS - 1))
    }
}

/// One worker thread's counts, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard {
    colours: [ColourShard; 2],
    unavailable: AtomicU64,
    refused: AtomicU64,
    aborted: AtomicU64,
    own: AtomicU64,
    retried: AtomicU64,
    held: AtomicU64,
    connections: AtomicU64,
}

#[derive(Debug)]
struct ColourShard {
    statuses: [AtomicU64; 5],
    bytes: AtomicU64,
    unanswered: AtomicU64,
    first_byte: [AtomicU64; BUCKETS],
}

impl Shard {
    pub(super) fn new() -> Shard {
        let zero = || AtomicU64::new(0);
        let colour = || ColourShard {
            statuses: std::array::from_fn(|_| zero()),
            bytes: zero(),
            unanswered: zero(),
            first_byte: std::array::from_fn(|_| zero()),
        };
        Shard {
            colours: [colour(), colour()],
            unavailable: zero(),
            refused: zero(),
            aborted: zero(),
            own: zero(),
            retried: zero(),
            held: zero(),
            connections: zero(),
        }
    }

    pub(super) fn answered(&self, colour: Colour, status: StatusCode, took: Duration) {
        let shard = &self.colours[colour as usize];
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        shard.statuses[class].fetch_add(1, Relaxed);
        shard.first_byte[bucket(took)].fetch_add(1, Relaxed);
    }

    pub(super) fn sent(&self, colour: Colour, bytes: u64) {
        self.colours[colour as usize]
            .bytes
            .fetch_add(bytes, Relaxed);
    }

    /// A colour gave no answer that could be passed on.
    pub(super) fn unanswered(&self, colour: Colour) {
        self.colours[colour as usize]
            .unanswered
            .fetch_add(1, Relaxed);
    }

    /// The maintenance page.
    pub(super) fn unavailable(&self) {
        self.unavailable.fetch_add(1, Relaxed);
    }

    /// A request that can't be passed on.
    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// A request of Tealkeep's own, whatever came of it.
    pub(super) fn own(&self) {
        self.own.fetch_add(1, Relaxed);
    }

    pub(super) fn aborted(&self) {
        self.aborted.fetch_add(1, Relaxed);
    }

    pub(super) fn retried(&self) {
        self.retried.fetch_add(1, Relaxed);
    }

    pub(super) fn held(&self) {
        self.held.fetch_add(1, Relaxed);
    }

    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    /// Adds this shard's counts to a total.
    pub(super) fn add_to(&self, total: &mut GateStats) {
        for (shard, colour) in self.colours.iter().zip([&mut total.blue, &mut total.green]) {
            for (from, to) in shard.statuses.iter().zip(&mut colour.statuses) {
                *to += from.load(Relaxed);
            }
            for (from, to) in shard.first_byte.iter().zip(&mut colour.first_byte.counts) {
                *to += from.load(Relaxed);
            }
            colour.bytes += shard.bytes.load(Relaxed);
            let unanswered = shard.unanswered.load(Relaxed);
            colour.unanswered += unanswered;
            total.bad_gateway += unanswered;
        }
        total.unavailable += self.unavailable.load(Relaxed);
        total.refused += self.refused.load(Relaxed);
        total.aborted += self.aborted.load(Relaxed);
        total.own += self.own.load(Relaxed);
        total.retried += self.retried.load(Relaxed);
        total.held += self.held.load(Relaxed);
        total.connections += self.connections.load(Relaxed);
    }
}

/// Microseconds as `2^octave * (1 + quarter/4)`, rounded down.
fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let octave = micros.ilog2();
    let quarter = if octave >= 2 {
        (micros >> (octave - 2)) & 3
    } else {
        0
    };
    // `octave` is below 64 and `quarter` below 4.
    (octave as usize * 4 + quarter as usize).min(BUCKETS - 1)
}

fn upper_bound(bucket: usize) -> Duration {
    let (octave, quarter) = (bucket / 4, (bucket % 4) as u64);
    let base = 1u64 << octave;
    Duration::from_micros(base + base * (quarter + 1) / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_within_a_quarter_of_the_time_that_was_counted() {
        let shard = Shard::new();
        for micros in 1..=10_000 {
            shard.answered(Colour::Green, StatusCode::OK, Duration::from_micros(micros));
        }
        let mut total = GateStats::default();
        shard.add_to(&mut total);
        assert_eq!(total.green.answers(), 10_000);
        assert_eq!(total.blue.first_byte.quantile(0.5), None);
        for (q, exact) in [(0.5, 5_000.0), (0.9, 9_000.0), (0.99, 9_900.0)] {
            let found = total.green.first_byte.quantile(q).unwrap().as_micros() as f64;
            assert!(
                (exact..=exact * 1.26).contains(&found),
                "quantile {q} was {found}"
            );
        }
    }

    #[test]
    fn the_longest_time_has_a_bucket_too() {
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
        assert_eq!(bucket(Duration::ZERO), 0);
    }

    #[test]
    fn a_difference_counts_only_what_came_after() {
        let shard = Shard::new();
        let read = || {
            let mut total = GateStats::default();
            shard.add_to(&mut total);
            total
        };
        shard.answered(Colour::Blue, StatusCode::OK, Duration::from_millis(1));
        shard.unanswered(Colour::Green);
        let before = read();
        shard.answered(
            Colour::Blue,
            StatusCode::INTERNAL_SERVER_ERROR,
            Duration::from_millis(9),
        );
        shard.unanswered(Colour::Green);
        shard.unavailable();
        let after = read().since(&before);
        assert_eq!(after.blue.statuses, [0, 0, 0, 0, 1]);
        assert_eq!(after.blue.first_byte.count(), 1);
        assert_eq!((after.bad_gateway, after.unavailable), (1, 1));
        assert_eq!((after.blue.unanswered, after.green.unanswered), (0, 1));
    }
}
