//! Changes of the household's data, sent to every open page. A listener that can't keep up misses some and learns how
//! many; no queue grows without limit.

use serde::Serialize;
use tokio::sync::broadcast;

/// How many changes a slow listener may lag behind.
const MAX_BACKLOG: usize = 64;

/// One change of the household's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    /// What changed.
    pub kind: Kind,
    /// The row that was added or changed.
    pub id: i64,
}

/// The kinds of change; each is also a kind of answered request, but for reminders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A dose was taken.
    Dose,
    /// A chore was done.
    Chore,
    /// Something was put on the shopping list.
    Shopping,
    /// Something on the list was bought.
    Bought,
    /// A dose fell due.
    Reminder,
}

impl Kind {
    /// Its name in the database and in messages.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::Dose => "dose",
            Kind::Chore => "chore",
            Kind::Shopping => "shopping",
            Kind::Bought => "bought",
            Kind::Reminder => "reminder",
        }
    }
}

/// Publishes changes to subscribers.
pub(super) struct Changes(broadcast::Sender<Change>);

impl Changes {
    pub(super) fn new() -> Changes {
        Changes(broadcast::channel(MAX_BACKLOG).0)
    }

    /// Sends a change to every current subscriber.
    pub(super) fn publish(&self, change: Change) {
        // Having no subscriber is the usual case.
        let _ = self.0.send(change);
    }

    /// Receives every change from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}
