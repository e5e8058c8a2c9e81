//! The backups folder: whether it is there, and the command that makes a new one.

use std::path::Path;

use anyhow::bail;

use crate::backup::{Keeper, catalogue};
use crate::config::BACKUP_GROUP;

/// A folder that is gone is a disk that fell off or was not mounted, or somebody's hand: a new one in its place would
/// look as if there had never been a snapshot, and take the nights that belong on that disk.
pub(super) fn check_folder(keeper: &Keeper) -> anyhow::Result<()> {
    let snapshots = catalogue::snapshots(&keeper.folder);
    if !snapshots.is_dir() {
        let group = uzers::get_group_by_name(BACKUP_GROUP).map(|_| BACKUP_GROUP);
        bail!(
            "the backups folder {} is gone, or what was in it: see whether its disk is mounted, and mount it. To begin \
             a new one in its place: `{}`",
            keeper.folder.display(),
            begin_anew(&keeper.folder, &snapshots, group)
        );
    }
    Ok(())
}

/// The command that makes a new backups folder, for who runs it as root. Where the laptops' group is there, it is the
/// folders': without it their keys could read nothing of what comes.
fn begin_anew(folder: &Path, snapshots: &Path, group: Option<&str>) -> String {
    let quoted = |path: &Path| shell_words::quote(&path.to_string_lossy()).into_owned();
    let group = group.map_or_else(String::new, |group| format!("-g {group} "));
    format!(
        "install -d -o {} {group}-m 2750 {} {}",
        rustix::process::geteuid().as_raw(),
        quoted(folder),
        quoted(snapshots)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_backups_folder_is_the_laptops_groups_where_that_is_there() {
        let uid = rustix::process::geteuid().as_raw();
        let said = |group| begin_anew("/mnt/a disk".as_ref(), "/mnt/a disk/s".as_ref(), group);
        assert_eq!(
            said(Some(BACKUP_GROUP)),
            format!("install -d -o {uid} -g tealkeep-backup -m 2750 '/mnt/a disk' '/mnt/a disk/s'")
        );
        assert_eq!(
            said(None),
            format!("install -d -o {uid} -m 2750 '/mnt/a disk' '/mnt/a disk/s'")
        );
    }
}
