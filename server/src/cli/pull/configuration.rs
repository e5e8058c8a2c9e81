//! The copy of the other side's configuration, which comes along with the snapshots: on the day when the machine at home
//! is gone, the laptop has it. It is text to read, and nothing here believes it.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::Context;

use super::dest::Dest;
use crate::config::copy;
use crate::durable;

const FILE_MODE: u32 = 0o640;

/// Puts the copy that has come beside the snapshots, and says where one lies. The one before stays under the ending
/// `.before`: a machine that was set up anew must not take away the only trace of how the old one was.
///
/// # Errors
/// It can't be written here. One that can't be read, or is no text, is passed over.
pub fn take_over(dest: &Dest) -> anyhow::Result<Option<PathBuf>> {
    let came = dest.index().join(copy::FILE);
    let here = dest.path().join(copy::FILE);
    let old = durable::read_small(&here, copy::MAX_BYTES).ok();
    // Neither a link nor a pipe is followed.
    let is_file = fs::symlink_metadata(&came).is_ok_and(|meta| meta.is_file());
    let new = match is_file {
        true => durable::read_small(&came, copy::MAX_BYTES).ok(),
        false => None,
    };
    let new = new.filter(|new| std::str::from_utf8(new).is_ok() && old.as_ref() != Some(new));
    let Some(new) = new else {
        return Ok(old.map(|_| here));
    };
    let doing = || format!("cannot keep {}", here.display());
    let before = dest.path().join(format!("{}.before", copy::FILE));
    match fs::rename(&here, before) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).with_context(doing),
        Ok(()) | Err(_) => {}
    }
    durable::write_whole(&here, &new, FILE_MODE).with_context(doing)?;
    Ok(Some(here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_copy_is_here_with_the_one_before_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let dest = Dest::open(dir.path()).map_err(|_| ()).unwrap();
        let came = dest.index().join(copy::FILE);
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).ok();
        assert_eq!(take_over(&dest).unwrap(), None);
        for text in ["first", "second", "second"] {
            fs::write(&came, text).unwrap();
            assert!(take_over(&dest).unwrap().is_some());
            assert_eq!(read(copy::FILE).as_deref(), Some(text));
        }
        assert_eq!(read("tealkeep.toml.before").as_deref(), Some("first"));

        // What is there no more stays here.
        fs::remove_file(&came).unwrap();
        assert!(take_over(&dest).unwrap().is_some());
        std::os::unix::fs::symlink("/etc/passwd", &came).unwrap();
        take_over(&dest).unwrap();
        assert_eq!(read(copy::FILE).as_deref(), Some("second"));
        fs::remove_file(&came).unwrap();
        fs::write(&came, b"\xff\xfe").unwrap();
        take_over(&dest).unwrap();
        assert_eq!(read(copy::FILE).as_deref(), Some("second"));
    }
}
