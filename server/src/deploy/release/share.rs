//! A file of a new release that is the same in an earlier one takes no room of its own: both are one file on the
//! disk. Tealkeep links them itself, after it has set the modes and while the release has no name yet; rsync never
//! sees a file of a kept release except to copy it.

use std::ffi::OsStr;
use std::io;

use super::compare::same_file;
use crate::tree::{Entry, Folder, Kind};

/// The name of a link before it takes the file's place. One that a killed run left is replaced.
const LINK: &str = ".tealkeep-link";

/// Links the files below `sent` that `basis` has at the same path with the same bytes, owner, group and mode. Returns
/// how many files both share afterwards.
///
/// # Errors
/// Something can't be read or written. A file that can't be linked stays as it is.
pub(super) fn with_basis(sent: &Folder, basis: &Folder) -> io::Result<u64> {
    sent.remove(OsStr::new(LINK))?;
    let mut shared = 0;
    for name in sent.names()? {
        let (Some(own), Some(other)) = (sent.entry(&name)?, basis.entry(&name)?) else {
            continue;
        };
        match (own.kind(), other.kind()) {
            (Kind::Folder, Kind::Folder) => shared += with_basis(&own.folder()?, &other.folder()?)?,
            (Kind::File, Kind::File) if is_alike(&own, &other) && same_file(&own, &other)? => {
                shared += u64::from(replace(sent, &own, basis, &other, &name)?);
            }
            _ => {}
        }
    }
    Ok(shared)
}

/// Whether one may stand for the other. What the app's user made is not ours.
fn is_alike(own: &Entry, other: &Entry) -> bool {
    other.is_ours() && own.group() == other.group() && own.mode() == other.mode()
}

/// Puts a link to the earlier file in the place of this one.
fn replace(
    sent: &Folder,
    own: &Entry,
    basis: &Folder,
    other: &Entry,
    name: &OsStr,
) -> io::Result<bool> {
    if own.identity() == other.identity() {
        return Ok(true);
    }
    let link = OsStr::new(LINK);
    match sent.link(link, basis, name) {
        Ok(()) => {}
        // Another disk, too many links, or a file system without them: then it has its own copy.
        Err(_) => return Ok(false),
    }
    let is_it = sent
        .entry(link)?
        .is_some_and(|entry| entry.identity() == other.identity());
    if !is_it {
        sent.remove(link)?;
        return Ok(false);
    }
    sent.rename(link, name)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    use super::*;

    fn put(root: &Path, path: &str, content: &str, mode: u32) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_what_is_the_same_in_every_respect_is_shared() {
        let dir = tempfile::tempdir().unwrap();
        let (basis, sent) = (dir.path().join("v1"), dir.path().join("v2"));
        for (path, before, now) in [
            ("same", ("x", 0o440), ("x", 0o440)),
            ("d/same", ("y", 0o550), ("y", 0o550)),
            ("bytes", ("x", 0o440), ("z", 0o440)),
            ("longer", ("x", 0o440), ("xx", 0o440)),
            ("runs", ("x", 0o440), ("x", 0o550)),
            ("special", ("x", 0o4550), ("x", 0o550)),
            ("d/mode", ("x", 0o460), ("x", 0o440)),
        ] {
            put(&basis, path, before.0, before.1);
            put(&sent, path, now.0, now.1);
        }
        put(&sent, "new", "new", 0o440);
        put(&sent, LINK, "left by a killed run", 0o440);
        std::os::unix::fs::symlink("same", basis.join("link")).unwrap();
        put(&sent, "link", "x", 0o440);
        let open = |path: &Path| Folder::open(path).unwrap();
        assert_eq!(with_basis(&open(&sent), &open(&basis)).unwrap(), 2);
        let inode = |path: &Path| fs::symlink_metadata(path).unwrap().ino();
        for path in ["same", "d/same"] {
            assert_eq!(inode(&sent.join(path)), inode(&basis.join(path)), "{path}");
        }
        for path in ["bytes", "longer", "runs", "special", "d/mode", "link"] {
            assert_ne!(inode(&sent.join(path)), inode(&basis.join(path)), "{path}");
        }
        assert_eq!(fs::read(sent.join("d/same")).unwrap(), b"y");
        assert!(!sent.join(LINK).exists());
        assert_eq!(with_basis(&open(&sent), &open(&basis)).unwrap(), 2);
    }
}
