//! The copy of the other side's configuration, which arrives with the snapshots, so that the laptop has it when the machine
//! at home is gone. It is a text for people; nothing here trusts it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::dest::Dest;
use crate::config::copy;
use crate::durable;

const FILE_MODE: u32 = 0o640;

/// Stores the copy beside the snapshots and returns its path. Each earlier copy stays, as `.before` or, if that name is taken,
/// as `.before-` and the time `now`: a machine that was set up again must not overwrite the only record of the old
/// configuration.
///
/// A copy that can't be read or was not written by Tealkeep is ignored.
///
/// # Errors
/// It can't be written here, or the file here was not written by Tealkeep; that file then stays unchanged.
pub fn take_over(dest: &Dest, now: Timestamp) -> anyhow::Result<Option<PathBuf>> {
    let here = dest.path().join(copy::FILE);
    let new = arrived(&dest.index().join(copy::FILE));
    let old = match fs::symlink_metadata(&here) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot look at {}", here.display()));
        }
        Ok(meta) => {
            let text = durable::read_small(&here, copy::MAX_BYTES).ok();
            match text.filter(|text| meta.is_file() && copy::is_copy(text)) {
                Some(text) => Some(text),
                None if new.is_none() => return Ok(None),
                None => bail!(
                    "{} was not written by Tealkeep, so it stays unchanged; rename it, and the next pull stores the copy there",
                    here.display()
                ),
            }
        }
    };
    let Some(new) = new.filter(|new| old.as_ref() != Some(new)) else {
        return Ok(old.map(|_| here));
    };
    if let Some(old) = old {
        keep(dest.path(), &old, now)?;
    }
    durable::write_whole(&here, &new, FILE_MODE)
        .with_context(|| format!("cannot keep {}", here.display()))?;
    Ok(Some(here))
}

/// The copy from the other side; no link or pipe is followed.
fn arrived(path: &Path) -> Option<Vec<u8>> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    let text = is_file.then(|| durable::read_small(path, copy::MAX_BYTES).ok())??;
    (copy::is_copy(&text) && std::str::from_utf8(&text).is_ok()).then_some(text)
}

/// Keeps a copy under a free name, unless an earlier one with the same text exists.
fn keep(folder: &Path, old: &[u8], now: Timestamp) -> anyhow::Result<()> {
    let first = format!("{}.before", copy::FILE);
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let entry = entry?;
        let is_earlier =
            entry.file_name().to_string_lossy().starts_with(&first) && entry.file_type()?.is_file();
        let text = is_earlier.then(|| durable::read_small(&entry.path(), copy::MAX_BYTES));
        if text.is_some_and(|text| text.is_ok_and(|text| text == old)) {
            return Ok(());
        }
    }
    let dated = format!("{first}-{}", now.strftime("%Y%m%dT%H%M%SZ"));
    let more = (2..).map(|number| format!("{dated}-{number}"));
    // The pull's lock prevents others from taking the name meanwhile.
    let free = [first, dated.clone()]
        .into_iter()
        .chain(more)
        .map(|name| folder.join(name))
        .find(|path| {
            path.symlink_metadata()
                .is_err_and(|e| e.kind() == ErrorKind::NotFound)
        });
    let path = free.context("no name is free for the earlier copy")?;
    durable::write_whole(&path, old, FILE_MODE)
        .with_context(|| format!("cannot keep {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Dest) {
        let dir = tempfile::tempdir().unwrap();
        let dest = Dest::open(dir.path()).map_err(|_| ()).unwrap();
        (dir, dest)
    }

    fn copy_of(text: &str) -> String {
        format!("# A copy of Tealkeep's configuration, without its comments\n{text}\n")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_796_000_000 + second).unwrap()
    }

    #[test]
    fn the_newest_copy_is_here_with_every_earlier_one_and_no_link_is_followed() {
        let (dir, dest) = folder();
        let came = dest.index().join(copy::FILE);
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).ok();
        assert_eq!(take_over(&dest, at(0)).unwrap(), None);
        // The third and the fourth change fall into one second; going back to a text keeps it no second time.
        let changes = [
            ("first", 0),
            ("second", 1),
            ("second", 2),
            ("third", 3),
            ("fourth", 3),
            ("third", 4),
            ("fourth", 5),
        ];
        for (text, second) in changes {
            fs::write(&came, copy_of(text)).unwrap();
            assert!(take_over(&dest, at(second)).unwrap().is_some());
            assert_eq!(read(copy::FILE), Some(copy_of(text)));
        }
        let dated = format!("tealkeep.toml.before-{}", at(3).strftime("%Y%m%dT%H%M%SZ"));
        assert_eq!(read("tealkeep.toml.before"), Some(copy_of("first")));
        assert_eq!(read(&dated), Some(copy_of("second")));
        assert_eq!(read(&format!("{dated}-2")), Some(copy_of("third")));
        let again = format!("tealkeep.toml.before-{}", at(4).strftime("%Y%m%dT%H%M%SZ"));
        assert_eq!(read(&again), Some(copy_of("fourth")));
        let kept = fs::read_dir(dir.path()).unwrap().flatten();
        let kept = kept.filter(|entry| entry.file_name().to_string_lossy().contains(".before"));
        assert_eq!(kept.count(), 4);

        // What is there no more stays here.
        fs::remove_file(&came).unwrap();
        assert!(take_over(&dest, at(6)).unwrap().is_some());
        std::os::unix::fs::symlink("/etc/passwd", &came).unwrap();
        take_over(&dest, at(6)).unwrap();
        assert_eq!(read(copy::FILE), Some(copy_of("fourth")));
        fs::remove_file(&came).unwrap();
        for none in [&b"\xff\xfe"[..], b"zone = \"UTC\"\n"] {
            fs::write(&came, none).unwrap();
            take_over(&dest, at(6)).unwrap();
            assert_eq!(read(copy::FILE), Some(copy_of("fourth")));
        }
    }

    #[test]
    fn a_file_of_somebodys_own_is_neither_replaced_nor_renamed() {
        let (dir, dest) = folder();
        let here = dir.path().join(copy::FILE);
        fs::write(&here, "zone = \"Europe/Berlin\"    # mine\n").unwrap();
        assert_eq!(take_over(&dest, at(0)).unwrap(), None);
        fs::write(dest.index().join(copy::FILE), copy_of("first")).unwrap();
        for second in [1, 2] {
            let refused = take_over(&dest, at(second)).unwrap_err().to_string();
            assert!(refused.contains("stays unchanged"), "{refused}");
        }
        assert_eq!(
            fs::read_to_string(&here).unwrap(),
            "zone = \"Europe/Berlin\"    # mine\n"
        );
        assert!(!dir.path().join("tealkeep.toml.before").exists());

        // Nor is a link, wherever it leads.
        let elsewhere = dir.path().join("elsewhere");
        fs::write(&elsewhere, copy_of("linked")).unwrap();
        fs::remove_file(&here).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &here).unwrap();
        take_over(&dest, at(3)).unwrap_err();
        assert!(here.is_symlink());
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), copy_of("linked"));
    }
}
