//! Pages into a file, and a file back into pages, on all cores: the only functions that know how a snapshot
//! is compressed. What comes out is ordinary gzip (RFC 1952), and memory stays flat whatever the size.

mod compress;
mod lanes;
mod split;
mod unpack;

use std::io;

use serde::{Deserialize, Serialize};

use super::error::SnapshotError;
use super::member::Flaw;
use super::watch::Stopped;

pub(crate) use compress::{Receipt, compress};
pub(crate) use unpack::prove;
pub use unpack::unpack;

/// Where pages come from, in order, each of the same size.
pub trait PageSource {
    /// The next page, or `None` after the last one.
    ///
    /// # Errors
    /// The database can't be read.
    fn next_page(&mut self) -> Result<Option<&[u8]>, SnapshotError>;

    /// The bytes that there will be in all.
    fn plain_bytes(&self) -> u64;
}

/// What [`compress`] wrote, and what [`unpack`] read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Compressed bytes.
    pub bytes: u64,
    /// SHA-256 of the compressed bytes, in hex.
    pub sha256: String,
    /// SHA-256 of the plain bytes, in hex, where somebody asked for it.
    pub plain_sha256: Option<String>,
    /// BLAKE3, in hex, of the BLAKE3 hashes of all chunks one after the other; absent where a part of the file
    /// is not in chunks.
    pub content_blake3: Option<String>,
    /// Plain bytes.
    pub plain_bytes: u64,
    /// The chunks.
    pub chunks: Chunks,
}

/// The chunks of a snapshot, each a gzip member of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunks {
    /// How many there are.
    pub total: u64,
    /// How many of them were copied from the snapshot before, when this one was taken.
    pub reused: u64,
}

/// A file that is not a whole snapshot, with what is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// It does not begin as gzip does.
    #[error("it is not gzip: it does not begin with the bytes 1f 8b")]
    NotGzip,
    /// The compressed data end too early.
    #[error("it is cut short: it ends at byte {at}, in the middle of the compressed data")]
    CutShort {
        /// The file's size.
        at: u64,
    },
    /// The compressed data do not decode, or decode to something else than what was written.
    #[error("it is damaged before byte {at}: {said}")]
    Corrupt {
        /// Where decoding stood, in bytes of the file; the damage lies before it.
        at: u64,
        /// What the decoder said.
        said: String,
    },
    /// A chunk is not what its own header says.
    #[error("it is damaged at byte {at}, in chunk {chunk}{}: {flaw}", page_range(*pages))]
    Chunk {
        /// Where the chunk's member begins, in bytes of the file.
        at: u64,
        /// Which chunk, counted from 1.
        chunk: u64,
        /// The first and the last page in it, counted from 1 as SQLite does, where the page size is known.
        pages: Option<(u64, u64)>,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// Something follows the end of the compressed data.
    #[error("something was appended to it: from byte {at} on it is not gzip any more")]
    TrailingGarbage {
        /// Where it begins.
        at: u64,
    },
    /// It unpacks to more than it may.
    #[error("it unpacks to more than {limit} bytes, which is {because}")]
    TooLarge {
        /// The most that was allowed.
        limit: u64,
        /// Why that much.
        because: &'static str,
    },
}

fn page_range(pages: Option<(u64, u64)>) -> String {
    pages.map_or_else(String::new, |(first, last)| {
        format!(", pages {first} to {last}")
    })
}

/// Unpacking ended before the end.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The file is at fault.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The work was stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The most bytes that a file may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// What the manifest says that it holds.
    Manifest(u64),
    /// What fits on the disk.
    Disk(u64),
}

impl Limit {
    fn bytes(self) -> u64 {
        match self {
            Limit::Manifest(bytes) | Limit::Disk(bytes) => bytes,
        }
    }

    fn because(self) -> &'static str {
        match self {
            Limit::Manifest(_) => "what its manifest says",
            Limit::Disk(_) => "all that fits on the disk",
        }
    }

    /// What there is to do, for progress; 0 where the limit says nothing about it.
    fn total(self) -> u64 {
        match self {
            Limit::Manifest(bytes) => bytes,
            Limit::Disk(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests;
