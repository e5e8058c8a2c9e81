//! The two pages for people who are not signed in: asking for the password, and setting it for the first time.

use leptos::prelude::*;

use crate::content::Content;
use crate::model::{SignIn, Welcome};
use crate::parts::{self, Weight, password_field, password_hint, problem, user_name};
use crate::wording;

/// Asks for the password.
pub(super) fn draw(page: &SignIn) -> Content {
    let content = if page.has_password {
        ask(page)
    } else {
        view! {
            <h1>"No password yet"</h1>
            {problem(page.problem.as_deref())}
            <p>
                "On the machine itself, run "<code>"tealkeep password"</code>
                ". It prints a link that works once; open it and set the password there."
            </p>
        }
        .into_any()
    };
    Content::narrow("Sign in", section(content))
}

fn section(content: AnyView) -> AnyView {
    view! { <section class="card ask">{content}</section> }.into_any()
}

fn ask(page: &SignIn) -> AnyView {
    let wait = page.wait.map(|wait| {
        format!(
            "Too many sign-in attempts. Try again in {}.",
            wording::span(wait)
        )
    });
    let return_to = page
        .return_to
        .clone()
        .map(|path| view! { <input type="hidden" name="return_to" value=path/> });
    view! {
        <h1>"Sign in"</h1>
        {problem(page.problem.as_deref())}
        {problem(wait.as_deref())}
        <form method="post" action="/sign-in" class="fields">
            {return_to}
            {user_name()}
            {password_field("password", "Password", "current-password", None)}
            <button class="button primary">"Sign in"</button>
        </form>
        <p class="soft small">
            "Forgot the password? On the machine itself, "<code>"tealkeep password"</code>" prints a link to set a new one."
        </p>
    }
    .into_any()
}

/// Sets the first password, or a new one, through a one-time link.
pub(super) fn welcome(page: &Welcome) -> Content {
    let content = match &page.token {
        Some(token) => set_password(token, page),
        None => view! {
            <h1>"This link no longer works"</h1>
            <p>
                "It was already used, or it has expired. On the machine itself, "<code>"tealkeep password"</code>
                " prints a new one."
            </p>
            <div class="actions">{parts::go("/sign-in".to_owned(), "Sign in", Weight::Plain)}</div>
        }
        .into_any(),
    };
    Content::narrow("Welcome", section(content))
}

fn set_password(token: &str, page: &Welcome) -> AnyView {
    let min = page.min_length;
    let action = format!("/welcome/{}", wording::segment(token));
    view! {
        <h1>"Welcome to Tealkeep"</h1>
        <p>"Set the password with which this household will sign in."</p>
        {problem(page.problem.as_deref())}
        <form method="post" action=action class="fields">
            {user_name()}
            {password_field("password", "Password", "new-password", Some(min))}
            {password_field("password_again", "Repeat the password", "new-password", Some(min))}
            <p class="soft small">{password_hint(min)}</p>
            <button class="button primary">"Set the password"</button>
        </form>
    }
    .into_any()
}
