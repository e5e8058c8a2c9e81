//! Keeps a copy of the configuration, without its secrets, in each backups folder, from where a pull carries it to the
//! laptop.

use std::io;
use std::path::Path;

use crate::backup::catalogue;
use crate::config::{Config, copy};
use crate::durable;

/// As a manifest's: the laptop's key reads it by the folder's group.
const FILE_MODE: u32 = 0o640;

/// Writes the copy into each backups folder that has another one. One that can't be written is logged and no more: the
/// snapshots matter more.
pub fn keep_copies(config: &Config) {
    let Some(text) = config.copy.text() else {
        return;
    };
    for app in &config.apps {
        // A disk that is not mounted gets none.
        if !catalogue::snapshots(&app.backups).is_dir() {
            continue;
        }
        let path = app.backups.join(copy::FILE);
        if let Err(error) = write(&path, text) {
            tracing::warn!(
                "{} does not hold the copy of the configuration for the laptop: {error}",
                path.display()
            );
        }
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    match durable::read_small(path, copy::MAX_BYTES) {
        Ok(old) if old == text.as_bytes() => Ok(()),
        Ok(_) | Err(_) => durable::write_whole(path, text.as_bytes(), FILE_MODE),
    }
}
