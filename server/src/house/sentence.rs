//! The one sentence that says whether all is well, and if not, what to press. It says so exactly when no condition
//! needs a person.

use super::facts::Facts;
use crate::deploy::Underway;
use crate::names::AppName;
use tealkeep_words::condition::{Action, Condition, Severity};

/// How the sentence sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// All is well, and something is under way.
    Busy,
    /// The gravest condition is a warning.
    Attention,
    /// The gravest condition is a failure.
    Bad,
}

/// Whether all is well, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// How it sounds.
    pub tone: Tone,
    /// The words. They begin with "All is well" where it is.
    pub text: String,
    /// What to press.
    pub action: Option<Action>,
}

impl Sentence {
    /// Whether nothing needs a person.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self.tone, Tone::Good | Tone::Busy)
    }
}

/// What there is to say of conditions in the order of [`super::conditions()`], and of what is under way.
#[must_use]
pub fn sentence(facts: &Facts, conditions: &[Condition]) -> Sentence {
    if let Some(gravest) = conditions.iter().find(|one| one.needs_a_person()) {
        return Sentence {
            tone: match gravest.severity {
                Severity::Failure => Tone::Bad,
                Severity::Hint | Severity::Warning => Tone::Attention,
            },
            text: gravest.sentence.clone(),
            action: Some(gravest.action.clone()),
        };
    }
    let underway = facts
        .apps
        .iter()
        .find_map(|app| Some((&app.name, app.underway.as_ref()?)));
    match underway {
        Some((app, run)) => busy(app, run),
        None => Sentence {
            tone: Tone::Good,
            text: "All is well.".to_owned(),
            action: None,
        },
    }
}

fn busy(app: &AppName, run: &Underway) -> Sentence {
    Sentence {
        tone: Tone::Busy,
        text: format!(
            "All is well. The {} of {} is under way for {app}.",
            run.kind.noun(),
            run.subject
        ),
        // In its first instant it has no page yet.
        action: (run.run != 0)
            .then(|| Action::go("Watch it", format!("/apps/{app}/runs/{}", run.run))),
    }
}
