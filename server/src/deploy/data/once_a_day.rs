//! A message at most once a day.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Something that is said once a day, however often it is so.
#[derive(Debug, Default)]
pub(super) struct OnceADay(std::sync::Mutex<Option<Instant>>);

impl OnceADay {
    /// Whether it is to be said now; then it counts as said. The wall clock is what is wrong here, so it is not asked.
    pub fn is_news(&self, now: Instant) -> bool {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = said.is_none_or(|said| now.duration_since(said) >= DAY);
        if is_news {
            *said = Some(now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_so_at_each_snapshot_is_said_once_a_day() {
        let once = OnceADay::default();
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let began = Instant::now();
        let said = [0, 1, 23, 24, 25, 47, 48].map(|at| once.is_news(began + hours(at)));
        assert_eq!(said, [true, false, false, true, false, false, true]);
    }
}
