//! Proving that a file found somewhere is a whole database: every byte read, unpacked into a nameless file, checked in
//! full by SQLite, and its rows counted. The file itself is only read.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};

use tealkeep_base::durable::Unnamed;

use super::super::database::Facts;
use super::super::gzip::{self, Limit, UnpackError};
use super::super::hex::hex;
use super::super::scratch::{self, RESERVE_BYTES};
use super::super::verify;
use super::super::watch::{Stage, Stopped, Watch};

/// How a file holds its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// As gzip.
    Gzip,
    /// As it is.
    Plain,
}

/// A file, opened and read once.
#[derive(Debug)]
pub(super) struct Opened {
    /// The file, open for reading.
    pub file: File,
    /// How it holds its database.
    pub packing: Packing,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// What a file was proven to hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Proven {
    /// SHA-256 of the database, in hex.
    pub plain_sha256: String,
    /// The size of the database.
    pub plain_bytes: u64,
    /// What is true of it.
    pub facts: Facts,
}

/// Why it was not proven.
#[derive(Debug)]
pub(super) enum Unproven {
    /// It is at fault, in words.
    Refused(String),
    /// The work was stopped.
    Stopped(Stopped),
    /// The place to unpack it in can't be used.
    Scratch(io::Error),
}

impl From<Stopped> for Unproven {
    fn from(stopped: Stopped) -> Unproven {
        Unproven::Stopped(stopped)
    }
}

fn unread(e: &io::Error) -> Unproven {
    Unproven::Refused(format!("it can't be read: {e}"))
}

/// Reads a file once, from its first byte to its last.
pub(super) fn read(path: &Path, watch: &mut Watch<'_>) -> Result<Opened, Unproven> {
    if let Some(beside) = unfinished(path) {
        return Err(Unproven::Refused(format!(
            "{} lies beside it with content of its own, so this is a database in use and no backup of one",
            beside.display()
        )));
    }
    // A link that has taken the file's place since is not followed, and a pipe not waited for.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = rustix::fs::open(path, flags, Mode::empty())
        .map(File::from)
        .map_err(|e| unread(&e.into()))?;
    let (mut hash, mut bytes, mut head) = (Sha256::new(), 0, Vec::new());
    let mut buffer = vec![0; 1 << 17];
    let total = file.metadata().map_err(|e| unread(&e))?.len();
    watch.begin(Stage::Unpacking, total)?;
    loop {
        let n = file.read(&mut buffer).map_err(|e| unread(&e))?;
        if n == 0 {
            break;
        }
        if head.len() < SQLITE.len() {
            head.extend_from_slice(&buffer[..n.min(SQLITE.len())]);
        }
        hash.update(&buffer[..n]);
        bytes += n as u64;
        watch.check()?;
    }
    let packing = if head.starts_with(&[0x1f, 0x8b]) {
        Packing::Gzip
    } else if head.starts_with(SQLITE) {
        Packing::Plain
    } else {
        return Err(Unproven::Refused(match bytes {
            0 => "it is empty".to_owned(),
            _ => "it is neither gzip nor a SQLite database; encrypted, perhaps".to_owned(),
        }));
    };
    Ok(Opened {
        file,
        packing,
        bytes,
        sha256: hex(&hash.finalize()),
    })
}

/// How every database begins (sqlite.org/fileformat2.html, "The Database Header").
const SQLITE: &[u8] = b"SQLite format 3\0";

/// The file beside a database that holds what is not in the database yet.
fn unfinished(path: &Path) -> Option<PathBuf> {
    ["-wal", "-journal"].into_iter().find_map(|ending| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        let beside = PathBuf::from(beside);
        let has_content = fs::symlink_metadata(&beside).is_ok_and(|meta| meta.len() > 0);
        has_content.then(|| PathBuf::from(beside.file_name().unwrap_or_default()))
    })
}

/// Unpacks what was read into `scratch`, and has SQLite check all of it.
pub(super) fn prove(
    read: &mut Opened,
    scratch: &Path,
    watch: &mut Watch<'_>,
) -> Result<Proven, Unproven> {
    let mut unnamed = Unnamed::create_in(scratch, 0o600).map_err(Unproven::Scratch)?;
    let free = scratch::free_bytes(scratch).map_err(Unproven::Scratch)?;
    let room = free.saturating_sub(RESERVE_BYTES);
    let mut out = Hashing::new(BufWriter::with_capacity(1 << 18, unnamed.file()));
    unpack(read, &mut out, room, Stage::Unpacking, watch)?;
    let (plain_sha256, plain_bytes) = out.finish().map_err(Unproven::Scratch)?;
    if plain_bytes == 0 {
        return Err(Unproven::Refused("there is nothing in it".to_owned()));
    }
    watch.begin(Stage::Checking, plain_bytes)?;
    let facts = check(&mut unnamed, scratch, watch)?;
    Ok(Proven {
        plain_sha256,
        plain_bytes,
        facts,
    })
}

/// Writes the database that a file holds into `out`, at most `most` bytes.
pub(super) fn unpack(
    read: &mut Opened,
    out: &mut dyn Write,
    most: u64,
    stage: Stage,
    watch: &mut Watch<'_>,
) -> Result<(), Unproven> {
    read.file.seek(SeekFrom::Start(0)).map_err(|e| unread(&e))?;
    match read.packing {
        Packing::Gzip => match gzip::unpack(&read.file, out, Limit::Disk(most), stage, watch) {
            Ok(_) => Ok(()),
            Err(UnpackError::Fault(fault)) => Err(Unproven::Refused(fault.to_string())),
            Err(UnpackError::Io(e)) => Err(Unproven::Scratch(e)),
            Err(UnpackError::Stopped(stopped)) => Err(stopped.into()),
        },
        Packing::Plain if read.bytes > most => Err(Unproven::Refused(format!(
            "there is no room to look at it: it has {} bytes, and {most} are free",
            read.bytes
        ))),
        Packing::Plain => {
            watch.begin(stage, read.bytes)?;
            let mut buffer = vec![0; 1 << 17];
            let mut done = 0;
            loop {
                let n = read.file.read(&mut buffer).map_err(|e| unread(&e))?;
                if n == 0 {
                    return Ok(());
                }
                out.write_all(&buffer[..n]).map_err(Unproven::Scratch)?;
                done += n as u64;
                watch.tick(stage, done, read.bytes)?;
            }
        }
    }
}

/// The full check, whatever the size: nobody looked at these before.
fn check(unnamed: &mut Unnamed, scratch: &Path, watch: &mut Watch<'_>) -> Result<Facts, Unproven> {
    match verify::check_content(unnamed, scratch, &mut verify::Name::Brief, watch) {
        Ok((facts, _)) => Ok(facts),
        Err(verify::Unproven::Damaged(damage)) => Err(Unproven::Refused(damage.to_string())),
        Err(verify::Unproven::NoRoom(e)) => Err(Unproven::Refused(e.to_string())),
        Err(verify::Unproven::Stopped(stopped)) => Err(Unproven::Stopped(stopped)),
        Err(verify::Unproven::Io(e)) => Err(Unproven::Scratch(e)),
    }
}

/// Hashes and counts what is written through it.
pub(super) struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(inner: W) -> Hashing<W> {
        Hashing {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Flushes; the SHA-256 in hex, and the bytes.
    pub(super) fn finish(mut self) -> io::Result<(String, u64)> {
        self.inner.flush()?;
        Ok((hex(&self.hash.finalize()), self.bytes))
    }
}

impl<W: Write> Write for Hashing<W> {
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
