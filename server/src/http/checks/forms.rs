//! Checks and acceptances on the dashboard: their pages and forms.

use axum::Form;
use axum::extract::{Path, State};
use serde::Deserialize;
use tealkeep_app::model as view;
use tower_sessions::Session;

use super::facts::one_of;
use crate::deploy::Refusal;
use crate::http::console;
use crate::http::find::find;
use crate::http::page::{Drawn, Failure, back_with, draw, local_path};
use crate::http::server::Shared;
use crate::journal::checks::{CheckId, Scope};
use crate::policy::{Kind, Policy};

/// `GET /apps/{app}/checks`
pub async fn page(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let page = console::checks(&server.house, find(&server, &app)?).await?;
    let path = format!("/apps/{app}/checks");
    draw(&server, &session, &path, view::Page::Checks(page)).await
}

/// `GET /apps/{app}/checks/{id}`
pub async fn one_page(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, CheckId)>,
) -> Drawn {
    let check = one_of(&server.house.journal, find(&server, &app)?, id).await?;
    let page = view::CheckPage {
        app: app.clone(),
        check: console::check_view(&check),
    };
    let path = format!("/apps/{app}/checks/{id}");
    draw(&server, &session, &path, view::Page::Check(page)).await
}

/// `POST /apps/{app}/checks`
pub async fn do_check(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let to = format!("/apps/{app}/checks");
    match find(&server, &app)?.begin_check().await {
        Ok(()) => {
            let said = "A check began; what it finds appears here.".to_owned();
            back_with(&session, &to, true, said).await
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
        Err(wrong) => return back_with(&session, &to, false, wrong.to_owned()).await,
    };
    let found = find(&server, &app)?;
    match found.accept(scope, "the dashboard", &why).await {
        Ok(accepted) => {
            let said = match accepted.kind.filter(|_| !accepted.is_pattern) {
                Some(kind) => format!(
                    "{kind} at {} is accepted: it stops no deploy any more.",
                    accepted.url
                ),
                None => format!("Accepted: {} stops no deploy any more.", accepted.scope()),
            };
            back_with(&session, &to, true, said).await
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
    let found = find(&server, &app)?;
    match found.revoke_acceptance(id, "the dashboard").await {
        Ok(revoked) => {
            let said = match revoked.kind.filter(|_| !revoked.is_pattern) {
                Some(kind) => format!("{kind} at {} counts again.", revoked.url),
                None => format!("Taken back: {} counts again.", revoked.scope()),
            };
            back_with(&session, &to, true, said).await
        }
        Err(refusal) => refused(&session, &to, refusal).await,
    }
}

fn back(app: &str, to: Option<&str>) -> String {
    match to {
        Some(_) => local_path(to),
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
    back_with(session, to, false, said).await
}
