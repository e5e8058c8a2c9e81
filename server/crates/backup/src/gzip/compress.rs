//! Pages into a file. The caller's thread reads pages, for SQLite's connection stays where it is; a thread a
//! core hashes and packs them; one more writes what comes of it, in order.

use std::fs::File;
use std::io::Write;

use ring::digest::{Context, SHA256};

use super::super::basis::Basis;
use super::super::hex::hex;
use super::super::low_priority;
use super::super::member::{CHUNK_BYTES, Hash, Header, Level, Packer};
use super::super::scratch;
use super::super::watch::{Stage, Watch};
use super::lanes::{self, BATCH_BYTES, Give, Take};
use super::{Chunks, PageSource, SnapshotError, Written};

/// How many bytes are written between two waits for the disk. All at once at the end would have the app's
/// own fsync wait behind hundreds of megabytes.
const FLUSH_INTERVAL_BYTES: u64 = 8 << 20;

/// What has to come out when the file is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// BLAKE3 of all members' seals one after the other, which proves every byte of the file.
    pub seals: Hash,
    /// Which members were compressed, and not copied.
    pub fresh: Vec<bool>,
    /// The plain bytes in all.
    pub plain_bytes: u64,
}

/// Compresses every page into `out`, from its present position on, or copies what is in `basis` already.
///
/// # Errors
/// The source can't be read, `out` can't be written, the disk is nearly full, or `watch` says stop.
pub(crate) fn compress(
    pages: &mut dyn PageSource,
    out: &mut File,
    level: Level,
    basis: Option<&Basis>,
    watch: &mut Watch<'_>,
) -> Result<(Written, Receipt), SnapshotError> {
    std::thread::scope(|scope| {
        let (give, take) = lanes::start(
            scope,
            || Packer::new(level),
            |packer, batch: &mut Batch| batch.pack(packer, basis),
        );
        let writer = low_priority::spawn(scope, || {
            low_priority::leave_idle();
            write_all(take, out)
        });
        let fed = feed(pages, give, watch);
        let written = match writer.join() {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // Where both failed, the source did so by itself, and the writer because it has nothing more to write.
        fed.and(written)
    })
}

/// A few chunks on their way.
#[derive(Default)]
struct Batch {
    plain: Vec<u8>,
    packed: Vec<u8>,
    members: Vec<(Header, Origin)>,
    failed: Option<std::io::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Fresh,
    Copied,
}

impl Batch {
    fn clear(&mut self) {
        self.plain.clear();
        self.packed.clear();
        self.members.clear();
    }

    fn pack(&mut self, packer: &mut Packer, basis: Option<&Basis>) {
        // A database of no pages is one chunk of nothing: a file of no members would not be gzip.
        let nothing: &[u8] = &[];
        let chunks = match self.plain.is_empty() {
            true => nothing.chunks(CHUNK_BYTES).chain(Some(nothing)),
            false => self.plain.chunks(CHUNK_BYTES).chain(None),
        };
        for chunk in chunks {
            let hash = blake3::hash(chunk).into();
            let copied = basis.and_then(|basis| basis.copy(&hash, &mut self.packed));
            let member = match copied {
                Some(header) => Ok((header, Origin::Copied)),
                None => packer
                    .pack(chunk, hash, &mut self.packed)
                    .map(|header| (header, Origin::Fresh)),
            };
            match member {
                Ok(member) => self.members.push(member),
                Err(e) => {
                    self.failed = Some(e);
                    return;
                }
            }
        }
    }
}

/// Reads the pages into batches. Ends early, without an error, when the other side is gone.
fn feed(
    pages: &mut dyn PageSource,
    mut give: Give<Batch>,
    watch: &mut Watch<'_>,
) -> Result<(), SnapshotError> {
    let total = pages.plain_bytes();
    watch.begin(Stage::Compressing, total)?;
    let mut done = 0;
    let mut batch = Batch::default();
    while let Some(page) = pages.next_page()? {
        batch.plain.extend_from_slice(page);
        if batch.plain.len() >= BATCH_BYTES {
            done += batch.plain.len() as u64;
            if give.send(batch).is_err() {
                return Ok(());
            }
            batch = give.spare();
            watch.tick(Stage::Compressing, done, total)?;
        }
    }
    if !batch.plain.is_empty() || done == 0 {
        done += batch.plain.len() as u64;
        if give.send(batch).is_err() {
            return Ok(());
        }
    }
    watch.tick(Stage::Compressing, done, total)?;
    Ok(())
}

fn write_all(
    mut batches: Take<Batch>,
    out: &mut File,
) -> Result<(Written, Receipt), SnapshotError> {
    let mut sha256 = Context::new(&SHA256);
    let (mut seals, mut content) = (blake3::Hasher::new(), blake3::Hasher::new());
    let mut fresh = Vec::new();
    let (mut bytes, mut plain_bytes, mut next_flush) = (0, 0, 0);
    while let Some(mut batch) = batches.next() {
        if let Some(e) = batch.failed.take() {
            return Err(e.into());
        }
        if bytes >= next_flush {
            leave_reserve(out)?;
            if bytes > 0 {
                out.sync_data()?;
            }
            next_flush = bytes + FLUSH_INTERVAL_BYTES;
        }
        out.write_all(&batch.packed)?;
        sha256.update(&batch.packed);
        bytes += batch.packed.len() as u64;
        for (header, origin) in &batch.members {
            seals.update(&header.seal);
            content.update(&header.plain);
            plain_bytes += header.plain_bytes as u64;
            fresh.push(*origin == Origin::Fresh);
        }
        batch.clear();
        batches.give_back(batch);
    }
    let total = fresh.len() as u64;
    let compressed = fresh.iter().filter(|fresh| **fresh).count() as u64;
    let written = Written {
        bytes,
        sha256: hex(sha256.finish().as_ref()),
        plain_sha256: None,
        content_blake3: Some(content.finalize().to_string()),
        plain_bytes,
        chunks: Chunks {
            total,
            reused: total - compressed,
        },
    };
    let receipt = Receipt {
        seals: seals.finalize().into(),
        fresh,
        plain_bytes,
    };
    Ok((written, receipt))
}

/// Refuses to go on when the disk is so full that the app beside us could fail to write.
fn leave_reserve(file: &File) -> Result<(), SnapshotError> {
    let free = scratch::free_bytes_beside(file)?;
    if free < scratch::RESERVE_BYTES {
        return Err(SnapshotError::NearlyFull { free });
    }
    Ok(())
}
