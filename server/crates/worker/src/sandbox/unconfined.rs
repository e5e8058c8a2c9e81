//! Why a process could not be confined.

use std::io;

/// Why the process could not be confined. No foreign script may run then.
#[derive(Debug, thiserror::Error)]
pub enum Unconfined {
    /// A limit or an attribute of the process was refused.
    #[error("{what}: {error}")]
    Refused {
        /// What was attempted.
        what: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// Landlock is there, but could not be used.
    #[error("Landlock: {0}")]
    Landlock(String),
    /// The system-call filter could not be installed.
    #[error("the system-call filter (seccomp): {0}")]
    Seccomp(String),
}
