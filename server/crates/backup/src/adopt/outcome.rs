//! The result of an adoption: each file with what became of it, and what the next rotation will do.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use tealkeep_words::snapshot::SnapshotId;

/// The result of an adoption. Its JSON is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Adoption {
    /// Every candidate, by name.
    pub files: Vec<FileReport>,
    /// The names of the other files, which are not named like databases.
    pub others: Vec<String>,
    /// What the next rotation will do with the adopted snapshots, newest first.
    pub plan: Vec<Planned>,
}

impl Adoption {
    /// How many files have this outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        let files = self.files.iter();
        files.filter(|file| file.outcome == outcome).count()
    }
}

/// One file and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FileReport {
    /// Its path below the folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why, without a full stop.
    pub why: String,
    /// The snapshot that it became, or is already.
    pub id: Option<SnapshotId>,
    /// The local date that it counts for.
    #[schemars(with = "Option<String>")]
    pub local_date: Option<Date>,
    /// The rows of all its tables.
    pub rows: Option<u64>,
}

/// The outcome of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was adopted as a snapshot; in a dry run, it would be.
    Taken,
    /// The backups folder contains it already.
    Already,
    /// It has the same content as another file of the folder, which was adopted.
    Same,
    /// It can't be relied on, or is something else; it was not adopted.
    Refused,
}

/// What the next rotation will do with an adopted snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Planned {
    /// The local date that it counts for.
    #[schemars(with = "String")]
    pub local_date: Date,
    /// Whether it is kept.
    pub stays: bool,
    /// Why, in words: `the newest night of 2026-W47; goes on 2026-12-14`.
    pub why: String,
}
