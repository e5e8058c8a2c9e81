//! While a release is prepared, the app's user may write to all of its directories that Tealkeep owns, through their group;
//! before and afterwards to none.

use std::ffi::OsStr;
use std::io;

use crate::tree::{Folder, Kind};

/// Opens what has this name in a folder, with all directories of Tealkeep's in it, to the group, or closes them.
///
/// Each is changed before what is in it is listed: once a directory is closed, nothing can be moved out of the
/// part that is still to be closed into it. What the app's user made is not entered: its modes are its own
/// affair, and what was sealed there stays so.
pub(super) fn set(folder: &Folder, name: &OsStr, open: bool) -> io::Result<()> {
    let Some(entry) = folder.entry(name)? else {
        return Ok(());
    };
    let is_received = entry.is_ours() && entry.mode() & 0o200 != 0;
    if entry.kind() != Kind::Folder || !is_received {
        return Ok(());
    }
    // The bit that hands the group on stays as the folder of the releases gave it.
    let wanted = (entry.mode() & 0o2000) | if open { 0o770 } else { 0o750 };
    if entry.mode() != wanted {
        entry.set_mode(wanted)?;
    }
    let inner = entry.folder()?;
    drop(entry);
    for below in inner.names()? {
        set(&inner, &below, open)?;
    }
    Ok(())
}
