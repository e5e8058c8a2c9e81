//! Putting one proven file into a backups folder, as every snapshot gets there: under no name until it was read back,
//! then linked, its manifest last.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::Advice;
use sha2::{Digest, Sha256};

use tealkeep_base::durable::{self, Unnamed};
use tealkeep_words::names::AppName;

use super::super::database::Facts;
use super::super::gzip::{self, Limit, UnpackError};
use super::super::hex::hex;
use super::super::manifest::{self, FILE_MODE, Manifest, Reason};
use super::super::member::Level;
use super::super::scratch::{self, RESERVE_BYTES};
use super::super::watch::{Stage, Stopped, Watch};
use super::dates::Night;
use super::proof::{self, Hashing, Opened, Packing, Proven};
use tealkeep_words::snapshot::SnapshotId;

/// The manifest's field that says where a snapshot was taken over from.
pub(super) const ADOPTED: &str = "adopted";

/// What is to be published.
pub(super) struct Source<'a> {
    /// The file's name below its folder.
    pub name: &'a str,
    /// The file.
    pub opened: Opened,
    /// What it holds.
    pub proven: &'a Proven,
    /// Which night it is of.
    pub night: &'a Night,
    /// Whose database.
    pub app: Option<&'a AppName>,
    /// gzip's level, for one that is not compressed.
    pub level: Level,
}

/// Why nothing was published.
#[derive(Debug)]
pub(super) enum Unpublished {
    /// The file is not what it was a moment ago, in words.
    Changed(String),
    /// The work was stopped.
    Stopped(Stopped),
    /// The backups folder can't be written.
    Folder(io::Error),
}

impl From<io::Error> for Unpublished {
    fn from(e: io::Error) -> Unpublished {
        Unpublished::Folder(e)
    }
}

impl From<Stopped> for Unpublished {
    fn from(stopped: Stopped) -> Unpublished {
        Unpublished::Stopped(stopped)
    }
}

/// Copies a file into `snapshots`, or compresses it, and answers with its manifest, which is on the disk by then.
pub(super) fn publish(
    snapshots: &Path,
    mut source: Source<'_>,
    watch: &mut Watch<'_>,
) -> Result<Manifest, Unpublished> {
    let started = Instant::now();
    let mut out = Unnamed::create_in(snapshots, FILE_MODE)?;
    let original = source.opened.sha256.clone();
    let (sha256, bytes) = fill(&mut out, &mut source, watch)?;
    read_back(&mut out, &sha256, source.proven, watch)?;
    watch.check()?;
    let (id, is_there) = place(snapshots, source.night, &sha256, bytes)?;
    let manifest = describe(&source, id, sha256, bytes, &original, started);
    let prepared = manifest::prepare(snapshots, &manifest)?;
    if !is_there {
        out.publish(&snapshots.join(id.file_name()))?;
    }
    // Without it the file is not listed; the next start, or the next adoption, finds the file and names it.
    prepared.publish()?;
    Ok(manifest)
}

/// The compressed bytes into `out`: the file's own where it is gzip already, so that their checksum stays theirs.
fn fill(
    out: &mut Unnamed,
    source: &mut Source<'_>,
    watch: &mut Watch<'_>,
) -> Result<(String, u64), Unpublished> {
    let disk = out.file().try_clone()?;
    let mut hashed = Hashing::new(BufWriter::with_capacity(1 << 18, out.file()));
    match source.opened.packing {
        Packing::Gzip => {
            let total = source.opened.bytes;
            copy(&mut source.opened.file, &mut hashed, &disk, total, watch)?;
            let (sha256, bytes) = hashed.finish()?;
            if sha256 == source.opened.sha256 {
                Ok((sha256, bytes))
            } else {
                Err(Unpublished::Changed(
                    "it was changed while it was taken over".to_owned(),
                ))
            }
        }
        Packing::Plain => {
            let level = Compression::new(source.level.number().min(9));
            let mut gzip = GzEncoder::new(&mut hashed, level);
            let mut plain = Hashing::new(Checked {
                inner: &mut gzip,
                disk: &disk,
                until_look: 0,
            });
            match proof::unpack(
                &mut source.opened,
                &mut plain,
                u64::MAX,
                Stage::Compressing,
                watch,
            ) {
                Ok(()) => {}
                Err(proof::Unproven::Refused(why)) => return Err(Unpublished::Changed(why)),
                Err(proof::Unproven::Stopped(stopped)) => return Err(stopped.into()),
                Err(proof::Unproven::Scratch(e)) => return Err(e.into()),
            }
            let (plain_sha256, _) = plain.finish()?;
            gzip.finish()?;
            if plain_sha256 == source.proven.plain_sha256 {
                Ok(hashed.finish()?)
            } else {
                Err(Unpublished::Changed(
                    "it was changed while it was taken over".to_owned(),
                ))
            }
        }
    }
}

fn copy(
    file: &mut File,
    out: &mut impl Write,
    disk: &File,
    total: u64,
    watch: &mut Watch<'_>,
) -> Result<(), Unpublished> {
    let unread = |e: io::Error| Unpublished::Changed(format!("it can't be read any more: {e}"));
    let mut out = Checked {
        inner: out,
        disk,
        until_look: 0,
    };
    file.seek(SeekFrom::Start(0)).map_err(unread)?;
    watch.begin(Stage::Copying, total)?;
    let mut buffer = vec![0; 1 << 17];
    let mut done = 0;
    loop {
        let n = file.read(&mut buffer).map_err(unread)?;
        if n == 0 {
            return Ok(());
        }
        out.write_all(&buffer[..n])?;
        done += n as u64;
        watch.tick(Stage::Copying, done, total)?;
    }
}

/// Stops writing before the disk is so full that the app beside us could fail to.
struct Checked<'a, W> {
    inner: W,
    disk: &'a File,
    /// Bytes until the next look at the free space.
    until_look: usize,
}

/// How many bytes are written between two looks.
const SPACE_CHECK_INTERVAL_BYTES: usize = 16 << 20;

impl<W: Write> Write for Checked<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.until_look == 0 && scratch::free_bytes_beside(self.disk)? < RESERVE_BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let n = self.inner.write(bytes)?;
        self.until_look = match self.until_look {
            0 => SPACE_CHECK_INTERVAL_BYTES,
            left => left.saturating_sub(n),
        };
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn read_back(
    out: &mut Unnamed,
    sha256: &str,
    proven: &Proven,
    watch: &mut Watch<'_>,
) -> Result<(), Unpublished> {
    let file = out.file();
    file.sync_all()?;
    // From the disk, not from memory: that is what a reader will get after a power cut.
    rustix::fs::fadvise(&*file, 0, None, Advice::DontNeed).map_err(io::Error::from)?;
    file.seek(SeekFrom::Start(0))?;
    let mut plain = Hashing::new(io::sink());
    let limit = Limit::Manifest(proven.plain_bytes);
    let wrong = |said: String| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "what was written reads back wrong ({said}); it was thrown away. The disk may be failing"
            ),
        )
    };
    match gzip::unpack(file, &mut plain, limit, Stage::ReadingBack, watch) {
        Ok(read) if read.sha256 == sha256 => {}
        Ok(_) => return Err(wrong("its checksum differs".to_owned()).into()),
        Err(UnpackError::Fault(fault)) => return Err(wrong(fault.to_string()).into()),
        Err(UnpackError::Io(e)) => return Err(e.into()),
        Err(UnpackError::Stopped(stopped)) => return Err(stopped.into()),
    }
    if plain.finish()?.0 == proven.plain_sha256 {
        Ok(())
    } else {
        Err(wrong("its content differs".to_owned()).into())
    }
}

/// The first id of the night's second that nothing has. A file without a manifest that holds the very same bytes is
/// what an adoption left that was cut off: then it has its place already.
fn place(
    snapshots: &Path,
    night: &Night,
    sha256: &str,
    bytes: u64,
) -> io::Result<(SnapshotId, bool)> {
    for nth in 1..=u16::MAX {
        let id = SnapshotId::new(night.at.timestamp(), nth);
        let file = snapshots.join(id.file_name());
        if snapshots.join(id.manifest_name()).try_exists()? {
            continue;
        }
        if !file.try_exists()? {
            return Ok((id, false));
        }
        if fs::symlink_metadata(&file)?.is_file()
            && fs::metadata(&file)?.len() == bytes
            && sha256_of(&file)? == sha256
        {
            return Ok((id, true));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        "every name of this second is taken",
    ))
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = durable::open_regular(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn describe(
    source: &Source<'_>,
    id: SnapshotId,
    sha256: String,
    bytes: u64,
    original: &str,
    started: Instant,
) -> Manifest {
    let proven = source.proven;
    let Facts {
        page_size,
        page_count,
        user_version,
        schema_hash,
        tables,
        journal_mode: _,
        concerns,
    } = proven.facts.clone();
    let from = serde_json::json!({"from": source.name, "sha256": original});
    Manifest {
        id,
        app: source.app.cloned(),
        reason: Reason::Nightly,
        taken_at: id.taken_at(),
        local_date: source.night.date,
        offset: manifest::offset_text(source.night.at.offset()),
        release: None,
        pinned: false,
        sha256,
        bytes,
        plain_sha256: Some(proven.plain_sha256.clone()),
        content_blake3: None,
        chunks: None,
        plain_bytes: proven.plain_bytes,
        page_size,
        page_count,
        user_version,
        schema_hash,
        tables,
        concerns,
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        later: [(ADOPTED.to_owned(), from)].into(),
    }
}
