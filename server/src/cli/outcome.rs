//! How a command ends, and the exit codes for that.

/// Exit code: the command tried and failed.
pub(super) const FAILED: u8 = 1;
/// Exit code: the command line itself was wrong.
pub(super) const USAGE_ERROR: u8 = 2;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// The command line was wrong: exit code 2.
    Usage(String),
    /// The command was carried out and failed: exit code 1.
    Operation(anyhow::Error),
    /// The reason has been printed, by a program that ended with this exit code.
    Reported(u8),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Operation(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Operation(error.into())
    }
}

/// What a command returns.
pub(super) type Outcome = Result<(), Failure>;
