//! Named points at which this process kills itself when `TEALKEEP_KILL_AT` names them: that is how the
//! tests prove what a power cut at exactly this instant leaves behind.

use std::sync::LazyLock;

static KILL_AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("TEALKEEP_KILL_AT").ok());

/// Dies here by SIGKILL, without any clean-up, if this is the point that was asked for.
pub fn point(name: &str) {
    if KILL_AT.as_deref() == Some(name) {
        // Nothing is left to report an error to.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
