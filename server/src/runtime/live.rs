//! The files that tell an app's processes which colour is live: `<colour>/live` exists while its colour
//! is, `<colour>/draining` while it drains. At every instant, also of a power cut, at least one is there.

use std::io;
use std::path::{Path, PathBuf};

use crate::durable;
use crate::names::Colour;

/// `TEALKEEP_LIVE_FILE` of a colour, below the app's own state folder.
#[must_use]
pub fn live_file(folder: &Path, colour: Colour) -> PathBuf {
    folder.join(colour.as_str()).join("live")
}

/// The file that exists beside it while the colour drains.
#[must_use]
pub fn draining_file(folder: &Path, colour: Colour) -> PathBuf {
    folder.join(colour.as_str()).join("draining")
}

/// Makes a colour's folder, which the app's own user can enter and read.
///
/// # Errors
/// The folder can't be written.
pub fn make_folder(folder: &Path, colour: Colour) -> io::Result<()> {
    durable::make_folder(&folder.join(colour.as_str()), 0o755)
}

/// Says that a colour is live, or about to be.
///
/// # Errors
/// The folder can't be written.
pub fn mark_live(folder: &Path, colour: Colour) -> io::Result<()> {
    make_folder(folder, colour)?;
    durable::remove(&draining_file(folder, colour))?;
    durable::write_whole(&live_file(folder, colour), b"", 0o644)
}

/// Says that a colour is not live any more.
///
/// # Errors
/// The folder can't be written.
pub fn unmark_live(folder: &Path, colour: Colour) -> io::Result<()> {
    durable::remove(&live_file(folder, colour))
}

/// Says that a colour drains, or that it has drained.
///
/// # Errors
/// The folder can't be written.
pub fn set_draining(folder: &Path, colour: Colour, drains: bool) -> io::Result<()> {
    let file = draining_file(folder, colour);
    if drains {
        durable::write_whole(&file, b"", 0o644)
    } else {
        durable::remove(&file)
    }
}

/// Removes what a crash left of such a file that was just being written.
///
/// # Errors
/// The folder can't be written.
pub fn sweep(folder: &Path) -> io::Result<()> {
    durable::remove_parts(folder)?;
    for colour in Colour::BOTH {
        durable::remove_parts(&folder.join(colour.as_str()))?;
    }
    Ok(())
}
