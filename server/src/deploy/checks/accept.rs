//! Findings that a person accepts: they are still reported, and no longer block deploys.

use crate::deploy::{App, Refusal};
use crate::journal::Severity;
use crate::journal::checks::{Acceptance, Scope};

/// The longest text of a person that says why a finding is accepted, in bytes.
const MAX_REASON_LENGTH: usize = 2000;

impl App {
    /// Accepts findings: from now on they are told, and count for nothing.
    ///
    /// # Errors
    /// No check that is kept has found any of them, they were accepted before, or no reason is given.
    pub async fn accept(&self, scope: Scope, by: &str, why: &str) -> Result<Acceptance, Refusal> {
        let why = why.trim();
        if why.is_empty() || why.len() > MAX_REASON_LENGTH {
            return Err(Refusal::Impossible(format!(
                "say why it is accepted, in one sentence or a few (at most {MAX_REASON_LENGTH} letters): whoever reads it in a year must understand it"
            )));
        }
        let checks = self.journal.checks(self.name().clone(), u32::MAX).await?;
        let was_found = checks
            .iter()
            .flat_map(|check| &check.findings)
            .any(|found| scope.covers(&found.finding));
        if !was_found {
            return Err(Refusal::Impossible(format!(
                "no check of {} that is kept has found {scope}; accept a finding as the check tells it",
                self.name()
            )));
        }
        let accepted = self
            .journal
            .accept(
                self.name().clone(),
                scope.clone(),
                by.to_owned(),
                why.to_owned(),
            )
            .await?;
        let Some(accepted) = accepted else {
            return Err(Refusal::Impossible(format!("{scope} was accepted before")));
        };
        let text = format!("{} was accepted by {by}: {why}", capital(&scope));
        self.note(Severity::Warning, sentence(text)).await;
        Ok(accepted)
    }

    /// Takes an acceptance back: from now on the finding counts again.
    ///
    /// # Errors
    /// None of that number holds.
    pub async fn revoke_acceptance(&self, id: i64, by: &str) -> Result<Acceptance, Refusal> {
        let revoked = self
            .journal
            .revoke_acceptance(self.name().clone(), id, by.to_owned())
            .await?;
        let Some(revoked) = revoked else {
            return Err(Refusal::Impossible(format!(
                "no acceptance {id} of {} holds; it may have been taken back already",
                self.name()
            )));
        };
        let text = format!(
            "{} counts again: its acceptance was taken back by {by}.",
            capital(&revoked.scope())
        );
        self.note(Severity::Info, text).await;
        Ok(revoked)
    }
}

/// As a sentence begins.
fn capital(scope: &Scope) -> String {
    let text = scope.to_string();
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// Ends a person's words as a sentence ends.
fn sentence(mut text: String) -> String {
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}
