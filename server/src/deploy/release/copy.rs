//! Copies a directory into the releases folder, and defines the modes of a release's files.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::durable;
use crate::tree::{Folder, Kind};

/// Copies a directory, whoever changes it meanwhile: no link in it is followed, and each file is one.
pub(super) fn copy_tree(from: &Path, to: &Path, special: &mut Vec<PathBuf>) -> anyhow::Result<()> {
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
pub(super) fn has_special_bit(is_folder: bool, mode: u32) -> bool {
    mode & (if is_folder { 0o5000 } else { 0o7000 }) != 0
}

/// The modes of a release: nobody writes but to its directories, and there only Tealkeep. A directory keeps the
/// bit that hands its group on.
pub(super) fn closed_mode(is_folder: bool, mode: u32) -> u32 {
    if is_folder {
        (mode & 0o2000) | 0o750
    } else if mode & 0o111 == 0 {
        0o440
    } else {
        0o550
    }
}
