//! Why a comparison was not possible.

use crate::source::SourceError;

/// A comparison was not possible.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// One of the databases can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The copies for the probes could not be made.
    #[error("the probes could not be run: {0}")]
    Probes(rusqlite::Error),
    /// There is nowhere to put the copies that the statements run on.
    #[error(
        "there is nowhere to copy the databases to, so that the statements can't be run: {0}; set TMPDIR to a folder with room"
    )]
    Room(std::io::Error),
    /// A copy that the statements run on could not be made.
    #[error("a database could not be copied, so that the statements can't be run: {0}")]
    Copy(rusqlite::Error),
}
