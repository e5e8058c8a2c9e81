//! What happened, day by day.

use jiff::civil::Date;
use leptos::prelude::*;

use crate::content::Content;
use crate::model::{Event, Frame, Journal, Severity};
use crate::parts::{self, Weight, nothing};
use crate::wording::{self, segment};

pub(super) fn draw(frame: &Frame, page: &Journal) -> Content {
    let title = match &page.app {
        Some(app) => format!("Journal of {app}"),
        None => "Journal".to_owned(),
    };
    let empty = page
        .events
        .is_empty()
        .then(|| nothing("Nothing has happened yet."));
    let days: Vec<_> = by_day(frame, &page.events)
        .into_iter()
        .map(|(date, events)| day(frame, date, &events, page.app.is_none()))
        .collect();
    let body = view! {
        <h1>"Journal"</h1>
        {filter(frame, page)}
        {empty}
        <div class="journal">{days}</div>
        <div class="actions row">{newer(page)}{older(page)}</div>
    };
    Content::middle(title, body.into_any())
}

fn filter(frame: &Frame, page: &Journal) -> Option<AnyView> {
    if frame.apps.is_empty() {
        return None;
    }
    let one = |href: String, label: String, here: bool| {
        view! { <a class="chip" href=href aria-current=here.then_some("page")><bdi>{label}</bdi></a> }
    };
    let apps: Vec<_> = frame
        .apps
        .iter()
        .map(|app| {
            let here = page.app.as_ref() == Some(app);
            one(format!("/journal?app={}", segment(app)), app.clone(), here)
        })
        .collect();
    let all = one(
        "/journal".to_owned(),
        "Everything".to_owned(),
        page.app.is_none(),
    );
    Some(view! { <nav class="switch" aria-label="Filter by app">{all}{apps}</nav> }.into_any())
}

fn by_day<'a>(frame: &Frame, events: &'a [Event]) -> Vec<(Date, Vec<&'a Event>)> {
    let mut days: Vec<(Date, Vec<&Event>)> = Vec::new();
    for event in events {
        let date = event.at.to_zoned(frame.zone.clone()).date();
        match days.last_mut() {
            Some((last, of_it)) if *last == date => of_it.push(event),
            _ => days.push((date, vec![event])),
        }
    }
    days
}

fn day(frame: &Frame, date: Date, events: &[&Event], with_app: bool) -> AnyView {
    let today = frame.now.to_zoned(frame.zone.clone()).date();
    let items: Vec<_> = events
        .iter()
        .map(|event| item(frame, event, with_app))
        .collect();
    let id = format!("day-{date}");
    view! {
        <section class="card" id=id.clone() aria-labelledby=format!("{id}-name")>
            <h2 id=format!("{id}-name")>{wording::day(today, date)}</h2>
            <ol class="events">{items}</ol>
        </section>
    }
    .into_any()
}

fn item(frame: &Frame, event: &Event, with_app: bool) -> AnyView {
    let (class, glyph, word) = match event.severity {
        Severity::Info => ("info", "", ""),
        Severity::Good => ("good", "✓", "Good: "),
        Severity::Warning => ("warning", "!", "Warning: "),
        Severity::Error => ("error", "✕", "Error: "),
    };
    let time = event
        .at
        .to_zoned(frame.zone.clone())
        .strftime("%H:%M")
        .to_string();
    let app = event
        .app
        .clone()
        .filter(|_| with_app && frame.apps.len() > 1);
    let app = app.map(|app| view! { <span class="chip"><bdi>{app}</bdi></span> });
    let run = event
        .app
        .as_ref()
        .zip(event.run.as_ref())
        .map(|(app, run)| {
            let href = format!("/apps/{}/runs/{}", segment(app), segment(run));
            view! { <a href=href>"See the run"</a> }
        });
    view! {
        <li class=class id=format!("event-{}", event.id)>
            <time datetime=event.at.to_string() title=wording::exact(&frame.zone, event.at)>{time}</time>
            <i aria-hidden="true">{glyph}</i>
            <p><span class="unseen">{word}</span><bdi>{event.sentence.clone()}</bdi>" "{app}" "{run}</p>
        </li>
    }
    .into_any()
}

fn query(page: &Journal, before: Option<i64>) -> String {
    let mut parts = Vec::new();
    parts.extend(page.app.as_ref().map(|app| format!("app={}", segment(app))));
    parts.extend(before.map(|id| format!("before={id}")));
    if parts.is_empty() {
        "/journal".to_owned()
    } else {
        format!("/journal?{}", parts.join("&"))
    }
}

fn older(page: &Journal) -> Option<AnyView> {
    let before = page.older?;
    Some(parts::go(query(page, Some(before)), "Older", Weight::Plain))
}

fn newer(page: &Journal) -> Option<AnyView> {
    page.newer
        .then(|| parts::go(query(page, None), "Newest", Weight::Plain))
}
