//! Decides what is wrong now: a pure function of [`Facts`]. It is asked again and again, so that it needs no memory
//! of what it said; what must not flap is decided with a look at what is open.

mod disk;
mod night;
mod run;

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use super::condition::{Assessment, Condition, Key, Kind, title};
use super::facts::{AppFacts, Facts};
use super::redact::redacted;
use crate::journal::Severity;
use crate::policy;

/// For how long a live colour may ail before it is told: one that is started again at once is not worth a message.
const AILING: SignedDuration = SignedDuration::from_mins(2);

/// All that is wrong by these facts.
#[must_use]
pub fn conditions(facts: &Facts) -> Assessment {
    let mut found = Assessment::default();
    for app in &facts.apps {
        let about = About { facts, app };
        night::look(&about, &mut found);
        rows(&about, &mut found);
        drill(&about, &mut found);
        pull(&about, &mut found);
        copy(&about, &mut found);
        run::look(&about, &mut found);
        check(&about, &mut found);
        live(&about, &mut found);
    }
    disk::look(facts, &mut found);
    found
}

/// One app among all that is known.
struct About<'a> {
    facts: &'a Facts,
    app: &'a AppFacts,
}

impl About<'_> {
    fn key(&self, kind: Kind) -> Key {
        Key::of(&self.app.name, kind)
    }

    fn is_open(&self, key: &Key) -> bool {
        self.facts.open.contains(key)
    }

    fn wrong(&self, severity: Severity, words: &str, text: String, page: &str) -> Condition {
        Condition {
            severity,
            title: title(Some(&self.app.name), words),
            text,
            link: link(
                self.facts,
                &format!("/apps/{name}{page}", name = self.app.name),
            ),
            is_news: false,
        }
    }

    /// An instant as the household's wall shows it.
    fn local(&self, at: Timestamp) -> String {
        local(self.facts, at)
    }
}

fn local(facts: &Facts, at: Timestamp) -> String {
    at.to_zoned(facts.zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

fn link(facts: &Facts, path: &str) -> Option<String> {
    let dashboard = facts.dashboard.as_ref()?;
    Some(format!("{dashboard}{path}"))
}

fn rows(about: &About<'_>, found: &mut Assessment) {
    let app = about.app;
    if app.nightly.is_err() {
        let open = about.facts.open.iter();
        let ours = open.filter(|key| key.kind == Kind::Rows && key.app.as_ref() == Some(&app.name));
        found.unknown.extend(ours.cloned());
    }
    let Some(lost) = &app.lost else { return };
    let name = &app.name;
    let text = format!(
        "Rows of {name} are gone since the night before: {}. If that was meant, nothing is to be done. If not, pin the \
         snapshot {}, which has them still, so that it stays.",
        redacted(&lost.to_string()),
        lost.before
    );
    // Each night's own: one that lost more is told beside the one before it.
    let key = Key {
        subject: lost.night.to_string(),
        ..about.key(Kind::Rows)
    };
    let words = "rows are gone since last night";
    let condition = about.wrong(Severity::Warning, words, text, "/backups");
    found.wrong.insert(key, condition);
}

fn drill(about: &About<'_>, found: &mut Assessment) {
    let Some(drill) = &about.app.drill else {
        return;
    };
    let name = &about.app.name;
    let which = drill
        .snapshot
        .map_or_else(String::new, |id| format!(" with the snapshot {id}"));
    let at = about.local(drill.at);
    let condition = if let Some(why) = &drill.failed {
        let text = format!(
            "The restore drill of {name}{which} failed on {at}: {}. Look at it soon: what can't be unpacked can't be \
             restored. `tealkeep drill {name}` tries again, and `tealkeep snapshots {name}` lists what else there is.",
            redacted(why)
        );
        about.wrong(Severity::Bad, "the restore drill failed", text, "/backups")
    } else if !drill.warnings.is_empty() {
        let text = format!(
            "The restore drill of {name}{which} could restore on {at}, and found: {}. If that was meant, nothing is to \
             be done; if not, an older snapshot has what is missing.",
            redacted(&drill.warnings.join("; "))
        );
        about.wrong(
            Severity::Warning,
            "the restore drill warns",
            text,
            "/backups",
        )
    } else {
        return;
    };
    found.wrong.insert(about.key(Kind::Drill), condition);
}

fn pull(about: &About<'_>, found: &mut Assessment) {
    let (app, facts) = (about.app, about.facts);
    if app.pull_within.is_zero() {
        return;
    }
    let since = app.pull.as_ref().map_or(facts.installed_at, |pull| pull.at);
    let within = SignedDuration::try_from(app.pull_within).unwrap_or(SignedDuration::MAX);
    // One in the future, which only a clock that was wrong can have made, is not overdue.
    if facts.now.duration_since(since) <= within {
        return;
    }
    let name = &app.name;
    let (words, text) = match &app.pull {
        Some(pull) => {
            let words = "no laptop has pulled for too long";
            let last = format!(
                "The last pull of {name}'s snapshots was by {} on {}.",
                pull.laptop,
                about.local(pull.at)
            );
            (words, last)
        }
        None => (
            "no laptop has pulled yet",
            format!("No laptop has pulled {name}'s snapshots yet."),
        ),
    };
    let text = format!(
        "{text} Until one does, the snapshots are on this machine only: switch the laptop on, and look there what \
         `tealkeep pull` says. `pull_within` says after how long this is told; \"0s\" expects no laptop."
    );
    let condition = Condition {
        is_news: true,
        ..about.wrong(Severity::Warning, words, text, "/backups")
    };
    found.wrong.insert(about.key(Kind::Pull), condition);
}

fn copy(about: &About<'_>, found: &mut Assessment) {
    let Some(pull) = &about.app.looked else {
        return;
    };
    let damaged = pull.damaged.unwrap_or_default();
    if damaged == 0 {
        return;
    }
    let text = format!(
        "{laptop} pulled {name}'s snapshots on {at}, and {damaged} of them can't be relied on. `tealkeep verify {name}` \
         on this machine says whether they are damaged here: then take a new one with `tealkeep backup {name}`. If \
         they are whole here, `tealkeep pull --all` on the laptop proves its copy and fetches anew what is damaged.",
        laptop = pull.laptop,
        name = about.app.name,
        at = about.local(pull.at)
    );
    let words = "the laptop's copy is not whole";
    let condition = Condition {
        is_news: true,
        ..about.wrong(Severity::Bad, words, text, "/backups")
    };
    found.wrong.insert(about.key(Kind::Copy), condition);
}

fn check(about: &About<'_>, found: &mut Assessment) {
    let Some(check) = &about.app.check else {
        return;
    };
    let key = about.key(Kind::Check);
    match check.verdict {
        Some(policy::Verdict::Fail) => {
            let count = check.counting(policy::Severity::Fail).count();
            let what = if count == 1 {
                "a finding that fails"
            } else {
                "findings that fail"
            };
            let text = format!(
                "The check of {} on {} has {count} {what}. The page of the check says what each is, and what to change.",
                check.url,
                about.local(check.at)
            );
            let page = format!("/checks/{}", check.id);
            let condition = about.wrong(
                Severity::Warning,
                "what people see fails a check",
                text,
                &page,
            );
            found.wrong.insert(key, condition);
        }
        Some(policy::Verdict::Pass | policy::Verdict::Warn) => {}
        // Nobody answered: what is served there may be as it was.
        None => {
            found.unknown.insert(key);
        }
    }
}

fn live(about: &About<'_>, found: &mut Assessment) {
    let Some((what, since)) = &about.app.ailment else {
        return;
    };
    let key = about.key(Kind::Live);
    if *since < AILING && !about.is_open(&key) {
        return;
    }
    let name = &about.app.name;
    let text = format!(
        "Something is wrong with {name}: {}. It is started again by itself; `tealkeep status` says how it stands, and \
         `tealkeep rollback {name}` makes the release from before live.",
        redacted(what)
    );
    let condition = Condition {
        link: link(about.facts, "/"),
        ..about.wrong(Severity::Bad, "the app does not run as it should", text, "")
    };
    found.wrong.insert(key, condition);
}
