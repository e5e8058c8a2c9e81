//! What is left of a play: every event with its end, every fact, what the caches hold, and why it ended early.

use serde::{Deserialize, Serialize};

use super::plan::Round;
use crate::facts::{Ended, Event, EventId, Fact, Failure, FetchId, Kept, Registration};

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

/// A play from its first fact to its last. Bounded by the limits of the realm and by [`Record::MAX_FACTS`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The worker.
    pub registration: Registration,
    /// The events that were played, in order.
    pub visits: Vec<Visit>,
    /// What the worker did, in order.
    pub facts: Vec<Fact>,
    /// What its caches held in the end.
    pub kept: Vec<Kept>,
    /// Why it ended early.
    pub failure: Option<Failure>,
}

impl Record {
    /// How many facts are kept; a worker that makes more passes a limit.
    pub const MAX_FACTS: usize = 150_000;

    /// Nothing has happened yet.
    #[must_use]
    pub fn new(registration: Registration) -> Record {
        Record {
            registration,
            visits: Vec::new(),
            facts: Vec::new(),
            kept: Vec::new(),
            failure: None,
        }
    }

    /// The event of that number; `None` for the script's own first run, and for one that was not played to its end.
    #[must_use]
    pub fn visit(&self, id: EventId) -> Option<&Visit> {
        // Numbers grow with the order; only a realm that skips some makes this search.
        self.visits
            .binary_search_by_key(&id, |visit| visit.id)
            .ok()
            .map(|at| &self.visits[at])
    }

    /// The requests that were sent, by their numbers.
    #[must_use]
    pub fn fetches(&self) -> std::collections::HashMap<FetchId, &Fact> {
        self.facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Fetched { id, .. } => Some((*id, fact)),
                Fact::Stored { .. }
                | Fact::Removed { .. }
                | Fact::Dropped { .. }
                | Fact::Said { .. }
                | Fact::Threw { .. }
                | Fact::Missed { .. } => None,
            })
            .collect()
    }
}
