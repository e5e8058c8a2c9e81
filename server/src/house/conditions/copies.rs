//! Whether there is a good copy of the snapshots on another machine.

use jiff::SignedDuration;

use super::assessment::{About, Assessment, Words};
use crate::journal::pulls::Pull;
use tealkeep_words::condition::{Action, Condition, Kind, Severity};

/// For how long there may be no copy on any other machine before that is more than a hint.
const MAX_ALONE: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) fn look(about: &About<'_>, found: &mut Assessment) {
    if let Some(overdue) = overdue(about) {
        found.add(overdue);
    } else if about.app.pull.is_none() && about.app.live.release.is_some() {
        found.add(no_copy(about));
    }
    if let Some(pull) = &about.app.looked {
        let damaged = pull.damaged.unwrap_or_default();
        if damaged > 0 {
            found.add(not_whole(about, pull, damaged));
        }
    }
}

fn overdue(about: &About<'_>) -> Option<Condition> {
    let (app, facts) = (about.app, about.facts);
    if app.pull_within.is_zero() {
        return None;
    }
    let since = app.pull.as_ref().map_or(facts.installed_at, |pull| pull.at);
    let within = SignedDuration::try_from(app.pull_within).unwrap_or(SignedDuration::MAX);
    // One in the future, which only a clock that was wrong can have made, is not overdue.
    let age = facts.now.duration_since(since);
    if age <= within {
        return None;
    }
    let name = about.name();
    let (title, sentence, last) = match &app.pull {
        Some(pull) => (
            "no laptop has pulled for too long",
            format!(
                "The laptop has not pulled {name} for {}.",
                in_words(age.as_hours())
            ),
            format!(
                "The last pull of {name}'s snapshots was by {} on {}.",
                pull.laptop,
                about.local(pull.at)
            ),
        ),
        None => (
            "no laptop has pulled yet",
            format!("No laptop has pulled the snapshots of {name} yet."),
            format!("No laptop has pulled {name}'s snapshots yet."),
        ),
    };
    let text = format!(
        "{last} Until one does, the newest snapshots are on this machine only: switch the laptop on, and look there what \
         `tealkeep pull` says. `pull_within` sets after how long this warns; \"0s\" expects no laptop."
    );
    let words = Words {
        title,
        sentence,
        text,
    };
    Some(Condition {
        action: Action::go("See what to do", about.page("/backups")),
        is_news: true,
        ..about.condition(about.key(Kind::Pull), Severity::Warning, words)
    })
}

fn no_copy(about: &About<'_>) -> Condition {
    let name = about.name();
    let alone = about.facts.now.duration_since(about.facts.installed_at);
    let words = Words {
        title: "no copy on any other machine",
        sentence: format!("There is no copy of {name}'s backups on any other machine."),
        text: format!(
            "Every snapshot of {name} is on this machine only: if it is lost or breaks, they are lost with it. Run \
             `tealkeep pull` on a laptop, best by a timer."
        ),
    };
    Condition {
        action: Action::go("See what to do", about.page("/backups")),
        is_news: true,
        ..about.condition(
            about.key(Kind::Elsewhere),
            if alone > MAX_ALONE {
                Severity::Warning
            } else {
                Severity::Hint
            },
            words,
        )
    }
}

fn not_whole(about: &About<'_>, pull: &Pull, damaged: u32) -> Condition {
    let name = about.name();
    let (laptop, at) = (&pull.laptop, about.local(pull.at));
    let snapshots = if damaged == 1 {
        "snapshot is"
    } else {
        "snapshots are"
    };
    let words = Words {
        title: "the laptop's copy is not whole",
        sentence: format!(
            "The laptop's copy of {name} is not whole: {damaged} {snapshots} damaged or missing."
        ),
        text: format!(
            "{laptop} pulled {name}'s snapshots on {at}, and {damaged} of them can't be relied on. `tealkeep verify \
             {name}` on this machine says whether they are damaged here: then take a new one with `tealkeep backup \
             {name}`. If they are whole here, `tealkeep pull --all` on the laptop checks its copy and fetches again what \
             is damaged."
        ),
    };
    Condition {
        action: Action::go("See what was found", about.page("/backups")),
        is_news: true,
        ..about.condition(about.key(Kind::Copy), Severity::Failure, words)
    }
}

/// "30 hours", "5 days"
fn in_words(hours: i64) -> String {
    match hours {
        1 => "an hour".to_owned(),
        ..48 => format!("{hours} hours"),
        _ => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn a_span_is_told_in_days_from_two_on() {
        for (hours, words) in [
            (1, "an hour"),
            (47, "47 hours"),
            (48, "2 days"),
            (143, "5 days"),
        ] {
            assert_eq!(in_words(hours), words);
        }
    }
}
