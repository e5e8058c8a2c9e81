//! What is said of a night that is retried: each cause once, and at the end the number of tries. Pure. So a disk that stays full
//! for a week does not fill the journal as well.

use jiff::SignedDuration;
use jiff::civil::Date;

use crate::schedule::pause_after;

/// The tries of the newest night of one app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tries {
    night: Option<Night>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Night {
    local_date: Date,
    failed: u32,
    /// What was said already, as [`cause`] sees it.
    said: Vec<String>,
}

/// How many different causes of one night are told; what comes after them is one fault that looks different each
/// time.
const MAX_CAUSES: usize = 8;

impl Tries {
    /// What an earlier run of this program had said already of a night.
    #[must_use]
    pub fn known(local_date: Date, why: &str) -> Tries {
        Tries {
            night: Some(Night {
                local_date,
                failed: 1,
                said: vec![cause(why)],
            }),
        }
    }

    /// Whether this night was tried before.
    #[must_use]
    pub fn has_begun(&self, local_date: Date) -> bool {
        self.of(local_date).is_some()
    }

    /// How long after the last try this night is tried again: at once where that try was another night's, so that none
    /// waits for the one before it.
    #[must_use]
    pub fn pause(&self, local_date: Date) -> SignedDuration {
        self.of(local_date)
            .map_or(SignedDuration::ZERO, |night| pause_after(night.failed))
    }

    /// A try failed: the sentence that is to be said, if its cause is a new one.
    pub fn failed(&mut self, local_date: Date, why: &str) -> Option<String> {
        let before = self.night.take();
        let (mut night, earlier) = match before {
            Some(night) if night.local_date == local_date => (night, None),
            other => {
                let night = Night {
                    local_date,
                    failed: 0,
                    said: Vec::new(),
                };
                (night, other.filter(|other| other.failed > 0))
            }
        };
        night.failed += 1;
        let cause = cause(why);
        let is_new = !night.said.contains(&cause) && night.said.len() < MAX_CAUSES;
        let nth = night.failed;
        if is_new {
            night.said.push(cause);
        }
        self.night = Some(night);
        let which = match nth {
            1 => String::new(),
            nth => format!(", at try {nth}"),
        };
        let earlier = earlier.map_or_else(String::new, |earlier| {
            let tries = times(earlier.failed);
            format!(
                " The night to {} had none either, after {tries}.",
                earlier.local_date
            )
        });
        is_new.then(|| {
            let pause = in_words(pause_after(nth));
            format!(
                "The snapshot of the night to {local_date} failed{which}: {why}. Nothing was deleted; it is tried again in {pause}.{earlier}"
            )
        })
    }

    /// A try succeeded: the sentence that says after how many, where there were more.
    pub fn done(&mut self, local_date: Date) -> Option<String> {
        let night = self.night.take().filter(|night| night.failed > 0)?;
        Some(if night.local_date == local_date {
            format!(
                "The snapshot of the night to {local_date} was taken after {} that failed.",
                times(night.failed)
            )
        } else {
            format!(
                "The night to {} had no snapshot, after {}; that to {local_date} has one.",
                night.local_date,
                times(night.failed)
            )
        })
    }

    fn of(&self, local_date: Date) -> Option<&Night> {
        self.night
            .as_ref()
            .filter(|night| night.local_date == local_date)
    }
}

/// `15 minutes`, `an hour`, `4 hours`
fn in_words(pause: SignedDuration) -> String {
    match pause.as_mins() {
        60 => "an hour".to_owned(),
        minutes @ ..60 => format!("{minutes} minutes"),
        minutes => format!("{} hours", minutes / 60),
    }
}

fn times(n: u32) -> String {
    match n {
        1 => "1 try".to_owned(),
        n => format!("{n} tries"),
    }
}

/// A failure without what differs between two of the same cause: numbers, and the names made of them.
fn cause(why: &str) -> String {
    let mut words = String::with_capacity(why.len());
    for c in why.chars() {
        if !c.is_ascii_digit() {
            words.push(c);
        } else if !words.ends_with('#') {
            words.push('#');
        }
    }
    ["kB", "MB", "GB", "TB"]
        .iter()
        .fold(words, |words, unit| words.replace(unit, "B"))
        .replace("#.#", "#")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const NIGHT: Date = date(2026, 11, 21);

    #[test]
    fn a_cause_is_said_once_and_the_tries_are_counted() {
        let mut tries = Tries::default();
        assert_eq!(tries.done(NIGHT), None);
        let full = |free: &str| format!("/backups has {free} free, and about 120.5 MB are needed");
        let said = tries.failed(NIGHT, &full("3.1 MB")).unwrap();
        assert_eq!(
            said,
            "The snapshot of the night to 2026-11-21 failed: /backups has 3.1 MB free, and about 120.5 MB \
             are needed. Nothing was deleted; it is tried again in 15 minutes."
        );
        assert!(tries.has_begun(NIGHT));
        assert_eq!(tries.failed(NIGHT, &full("812 kB")), None);
        assert_eq!(tries.failed(NIGHT, &full("0 B")), None);
        let other = tries.failed(NIGHT, "the folder is gone").unwrap();
        assert!(
            other.contains("failed, at try 4: the folder is gone. ")
                && other.ends_with(" it is tried again in 2 hours."),
            "{other}"
        );
        assert_eq!(tries.failed(NIGHT, &full("9.9 MB")), None);
        assert_eq!(
            tries.done(NIGHT).unwrap(),
            "The snapshot of the night to 2026-11-21 was taken after 5 tries that failed."
        );
        assert!(!tries.has_begun(NIGHT));
        assert_eq!(tries.done(NIGHT), None);
    }

    #[test]
    fn a_new_night_says_its_cause_again_and_what_became_of_the_one_before() {
        let mut tries = Tries::known(NIGHT, "no room: 3 MB");
        assert_eq!(tries.failed(NIGHT, "no room: 5 MB"), None);
        let next = NIGHT.tomorrow().unwrap();
        let said = tries.failed(next, "no room: 5 MB").unwrap();
        assert!(
            said.ends_with("The night to 2026-11-21 had none either, after 2 tries."),
            "{said}"
        );
        let after = next.tomorrow().unwrap();
        assert_eq!(
            tries.done(after).unwrap(),
            "The night to 2026-11-22 had no snapshot, after 1 try; that to 2026-11-23 has one."
        );
    }

    #[test]
    fn a_night_waits_longer_after_each_try_and_the_next_one_does_not_wait_for_it() {
        let mut tries = Tries::default();
        assert_eq!(tries.pause(NIGHT), SignedDuration::ZERO);
        let pauses = (0..40).map(|_| {
            tries.failed(NIGHT, "it took longer than an hour");
            tries.pause(NIGHT).as_mins()
        });
        let pauses: Vec<i64> = pauses.collect();
        assert_eq!(pauses[..6], [15, 30, 60, 120, 240, 240]);
        assert!(pauses[6..].iter().all(|pause| *pause == 240));
        let next = NIGHT.tomorrow().unwrap();
        assert_eq!(tries.pause(next), SignedDuration::ZERO);
        tries.failed(next, "it took longer than an hour");
        assert_eq!(tries.pause(next).as_mins(), 15);
        // An earlier run of this program had tried at least once, nobody knows when.
        assert_eq!(Tries::known(NIGHT, "it is full").pause(NIGHT).as_mins(), 15);
    }

    #[test]
    fn a_fault_that_looks_different_each_time_does_not_fill_the_journal() {
        let mut tries = Tries::default();
        let causes = (0..26_u8).map(|n| char::from(b'a' + n).to_string());
        let said = causes.filter_map(|why| tries.failed(NIGHT, &why));
        assert_eq!(said.count(), MAX_CAUSES);
    }
}
