//! `tealkeep evaluate-worker`: the child process in which a check runs a site's service worker. It communicates through
//! standard input and output only, and never returns.

/// `tealkeep evaluate-worker`
pub fn run() -> ! {
    tealkeep_worker::child::run()
}
