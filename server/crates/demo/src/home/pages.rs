//! The pages: plain HTML that is complete without JavaScript, with every text that a person wrote escaped. A page shows
//! which release and which colour made it.

mod escaped;
mod page;
mod sections;

use std::fmt::Write;

use jiff::Zoned;

use super::app::Home;
use super::household::State;
use escaped::Escaped;
pub(super) use page::Page;
use sections::View;

/// The `Cache-Control` of every page: a browser may store it, and must revalidate it before it shows it again.
pub(super) const CACHE_CONTROL: &str = "no-cache, must-revalidate";

/// Makes one page. `ids` gives a fresh request id for each form in it.
pub(super) fn render(
    home: &Home,
    page: Page,
    state: &State,
    now: &Zoned,
    ids: &mut dyn FnMut() -> String,
) -> String {
    let mut view = View {
        home,
        page,
        state,
        now,
        ids,
        html: String::new(),
    };
    match page {
        Page::Today => {
            view.due_medicine();
            view.chores("Chores for today", |chore| chore.due, true);
            view.shopping(5, true);
            view.taken(4);
        }
        Page::Chores => {
            view.chores("To do", |chore| chore.due, false);
            view.chores("Done for now", |chore| !chore.due, false);
        }
        Page::Medicine => {
            view.due_medicine();
            view.dose_form();
            view.taken(12);
        }
        Page::Shopping => {
            view.item_form();
            view.shopping(30, false);
            view.bought();
        }
    }
    let body = view.html;
    let lead = match page {
        Page::Today => now.strftime("%A, %-d %B").to_string(),
        Page::Chores => "Whose turn it is, and what is done.".to_owned(),
        Page::Medicine => "Who took what, and when.".to_owned(),
        Page::Shopping => "What is missing at home.".to_owned(),
    };
    let heading = match page {
        Page::Today => home.release.heading.as_str(),
        Page::Chores | Page::Medicine | Page::Shopping => page.name(),
    };
    frame(home, Some(page), heading, &lead, &body)
}

/// The page for an error.
pub(super) fn message(home: &Home, heading: &str, text: &str) -> String {
    let body = format!(
        "<section><p class=\"calm\">{}</p><p><a href=\"/\">Back to today</a></p></section>",
        Escaped(text)
    );
    frame(home, None, heading, "", &body)
}

fn frame(home: &Home, page: Option<Page>, heading: &str, lead: &str, body: &str) -> String {
    let release = &home.release;
    let id = Escaped(home.settings.release_id.as_str());
    let colour = home.settings.colour.map_or("", |colour| colour.as_str());
    let slot = match (colour, home.settings.rehearsal) {
        (_, true) => "rehearsal",
        ("", false) => "on its own",
        (colour, false) => colour,
    };
    let live = if page.is_some() { " data-live" } else { "" };
    let tabs = Page::ALL.iter().fold(String::new(), |mut tabs, tab| {
        let current = if page == Some(*tab) { " aria-current=\"page\"" } else { "" };
        // Writing to a String can't fail, here and below.
        let _ = write!(
            tabs,
            "<a href=\"{}\"{current}><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"{}\"/></svg>{}</a>",
            tab.path(),
            tab.icon(),
            tab.name()
        );
        tabs
    });
    format!(
        "<!doctype html>\n<html lang=\"en\" data-release=\"{id}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover\">\
         <title>{heading} · {title}</title>\
         <meta name=\"theme-color\" media=\"(prefers-color-scheme: light)\" content=\"{accent}\">\
         <meta name=\"theme-color\" media=\"(prefers-color-scheme: dark)\" content=\"{accent_dark}\">\
         <link rel=\"icon\" href=\"{icon}\" type=\"image/svg+xml\">\
         <link rel=\"manifest\" href=\"/manifest.webmanifest\">\
         <link rel=\"stylesheet\" href=\"{theme}\"><link rel=\"stylesheet\" href=\"{css}\">\
         <script src=\"{js}\" defer></script></head><body>\
         <header class=\"top\"><div class=\"wrap\"><div class=\"line\"><span class=\"name\">{title}</span>\
         <span class=\"slot {colour}\">{id} · {slot}</span></div><h1>{heading}</h1><p>{lead}</p></div></header>\
         <main class=\"wrap\"{live}>{body}</main>\
         <footer class=\"wrap\"><b>New in {title}:</b> {whats_new}</footer>\
         <nav class=\"tabs\" aria-label=\"Pages\"><div class=\"wrap\">{tabs}</div></nav></body></html>\n",
        heading = Escaped(heading),
        lead = Escaped(lead),
        title = Escaped(&release.title),
        accent = release.accent,
        accent_dark = release.accent_dark,
        whats_new = Escaped(&release.whats_new),
        icon = home.assets.path("icon.svg"),
        theme = home.assets.path("theme.css"),
        css = home.assets.path("home.css"),
        js = home.assets.path("home.js"),
    )
}
