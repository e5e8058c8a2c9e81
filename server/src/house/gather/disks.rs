//! How full the file systems are that Tealkeep and the apps write to.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::house::facts::{DiskFacts, Space};
use crate::names::AppName;

/// A folder that must have room.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Which one.
    pub(super) folder: PathBuf,
    /// What lies there, in words.
    pub(super) holds: String,
    /// The app whose snapshots lie there.
    pub(super) backups_of: Option<AppName>,
    /// Bytes that are to be written there.
    pub(super) need: u64,
}

/// Asks for the room in these folders: one entry for each file system.
pub(super) fn look(places: Vec<Place>) -> Vec<DiskFacts> {
    let mut disks: Vec<(Option<u64>, DiskFacts)> = Vec::new();
    for place in places {
        let device = place.folder.metadata().ok().map(|meta| meta.dev());
        let same = disks
            .iter_mut()
            .find(|(known, _)| device.is_some() && *known == device);
        if let Some((_, disk)) = same {
            disk.holds.push(place.holds);
            disk.backups_of = disk.backups_of.take().or(place.backups_of);
            disk.need = disk.need.saturating_add(place.need);
            continue;
        }
        let space = rustix::fs::statvfs(&place.folder).ok().map(|stat| Space {
            // One in user space may have no size at all.
            free: if stat.f_blocks == 0 {
                u64::MAX
            } else {
                stat.f_bavail.saturating_mul(stat.f_frsize)
            },
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        });
        disks.push((device, disk_of(place, space)));
    }
    disks.into_iter().map(|(_, disk)| disk).collect()
}

/// What is known of these folders where nobody could be asked in time.
pub(super) fn unanswered(places: Vec<Place>) -> Vec<DiskFacts> {
    places
        .into_iter()
        .map(|place| disk_of(place, None))
        .collect()
}

fn disk_of(place: Place, space: Option<Space>) -> DiskFacts {
    DiskFacts {
        folder: place.folder,
        holds: vec![place.holds],
        backups_of: place.backups_of,
        space,
        need: place.need,
    }
}
