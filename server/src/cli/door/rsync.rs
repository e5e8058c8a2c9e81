//! What rsync's sender may ask of its receiver here: one list of the options that `tealkeep push` uses, and
//! one place to write to. What is not on the list is refused, whatever it means.

use std::path::{Component, Path, PathBuf};

use crate::deploy::release::PUSH_PREFIX;
use crate::names::ReleaseId;

/// Short options that a receiver may be given: verbosity, recursion, links, modes, checksums, a dry run,
/// itemized changes, whole files, and what old versions send along with these.
const SHORT: &str = "vrlpcnizhW";

/// Long options that stand alone.
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

/// Checks the words after `rsync`, and returns where it will write to: it must be a server that receives into `.push-<id>` directly below one of
/// the folders of releases, and links from releases beside it at most.
///
/// # Errors
/// Why not, in words.
pub fn check(words: &[String], folders: &[PathBuf]) -> Result<PathBuf, String> {
    let mut words = words.iter().map(String::as_str);
    if words.next() != Some("--server") {
        return Err("rsync runs here as the other side of a push only".to_owned());
    }
    let mut links = Vec::new();
    loop {
        let word = words.next().ok_or("rsync was not told where to write to")?;
        if word == "." {
            break;
        }
        if let Some(value) = word.strip_prefix("--link-dest=") {
            links.push(value);
        } else if word == "--link-dest" {
            links.push(words.next().ok_or("--link-dest names nothing")?);
        } else if let Some(format) = word.strip_prefix("--log-format=") {
            // What the receiver prints for each file; the sender sends `%i` or nothing but a mark.
            if !format.bytes().all(|b| b.is_ascii_alphabetic() || b == b'%') {
                return Err(format!("rsync's option {word} is not for this key"));
            }
        } else if let Some(seconds) = word.strip_prefix("--timeout=") {
            if seconds.parse::<u32>().is_err() {
                return Err(format!("rsync's option {word} is not for this key"));
            }
        } else if !(LONG.contains(&word) || is_short(word)) {
            return Err(format!("rsync's option {word} is not for this key"));
        }
    }
    let target = words.next().ok_or("rsync was not told where to write to")?;
    if words.next().is_some() {
        return Err("rsync writes to one place at a time".to_owned());
    }
    let folder = folder_of(target, folders)?;
    links
        .into_iter()
        .try_for_each(|link| check_link(link, folder))?;
    Ok(PathBuf::from(target.strip_suffix('/').unwrap_or(target)))
}

/// A bundle of known short options, ended by what the client can do: `-vlprc` and `e.iLsfxCIvu`.
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

/// The folder of releases that a target is directly in, which must be a directory that is being filled.
fn folder_of<'a>(target: &str, folders: &'a [PathBuf]) -> Result<&'a Path, String> {
    let wrong =
        || format!("rsync may not write to {target}; a push goes to {PUSH_PREFIX}<release>");
    let trimmed = target.strip_suffix('/').unwrap_or(target);
    let (folder, name) = trimmed.rsplit_once('/').ok_or_else(wrong)?;
    // Compared as text: whatever is not exactly the folder that the server named is another one.
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

/// Files may be linked from a release beside the target.
fn check_link(link: &str, folder: &Path) -> Result<(), String> {
    let wrong = || format!("rsync may not link from {link}; a push links from the newest release");
    let path = Path::new(link.strip_suffix('/').unwrap_or(link));
    let name = match path.components().collect::<Vec<_>>()[..] {
        [Component::ParentDir, Component::Normal(name)] => name,
        _ if path.parent() == Some(folder) => path.file_name().ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    let name = name.to_str().ok_or_else(wrong)?;
    name.parse::<ReleaseId>().map_err(|_| wrong())?;
    match folder.join(name).symlink_metadata() {
        Ok(meta) if meta.is_dir() => Ok(()),
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

    fn checked(asked: &str, releases: &Path) -> Result<(), String> {
        let asked = asked.replace("R/", &format!("{}/", releases.display()));
        let words = shell_words::split(&asked).unwrap();
        check(&words, &[releases.to_owned()]).map(drop)
    }

    #[test]
    fn what_a_push_asks_for_is_allowed() {
        let (_dir, releases) = folder();
        for asked in [
            "--server -lprce.iLsfxCIvu --delete --partial --stats --link-dest ../v1 . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --delete-excluded --partial --stats --link-dest=../v1 . R/.push-v2/",
            "--server -vlprcze31.14 --log-format=%i --link-dest=R/v1 . R/.push-v2",
            "--server -lprce.LsfxCIvu --log-format=X --partial . R/.push-v2/",
        ] {
            assert_eq!(checked(asked, &releases), Ok(()), "{asked}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let (_dir, releases) = folder();
        for asked in [
            "",
            "--daemon",
            "R/v1 R/.push-v2",
            "--server --sender -lprce.iLsfxCIvu . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --sender . R/.push-v2/",
            "--server -lprce.iLsfxCIvu . /etc/",
            "--server -lprce.iLsfxCIvu . R/v1/",
            "--server -lprce.iLsfxCIvu . R/",
            "--server -lprce.iLsfxCIvu . R/.push-",
            "--server -lprce.iLsfxCIvu . R/.push-v9/",
            "--server -lprce.iLsfxCIvu . R/.push-v2/../../x",
            "--server -lprce.iLsfxCIvu . R/.push-v2/sub/",
            "--server -lprce.iLsfxCIvu . R/../releases/.push-v2/",
            "--server -lprce.iLsfxCIvu . R//.push-v2/",
            "--server -lprce.iLsfxCIvu . R/.push-..",
            "--server -lprce.iLsfxCIvu . .push-v2/",
            "--server -lprce.iLsfxCIvu . R/.push-v2/ /etc/",
            "--server -lprce.iLsfxCIvu . 'R/.push-v2;id'",
            "--server -lprce.iLsfxCIvu . 'R/.push-$(id)'",
            "--server -lprce.iLsfxCIvu --link-dest=/etc . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --link-dest ../.. . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --link-dest ../../etc . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --link-dest ../v9 . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --link-dest=R/v1/../.. . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --copy-dest=../v1 . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --compare-dest=/etc . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --rsh=sh . R/.push-v2/",
            "--server -e sh . R/.push-v2/",
            "--server -esh . R/.push-v2/",
            "--server '-e.i;id' . R/.push-v2/",
            "--server -slprce.iLsfxCIvu",
            "--server -slprce.iLsfxCIvu . R/.push-v2/",
            "--server -Klprce.iLsfxCIvu . R/.push-v2/",
            "--server -lgoDprce.iLsfxCIvu . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --files-from=/etc/shadow . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --from0 --files-from=- . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --log-file=/etc/cron.d/x . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --log-format='%i /etc' . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --temp-dir=/etc . R/.push-v2/",
            "--server -lprce.iLsfxCIvu -T /etc . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --partial-dir=/etc . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --backup-dir=/etc . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --write-devices . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --usermap=*:root . R/.push-v2/",
            "--server -lprce.iLsfxCIvu --remove-source-files . R/.push-v2/",
        ] {
            assert!(checked(asked, &releases).is_err(), "{asked}");
        }
    }
}
