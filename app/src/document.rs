//! The document around every page: the head, the navigation, the notice, and the landmarks that assistive technology
//! and the script rely on.

use leptos::prelude::*;

use crate::assets::AssetUrls;
use crate::content::Content;
use crate::model::{Frame, Notice, NoticeKind};
use crate::navigation::{account_link, tabs};
use crate::wording;

/// The whole document around a page's content.
pub(crate) fn view(frame: &Frame, content: Content) -> AnyView {
    let class = if frame.signed_in { "inside" } else { "outside" };
    // The reader of an open page must be able to tell how old its figures are.
    let as_of = frame.signed_in.then(|| {
        let at = content.as_of.unwrap_or(frame.now);
        view! {
            <p class="as-of soft small">"As of "<time datetime=at.to_string()>{wording::clock(&frame.zone, at)}</time></p>
        }
    });
    view! {
        <html lang="en" data-live=frame.signed_in.then_some("") data-worker=frame.https.then_some("")>
            {head(frame.assets.clone(), &content.title, content.busy)}
            <body class=class>
                <a class="skip" href="#main">"Skip to the content"</a>
                <header class="top">
                    <a class="brand" href="/">
                        <img src=frame.assets.icon.clone() alt="" width="28" height="28"/>
                        <span>"Tealkeep"</span>
                    </a>
                    {frame.signed_in.then(|| account_link(frame))}
                </header>
                {frame.signed_in.then(|| tabs(frame))}
                <p id="offline" class="notice info" role="status" hidden></p>
                <div class="banners">
                    {frame.notice.as_ref().map(notice)}
                </div>
                <main id="main" tabindex="-1" class=content.class>{content.body}{as_of}</main>
            </body>
        </html>
    }
    .into_any()
}

fn head(assets: AssetUrls, title: &str, busy: bool) -> AnyView {
    let title = format!("{title} — Tealkeep");
    let refresh =
        busy.then(|| view! { <noscript><meta http-equiv="refresh" content="3"/></noscript> });
    view! {
        <head>
            <meta charset="utf-8"/>
            <title>{title}</title>
            <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
            <meta name="color-scheme" content="light dark"/>
            <meta name="theme-color" content="#f2f6f5" media="(prefers-color-scheme: light)"/>
            <meta name="theme-color" content="#0d1516" media="(prefers-color-scheme: dark)"/>
            <meta name="robots" content="noindex"/>
            {refresh}
            <link rel="stylesheet" href=assets.css/>
            <link rel="icon" href=assets.icon type="image/svg+xml"/>
            <link rel="apple-touch-icon" href=assets.touch_icon/>
            <link rel="manifest" href=assets.manifest/>
            <script defer src=assets.script></script>
        </head>
    }
    .into_any()
}

fn notice(notice: &Notice) -> AnyView {
    let (class, role) = match notice.kind {
        NoticeKind::Good => ("notice good", "status"),
        NoticeKind::Bad => ("notice bad", "alert"),
        NoticeKind::Info => ("notice info", "status"),
    };
    view! { <p class=class role=role><bdi>{notice.text.clone()}</bdi></p> }.into_any()
}
