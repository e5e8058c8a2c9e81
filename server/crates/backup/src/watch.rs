//! How far a long piece of work has come, and whether it should stop: every loop over pages or bytes
//! asks here, so that each one reports, obeys its deadline, and can be called off.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::low_priority;

/// What is being done at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The database checks itself and its rows are counted.
    Checking,
    /// A database in rollback-journal mode is copied aside, so that its writers wait only for this.
    Copying,
    /// Pages are compressed into the snapshot's file.
    Compressing,
    /// The written file is read again and compared.
    ReadingBack,
    /// A snapshot is unpacked.
    Unpacking,
    /// A snapshot's content is put into the live database.
    Restoring,
}

impl Stage {
    /// The stage as a person says it, in the present tense and lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Checking => "checking the database",
            Stage::Copying => "copying the database aside",
            Stage::Compressing => "compressing",
            Stage::ReadingBack => "reading back",
            Stage::Unpacking => "unpacking",
            Stage::Restoring => "putting the content back",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a stage has come, in plain (uncompressed) bytes of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all; 0 where that is not known beforehand.
    pub total: u64,
}

/// A question that long work asks now and then: has somebody called it off?
#[derive(Clone, Default)]
pub struct Cancel(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Cancel {
    /// Work that nobody calls off.
    #[must_use]
    pub fn never() -> Cancel {
        Cancel(None)
    }

    /// Work that is called off as soon as `asked` says `true`, for example a cancellation token's question.
    #[must_use]
    pub fn when(asked: impl Fn() -> bool + Send + Sync + 'static) -> Cancel {
        Cancel(Some(Arc::new(asked)))
    }

    fn is_asked(&self) -> bool {
        self.0.as_ref().is_some_and(|asked| asked())
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_asked()).finish()
    }
}

/// Why work ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Somebody called it off.
    #[error("it was called off")]
    Cancelled,
    /// Its deadline passed.
    #[error(
        "it was not done after {0:?}, which is its deadline; set a longer one if the database is this large"
    )]
    TooLong(Duration),
}

/// Who is told about progress, and when the work has to end.
pub struct Watch<'a> {
    tell: &'a mut (dyn FnMut(Progress) + Send),
    cancel: Cancel,
    allowed: Duration,
    ends: Instant,
    told: u64,
}

/// The bytes between two reports: often enough for a bar that moves, rarely enough to cost nothing.
const REPORT_INTERVAL_BYTES: u64 = 256 * 1024;

impl<'a> Watch<'a> {
    /// Work that may take `allowed` from now on.
    pub fn new(
        tell: &'a mut (dyn FnMut(Progress) + Send),
        cancel: Cancel,
        allowed: Duration,
    ) -> Watch<'a> {
        Watch {
            tell,
            cancel,
            allowed,
            ends: Instant::now() + allowed,
            told: 0,
        }
    }

    /// Says aloud that a stage begins.
    ///
    /// # Errors
    /// The work should stop.
    pub fn begin(&mut self, stage: Stage, total: u64) -> Result<(), Stopped> {
        self.check()?;
        self.told = 0;
        (self.tell)(Progress {
            stage,
            done: 0,
            total,
        });
        Ok(())
    }

    /// Notes that `done` of `total` plain bytes are done.
    ///
    /// # Errors
    /// The work should stop.
    pub fn tick(&mut self, stage: Stage, done: u64, total: u64) -> Result<(), Stopped> {
        if done >= self.told + REPORT_INTERVAL_BYTES || done == total {
            self.check()?;
            self.told = done;
            (self.tell)(Progress { stage, done, total });
        }
        Ok(())
    }

    /// Says aloud that a stage is over, after which there is nothing left to stop.
    pub fn end(&mut self, stage: Stage, total: u64) {
        (self.tell)(Progress {
            stage,
            done: total,
            total,
        });
    }

    /// Whether the work may go on.
    ///
    /// # Errors
    /// It was called off, or its deadline passed.
    pub fn check(&self) -> Result<(), Stopped> {
        low_priority::check_starvation();
        if self.cancel.is_asked() {
            Err(Stopped::Cancelled)
        } else if Instant::now() >= self.ends {
            Err(Stopped::TooLong(self.allowed))
        } else {
            Ok(())
        }
    }

    /// How long the work may still take.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// A question for SQLite's progress handler, which interrupts a statement when it answers `true`.
    pub(crate) fn interrupter(&self) -> impl FnMut() -> bool + Send + 'static {
        let (cancel, ends) = (self.cancel.clone(), self.ends);
        move || {
            low_priority::check_starvation();
            cancel.is_asked() || Instant::now() >= ends
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_stops_when_called_off_and_when_its_time_is_over() {
        let mut ignore = |_: Progress| {};
        let watch = Watch::new(&mut ignore, Cancel::when(|| true), Duration::MAX / 4);
        assert_eq!(watch.check(), Err(Stopped::Cancelled));
        assert!(watch.interrupter()());
        let watch = Watch::new(&mut ignore, Cancel::never(), Duration::ZERO);
        assert_eq!(watch.check(), Err(Stopped::TooLong(Duration::ZERO)));
        assert!(watch.interrupter()());
        let watch = Watch::new(&mut ignore, Cancel::never(), Duration::from_secs(3600));
        assert_eq!(watch.check(), Ok(()));
        assert!(!watch.interrupter()());
    }
}
