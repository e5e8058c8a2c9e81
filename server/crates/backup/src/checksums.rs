//! Reads `SHA256SUMS`, the list by which `sha256sum -c` proves a copy of the folder.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use tealkeep_base::durable;
use tealkeep_words::snapshot::SnapshotId;

/// What `SHA256SUMS` names at the moment: each snapshot with its checksum. Lines that are not ours are
/// passed over; a file that is not there names nothing.
///
/// # Errors
/// The file can't be read.
pub fn read(folder: &Path) -> io::Result<BTreeMap<SnapshotId, String>> {
    let text = match durable::read_small(&folder.join(SUMS), MAX_BYTES) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(e),
    };
    let named = text.lines().filter_map(|line| {
        let (sum, name) = line.split_once("  ")?;
        let id = SnapshotId::from_file_name(name.strip_prefix("snapshots/")?)?;
        Some((id, sum.to_owned()))
    });
    Ok(named.collect())
}

/// The name of the list in the folder.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// More than the list ever has: a hundred thousand snapshots.
pub(crate) const MAX_BYTES: u64 = 16 << 20;
