//! Where things lie in a backups folder.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tealkeep_words::snapshot::Tier;

/// The folder that the snapshots themselves lie in.
#[must_use]
pub fn snapshots(folder: &Path) -> PathBuf {
    folder.join("snapshots")
}

/// Makes the folder and what belongs into it where missing, 0750, taking over the set-group-id bit of the
/// folder above. What is there already keeps its owner and mode.
///
/// # Errors
/// A directory can't be made.
pub fn ensure_layout(folder: &Path) -> io::Result<()> {
    let make = |dir: &Path| {
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(dir)
            .map_err(|e| io::Error::new(e.kind(), format!("cannot make {}: {e}", dir.display())))
    };
    make(&snapshots(folder))?;
    for tier in Tier::ALL {
        make(&folder.join(tier.as_str()))?;
    }
    Ok(())
}
