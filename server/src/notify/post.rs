//! Sends one channel's messages from the journal: one at a time, each retried until it is delivered or given up. Each channel has
//! its own, so one that hangs delays no other, and nothing else waits for any of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify as Bell;
use tokio_util::sync::CancellationToken;

use super::channel::{Backoff, Channel};
use super::send::send;
use crate::journal::outgoing::Outgoing;
use crate::journal::{Journal, NewEvent, Severity};

/// How long a journal that can't be read or written is left alone.
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(60);

/// What carries one channel's messages.
#[derive(Debug)]
pub struct Post {
    /// Where they wait.
    pub journal: Journal,
    /// Where they go.
    pub channel: Channel,
    /// How long each is tried.
    pub backoff: Backoff,
    /// How long one try may take.
    pub deadline: Duration,
    /// Rung when there may be a new one.
    pub bell: Arc<Bell>,
    /// The numbers of those that were taken and could not be written down as sent: a journal on a full disk must not
    /// have them sent again and again.
    pub taken: Mutex<BTreeSet<i64>>,
}

impl Post {
    /// Carries on until `stop`; a try that is under way then is made again by the next start, under the same id.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let pause = tokio::select! {
                () = stop.cancelled() => return,
                pause = self.round() => pause,
            };
            let pause = match pause {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(channel = self.channel.name(), "{error:#}");
                    Some(PAUSE_AFTER_FAULT)
                }
            };
            let sleep = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.bell.notified() => {}
                () = sleep => {}
            }
        }
    }

    /// Tries everything whose time has come, and returns how long until the next; none where nothing waits.
    ///
    /// # Errors
    /// The journal can't be read or written.
    pub async fn round(&self) -> anyhow::Result<Option<Duration>> {
        loop {
            let waiting = self.journal.waiting(self.channel.name()).await?;
            let now = Timestamp::now();
            let pauses = waiting.iter().map(|outgoing| self.until(outgoing, now));
            let Some((outgoing, pause)) = waiting
                .iter()
                .zip(pauses)
                .min_by_key(|(outgoing, pause)| (*pause, outgoing.id))
            else {
                return Ok(None);
            };
            if !pause.is_zero() {
                return Ok(Some(pause));
            }
            self.carry(outgoing, now).await?;
        }
    }

    /// How long until one is to be tried. An instant that no pause can have led to is that of a clock that was wrong.
    fn until(&self, outgoing: &Outgoing, now: Timestamp) -> Duration {
        let left = Duration::try_from(outgoing.next_at.duration_since(now)).unwrap_or_default();
        if left > self.backoff.longest {
            Duration::ZERO
        } else {
            left
        }
    }

    async fn carry(&self, outgoing: &Outgoing, now: Timestamp) -> anyhow::Result<()> {
        if self.taken().contains(&outgoing.id) {
            return self.note_sent(outgoing.id, now).await;
        }
        if let Some(stale) = self.backoff.stale {
            let age = now.duration_since(outgoing.made_at);
            if age > SignedDuration::try_from(stale).unwrap_or(SignedDuration::MAX) {
                let why = "it was too late for it".to_owned();
                return self.journal.note_unsent(outgoing.id, now, why, None).await;
            }
        }
        let sent = match self.channel.request(&outgoing.body, now) {
            Ok(request) => send(request, self.deadline)
                .await
                .map_err(|why| format!("{} {why}", self.channel.address().host())),
            Err(why) => Err(why),
        };
        let now = Timestamp::now();
        let why = match sent {
            Ok(_) => {
                self.taken().insert(outgoing.id);
                return self.note_sent(outgoing.id, now).await;
            }
            Err(why) => why,
        };
        tracing::warn!(
            channel = self.channel.name(),
            attempts = outgoing.attempts + 1,
            "a message was not taken: {why}"
        );
        let pause = self.backoff.pause(outgoing.attempts + 1);
        let next_at = pause.map(|pause| {
            let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
            now.saturating_add(pause).unwrap_or(Timestamp::MAX)
        });
        self.journal
            .note_unsent(outgoing.id, now, why.clone(), next_at)
            .await?;
        if next_at.is_none() {
            self.journal.note(self.given_up(&why)).await;
        }
        Ok(())
    }

    async fn note_sent(&self, id: i64, at: Timestamp) -> anyhow::Result<()> {
        self.journal.note_sent(id, at).await?;
        self.taken().remove(&id);
        Ok(())
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, BTreeSet<i64>> {
        // A set of numbers is whole whoever held it.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn given_up(&self, why: &str) -> NewEvent {
        match &self.channel {
            Channel::Heartbeat(app, _) => {
                let text = format!(
                    "The heartbeat could not be called after a good night, and was given up: {why}. Whoever waits for \
                     it elsewhere hears nothing of this night."
                );
                NewEvent::new(Severity::Warning, text).of(app)
            }
            channel => {
                let text = format!(
                    "A message could not be sent by {} for days, and was given up: {why}. `tealkeep notify` tries it \
                     now.",
                    channel.name()
                );
                NewEvent::new(Severity::Bad, text)
            }
        }
    }
}

#[cfg(test)]
mod tests;
