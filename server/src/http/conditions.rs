//! What is wrong at home, as the API tells it, and that a person can live with it.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::{Form, Json};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::caller::Caller;
use super::page::{Drawn, back_with};
use super::problem::{Answer, Problem};
use super::server::{Server, Shared};
use crate::house::{Acknowledgement, Action, Condition, Judgement, Key, Kind, Severity};
use crate::journal::{self, NewEvent};
use crate::names::AppName;

/// Something that is wrong now, or worth a hint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConditionFacts {
    /// What tells it from all others: `<app, or - for the machine>/<kind>/<subject>`.
    pub id: String,
    /// Which app it concerns; null where it is the machine.
    pub app: Option<AppName>,
    /// What kind of thing.
    pub kind: Kind,
    /// How grave it is.
    pub severity: Severity,
    /// In less than 60 characters: what is wrong, of which app.
    pub title: String,
    /// What is wrong, in one sentence.
    pub sentence: String,
    /// What happened, on what, and what to do next.
    pub text: String,
    /// What to press on the dashboard.
    pub action: Action,
    /// Since when it has been known; null in its first seconds, and of hints.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Whether a person can acknowledge it.
    pub can_be_acknowledged: bool,
    /// The person who can live with it; null while nobody has said so.
    pub acknowledged: Option<Acknowledgement>,
}

impl From<&Condition> for ConditionFacts {
    fn from(condition: &Condition) -> ConditionFacts {
        ConditionFacts {
            id: condition.key.to_string(),
            app: condition.key.app.clone(),
            kind: condition.key.kind,
            severity: condition.severity,
            title: condition.title.clone(),
            sentence: condition.sentence.clone(),
            text: condition.text.clone(),
            action: condition.action.clone(),
            since: condition.since,
            can_be_acknowledged: condition.can_be_acknowledged(),
            acknowledged: condition.acknowledged.clone(),
        }
    }
}

/// Which condition a person can live with.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeRequest {
    /// Its id, as the list tells it.
    pub condition: String,
}

/// `GET /api/v1/conditions`
pub async fn list(State(server): Shared) -> Answer<Vec<ConditionFacts>> {
    let judgement = server.judge.look(true).await?;
    let all = judgement.conditions.iter();
    Ok(Json(all.map(ConditionFacts::from).collect()))
}

/// `POST /api/v1/conditions/acknowledge`
pub async fn acknowledge(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Json(request): Json<AcknowledgeRequest>,
) -> Answer<ConditionFacts> {
    let condition = accept(&server, &request.condition, caller.as_str()).await?;
    Ok(Json(ConditionFacts::from(&condition)))
}

/// `POST /conditions/acknowledge`
pub async fn do_acknowledge(
    State(server): Shared,
    session: Session,
    Form(form): Form<AcknowledgeRequest>,
) -> Drawn {
    match accept(&server, &form.condition, "the dashboard").await {
        Ok(condition) if condition.key.kind.is_of_a_run() => {
            let text = "It is marked as seen. The history keeps it.";
            back_with(&session, "/", true, text.to_owned()).await
        }
        Ok(_) => {
            let text =
                "Noted. It stays on the list below until it ends, and comes back if it gets worse.";
            back_with(&session, "/", true, text.to_owned()).await
        }
        Err(problem) if problem.status().is_client_error() => {
            back_with(&session, "/", false, problem.detail).await
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Writes down that somebody can live with a condition, and answers how it stands then.
async fn accept(server: &Server, id: &str, by: &str) -> Result<Condition, Problem> {
    let key: Key = id
        .parse()
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("{error}")))?;
    let Judgement {
        facts, conditions, ..
    } = server.judge.look(true).await?;
    let gone = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            format!("{key} is over already; there is nothing to acknowledge."),
        )
    };
    let mut condition = conditions
        .into_iter()
        .find(|one| one.key == key)
        .ok_or_else(gone)?;
    if condition.acknowledged.is_some() {
        return Ok(condition);
    }
    let notice = facts.open.get(&key);
    let Some(notice) = notice.filter(|_| condition.can_be_acknowledged()) else {
        let why = match (condition.severity, condition.since) {
            (Severity::Hint, _) => "it is only a hint",
            (Severity::Failure, Some(_)) => {
                "it is a failure, which has to be put right; only warnings can be acknowledged"
            }
            (Severity::Warning | Severity::Failure, _) => {
                "it has only just begun; try again in a few seconds, if it lasts"
            }
        };
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("\"{}\" can't be acknowledged: {why}.", condition.title),
        ));
    };
    let acknowledgement = Acknowledgement {
        at: facts.now,
        by: by.to_owned(),
    };
    let severity = condition.severity;
    let is_first = server
        .house
        .journal
        .acknowledge_notice(notice.id, severity, acknowledgement.clone())
        .await?;
    if is_first {
        let verb = if key.kind.is_of_a_run() {
            "marked as seen"
        } else {
            "acknowledged"
        };
        let text = format!("\"{}\" was {verb} by {by}.", condition.title);
        let event = NewEvent::new(journal::Severity::Info, text);
        let event = match &key.app {
            Some(app) => event.of(app),
            None => event,
        };
        server.house.journal.note(event).await;
    }
    condition.acknowledged = Some(acknowledgement);
    Ok(condition)
}

/// What Prometheus is told: of every app and of the machine, how grave each kind of condition is that holds, and whether
/// all is well.
#[must_use]
pub fn metrics(judgement: &Judgement) -> String {
    let gravity = |app: Option<&AppName>, kind: Kind| {
        let of_kind = judgement
            .conditions
            .iter()
            .filter(|one| one.key.kind == kind && one.key.app.as_ref() == app);
        let gravest = of_kind.map(|one| one.severity).max();
        gravest.map_or(0, |severity| match severity {
            Severity::Hint => 1,
            Severity::Warning => 2,
            Severity::Failure => 3,
        })
    };
    let unacknowledged = |severity| {
        let conditions = judgement.conditions.iter();
        conditions
            .filter(|one| one.severity == severity && one.needs_a_person())
            .count()
    };
    let mut text = String::from(
        "# HELP tealkeep_condition How grave the gravest condition of a kind is: 0 where none holds, 1 for a hint, 2 for a \
         warning, 3 for a failure.\n# TYPE tealkeep_condition gauge\n",
    );
    let (of_machine, of_apps): (Vec<Kind>, Vec<Kind>) = Kind::ALL
        .into_iter()
        .partition(|kind| kind.is_of_the_machine());
    for kind in of_machine {
        let (kind, value) = (kind.as_str(), gravity(None, kind));
        text.push_str(&format!("tealkeep_condition{{kind=\"{kind}\"}} {value}\n"));
    }
    for app in &judgement.facts.apps {
        for kind in &of_apps {
            let (name, value) = (&app.name, gravity(Some(&app.name), *kind));
            let kind = kind.as_str();
            text.push_str(&format!(
                "tealkeep_condition{{app=\"{name}\",kind=\"{kind}\"}} {value}\n"
            ));
        }
    }
    text.push_str(&format!(
        "# HELP tealkeep_conditions_unacknowledged Warnings and failures that hold and that nobody has acknowledged.\n\
         # TYPE tealkeep_conditions_unacknowledged gauge\n\
         tealkeep_conditions_unacknowledged{{severity=\"warning\"}} {}\n\
         tealkeep_conditions_unacknowledged{{severity=\"failure\"}} {}\n\
         # HELP tealkeep_well 1 while no warning or failure holds that nobody has acknowledged.\n\
         # TYPE tealkeep_well gauge\n\
         tealkeep_well {}\n",
        unacknowledged(Severity::Warning),
        unacknowledged(Severity::Failure),
        u8::from(judgement.sentence.is_well())
    ));
    text
}
