//! One chunk of a database as one gzip member (RFC 1952) that says in its header what it holds, so that it
//! can be checked, and copied into the next snapshot, without being decompressed. Pure: bytes in, bytes out.
//!
//! The layout, byte by byte, stands in ARCHITECTURE.md ("A chunk, byte by byte").

use std::ops::RangeInclusive;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use libdeflater::{CompressionLvl, Compressor};

/// The plain bytes of a chunk; only a database's last chunk may hold fewer. Every page size of SQLite
/// (512 to 65536, a power of two) divides it.
pub const CHUNK_BYTES: usize = 64 << 10;

/// A member's bytes before its compressed data.
pub const HEADER_BYTES: usize = 90;

/// The fewest bytes that a member can have: header, the two bytes of an empty deflate stream, trailer.
pub const MIN_MEMBER_BYTES: usize = HEADER_BYTES + 2 + TRAILER_BYTES;

/// The most bytes that a member may have. Bytes that don't compress are stored as they are, with five bytes for
/// each block of theirs (RFC 1951, section 3.2.4), so twice the chunk is never reached.
pub const MAX_MEMBER_BYTES: usize = 2 * CHUNK_BYTES;

/// CRC-32 and size of the plain bytes (RFC 1952, section 2.3.1).
const TRAILER_BYTES: usize = 8;

/// Magic, deflate, FEXTRA alone; no time; no word on the compressor; "unknown" system; then XLEN, and the
/// subfield's identifier, its length and its version, and a byte that is kept at 0.
const START: [u8; 18] = [
    0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 78, 0, b'T', b'K', 74, 0, 1, 0,
];

const MEMBER_BYTES_AT: usize = START.len();
const PLAIN_BYTES_AT: usize = MEMBER_BYTES_AT + 4;
const PLAIN_HASH_AT: usize = PLAIN_BYTES_AT + 4;
const SEAL_AT: usize = PLAIN_HASH_AT + 32;

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// What a member says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the whole member, header and trailer included.
    pub member_bytes: usize,
    /// Bytes that it decompresses to.
    pub plain_bytes: usize,
    /// BLAKE3 of the plain bytes.
    pub plain: Hash,
    /// BLAKE3 of every other byte of the member: of those after this hash, then of those before it.
    pub seal: Hash,
}

impl Header {
    /// Reads the header that stands at the start of `bytes`. `None` for a member that is not of this kind or
    /// of another version, and for one whose sizes can't be: it may still be ordinary gzip.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        if !bytes.starts_with(&START) {
            return None;
        }
        let header = Header {
            member_bytes: number(bytes, MEMBER_BYTES_AT),
            plain_bytes: number(bytes, PLAIN_BYTES_AT),
            plain: hash_at(bytes, PLAIN_HASH_AT),
            seal: hash_at(bytes, SEAL_AT),
        };
        let possible = (MIN_MEMBER_BYTES..=MAX_MEMBER_BYTES).contains(&header.member_bytes)
            && header.plain_bytes <= CHUNK_BYTES;
        possible.then_some(header)
    }

    /// Whether these bytes are the whole member that this header was written for, each of them.
    #[must_use]
    pub fn seals(&self, member: &[u8]) -> bool {
        member.len() == self.member_bytes && seal_of(member) == self.seal
    }
}

fn number(bytes: &[u8; HEADER_BYTES], at: usize) -> usize {
    bytes[at..at + 4]
        .iter()
        .rev()
        .fold(0, |number, &byte| number << 8 | usize::from(byte))
}

fn hash_at(bytes: &[u8; HEADER_BYTES], at: usize) -> Hash {
    std::array::from_fn(|nth| bytes[at + nth])
}

fn seal_of(member: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    // The long part first: BLAKE3 is fastest on what begins at a multiple of its own blocks.
    hasher.update(&member[HEADER_BYTES..]);
    hasher.update(&member[..SEAL_AT]);
    hasher.finalize().into()
}

/// How hard to compress, from 1 (quick) to 12 (small); from 10 on libdeflate looks for the smallest parse, which
/// takes five to ten times as long as the usual level, and 9 MB of memory a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    number: u32,
    deflate: CompressionLvl,
}

impl Level {
    /// The numbers of all levels.
    pub const NUMBERS: RangeInclusive<u32> = 1..=12;

    /// What is usual: the quickest level whose files are within a twentieth of those of `gzip`, although each chunk
    /// is compressed by itself.
    pub const USUAL: u32 = 7;

    /// The level of this number, which is one of [`Level::NUMBERS`].
    #[must_use]
    pub const fn new(number: u32) -> Option<Level> {
        match CompressionLvl::new(number.cast_signed()) {
            // libdeflate's 0 does not compress.
            Ok(deflate) if number > 0 => Some(Level { number, deflate }),
            Ok(_) | Err(_) => None,
        }
    }

    /// Its number, one of [`Level::NUMBERS`].
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }
}

impl Default for Level {
    fn default() -> Level {
        const { Level::new(Level::USUAL).expect("the usual level is one of them") }
    }
}

/// Makes members, with libdeflate: a chunk lies in memory as a whole, which it makes more of than a compressor
/// that is fed piece by piece. [`Unpacker`] is of another make on purpose, so that what one of them got wrong is
/// found when a snapshot is read back.
pub struct Packer {
    deflate: Compressor,
}

impl Packer {
    /// Compresses at `level`.
    #[must_use]
    pub fn new(level: Level) -> Packer {
        Packer {
            deflate: Compressor::new(level.deflate),
        }
    }

    /// Appends the member that holds `plain`, at most a chunk, whose hash is `hash`, to `out`.
    ///
    /// # Errors
    /// The compressor met its bound, which is its own fault and not the data's.
    pub fn pack(&mut self, plain: &[u8], hash: Hash, out: &mut Vec<u8>) -> std::io::Result<Header> {
        debug_assert!(plain.len() <= CHUNK_BYTES);
        let start = out.len();
        let data_at = start + HEADER_BYTES;
        out.extend_from_slice(&START);
        out.resize(
            data_at + self.deflate.deflate_compress_bound(plain.len()),
            0,
        );
        let data_bytes = self
            .deflate
            .deflate_compress(plain, &mut out[data_at..])
            .map_err(std::io::Error::other)?;
        out.truncate(data_at + data_bytes);
        let mut crc = Crc::new();
        crc.update(plain);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&size(plain.len()));
        let member = &mut out[start..];
        let member_bytes = member.len();
        member[MEMBER_BYTES_AT..PLAIN_BYTES_AT].copy_from_slice(&size(member_bytes));
        member[PLAIN_BYTES_AT..PLAIN_HASH_AT].copy_from_slice(&size(plain.len()));
        member[PLAIN_HASH_AT..SEAL_AT].copy_from_slice(&hash);
        let seal = seal_of(member);
        member[SEAL_AT..HEADER_BYTES].copy_from_slice(&seal);
        Ok(Header {
            member_bytes,
            plain_bytes: plain.len(),
            plain: hash,
            seal,
        })
    }
}

/// A size as four bytes, the lowest first. A member's sizes are below [`MAX_MEMBER_BYTES`].
fn size(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}

/// Why a member is not what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Some byte of it is another one than was written.
    #[error("its bytes are not those that were written")]
    Seal,
    /// The compressed data make no sense, or end early or late.
    #[error("its compressed data do not decode")]
    Deflate,
    /// CRC-32 or size at its end are wrong, so `gunzip` would refuse it.
    #[error("the checksum at its end is wrong")]
    Trailer,
    /// It holds something else than it says.
    #[error("it decodes to other bytes than were packed")]
    Plain,
}

/// Opens members. Keeps its decompressor.
pub struct Unpacker {
    inflate: Decompress,
}

impl Default for Unpacker {
    fn default() -> Unpacker {
        Unpacker {
            inflate: Decompress::new(false),
        }
    }
}

impl Unpacker {
    /// Appends what `member` holds to `out`, with everything proven that the header says, and the gzip
    /// trailer as well. Never makes `out` longer than by the header's plain bytes.
    ///
    /// # Errors
    /// The first [`Flaw`]; `out` is then as it was.
    pub fn unpack(
        &mut self,
        member: &[u8],
        header: &Header,
        out: &mut Vec<u8>,
    ) -> Result<(), Flaw> {
        if !header.seals(member) {
            return Err(Flaw::Seal);
        }
        let start = out.len();
        let opened = self.open(member, header, out, start);
        if opened.is_err() {
            out.truncate(start);
        }
        opened
    }

    fn open(
        &mut self,
        member: &[u8],
        header: &Header,
        out: &mut Vec<u8>,
        start: usize,
    ) -> Result<(), Flaw> {
        let (data, trailer) = member[HEADER_BYTES..]
            .split_last_chunk::<TRAILER_BYTES>()
            .ok_or(Flaw::Deflate)?;
        self.inflate.reset(false);
        // One byte more than there may be, so that a stream which goes on does not look as if it ended.
        out.resize(start + header.plain_bytes + 1, 0);
        let ended = self
            .inflate
            .decompress(data, &mut out[start..], FlushDecompress::Finish)
            .map_err(|_| Flaw::Deflate)?;
        if ended != Status::StreamEnd || self.inflate.total_in() != data.len() as u64 {
            return Err(Flaw::Deflate);
        }
        if self.inflate.total_out() != header.plain_bytes as u64 {
            return Err(Flaw::Plain);
        }
        out.truncate(start + header.plain_bytes);
        let plain = &out[start..];
        let mut crc = Crc::new();
        crc.update(plain);
        if trailer[..4] != crc.sum().to_le_bytes() || trailer[4..] != size(plain.len()) {
            return Err(Flaw::Trailer);
        }
        if blake3::hash(plain) != header.plain {
            return Err(Flaw::Plain);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
