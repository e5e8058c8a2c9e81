//! How an app's requests went: counts per minute for a day, in memory, and totals per local date until the night's work
//! writes them down. Pure: counters and instants come in, and a clock that goes backwards takes nothing away.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::civil::Date;

use crate::journal::traffic::DayTraffic;
use crate::names::Colour;
use crate::router::Answers;

/// How many minutes are kept: a day.
pub const MINUTES: usize = 24 * 60;

/// How many minutes "recently" covers, the one that has just begun included.
const RECENT_MINUTES: u64 = 5;

/// How many dates are kept that could not be written down.
const MAX_UNWRITTEN_DAYS: usize = 60;

/// How the requests to one colour went in the last 5 minutes: the minute that has begun and the 4 before it, and none from
/// before the colour went live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recent {
    /// What users got.
    pub answers: Answers,
    /// What these counts cover: less than 5 minutes just after a start or a swap.
    pub over: Duration,
}

impl Recent {
    /// The share of requests that failed, from 0 to 1; `None` where there was no request.
    #[must_use]
    pub fn failed_share(&self) -> Option<f64> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of minutes, far below 2^53"
        )]
        let share = |answers: Answers| answers.failed() as f64 / answers.requests as f64;
        (self.answers.requests > 0).then(|| share(self.answers))
    }
}

/// One minute of one colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    requests: u32,
    errors: u32,
    unanswered: u32,
}

impl Count {
    fn add(&mut self, new: Answers) {
        let grow = |count: &mut u32, by: u64| {
            *count = count.saturating_add(u32::try_from(by).unwrap_or(u32::MAX));
        };
        grow(&mut self.requests, new.requests);
        grow(&mut self.errors, new.errors);
        grow(&mut self.unanswered, new.unanswered);
    }
}

impl From<Count> for Answers {
    fn from(count: Count) -> Answers {
        Answers {
            requests: count.requests.into(),
            errors: count.errors.into(),
            unanswered: count.unanswered.into(),
        }
    }
}

/// Since when a colour's counts are those of its present release.
#[derive(Debug, Clone, Copy)]
struct Start {
    at: Instant,
    minute: u64,
    /// What had been counted in that minute before.
    before: Answers,
}

/// The counts of an app, minute by minute.
#[derive(Debug)]
pub struct Ring {
    began: Instant,
    /// Both colours' minutes, blue first; that of minute `m` stands at `m % MINUTES`.
    slots: Box<[[Count; 2]]>,
    /// The newest minute that anything was counted in; older ones than `MINUTES` before it are gone.
    newest: u64,
    /// The counters at the last look.
    last: [Answers; 2],
    starts: [Start; 2],
}

impl Ring {
    /// An empty one; the router's counters stand at zero now.
    #[must_use]
    pub fn new(now: Instant) -> Ring {
        let start = Start {
            at: now,
            minute: 0,
            before: Answers::default(),
        };
        Ring {
            began: now,
            slots: vec![[Count::default(); 2]; MINUTES].into(),
            newest: 0,
            last: [Answers::default(); 2],
            starts: [start; 2],
        }
    }

    /// Takes in how the counters stand, blue first. What they rose by since the last look counts for the minute of `now`,
    /// so look at least once a minute. Returns that rise, of both colours.
    pub fn observe(&mut self, now: Instant, counters: [Answers; 2]) -> Answers {
        self.go_on_to(self.minute(now));
        let mut all = Answers::default();
        let slot = &mut self.slots[place(self.newest)];
        for ((count, counter), last) in slot.iter_mut().zip(counters).zip(&mut self.last) {
            let new = counter.since(*last);
            count.add(new);
            *last = counter;
            all = all + new;
        }
        all
    }

    /// Counts of `colour` from before this instant are no longer recent: it goes live with another release. Observe first.
    pub fn begin(&mut self, now: Instant, colour: Colour) {
        self.go_on_to(self.minute(now));
        self.starts[colour as usize] = Start {
            at: now,
            minute: self.newest,
            before: self.slots[place(self.newest)][colour as usize].into(),
        };
    }

    /// How the requests to a colour went in the last 5 minutes.
    #[must_use]
    pub fn recent(&self, now: Instant, colour: Colour) -> Recent {
        let minute = self.minute(now);
        let start = self.starts[colour as usize];
        let first = (minute + 1).saturating_sub(RECENT_MINUTES);
        let mut answers = Answers::default();
        for minute in first.max(start.minute)..=minute {
            answers = answers + self.slot(minute)[colour as usize].into();
        }
        let since = if start.minute >= first {
            answers = answers.since(start.before);
            start.at
        } else {
            self.began + Duration::from_secs(first * 60)
        };
        Recent {
            answers,
            over: now.saturating_duration_since(since),
        }
    }

    /// How all requests went in the last 24 hours, or since Tealkeep started.
    #[must_use]
    pub fn last_day(&self, now: Instant) -> Answers {
        let minute = self.minute(now);
        let first = (minute + 1).saturating_sub(MINUTES as u64);
        (first..=minute)
            .flat_map(|minute| self.slot(minute))
            .fold(Answers::default(), |sum, count| sum + count.into())
    }

    /// Minutes only go on: an instant before the newest one counts as that.
    fn minute(&self, now: Instant) -> u64 {
        let minute = now.saturating_duration_since(self.began).as_secs() / 60;
        minute.max(self.newest)
    }

    fn go_on_to(&mut self, minute: u64) {
        let passed = minute - self.newest;
        if passed >= MINUTES as u64 {
            self.slots.fill(<[Count; 2]>::default());
        } else {
            for minute in self.newest + 1..=minute {
                self.slots[place(minute)] = <[Count; 2]>::default();
            }
        }
        self.newest = minute;
    }

    /// A minute's counts; none where it is not kept, or nothing was observed since it began.
    fn slot(&self, minute: u64) -> [Count; 2] {
        let is_kept = minute <= self.newest && self.newest - minute < MINUTES as u64;
        if is_kept {
            self.slots[place(minute)]
        } else {
            <[Count; 2]>::default()
        }
    }
}

fn place(minute: u64) -> usize {
    usize::try_from(minute % MINUTES as u64).unwrap_or_default()
}

/// Totals by local date that are not in the journal yet.
#[derive(Debug, Default)]
pub struct Days(BTreeMap<Date, Answers>);

impl Days {
    /// Adds what was counted on a date.
    pub fn add(&mut self, date: Date, new: Answers) {
        if new == Answers::default() {
            return;
        }
        let sum = self.0.entry(date).or_default();
        *sum = *sum + new;
        while self.0.len() > MAX_UNWRITTEN_DAYS {
            self.0.pop_first();
        }
    }

    /// Hands over everything, oldest first, to be written down; give it back with [`Days::put_back`] if that fails.
    #[must_use]
    pub fn take(&mut self) -> Vec<DayTraffic> {
        std::mem::take(&mut self.0)
            .into_iter()
            .map(|(local_date, answers)| DayTraffic {
                local_date,
                requests: answers.requests,
                errors: answers.errors,
                unanswered: answers.unanswered,
            })
            .collect()
    }

    /// Takes back what could not be written down.
    pub fn put_back(&mut self, days: Vec<DayTraffic>) {
        for day in days {
            let answers = Answers {
                requests: day.requests,
                errors: day.errors,
                unanswered: day.unanswered,
            };
            self.add(day.local_date, answers);
        }
    }
}

#[cfg(test)]
mod tests;
