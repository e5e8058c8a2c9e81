//! Named points at which this process kills itself when `TEALKEEP_KILL_AT` names them, or stands still when
//! `TEALKEEP_STOP_AT` does, so that the machine around it can be switched off meanwhile: that is how the tests prove
//! what a crash or a power cut at exactly this instant leaves behind.

use std::sync::LazyLock;

use rustix::process::{Signal, getpid, kill_process};

static KILL_AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("TEALKEEP_KILL_AT").ok());
static STOP_AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("TEALKEEP_STOP_AT").ok());

/// Dies here by SIGKILL, without any clean-up, or goes no further, if this is the point that was asked for.
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
}
