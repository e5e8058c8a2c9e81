//! The policies as a step of a deploy: the release on the target colour is checked before users see it.

use anyhow::bail;

use super::{Context, Outcome};
use crate::deploy::checks::BeforeSwap;
use crate::deploy::verdict;
use crate::policy::Severity;

/// Checks the target colour.
pub(super) async fn check(run: &Context) -> anyhow::Result<Outcome> {
    let (app, facts, release) = (&run.app, &run.facts, &run.facts.release);
    if app.config.policy.is_off() {
        return Ok(Outcome::Skipped(
            "every policy is switched off for this app".to_owned(),
        ));
    }
    let check = app
        .check_before_swap(BeforeSwap {
            run: run.run,
            release,
            previous: facts.previous.as_ref(),
            to: facts.to,
            from: facts.from,
        })
        .await?;
    if let Some(why) = &check.unreachable {
        bail!("{release} on {} could not be checked: {why}", facts.to);
    }
    let page = format!("/apps/{}/checks/{}", app.name(), check.id);
    if let Some(found) = verdict::in_a_sentence(&check, Severity::Fail) {
        bail!(
            "the policies refuse {release}: {found}. What was seen, and what to change, stands at {page} on the dashboard; \
             mend the release and deploy it anew, or accept the findings there or with `tealkeep accept {}`",
            app.name()
        );
    }
    let accepted = check
        .findings
        .iter()
        .filter(|found| found.accepted.is_some());
    let mut detail = match verdict::in_a_sentence(&check, Severity::Warn) {
        Some(found) => format!("goes on with a warning: {found}; see {page}"),
        None => "nothing is kept longer than it may be".to_owned(),
    };
    match accepted.count() {
        0 => {}
        1 => detail.push_str("; one finding was accepted before"),
        many => detail.push_str(&format!("; {many} findings were accepted before")),
    }
    if let Some(seen) = &check.seen {
        detail.push_str(&format!(
            "; looked at {}",
            seen.in_words().trim_end_matches('.')
        ));
    }
    Ok(Outcome::Done(detail))
}
