//! What is played to a worker: it is loaded, installed, activated, asked what the pages ask three times (the
//! second time with the content changed, the third without a network), and sent the events that real workers
//! fill their caches in, those it registered for itself among them. The order is fixed, so that two checks of the
//! same site tell the same.

mod browser;
mod record;
mod visits;

use serde::{Deserialize, Serialize};

use crate::facts::{Ended, Event, EventId, Failure, Kept, Limits, Registration, Tags, Words};
use crate::realm::Realm;

pub use record::Record;

/// The longest body of a page's answer that is handed on, in bytes: what a judge looks for a mark in.
const LONGEST_PAGE: usize = 1 << 20;

/// How many tags of one kind that a worker registered are played at once.
const MOST_TAGS: usize = 20;

/// Everything that is played, as a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The worker.
    pub registration: Registration,
    /// What it is held to.
    pub limits: Limits,
    /// The pages in its scope, in the order in which they are visited.
    pub pages: Vec<PageVisit>,
    /// What the pages' scripts send to it by `postMessage`.
    #[serde(default)]
    pub messages: Vec<serde_json::Value>,
}

/// A page, and what a browser asks for while it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageVisit {
    /// Its absolute URL.
    pub url: String,
    /// What it loads, in order.
    pub wanted: Vec<Wanted>,
}

/// One request of a page.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// Its absolute URL.
    pub url: String,
    /// Fetch's destination; empty for `fetch()` by the page's script.
    pub destination: String,
    /// Whether CORS applies although the element would not ask for it: `crossorigin`, or an ES module.
    pub cors: bool,
}

/// What the world is like while an event is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Round {
    /// The script is loaded, installed and activated; the content is as it was found.
    Begin,
    /// The pages are visited for the first time, with the content as it was found.
    First,
    /// Everything that can change has changed. Comes once more at the end when the worker has put something off
    /// until the network is back.
    Changed,
    /// As in the round before, but the network is down.
    Offline,
}

impl Round {
    /// Whether requests are answered.
    #[must_use]
    pub fn has_network(self) -> bool {
        self != Round::Offline
    }
}

/// An event that was played, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// Its number, which facts refer to.
    pub id: EventId,
    /// While which round.
    pub round: Round,
    /// The event.
    pub event: Event,
    /// How it ended; of what a page was answered, only a navigation's body is kept. Empty when it failed.
    pub ended: Option<Ended>,
}

/// A worker's global scope as the play needs it.
pub trait Scope {
    /// See [`Realm::load`].
    ///
    /// # Errors
    /// Why it can't be judged.
    fn load(&self) -> Result<(), Failure>;
    /// See [`Realm::dispatch`].
    ///
    /// # Errors
    /// Likewise.
    fn dispatch(&self, event: &Event) -> Result<Ended, Failure>;
    /// See [`Realm::take_tags`].
    ///
    /// # Errors
    /// Likewise.
    fn take_tags(&self) -> Result<Tags, Failure>;
    /// See [`Realm::words`].
    fn words(&self) -> Words;
    /// See [`Realm::kept`].
    fn kept(&self) -> Vec<Kept>;
}

impl Scope for Realm {
    fn load(&self) -> Result<(), Failure> {
        Realm::load(self)
    }
    fn dispatch(&self, event: &Event) -> Result<Ended, Failure> {
        Realm::dispatch(self, event)
    }
    fn take_tags(&self) -> Result<Tags, Failure> {
        Realm::take_tags(self)
    }
    fn words(&self) -> Words {
        Realm::words(self)
    }
    fn kept(&self) -> Vec<Kept> {
        Realm::kept(self)
    }
}

/// Who watches the play.
pub trait Audience {
    /// From now on the world is like this.
    fn round(&self, round: Round);
    /// An event was played.
    fn visited(&self, visit: Visit);
}

/// Plays it all. What the caches hold in the end.
///
/// A worker whose installation is rejected or never ends is not activated: no browser would.
///
/// # Errors
/// What ended it early.
pub fn perform(
    plan: &Plan,
    scope: &impl Scope,
    audience: &impl Audience,
) -> Result<Vec<Kept>, Failure> {
    let mut play = Play {
        scope,
        audience,
        round: Round::Begin,
        next: 1,
    };
    audience.round(Round::Begin);
    scope.load()?;
    let installed = play.event(Event::Install)?;
    if installed.pending || installed.rejected.is_some() {
        return Ok(scope.kept());
    }
    play.event(Event::Activate)?;
    for round in [Round::First, Round::Changed, Round::Offline] {
        play.round = round;
        audience.round(round);
        for event in visits::of_pages(plan, round) {
            play.event(event)?;
        }
        for alike in visits::of_events(plan, round, &scope.words()) {
            for event in alike {
                // Nobody listens to this kind of event: the rest of them would reach nobody either.
                if play.event(event)?.listeners == 0 {
                    break;
                }
            }
        }
        if round.has_network() {
            play.syncs()?;
        }
    }
    // What failed without a network was put off: the browser tells of it once the network is back.
    let tags = scope.take_tags()?;
    if !tags.sync.is_empty() {
        play.round = Round::Changed;
        audience.round(Round::Changed);
        play.tagged(&tags)?;
    }
    Ok(scope.kept())
}

struct Play<'a, S, A> {
    scope: &'a S,
    audience: &'a A,
    round: Round,
    next: EventId,
}

impl<S: Scope, A: Audience> Play<'_, S, A> {
    /// What the worker itself registered for.
    fn syncs(&mut self) -> Result<(), Failure> {
        let tags = self.scope.take_tags()?;
        self.tagged(&tags)
    }

    fn tagged(&mut self, tags: &Tags) -> Result<(), Failure> {
        for tag in tags.sync.iter().take(MOST_TAGS) {
            self.event(Event::Sync { tag: tag.clone() })?;
        }
        for tag in tags.periodic.iter().take(MOST_TAGS) {
            self.event(Event::PeriodicSync { tag: tag.clone() })?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> Result<Ended, Failure> {
        let played = self.scope.dispatch(&event);
        let id = played.as_ref().map_or(self.next, |ended| ended.id);
        self.next = id + 1;
        self.audience.visited(Visit {
            id,
            round: self.round,
            ended: played.as_ref().ok().map(|ended| shortened(ended, &event)),
            event,
        });
        played
    }
}

/// Without the bodies that no judge looks at.
fn shortened(ended: &Ended, event: &Event) -> Ended {
    let mut ended = ended.clone();
    let is_navigation = visits::is_navigation(event);
    if let Some(answered) = &mut ended.answered {
        answered
            .body
            .truncate(if is_navigation { LONGEST_PAGE } else { 0 });
    }
    ended
}

#[cfg(test)]
mod tests;
