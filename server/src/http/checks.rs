//! Checks and acceptances in the API and as forms of the dashboard: what the policies found in an app, looking
//! anew, and accepting a finding or taking that back.

use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::{Form, Json};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tealkeep_app::model as view;
use tower_sessions::Session;

use super::guard::Caller;
use super::pages::{self, Drawn, Failure};
use super::problem::Problem;
use super::{Server, api, console};
use crate::deploy::{App, Refusal, verdict};
use crate::journal::checks::{Acceptance, Check, CheckId, Scope, Target};
use crate::journal::runs::RunId;
use crate::names::ReleaseId;
use crate::policy::{Kind, Policy, Severity, Verdict};

/// How many checks are listed.
pub(super) const LISTED: u32 = 50;

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

/// What accepting takes: which findings, and why. Either `kind` and `url` name one finding as a check told it, or
/// `pattern` names addresses, of one `kind` or of all kinds of the policy.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    /// The rule.
    pub policy: Policy,
    /// What exactly; may be left out beside a `pattern`, for every kind of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The URL that it is about, exactly as in the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// In place of `url`: a pattern for URLs, in which `*` stands for any characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Why it is accepted, for whoever reads it in a year.
    pub why: String,
}

/// Whether acceptances that were taken back are listed too.
#[derive(Debug, Deserialize)]
pub struct AcceptancesQuery {
    #[serde(default)]
    all: bool,
}

type Answer<T> = Result<Json<T>, Problem>;
type Shared = State<Arc<Server>>;

/// The newest checks of an app, newest first: the newest of each target by what is accepted now, older ones by what
/// was accepted then.
///
/// # Errors
/// The journal can't be read.
pub async fn all_of(server: &Server, app: &App, limit: u32) -> anyhow::Result<Vec<Check>> {
    let accepted = server
        .journal
        .acceptances(app.name().clone(), false)
        .await?;
    let mut checks = server.journal.checks(app.name().clone(), limit).await?;
    let mut seen = std::collections::HashSet::new();
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
    server: &Server,
    app: &App,
) -> anyhow::Result<(Option<Check>, Option<Check>)> {
    let name = app.name();
    let accepted = server.journal.acceptances(name.clone(), false).await?;
    let newest = async |target| {
        let check = server.journal.newest_check(name.clone(), target).await?;
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
async fn one_of(server: &Server, app: &App, id: CheckId) -> Result<Check, Problem> {
    let name = app.name();
    let Some(check) = server.journal.check(name.clone(), id).await? else {
        let text = format!("{name} has no check {id}; only the newest ones are kept");
        return Err(Problem::new(StatusCode::NOT_FOUND, text));
    };
    let accepted = server.journal.acceptances(name.clone(), false).await?;
    Ok(verdict::as_it_stands(check, &accepted))
}

/// `GET /api/v1/apps/{app}/checks`
pub async fn list(State(server): Shared, Path(app): Path<String>) -> Answer<Vec<CheckFacts>> {
    let checks = all_of(&server, api::find(&server, &app)?, LISTED).await?;
    Ok(Json(checks.iter().map(CheckFacts::from).collect()))
}

/// `GET /api/v1/apps/{app}/checks/{id}`
pub async fn one(State(server): Shared, Path((app, id)): Path<(String, CheckId)>) -> Answer<Check> {
    Ok(Json(one_of(&server, api::find(&server, &app)?, id).await?))
}

/// `POST /api/v1/apps/{app}/checks`
pub async fn check_now(State(server): Shared, Path(app): Path<String>) -> Answer<Check> {
    Ok(Json(api::find(&server, &app)?.check_now().await?))
}

/// `GET /api/v1/apps/{app}/acceptances`
pub async fn acceptances(
    State(server): Shared,
    Path(app): Path<String>,
    Query(query): Query<AcceptancesQuery>,
) -> Answer<Vec<Acceptance>> {
    let name = api::find(&server, &app)?.name().clone();
    Ok(Json(server.journal.acceptances(name, query.all).await?))
}

/// `POST /api/v1/apps/{app}/acceptances`
pub async fn accept(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path(app): Path<String>,
    Json(request): Json<AcceptRequest>,
) -> Answer<Acceptance> {
    let scope = scope(request.policy, request.kind, request.url, request.pattern)?;
    let accepted = api::find(&server, &app)?
        .accept(scope, caller.as_str(), &request.why)
        .await?;
    Ok(Json(accepted))
}

/// Which findings are meant. Naming less than one finding takes a pattern, so that nobody accepts more by leaving
/// something out.
fn scope(
    policy: Policy,
    kind: Option<Kind>,
    url: Option<String>,
    pattern: Option<String>,
) -> Result<Scope, Problem> {
    match (kind, url, pattern) {
        (Some(kind), Some(url), None) => Ok(Scope {
            policy,
            kind: Some(kind),
            url,
            is_pattern: false,
        }),
        (kind, None, Some(pattern)) if !pattern.trim().is_empty() => Ok(Scope {
            policy,
            kind,
            url: pattern.trim().to_owned(),
            is_pattern: true,
        }),
        (_, _, _) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "name one finding by its `kind` and `url`, or more of them by a `pattern` for their addresses, such as `*`",
        )),
    }
}

/// `POST /api/v1/apps/{app}/acceptances/{id}/revoke`
pub async fn revoke(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path((app, id)): Path<(String, i64)>,
) -> Answer<Acceptance> {
    let revoked = api::find(&server, &app)?
        .revoke_acceptance(id, caller.as_str())
        .await?;
    Ok(Json(revoked))
}

/// `GET /apps/{app}/checks`
pub async fn page(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let page = console::checks(&server, api::find(&server, &app)?).await?;
    let path = format!("/apps/{app}/checks");
    pages::draw(&server, &session, &path, view::Page::Checks(page)).await
}

/// `GET /apps/{app}/checks/{id}`
pub async fn one_page(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, CheckId)>,
) -> Drawn {
    let check = one_of(&server, api::find(&server, &app)?, id).await?;
    let page = view::CheckPage {
        app: app.clone(),
        check: console::check_view(&check),
    };
    let path = format!("/apps/{app}/checks/{id}");
    pages::draw(&server, &session, &path, view::Page::Check(page)).await
}

/// `POST /apps/{app}/checks`
pub async fn do_check(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let to = format!("/apps/{app}/checks");
    match api::find(&server, &app)?.begin_check().await {
        Ok(()) => {
            let said = "A check began; what it finds appears here.".to_owned();
            pages::back_with(&session, &to, true, said).await
        }
        Err(refusal) => refused(&session, &to, refusal).await,
    }
}

/// How much a form accepts.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Breadth {
    /// The finding that the form stands under.
    #[default]
    One,
    /// The same kind at addresses that fit the pattern.
    Pattern,
    /// The same kind everywhere.
    Kind,
    /// Everything that the policy finds.
    Policy,
}

impl AcceptForm {
    /// Which findings are meant; what is wrong with the pattern otherwise.
    fn scope(self) -> Result<Scope, &'static str> {
        let everywhere = "*".to_owned();
        let (kind, url, is_pattern) = match self.scope {
            Breadth::One => (Some(self.kind), self.url, false),
            Breadth::Kind => (Some(self.kind), everywhere, true),
            Breadth::Policy => (None, everywhere, true),
            Breadth::Pattern => (Some(self.kind), self.pattern.trim().to_owned(), true),
        };
        match url.is_empty() {
            true => Err("Write the addresses that are meant, with * for any characters."),
            false => Ok(Scope {
                policy: self.policy,
                kind,
                url,
                is_pattern,
            }),
        }
    }
}

/// The form that accepts a finding.
#[derive(Debug, Deserialize)]
pub struct AcceptForm {
    policy: Policy,
    kind: Kind,
    url: String,
    /// How much is accepted.
    #[serde(default)]
    scope: Breadth,
    /// Addresses, where the scope is a pattern.
    #[serde(default)]
    pattern: String,
    #[serde(default)]
    why: String,
    /// The page that shows the finding.
    back: Option<String>,
}

/// `POST /apps/{app}/acceptances`
pub async fn do_accept(
    State(server): Shared,
    session: Session,
    Path(app): Path<String>,
    Form(form): Form<AcceptForm>,
) -> Drawn {
    let to = back(&app, form.back.as_deref());
    let why = form.why.clone();
    let scope = match form.scope() {
        Ok(scope) => scope,
        Err(wrong) => return pages::back_with(&session, &to, false, wrong.to_owned()).await,
    };
    let found = api::find(&server, &app)?;
    match found.accept(scope, "the dashboard", &why).await {
        Ok(accepted) => {
            let said = match accepted.kind.filter(|_| !accepted.is_pattern) {
                Some(kind) => format!(
                    "{kind} at {} is accepted: it stops no deploy any more.",
                    accepted.url
                ),
                None => format!("Accepted: {} stops no deploy any more.", accepted.scope()),
            };
            pages::back_with(&session, &to, true, said).await
        }
        Err(refusal) => refused(&session, &to, refusal).await,
    }
}

/// The form that takes an acceptance back.
#[derive(Debug, Deserialize)]
pub struct RevokeForm {
    /// The page that shows it.
    back: Option<String>,
}

/// `POST /apps/{app}/acceptances/{id}/revoke`
pub async fn do_revoke(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, i64)>,
    Form(form): Form<RevokeForm>,
) -> Drawn {
    let to = back(&app, form.back.as_deref());
    let found = api::find(&server, &app)?;
    match found.revoke_acceptance(id, "the dashboard").await {
        Ok(revoked) => {
            let said = match revoked.kind.filter(|_| !revoked.is_pattern) {
                Some(kind) => format!("{kind} at {} counts again.", revoked.url),
                None => format!("Taken back: {} counts again.", revoked.scope()),
            };
            pages::back_with(&session, &to, true, said).await
        }
        Err(refusal) => refused(&session, &to, refusal).await,
    }
}

fn back(app: &str, to: Option<&str>) -> String {
    match to {
        Some(_) => pages::local_path(to),
        None => format!("/apps/{app}/checks"),
    }
}

/// Says on the page that the form came from why nothing was done.
async fn refused(session: &Session, to: &str, refusal: Refusal) -> Drawn {
    if let Refusal::Fault(error) = refusal {
        return Err(Failure::from(error));
    }
    let mut said = refusal.to_string();
    if let Some(first) = said.get(..1) {
        said.replace_range(..1, &first.to_uppercase());
    }
    said.push('.');
    pages::back_with(session, to, false, said).await
}
