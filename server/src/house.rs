//! Is all well at home? It is decided here and nowhere else: [`facts`] are gathered once, [`conditions()`] says what is
//! wrong by them, and [`sentence()`] puts the gravest of it into words. The first page, `tealkeep status`, messages and
//! metrics all read this one list.
//!
//! What is known of how an app does is gathered where it happens and kept in memory: how its [requests](traffic) went, how
//! often its live colour [crashed](crashes), and how that answers its [health check](health).

mod conditions;
pub mod crashes;
pub mod facts;
mod gather;
pub mod health;
pub mod observed;
mod parts;
pub mod redact;
pub mod sentence;
pub mod traffic;

use std::sync::Arc;

use tokio::sync::Mutex;

pub use conditions::{conditions, left_behind};
pub use facts::Facts;
pub use gather::address_of;
pub use parts::House;
pub use sentence::{Sentence, Tone, sentence};
pub use tealkeep_words::condition::{
    Acknowledgement, Action, Condition, Key, Kind, Severity, title,
};

use gather::Gatherer;

/// How the home stands at one instant.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// What is known.
    pub facts: Facts,
    /// What is wrong by that, as [`conditions()`] lists it.
    pub conditions: Vec<Condition>,
    /// Whether all is well, in words.
    pub sentence: Sentence,
}

/// Who judges. It remembers between two looks what a restart may lose: folders that take long to read, and since when a
/// live colour has been in trouble.
pub struct Judge {
    /// The home that is judged.
    pub house: Arc<House>,
    gatherer: Mutex<Gatherer>,
}

impl Judge {
    /// The judge of a home.
    #[must_use]
    pub fn new(house: Arc<House>) -> Judge {
        Judge {
            house,
            gatherer: Mutex::default(),
        }
    }

    /// How the home stands now. `anew` reads the backups folders again, since something happened or somebody looks.
    ///
    /// # Errors
    /// The journal or a router can't be asked.
    pub async fn look(&self, anew: bool) -> anyhow::Result<Judgement> {
        let facts = self.gatherer.lock().await.facts(&self.house, anew).await?;
        let conditions = conditions(&facts);
        Ok(Judgement {
            sentence: sentence(&facts, &conditions),
            conditions,
            facts,
        })
    }
}

/// A failure that has lasted, for tests.
#[cfg(test)]
pub(crate) fn sample(key: Key) -> Condition {
    Condition {
        severity: Severity::Failure,
        title: format!("{:?} {}", key.kind, key.subject),
        sentence: "Something happened.".to_owned(),
        text: "Something happened.".to_owned(),
        page: "/".to_owned(),
        action: Action::go("Look at it", "/"),
        is_news: false,
        is_lasting: true,
        since: None,
        acknowledged: None,
        key,
    }
}
