//! Takes over a script's old backups on request, and notes the outcome in the journal.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use crate::backup::adopt::{AdoptError, Adoption, Outcome};
use crate::journal::Severity;

use super::App;

impl App {
    /// Takes over the backups that a folder of this machine holds, or looks only.
    ///
    /// # Errors
    /// The outer one is a fault of this machine; the inner one says why nothing, or not all, was taken over.
    pub async fn adopt(
        self: &Arc<Self>,
        from: PathBuf,
        by_mtime: bool,
        dry_run: bool,
    ) -> anyhow::Result<Result<Adoption, AdoptError>> {
        // A task of its own: whoever asked may go away meanwhile.
        let app = self.clone();
        let task = self.tasks.spawn(async move {
            let at = app.config.backup.at;
            let said = app.data.adopt(from.clone(), at, by_mtime, dry_run).await?;
            if !dry_run {
                app.note_adoption(&from, &said).await;
            }
            anyhow::Ok(said)
        });
        task.await.context("the adoption's task ended")?
    }

    async fn note_adoption(&self, from: &std::path::Path, said: &Result<Adoption, AdoptError>) {
        let from = from.display();
        let (severity, text) = match said {
            Ok(adoption) => {
                let [taken, refused] =
                    [Outcome::Taken, Outcome::Refused].map(|one| adoption.count(one));
                let more = match refused {
                    0 => String::new(),
                    n => format!(" {n} can't be relied on and stayed there."),
                };
                let severity = if refused == 0 {
                    Severity::Good
                } else {
                    Severity::Warning
                };
                let text = format!(
                    "{taken} of the {} backups in {from} were verified and taken over.{more}",
                    adoption.files.len()
                );
                (severity, text)
            }
            Err(error) => (
                Severity::Warning,
                format!("The backups in {from} could not be taken over: {error}."),
            ),
        };
        self.note(severity, text).await;
    }
}
