//! Looking at a whole folder of snapshots, wherever a copy of it lies: each snapshot that is there or that something
//! names is judged, and what else in it is wrong is said. Nothing is changed, and no symlinks are needed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use tealkeep_base::durable;

use super::super::catalogue;
use super::super::checksums::MAX_BYTES;
use super::super::hex::hex;
use super::super::manifest;
use super::super::retention::Tier;
use super::super::watch::{Stage, Watch};
use super::{Damage, Depth, Verdict, VerifyError, verify_file, verify_members};
use tealkeep_words::snapshot::SnapshotId;

/// How to look at a folder.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// How closely.
    pub depth: Depth,
    /// Where to unpack, where content is looked at; see [`verify_file`].
    pub scratch: Option<&'a Path>,
    /// Only these snapshots, and nothing else in the folder; `None` for all that there is.
    pub only: Option<&'a BTreeSet<SnapshotId>>,
}

/// What came of looking at a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Each snapshot with its verdict, oldest first.
    pub snapshots: Vec<(SnapshotId, Verdict)>,
    /// Files in the tiers' folders that are copies where links were, and are like no snapshot: their paths below the
    /// folder, with their verdicts.
    pub copies: Vec<(String, Verdict)>,
    /// What else is wrong.
    pub troubles: Vec<Trouble>,
}

impl Survey {
    /// Whether all of it can be relied on.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let verdicts = self.snapshots.iter().map(|(_, verdict)| verdict);
        let copies = self.copies.iter().map(|(_, verdict)| verdict);
        self.troubles.is_empty() && verdicts.chain(copies).all(Verdict::is_whole)
    }
}

/// Something in a folder that is wrong, and is no snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Lines of `SHA256SUMS` that name no checksum and snapshot, by their numbers.
    Sums(Vec<usize>),
    /// Something of the folder's own that can't be read.
    Unreadable {
        /// Its path below the folder.
        name: String,
        /// Why, in words that end no sentence.
        why: String,
    },
    /// A tier's link that leads to no snapshot.
    Link {
        /// Its path below the folder.
        link: String,
        /// Where it leads, as it says itself.
        to: PathBuf,
    },
}

impl Trouble {
    /// What is wrong, by its path below the folder.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Trouble::Sums(_) => SUMS,
            Trouble::Unreadable { name, .. } => name,
            Trouble::Link { link, .. } => link,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Sums(lines) => {
                let shown: Vec<String> = lines.iter().take(5).map(ToString::to_string).collect();
                let more = if lines.len() > shown.len() {
                    " and more"
                } else {
                    ""
                };
                write!(
                    f,
                    "damaged: line {}{more} is not a checksum, two spaces and a snapshot's name",
                    shown.join(", ")
                )
            }
            Trouble::Unreadable { why, .. } => write!(f, "it can't be read: {why}"),
            Trouble::Link { to, .. } => {
                write!(f, "it leads to {}, which is no snapshot here", to.display())
            }
        }
    }
}

/// One thing that was found, told as soon as it is known.
#[derive(Debug)]
pub enum Found<'a> {
    /// A snapshot, or a copy of one in a tier's folder by its path, and its verdict.
    Verdict(&'a str, &'a Verdict),
    /// Something else that is wrong.
    Trouble(&'a Trouble),
}

/// Looks at every snapshot of a backups folder (or of its `snapshots/`, or of some folder with snapshots in it),
/// oldest first, those included that only a manifest, `SHA256SUMS` or a tier's link names. `each` is told what is found
/// as it is found.
///
/// # Errors
/// The first that could not be found out.
pub fn survey(
    dir: &Path,
    look: &Look<'_>,
    watch: &mut Watch<'_>,
    each: &mut dyn FnMut(Found<'_>),
) -> Result<Survey, VerifyError> {
    let io = |source| VerifyError::Io {
        path: dir.to_owned(),
        source,
    };
    let place = Place::of(dir).map_err(io)?;
    let named = place.named().map_err(io)?;
    let mut ids = named.ids();
    ids.extend(place.files().map_err(io)?);
    if let Some(only) = look.only {
        ids = only.clone();
    }
    let copies = match look.only {
        Some(_) => Vec::new(),
        None => named.copies.clone(),
    };
    if ids.is_empty() && copies.is_empty() {
        return Err(VerifyError::NothingThere(dir.to_owned()));
    }
    let mut survey = Survey::default();
    for id in ids {
        let verdict = place.judge(id, &named, look, watch)?;
        // A rotation may take a snapshot away meanwhile, and what it takes it names no more.
        if verdict == Verdict::Missing
            && look.only.is_none()
            && !place.named().map_err(io)?.ids().contains(&id)
        {
            continue;
        }
        each(Found::Verdict(&id.to_string(), &verdict));
        survey.snapshots.push((id, verdict));
    }
    for name in copies {
        let path = place.outer.as_deref().unwrap_or(dir).join(&name);
        let verdict = match named.is_copy(&path, watch) {
            Ok(true) => continue,
            Ok(false) => unless_unreadable(at_depth(&path, look, watch), &path, watch)?,
            Err(e) => unless_unreadable(Err(e), &path, watch)?,
        };
        each(Found::Verdict(&name, &verdict));
        survey.copies.push((name, verdict));
    }
    if look.only.is_none() {
        for trouble in &named.troubles {
            each(Found::Trouble(trouble));
        }
        survey.troubles = named.troubles;
    }
    Ok(survey)
}

/// Looks at all of every snapshot of a folder, and at nothing else; see [`survey`].
///
/// # Errors
/// The first that could not be found out.
pub fn verify_folder(
    dir: &Path,
    scratch: Option<&Path>,
    watch: &mut Watch<'_>,
    each: &mut dyn FnMut(SnapshotId, &Verdict),
) -> Result<Vec<(SnapshotId, Verdict)>, VerifyError> {
    let look = Look {
        depth: Depth::Content,
        scratch,
        only: None,
    };
    let mut tell = |found: Found<'_>| {
        if let Found::Verdict(name, verdict) = found
            && let Ok(id) = name.parse()
        {
            each(id, verdict);
        }
    };
    Ok(survey(dir, &look, watch, &mut tell)?.snapshots)
}

/// A snapshot that can't be read is a verdict of its own, and the others are still judged. Where it can be read, what
/// failed is the place to unpack it in, which would fail for the others too.
fn unless_unreadable(
    verdict: Result<Verdict, VerifyError>,
    path: &Path,
    watch: &mut Watch<'_>,
) -> Result<Verdict, VerifyError> {
    let Err(error @ VerifyError::Io { .. }) = verdict else {
        return verdict;
    };
    match sha256_of(path, watch) {
        Ok(_) => Err(error),
        Err(VerifyError::Io { source, .. }) => {
            Ok(Verdict::Damaged(Damage::Unreadable(source.to_string())))
        }
        Err(other) => Err(other),
    }
}

fn at_depth(path: &Path, look: &Look<'_>, watch: &mut Watch<'_>) -> Result<Verdict, VerifyError> {
    match look.depth {
        Depth::Members => verify_members(path, watch),
        Depth::Content => verify_file(path, look.scratch, watch),
    }
}

const SUMS: &str = "SHA256SUMS";

/// Where the snapshots lie, and the backups folder around them if there is one.
struct Place {
    outer: Option<PathBuf>,
    snapshots: PathBuf,
}

impl Place {
    fn of(dir: &Path) -> io::Result<Place> {
        let inner = catalogue::snapshots(dir);
        if inner.is_dir() {
            return Ok(Place {
                outer: Some(dir.to_owned()),
                snapshots: inner,
            });
        }
        // The inner folder itself was named; or some folder with snapshots in it, such as a stick.
        let real = fs::canonicalize(dir)?;
        let outer = if real.file_name().is_some_and(|name| name == "snapshots") {
            real.parent().map(Path::to_owned)
        } else if Tier::ALL
            .iter()
            .any(|tier| dir.join(tier.as_str()).is_dir())
        {
            Some(dir.to_owned())
        } else {
            None
        };
        Ok(Place {
            outer,
            snapshots: dir.to_owned(),
        })
    }

    /// The snapshots whose files are there.
    fn files(&self) -> io::Result<BTreeSet<SnapshotId>> {
        let mut ids = BTreeSet::new();
        for item in fs::read_dir(&self.snapshots)? {
            let name = item?.file_name();
            let name = name.to_str().filter(|name| name.ends_with(".sqlite.gz"));
            ids.extend(name.and_then(SnapshotId::from_file_name));
        }
        Ok(ids)
    }

    /// What the manifests, `SHA256SUMS` and the tiers say that there is.
    fn named(&self) -> io::Result<Named> {
        let mut named = Named::default();
        let mut has_sums = false;
        if let Some(outer) = &self.outer {
            has_sums = named.read_sums(outer)?;
            for tier in Tier::ALL {
                named.read_tier(outer, tier)?;
            }
        }
        for item in fs::read_dir(&self.snapshots)? {
            let name = item?.file_name();
            let name = name.to_str().filter(|name| name.ends_with(".json"));
            let Some(id) = name.and_then(SnapshotId::from_file_name) else {
                continue;
            };
            // SHA256SUMS forgets a snapshot before its file goes, and the manifest goes last: of one that is not named
            // any more only that may be left, which is no loss.
            if !has_sums || self.snapshots.join(id.file_name()).exists() {
                named.others.insert(id);
            }
        }
        Ok(named)
    }

    fn judge(
        &self,
        id: SnapshotId,
        named: &Named,
        look: &Look<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Verdict, VerifyError> {
        let path = self.snapshots.join(id.file_name());
        let io = |source| VerifyError::Io {
            path: path.clone(),
            source,
        };
        let verdict = match path.try_exists() {
            Ok(true) => at_depth(&path, look, watch),
            Ok(false) => return Ok(Verdict::Missing),
            Err(e) => Err(io(e)),
        };
        let verdict = match verdict {
            Err(VerifyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Verdict::Missing
            }
            verdict => unless_unreadable(verdict, &path, watch)?,
        };
        let Some(sum) = named.sums.get(&id).filter(|_| verdict.is_whole()) else {
            return Ok(verdict);
        };
        let sha256 = match manifest::read(&self.snapshots.join(id.manifest_name())) {
            Ok(manifest) => manifest.sha256,
            Err(e) if e.kind() == io::ErrorKind::NotFound => sha256_of(&path, watch)?,
            Err(e) => return Err(io(e)),
        };
        Ok(if sha256 == *sum {
            verdict
        } else {
            Verdict::Damaged(Damage::Checksum(SUMS))
        })
    }
}

/// What a folder says that it holds.
#[derive(Debug, Default)]
struct Named {
    /// By `SHA256SUMS`.
    sums: BTreeMap<SnapshotId, String>,
    /// By a manifest or a tier's link.
    others: BTreeSet<SnapshotId>,
    /// Files in the tiers' folders that are no links.
    copies: Vec<String>,
    troubles: Vec<Trouble>,
}

impl Named {
    fn ids(&self) -> BTreeSet<SnapshotId> {
        let sums = self.sums.keys();
        sums.chain(&self.others).copied().collect()
    }

    /// Answers whether there is a `SHA256SUMS` at all.
    fn read_sums(&mut self, outer: &Path) -> io::Result<bool> {
        let bytes = match durable::read_small(&outer.join(SUMS), MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => {
                self.cannot_read(SUMS, &e);
                return Ok(true);
            }
        };
        let mut bad = Vec::new();
        for (at, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            match sum_of(line) {
                Some((id, sum)) => {
                    self.sums.insert(id, sum.to_owned());
                }
                None => bad.push(at + 1),
            }
        }
        if !bad.is_empty() {
            self.troubles.push(Trouble::Sums(bad));
        }
        Ok(true)
    }

    fn read_tier(&mut self, outer: &Path, tier: Tier) -> io::Result<()> {
        let listing = match fs::read_dir(outer.join(tier.as_str())) {
            Ok(listing) => listing,
            // A file system without links, or a copy of the snapshots alone.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => {
                self.cannot_read(tier.as_str(), &e);
                return Ok(());
            }
        };
        let mut items = listing.collect::<io::Result<Vec<_>>>()?;
        items.sort_by_key(fs::DirEntry::file_name);
        for item in items {
            let file_name = item.file_name();
            let Some(file_name) = file_name.to_str().filter(|n| !n.starts_with('.')) else {
                continue;
            };
            let name = format!("{}/{file_name}", tier.as_str());
            let kind = item.file_type()?;
            if kind.is_symlink() {
                let to = match fs::read_link(item.path()) {
                    Ok(to) => to,
                    // A rotation moved it since the listing began.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                    Err(e) => return Err(e),
                };
                match snapshot_of(&to) {
                    Some(id) => {
                        self.others.insert(id);
                    }
                    None => self.troubles.push(Trouble::Link { link: name, to }),
                }
            } else if kind.is_file() && file_name.ends_with(".sqlite.gz") {
                self.copies.push(name);
            }
        }
        Ok(())
    }

    fn cannot_read(&mut self, name: &str, why: &io::Error) {
        self.troubles.push(Trouble::Unreadable {
            name: name.to_owned(),
            why: why.to_string(),
        });
    }

    /// Whether a file is the same as a snapshot that is judged by itself.
    fn is_copy(&self, path: &Path, watch: &mut Watch<'_>) -> Result<bool, VerifyError> {
        if self.sums.is_empty() {
            return Ok(false);
        }
        let sha256 = sha256_of(path, watch)?;
        Ok(self.sums.values().any(|sum| *sum == sha256))
    }
}

/// The snapshot and its checksum that a line of `SHA256SUMS` names.
fn sum_of(line: &str) -> Option<(SnapshotId, &str)> {
    let (sum, name) = line.split_once("  ")?;
    let name = name.strip_prefix("snapshots/")?;
    let is_sum = sum.len() == 64 && sum.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let id = SnapshotId::from_file_name(name.strip_suffix(".sqlite.gz").map(|_| name)?)?;
    is_sum.then_some((id, sum))
}

/// The snapshot that a tier's link leads to, there or not.
fn snapshot_of(to: &Path) -> Option<SnapshotId> {
    let name = to.strip_prefix("../snapshots").ok()?.to_str()?;
    SnapshotId::from_file_name(name.strip_suffix(".sqlite.gz").map(|_| name)?)
}

fn sha256_of(path: &Path, watch: &mut Watch<'_>) -> Result<String, VerifyError> {
    let io = |source| VerifyError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = durable::open_regular(path).map_err(io)?;
    let total = file.metadata().map_err(io)?.len();
    watch.begin(Stage::ReadingBack, total)?;
    let (mut hash, mut buffer, mut done) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(n) => {
                hash.update(&buffer[..n]);
                done += n as u64;
                watch.tick(Stage::ReadingBack, done, total)?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(io(e)),
        }
    }
}

#[cfg(test)]
mod tests;
