//! One file per page. Each draws its content from its own struct; the document around it is drawn elsewhere.

use crate::content::Content;
use crate::model::{Frame, Page};

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

/// Draws a page's content.
pub(crate) fn draw(frame: &Frame, page: &Page) -> Content {
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
