//! How fast passwords may be tried. Each network and each known browser has a budget of its own; strangers share a slow
//! one as well, for which they wait in line instead of being refused. Whoever tried least is next, known browsers first,
//! and one password is checked at a time. So a flood of guesses delays the right password, but does not shut it out.

mod budget;
mod line;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use line::{Answer, Line, Rank};

pub use budget::Pace;
pub use line::{Paces, TooMany, Who};

/// Decides whose password is checked next; cheap to share.
#[derive(Debug, Clone)]
pub struct Throttle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    line: Mutex<Line>,
    changed: Notify,
}

impl Throttle {
    /// With every budget full.
    #[must_use]
    pub fn new(paces: Paces) -> Throttle {
        Throttle(Arc::new(Inner {
            line: Mutex::new(Line::new(paces)),
            changed: Notify::new(),
        }))
    }

    /// Waits until this one's password may be checked. Nobody else's is until the returned turn ends.
    ///
    /// # Errors
    /// [`TooMany`]: the budget is spent, the line is full of those who tried less, or the wait was too long.
    pub async fn turn(&self, who: Who) -> Result<Turn, TooMany> {
        let place = {
            let mut line = self.line();
            InLine {
                throttle: self.clone(),
                rank: line.join(&who, Instant::now())?,
            }
        };
        // Whoever was displaced has to learn of it.
        self.0.changed.notify_waiters();
        let paces = self.line().paces;
        let too_many = TooMany {
            wait: paces.strangers.refill,
        };
        let deadline = Instant::now() + paces.max_wait;
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // Before the look, so that no change falls between the two.
            changed.as_mut().enable();
            let now = Instant::now();
            let answer = self.line().ask(place.rank, now);
            let wake_at = match answer {
                Answer::Go => break,
                Answer::Displaced => return Err(too_many),
                Answer::Wait => deadline,
                Answer::WaitFor(wait) => deadline.min(now + wait),
            };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(wake_at.into()) => {
                    if Instant::now() >= deadline {
                        return Err(too_many);
                    }
                }
            }
        }
        Ok(Turn {
            throttle: self.clone(),
            who,
        })
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // Every change is a single step, so a panic elsewhere leaves nothing half done.
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in line; given up when it is dropped.
struct InLine {
    throttle: Throttle,
    rank: Rank,
}

impl Drop for InLine {
    fn drop(&mut self) {
        self.throttle.line().waiting.remove(&self.rank);
        self.throttle.0.changed.notify_waiters();
    }
}

/// The right to check one password. It ends when this is dropped, so it has to go along to wherever the checking is done.
#[derive(Debug)]
pub struct Turn {
    throttle: Throttle,
    who: Who,
}

impl Turn {
    /// The password was right: the try costs nothing.
    pub fn was_right(&self) {
        self.throttle.line().was_right(&self.who);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.throttle.line().finish();
        self.throttle.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::admission::Network;

    fn stranger() -> Who {
        Who::Stranger(Network::from("192.0.2.1".parse::<IpAddr>().unwrap()))
    }

    #[tokio::test]
    async fn a_turn_ends_where_it_is_dropped_and_who_leaves_holds_nobody_up() {
        let throttle = Throttle::new(Paces {
            max_wait: Duration::from_millis(1),
            ..Paces::default()
        });
        let turn = throttle.turn(Who::Owner).await.unwrap();
        assert!(throttle.turn(stranger()).await.is_err());
        assert!(throttle.line().waiting.is_empty());
        drop(turn);
        throttle
            .turn(Who::Device("device:d".to_owned()))
            .await
            .unwrap()
            .was_right();
        throttle.turn(stranger()).await.unwrap();
    }
}
