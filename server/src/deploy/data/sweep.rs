//! Removes, at a start, what the process before left half done.

use anyhow::Context;

use super::Data;
use super::content::UNPACKED;
use super::folder::check_folder;
use super::snapshots::TAKING;
use super::work::{blocking, to_anyhow};
use crate::backup::scratch::is_part_name;
use crate::durable;
use crate::journal::Severity;

impl Data {
    /// Removes what a start before this one left half done, and says which snapshot was cut off. Makes the backups
    /// folder where the journal knows of no night that went well.
    ///
    /// # Errors
    /// The folders can't be used, or the backups folder is gone.
    pub async fn sweep(&self) -> anyhow::Result<()> {
        let is_first = !self.journal.has_good_night(self.app.clone()).await?;
        let keeper = self.keeper.clone();
        let (cut_off, there) = blocking(move || {
            std::fs::create_dir_all(&keeper.scratch)
                .with_context(|| format!("cannot make {}", keeper.scratch.display()))?;
            for entry in std::fs::read_dir(&keeper.scratch)?.flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with(UNPACKED) || is_part_name(&name) {
                    std::fs::remove_file(entry.path())?;
                }
            }
            let there = match is_first {
                true => Ok(()),
                false => check_folder(&keeper),
            };
            if there.is_ok() {
                keeper.clean_up().map_err(to_anyhow)?;
            }
            let taking = keeper.scratch.join(TAKING);
            let cut_off = std::fs::read_to_string(&taking).ok();
            durable::remove(&taking)?;
            Ok((cut_off, there))
        })
        .await?;
        if let Some(reason) = cut_off {
            let text = format!(
                "Tealkeep had been cut off while it took a {reason} snapshot; if that was complete by then it is listed, and \
                 if not, nothing of it is left."
            );
            self.note(Severity::Warning, text).await;
        }
        there
    }
}
