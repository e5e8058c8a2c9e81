//! Whether the disk has room for the next snapshot of one app.

use anyhow::Context;

use crate::backup::scratch::free_bytes;

use super::Data;
use super::work::blocking;

/// The room where the snapshots lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that may still be written there.
    pub free: u64,
    /// Bytes that the next snapshot will need, about: a quarter more than the newest one has. `None` before the first.
    pub next: Option<u64>,
}

impl Data {
    /// Asks the file system, given the size of the newest snapshot.
    ///
    /// # Errors
    /// The backups folder can't be asked.
    pub async fn room(&self, newest_bytes: Option<u64>) -> anyhow::Result<Room> {
        let folder = self.keeper.folder.clone();
        blocking(move || {
            let free = free_bytes(&folder)
                .with_context(|| format!("cannot ask for the room in {}", folder.display()))?;
            let next = newest_bytes.map(|bytes| bytes.saturating_add(bytes / 4));
            Ok(Room { free, next })
        })
        .await
    }
}
