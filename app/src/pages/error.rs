//! What could not be shown or done, and what to do instead.

use leptos::prelude::*;

use super::Drawn;
use crate::model::ErrorPage;
use crate::parts::{self, Weight};
use crate::words;

pub(super) fn draw(page: &ErrorPage) -> Drawn {
    let (title, sentences) = match page {
        ErrorPage::NotFound => (
            "Nothing is here",
            "There is no such page. What it showed may have been rotated away since.".to_owned(),
        ),
        ErrorPage::CrossSite => (
            "Nothing was done",
            "The form did not come from Tealkeep's own pages, so it was not carried out. If you pressed the \
             button here, open Tealkeep afresh under the address that you usually use, and press it again."
                .to_owned(),
        ),
        ErrorPage::Refused { sentence } => ("Nothing was done", sentence.clone()),
        ErrorPage::TooManyTries { wait } => (
            "Too many tries",
            format!(
                "There were too many wrong passwords. The next try is heard in {}.",
                words::span(*wait)
            ),
        ),
        ErrorPage::Broken { sentence } => ("Something went wrong here", sentence.clone()),
    };
    // Whoever is not signed in is asked to on the way.
    let back = parts::go("/".to_owned(), "To the overview", Weight::Plain);
    let content = view! {
        <section class="card ask">
            <h1>{title}</h1>
            <p class="lead"><bdi>{sentences}</bdi></p>
            <div class="actions">{back}</div>
        </section>
    };
    Drawn::asking(title, content.into_any())
}
