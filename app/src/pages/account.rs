//! Who is signed in, the password, and the way out.

use leptos::prelude::*;

use super::{
    Drawn,
    sign_in::{field, household, problem},
};
use crate::model::{Account, Frame, Session, Token};
use crate::parts::{self, Weight, ago};
use crate::words::segment;

pub(super) fn draw(frame: &Frame, page: &Account) -> Drawn {
    let sessions: Vec<_> = page
        .sessions
        .iter()
        .map(|one| session(frame, one))
        .collect();
    let tokens = tokens(frame, &page.tokens);
    let least = page.least_length;
    let content = view! {
        <h1>"Account"</h1>
        <div class="columns">
            <section class="card" aria-labelledby="sessions">
                <h2 id="sessions">"Signed in"</h2>
                <ul class="sessions">{sessions}</ul>
                <div class="actions">
                    {parts::post("/sign-out".to_owned(), "Sign out here", Weight::Plain, None)}
                </div>
            </section>
            <section class="card" aria-labelledby="password-change">
                <h2 id="password-change">"Change the password"</h2>
                {problem(page.problem.as_deref())}
                <form method="post" action="/account/password" class="fields">
                    {household()}
                    {field("current", "Password of now", "current-password", None)}
                    {field("password", "New password", "new-password", Some(least))}
                    {field("password_again", "New password, again", "new-password", Some(least))}
                    <p class="soft small">
                        {format!("At least {least} characters; a few words in a row are easy to keep in mind. ")}
                        "All other browsers will be signed out."
                    </p>
                    <button class="button primary">"Change the password"</button>
                </form>
            </section>
            {tokens}
        </div>
    };
    Drawn::showing("Account", content.into_any())
}

/// Nothing where there are none: who has never made one need not wonder what they are.
fn tokens(frame: &Frame, tokens: &[Token]) -> Option<AnyView> {
    let rows: Vec<_> = tokens.iter().map(|one| token(frame, one)).collect();
    (!rows.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="tokens">
                <h2 id="tokens">"Tokens"</h2>
                <p class="soft small">"Scripts and other machines come in with these."</p>
                <ul class="sessions">{rows}</ul>
            </section>
        }
        .into_any()
    })
}

fn token(frame: &Frame, token: &Token) -> AnyView {
    let action = format!("/account/tokens/{}/revoke", segment(&token.name));
    let used = match token.last_used {
        Some(at) => view! { ", last used "{ago(frame, at)} }.into_any(),
        None => ", never used".into_any(),
    };
    view! {
        <li id=format!("token-{}", token.name)>
            <div>
                <h3><bdi>{token.name.clone()}</bdi></h3>
                <p class="small soft">
                    {token.opens}"; made "{ago(frame, token.made)}{used}
                </p>
            </div>
            {parts::post(action, "Revoke it", Weight::Plain, None)}
        </li>
    }
    .into_any()
}

fn session(frame: &Frame, session: &Session) -> AnyView {
    let here = session
        .current
        .then(|| view! { <span class="chip live">"this one"</span> });
    let revoke = (!session.current).then(|| {
        let action = format!("/account/sessions/{}/revoke", segment(&session.id));
        parts::post(action, "Sign it out", Weight::Plain, None)
    });
    view! {
        <li id=format!("session-{}", session.id)>
            <div>
                <h3><bdi>{session.browser.clone()}</bdi>" "{here}</h3>
                <p class="small soft">
                    "Signed in "{ago(frame, session.since)}
                </p>
            </div>
            {revoke}
        </li>
    }
    .into_any()
}
