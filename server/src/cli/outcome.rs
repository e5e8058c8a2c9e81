//! How a command ends, and the exit codes for that.

/// Exit code: the command tried and failed.
pub(super) const FAILED: u8 = 1;
/// Exit code: the call itself was wrong.
pub(super) const WRONG_CALL: u8 = 2;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// The call was wrong: exit code 2.
    Call(String),
    /// The command tried and failed: exit code 1.
    Tried(anyhow::Error),
    /// The reason has been printed, by a program that ended with this exit code.
    Said(u8),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Tried(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Tried(error.into())
    }
}

/// What a command returns.
pub(super) type Outcome = Result<(), Failure>;
