//! Room that Tealkeep keeps aside in its state folder: on a disk that somebody filled to the last byte SQLite can't even
//! open the journal, and then nothing would start and nobody would hear why. It is given up when the disk is full, and
//! laid up again when there is room.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::FallocateFlags;

use crate::backup::scratch::free_bytes;
use crate::durable;

/// What is kept aside: years of the journal's events.
const RESERVE_BYTES: u64 = 4 << 20;
/// With less than this the journal may not take its next event.
const FULL_BYTES: u64 = 1 << 20;

/// The nights of several apps may end at once. It guards no value, so a panic leaves nothing broken.
static TURN: Mutex<()> = Mutex::new(());

/// Gives the room up if the disk is full and there is some: whether it did. A fault is logged only, since what comes
/// next fails for the same reason and says so.
pub fn make_room(state: &Path) -> bool {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let made = free_bytes(state).and_then(|free| {
        let path = file_in(state);
        let gives = free < FULL_BYTES && path.exists();
        if gives {
            durable::remove(&path)?;
        }
        Ok(gives)
    });
    made.unwrap_or_else(|error| {
        tracing::error!("no room could be made in {}: {error}", state.display());
        false
    })
}

/// Lays the room up again, if it is not there and there is plenty. Without it everything goes on.
pub fn lay_up(state: &Path) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let path = file_in(state);
    if path.exists() {
        return;
    }
    let laid_up = free_bytes(state).and_then(|free| {
        if free < 8 * RESERVE_BYTES {
            return Ok(());
        }
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES) {
            Ok(()) => file.sync_all(),
            Err(error) => {
                // An empty one would be taken for room that is there.
                std::fs::remove_file(&path)?;
                Err(io::Error::from(error))
            }
        }
    });
    if let Err(error) = laid_up {
        tracing::warn!("no room is kept aside in {}: {error}", state.display());
    }
}

fn file_in(state: &Path) -> PathBuf {
    state.join("reserve")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_laid_up_once_and_not_given_up_while_there_is_some() {
        let dir = tempfile::tempdir().unwrap();
        lay_up(dir.path());
        let laid_up = std::fs::metadata(file_in(dir.path())).unwrap();
        assert_eq!(laid_up.len(), RESERVE_BYTES);
        lay_up(dir.path());
        let again = std::fs::metadata(file_in(dir.path())).unwrap();
        assert_eq!(again.modified().unwrap(), laid_up.modified().unwrap());
        assert!(!make_room(dir.path()));
        assert!(file_in(dir.path()).exists());
    }
}
