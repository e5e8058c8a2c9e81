//! One file a page. Each draws its content from its own struct; what surrounds it is the document's.

use jiff::Timestamp;
use leptos::prelude::AnyView;

use crate::model::{Frame, Page, Run, RunOutcome};

mod account;
mod backups;
mod calendar;
mod checks;
mod conditions;
mod deploys;
mod error;
mod journal;
mod overview;
mod proofs;
mod restore;
mod run;
mod sign_in;
mod sizes;
mod snapshots;

/// A page's content, and what the document must know of it.
pub(crate) struct Drawn {
    /// The title without the product's name; it says the state.
    pub title: String,
    /// The class of `<main>`.
    pub class: &'static str,
    /// Whether something is under way, so that a browser without the script should ask again soon.
    pub busy: bool,
    /// What stands in `<main>`.
    pub content: AnyView,
    /// When its figures were true, where that is earlier than the page itself.
    pub as_of: Option<Timestamp>,
}

impl Drawn {
    /// A page that shows things.
    fn showing(title: impl Into<String>, content: AnyView) -> Drawn {
        Drawn {
            title: title.into(),
            class: "wide",
            busy: false,
            content,
            as_of: None,
        }
    }

    /// A page that asks for one thing, or says one thing.
    fn asking(title: impl Into<String>, content: AnyView) -> Drawn {
        Drawn {
            class: "narrow",
            ..Drawn::showing(title, content)
        }
    }

    fn busy(self, busy: bool) -> Drawn {
        Drawn { busy, ..self }
    }
}

/// Draws a page's content.
pub(crate) fn draw(frame: &Frame, page: &Page) -> Drawn {
    match page {
        Page::Overview(page) => overview::draw(frame, page),
        Page::SignIn(page) => sign_in::draw(page),
        Page::Welcome(page) => sign_in::welcome(page),
        Page::Backups(page) => backups::draw(frame, page),
        Page::Restore(page) => restore::draw(frame, page),
        Page::Undo(page) => restore::undo(frame, page),
        Page::Deploys(page) => deploys::draw(frame, page),
        Page::Deploy(page) => deploys::confirm(frame, page),
        Page::Rollback(page) => deploys::rollback(frame, page),
        Page::Run(page) => run::draw(frame, page),
        Page::Checks(page) => checks::draw(frame, page),
        Page::Check(page) => checks::one(frame, page),
        Page::Journal(page) => journal::draw(frame, page),
        Page::Account(page) => account::draw(frame, page),
        Page::Error(page) => error::draw(page),
    }
}

fn is_under_way(run: Option<&Run>) -> bool {
    run.is_some_and(|run| run.outcome == RunOutcome::Running)
}
