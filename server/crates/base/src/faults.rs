//! Fault points for tests: they show what a crash or a power cut at exactly that instant leaves behind, and what waits
//! for what. At the one that `TEALKEEP_KILL_AT` names it kills itself; at the one
//! that `TEALKEEP_STOP_AT` names it stops, so that the machine can be switched off meanwhile; at the
//! one that `TEALKEEP_WAIT_AT` names, as `point=file`, one thread waits once: it makes the file, and continues
//! when the file has been removed.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

static KILL_AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("TEALKEEP_KILL_AT").ok());
static STOP_AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("TEALKEEP_STOP_AT").ok());
static WAIT_AT: LazyLock<Option<(String, PathBuf)>> = LazyLock::new(|| {
    let told = std::env::var("TEALKEEP_WAIT_AT").ok()?;
    let (point, file) = told.split_once('=')?;
    Some((point.to_owned(), file.into()))
});

static HAS_WAITED: AtomicBool = AtomicBool::new(false);

/// Dies here by SIGKILL without any clean-up, goes no further, or waits, if this is the point that was asked for.
pub fn point(name: &str) {
    if KILL_AT.as_deref() == Some(name) {
        // Nothing is left to report an error to.
        let _ = kill_process(getpid(), Signal::KILL);
    }
    if STOP_AT.as_deref() == Some(name) {
        // The signal may reach another thread first; this one takes no step more in any case.
        let _ = kill_process(getpid(), Signal::STOP);
        loop {
            std::thread::park();
        }
    }
    if let Some((point, file)) = &*WAIT_AT
        && point == name
        && !HAS_WAITED.swap(true, Ordering::AcqRel)
    {
        // Where it can't be made there is nothing to wait for.
        let _ = std::fs::write(file, "");
        while file.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
