//! The journal's page.

use tealkeep_app::model as view;

use crate::deploy::App;
use crate::house::House;
use crate::journal::{Event, Severity};

/// How many events a page of the journal shows.
const MAX_EVENTS: u32 = 60;

/// `GET /journal`
pub async fn journal(
    house: &House,
    app: Option<&App>,
    before: Option<i64>,
) -> anyhow::Result<view::Journal> {
    let name = app.map(|app| app.name().clone());
    let events = house
        .journal
        .events(name.clone(), before, MAX_EVENTS)
        .await?;
    let full = events.len() == MAX_EVENTS as usize;
    Ok(view::Journal {
        app: name.map(String::from),
        older: events.last().filter(|_| full).map(|event| event.id),
        newer: before.is_some(),
        events: events.into_iter().map(event_view).collect(),
    })
}

fn event_view(event: Event) -> view::Event {
    view::Event {
        id: event.id,
        at: event.at,
        app: event.app.map(String::from),
        severity: match event.severity {
            Severity::Good => view::Severity::Good,
            Severity::Info => view::Severity::Info,
            Severity::Warning => view::Severity::Warning,
            Severity::Bad => view::Severity::Error,
        },
        sentence: event.text,
        run: event.run.map(|run| run.to_string()),
    }
}
