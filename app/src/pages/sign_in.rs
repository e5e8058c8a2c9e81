//! The two pages that are seen without being signed in: the password asked for, and set for the first time.

use leptos::prelude::*;

use super::Drawn;
use crate::model::{SignIn, Welcome};
use crate::parts;
use crate::words;

/// Asks for the password.
pub(super) fn draw(page: &SignIn) -> Drawn {
    let wait = page.wait.map(|wait| {
        format!(
            "Too many sign-in attempts. Try again in {}.",
            words::span(wait)
        )
    });
    let return_to = page
        .return_to
        .clone()
        .map(|path| view! { <input type="hidden" name="return_to" value=path/> });
    let content = if page.has_password {
        view! {
            <h1>"Sign in"</h1>
            {problem(page.problem.as_deref())}
            {problem(wait.as_deref())}
            <form method="post" action="/sign-in" class="fields">
                {return_to}
                {household()}
                {field("password", "Password", "current-password", None)}
                <button class="button primary">"Sign in"</button>
            </form>
            <p class="soft small">
                "Forgotten? On the machine itself, "<code>"tealkeep password"</code>" prints a new link."
            </p>
        }
        .into_any()
    } else {
        view! {
            <h1>"There is no password yet"</h1>
            {problem(page.problem.as_deref())}
            <p>
                "On the machine itself, run "<code>"tealkeep password"</code>
                ". It prints a link that works once; open it, and set the password there."
            </p>
        }
        .into_any()
    };
    Drawn::asking(
        "Sign in",
        view! { <section class="card ask">{content}</section> }.into_any(),
    )
}

/// Sets the first password, or a new one, through a one-time link.
pub(super) fn welcome(page: &Welcome) -> Drawn {
    let least = page.least_length;
    let content = match &page.token {
        Some(token) => {
            let action = format!("/welcome/{}", words::segment(token));
            view! {
                <h1>"Welcome to Tealkeep"</h1>
                <p>"Set the password with which this household will sign in from now on."</p>
                {problem(page.problem.as_deref())}
                <form method="post" action=action class="fields">
                    {household()}
                    {field("password", "Password", "new-password", Some(least))}
                    {field("password_again", "The same again", "new-password", Some(least))}
                    <p class="soft small">
                        {format!("At least {least} characters; a few words in a row are easy to keep in mind.")}
                    </p>
                    <button class="button primary">"Set the password"</button>
                </form>
            }
            .into_any()
        }
        None => view! {
            <h1>"This link has been used"</h1>
            <p>
                "It worked once, or it is too old. On the machine itself, "<code>"tealkeep password"</code>
                " prints a new one."
            </p>
            <div class="actions">{parts::go("/sign-in".to_owned(), "Sign in", parts::Weight::Plain)}</div>
        }
        .into_any(),
    };
    Drawn::asking(
        "Welcome",
        view! { <section class="card ask">{content}</section> }.into_any(),
    )
}

/// A password field with its label.
pub(super) fn field(
    name: &'static str,
    label: &'static str,
    autocomplete: &'static str,
    least_length: Option<usize>,
) -> AnyView {
    view! {
        <label for=name>{label}</label>
        <input id=name name=name type="password" autocomplete=autocomplete required
            minlength=least_length.map(|least| least.to_string())/>
    }
    .into_any()
}

/// What was wrong with the last try.
pub(super) fn problem(sentence: Option<&str>) -> Option<AnyView> {
    let sentence = sentence?.to_owned();
    Some(view! { <p class="notice bad" role="alert"><bdi>{sentence}</bdi></p> }.into_any())
}

/// A name for password managers to file the password under. It has no field name, so it is not sent.
pub(super) fn household() -> AnyView {
    view! { <input type="text" autocomplete="username" value="household" readonly hidden/> }
        .into_any()
}
