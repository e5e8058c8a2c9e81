//! Taking over a script's old backups for one app, off the async threads.

use std::path::PathBuf;

use jiff::civil::Time;

use crate::backup::adopt::{AdoptError, AdoptOptions, Adoption, adopt};
use crate::backup::{Progress, Stage, Watch};
use crate::faults;

use super::Data;
use super::folder::check_folder;
use super::work::blocking_at_length;

impl Data {
    /// Takes over what a folder holds; a second one waits, unless it is a look only. The inner result is the backups'
    /// own.
    ///
    /// # Errors
    /// The backups folder is gone, or the working thread ended.
    pub async fn adopt(
        &self,
        from: PathBuf,
        at: Time,
        by_mtime: bool,
        dry_run: bool,
    ) -> anyhow::Result<Result<Adoption, AdoptError>> {
        let _one_at_a_time = match dry_run {
            true => None,
            false => Some(self.adopting.lock().await),
        };
        let order = AdoptOptions {
            from,
            now: self.clock.local(),
            at,
            by_mtime,
            dry_run,
        };
        let (keeper, deadline, cancel) = (self.keeper.clone(), ADOPTION_DEADLINE, self.cancel());
        blocking_at_length(move || {
            check_folder(&keeper)?;
            let mut tell = |progress: Progress| {
                if progress.stage == Stage::Copying && progress.done > 0 {
                    faults::point("adopt.copying");
                }
            };
            Ok(adopt(
                &keeper,
                &order,
                &mut Watch::new(&mut tell, cancel, deadline),
            ))
        })
        .await
    }
}

/// How long all of a folder may take.
const ADOPTION_DEADLINE: std::time::Duration = std::time::Duration::from_secs(6 * 3600);
