//! The links between pages: the main navigation, the account, and the switch between apps.

use leptos::prelude::*;

use crate::model::Frame;
use crate::wording::segment;

/// The link to the account page.
pub(crate) fn account_link(frame: &Frame) -> AnyView {
    let here = frame.path.starts_with("/account").then_some("page");
    view! { <a class="account" href="/account" aria-current=here>"Account"</a> }.into_any()
}

/// The main sections. On a phone they are at the bottom, within a thumb's reach.
pub(crate) fn tabs(frame: &Frame) -> AnyView {
    let app = current_app(frame).map(segment);
    let section = section(&frame.path);
    let for_app = |part: &'static str, label: &'static str, icon: &'static str| {
        app.as_ref()
            .map(|app| tab(&format!("/apps/{app}/{part}"), label, icon, section == part))
    };
    view! {
        <nav class="tabs" aria-label="Main">
            {tab("/", "Overview", "M4 11 12 4l8 7v9h-5v-6H9v6H4z", section.is_empty())}
            {for_app("backups", "Backups", "M4 5h16v5H4zM5 10v9h14v-9M9.500 13.500h5")}
            {for_app("deploys", "Deploys", "M5 8h13l-4-4M19 16H6l4 4")}
            {for_app("checks", "Checks", "M12 4l7 2.500v5c0 4-3 7-7 8.500-4-1.500-7-4.500-7-8.500v-5zM9 12l2.200 2.200L15.500 10")}
            {tab("/journal", "Journal", "M6 4h12v16H6zM9 8.500h6M9 12h6M9 15.500h4", section == "journal")}
        </nav>
    }
    .into_any()
}

fn tab(href: &str, label: &'static str, icon: &'static str, here: bool) -> AnyView {
    view! {
        <a href=href.to_owned() aria-current=here.then_some("page")>
            <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path d=icon/></svg>
            <span>{label}</span>
        </a>
    }
    .into_any()
}

/// The app whose page is shown, or else the first one.
fn current_app(frame: &Frame) -> Option<&str> {
    let here = app_part(&frame.path);
    frame
        .apps
        .iter()
        .find(|app| here == Some(segment(app).as_str()))
        .or_else(|| frame.apps.first())
        .map(String::as_str)
}

fn app_part(path: &str) -> Option<&str> {
    path.strip_prefix("/apps/")?.split(['/', '?']).next()
}

/// `backups`, `deploys`, `checks`, `journal`, `account`; empty for the overview. A confirmation page belongs to the
/// section that leads to it.
fn section(path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or_default();
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.nth(1)) {
        (Some("apps"), Some("backups" | "snapshots" | "undo")) => "backups",
        (Some("apps"), Some("deploys" | "rollback" | "runs")) => "deploys",
        (Some("apps"), Some("checks")) => "checks",
        (Some("journal"), _) => "journal",
        (None, _) => "",
        _ => "account",
    }
}

/// Links to the same section of the other apps; `None` if there is only one app.
pub(crate) fn app_switch(frame: &Frame, here: &str, part: &'static str) -> Option<AnyView> {
    if frame.apps.len() < 2 {
        return None;
    }
    let links: Vec<_> = frame
        .apps
        .iter()
        .map(|app| {
            let href = format!("/apps/{}/{part}", segment(app));
            let current = (app == here).then_some("page");
            view! { <a class="chip" href=href aria-current=current><bdi>{app.clone()}</bdi></a> }
        })
        .collect();
    Some(view! { <nav class="switch" aria-label="Apps">{links}</nav> }.into_any())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_belongs_to_a_place_in_the_navigation() {
        for (path, place) in [
            ("/", ""),
            ("/apps/home/backups", "backups"),
            ("/apps/home/snapshots/2026-11-21T033000Z/restore", "backups"),
            ("/apps/home/undo", "backups"),
            ("/apps/home/deploys/v2", "deploys"),
            ("/apps/home/rollback", "deploys"),
            ("/apps/home/runs/12", "deploys"),
            ("/apps/home/checks", "checks"),
            ("/apps/home/checks/12", "checks"),
            ("/journal?app=home", "journal"),
            ("/account", "account"),
        ] {
            assert_eq!(section(path), place, "{path}");
        }
    }
}
