//! What to adopt, and how.

use std::path::PathBuf;

use jiff::Zoned;
use jiff::civil::Time;

/// What to adopt, and how.
#[derive(Debug, Clone)]
pub struct AdoptOptions {
    /// The folder with the old backups. Nothing in it is changed.
    pub from: PathBuf,
    /// Now, in the household's zone.
    pub now: Zoned,
    /// The local time of a backup whose own time is unknown.
    pub at: Time,
    /// Whether a backup without a date in its path is dated by its modification time.
    pub by_mtime: bool,
    /// Whether to change nothing and only report.
    pub dry_run: bool,
}
