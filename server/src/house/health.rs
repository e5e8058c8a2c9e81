//! How the live colour answers its health check, as the newest probe found it. Pure: what a probe found comes in.

use std::time::{Duration, Instant};

use crate::names::{Colour, ReleaseId};
use crate::probe::{Answer, NoAnswer, judge};

/// What the newest probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It answered 200, as the right release where it says which it is.
    Well,
    /// It answered, and not well: an error, a redirect, or as another release.
    Badly {
        /// The status of its answer.
        status: u16,
        /// The beginning of its body, as a line of text for a person; often empty.
        excerpt: String,
        /// What was wrong, in words that go on after the colour's name: `answered 500: no such table: todo`.
        wrong: String,
    },
    /// It refused the connection, ended it without a word, or took too long.
    Silent {
        /// What happened, in words that go on after the colour's name: `gave no answer within 5s`.
        wrong: String,
    },
}

impl Verdict {
    /// Whether it is healthy.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self, Verdict::Well)
    }
}

/// How the live colour answers its health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Which colour.
    pub colour: Colour,
    /// The release that it runs.
    pub release: ReleaseId,
    /// What the newest probe found.
    pub verdict: Verdict,
    /// For how long it has been well, or for how long it has not been, whatever it did instead.
    pub lasted: Duration,
    /// How long ago that was found.
    pub age: Duration,
}

/// What is remembered of the live colour's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    colour: Colour,
    release: ReleaseId,
    verdict: Verdict,
    since: Instant,
    asked: Instant,
}

impl Standing {
    /// What is known after a probe of a colour that runs `release`. A probe that could not be made teaches nothing: what
    /// was known stays, and grows old.
    #[must_use]
    pub fn after(
        before: Option<Standing>,
        colour: Colour,
        release: &ReleaseId,
        found: &Result<Answer, NoAnswer>,
        now: Instant,
    ) -> Option<Standing> {
        let before = before.filter(|before| before.colour == colour && before.release == *release);
        let verdict = match found {
            Ok(answer) => match judge(answer, release) {
                Ok(()) => Verdict::Well,
                Err(wrong) => Verdict::Badly {
                    status: answer.status,
                    excerpt: answer.body.clone(),
                    wrong,
                },
            },
            Err(NoAnswer::Silence(wrong)) => Verdict::Silent {
                wrong: wrong.clone(),
            },
            Err(NoAnswer::Unknown(_)) => return before,
        };
        let goes_on = before.filter(|before| before.verdict.is_well() == verdict.is_well());
        Some(Standing {
            colour,
            release: release.clone(),
            verdict,
            since: goes_on.map_or(now, |before| before.since),
            asked: now,
        })
    }

    /// Which colour this is about.
    #[must_use]
    pub fn colour(&self) -> Colour {
        self.colour
    }

    /// The release that it runs, or ran.
    #[must_use]
    pub fn release(&self) -> &ReleaseId {
        &self.release
    }

    /// The same, seen at `now`.
    #[must_use]
    pub fn at(&self, now: Instant) -> Health {
        Health {
            colour: self.colour,
            release: self.release.clone(),
            verdict: self.verdict.clone(),
            lasted: now.saturating_duration_since(self.since),
            age: now.saturating_duration_since(self.asked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, release: &str, body: &str) -> Result<Answer, NoAnswer> {
        Ok(Answer {
            status,
            release: Some(release.to_owned()),
            sqlite: None,
            location: None,
            body: body.to_owned(),
        })
    }

    fn silence() -> Result<Answer, NoAnswer> {
        Err(NoAnswer::Silence("refused the connection".to_owned()))
    }

    #[test]
    fn each_answer_has_its_verdict_and_the_time_counts_from_when_it_turned() {
        let v1: ReleaseId = "v1".parse().unwrap();
        let began = Instant::now();
        let mut standing = None;
        let badly = |status, excerpt: &str, wrong: &str| Verdict::Badly {
            status,
            excerpt: excerpt.to_owned(),
            wrong: wrong.to_owned(),
        };
        let silent = Verdict::Silent {
            wrong: "refused the connection".to_owned(),
        };
        let unknown = || Err(NoAnswer::Unknown("too many open files".to_owned()));
        for (second, found, verdict, lasted, age) in [
            (0, answer(200, "v1", "ok"), Verdict::Well, 0, 0),
            (30, answer(200, "v1", "ok"), Verdict::Well, 30, 0),
            (
                60,
                answer(500, "v1", "no such table: todo"),
                badly(
                    500,
                    "no such table: todo",
                    "answered 500: no such table: todo",
                ),
                0,
                0,
            ),
            // It goes on being unwell, in another way.
            (65, silence(), silent.clone(), 5, 0),
            (
                70,
                answer(503, "v1", ""),
                badly(503, "", "answered 503"),
                10,
                0,
            ),
            // Not learnt: what was known grows old.
            (80, unknown(), badly(503, "", "answered 503"), 20, 10),
            (
                85,
                answer(200, "v2", ""),
                badly(200, "", "answered as release v2, not v1"),
                25,
                0,
            ),
            (90, answer(200, "v1", "ok"), Verdict::Well, 0, 0),
        ] {
            let now = began + Duration::from_secs(second);
            standing = Standing::after(standing, Colour::Blue, &v1, &found, now);
            let health = standing.as_ref().unwrap().at(now);
            assert_eq!(health.verdict, verdict, "{second} s");
            let times = (health.lasted.as_secs(), health.age.as_secs());
            assert_eq!(times, (lasted, age), "{second} s");
        }
    }

    #[test]
    fn another_colour_or_release_begins_anew() {
        let [v1, v2]: [ReleaseId; 2] = ["v1", "v2"].map(|id| id.parse().unwrap());
        let began = Instant::now();
        let later = began + Duration::from_secs(60);
        let first = Standing::after(None, Colour::Blue, &v1, &silence(), began);
        for (colour, release) in [(Colour::Blue, &v2), (Colour::Green, &v1)] {
            let other = Standing::after(first.clone(), colour, release, &silence(), later);
            assert_eq!(other.unwrap().at(later).lasted, Duration::ZERO);
            let unknown = Err(NoAnswer::Unknown("x".to_owned()));
            let other = Standing::after(first.clone(), colour, release, &unknown, later);
            assert_eq!(other, None);
        }
    }
}
