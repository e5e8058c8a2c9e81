//! One systemd job: started, and awaited until systemd signals its end.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;
use zbus::zvariant::OwnedObjectPath;
use zbus::{Connection, MessageStream};

use super::bus::{self, Bus, BusError};
use super::unit::Unit;

/// The pause between two looks at a unit whose job's end can't be heard of any more.
const POLL: Duration = Duration::from_millis(500);

/// What a unit is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// To start.
    Start,
    /// To stop.
    Stop,
    /// To stop and to start, in one job.
    Restart,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// With systemd's own word for it: `done`, `failed`, `timeout`, `canceled`, `dependency`, `skipped`.
    Told(String),
    /// The connection was lost meanwhile; the job is over, how is not known.
    Unheard,
    /// Not within the deadline.
    Late,
}

/// Tells a unit to start, stop or restart and waits for exactly that job's end, at most for `deadline`. The listening
/// begins before the telling: a job may end before the answer to its wish arrives.
///
/// # Errors
/// It was refused, or nobody answered.
pub async fn run(
    bus: &Bus,
    verb: Verb,
    unit: &str,
    deadline: Duration,
) -> Result<JobEnd, BusError> {
    let until = Instant::now() + deadline;
    let (jobs, job) = bus.ask(|connection| tell(connection, verb, unit)).await?;
    match tokio::time::timeout_at(until, heard(jobs, job)).await {
        Err(_) => return Ok(JobEnd::Late),
        Ok(Some(result)) => return Ok(JobEnd::Told(result)),
        // The connection is gone, and with it the word of the job's end.
        Ok(None) => {}
    }
    while Instant::now() < until {
        match bus
            .ask(|connection| async move { Unit::look(&connection, unit).await })
            .await
        {
            Ok(unit) if !unit.has_job => return Ok(JobEnd::Unheard),
            Ok(_) => {}
            Err(error) => tracing::debug!(unit, "not to be asked yet: {error}"),
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(JobEnd::Late)
}

async fn tell(
    connection: Connection,
    verb: Verb,
    unit: &str,
) -> zbus::Result<(MessageStream, OwnedObjectPath)> {
    let jobs = bus::removed_jobs(&connection, unit).await?;
    let manager = bus::manager(&connection).await?;
    let job = match verb {
        Verb::Start => manager.start_unit(unit, "replace").await?,
        Verb::Stop => manager.stop_unit(unit, "replace").await?,
        Verb::Restart => manager.restart_unit(unit, "replace").await?,
    };
    Ok((jobs, job))
}

/// The word for the job's end; `None` when the connection ended before.
async fn heard(mut jobs: MessageStream, job: OwnedObjectPath) -> Option<String> {
    while let Some(Ok(message)) = jobs.next().await {
        let body = message.body();
        let Ok((_, path, _, result)) = body.deserialize::<(u32, OwnedObjectPath, &str, &str)>()
        else {
            continue;
        };
        if path == job {
            return Some(result.to_owned());
        }
    }
    None
}
