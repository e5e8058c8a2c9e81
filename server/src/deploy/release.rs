//! Releases on this machine: one immutable directory each, and a link a colour that says what the
//! colour starts from.

mod arrived;
mod compare;
mod group;
mod share;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::names::{Colour, ReleaseId};
use crate::prepare;
use crate::tree::{Folder, Kind, remove as remove_tree};

/// Begins the name of the directory that a push fills, before it is a release.
pub const PUSH_PREFIX: &str = ".push-";
/// A push that nobody went on with for so long is given up.
const PUSH_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The releases of one app.
#[derive(Debug, Clone)]
pub struct Releases {
    folder: PathBuf,
}

/// A release on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Release {
    /// Its id, which is also its directory's name.
    pub id: ReleaseId,
    /// When it was received.
    #[schemars(with = "String")]
    pub received: Timestamp,
}

/// What was done to make a directory a release, besides giving it its name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Received {
    /// How many files the release shares with the one that it was compared with.
    pub shared: u64,
    /// What had a setuid, setgid or sticky bit, which a release does not have.
    pub special: Vec<PathBuf>,
}

impl Received {
    /// The special bits that were taken away, as the end of a sentence; empty where there were none.
    #[must_use]
    pub fn told(&self) -> String {
        let shown = |path: &PathBuf| path.display().to_string();
        let which = match &*self.special {
            [] => return String::new(),
            [one] => shown(one),
            [one, two] => format!("{} and {}", shown(one), shown(two)),
            [one, rest @ ..] => format!("{} and {} more", shown(one), rest.len()),
        };
        format!("; {which} lost a setuid, setgid or sticky bit, which a release does not have")
    }
}

/// What a deploy is asked to make live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A release that stands on this machine.
    Named(ReleaseId),
    /// A directory on this machine, to be copied in as a new release.
    Directory(PathBuf),
    /// What a push has sent, whole, into [`Releases::push_path`].
    Pushed(ReleaseId),
}

impl Releases {
    /// The releases below a folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Releases {
        Releases { folder }
    }

    /// Where a release stands.
    #[must_use]
    pub fn path(&self, id: &ReleaseId) -> PathBuf {
        self.folder.join(id.as_str())
    }

    /// Where a colour starts from: a link to the release.
    #[must_use]
    pub fn colour_path(&self, colour: Colour) -> PathBuf {
        self.folder.join(colour.as_str())
    }

    /// Whether a release stands here, whole.
    #[must_use]
    pub fn has(&self, id: &ReleaseId) -> bool {
        self.path(id)
            .symlink_metadata()
            .is_ok_and(|meta| meta.is_dir())
    }

    /// All releases, newest first.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn list(&self) -> anyhow::Result<Vec<Release>> {
        let mut found = Vec::new();
        let entries = fs::read_dir(&self.folder)
            .with_context(|| format!("cannot read the releases in {}", self.folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(id) = name
                .to_str()
                .and_then(|name| name.parse::<ReleaseId>().ok())
            else {
                continue;
            };
            if entry.file_type()?.is_dir() {
                let modified = entry
                    .metadata()?
                    .modified()
                    .unwrap_or(SystemTime::UNIX_EPOCH);
                found.push(Release {
                    id,
                    received: Timestamp::try_from(modified).unwrap_or(Timestamp::UNIX_EPOCH),
                });
            }
        }
        found.sort_by(|a, b| b.received.cmp(&a.received).then_with(|| b.id.cmp(&a.id)));
        Ok(found)
    }

    /// The release that a colour's link points to.
    #[must_use]
    pub fn of_colour(&self, colour: Colour) -> Option<ReleaseId> {
        fs::read_link(self.colour_path(colour))
            .ok()?
            .file_name()?
            .to_str()?
            .parse()
            .ok()
    }

    /// Points a colour's link to a release.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn set_colour(&self, colour: Colour, id: &ReleaseId) -> anyhow::Result<()> {
        Ok(durable::link_whole(
            Path::new(id.as_str()),
            &self.colour_path(colour),
        )?)
    }

    /// The id that a directory gets as a release: its own name, with the time when that is taken.
    ///
    /// # Errors
    /// The path is not a directory, or its name can't be a release's.
    pub fn id_for(&self, directory: &Path, now: Timestamp) -> anyhow::Result<ReleaseId> {
        if !directory.is_dir() {
            bail!(
                "{} is not a directory; give a release's name or the directory that holds one",
                directory.display()
            );
        }
        let (folder, full) = (self.folder.canonicalize()?, directory.canonicalize()?);
        if folder.starts_with(&full) || full.starts_with(&folder) {
            bail!(
                "{} can't be copied into {}, since one lies in the other; give the directory that holds just the release",
                directory.display(),
                self.folder.display()
            );
        }
        let name = directory
            .file_name()
            .and_then(|name| name.to_str())
            .with_context(|| {
                format!(
                    "{} has no name that a release could have",
                    directory.display()
                )
            })?;
        let plain: ReleaseId = name.parse()?;
        if !self.path(&plain).exists() {
            return Ok(plain);
        }
        Ok(format!("{name}-{}", now.strftime("%Y%m%dT%H%M%SZ")).parse()?)
    }

    /// Where a push puts what is to become this release.
    #[must_use]
    pub fn push_path(&self, id: &ReleaseId) -> PathBuf {
        self.folder.join(self.push_name(id))
    }

    fn push_name(&self, id: &ReleaseId) -> String {
        format!("{PUSH_PREFIX}{id}")
    }

    /// What a push has sent, while nobody sends any more; it stays so until the answer is dropped.
    fn locked_push(&self, id: &ReleaseId) -> anyhow::Result<Folder> {
        let pushed = Folder::open(&self.folder)?.inner(OsStr::new(&self.push_name(id)))?;
        if !pushed.try_lock()? {
            bail!("{id} is still being sent, by another push; wait for its end");
        }
        Ok(pushed)
    }

    /// Lets the group, which is the app's, write into all directories of a release that came with it, or no more.
    /// What a preparation made in it stays as it is. A release that is not here is no error.
    ///
    /// # Errors
    /// A mode can't be set.
    pub fn open_to_group(&self, id: &ReleaseId, open: bool) -> anyhow::Result<()> {
        Folder::open(&self.folder)
            .and_then(|folder| group::set(&folder, OsStr::new(id.as_str()), open))
            .with_context(|| format!("cannot set the modes of {}", self.path(id).display()))
    }

    /// Whether a push has begun to send this release.
    #[must_use]
    pub fn is_pushed(&self, id: &ReleaseId) -> bool {
        self.push_path(id)
            .symlink_metadata()
            .is_ok_and(|meta| meta.is_dir())
    }

    /// The id that a push of this name gets: the name itself where it is free or `exact` is wanted; else that
    /// of a push of this name which was cut off; else the name with the time.
    ///
    /// # Errors
    /// The folder can't be read, or the name is too long for the time.
    pub fn id_for_push(
        &self,
        name: &ReleaseId,
        exact: bool,
        now: Timestamp,
    ) -> anyhow::Result<ReleaseId> {
        if exact || !self.has(name) {
            return Ok(name.clone());
        }
        let begins = format!("{PUSH_PREFIX}{name}-");
        let mut cut_off: Vec<ReleaseId> = Vec::new();
        for entry in fs::read_dir(&self.folder)?.flatten() {
            let full = entry.file_name();
            let Some(stamp) = full.to_str().and_then(|full| full.strip_prefix(&begins)) else {
                continue;
            };
            let stamped = stamp.len() == 16
                && stamp
                    .bytes()
                    .all(|b| b.is_ascii_digit() || matches!(b, b'T' | b'Z'));
            let id: Option<ReleaseId> = format!("{name}-{stamp}").parse().ok();
            cut_off.extend(id.filter(|id| stamped && !self.has(id) && self.is_pushed(id)));
        }
        if let Some(newest) = cut_off.into_iter().max() {
            return Ok(newest);
        }
        Ok(format!("{name}-{}", now.strftime("%Y%m%dT%H%M%SZ")).parse()?)
    }

    /// Makes what a push has sent a release: whole or not at all, its modes set, read-only afterwards. What is the
    /// same in `basis` is one file on the disk. A release that is here already stays as it is, if what was sent is the
    /// same.
    ///
    /// # Errors
    /// Nothing was sent, it holds what a release can't, or another release of this id is here.
    pub fn adopt(&self, id: &ReleaseId, basis: Option<&ReleaseId>) -> anyhow::Result<Received> {
        let (sent, path) = (self.push_path(id), self.path(id));
        if self.has(id) {
            if !self.is_pushed(id) {
                return Ok(Received::default());
            }
            let _pushed = self.locked_push(id)?;
            self.check_same(id)?;
            remove_tree(&sent)?;
            return Ok(Received::default());
        }
        if !self.is_pushed(id) {
            bail!(
                "nothing was sent for {id}: {} is not there. `tealkeep push` sends a release",
                sent.display()
            );
        }
        let pushed = self.locked_push(id)?;
        // A record of a preparation elsewhere says nothing about this machine.
        pushed.remove(OsStr::new(prepare::RECORD_FILE))?;
        let group = fs::metadata(&self.folder)?.gid();
        let folder = Folder::open(&self.folder)?;
        let special = arrived::close_top(&folder, &self.push_name(id), group)
            .with_context(|| format!("{id} can't become a release"))?;
        let shared = match basis.filter(|basis| self.has(basis)) {
            Some(basis) => folder
                .inner(OsStr::new(basis.as_str()))
                .and_then(|basis| share::with_basis(&pushed, &basis))
                .with_context(|| format!("cannot compare what was sent with {basis}"))?,
            None => 0,
        };
        rustix::fs::syncfs(&pushed).with_context(|| format!("cannot sync {}", sent.display()))?;
        fs::rename(&sent, &path).with_context(|| format!("cannot give {id} its name"))?;
        durable::sync_dir(&self.folder)?;
        Ok(Received { shared, special })
    }

    /// Whether what a push has sent may become this release: none of this id is here, or one that is the same.
    ///
    /// # Errors
    /// It is another one, or something can't be read.
    pub fn check_same(&self, id: &ReleaseId) -> anyhow::Result<()> {
        if !self.has(id) || !self.is_pushed(id) {
            return Ok(());
        }
        let here = self.path(id);
        let made = prepare::made_in(&here)?;
        let folder = Folder::open(&self.folder)?;
        let difference = folder
            .inner(OsStr::new(&self.push_name(id)))
            .and_then(|sent| Ok((sent, folder.inner(OsStr::new(id.as_str()))?)))
            .and_then(|(sent, here)| compare::difference(&sent, &here, Path::new(""), &made))
            .with_context(|| format!("cannot compare what was sent with {}", here.display()))?;
        match difference {
            None => Ok(()),
            Some(path) => bail!(
                "{id} is here already, and what was sent differs in {}; a release never changes, so give this one another name (--name)",
                path.display()
            ),
        }
    }

    /// The release that a directory is already, if it stands here.
    #[must_use]
    pub fn holding(&self, directory: &Path) -> Option<ReleaseId> {
        let (folder, full) = (
            self.folder.canonicalize().ok()?,
            directory.canonicalize().ok()?,
        );
        let id = full.strip_prefix(&folder).ok()?.to_str()?.parse().ok()?;
        self.has(&id).then_some(id)
    }

    /// Copies a directory in as a release: whole or not at all, read-only afterwards. A release that is
    /// here already stays as it is.
    ///
    /// # Errors
    /// Something can't be read or written; nothing of it is left then.
    pub fn receive(&self, directory: &Path, id: &ReleaseId) -> anyhow::Result<Received> {
        if self.has(id) {
            return Ok(Received::default());
        }
        let incoming = self.folder.join(format!(".incoming-{id}"));
        remove_tree(&incoming)?;
        let mut special = Vec::new();
        let copied = copy_tree(directory, &incoming, &mut special)
            .and_then(|()| remove_tree(&incoming.join(prepare::RECORD_FILE)))
            .and_then(|()| {
                fs::rename(&incoming, self.path(id)).context("cannot give the release its name")
            })
            .and_then(|()| Ok(durable::sync_dir(&self.folder)?));
        if copied.is_err() {
            // The reason for the failure says more than what is left of the copy.
            let _ = remove_tree(&incoming);
        }
        copied
            .with_context(|| format!("cannot receive {} as release {id}", directory.display()))?;
        Ok(Received { shared: 0, special })
    }

    /// Removes what a cut-off copy left, a push that nobody went on with for a day, and links that did not get their name.
    ///
    /// # Errors
    /// Something can't be removed.
    pub fn sweep(&self) -> anyhow::Result<()> {
        durable::remove_parts(&self.folder)?;
        for entry in fs::read_dir(&self.folder)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let given_up = name.starts_with(PUSH_PREFIX)
                && entry
                    .metadata()
                    .and_then(|meta| meta.modified())
                    .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > PUSH_LIFETIME));
            if name.starts_with(".incoming-") || given_up {
                remove_tree(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes the oldest releases until `keep` are left; those in `needed` stay, and so does one that another of these
    /// can't do without. Returns what went.
    ///
    /// # Errors
    /// Something can't be removed.
    pub fn prune(&self, keep: u32, needed: &[ReleaseId]) -> anyhow::Result<Vec<ReleaseId>> {
        let mut gone = Vec::new();
        let mut kept = self.list()?;
        let old = kept.split_off(kept.len().min(keep as usize));
        let (stay, old): (Vec<_>, Vec<_>) = old
            .into_iter()
            .partition(|release| needed.contains(&release.id));
        kept.extend(stay);
        let leant_on = self.leant_on(&kept, &old);
        for (at, release) in old.into_iter().enumerate() {
            if !leant_on.contains(&at) {
                remove_tree(&self.path(&release.id))?;
                gone.push(release.id);
            }
        }
        Ok(gone)
    }

    /// Which of the old releases, by their places in the list, one that is kept can't do without.
    fn leant_on(&self, kept: &[Release], old: &[Release]) -> BTreeSet<usize> {
        let mut leant_on = BTreeSet::new();
        for kept in kept {
            let others: Vec<usize> = (0..old.len()).filter(|at| !leant_on.contains(at)).collect();
            if others.is_empty() {
                break;
            }
            let paths: Vec<PathBuf> = others.iter().map(|at| self.path(&old[*at].id)).collect();
            let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            match prepare::leans_on(&self.path(&kept.id), &paths) {
                Ok(found) => leant_on.extend(found.into_iter().map(|at| others[at])),
                // Disk space is cheaper than a colour that does not start.
                Err(error) => {
                    tracing::warn!(
                        release = %kept.id,
                        "no old release is removed, since it can't be told which of them this one uses: {error:#}"
                    );
                    leant_on.extend(others);
                }
            }
        }
        leant_on
    }
}

/// Copies a directory, whoever changes it meanwhile: no link in it is followed, and each file is one.
fn copy_tree(from: &Path, to: &Path, special: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let from = from
        .canonicalize()
        .and_then(|full| Ok((Folder::open(&full)?, full)));
    let (folder, full) = from.context("cannot read it")?;
    copy_folder(&folder, &full, to, special)
}

fn copy_folder(
    from: &Folder,
    shown: &Path,
    to: &Path,
    special: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    fs::create_dir(to).with_context(|| format!("cannot make {}", to.display()))?;
    for name in from.names()? {
        let (source, target) = (shown.join(&name), to.join(&name));
        let Some(entry) = from.entry(&name)? else {
            bail!("{} went away meanwhile", source.display());
        };
        let is_link = entry.kind() == Kind::Link;
        if !is_link && has_special_bit(entry.kind() == Kind::Folder, entry.mode()) {
            special.push(source.clone());
        }
        match entry.kind() {
            Kind::Folder => {
                let inner = entry.folder();
                let inner = inner.with_context(|| format!("cannot read {}", source.display()))?;
                drop(entry);
                copy_folder(&inner, &source, &target, special)?;
            }
            Kind::Link => std::os::unix::fs::symlink(entry.target()?, &target)?,
            Kind::File => {
                let copied = entry
                    .file()
                    .and_then(|file| copy_file(file, &target, closed_mode(false, entry.mode())));
                copied.with_context(|| format!("cannot copy {}", source.display()))?;
            }
            Kind::Other => bail!(
                "{} is neither a file, a directory nor a link; a release can't hold it",
                source.display()
            ),
        }
    }
    let mode = fs::symlink_metadata(to)?.mode();
    fs::set_permissions(to, fs::Permissions::from_mode(closed_mode(true, mode)))
        .with_context(|| format!("cannot set the mode of {}", to.display()))?;
    Ok(durable::sync_dir(to)?)
}

fn copy_file(mut from: fs::File, to: &Path, mode: u32) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut to = options.write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut from, &mut to)?;
    to.set_permissions(fs::Permissions::from_mode(mode))?;
    to.sync_all()
}

/// Whether a mode has a bit that a release does not have. A directory hands its group on by its setgid bit, which
/// stays.
fn has_special_bit(is_folder: bool, mode: u32) -> bool {
    mode & (if is_folder { 0o5000 } else { 0o7000 }) != 0
}

/// The modes of a release: nobody writes but to its directories, and there only Tealkeep. A directory keeps the
/// bit that hands its group on.
fn closed_mode(is_folder: bool, mode: u32) -> u32 {
    if is_folder {
        (mode & 0o2000) | 0o750
    } else if mode & 0o111 == 0 {
        0o440
    } else {
        0o550
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_becomes_a_release_that_nobody_writes_to() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("v9");
        fs::create_dir_all(source.join("public")).unwrap();
        fs::write(source.join("public/a.css"), "a").unwrap();
        let folder = dir.path().join("releases");
        fs::create_dir(&folder).unwrap();
        let releases = Releases::new(folder.clone());
        let id = releases.id_for(&source, Timestamp::UNIX_EPOCH).unwrap();
        releases.receive(&source, &id).unwrap();
        assert_eq!(id.as_str(), "v9");
        assert_eq!(fs::read(folder.join("v9/public/a.css")).unwrap(), b"a");
        let mode = fs::metadata(folder.join("v9/public/a.css"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o440);
        let again = releases.id_for(&source, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(again.as_str(), "v9-19700101T000000Z");
    }

    #[test]
    fn a_directory_around_the_releases_is_no_release() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("releases");
        fs::create_dir_all(folder.join("v1/public")).unwrap();
        let releases = Releases::new(folder.clone());
        for wrong in [dir.path(), &folder, &folder.join("v1/public")] {
            let refused = releases.id_for(wrong, Timestamp::UNIX_EPOCH).unwrap_err();
            assert!(
                refused.to_string().contains("one lies in the other"),
                "{refused}"
            );
        }
        assert_eq!(releases.holding(&folder.join("v1")).unwrap().as_str(), "v1");
        assert_eq!(releases.holding(dir.path()), None);
    }

    #[test]
    fn pruning_spares_what_a_colour_stands_on() {
        let dir = tempfile::tempdir().unwrap();
        let releases = Releases::new(dir.path().to_owned());
        for (age, name) in ["v1", "v2", "v3", "v4"].iter().enumerate() {
            fs::create_dir(dir.path().join(name)).unwrap();
            let file = fs::File::open(dir.path().join(name)).unwrap();
            let when = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000 + age as u64);
            file.set_modified(when).unwrap();
        }
        let v1: ReleaseId = "v1".parse().unwrap();
        releases.set_colour(Colour::Blue, &v1).unwrap();
        let gone = releases.prune(2, std::slice::from_ref(&v1)).unwrap();
        assert_eq!(
            gone.iter().map(ReleaseId::as_str).collect::<Vec<_>>(),
            ["v2"]
        );
        assert!(releases.has(&v1));
        assert_eq!(releases.of_colour(Colour::Blue), Some(v1));
    }

    #[test]
    fn a_release_whose_path_an_older_versions_preparation_names_is_not_pruned() {
        let dir = tempfile::tempdir().unwrap();
        let releases = Releases::new(dir.path().to_owned());
        let v1 = dir.path().join("v1");
        for (age, name) in ["v0", "v1", "v2"].iter().enumerate() {
            let path = dir.path().join(name);
            fs::create_dir_all(path.join("venv")).unwrap();
            let script = format!("#!{}/venv/python\n", v1.display());
            fs::write(path.join("venv/run"), script).unwrap();
            let record = r#"{"state":"done","key":"","command":[],"took_ms":0,"files":1,"taken_from":"v1","entries":["venv"]}"#;
            fs::write(path.join(prepare::RECORD_FILE), record).unwrap();
            let when = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000 + age as u64);
            fs::File::open(&path).unwrap().set_modified(when).unwrap();
        }
        let gone = releases.prune(1, &[]).unwrap();
        let gone: Vec<_> = gone.iter().map(ReleaseId::as_str).collect();
        assert_eq!(gone, ["v0"]);
        // What can't be read may name any of them.
        let record = dir.path().join("v2").join(prepare::RECORD_FILE);
        let text = fs::read_to_string(&record).unwrap();
        fs::write(&record, text.replace("[\"venv\"]", "[\"lost\"]")).unwrap();
        assert!(releases.prune(1, &[]).unwrap().is_empty());
        fs::write(&record, text).unwrap();
        // Once the newest no longer uses it, it goes. What a large file names is not looked for.
        let mut large = v1.to_str().unwrap().as_bytes().to_owned();
        large.resize((1 << 20) + 1, b'\n');
        fs::write(dir.path().join("v2/venv/addon.node"), large).unwrap();
        fs::write(dir.path().join("v2/venv/run"), "#!/usr/bin/python\n").unwrap();
        assert_eq!(releases.prune(1, &[]).unwrap().len(), 1);
        assert!(!v1.exists());
    }

    /// A folder of releases, with what a push has sent for v1: a file at the top, and one below.
    fn pushed() -> (tempfile::TempDir, Releases, ReleaseId) {
        let dir = tempfile::tempdir().unwrap();
        let releases = Releases::new(dir.path().to_owned());
        let id: ReleaseId = "v1".parse().unwrap();
        push(&releases, &id);
        (dir, releases, id)
    }

    fn push(releases: &Releases, id: &ReleaseId) {
        let sent = releases.push_path(id);
        fs::create_dir_all(sent.join("packages/a")).unwrap();
        fs::write(sent.join("main.js"), "one").unwrap();
        fs::write(sent.join("packages/a/index.js"), "two").unwrap();
    }

    fn modes(root: &Path, paths: &[&str]) -> Vec<u32> {
        let mode = |path: &&str| fs::symlink_metadata(root.join(path)).unwrap().mode() & 0o777;
        paths.iter().map(mode).collect()
    }

    #[test]
    fn every_directory_that_came_with_a_release_opens_to_the_group_and_closes_again() {
        let (dir, releases, id) = pushed();
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o700)).unwrap();
        releases.adopt(&id, None).unwrap();
        let root = releases.path(&id);
        let received = ["", "packages", "packages/a"];
        assert_eq!(modes(&root, &received), [0o750; 3]);
        releases.open_to_group(&id, true).unwrap();
        assert_eq!(modes(&root, &received), [0o770; 3]);
        // What the preparation made and sealed, and where a link leads to, stay as they are.
        let made = root.join("packages/a/node_modules");
        fs::create_dir(&made).unwrap();
        fs::set_permissions(&made, fs::Permissions::from_mode(0o570)).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("packages/link")).unwrap();
        releases.open_to_group(&id, false).unwrap();
        assert_eq!(modes(&root, &received), [0o750; 3]);
        assert_eq!(modes(&root, &["packages/a/node_modules"]), [0o570]);
        assert_eq!(modes(&root, &["main.js"]), [0o440]);
        assert_eq!(modes(dir.path(), &["outside"]), [0o700]);
        releases
            .open_to_group(&"none".parse().unwrap(), true)
            .unwrap();
    }

    #[test]
    fn a_record_that_lies_hides_no_change() {
        let (_dir, releases, id) = pushed();
        releases.adopt(&id, None).unwrap();
        let lie = r#"{"state":"done","key":"","command":[],"took_ms":0,"files":2,
            "entries":["main.js","packages","made"]}"#;
        let root = releases.path(&id);
        fs::write(root.join(prepare::RECORD_FILE), lie).unwrap();
        fs::write(root.join("made"), "here").unwrap();
        push(&releases, &id);
        releases.check_same(&id).unwrap();
        for changed in ["main.js", "packages/a/index.js"] {
            let path = releases.push_path(&id).join(changed);
            let before = fs::read(&path).unwrap();
            fs::write(&path, "xyz").unwrap();
            let refused = releases.check_same(&id).unwrap_err().to_string();
            let said = format!("differs in {changed}");
            assert!(refused.contains(&said), "{refused}");
            fs::write(&path, before).unwrap();
        }
        fs::write(root.join("not-told"), "here").unwrap();
        let refused = releases.check_same(&id).unwrap_err().to_string();
        assert!(refused.contains("differs in not-told"), "{refused}");
    }

    #[test]
    fn what_is_still_being_sent_becomes_no_release() {
        let (_dir, releases, id) = pushed();
        let sending = releases.locked_push(&id).unwrap();
        let refused = releases.adopt(&id, None).unwrap_err().to_string();
        assert!(refused.contains("still being sent"), "{refused}");
        assert!(!releases.has(&id));
        drop(sending);
        releases.adopt(&id, None).unwrap();
        assert!(releases.has(&id) && !releases.is_pushed(&id));
    }

    #[test]
    fn a_link_out_of_the_release_stops_a_push() {
        let (_dir, releases, id) = pushed();
        let link = releases.push_path(&id).join("packages/state");
        std::os::unix::fs::symlink("/var/lib/tealkeep", &link).unwrap();
        let refused = format!("{:#}", releases.adopt(&id, None).unwrap_err());
        assert!(refused.contains("the link packages/state"), "{refused}");
        assert!(!releases.has(&id) && releases.is_pushed(&id));
    }
}
