//! The snapshot before, as a store of compressed chunks: found by the hash of their plain bytes, and handed
//! out only when every byte proved to be what was written. Whatever is odd about it means less reuse, never
//! an error.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use tealkeep_base::durable;

use super::catalogue::{Catalogue, Entry as Listed};
use super::member::{HEADER_BYTES, Hash, Header, MAX_MEMBER_BYTES};

/// The most chunks that are kept in mind: 16 MiB of memory, for 64 GiB of a database. What comes after them
/// is compressed anew.
const MAX_ENTRIES: usize = 1 << 20;

/// The bits of a place that hold the member's size.
const SIZE_BITS: u32 = 20;

const _: () = assert!(MAX_MEMBER_BYTES < 1 << SIZE_BITS);

/// An earlier snapshot that chunks are copied from.
#[derive(Debug)]
pub struct Basis {
    path: PathBuf,
    file: File,
    /// Sorted by the hash's beginning.
    entries: Vec<Entry>,
    distrusted: AtomicBool,
}

/// Where a chunk lies, in 16 bytes. The beginning of the hash is enough to find it; the whole one stands in
/// the member's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    hash_start: u64,
    /// The member's offset, and in the lowest bits its size.
    place: u64,
}

impl Basis {
    /// The newest snapshot of the catalogue that has chunks to copy; `None` where none has. One that is dated after
    /// `now`, by a clock that ran ahead, would stay the newest for years while less and less of it holds: it comes last.
    #[must_use]
    pub fn newest(catalogue: &Catalogue, now: Timestamp) -> Option<Basis> {
        let newest_first = || catalogue.entries.iter().rev();
        let is_ahead = |entry: &&Listed| entry.manifest.taken_at > now;
        newest_first()
            .filter(|entry| !is_ahead(entry))
            .chain(newest_first().filter(is_ahead))
            .filter_map(|entry| Basis::open(&entry.path).ok())
            .find(|basis| !basis.entries.is_empty())
    }

    /// Reads the headers of a snapshot's members, up to the first that is none of ours.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn open(path: &Path) -> io::Result<Basis> {
        let file = durable::open_regular(path)?;
        let entries = entries_of(&file);
        Ok(Basis {
            path: path.to_owned(),
            file,
            entries,
            distrusted: AtomicBool::new(false),
        })
    }

    /// Appends the member that holds the plain bytes with this hash to `out`, if there is one and every byte
    /// of it is as it was written. A member that is not is noted in the log, once, and passed over.
    pub fn copy(&self, plain: &Hash, out: &mut Vec<u8>) -> Option<Header> {
        let found = self
            .entries
            .binary_search_by_key(&start_of(plain), |entry| entry.hash_start);
        self.copy_entry(self.entries[found.ok()?].place, plain, out)
    }

    fn copy_entry(&self, place: u64, plain: &Hash, out: &mut Vec<u8>) -> Option<Header> {
        let at = place >> SIZE_BITS;
        let size = (place & ((1 << SIZE_BITS) - 1)) as usize;
        let start = out.len();
        out.resize(start + size, 0);
        let member = &mut out[start..];
        let read = self.file.read_exact_at(member, at);
        let header = Header::parse(member).filter(|header| read.is_ok() && header.seals(member));
        if header.is_none() && !self.distrusted.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                snapshot = %self.path.display(), byte = at,
                "this earlier snapshot is damaged, and `tealkeep verify` says how badly; what it held there is compressed anew"
            );
        }
        let found = header.filter(|header| header.plain == *plain);
        if found.is_none() {
            out.truncate(start);
        }
        found
    }
}

fn entries_of(file: &File) -> Vec<Entry> {
    let mut entries = Vec::new();
    let bytes = file.metadata().map_or(0, |meta| meta.len());
    let mut header = [0; HEADER_BYTES];
    let mut at = 0;
    while entries.len() < MAX_ENTRIES && file.read_exact_at(&mut header, at).is_ok() {
        let Some(found) = Header::parse(&header) else {
            break;
        };
        let size = found.member_bytes as u64;
        if at + size > bytes {
            break;
        }
        entries.push(Entry {
            hash_start: start_of(&found.plain),
            place: at << SIZE_BITS | size,
        });
        at += size;
    }
    entries.sort_unstable();
    entries.dedup_by_key(|entry| entry.hash_start);
    entries.shrink_to_fit();
    entries
}

fn start_of(hash: &Hash) -> u64 {
    hash.iter()
        .take(8)
        .fold(0, |start, &byte| start << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests;
