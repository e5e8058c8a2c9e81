//! How often the live colour's process ended unasked. Pure: ends and instants come in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// For how long a crash counts.
pub const WINDOW: Duration = Duration::from_secs(10 * 60);

/// How many crashes are kept; there are never more in the count.
const MAX_KEPT: usize = 1000;

/// The newest crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// How the process ended, in words that go on after the colour's name: `was killed by SIGKILL`.
    pub how: String,
    /// When that was learnt.
    pub at: Timestamp,
}

/// The crashes of the live colour in the last 10 minutes, and none from before it went live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crashes {
    /// How many.
    pub count: usize,
    /// The newest; `None` where there was none.
    pub newest: Option<Crash>,
}

/// What is remembered of them.
#[derive(Debug, Default)]
pub struct CrashLog {
    ends: VecDeque<Instant>,
    newest: Option<Crash>,
}

impl CrashLog {
    /// The process ended `times` times, the last time so.
    pub fn note(&mut self, now: Instant, times: u32, newest: Crash) {
        for _ in 0..times {
            if self.ends.len() == MAX_KEPT {
                self.ends.pop_front();
            }
            self.ends.push_back(now);
        }
        self.newest = Some(newest);
    }

    /// Another release is live: what the one before it did counts no more.
    pub fn begin(&mut self) {
        *self = CrashLog::default();
    }

    /// Those of the last 10 minutes.
    #[must_use]
    pub fn recent(&self, now: Instant) -> Crashes {
        let is_recent = |end: &&Instant| now.saturating_duration_since(**end) < WINDOW;
        let count = self.ends.iter().filter(is_recent).count();
        Crashes {
            count,
            newest: self.newest.clone().filter(|_| count > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crash(how: &str) -> Crash {
        Crash {
            how: how.to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn twenty_kills_in_half_a_minute_are_twenty_for_ten_minutes() {
        let began = Instant::now();
        let at = |tenths: u64| began + Duration::from_millis(tenths * 100);
        let mut log = CrashLog::default();
        assert_eq!(log.recent(at(0)), Crashes::default());
        for kill in 1..=20 {
            log.note(at(kill * 15), 1, crash(&format!("was killed {kill}")));
        }
        let recent = log.recent(at(300));
        assert_eq!(recent.count, 20);
        assert_eq!(recent.newest, Some(crash("was killed 20")));
        // One after the other is forgotten.
        for (tenths, count) in [(6014, 20), (6015, 19), (6030, 18), (6299, 1), (6300, 0)] {
            assert_eq!(log.recent(at(tenths)).count, count, "{tenths}");
        }
        assert_eq!(log.recent(at(6300)), Crashes::default());
    }

    #[test]
    fn ends_that_were_learnt_of_together_count_each() {
        let mut log = CrashLog::default();
        log.note(Instant::now(), 3, crash("ended with exit code 1"));
        assert_eq!(log.recent(Instant::now()).count, 3);
        log.note(Instant::now(), u32::MAX / 1_000_000, crash("x"));
        assert_eq!(log.recent(Instant::now()).count, MAX_KEPT);
        log.begin();
        assert_eq!(log.recent(Instant::now()), Crashes::default());
    }
}
