//! What the first page shows of the conditions that hold.

use tealkeep_app::model as view;

use crate::house::{Action, Condition, Sentence, Severity, Tone};

/// The sentence at the top.
pub(super) fn verdict(sentence: &Sentence) -> view::Verdict {
    view::Verdict {
        kind: match sentence.tone {
            Tone::Good => view::VerdictKind::Good,
            Tone::Busy => view::VerdictKind::Busy,
            Tone::Attention => view::VerdictKind::Attention,
            Tone::Bad => view::VerdictKind::Bad,
        },
        sentence: sentence.text.clone(),
        action: sentence.action.as_ref().map(action),
    }
}

/// One condition.
pub(super) fn condition(condition: &Condition) -> view::Condition {
    view::Condition {
        id: condition.key.to_string(),
        severity: match condition.severity {
            Severity::Hint => view::ConditionSeverity::Hint,
            Severity::Warning => view::ConditionSeverity::Warning,
            Severity::Failure => view::ConditionSeverity::Failure,
        },
        sentence: condition.sentence.clone(),
        detail: condition.text.clone(),
        since: condition.since,
        action: action(&condition.action),
        acknowledge: condition.can_be_acknowledged().then(|| {
            if condition.key.kind.is_of_a_run() {
                "Mark as seen".to_owned()
            } else {
                "I know, that is fine".to_owned()
            }
        }),
        acknowledged: condition
            .acknowledged
            .as_ref()
            .map(|by| (by.at, by.by.clone())),
    }
}

fn action(action: &Action) -> view::Action {
    view::Action {
        label: action.label.clone(),
        method: if action.acts {
            view::Method::Post
        } else {
            view::Method::Get
        },
        href: action.path.clone(),
    }
}
