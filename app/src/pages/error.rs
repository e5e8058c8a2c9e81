//! What could not be shown or done, and what to do instead.

use leptos::prelude::*;

use crate::content::Content;
use crate::model::ErrorPage;
use crate::parts::{self, Weight};
use crate::wording;

pub(super) fn draw(page: &ErrorPage) -> Content {
    let (title, sentences) = match page {
        ErrorPage::NotFound => (
            "Page not found",
            "There is no such page. The backup or run that it showed may have been deleted since."
                .to_owned(),
        ),
        ErrorPage::CrossSite => (
            "Nothing was done",
            "Tealkeep refused this form because it did not come from Tealkeep's own pages. If you pressed the button \
             here, open Tealkeep at its usual address and try again."
                .to_owned(),
        ),
        ErrorPage::Refused { sentence } => ("Nothing was done", sentence.clone()),
        ErrorPage::TooManyTries { wait } => (
            "Too many sign-in attempts",
            format!(
                "There were too many wrong passwords. Try again in {}.",
                wording::span(*wait)
            ),
        ),
        ErrorPage::Broken { sentence } => ("Something went wrong", sentence.clone()),
    };
    // Without a session, the overview leads to the sign-in page.
    let back = parts::go("/".to_owned(), "Back to the overview", Weight::Plain);
    let body = view! {
        <section class="card ask">
            <h1>{title}</h1>
            <p class="lead"><bdi>{sentences}</bdi></p>
            <div class="actions">{back}</div>
        </section>
    };
    Content::narrow(title, body.into_any())
}
