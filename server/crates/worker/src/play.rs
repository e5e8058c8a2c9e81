//! Plays a plan to a worker: it is loaded, installed, activated, asked what the pages ask three times (the
//! second time with the content changed, the third without a network), and sent the events that real workers
//! fill their caches in, those it registered for itself among them. The order is fixed, so that two checks of the
//! same site report the same.

mod browser;
mod plan;
mod record;
mod visits;

use crate::facts::{Ended, Event, EventId, Failure, Kept, Tags, Words};
use crate::realm::Realm;

pub use plan::{PageVisit, Plan, Round, Wanted};
pub use record::{Record, Visit};

/// The longest body of a page's answer that is handed on, in bytes: what a judge looks for a mark in.
const MAX_PAGE_BYTES: usize = 1 << 20;

/// How many tags of one kind that a worker registered are played at once.
const MAX_TAGS: usize = 20;

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
        for event in visits::page_events(plan, round) {
            play.event(event)?;
        }
        for alike in visits::other_events(plan, round, &scope.words()) {
            for event in alike {
                // No listener for this kind of event: the rest of them would reach none either.
                if play.event(event)?.listeners == 0 {
                    break;
                }
            }
        }
        if round.has_network() {
            play.syncs()?;
        }
    }
    // What failed without a network was put off: the browser reports it once the network is back.
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
        for tag in tags.sync.iter().take(MAX_TAGS) {
            self.event(Event::Sync { tag: tag.clone() })?;
        }
        for tag in tags.periodic.iter().take(MAX_TAGS) {
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
            .truncate(if is_navigation { MAX_PAGE_BYTES } else { 0 });
    }
    ended
}

#[cfg(test)]
mod tests;
