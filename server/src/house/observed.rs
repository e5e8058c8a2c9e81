//! Gathers what is known of one app while it runs: looks at the router's counters, hears of ended processes, and asks the
//! live colour at once when somebody wants to know. One [`Observed`] belongs to each app; [`watch`] feeds it.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::crashes::{Crash, CrashLog, Crashes};
use super::health::{Health, Standing};
use super::traffic::{Days, Recent, Ring};
use crate::clock::Clock;
use crate::config::HealthConfig;
use crate::journal::Journal;
use crate::names::{AppName, Colour, ReleaseId};
use crate::probe::{Answer, NoAnswer, Question};
use crate::router::{Answers, Router};
use crate::runtime::{ColourState, Exit, Runtime};

/// How often the router's counters are looked at: some times a minute, so that what is counted goes to the right one.
const LOOK_INTERVAL: Duration = Duration::from_secs(20);

/// What is known of how one app does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observations {
    /// The colour that was live.
    pub live: Colour,
    /// How its requests went in the last 5 minutes; `None` where the router does not count them.
    pub recent: Option<Recent>,
    /// Why its requests are not counted, in words that end no sentence; `None` where they are.
    pub uncounted: Option<String>,
    /// How all requests of the app went in the last 24 hours, or since Tealkeep started; `None` as above.
    pub last_day: Option<Answers>,
    /// How often the live colour crashed in the last 10 minutes.
    pub crashes: Crashes,
    /// How the live colour answers its health check; `None` until it was asked.
    pub health: Option<Health>,
}

/// What is remembered of one app. Nothing in it outlives this process but the days that were written down.
#[derive(Debug, Default)]
pub struct Observed {
    known: Mutex<Known>,
    wish: Notify,
}

#[derive(Debug, Default)]
struct Known {
    /// `None` until the router has told its counters.
    ring: Option<Ring>,
    days: Days,
    crashes: CrashLog,
    health: Option<Standing>,
}

impl Observed {
    /// Asks the live colour for its health as soon as possible, without waiting for the answer. For after each step of a
    /// run that may have changed what it works on.
    pub fn ask_soon(&self) {
        self.wish.notify_one();
    }

    /// A release went live on `colour`: what was known of the one before it says nothing about this one.
    pub async fn begin(&self, colour: Colour, router: &dyn Router, clock: &Clock) {
        self.look(router, clock).await;
        let mut known = self.known();
        if let Some(ring) = &mut known.ring {
            ring.begin(Instant::now(), colour);
        }
        known.crashes.begin();
        known.health = known.health.take().filter(|known| known.colour() == colour);
        drop(known);
        self.ask_soon();
    }

    /// Takes in how the router's counters stand.
    pub async fn look(&self, router: &dyn Router, clock: &Clock) {
        let Some(counters) = router.answers().await else {
            return;
        };
        let (now, date) = (Instant::now(), clock.local().date());
        let mut known = self.known();
        let ring = known.ring.get_or_insert_with(|| Ring::new(now));
        let new = ring.observe(now, counters);
        known.days.add(date, new);
    }

    /// Takes in what a probe of the live colour found.
    pub fn learn(&self, colour: Colour, release: &ReleaseId, found: &Result<Answer, NoAnswer>) {
        let mut known = self.known();
        let before = known.health.take();
        known.health = Standing::after(before, colour, release, found, Instant::now());
    }

    /// Takes in that the live colour does not run, which nobody asked for.
    fn learn_down(&self, colour: Colour, how: &str) {
        let mut known = self.known();
        let Some(before) = known.health.take().filter(|known| known.colour() == colour) else {
            return;
        };
        let release = before.release().clone();
        let found = Err(NoAnswer::Silence(how.to_owned()));
        known.health = Standing::after(Some(before), colour, &release, &found, Instant::now());
    }

    /// Takes in that the process of the live colour ended unasked.
    pub fn crashed(&self, exit: &Exit) {
        let newest = Crash {
            how: exit.how.clone(),
            at: Timestamp::now(),
        };
        self.known().crashes.note(exit.at, exit.times, newest);
    }

    /// All that is known now, of the colour that is live.
    pub async fn now(&self, live: Colour, router: &dyn Router, clock: &Clock) -> Observations {
        self.look(router, clock).await;
        let uncounted = router.reason_uncounted().await;
        let now = Instant::now();
        let known = self.known();
        let health = known.health.as_ref();
        Observations {
            live,
            uncounted,
            recent: known.ring.as_ref().map(|ring| ring.recent(now, live)),
            last_day: known.ring.as_ref().map(|ring| ring.last_day(now)),
            crashes: known.crashes.recent(now),
            health: health
                .filter(|known| known.colour() == live)
                .map(|known| known.at(now)),
        }
    }

    /// Writes the totals by date down that are not in the journal yet; nothing where there are none.
    ///
    /// # Errors
    /// The journal can't be written; they are kept for the next time.
    pub async fn write_days(&self, app: &AppName, journal: &Journal) -> anyhow::Result<()> {
        let days = self.known().days.take();
        let written = journal.add_traffic(app.clone(), days.clone()).await;
        if written.is_err() {
            self.known().days.put_back(days);
        }
        written
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom an app's observations come from.
pub struct Sources {
    /// What its users' requests go through.
    pub router: Arc<dyn Router>,
    /// What starts and stops its colours.
    pub runtime: Arc<dyn Runtime>,
    /// How its health is asked for.
    pub health: HealthConfig,
    /// What tells the local date.
    pub clock: Clock,
}

/// Feeds `observed` until `stop`. `exits` must have been subscribed to before anything was started.
pub async fn watch(
    observed: Arc<Observed>,
    sources: Sources,
    mut exits: Receiver<Exit>,
    stop: CancellationToken,
) {
    let watched = async {
        let mut ticks = tokio::time::interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => observed.look(&*sources.router, &sources.clock).await,
                exit = exits.recv() => match exit {
                    Ok(exit) => sources.hear(&observed, &exit).await,
                    // More ends at once than the channel holds: those that are left are crashes enough.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                () = observed.wish.notified() => sources.ask(&observed).await,
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = watched => {}
    }
}

impl Sources {
    async fn hear(&self, observed: &Observed, exit: &Exit) {
        if exit.intended {
            return;
        }
        // What can't be told is not blamed on anybody; a router that can't say what is live has a condition of its own.
        if self
            .router
            .live()
            .await
            .is_ok_and(|live| live == exit.colour)
        {
            observed.crashed(exit);
            self.ask(observed).await;
        }
    }

    /// Asks the live colour, if it runs: one that was stopped on purpose need not answer.
    async fn ask(&self, observed: &Observed) {
        let Ok(live) = self.router.live().await else {
            return;
        };
        let release = match self.runtime.state(live).await {
            ColourState::Running { release, .. } => release,
            ColourState::Ended { how } => return observed.learn_down(live, &how),
            ColourState::Stopped => return,
        };
        let question = Question::of_health(self.runtime.address(live), &self.health);
        let found = question.ask().await;
        // It may not be live any more by the time that it answers.
        if self.router.live().await.is_ok_and(|now| now == live) {
            observed.learn(live, &release, &found);
        }
    }
}
