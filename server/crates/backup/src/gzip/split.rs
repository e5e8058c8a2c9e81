//! A snapshot's file, read once from front to back and seen member by member, with its checksum taken on the
//! way. Memory is bounded by the longest member that may be.

use std::fs::File;
use std::io::{self, BufRead, Read};

use ring::digest::{Context, SHA256};

use super::super::hex::hex;
use super::super::member::MAX_MEMBER_BYTES;

/// Bytes held at once: room for a member, and for reading on in large pieces.
const BUFFER_BYTES: usize = 2 * MAX_MEMBER_BYTES;

/// The file, from its present position on.
pub struct Split<'f> {
    file: &'f File,
    buffer: Vec<u8>,
    /// What of the buffer is still to be seen.
    unseen: std::ops::Range<usize>,
    at: u64,
    sha256: Option<Context>,
}

impl<'f> Split<'f> {
    /// Reads `file`, and takes its checksum where that is wanted.
    #[must_use]
    pub fn new(file: &'f File, with_checksum: bool) -> Split<'f> {
        Split {
            file,
            buffer: vec![0; BUFFER_BYTES],
            unseen: 0..0,
            at: 0,
            sha256: with_checksum.then(|| Context::new(&SHA256)),
        }
    }

    /// How many bytes were seen.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next `wanted` bytes, at most [`MAX_MEMBER_BYTES`]; fewer only at the file's end.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let wanted = wanted.min(MAX_MEMBER_BYTES);
        if self.unseen.len() < wanted && self.buffer.len() - self.unseen.start < wanted {
            self.buffer.copy_within(self.unseen.clone(), 0);
            self.unseen = 0..self.unseen.len();
        }
        while self.unseen.len() < wanted {
            let n = match self.file.read(&mut self.buffer[self.unseen.end..]) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if let Some(sha256) = &mut self.sha256 {
                sha256.update(&self.buffer[self.unseen.end..self.unseen.end + n]);
            }
            self.unseen.end += n;
        }
        let seen = self.unseen.len().min(wanted);
        Ok(&self.buffer[self.unseen.start..][..seen])
    }

    /// The bytes in all, once the end was reached, and their SHA-256 in hex where it was wanted.
    #[must_use]
    pub fn finish(self) -> (u64, Option<String>) {
        let sha256 = self.sha256.map(|sha256| hex(sha256.finish().as_ref()));
        (self.at, sha256)
    }
}

impl BufRead for Split<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.unseen.is_empty() {
            self.unseen = 0..0;
            self.peek(1)?;
        }
        Ok(&self.buffer[self.unseen.clone()])
    }

    fn consume(&mut self, seen: usize) {
        let seen = seen.min(self.unseen.len());
        self.unseen.start += seen;
        self.at += seen as u64;
    }
}

impl Read for Split<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}
