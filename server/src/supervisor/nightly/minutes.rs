//! A tick at each full minute, in UTC, from `tokio-cron-scheduler`. That crate looks at its jobs twice a second, which
//! would wake the processor four times; so it runs on a runtime of its own, on a thread that sleeps until its job is due.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, oneshot};
use tokio_cron_scheduler::{Job, JobScheduler};

/// In UTC: the crate freezes a zone's offset, so it is given none.
const EVERY_MINUTE: &str = "0 * * * * *";
/// A job that is further away than this was scheduled by a clock that has been put back since.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// How long the crate may take to run a job that is due; it looks twice a second.
const RUN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is asked whether it has.
const RUN_INTERVAL: Duration = Duration::from_millis(100);

/// Ticks until it is dropped.
pub struct Minutes {
    ticked: Arc<Notify>,
    /// The thread ends when this is gone.
    _stop: mpsc::Sender<Infallible>,
}

impl Minutes {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread or the scheduler can't be started.
    pub async fn start() -> anyhow::Result<Minutes> {
        let ticked = Arc::new(Notify::new());
        let (stop, stopped) = mpsc::channel();
        let (report, started) = oneshot::channel();
        let tick = ticked.clone();
        std::thread::Builder::new()
            .name("schedule".to_owned())
            .spawn(move || match Schedule::start(tick) {
                Ok(schedule) => {
                    // The caller may have given up meanwhile; then `stopped` says so.
                    let _ = report.send(Ok(()));
                    schedule.run(&stopped);
                }
                Err(error) => {
                    let _ = report.send(Err(error));
                }
            })
            .context("the scheduler's thread can't be started")?;
        started.await.context("the scheduler's thread ended")??;
        Ok(Minutes {
            ticked,
            _stop: stop,
        })
    }

    /// Waits for the next full minute. Minutes that passed while nobody waited count as one.
    pub async fn next(&self) {
        self.ticked.notified().await;
    }
}

/// The scheduler with its one job. It stands still unless [`Schedule::settle`] runs.
struct Schedule {
    runtime: Runtime,
    scheduler: JobScheduler,
    tick: Arc<Notify>,
}

impl Schedule {
    fn start(tick: Arc<Notify>) -> anyhow::Result<Schedule> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .build()
            .context("the scheduler's runtime can't be made")?;
        let ticked = tick.clone();
        let scheduler = runtime.block_on(async move {
            let scheduler = JobScheduler::new()
                .await
                .context("the scheduler can't be made")?;
            let job = Job::new_async(EVERY_MINUTE, move |_, _| {
                let ticked = ticked.clone();
                Box::pin(async move { ticked.notify_one() })
            })
            .context("the nightly job can't be made")?;
            scheduler
                .add(job)
                .await
                .context("the nightly job can't be added")?;
            scheduler
                .start()
                .await
                .context("the scheduler can't be started")?;
            anyhow::Ok(scheduler)
        })?;
        Ok(Schedule {
            runtime,
            scheduler,
            tick,
        })
    }

    /// Runs the job at each minute until `stopped` is closed.
    fn run(mut self, stopped: &mpsc::Receiver<Infallible>) {
        loop {
            let pause = match self.settle() {
                Some(pause) if pause <= MAX_PAUSE => pause,
                Some(_) | None => self.replace(),
            };
            match stopped.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(never) => match never {},
            }
        }
    }

    /// Lets the crate run the job if it is due: the time until it is due next, in whole seconds and never too short.
    /// `None` where the crate did not get that far.
    fn settle(&mut self) -> Option<Duration> {
        let Schedule {
            runtime, scheduler, ..
        } = self;
        runtime.block_on(async {
            let next = async {
                loop {
                    // A job that is due has no time left until it has run.
                    match scheduler.time_till_next_job().await {
                        Ok(Some(next)) => return Some(next),
                        Ok(None) => tokio::time::sleep(RUN_INTERVAL).await,
                        Err(error) => {
                            tracing::error!("the scheduler does not say what is next: {error}");
                            return None;
                        }
                    }
                }
            };
            tokio::time::timeout(RUN_TIMEOUT, next).await.ok().flatten()
        })
    }

    /// Begins with a new scheduler, and ticks in its place meanwhile.
    fn replace(&mut self) -> Duration {
        self.tick.notify_one();
        match Schedule::start(self.tick.clone()) {
            Ok(schedule) => *self = schedule,
            Err(error) => tracing::error!("{error:#}"),
        }
        MAX_PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_runs_when_it_is_due_and_the_next_one_is_at_most_a_minute_away() {
        let tick = Arc::new(Notify::new());
        let mut schedule = Schedule::start(tick.clone()).unwrap();
        let pause = schedule.settle().unwrap();
        assert!(!pause.is_zero() && pause <= MAX_PAUSE, "{pause:?}");
        // As if the thread had slept until it was due.
        let Schedule {
            runtime, scheduler, ..
        } = &mut schedule;
        runtime.block_on(async {
            let storage = scheduler.context().metadata_storage.clone();
            let mut storage = storage.write().await;
            let ticks = storage.list_next_ticks().await.unwrap();
            let id = ticks[0].id.as_ref().unwrap().into();
            let mut job = storage.get(id).await.unwrap().unwrap();
            job.next_tick -= MAX_PAUSE.as_secs();
            storage.add_or_update(job).await.unwrap();
        });
        let next = schedule.settle().unwrap();
        assert!(!next.is_zero() && next <= MAX_PAUSE, "{next:?}");
        let ticked = async { tokio::time::timeout(Duration::ZERO, tick.notified()).await };
        assert!(schedule.runtime.block_on(ticked).is_ok());
    }
}
