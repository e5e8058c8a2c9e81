//! `tealkeep evaluate-worker`: the child process in which a check runs somebody else's service worker. It speaks
//! on its standard input and output only, and never returns.

/// `tealkeep evaluate-worker`
pub fn run() -> ! {
    tealkeep_worker::child::run()
}
