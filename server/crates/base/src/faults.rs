//! Named points of this process at which a test kills or stops it. They exist only with the feature `fault-points`, which
//! the tests enable; without it, [`point`] does nothing and reads no environment variable.

/// Does what the environment asks for at the point of this name: `TEALKEEP_KILL_AT=point` kills the process with SIGKILL,
/// `TEALKEEP_STOP_AT=point` stops it, so that a test can switch off the machine around it, and
/// `TEALKEEP_WAIT_AT=point=file` makes the first thread that gets here create the file and wait until somebody removes it.
#[cfg(not(feature = "fault-points"))]
pub fn point(_name: &str) {}

#[cfg(feature = "fault-points")]
pub use enabled::point;

#[cfg(feature = "fault-points")]
mod enabled {
    use std::path::PathBuf;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    static KILL_AT: LazyLock<Option<String>> =
        LazyLock::new(|| std::env::var("TEALKEEP_KILL_AT").ok());
    static STOP_AT: LazyLock<Option<String>> =
        LazyLock::new(|| std::env::var("TEALKEEP_STOP_AT").ok());
    static WAIT_AT: LazyLock<Option<(String, PathBuf)>> = LazyLock::new(|| {
        let value = std::env::var("TEALKEEP_WAIT_AT").ok()?;
        let (point, file) = value.split_once('=')?;
        Some((point.to_owned(), file.into()))
    });

    static HAS_WAITED: AtomicBool = AtomicBool::new(false);

    /// Does what the environment asks for at the point of this name: `TEALKEEP_KILL_AT=point` kills the process with
    /// SIGKILL, `TEALKEEP_STOP_AT=point` stops it, so that a test can switch off the machine around it, and
    /// `TEALKEEP_WAIT_AT=point=file` makes the first thread that gets here create the file and wait until somebody
    /// removes it.
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
}
