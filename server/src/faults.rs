//! Named points at which this process kills itself when `TEALKEEP_KILL_AT` names them: that is how the
//! tests prove what a power cut at exactly this instant leaves behind. At the one that `TEALKEEP_WAIT_AT` names, as
//! `point=file`, it waits once: it makes the file, and goes on when somebody has removed it.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static KILL_AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("TEALKEEP_KILL_AT").ok());

static WAIT_AT: LazyLock<Option<(String, PathBuf)>> = LazyLock::new(|| {
    let told = std::env::var("TEALKEEP_WAIT_AT").ok()?;
    let (point, file) = told.split_once('=')?;
    Some((point.to_owned(), file.into()))
});

static HAS_WAITED: AtomicBool = AtomicBool::new(false);

/// Dies here by SIGKILL, without any clean-up, or waits, if this is the point that was asked for.
pub fn point(name: &str) {
    if KILL_AT.as_deref() == Some(name) {
        // Nothing is left to report an error to.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
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
