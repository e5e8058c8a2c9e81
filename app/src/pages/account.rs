//! Who is signed in, changing the password, and signing out.

use leptos::prelude::*;

use crate::content::Content;
use crate::model::{Account, Frame, Session, Token};
use crate::parts::{self, Weight, ago, password_field, password_hint, problem, user_name};
use crate::wording::segment;

pub(super) fn draw(frame: &Frame, page: &Account) -> Content {
    let body = view! {
        <h1>"Account"</h1>
        <div class="columns">
            {sessions(frame, &page.sessions)}
            {change_password(page)}
            {tokens(frame, &page.tokens)}
        </div>
    };
    Content::wide("Account", body.into_any())
}

fn sessions(frame: &Frame, sessions: &[Session]) -> AnyView {
    let rows: Vec<_> = sessions.iter().map(|one| session(frame, one)).collect();
    view! {
        <section class="card" aria-labelledby="sessions">
            <h2 id="sessions">"Signed in"</h2>
            <ul class="sessions">{rows}</ul>
            <div class="actions">
                {parts::post("/sign-out".to_owned(), "Sign out here", Weight::Plain, None)}
            </div>
        </section>
    }
    .into_any()
}

fn change_password(page: &Account) -> AnyView {
    let min = page.min_length;
    view! {
        <section class="card" aria-labelledby="password-change">
            <h2 id="password-change">"Change the password"</h2>
            {problem(page.problem.as_deref())}
            <form method="post" action="/account/password" class="fields">
                {user_name()}
                {password_field("current", "Current password", "current-password", None)}
                {password_field("password", "New password", "new-password", Some(min))}
                {password_field("password_again", "Repeat the new password", "new-password", Some(min))}
                <p class="soft small">
                    {password_hint(min)}" All other browsers will be signed out."
                </p>
                <button class="button primary">"Change the password"</button>
            </form>
        </section>
    }
    .into_any()
}

/// The tokens; `None` if there are none, since they then need no explanation.
fn tokens(frame: &Frame, tokens: &[Token]) -> Option<AnyView> {
    let rows: Vec<_> = tokens.iter().map(|one| token(frame, one)).collect();
    (!rows.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="tokens">
                <h2 id="tokens">"Tokens"</h2>
                <p class="soft small">"Scripts and other machines sign in with these."</p>
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
                    {token.opens}"; created "{ago(frame, token.made)}{used}
                </p>
            </div>
            {parts::post(action, "Revoke", Weight::Plain, None)}
        </li>
    }
    .into_any()
}

fn session(frame: &Frame, session: &Session) -> AnyView {
    let here = session
        .current
        .then(|| view! { <span class="chip live">"this browser"</span> });
    let revoke = (!session.current).then(|| {
        let action = format!("/account/sessions/{}/revoke", segment(&session.id));
        parts::post(action, "Sign out", Weight::Plain, None)
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
