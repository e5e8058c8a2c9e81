//! A file back into pages, or back into the certainty that it would be: one thread reads, a thread a core
//! checks and decompresses, and the caller's thread takes what comes, in order.

use std::fs::File;
use std::io::{self, Read, Write};

use flate2::bufread::GzDecoder;
use ring::digest::{Context, SHA256};

use super::super::hex::hex;
use super::super::low_priority;
use super::super::member::{CHUNK_BYTES, Flaw, HEADER_BYTES, Header, Unpacker};
use super::super::watch::{Stage, Watch};
use super::compress::Receipt;
use super::lanes::{self, BATCH_BYTES, Give};
use super::split::Split;
use super::{Chunks, Fault, Limit, UnpackError, Written};

/// Unpacks a file of one or more gzip members into `out`, and hashes both sides; what a member says of itself
/// is checked as well. Everything up to the file's end must be gzip.
///
/// # Errors
/// [`Fault`] where the file is at fault; otherwise I/O, or `watch` says stop.
pub fn unpack(
    file: &File,
    out: &mut dyn Write,
    limit: Limit,
    stage: Stage,
    watch: &mut Watch<'_>,
) -> Result<Written, UnpackError> {
    let mut taken = Taken::new(out, limit);
    let (bytes, sha256) = walk(file, Depth::Everything, &mut taken, stage, watch)?;
    Ok(Written {
        bytes,
        sha256: sha256.unwrap_or_default(),
        plain_sha256: taken
            .plain_sha256
            .map(|sha256| hex(sha256.finish().as_ref())),
        content_blake3: (!taken.has_others).then(|| taken.content.finalize().to_string()),
        plain_bytes: taken.plain_bytes,
        chunks: Chunks {
            total: taken.members,
            reused: 0,
        },
    })
}

/// Proves that a file is byte for byte what was written, and that every member which was compressed for it
/// decompresses to what it was made of. Of a copied one, its bytes are proven.
///
/// # Errors
/// [`Fault`] where something else comes out; otherwise I/O, or `watch` says stop.
pub(crate) fn prove(
    file: &File,
    receipt: &Receipt,
    watch: &mut Watch<'_>,
) -> Result<bool, UnpackError> {
    let mut nowhere = io::sink();
    let mut taken = Taken::new(&mut nowhere, Limit::Manifest(receipt.plain_bytes));
    let depth = Depth::Fresh(&receipt.fresh);
    walk(file, depth, &mut taken, Stage::ReadingBack, watch)?;
    let same = taken.plain_bytes == receipt.plain_bytes
        && !taken.has_others
        && taken.seals.finalize() == receipt.seals;
    Ok(same)
}

/// What is decompressed. Every member's bytes are checked in any case.
#[derive(Clone, Copy)]
enum Depth<'a> {
    /// All members, and the file's checksum is taken.
    Everything,
    /// Those that are marked, by their place in the file.
    Fresh(&'a [bool]),
}

impl Depth<'_> {
    fn includes(self, chunk: u64) -> bool {
        match self {
            Depth::Everything => true,
            Depth::Fresh(fresh) => usize::try_from(chunk)
                .ok()
                .and_then(|nth| fresh.get(nth))
                .is_none_or(|fresh| *fresh),
        }
    }
}

/// A few members on their way, or a piece that other gzip decompressed to, or the end.
#[derive(Default)]
struct Batch {
    packed: Vec<u8>,
    members: Vec<Member>,
    plain: Vec<u8>,
    is_other: bool,
    flaw: Option<(Member, Flaw)>,
    failed: Option<UnpackError>,
}

#[derive(Clone, Copy)]
struct Member {
    at: u64,
    /// Counted from 0.
    chunk: u64,
    header: Header,
}

impl Batch {
    fn clear(&mut self) {
        self.packed.clear();
        self.members.clear();
        self.plain.clear();
        self.is_other = false;
    }

    fn open(&mut self, unpacker: &mut Unpacker, depth: Depth<'_>) {
        let mut rest = &self.packed[..];
        for (nth, member) in self.members.iter().enumerate() {
            let (bytes, later) = rest.split_at(member.header.member_bytes);
            rest = later;
            let checked = if depth.includes(member.chunk) {
                unpacker.unpack(bytes, &member.header, &mut self.plain)
            } else if member.header.seals(bytes) {
                Ok(())
            } else {
                Err(Flaw::Seal)
            };
            if let Err(flaw) = checked {
                self.flaw = Some((*member, flaw));
                self.members.truncate(nth);
                return;
            }
        }
    }
}

fn walk(
    file: &File,
    depth: Depth<'_>,
    taken: &mut Taken<'_>,
    stage: Stage,
    watch: &mut Watch<'_>,
) -> Result<(u64, Option<String>), UnpackError> {
    let total = taken.limit.total();
    watch.begin(stage, total)?;
    std::thread::scope(|scope| {
        let (give, mut batches) = lanes::start(
            scope,
            Unpacker::default,
            move |unpacker, batch: &mut Batch| batch.open(unpacker, depth),
        );
        let reader = low_priority::spawn(scope, move || {
            low_priority::enter_idle();
            Reader::new(file, depth, give).read()
        });
        while let Some(mut batch) = batches.next() {
            taken.take(&mut batch)?;
            watch.tick(stage, taken.plain_bytes, total)?;
            batch.clear();
            batches.give_back(batch);
        }
        match reader.join() {
            Ok(read) => Ok(read),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The side that reads the file.
struct Reader<'f> {
    split: Split<'f>,
    give: Give<Batch>,
    batch: Batch,
    chunks: u64,
}

/// Why reading ends before the file does.
enum Ended {
    /// The other side is gone, and knows why.
    Alone,
    Failed(UnpackError),
}

impl<E: Into<UnpackError>> From<E> for Ended {
    fn from(e: E) -> Ended {
        Ended::Failed(e.into())
    }
}

impl<'f> Reader<'f> {
    fn new(file: &'f File, depth: Depth<'_>, give: Give<Batch>) -> Reader<'f> {
        Reader {
            split: Split::new(file, matches!(depth, Depth::Everything)),
            give,
            batch: Batch::default(),
            chunks: 0,
        }
    }

    /// Hands out the whole file, and what is wrong with it in its place.
    fn read(mut self) -> (u64, Option<String>) {
        let ended = self.read_members().and_then(|()| self.hand_over());
        if let Err(Ended::Failed(e)) = ended {
            // What was read before the fault goes first; the other side may be gone already.
            let _ = self.hand_over();
            self.batch.failed = Some(e);
            let _ = self.hand_over();
        }
        self.split.finish()
    }

    fn read_members(&mut self) -> Result<(), Ended> {
        let mut any = false;
        loop {
            low_priority::check_starvation();
            let at = self.split.at();
            let start = self.split.peek(HEADER_BYTES)?;
            match (Header::parse(start), start) {
                (_, []) if any => return Ok(()),
                (_, []) => return Err(Fault::Empty.into()),
                (Some(header), _) => self.read_member(at, header)?,
                (None, [0x1f, 0x8b, ..] | [0x1f]) => self.read_other()?,
                (None, [0, ..]) if any => return self.read_padding(at),
                (None, _) if any => return Err(Fault::TrailingGarbage { at }.into()),
                (None, _) => return Err(Fault::NotGzip.into()),
            }
            any = true;
        }
    }

    /// Zeros up to the file's end are padding, as tapes and whole blocks leave it, and gzip ignores them too
    /// (its manual, "Tapes").
    fn read_padding(&mut self, at: u64) -> Result<(), Ended> {
        loop {
            let rest = io::BufRead::fill_buf(&mut self.split)?;
            if rest.iter().any(|byte| *byte != 0) {
                return Err(Fault::TrailingGarbage { at }.into());
            }
            let length = rest.len();
            if length == 0 {
                return Ok(());
            }
            io::BufRead::consume(&mut self.split, length);
        }
    }

    fn read_member(&mut self, at: u64, header: Header) -> Result<(), Ended> {
        let member = self.split.peek(header.member_bytes)?;
        if member.len() < header.member_bytes {
            let at = at + member.len() as u64;
            return Err(Fault::CutShort { at }.into());
        }
        self.batch.packed.extend_from_slice(member);
        io::BufRead::consume(&mut self.split, header.member_bytes);
        let chunk = self.chunks;
        self.batch.members.push(Member { at, chunk, header });
        self.chunks += 1;
        if self.batch.members.len() * CHUNK_BYTES >= BATCH_BYTES {
            self.hand_over()?;
        }
        Ok(())
    }

    /// A member that some other program made, or an earlier Tealkeep: it can only be read in one go.
    fn read_other(&mut self) -> Result<(), Ended> {
        self.hand_over()?;
        let mut decoder = GzDecoder::new(&mut self.split);
        loop {
            low_priority::check_starvation();
            self.batch.is_other = true;
            self.batch.plain.resize(CHUNK_BYTES, 0);
            let n = match decoder.read(&mut self.batch.plain) {
                Ok(n) => n,
                Err(e) => {
                    self.batch.clear();
                    return Err(blame(e, self.split.at()).into());
                }
            };
            self.batch.plain.truncate(n);
            let batch = std::mem::replace(&mut self.batch, self.give.spare());
            self.give.send(batch).map_err(|_| Ended::Alone)?;
            if n == 0 {
                return Ok(());
            }
        }
    }

    fn hand_over(&mut self) -> Result<(), Ended> {
        let is_empty = self.batch.members.is_empty() && self.batch.failed.is_none();
        if is_empty {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.batch, self.give.spare());
        self.give.send(batch).map_err(|_| Ended::Alone)
    }
}

/// Tells the decoder's complaint about the file from the disk's own error.
fn blame(e: io::Error, at: u64) -> UnpackError {
    match e.kind() {
        _ if e.raw_os_error().is_some() => UnpackError::Io(e),
        io::ErrorKind::UnexpectedEof => Fault::CutShort { at }.into(),
        _ => Fault::Corrupt {
            at,
            said: e.to_string(),
        }
        .into(),
    }
}

/// The side that takes what comes out.
struct Taken<'o> {
    out: &'o mut dyn Write,
    limit: Limit,
    plain_bytes: u64,
    members: u64,
    seals: blake3::Hasher,
    content: blake3::Hasher,
    has_others: bool,
    /// Of a file that does not begin with a chunk: an earlier Tealkeep noted this of its snapshots.
    plain_sha256: Option<Context>,
    page_bytes: Option<u64>,
}

impl<'o> Taken<'o> {
    fn new(out: &'o mut dyn Write, limit: Limit) -> Taken<'o> {
        Taken {
            out,
            limit,
            plain_bytes: 0,
            members: 0,
            seals: blake3::Hasher::new(),
            content: blake3::Hasher::new(),
            has_others: false,
            plain_sha256: None,
            page_bytes: None,
        }
    }

    fn take(&mut self, batch: &mut Batch) -> Result<(), UnpackError> {
        if self.plain_bytes == 0 {
            self.page_bytes = page_bytes(&batch.plain);
            if batch.is_other && self.members == 0 && self.plain_sha256.is_none() {
                self.plain_sha256 = Some(Context::new(&SHA256));
            }
        }
        let before = self.plain_bytes;
        if batch.is_other {
            self.has_others = true;
            self.plain_bytes += batch.plain.len() as u64;
        }
        for Member { header, .. } in &batch.members {
            self.members += 1;
            self.seals.update(&header.seal);
            self.content.update(&header.plain);
            self.plain_bytes += header.plain_bytes as u64;
        }
        if self.plain_bytes > self.limit.bytes() {
            self.plain_bytes = before;
            return Err(Fault::TooLarge {
                limit: self.limit.bytes(),
                because: self.limit.because(),
            }
            .into());
        }
        if let Some(sha256) = &mut self.plain_sha256 {
            sha256.update(&batch.plain);
        }
        self.out.write_all(&batch.plain)?;
        if let Some((member, flaw)) = batch.flaw {
            return Err(self.place(member, flaw).into());
        }
        batch.failed.take().map_or(Ok(()), Err)
    }

    fn place(&self, member: Member, flaw: Flaw) -> Fault {
        let pages = self.page_bytes.map(|page_bytes| {
            let first = self.plain_bytes / page_bytes + 1;
            let pages = (member.header.plain_bytes as u64).div_ceil(page_bytes);
            (first, first + pages.max(1) - 1)
        });
        Fault::Chunk {
            at: member.at,
            chunk: member.chunk + 1,
            pages,
            flaw,
        }
    }
}

/// The page size that a database's first bytes name (sqlite.org/fileformat2.html, "Page Size").
fn page_bytes(start: &[u8]) -> Option<u64> {
    let size = start
        .strip_prefix(b"SQLite format 3\0")?
        .first_chunk::<2>()?;
    match u64::from(u16::from_be_bytes(*size)) {
        1 => Some(65536),
        size if size.is_power_of_two() && size >= 512 => Some(size),
        _ => None,
    }
}
