//! What is known of the checks of an app, by what is accepted now.

use std::collections::HashSet;

use axum::http::StatusCode;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::deploy::{App, verdict};
use crate::http::problem::Problem;
use crate::journal::Journal;
use crate::journal::checks::{Check, CheckId, Target};
use crate::journal::runs::RunId;
use crate::names::ReleaseId;
use crate::policy::{Severity, Verdict};

/// How many checks are listed.
pub const MAX_CHECKS: u32 = 50;

/// A check in short.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CheckFacts {
    /// Its number.
    pub id: CheckId,
    /// When it last came out like this.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What was asked.
    pub target: Target,
    /// The address that was asked for.
    pub url: String,
    /// The release that answered, where it is known.
    pub release: Option<ReleaseId>,
    /// The run that it belongs to.
    pub run: Option<RunId>,
    /// The worst of the findings that nobody accepted; null where there was no answer.
    pub verdict: Option<Verdict>,
    /// Why there was no answer, in words that continue "the address …".
    pub unreachable: Option<String>,
    /// How many findings count, and fail.
    pub fails: usize,
    /// How many count, and warn.
    pub warns: usize,
    /// How many a person accepted.
    pub accepted: usize,
}

impl From<&Check> for CheckFacts {
    fn from(check: &Check) -> CheckFacts {
        CheckFacts {
            id: check.id,
            at: check.at,
            target: check.target,
            url: check.url.clone(),
            release: check.release.clone(),
            run: check.run,
            verdict: check.verdict,
            unreachable: check.unreachable.clone(),
            fails: check.counting(Severity::Fail).count(),
            warns: check.counting(Severity::Warn).count(),
            accepted: check
                .findings
                .iter()
                .filter(|found| found.accepted.is_some())
                .count(),
        }
    }
}

/// The newest check of each kind, as the status tells it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct LastChecks {
    /// Of what people see.
    pub public: Option<CheckFacts>,
    /// Of a release before its swap.
    pub idle: Option<CheckFacts>,
}

/// The newest checks of an app, newest first: the newest of each target by what is accepted now, older ones by what
/// was accepted then.
///
/// # Errors
/// The journal can't be read.
pub async fn all_of(journal: &Journal, app: &App, limit: u32) -> anyhow::Result<Vec<Check>> {
    let accepted = journal.acceptances(app.name().clone(), false).await?;
    let mut checks = journal.checks(app.name().clone(), limit).await?;
    let mut seen = HashSet::new();
    for check in &mut checks {
        if seen.insert(check.target) {
            *check = verdict::as_it_stands(check.clone(), &accepted);
        }
    }
    Ok(checks)
}

/// The newest check of each kind, by what is accepted now.
///
/// # Errors
/// The journal can't be read.
pub async fn newest_of(
    journal: &Journal,
    app: &App,
) -> anyhow::Result<(Option<Check>, Option<Check>)> {
    let name = app.name();
    let accepted = journal.acceptances(name.clone(), false).await?;
    let newest = async |target| {
        let check = journal.newest_check(name.clone(), target).await?;
        anyhow::Ok(check.map(|check| verdict::as_it_stands(check, &accepted)))
    };
    // Of another target are those from before the configuration named an address, or named none any more.
    let seen = match app.config.url {
        Some(_) => Target::Public,
        None => Target::Live,
    };
    Ok((newest(seen).await?, newest(Target::Idle).await?))
}

/// One check; the marks of what is accepted are those of now.
pub(in crate::http) async fn one_of(
    journal: &Journal,
    app: &App,
    id: CheckId,
) -> Result<Check, Problem> {
    let name = app.name();
    let Some(check) = journal.check(name.clone(), id).await? else {
        let text = format!("{name} has no check {id}; only the newest ones are kept");
        return Err(Problem::new(StatusCode::NOT_FOUND, text));
    };
    let accepted = journal.acceptances(name.clone(), false).await?;
    Ok(verdict::as_it_stands(check, &accepted))
}
