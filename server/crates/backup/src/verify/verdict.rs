//! What can come of looking at a snapshot, in words.

use super::super::gzip::Fault;
use tealkeep_words::size::human_size;

/// What came of looking at one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is whole: every byte was read, and SQLite finds nothing wrong.
    Whole {
        /// The size of the database in it.
        plain_bytes: u64,
        /// The tables in it.
        tables: usize,
        /// The rows in them.
        rows: u64,
        /// Whether there was a manifest to compare with. Without one, a whole file may still be another one
        /// than was taken.
        compared: bool,
    },
    /// Its bytes and its members are whole; what it holds was not opened.
    Intact {
        /// The size of what is in it.
        plain_bytes: u64,
        /// Whether there was a manifest to compare with: then these are the bytes that were written, read back and
        /// checked when it was taken. Without one, only gzip's own checksums speak for it.
        compared: bool,
    },
    /// It can't be relied on.
    Damaged(Damage),
    /// A manifest, `SHA256SUMS` or a tier's link names it, and it is not there.
    Missing,
}

impl Verdict {
    /// What it comes to, in one word: `whole`, `damaged` or `missing`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Whole { .. } | Verdict::Intact { .. } => "whole",
            Verdict::Damaged(_) => "damaged",
            Verdict::Missing => "missing",
        }
    }

    /// Whether a restore may use it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self, Verdict::Whole { .. } | Verdict::Intact { .. })
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Whole {
                plain_bytes,
                tables,
                rows,
                compared,
            } => {
                let size = human_size(*plain_bytes);
                write!(f, "whole: {size}, {tables} tables, {rows} rows")?;
                f.write_str(if *compared {
                    ""
                } else {
                    "; no manifest to compare with"
                })
            }
            Verdict::Intact {
                plain_bytes,
                compared,
            } => {
                let size = human_size(*plain_bytes);
                f.write_str(if *compared {
                    "whole: its bytes are those that were written"
                } else {
                    "whole as far as gzip's own checksums tell; no manifest to compare with"
                })?;
                write!(f, "; {size}, not opened")
            }
            Verdict::Damaged(damage) => write!(f, "damaged: {damage}"),
            Verdict::Missing => f.write_str(
                "missing: its manifest, SHA256SUMS or a tier's link names it, and it is not there",
            ),
        }
    }
}

/// What is wrong with a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Something else than a regular file has its name.
    #[error("it is a {0}, not a regular file")]
    NotAFile(&'static str),
    /// It is there and can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(String),
    /// The compressed file.
    #[error(transparent)]
    File(#[from] Fault),
    /// The file's bytes are not those that were written.
    #[error("its checksum differs from the one in {0}: these are not the bytes that were written")]
    Checksum(&'static str),
    /// The manifest beside it can't be read.
    #[error("its manifest can't be read: {0}")]
    Manifest(String),
    /// What it holds is no database.
    #[error("what it holds is not a SQLite database, or an encrypted one")]
    NotSqlite,
    /// SQLite's own check found something.
    #[error("SQLite's check finds: {}", .0.join("; "))]
    Integrity(Vec<String>),
    /// The content is not what the manifest says.
    #[error("its content is not what the manifest says: {0}")]
    Content(String),
}
