//! Pages into a file, and a file back into pages: the only two functions that know how a snapshot is
//! compressed. What comes out is ordinary gzip (RFC 1952), and memory stays flat whatever the size.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::snapshot::SnapshotError;
use super::watch::{Stage, Stopped, Watch};
use super::{hex, scratch};

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
    /// SHA-256 of the plain bytes, in hex.
    pub plain_sha256: String,
    /// Plain bytes.
    pub plain_bytes: u64,
}

/// How hard to compress: gzip's own middle way.
pub const DEFAULT_LEVEL: u32 = 6;

/// How many plain bytes are written between two looks at the free space.
const LOOK_AT_ROOM_EVERY: u64 = 16 << 20;

/// Compresses every page into `out`, from its present position on.
///
/// # Errors
/// The source can't be read, `out` can't be written, the disk is nearly full, or `watch` says stop.
pub fn compress(
    pages: &mut dyn PageSource,
    out: &mut File,
    level: u32,
    watch: &mut Watch<'_>,
) -> Result<Written, SnapshotError> {
    let total = pages.plain_bytes();
    watch.begin(Stage::Compressing, total)?;
    let disk = out.try_clone()?;
    let hashed = Tee::new(BufWriter::with_capacity(1 << 18, out));
    let mut gzip = GzEncoder::new(hashed, Compression::new(level.clamp(1, 9)));
    let (mut plain, mut plain_bytes, mut next_look) = (Sha256::new(), 0, 0);
    while let Some(page) = pages.next_page()? {
        plain.update(page);
        gzip.write_all(page)?;
        plain_bytes += page.len() as u64;
        if plain_bytes >= next_look {
            leave_reserve(&disk)?;
            next_look = plain_bytes + LOOK_AT_ROOM_EVERY;
        }
        watch.tick(Stage::Compressing, plain_bytes, total)?;
    }
    let hashed = gzip.finish()?;
    let (sha256, bytes) = (hex(&hashed.hash.finalize()), hashed.bytes);
    hashed
        .inner
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    Ok(Written {
        bytes,
        sha256,
        plain_sha256: hex(&plain.finalize()),
        plain_bytes,
    })
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

/// Unpacks a file of one or more gzip members into `out`, and hashes both sides. Everything up to the
/// file's end must be gzip.
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
    let total = limit.total();
    watch.begin(stage, total)?;
    let mut input = BufReader::with_capacity(1 << 18, Tee::new(file));
    let mut buffer = vec![0; 1 << 16];
    let (mut plain, mut plain_bytes) = (Sha256::new(), 0);
    let mut members = 0_u64;
    while !input.fill_buf()?.is_empty() {
        let starts_at = position(&input);
        // A member's first two bytes could straddle the buffer's end; the decoder judges that rare case.
        let begins_as_gzip = matches!(input.fill_buf()?, [0x1f, 0x8b, ..] | [0x1f]);
        if !begins_as_gzip {
            return Err(match members {
                0 => Fault::NotGzip,
                _ => Fault::TrailingGarbage { at: starts_at },
            }
            .into());
        }
        let mut member = GzDecoder::new(&mut input);
        loop {
            let n = match member.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) => return Err(blame(e, position(member.get_ref()))),
            };
            plain_bytes += n as u64;
            if plain_bytes > limit.bytes() {
                return Err(Fault::TooLarge {
                    limit: limit.bytes(),
                    because: limit.because(),
                }
                .into());
            }
            plain.update(&buffer[..n]);
            out.write_all(&buffer[..n])?;
            watch.tick(stage, plain_bytes, total)?;
        }
        members += 1;
    }
    if members == 0 {
        return Err(Fault::Empty.into());
    }
    let tee = input.into_inner();
    Ok(Written {
        bytes: tee.bytes,
        sha256: hex(&tee.hash.finalize()),
        plain_sha256: hex(&plain.finalize()),
        plain_bytes,
    })
}

/// Refuses to go on when the disk is so full that the app beside us could fail to write.
fn leave_reserve(file: &File) -> Result<(), SnapshotError> {
    let free = scratch::free_bytes_beside(file)?;
    if free < scratch::RESERVE_BYTES {
        return Err(SnapshotError::NearlyFull { free });
    }
    Ok(())
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

/// How many bytes of the file have been decoded.
fn position(input: &BufReader<Tee<&File>>) -> u64 {
    input.get_ref().bytes - input.buffer().len() as u64
}

/// Hashes and counts what goes through.
struct Tee<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Tee<T> {
    fn new(inner: T) -> Tee<T> {
        Tee {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }
}

impl<W: Write> Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hash.update(&bytes[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}
