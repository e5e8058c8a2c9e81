//! What rsync's sender may request from its receiver here. The request is parsed into a [`Reception`], and the receiver is
//! started with our own arguments made from that: nothing that the other side wrote reaches rsync's command line
//! except the target, which is compared as text. What is not on the lists is refused, whatever it means.
//!
//! No allowed option changes the mode, owner, times or attributes of a file, writes into a file in place, links
//! files, or names a place outside of the push's own directory. The only basis is an existing release beside the target,
//! and rsync *copies* from it: no inode of a sealed release is ever part of a push, so a later run over the
//! same directory can't change one either. The step `receive` sets the modes and links equal files.

use std::path::{Component, Path, PathBuf};

use crate::deploy::release::PUSH_PREFIX;
use crate::names::ReleaseId;

/// Short options (rsync(1)): verbosity, recursion, links as links, the executable bit, comparison by checksum,
/// compression, a dry run, itemized changes, human-readable numbers, whole files.
///
/// `E` only sets or clears the executable bit. It acts on files of the push's own directory, which share no inode with
/// anything else ([`super::turn::take`] ensures that).
const SHORT: &str = "vrlEcnizhW";

/// Long options without a value.
const LONG: [&str; 10] = [
    "--partial",
    "--delete",
    "--delete-during",
    "--delete-before",
    "--delete-delay",
    "--delete-after",
    "--delete-excluded",
    "--stats",
    "--no-inc-recursive",
    "--force",
];

/// What an older `tealkeep push` requested. No key may use it any more, because it would change files of existing releases.
const OLDER_OPTIONS: [&str; 2] = ["--link-dest", "-lprc"];

/// One push to receive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reception {
    /// The receiver's arguments, after `rsync --server`.
    pub arguments: Vec<String>,
    /// Where it writes: `.push-<id>` directly below a folder of releases.
    pub target: PathBuf,
    /// The releases that it may copy from.
    pub basis: Vec<PathBuf>,
}

/// Parses the arguments after `rsync`: it must be a server that receives into `.push-<id>` directly below one of the
/// folders of releases, and may copy only from releases beside it.
///
/// # Errors
/// Why not, in words.
pub fn parse(words: &[String], folders: &[PathBuf]) -> Result<Reception, String> {
    let mut words = words.iter().map(String::as_str);
    if words.next() != Some("--server") {
        return Err("rsync runs here only as the other side of a push".to_owned());
    }
    let mut arguments = Vec::new();
    let mut basis = Vec::new();
    loop {
        let word = words.next().ok_or("rsync got no target")?;
        if word == "." {
            break;
        }
        if let Some(from) = word.strip_prefix("--copy-dest=") {
            basis.push(from);
        } else if word == "--copy-dest" {
            basis.push(words.next().ok_or("--copy-dest names nothing")?);
        } else if let Some(known) = LONG.iter().find(|known| **known == word) {
            arguments.push((*known).to_owned());
        } else if is_short(word) || is_log_format(word) {
            arguments.push(word.to_owned());
        } else if !is_timeout(word) {
            // The timeout is set here.
            return Err(refusal(word));
        }
    }
    let target = words.next().ok_or("rsync got no target")?;
    if words.next().is_some() {
        return Err("rsync may have only one target".to_owned());
    }
    let folder = folder_of(target, folders)?;
    let mut releases = Vec::new();
    for from in basis {
        let id = basis_of(from, folder)?;
        arguments.push(format!("--copy-dest=../{id}"));
        releases.push(folder.join(id.as_str()));
    }
    let target = PathBuf::from(target.strip_suffix('/').unwrap_or(target));
    arguments.push(".".to_owned());
    arguments.push(format!("{}/", target.display()));
    Ok(Reception {
        arguments,
        target,
        basis: releases,
    })
}

fn refusal(word: &str) -> String {
    let older = OLDER_OPTIONS.iter().any(|old| word.starts_with(old));
    let hint = if older {
        ". Is the laptop's Tealkeep older? Install the same version on both"
    } else {
        ""
    };
    format!("this key may not use rsync's option {word}{hint}")
}

/// A bundle of known short options, followed by the client's capabilities: `-vlErc` and `e.iLsfxCIvu`.
fn is_short(word: &str) -> bool {
    let Some(bundle) = word.strip_prefix('-') else {
        return false;
    };
    let (options, can) = match bundle.split_once('e') {
        Some((options, can)) => (options, Some(can)),
        None => (bundle, None),
    };
    let can_is_plain = can.is_none_or(|can| {
        can.split_once('.').is_some_and(|(protocol, can)| {
            protocol.bytes().all(|b| b.is_ascii_digit())
                && can.bytes().all(|b| b.is_ascii_alphanumeric())
        })
    });
    !bundle.is_empty() && options.chars().all(|c| SHORT.contains(c)) && can_is_plain
}

/// What the receiver prints for each file: the sender requests `%i`, or only a mark.
fn is_log_format(word: &str) -> bool {
    word.strip_prefix("--log-format=")
        .is_some_and(|format| format.bytes().all(|b| b.is_ascii_alphabetic() || b == b'%'))
}

fn is_timeout(word: &str) -> bool {
    word.strip_prefix("--timeout=")
        .is_some_and(|seconds| seconds.parse::<u32>().is_ok())
}

/// The folder of releases that directly contains a target, which must be the directory of a push.
fn folder_of<'a>(target: &str, folders: &'a [PathBuf]) -> Result<&'a Path, String> {
    let wrong =
        || format!("rsync may not write to {target}; a push goes to {PUSH_PREFIX}<release>");
    let trimmed = target.strip_suffix('/').unwrap_or(target);
    let (folder, name) = trimmed.rsplit_once('/').ok_or_else(wrong)?;
    // Compared as text: anything but exactly the folder that the server named is another folder.
    let folder = folders
        .iter()
        .find(|known| known.as_os_str() == folder)
        .ok_or_else(wrong)?;
    let id = name.strip_prefix(PUSH_PREFIX).ok_or_else(wrong)?;
    id.parse::<ReleaseId>().map_err(|_| wrong())?;
    match Path::new(trimmed).symlink_metadata() {
        Ok(meta) if !meta.is_dir() => Err(wrong()),
        _ => Ok(folder),
    }
}

/// The release beside the target from which unchanged files may be copied.
fn basis_of(from: &str, folder: &Path) -> Result<ReleaseId, String> {
    let wrong =
        || format!("rsync may not read from {from}; a push copies from a release that is here");
    let path = Path::new(from.strip_suffix('/').unwrap_or(from));
    let name = match path.components().collect::<Vec<_>>()[..] {
        [Component::ParentDir, Component::Normal(name)] => name,
        _ if path.parent() == Some(folder) => path.file_name().ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    let name = name.to_str().ok_or_else(wrong)?;
    let id = name.parse::<ReleaseId>().map_err(|_| wrong())?;
    match folder.join(id.as_str()).symlink_metadata() {
        Ok(meta) if meta.is_dir() => Ok(id),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the release v1, a link to /etc that poses as a release, and one that poses as a push.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let releases = dir.path().join("releases");
        std::fs::create_dir_all(releases.join("v1")).unwrap();
        std::os::unix::fs::symlink("/etc", releases.join("v9")).unwrap();
        std::os::unix::fs::symlink("/etc", releases.join(".push-v9")).unwrap();
        (dir, releases)
    }

    fn checked(asked: &str, releases: &Path) -> Result<Reception, String> {
        let asked = asked.replace("R/", &format!("{}/", releases.display()));
        let words = shell_words::split(&asked).unwrap();
        parse(&words, &[releases.to_owned()])
    }

    #[test]
    fn what_a_push_asks_for_is_allowed() {
        let (_dir, releases) = folder();
        for (asked, wanted) in [
            (
                "--server -lErce.iLsfxCIvu --delete-excluded --stats --partial --copy-dest ../v1 . R/.push-v2/",
                "-lErce.iLsfxCIvu --delete-excluded --stats --partial --copy-dest=../v1 . R/.push-v2/",
            ),
            (
                "--server -vlrcze31.14 --log-format=%i --timeout=5 --copy-dest=R/v1 . R/.push-v2",
                "-vlrcze31.14 --log-format=%i --copy-dest=../v1 . R/.push-v2/",
            ),
            (
                "--server -lrce.LsfxCIvu --log-format=X --partial . R/.push-v2/",
                "-lrce.LsfxCIvu --log-format=X --partial . R/.push-v2/",
            ),
        ] {
            let reception = checked(asked, &releases).unwrap();
            let wanted = wanted.replace("R/", &format!("{}/", releases.display()));
            assert_eq!(reception.arguments.join(" "), wanted, "{asked}");
            assert_eq!(reception.target, releases.join(".push-v2"));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let (_dir, releases) = folder();
        for asked in [
            "",
            "--daemon",
            "R/v1 R/.push-v2",
            "--server --sender -lrce.iLsfxCIvu . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --sender . R/.push-v2/",
            "--server -lrce.iLsfxCIvu . /etc/",
            "--server -lrce.iLsfxCIvu . R/v1/",
            "--server -lrce.iLsfxCIvu . R/",
            "--server -lrce.iLsfxCIvu . R/.push-",
            "--server -lrce.iLsfxCIvu . R/.push-v9/",
            "--server -lrce.iLsfxCIvu . R/.push-v2/../../x",
            "--server -lrce.iLsfxCIvu . R/.push-v2/sub/",
            "--server -lrce.iLsfxCIvu . R/../releases/.push-v2/",
            "--server -lrce.iLsfxCIvu . R//.push-v2/",
            "--server -lrce.iLsfxCIvu . R/.push-..",
            "--server -lrce.iLsfxCIvu . .push-v2/",
            "--server -lrce.iLsfxCIvu . R/.push-v2/ /etc/",
            "--server -lrce.iLsfxCIvu . 'R/.push-v2;id'",
            "--server -lrce.iLsfxCIvu . 'R/.push-$(id)'",
            "--server -lrce.iLsfxCIvu --copy-dest=/etc . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --copy-dest ../.. . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --copy-dest ../../etc . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --copy-dest ../v9 . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --copy-dest=R/v1/../.. . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --compare-dest=../v1 . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --compare-dest=/etc . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --rsh=sh . R/.push-v2/",
            "--server -e sh . R/.push-v2/",
            "--server -esh . R/.push-v2/",
            "--server '-e.i;id' . R/.push-v2/",
            "--server -slrce.iLsfxCIvu",
            "--server -slrce.iLsfxCIvu . R/.push-v2/",
            "--server -Klrce.iLsfxCIvu . R/.push-v2/",
            "--server -lgoDrce.iLsfxCIvu . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --files-from=/etc/shadow . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --from0 --files-from=- . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --log-file=/etc/cron.d/x . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --log-format='%i /etc' . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --temp-dir=/etc . R/.push-v2/",
            "--server -lrce.iLsfxCIvu -T /etc . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --partial-dir=/etc . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --backup-dir=/etc . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --write-devices . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --usermap=*:root . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --remove-source-files . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --link-dest=../v1 . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --link-dest ../v1 . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --inplace . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --append . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --append-verify . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --perms . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --chmod=u+s . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --devices . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --specials . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --hard-links . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --fake-super . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --super . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --backup . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --keep-dirlinks . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --delay-updates . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --fuzzy . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --iconv=. . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --chown=root . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --groupmap=*:root . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --delete-missing-args . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --remove-sent-files . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --timeout=x . R/.push-v2/",
            "--server -lrce.iLsfxCIvu -p . R/.push-v2/",
            "--server -lrpce.iLsfxCIvu . R/.push-v2/",
            "--server -lroce.iLsfxCIvu . R/.push-v2/",
            "--server -lrgce.iLsfxCIvu . R/.push-v2/",
            "--server -lrtce.iLsfxCIvu . R/.push-v2/",
            "--server -lrAce.iLsfxCIvu . R/.push-v2/",
            "--server -lrDce.iLsfxCIvu . R/.push-v2/",
            "--server -lrHce.iLsfxCIvu . R/.push-v2/",
            "--server -lrXce.iLsfxCIvu . R/.push-v2/",
            "--server -lrUce.iLsfxCIvu . R/.push-v2/",
            "--server -lrNce.iLsfxCIvu . R/.push-v2/",
            "--server -lrOce.iLsfxCIvu . R/.push-v2/",
            "--server -lrJce.iLsfxCIvu . R/.push-v2/",
            "--server -lrKce.iLsfxCIvu . R/.push-v2/",
            "--server -lrkce.iLsfxCIvu . R/.push-v2/",
            "--server -lrLce.iLsfxCIvu . R/.push-v2/",
            "--server -lrsce.iLsfxCIvu . R/.push-v2/",
            "--server -lrbce.iLsfxCIvu . R/.push-v2/",
            "--server -lrRce.iLsfxCIvu . R/.push-v2/",
            "--server -lruce.iLsfxCIvu . R/.push-v2/",
            "--server -lrSce.iLsfxCIvu . R/.push-v2/",
            "--server -lrxce.iLsfxCIvu . R/.push-v2/",
            "--server -lryce.iLsfxCIvu . R/.push-v2/",
            "--server -lrIce.iLsfxCIvu . R/.push-v2/",
            "--server -lrBce.iLsfxCIvu . R/.push-v2/",
            "--server -lrTce.iLsfxCIvu . R/.push-v2/",
            "--server -lrPce.iLsfxCIvu . R/.push-v2/",
            "--server -lr@ce.iLsfxCIvu . R/.push-v2/",
        ] {
            assert!(checked(asked, &releases).is_err(), "{asked}");
        }
    }

    #[test]
    fn an_older_laptop_is_told_what_is_the_matter() {
        let (_dir, releases) = folder();
        for asked in [
            "--server -lprce.iLsfxCIvu . R/.push-v2/",
            "--server -lrce.iLsfxCIvu --link-dest ../v1 . R/.push-v2/",
        ] {
            let refused = checked(asked, &releases).unwrap_err();
            assert!(refused.contains("same version on both"), "{refused}");
        }
    }
}
