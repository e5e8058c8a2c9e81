//! What a push has sent is looked at whole before it becomes a release: it holds files, directories and links
//! that stay inside, all of the group that the app reads with; and nobody writes to it afterwards. The modes are set
//! here, whatever rsync made of them, and never on a file that has another name elsewhere.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

use crate::tree::{Entry, Folder, Kind};

/// The name of a file's own copy before it takes its place. One that a killed run left is replaced.
const COPY: &str = ".tealkeep-copy";

/// Checks what has this name in a folder, with all in it, and sets the modes of a release; `group` is that of the
/// folder of releases. Returns the paths that had a setuid, setgid or sticky bit, which are gone.
pub(super) fn close_top(folder: &Folder, name: &str, group: u32) -> anyhow::Result<Vec<PathBuf>> {
    let mut special = Vec::new();
    close_one(folder, OsStr::new(name), Path::new(""), group, &mut special)?;
    Ok(special)
}

fn close_below(
    folder: &Folder,
    below: &Path,
    group: u32,
    special: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    folder.remove(OsStr::new(COPY))?;
    for name in folder.names()? {
        close_one(folder, &name, &below.join(&name), group, special)?;
    }
    Ok(())
}

/// Checks one entry with all in it, and sets its mode.
fn close_one(
    folder: &Folder,
    name: &OsStr,
    path: &Path,
    group: u32,
    special: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    let entry = folder.entry(name)?;
    let entry =
        entry.with_context(|| format!("{} went away meanwhile", Path::new(name).display()))?;
    let shown = if path == Path::new("") {
        "what was sent".to_owned()
    } else {
        path.display().to_string()
    };
    if !entry.is_ours() {
        bail!(
            "{shown} belongs to {}, and all of a release is Tealkeep's; push it anew, or as root: \
             chown --recursive --no-dereference {} what was sent",
            user(entry.owner()),
            user(rustix::process::geteuid().as_raw())
        );
    }
    if entry.group() != group {
        let (wanted, own) = (
            name_of_group(group),
            user(rustix::process::geteuid().as_raw()),
        );
        bail!(
            "{shown} has the group {}, and the folder of releases {wanted}, so the app could not read it. \
             Either {own} is not in that group (as root: `usermod --append --groups {wanted} {own}`), or the folder \
             does not hand its group on (as root: `chmod g+s` on it); then push it anew under another name (--name)",
            name_of_group(entry.group())
        );
    }
    match entry.kind() {
        Kind::Link => {
            let target = entry.target()?;
            if !stays_inside(path, &target) {
                bail!(
                    "the link {shown} leads to {}, out of the release; a release holds links to what it holds itself, \
                     written without a step back after a name. Make it such a one, or leave it out with .tealkeepignore",
                    target.display()
                );
            }
            return Ok(());
        }
        Kind::Other => {
            bail!("{shown} is neither a file, a directory nor a link; a release can't hold it")
        }
        Kind::Folder | Kind::File => {}
    }
    if super::copy::has_special_bit(entry.kind() == Kind::Folder, entry.mode()) {
        special.push(path.to_owned());
    }
    let wanted = super::copy::closed_mode(entry.kind() == Kind::Folder, entry.mode());
    if entry.mode() != wanted {
        let set = match entry.kind() == Kind::File && entry.has_another_name() {
            // Its mode would change under the other name too.
            true => replace_by_copy(folder, name, &entry, wanted),
            false => entry.set_mode(wanted),
        };
        set.with_context(|| format!("cannot set the mode of {shown}"))?;
    }
    if entry.kind() == Kind::Folder {
        let inner = entry.folder();
        let inner = inner.with_context(|| format!("cannot read {shown}"))?;
        close_below(&inner, path, group, special)?;
    }
    Ok(())
}

/// Puts a copy of this mode in the place of a file.
fn replace_by_copy(folder: &Folder, name: &OsStr, entry: &Entry, mode: u32) -> io::Result<()> {
    let copy = OsStr::new(COPY);
    io::copy(&mut entry.file()?, &mut folder.create(copy)?)?;
    let made = folder.entry(copy)?.ok_or(io::ErrorKind::NotFound)?;
    made.set_mode(mode)?;
    folder.rename(copy, name)
}

/// Whether a link leads to something in the release, whatever the directories on its way become: as many steps
/// back as it stands deep at most, and then names only. Where each link of a release is such a one, none leads
/// out through another.
fn stays_inside(path: &Path, target: &Path) -> bool {
    let mut deep = path.components().count().saturating_sub(1);
    let mut named = false;
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(_) => named = true,
            Component::ParentDir if !named && deep > 0 => deep -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

fn user(uid: u32) -> String {
    uzers::get_user_by_uid(uid).map_or_else(
        || format!("the user {uid}"),
        |user| user.name().to_string_lossy().into_owned(),
    )
}

fn name_of_group(gid: u32) -> String {
    uzers::get_group_by_gid(gid).map_or_else(
        || gid.to_string(),
        |group| group.name().to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn closed(root: &Path, group: u32) -> anyhow::Result<()> {
        close_below(&Folder::open(root)?, Path::new(""), group, &mut Vec::new())
    }

    #[test]
    fn a_file_with_another_name_elsewhere_keeps_its_mode_there() {
        let dir = tempfile::tempdir().unwrap();
        let (sealed, sent) = (dir.path().join("v1"), dir.path().join("v2"));
        for folder in [&sealed, &sent] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(sealed.join("file"), "content").unwrap();
        fs::set_permissions(sealed.join("file"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::hard_link(sealed.join("file"), sent.join("file")).unwrap();
        closed(&sent, fs::metadata(&sent).unwrap().gid()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!(mode(&sealed.join("file")), 0o640);
        assert_eq!(mode(&sent.join("file")), 0o440);
        assert_eq!(fs::read(sent.join("file")).unwrap(), b"content");
        assert!(!sent.join(COPY).exists());
    }

    #[test]
    fn links_stay_inside_or_are_refused() {
        for (path, target, inside) in [
            ("a", "b", true),
            ("a", "./b/c", true),
            ("node_modules/.bin/x", "../x/bin.js", true),
            ("d/e/a", "../../b", true),
            ("d/e/a", "../..", true),
            ("a", "/etc/passwd", false),
            ("a", "..", false),
            ("d/a", "../../x", false),
            ("d/a", "../../other-release/x", false),
            // `d/l` may be a link to the top, and then this leads out.
            ("d/a", "../d/l/..", false),
        ] {
            let (path, target) = (Path::new(path), Path::new(target));
            assert_eq!(stays_inside(path, target), inside, "{path:?} {target:?}");
        }
    }

    #[test]
    fn a_link_out_of_the_release_and_a_pipe_are_named() {
        for (name, target) in [("d/out", "../../x"), ("d/root", "/etc")] {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("d")).unwrap();
            symlink(target, dir.path().join(name)).unwrap();
            let group = fs::metadata(dir.path()).unwrap().gid();
            let refused = closed(dir.path(), group).unwrap_err().to_string();
            let wanted = format!("the link {name} leads to {target}, out of the release");
            assert!(refused.contains(&wanted), "{refused}");
        }
        let dir = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(dir.path().join("pipe"))
            .status();
        assert!(made.unwrap().success());
        let group = fs::metadata(dir.path()).unwrap().gid();
        let refused = closed(dir.path(), group).unwrap_err().to_string();
        assert!(refused.contains("pipe is neither"), "{refused}");
    }

    #[test]
    fn another_group_is_refused_with_what_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        let group = fs::metadata(dir.path()).unwrap().gid();
        let refused = closed(dir.path(), group + 12_345).unwrap_err().to_string();
        assert!(
            refused.contains("file has the group") && refused.contains("usermod --append --groups"),
            "{refused}"
        );
        closed(dir.path(), group).unwrap();
    }

    #[test]
    fn modes_are_those_of_a_release() {
        let dir = tempfile::tempdir().unwrap();
        let path = |below: &str| dir.path().join(below);
        fs::create_dir(path("d")).unwrap();
        for (name, mode) in [("d/file", 0o666), ("d/tool", 0o4777)] {
            fs::write(path(name), "x").unwrap();
            fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(path("d"), fs::Permissions::from_mode(0o2777)).unwrap();
        let group = fs::metadata(dir.path()).unwrap().gid();
        let mut special = Vec::new();
        close_below(
            &Folder::open(dir.path()).unwrap(),
            Path::new(""),
            group,
            &mut special,
        )
        .unwrap();
        assert_eq!(special, [Path::new("d/tool")]);
        for (name, mode) in [("d", 0o2750), ("d/file", 0o440), ("d/tool", 0o550)] {
            let is = fs::metadata(path(name)).unwrap().mode() & 0o7777;
            assert_eq!(is, mode, "{name}: {is:o}");
        }
    }
}
