//! What just changed, told to every open page. A listener that can't keep up misses some and is told how
//! many; nothing is ever queued without bound.

use serde::Serialize;
use tokio::sync::broadcast;

/// How many changes a slow listener may lag behind.
const BACKLOG: usize = 64;

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
    /// As it stands in the database and in messages.
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

/// Where changes are told and heard.
pub(super) struct Changes(broadcast::Sender<Change>);

impl Changes {
    pub(super) fn new() -> Changes {
        Changes(broadcast::channel(BACKLOG).0)
    }

    /// Tells everybody who listens now.
    pub(super) fn tell(&self, change: Change) {
        // That nobody listens is the usual case.
        let _ = self.0.send(change);
    }

    /// Hears everything that is told from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}
